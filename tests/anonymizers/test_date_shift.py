"""`date_shift`: whose date it is decides how far it moves; its type, its time of day and what databases can store stay."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizers.apply import ColumnPlan, TableAnonymizer
from anonymizers.contract import ColumnShape, RowContext, Rule, Subject, strategy
from anonymizers.keys import MasterKey
from anonymizers.strategies.date_shift import DAY, FIRST, LAST, LAST_MICROSECOND, YEAR_1, YEAR_9999

MASTER = MasterKey(bytes(range(64, 96)))
KEY = MASTER.domain("date_shift", 1, "users.id")
EPOCH = date(1970, 1, 1)


def shifted(values: pa.Array, subject: pa.Array, otherwise: pa.Array | None = None) -> pa.Array:
    row = RowContext([subject], [] if otherwise is None else [otherwise])
    return strategy("date_shift").apply(values, KEY, ColumnShape("date"), Rule("date_shift", "users.id"), row)


def days(*subjects: pa.Array, otherwise: pa.Array | None = None) -> list[int]:
    """How far each subject's dates move."""
    values = pa.array([EPOCH] * len(subjects[0]))
    row = RowContext(list(subjects), [] if otherwise is None else [otherwise])
    out = strategy("date_shift").apply(values, KEY, ColumnShape("date"), Rule("date_shift", "users.id"), row)
    return [(day - EPOCH).days for day in out.to_pylist()]


def numbers(values: list[int], dates: bool) -> pa.Array:
    return pa.array(values, pa.int32() if dates else pa.int64()).cast(pa.date32() if dates else pa.timestamp("us"))


@given(rows=st.lists(st.tuples(st.none() | st.dates(), st.none() | st.integers(-(2**63), 2**63 - 1)), min_size=1))
def test_every_date_moves_by_its_subjects_days_and_stays_one_of_its_years(rows: list[tuple[Any, Any]]) -> None:
    values, subject = pa.array([row[0] for row in rows], pa.date32()), pa.array([row[1] for row in rows], pa.int64())
    for before, after, by in zip(values.to_pylist(), shifted(values, subject).to_pylist(), days(subject), strict=True):
        if before is None:
            assert after is None
            continue
        assert 1 <= abs(by) <= 365
        there = YEAR_1 <= (before - EPOCH).days + by <= YEAR_9999
        assert after - before == timedelta(by if there else -by)


@given(rows=st.lists(st.tuples(st.datetimes(), st.text(max_size=20)), min_size=1))
def test_the_time_of_day_stays_to_the_microsecond(rows: list[tuple[datetime, str]]) -> None:
    values, subject = pa.array([row[0] for row in rows], pa.timestamp("us")), pa.array([row[1] for row in rows])
    out = shifted(values, subject)
    assert out.type == values.type
    for before, after, by in zip(values.to_pylist(), out.to_pylist(), days(subject), strict=True):
        assert abs(after - before) == timedelta(abs(by))


def test_every_number_of_days_but_none_occurs_about_as_often() -> None:
    found, counts = np.unique(days(pa.array(range(200_000), pa.int64())), return_counts=True)
    assert found.tolist() == [by for by in range(-365, 366) if by]
    assert counts.min() > 180
    assert counts.max() < 375


def test_a_subject_moves_alike_in_any_case_width_and_batch() -> None:
    texts = pa.array(["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "other"])
    upper, lower, other = days(texts)
    assert upper == lower != other
    assert len(set(days(pa.array(["ŁUKASZ", "łukasz", "Łukasz"])))) == 1
    subjects = pa.array(range(10_000), pa.int64())
    together = days(subjects)
    assert days(subjects.slice(5000, 100)) == together[5000:5100]
    assert [days(subjects.slice(n, 1))[0] for n in (0, 4095, 4096, 9999)] == [
        together[n] for n in (0, 4095, 4096, 9999)
    ]


def test_every_column_of_a_key_counts_and_their_order() -> None:
    one, other = pa.array([1, 1, 2, 2], pa.int64()), pa.array(["a", "b", "a", "b"])
    assert len(set(days(one, other))) == 4
    assert days(one, one) != days(one)
    assert days(one, other) != days(other, one)


def test_where_the_subject_is_null_the_row_key_takes_its_place() -> None:
    key = pa.array(range(1000), pa.int64())
    nobody = days(pa.nulls(1000, pa.int64()), otherwise=key)
    assert len(set(nobody)) > 300
    assert nobody != days(key), "row 7 is not person 7"
    half = pa.array([n if n % 2 else None for n in range(1000)], pa.int64())
    mixed = zip(days(half, otherwise=key), days(key), nobody, strict=True)
    assert all(by == (person if n % 2 else row) for n, (by, person, row) in enumerate(mixed))
    assert len(set(days(pa.nulls(9, pa.string())))) == 1, "a NULL in the key itself is a value like others"


@pytest.mark.parametrize("dates", [True, False], ids=["date", "timestamp"])
def test_the_ends_of_what_databases_store_are_not_left(dates: bool) -> None:
    unit, last = (1, LAST) if dates else (DAY, LAST_MICROSECOND)
    usual = [YEAR_1 * unit, (YEAR_9999 + 1) * unit - 1]
    ends = [FIRST * unit, YEAR_1 * unit - 1, *usual, (YEAR_9999 + 1) * unit, last]
    for number in ends:
        values = numbers([number] * 1000, dates)
        out = shifted(values, pa.array(range(1000), pa.int64())).cast(pa.int32() if dates else pa.int64()).to_pylist()
        low, high = (usual[0], usual[1]) if usual[0] <= number <= usual[1] else (FIRST * unit, last)
        assert all(low <= moved <= high and moved != number for moved in out)
        assert all(abs(moved - number) % unit == 0 and abs(moved - number) <= 365 * unit for moved in out)


def plan(name: str, chosen: str, kind: str, subject: Subject | None = None) -> ColumnPlan:
    return ColumnPlan(name, ColumnShape(kind), Rule(chosen, "x", {}, subject), MASTER.domain(chosen, 1, "x"))


def test_a_masked_subject_counts_as_it_was_and_equal_dates_take_no_shortcut() -> None:
    columns = [plan("born", "date_shift", "date", Subject(("person",), ("id",))), plan("person", "tokenize", "integer")]
    rows = 5000
    people = pa.array([n % 50 for n in range(rows)], pa.int64())
    source = pa.record_batch({"born": pa.array([EPOCH] * rows), "person": people, "id": pa.array(range(rows))})
    masked, kept = TableAnonymizer(columns), TableAnonymizer(columns[:1])
    assert masked.columns == kept.columns == ("born", "person", "id")
    assert (masked.masked, kept.masked) == (("born", "person"), ("born",))
    (one, counts), (other, _) = masked(source), kept(source)
    assert one["born"].equals(other["born"])
    assert len(one["born"].unique()) > 40
    assert not counts
    assert one["person"][0] != source["person"][0]


def test_a_subject_that_becomes_null_counts_as_it_was() -> None:
    columns = [plan("person", "null", "integer"), plan("born", "date_shift", "date", Subject(("person",)))]
    source = pa.record_batch({"born": pa.array([EPOCH] * 3), "person": pa.array([1, 2, 1], pa.int64())})
    out, _ = TableAnonymizer(columns)(source)
    assert out["person"].null_count == 3
    first, second, third = out["born"].to_pylist()
    assert first == third != second
