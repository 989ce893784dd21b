"""Masked dates, by the binary and by the text way, against the server's own arithmetic: infinity, BC and far years too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.arrays import array
from connectors.errors import ValueRefused
from connectors.postgresql import transfer
from connectors.postgresql.dates import WIDTHS, parsed, shown, spelt
from connectors.postgresql.types import PgType
from connectors.schema import Column, Kind
from tests.connectors.postgresql.pair import Pair

DATES = [
    "infinity",
    "-infinity",
    "0044-03-15 BC",
    "0001-12-31 BC",
    "0001-01-01",
    "1582-10-10",
    "1999-12-31",
    "2000-01-01",
]
DATES += ["2000-02-29", "9999-12-31", "10000-01-01", "5874897-11-30", "4714-12-30 BC"]
TIMES = ["infinity", "-infinity", "0001-12-31 23:59:59.999999 BC", "0001-01-01 00:00:00", "1999-12-31 23:59:59.5"]
TIMES += ["2000-01-01 00:00:00.000001", "2024-05-17 09:30:00", "9999-12-31 23:59:59.999999", "294246-12-01 00:00:00.25"]
DAY = 86_400_000_000
MOST = {"date": (-2_451_545, 2_145_031_948), "timestamp": (-211_813_488_000_000_000, 9_223_371_331_199_999_999)}


@dataclass(frozen=True)
class Later:
    """A policy for tests: dates come back so many days later. It looks at other columns too, and remembers them."""

    masked: tuple[str, ...]
    days: int
    beside: tuple[str, ...] = ()
    seen: list[dict[str, Any]] = field(default_factory=list)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.beside, *self.masked)

    def __call__(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Mapping[str, int]]:
        self.seen.extend(batch.select(list(self.beside)).to_pylist())
        arrays = [self._later(batch.column(name)) for name in self.masked]
        return pa.RecordBatch.from_arrays(arrays, names=list(self.masked)), dict.fromkeys(self.masked, 0)

    def _later(self, values: pa.Array) -> pa.Array:
        if pa.types.is_date32(values.type):
            return pc.add(values.cast(pa.int32()), pa.scalar(self.days, pa.int32())).cast(values.type)
        return pc.add(values.cast(pa.int64()), self.days * DAY).cast(values.type)


@pytest.fixture(params=["binary", "text"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "text":
        monkeypatch.setattr(transfer, "BINARY_SINCE", 10**9)
    return str(request.param)


@pytest.mark.usefixtures("way")
def test_replaced_dates_arrive_as_the_server_itself_counts_and_infinity_stays(pair: Pair) -> None:
    pair.server.execute(pair.prod, "CREATE DOMAIN birthday AS date")
    pair.server.execute(
        pair.prod, "CREATE TABLE t (id int PRIMARY KEY, d birthday, s timestamp(6), z timestamptz, kept date)"
    )
    rows: list[tuple[Any, ...]] = [(n, text, None, None, text) for n, text in enumerate(DATES)]
    rows += [(100 + n, None, text, text, None) for n, text in enumerate(TIMES)]
    pair.server.insert(pair.prod, "t", rows)
    for days in (7, -7):
        pair.server.execute(pair.dev, "DROP SCHEMA IF EXISTS _dbagent CASCADE")
        pair.server.execute(pair.dev, "DROP TABLE IF EXISTS t")
        pair.copy("t", Later(("z", "d", "s"), days))
        query = "SELECT id, (d + {0})::text, (s + {0} * interval '1 day')::text, (z + {0} * interval '1 day')::text, kept::text"
        wanted = pair.server.rows(pair.prod, f"{query.format(days)} FROM t ORDER BY 1")
        assert pair.server.rows(pair.dev, f"{query.format(0)} FROM t ORDER BY 1") == wanted


@pytest.mark.usefixtures("way")
def test_a_policy_sees_the_columns_that_say_whose_dates_these_are(pair: Pair) -> None:
    pair.server.execute(
        pair.prod, "CREATE TABLE t (d date, id uuid, n smallint, c char(5), kept text, PRIMARY KEY (id, n))"
    )
    uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    rows = [("2024-05-17", uuid, 7, "ab", "x"), (None, uuid, -8, None, None)]
    pair.server.insert(pair.prod, "t", rows)
    policy = Later(("d",), 1, beside=("c", "id", "n"))
    pair.copy("t", policy)
    assert policy.seen == [{"c": "ab", "id": uuid, "n": 7}, {"c": None, "id": uuid, "n": -8}]
    found = pair.server.rows(pair.dev, "SELECT d::text, id::text, n, c, kept FROM t ORDER BY n DESC")
    assert found == [("2024-05-18", uuid, 7, "ab   ", "x"), (None, uuid, -8, None, None)]


def column(kind: str) -> Column:
    return Column("seen", PgType(kind, Kind.DATE if kind == "date" else Kind.TIMESTAMP, base=kind))


def test_a_timestamp_that_arrow_cannot_hold_is_refused_not_wrapped() -> None:
    last = (1 << 63) - 1 - 10_957 * DAY
    assert shown(array(np.array([last])), column("timestamp")).cast(pa.int64()).to_pylist() == [(1 << 63) - 1]
    with pytest.raises(ValueRefused, match="column seen"):
        shown(array(np.array([last + 1])), column("timestamp"))


@pytest.mark.parametrize("kind", WIDTHS)
@given(data=st.data())
def test_every_count_is_read_back_from_its_text(kind: str, data: st.DataObject) -> None:
    extreme = (1 << (8 * WIDTHS[kind] - 1)) - 1
    low, high = MOST["date" if kind == "date" else "timestamp"]
    number = st.integers(low, high) | st.sampled_from([extreme, -extreme - 1]) | st.integers(-(10**6), 10**6)
    counts = pa.array(data.draw(st.lists(st.none() | number, min_size=1)), pa.int64())
    assert parsed(spelt(counts, kind), kind).equals(counts)
