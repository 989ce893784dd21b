"""Dates masked by the real strategy from end to end, on every engine: none stays, each keeps its type and its subject."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from anonymizers.apply import ColumnPlan, TableAnonymizer
from anonymizers.contract import ColumnShape, Rule, Subject
from anonymizers.keys import MasterKey
from connectors.testkit import SampleTable
from tests.connectors.drive import Ends, copy
from tests.connectors.samples import fill

MASTER = MasterKey(bytes(range(64, 96)))
PEOPLE = SampleTable(
    "people",
    {"id": "integer", "name": "text", "born": "date", "seen": "timestamp"},
    primary_key=("id",),
    not_null=("id",),
)
VISITS = SampleTable(
    "visits",
    {"id": "integer", "day": "date", "person": "integer", "began": "timestamp"},
    primary_key=("id",),
    not_null=("id",),
)
COUNT = 3000


def shift(kind: str, subject: str, otherwise: tuple[str, ...] = (), column: str = "") -> ColumnPlan:
    rule = Rule("date_shift", "people.id", {}, Subject((subject,), otherwise))
    return ColumnPlan(column, ColumnShape(kind), rule, MASTER.domain("date_shift", 1, rule.domain))


def tokenized(column: str) -> ColumnPlan:
    return ColumnPlan(
        column, ColumnShape("integer"), Rule("tokenize", "people.id"), MASTER.domain("tokenize", 1, "people.id")
    )


def person(number: int) -> tuple[Any, ...]:
    born = None if number % 10 == 9 else date(1940 + number % 70, 1 + number % 12, 1 + number % 28)
    return number, f"Person {number}", born, datetime(2024, 2, 29, number % 24, 30, 15, number)


def visit(number: int) -> tuple[Any, ...]:
    whose = None if number % 5 == 4 else number % COUNT
    return number, date(2023, 12, 31), whose, datetime(1969, 12, 31, 23, 59, 59, 999999)


def as_date(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) else value


def as_moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def moves(before: Any, after: Any) -> int:
    """By how many whole days; 0 would be a value that stayed."""
    assert type(after) is type(before)
    difference: timedelta = after - before
    assert difference == timedelta(difference.days)
    assert 1 <= abs(difference.days) <= 365
    return difference.days


@pytest.mark.parametrize("masked_key", [False, True], ids=["kept key", "masked key"])
def test_all_dates_of_one_subject_move_alike_in_two_tables(ends: Ends, masked_key: bool) -> None:
    fill(ends, PEOPLE, [person(n) for n in range(COUNT)])
    fill(ends, VISITS, [visit(n) for n in range(2 * COUNT)])
    keys = [tokenized("person")] if masked_key else []
    policies = {
        "people": TableAnonymizer([shift("date", "id", column="born"), shift("timestamp", "id", column="seen")]),
        "visits": TableAnonymizer(
            [
                shift("timestamp", "person", ("id",), column="began"),
                *keys,
                shift("date", "person", ("id",), column="day"),
            ]
        ),
    }
    loaded = copy(ends, "people", "visits", anonymize=policies)
    assert all(not any(chunk.counts.values()) for chunk in loaded)
    by_person: dict[int, int] = {}
    for number, name, born, seen in ends.server.read(ends.target, "people"):
        _, its_name, before, then = person(number)
        assert name == its_name
        by_person[number] = moves(then, as_moment(seen))
        assert (born is None) == (before is None)
        assert born is None or moves(before, as_date(born)) == by_person[number]
    assert len(set(by_person.values())) > 600
    nobodys = []
    for number, day, whose, began in ends.server.read(ends.target, "visits"):
        _, before, its_person, then = visit(number)
        assert (whose == its_person) is (not masked_key or its_person is None)
        by = moves(before, as_date(day))
        assert moves(then, as_moment(began)) == by
        if its_person is None:
            nobodys.append(by)
        else:
            assert by == by_person[its_person]
    assert len(nobodys) == 2 * COUNT // 5
    assert len(set(nobodys)) > 300, "without a person each row moves by its own key"


def test_keys_of_several_columns_of_every_kind_name_a_subject(ends: Ends) -> None:
    table = SampleTable(
        "t",
        {"a": "uuid", "b": "text", "c": "integer", "d": "date"},
        primary_key=("a", "b", "c"),
        not_null=("a", "b", "c"),
    )
    rows = [(UUID(int=n // 4), f"k{n % 2}ä", n // 2 % 2, date(2000, 1, 1)) for n in range(400)]
    fill(ends, table, rows)
    rule = Rule("date_shift", "t", {}, Subject(("a", "b", "c")))
    plan = ColumnPlan("d", ColumnShape("date"), rule, MASTER.domain("date_shift", 1, "t"))
    copy(ends, "t", anonymize={"t": TableAnonymizer([plan])})
    got = ends.server.read(ends.target, "t")
    assert sorted((UUID(str(a)), b, c) for a, b, c, _ in got) == sorted(row[:3] for row in rows)
    assert len({moves(date(2000, 1, 1), as_date(d)) for *_, d in got}) > 250
