"""Dates as canonical text: only the day of a value is replaced, and what has no day is never let through as one."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import dates
from connectors.errors import TerminalError, ValueRefused
from connectors.types import Canonical, Family

DATE, MOMENT, INSTANT = (Canonical(family) for family in (Family.DATE, Family.TIMESTAMP, Family.INSTANT))
FRACTIONS = st.from_regex(r"(\.[0-9]{1,9})?", fullmatch=True)


def replaced(texts: list[str | None], given_: Canonical, days: int = 1) -> list[str | None]:
    """The texts with every day moved."""
    array = pa.array(texts, pa.string())
    before = dates.parsed(array, given_, "c")
    moved = [None if value is None else value + timedelta(days) for value in before.to_pylist()]
    found: list[str | None] = dates.written(pa.array(moved, before.type), before, array, "c").to_pylist()
    return found


@given(
    st.lists(
        st.tuples(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), FRACTIONS, st.sampled_from(" T")), max_size=5
    )
)
def test_the_time_of_day_stays_to_the_letter(moments: list[tuple[datetime, str, str]]) -> None:
    texts: list[str | None] = [
        f"{at:%Y}".zfill(4) + f"{at:-%m-%d}{between}{at:%H:%M:%S}{behind}" for at, behind, between in moments
    ]
    for given_ in (MOMENT, INSTANT, DATE):
        found = replaced(texts, given_)
        for (at, _, _), before, after in zip(moments, texts, found, strict=True):
            assert before
            assert after == (at.date() + timedelta(1)).isoformat() + before[10:]


@given(st.dates())
def test_a_strategy_sees_the_day_that_is_written(day: date) -> None:
    [seen] = dates.parsed(pa.array([day.isoformat()]), DATE, "c").to_pylist()
    assert seen == day


@pytest.mark.parametrize("given_", [DATE, MOMENT, INSTANT])
def test_what_is_no_day_stays_as_it_is(given_: Canonical) -> None:
    texts = ["infinity", "-infinity", "0000-00-00", "0000-00-00 00:00:00", "", None]
    assert dates.parsed(pa.array(texts), given_, "c").null_count == len(texts)
    assert replaced(texts, given_) == texts


@pytest.mark.parametrize("given_", [DATE, MOMENT, INSTANT])
@pytest.mark.parametrize(
    "text",
    [
        *(
            "2023-02-29",
            "2024-00-17",
            "2024-05-00",
            "0000-05-17",
            "0044-03-15 BC",
            "12024-01-01",
            "2024-5-7",
            "17.05.2024",
        ),
        *(
            "1715904000",
            "2024-05-17 ",
            "2024-05-17 09",
            "2024-05-17 09:30:00Z",
            "2024-05-17 09:30:00+02",
            "infinity ",
            "2024-05-17\n",
        ),
    ],
)
def test_a_day_that_no_calendar_has_stops_the_chunk_without_being_told(given_: Canonical, text: str) -> None:
    with pytest.raises(ValueRefused, match="column c holds a day that no calendar has") as refused:
        dates.parsed(pa.array(["2024-05-17", text]), given_, "c")
    assert text not in str(refused.value)


@pytest.mark.parametrize("text", ["2024-05-17 24:00:00", "2024-05-17 09:60:00", "2024-05-17 09:30:60"])
def test_a_time_that_no_clock_shows_stops_the_chunk(text: str) -> None:
    with pytest.raises(ValueRefused):
        dates.parsed(pa.array([text]), MOMENT, "c")


def test_null_replaces_everything() -> None:
    texts = pa.array(["2024-05-17", "infinity"])
    assert dates.written(pa.nulls(2), dates.parsed(texts, DATE, "c"), texts, "c").to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("made", "type_", "says"),
    [
        (datetime(2024, 5, 18, 9, 31), pa.timestamp("us"), "another time of day"),
        (date(2024, 5, 18), pa.date32(), "came back for"),
    ],
)
def test_a_replacement_of_another_kind_is_found_out(made: Any, type_: Any, says: str) -> None:
    texts = pa.array(["2024-05-17 09:30:00"])
    with pytest.raises(TerminalError, match=says):
        dates.written(pa.array([made], type_), dates.parsed(texts, MOMENT, "c"), texts, "c")
