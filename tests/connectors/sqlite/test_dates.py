"""Dates in a file are texts: the day is replaced, what stands behind it stays, and what is no date never gets through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from connectors.errors import TerminalError, ValueRefused
from connectors.schema import Column, ColumnType, Kind
from connectors.sqlite.dates import parsed, written
from tests.connectors.drive import Ends, copy
from tests.connectors.sqlite.exact import make, stored

FORMS = ["2024-02-28", "1969-12-31T23:59", "2024-05-17 09:30:00.123456789Z", "0001-01-01 00:00:01.5"]
FORMS += ["2024-05-17 09:30:00+02:00", "2024-05-17 09:30:00 -11:30", "9999-12-30 23:59:59.999999"]
STRANGE = [
    "17.05.2024",
    "2024-02-30",
    "0000-01-01",
    "2024-5-7",
    "2024-05-17 Jane",
    "2024-06-18\n",
    "2024-05-17 24:00:00",
]
STRANGE += [" ", "\u0662024-01-01", "2024-05-17 09:30:00\x00", "now"]
DATE = Column("born", ColumnType("DATE", Kind.DATE))
MOMENT = Column("born", ColumnType("TIMESTAMP", Kind.TIMESTAMP))


class NextDay:
    """A policy for tests: every date comes back a day later."""

    def __init__(self, *columns: str) -> None:
        self.columns = self.masked = columns

    def __call__(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Mapping[str, int]]:
        arrays = [next_day(values) for values in batch.columns]
        return pa.RecordBatch.from_arrays(arrays, names=list(self.masked)), dict.fromkeys(self.masked, 0)


def next_day(values: pa.Array) -> pa.Array:
    if pa.types.is_date32(values.type):
        return pc.add(values.cast(pa.int32()), pa.scalar(1, pa.int32())).cast(values.type)
    return pc.add(values, timedelta(days=1))


def test_only_the_day_is_replaced_whatever_form_and_type_the_column_has(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (d DATE, s TIMESTAMP, v DATETIME NOT NULL)",
        *(("INSERT INTO t VALUES (?, ?, ?)", [text, text, text]) for text in FORMS),
        "INSERT INTO t VALUES (NULL, '', '')",
        "INSERT INTO t VALUES ('', NULL, '2024-05-17')",
    )
    copy(files, "t", anonymize={"t": NextDay("v", "d", "s")})
    days = ["2024-02-29", "1970-01-01", "2024-05-18", "0001-01-02", "2024-05-18", "2024-05-18", "9999-12-31"]
    texts = [day + text[10:] for day, text in zip(days, FORMS, strict=True)]
    wanted: list[tuple[Any, ...]] = [(text, text, text) for text in texts]
    assert files.server.read(files.target, "t") == [*wanted, (None, "", ""), ("", None, "2024-05-18")]
    assert {kind for row in stored(files.target, "t", "d", "s", "v") for kind in row[::2]} == {"text", "null"}


@pytest.mark.parametrize("value", [*STRANGE, 1715900000, 2460447.5, b"2024-05-17\xff"])
@pytest.mark.parametrize("declared", ["DATE", "TIMESTAMP NOT NULL"])
def test_what_is_no_date_stops_the_chunk_and_is_not_shown(files: Ends, declared: str, value: Any) -> None:
    make(
        files.source,
        f"CREATE TABLE t (born {declared})",
        "INSERT INTO t VALUES ('2024-05-17')",
        ("INSERT INTO t VALUES (?)", [value]),
    )
    with pytest.raises(ValueRefused, match="column born holds what is no ISO date") as refused:
        copy(files, "t", budget=1 << 40, anonymize={"t": NextDay("born")})
    shown = str(value).strip()
    assert not shown or shown not in f"{refused.value!r} {refused.value}"
    assert refused.value.where.startswith("t")
    assert files.server.read(files.target, "t") == []


def test_times_are_seen_to_the_microsecond() -> None:
    seen = parsed(pa.array([*FORMS, None, ""]), MOMENT)
    assert seen.type == pa.timestamp("us")
    assert seen.to_pylist() == [
        datetime(2024, 2, 28),
        datetime(1969, 12, 31, 23, 59),
        datetime(2024, 5, 17, 9, 30, 0, 123456),
        datetime(1, 1, 1, 0, 0, 1, 500000),
        datetime(2024, 5, 17, 9, 30),
        datetime(2024, 5, 17, 9, 30),
        datetime(9999, 12, 30, 23, 59, 59, 999999),
        None,
        None,
    ]


def test_a_replacement_of_another_type_or_time_of_day_is_refused() -> None:
    texts = pa.array(["2024-05-17 09:30:00"])
    seen = parsed(texts, MOMENT)
    with pytest.raises(TerminalError, match="time of day"):
        written(pc.add(seen, timedelta(seconds=1)), seen, texts, MOMENT)
    with pytest.raises(TerminalError, match="came back"):
        written(parsed(texts, DATE), seen, texts, MOMENT)
