"""Whose dates they are: the row's key or a named column, the domain both lead to, and what is said where neither will do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from anonymizers.contract import Rule, Subject
from connectors.schema import Column, ColumnType, ForeignKey, Key, Kind, Schema, Table
from jobs.config.names import parse_column
from jobs.config.policy import PolicyRule
from jobs.planning.decisions import decide
from jobs.planning.findings import Finding
from tests.jobs.planning.sample import INT, JSON, TEXT, name
from tests.jobs.planning.test_build import POLICY, operation, plan

DATE, UUID = ColumnType("date", Kind.DATE), ColumnType("uuid", Kind.UUID)
PEOPLE = Table(name("people"), (Column("id", INT, nullable=False), Column("born", DATE)), ("id",))
VISITS = Table(
    name("visits"),
    (Column("no", UUID, nullable=False), Column("person", INT), Column("day", DATE), Column("extra", JSON)),
    ("no",),
    foreign_keys=(ForeignKey("whose", name("visits"), ("person",), name("people"), ("id",)),),
)
SHIFT = ("people.born", "visits.day")


def decided(
    rules: dict[str, dict[str, Any]], people: Table = PEOPLE, visits: Table = VISITS
) -> tuple[dict[str, Rule | None], list[Finding]]:
    """The rules of the columns named; every other column is kept."""
    tables = (people, visits)
    keep = {f"{table.name.name}.{c.name}": {} for table in tables for c in table.copied if not c.generated}
    written = [
        PolicyRule(text, parse_column(text), given.get("strategy"), given.get("domain"),
                   {k: v for k, v in given.items() if k not in ("strategy", "domain")})
        for text, given in (keep | rules).items()
    ]  # fmt: skip
    decisions, findings = decide(tables, Schema(tables), {}, written, "public")
    return {f"{table}.{d.column}": d.rule for table, found in decisions.items() for d in found}, findings


def day(visits: Table = VISITS, **options: Any) -> tuple[Rule | None, list[Finding]]:
    """The rule of visits.day."""
    rules, findings = decided({"visits.day": {"strategy": "date_shift", **options}}, visits=visits)
    return rules["public.visits.day"], [f for f in findings if f.severity == "error"]


def only(findings: list[Finding]) -> str:
    [finding] = findings
    assert finding.where == "public.visits.day"
    return str(finding)


def test_without_an_option_the_primary_key_is_the_subject() -> None:
    rule, findings = day()
    assert findings == []
    assert rule == Rule("date_shift", "public.visits.no", {}, Subject(("no",)))


def test_a_person_named_by_a_reference_shares_the_domain_of_the_row_it_references() -> None:
    shift = {"strategy": "date_shift"}
    rules, findings = decided({"people.born": shift, "visits.day": {**shift, "subject": "person"}})
    assert findings == []
    born, seen = rules["public.people.born"], rules["public.visits.day"]
    assert born == Rule("date_shift", "public.people.id", {}, Subject(("id",)))
    assert seen == Rule("date_shift", "public.people.id", {"subject": "person"}, Subject(("person",), ("no",)))


def test_a_domain_that_was_written_stays() -> None:
    rule, _ = day(subject="person", domain="patients")
    assert rule is not None
    assert rule.domain == "patients"


def test_references_that_run_in_a_circle_still_lead_somewhere() -> None:
    circle = ForeignKey("back", name("people"), ("id",), name("visits"), ("person",))
    rules, findings = decided(
        {"visits.day": {"strategy": "date_shift", "subject": "person"}}, replace(PEOPLE, foreign_keys=(circle,))
    )
    assert findings == []
    assert rules["public.visits.day"] is not None


def test_a_subject_that_is_never_null_needs_no_key() -> None:
    columns = (replace(VISITS.columns[1], nullable=False), *VISITS.columns[2:])
    rule, findings = day(replace(VISITS, columns=columns, primary_key=()), subject="person")
    assert findings == []
    assert rule is not None
    assert rule.subject == Subject(("person",))


@pytest.mark.parametrize(
    ("primary", "uniques", "key"),
    [
        ((), (Key(("no",)),), ("no",)),
        (("day", "no"), (Key(("no",)),), ("no",)),
        (("no", "person"), (), ("no", "person")),
        ((), (Key(("person",)), Key(("no",), plain=False), Key(("no",))), ("no",)),
    ],
)
def test_the_row_key_is_the_first_key_that_can_name_a_subject(
    primary: tuple[str, ...], uniques: tuple[Key, ...], key: tuple[str, ...]
) -> None:
    rules, _ = decided(
        {"visits.day": {"strategy": "date_shift"}}, visits=replace(VISITS, primary_key=primary, uniques=uniques)
    )
    rule = rules["public.visits.day"]
    assert rule is not None
    assert rule.subject == Subject(key)


@pytest.mark.parametrize("uniques", [(), (Key(("person",)),), (Key(("no",), plain=False),)], ids=str)
def test_a_table_without_a_key_needs_a_named_subject(uniques: tuple[Key, ...]) -> None:
    keyless = replace(VISITS, primary_key=(), uniques=uniques)
    told = only(day(keyless)[1])
    assert "public.visits has neither a primary key nor a unique NOT NULL key" in told
    assert "`subject: COLUMN`" in told
    told = only(day(keyless, subject="person")[1])
    assert "person may be NULL" in told
    assert "NOT NULL" in told


def test_columns_that_cannot_name_a_subject_are_told() -> None:
    assert "extra is a json column, it must be one of integer, text, uuid" in only(day(subject="extra")[1])
    assert "day is a date column" in only(day(subject="day")[1])
    assert "person" in only(day(subject="persom")[1])
    told = only(day(replace(VISITS, primary_key=("extra",)))[1])
    assert "extra is a json column" in told
    assert "`subject: COLUMN`" in told
    generated = (*VISITS.columns, Column("code", TEXT, generated=True))
    assert "code is computed by the database" in only(day(replace(VISITS, columns=generated), subject="code")[1])


def test_an_option_that_is_no_name_is_told_once() -> None:
    assert "option 'subject' of date_shift must be a str" in only(day(subject=7)[1])


def test_a_unique_date_is_refused() -> None:
    assert "the column is unique" in only(day(replace(VISITS, uniques=(Key(("day",)),)))[1])


def test_a_date_in_a_foreign_key_is_refused_on_either_end() -> None:
    days = Table(
        name("people"), (Column("id", INT, nullable=False), Column("born", DATE)), ("id",), (Key(("id", "born")),)
    )
    both = ForeignKey("both", name("visits"), ("person", "day"), name("people"), ("id", "born"))
    visits = replace(VISITS, foreign_keys=(both,))
    _, findings = decided({"people.born": {"strategy": "date_shift"}}, days, visits)
    assert any(f.where == "public.people.born" and "tear a foreign key apart" in f.what for f in findings)
    _, findings = decided({"visits.day": {"strategy": "date_shift"}}, days, visits)
    assert any(f.where == "public.visits.day" and "tear a foreign key apart" in f.what for f in findings)


def test_another_subject_is_another_plan() -> None:
    def sha(visits: Table, **options: Any) -> str:
        columns = {
            f"{table.name.name}.{c.name}": "keep" for table in (PEOPLE, visits) for c in table.copied
        } | {"visits.day": {"strategy": "date_shift", "domain": "x", **options}}  # fmt: skip
        found = plan(operation(policy={**POLICY, "columns": columns}), Schema((PEOPLE, visits)))
        assert found.errors == ()
        return found.sha256

    unkeyed = replace(VISITS, primary_key=(), columns=(Column("a", INT, nullable=False), *VISITS.columns))
    plans = [
        sha(VISITS),
        sha(VISITS, subject="person"),
        sha(VISITS, subject="no"),
        sha(replace(unkeyed, uniques=(Key(("no",)),))),
        sha(replace(unkeyed, uniques=(Key(("a",)),))),
    ]
    assert len(set(plans)) == len(plans)
