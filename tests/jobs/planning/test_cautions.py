"""Cautions: code books and domains that do not agree what is one value are warnings, told once, where the form shows them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.schema import Column, ColumnType, ForeignKey, IgnoredCase, Kind, Table
from tests.jobs.planning.sample import INT, TEXT, name
from tests.jobs.planning.test_decisions import run

SMALL = ColumnType("smallint", Kind.INTEGER, bits=16)
LETTER = ColumnType("char(1)", Kind.TEXT, length=1)


def table(of: str, **columns: ColumnType | Column) -> Table:
    return Table(
        name(of),
        tuple(replace(c, name=n) if isinstance(c, Column) else Column(n, c) for n, c in columns.items()),
    )


def text(ignores_case: IgnoredCase = None) -> Column:
    return Column("", TEXT, ignores_case=ignores_case)


@pytest.mark.parametrize(
    ("column", "rule"), [(SMALL, "tokenize"), (LETTER, "scramble"), (replace(LETTER, length=2), "scramble")]
)
def test_few_possible_values_under_a_deterministic_strategy_are_a_warning(column: ColumnType, rule: str) -> None:
    _, [found] = run({"t.c": rule}, (table("t", c=column),))
    assert (found.severity, found.where) == ("warning", "public.t.c")
    assert f"{column.native} has few values, and {rule} gives each always the same" in found.what
    assert found.todo == 'make it "null", or keep it if its values may be seen'
    _, [found] = run({"t.c": rule}, (table("t", c=Column("", column, nullable=False)),))
    assert "null" not in found.todo


@pytest.mark.parametrize(
    ("column", "rule"),
    [(SMALL, "keep"), (SMALL, "null"), (LETTER, "keep"), (INT, "tokenize"), (replace(LETTER, length=3), "scramble"),
     (TEXT, "hash"), (ColumnType("boolean", Kind.BOOLEAN), "null")],
)  # fmt: skip
def test_kept_emptied_and_larger_columns_are_none(column: ColumnType, rule: str) -> None:
    assert run({"t.c": rule}, (table("t", c=column),))[1] == []


def test_a_rule_that_does_not_fit_has_its_error_alone() -> None:
    _, found = run({"t.c": "hash"}, (table("t", c=SMALL),))
    assert [finding.severity for finding in found] == ["error"]


def test_a_code_book_is_told_of_the_column_itself_not_of_its_references() -> None:
    key = ForeignKey("k", name("child"), ("c",), name("t"), ("c",))
    _, [found] = run({"t.c": "tokenize"}, (table("t", c=SMALL), replace(table("child", c=SMALL), foreign_keys=(key,))))
    assert found.where == "public.t.c"


def test_a_domain_whose_columns_do_not_agree_what_is_one_value_is_a_warning() -> None:
    tables = (table("a", c=text("unicode"), d=text("unicode")), table("b", c=text(), d=text("ascii")))
    rules = {"a.c": "hash:mail", "a.d": "hash:mail", "b.c": "hash:mail", "b.d": "hash:mail"}
    _, [found] = run(rules, tables)
    assert (found.severity, found.where) == ("warning", "domain mail")
    assert "public.a.c, public.a.d: case is ignored" in found.what
    assert "public.b.c: case counts" in found.what
    assert "public.b.d: the case of A to Z is ignored" in found.what
    assert "values in lower case match" in found.todo
    for other in ("null", "keep", "tokenize:mail", "hash:other"):
        assert run({"a.c": "hash:mail", "a.d": "hash:mail", "b.c": other, "b.d": "keep"}, tables)[1] == []


def test_a_reference_compares_as_the_column_it_references_does() -> None:
    def keyed(*columns: str) -> tuple[ForeignKey, ...]:
        return tuple(ForeignKey(c, name("child"), (c,), name("parent"), (c,)) for c in columns)

    parent = table("parent", c=text("ascii"), d=text())
    child = replace(table("child", c=text(), d=text("ascii")), foreign_keys=keyed("c", "d"))
    decisions, found = run({"parent.c": "hash", "parent.d": "hash"}, (child, parent))
    assert found == []
    assert decisions["public.child.c"].shape.ignores_case == "ascii"
    assert decisions["public.child.d"].shape.ignores_case is None
