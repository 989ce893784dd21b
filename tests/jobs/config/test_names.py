"""Names as people write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.schema import TableName, quoted
from jobs.config.names import BadName, parse_column, parse_table


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("users", (None, "users")),
        ("public.users", ("public", "users")),
        ("Größe", (None, "Größe")),
        ("sys$log", (None, "sys$log")),
        ('"Odd.Name"', (None, "Odd.Name")),
        ('"a b"."c""d"', ("a b", 'c"d')),
        ('public."users"', ("public", "users")),
    ],
)
def test_a_table_is_read(text: str, parts: tuple[str | None, str]) -> None:
    assert parse_table(text) == parts


def test_a_column_is_read() -> None:
    assert parse_column("users.email") == (None, "users", "email")
    assert parse_column('public."Odd.Name"."col""umn"') == ("public", "Odd.Name", 'col"umn')


@pytest.mark.parametrize(
    "text",
    ["", " users", "users ", ".users", "users.", "a..b", '"users', 'us"ers', '""', "a b", "user;s", "2nd", "a.*"],
)
def test_what_is_no_name_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(BadName, match=r"write \[schema.\]table"):
        parse_table(text)


@pytest.mark.parametrize("text", ["a.b.c", "a.b.c.d"])
def test_too_many_parts_are_no_table(text: str) -> None:
    with pytest.raises(BadName, match="parts: a table is written"):
        parse_table(text)


@pytest.mark.parametrize("text", ["email", "a.b.c.d"])
def test_a_column_needs_its_table_and_no_more_than_a_schema(text: str) -> None:
    with pytest.raises(BadName, match=r"a column is written \[schema.\]table.column"):
        parse_column(text)


identifiers = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.one_of(st.none(), identifiers), identifiers)
def test_what_the_schema_prints_is_read_back(schema: str | None, name: str) -> None:
    printed = TableName(schema, name)
    assert parse_table(str(printed)) == (schema, name)


@given(identifiers, identifiers, identifiers)
def test_any_quoted_column_is_read_back(schema: str, table: str, column: str) -> None:
    assert parse_column(".".join(map(quoted, (schema, table, column)))) == (schema, table, column)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(BadName):
        assert parse_table(text)[1]
