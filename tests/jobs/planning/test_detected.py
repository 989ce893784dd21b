"""Without a policy the detector decides: what it proposes, what it leaves to a person, and that it is fixed once requested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations
from typing import Any

import pyarrow as pa
import pytest

from anonymizers.contract import KINDS
from connectors.schema import Column, ColumnType, ForeignKey, Key, Kind, Schema, Table
from jobs.planning.plan import Plan
from tests.jobs.planning.sample import INT, JSON, TEXT, name, varchar
from tests.jobs.planning.test_build import operation, plan, what

DATE = ColumnType("date", Kind.DATE)
PEOPLE = Table(
    name("people"),
    (
        Column("id", INT, nullable=False),
        Column("e_mail", varchar(60), nullable=False),
        Column("full_name", varchar(80)),
        Column("dob", DATE),
        Column("ssn", varchar(11)),
        Column("status", varchar(10)),
    ),
    primary_key=("id",),
    uniques=(Key(("e_mail",)),),
)
LETTERS = Table(
    name("letters"),
    (Column("id", INT, nullable=False), Column("sender", varchar(60), nullable=False), Column("kind", varchar(10))),
    primary_key=("id",),
    foreign_keys=(ForeignKey("f", name("letters"), ("sender",), name("people"), ("e_mail",)),),
)


def detected(*tables: Table, values: Mapping[str, list[str]] | None = None, **changes: Any) -> Plan:
    def sample(table: Table, columns: Any) -> dict[str, pa.Array]:
        return {column: pa.array((values or {})[column]) for column in columns if column in (values or {})}

    return plan(operation(policy=None, **changes.pop("asked", {})), Schema(tables), sample=sample, **changes)


def decided(found: Plan, table: str) -> dict[str, str]:
    [part] = [part for part in found.tables if part.source.name.name == table]
    return {d.column: "keep" if d.rule is None else f"{d.rule.strategy}[{d.rule.domain}]" for d in part.decisions}


def test_what_looks_personal_is_replaced_and_the_rest_kept_by_name_each_with_its_origin() -> None:
    found = detected(PEOPLE, LETTERS)
    assert what(found) == []
    assert decided(found, "people") == {
        "id": "keep",
        "e_mail": "faker[email]",
        "full_name": "faker[person]",
        "dob": "date_shift[public.people.id]",
        "ssn": "null[ssn]",
        "status": "keep",
    }
    assert decided(found, "letters") == {"id": "keep", "sender": "faker[email]", "kind": "keep"}
    origins = {d.column: d.origin for part in found.tables for d in part.decisions}
    assert origins["e_mail"].startswith("detected, ")
    assert origins["sender"] == "foreign key to public.people.e_mail"
    assert origins["status"] == "not detected"


def test_values_are_evidence_and_none_of_them_is_told() -> None:
    values = {"kind": [f"someone{n}@example.org" for n in range(50)]}
    found = detected(
        PEOPLE, replace(LETTERS, columns=(*LETTERS.columns[:2], Column("kind", varchar(60)))), values=values
    )
    assert decided(found, "letters")["kind"] == "faker[email]"
    assert "someone" not in repr(found.how) + repr(found.what) + repr(found.tables)


def test_what_only_a_person_can_judge_stops_the_plan() -> None:
    papers = Table(name("papers"), (Column("id", INT, False), Column("body", TEXT), Column("extra", JSON)), ("id",))
    [stopped] = what(detected(papers))
    assert "2 columns need a person to decide: public.papers.body (" in stopped
    assert "public.papers.extra (json may hold anything)" in stopped
    assert "dbagent detect SOURCE --format policy" in stopped


def test_a_personal_reference_to_a_column_that_does_not_look_so_takes_that_one_along() -> None:
    codes = Table(name("codes"), (Column("code", varchar(60), False), Column("note", varchar(20))), ("code",))
    mail = Table(
        name("mail"), (Column("id", INT, False), Column("email", varchar(60))), ("id",),
        foreign_keys=(ForeignKey("f", name("mail"), ("email",), name("codes"), ("code",)),),
    )  # fmt: skip
    found = detected(codes, mail)
    assert what(found) == []
    assert decided(found, "codes")["code"] == decided(found, "mail")["email"] == "faker[email]"


def test_a_birth_date_in_a_table_without_a_key_is_emptied_where_it_may_be() -> None:
    loose = Table(name("loose"), (Column("dob", DATE), Column("birth_date", DATE, nullable=False)))
    found = detected(loose)
    assert "public.loose.birth_date" in what(found)[0]
    assert decided(detected(replace(loose, columns=loose.columns[:1])), "loose") == {"dob": "null[birth_date]"}


def test_once_requested_the_decisions_are_fixed_and_the_hash_is_the_same() -> None:
    first = detected(PEOPLE, LETTERS)
    mails = {"status": [f"someone{n}@example.org" for n in range(50)]}
    now = detected(PEOPLE, LETTERS, values=mails)
    assert decided(now, "people")["status"] != "keep"
    again = detected(PEOPLE, LETTERS, values=mails, requested=first.what)
    assert again.sha256 == first.sha256 != now.sha256
    grown = replace(PEOPLE, columns=(*PEOPLE.columns, Column("new", varchar(9))))
    [stopped] = what(detected(grown, LETTERS, requested=first.what))
    assert "one column is not decided: public.people.new" in stopped


def test_neither_the_target_nor_the_rows_there_are_change_what_is_proposed() -> None:
    short = replace(PEOPLE, columns=(PEOPLE.columns[0], Column("e_mail", varchar(5), False), *PEOPLE.columns[2:]))
    grown = replace(PEOPLE, rows=10**9)
    first, later = (decided(found, "people") for found in (detected(PEOPLE), detected(grown, target=Schema((short,)))))
    assert first == later
    assert detected(PEOPLE).sha256 == detected(grown, target=Schema((PEOPLE,))).sha256


def test_what_the_schema_says_of_kinds_is_what_strategies_take() -> None:
    assert {kind.value for kind in Kind} == KINDS


def test_a_table_without_a_sample_is_told_and_an_empty_one_is_not() -> None:
    def told(sample: Any) -> list[str]:
        found = plan(operation(policy=None), Schema((PEOPLE,)), sample=sample)
        return [str(finding) for finding in found.findings if "names alone" in str(finding)]

    assert told(lambda table, columns: {column: pa.array([], pa.string()) for column in columns}) == []
    [warned] = told(lambda table, columns: {})
    assert "PROD: public.people" in warned


def _ring(*links: str) -> list[Table]:
    """Tables of one column each, named `table.column`, each referencing the next and the last the first."""
    places = [link.split(".") for link in links]
    return [
        Table(
            name(here),
            (Column("id", INT, False), Column(column, varchar(60))),
            ("id",),
            foreign_keys=(ForeignKey("f", name(here), (column,), name(there), (other,)),),
        )
        for (here, column), (there, other) in zip(places, [*places[1:], places[0]], strict=True)
    ]


@pytest.mark.parametrize(
    "links",
    [
        ("people.email", "logins.email"),
        ("people.email", "logins.code"),
        ("people.code", "logins.email"),
        ("a.email", "b.code", "c.code"),
        ("a.code", "b.email", "c.code"),
        ("a.code", "b.email", "c.email"),
        ("a.email", "b.email", "c.email"),
    ],
)
def test_columns_that_reference_each_other_in_a_ring_are_all_replaced_alike(links: tuple[str, ...]) -> None:
    for tables in permutations(_ring(*links)):
        found = detected(*tables)
        assert what(found) == []
        for link in links:
            table, column = link.split(".")
            assert decided(found, table)[column] == "faker[email]"


@pytest.mark.parametrize("alone", ["people", "logins"])
def test_one_table_of_a_ring_is_copied_alone(alone: str) -> None:
    found = detected(*_ring("people.email", "logins.code"), asked={"tables": [alone]})
    assert what(found) == []
    assert set(decided(found, alone).values()) == {"keep", "faker[email]"}


def test_a_column_that_leads_into_a_ring_is_replaced_like_it() -> None:
    ring = _ring("b.email", "c.email")
    last = replace(ring[0], name=name("a"), foreign_keys=(
        ForeignKey("f", name("a"), ("email",), name("b"), ("email",)),))  # fmt: skip
    for tables in permutations([*ring, last]):
        found = detected(*tables)
        assert [decided(found, table)["email"] for table in "abc"] == ["faker[email]"] * 3


def test_a_column_with_two_parents_is_not_replaced_while_one_of_them_keeps_the_same_values() -> None:
    def parent(table: str, column: str) -> Table:
        return Table(name(table), (Column("id", INT, False), Column(column, varchar(60))), ("id",))

    def child(column: str, *parents: Table) -> Table:
        keys = [ForeignKey(t.name.name, name("c"), (column,), t.name, (t.columns[1].name,)) for t in parents]
        return Table(
            name("c"), (Column("id", INT, False), Column(column, varchar(60))), ("id",), foreign_keys=tuple(keys)
        )

    plain, mails, other = parent("plain", "code"), parent("mails", "email"), parent("other", "key")
    for parents in permutations((plain, mails)):
        found = what(detected(*parents, child("ref", *parents)))
        assert any("public.plain.code" in one and "decided otherwise" in one for one in found)
    for parents in permutations((plain, other)):
        assert any("decided otherwise" in one for one in what(detected(*parents, child("email", *parents))))
    assert what(detected(plain, other, child("ref", plain, other))) == []
