"""The judge of copies between engines can tell: whatever is changed in one cell is found, and what does not count is not."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from connectors.contract import Endpoint
from connectors.testkit import TestServer
from tests.crossing import clients, judge, tables
from tests.crossing.conftest import SAMPLES

SPOILT = {
    "postgresql": {
        "c_integer": "id",
        "c_numeric": "c_numeric + 1e-20",
        "c_real": "c_real * 1.000001",
        "c_text": "c_text || ' '",
        "c_bytea": "c_bytea || '\\x00'",
        "c_timestamp_with_time_zone": "c_timestamp_with_time_zone + interval '1 microsecond'",
        "c_jsonb": """c_jsonb || '{"new": 1}'""",
        "c_uuid": "NULL",
        "c_boolean": "NOT c_boolean",
        "c_inet": "set_masklen(c_inet, 7)",
    },
    "mysql": {
        "c_int": "id",
        "c_decimal_65_30": "c_decimal_65_30 + 1e-20",
        "c_float": "c_float * 1.000001",
        "c_longtext": "concat(c_longtext, ' ')",
        "c_varchar_200": "upper(c_varchar_200)",
        "c_longblob": "concat(c_longblob, x'00')",
        "c_datetime_6": "c_datetime_6 + interval 1 microsecond",
        "c_bit_13": "c_bit_13 ^ 1",
        "c_uuid": "NULL",
        "c_time_6": "-c_time_6",
    },
    "sqlite": {
        "c_integer": "id",
        "c_decimal": "c_decimal + 1e-5",
        "c_real": "c_real * (1 + 1e-15)",
        "c_text": "c_text || ' '",
        "c_blob": "CAST(c_blob || x'00' AS BLOB)",
        "c_timestamp": "c_timestamp || '.1'",
        "c_uuid": "NULL",
        "c_boolean": "1 - c_boolean",
    },
}
ROW = 60
"""One of ordinary values, which is the row that is spoilt."""


@pytest.mark.parametrize("engine", SPOILT)
def test_one_changed_cell_is_found(engine: str, servers: dict[str, TestServer]) -> None:
    samples, server = SAMPLES[engine], servers[engine]
    end, meanings = server.database("judged"), tables.meanings(samples)
    tables.fill(end, samples, 100)
    before = judge.look(end, tables.NAME, meanings)
    assert judge.differences(before, judge.look(end, tables.NAME, meanings)) == []
    for number, (column, change) in enumerate(SPOILT[engine].items(), 1):
        server.execute(end, f"UPDATE {tables.NAME} SET {column} = {change} WHERE id = {ROW}")
        now = judge.look(end, tables.NAME, meanings)
        assert now.digest != before.digest
        assert len(judge.differences(before, now)) == number, column
    server.execute(end, f"DELETE FROM {tables.NAME} WHERE id = {ROW}")
    assert "99 rows" in judge.differences(before, judge.look(end, tables.NAME, meanings))[1]


@pytest.fixture
def kept(servers: dict[str, TestServer]) -> Endpoint:
    return servers["sqlite"].database("judged")


def look(end: Endpoint, meaning: str, *values: Any) -> judge.Found:
    """What the judge sees of a column of these values, which keeps them as they are."""
    with closing(clients.sqlite(end)) as connection, connection:
        connection.execute("DROP TABLE IF EXISTS t")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)")
        connection.executemany("INSERT INTO t (v) VALUES (?)", [(value,) for value in values])
    return judge.look(end, "t", {"id": "integer", "v": meaning})


def test_what_does_not_count(kept: Endpoint) -> None:
    for meaning, ones, others in (
        ("decimal", ("1.50", "-0.0", "1e3"), (1.5, 0, "1000.00")),
        ("float32", (0.1, -0.0), (0.10000000149011612, "0")),
        ("boolean", (1, 0), ("t", "f")),
        ("padded", ("a  ",), ("a",)),
        ("uuid", ("ABCDEF00-0000-4000-8000-000000000000",), ("abcdef00-0000-4000-8000-000000000000",)),
        ("time", ("09:30:00.500", "24:00:00.000"), ("09:30:00.5", "24:00:00")),
        ("instant", ("2024-05-17 09:30:00+00",), ("2024-05-17 09:30:00.000",)),
    ):
        assert judge.differences(look(kept, meaning, *ones), look(kept, meaning, *others)) == [], meaning


def test_what_counts(kept: Endpoint) -> None:
    for meaning, one, other in (
        ("text", None, ""),
        ("text", None, "NULL"),
        ("text", None, "=NULL"),
        ("text", "a", "a "),
        ("text", "é", "e\u0301"),
        ("text", "1", 1),
        ("decimal", "0.1", "0.10000000000000000001"),
        ("float64", 0.1, 0.10000000149011612),
        ("time", "10:00:00", "1:00:00"),
        ("timestamp", "2024-05-17 09:30:00", "2024-05-17 09:30:00.000001"),
        ("own", "{}", "{ }"),
    ):
        assert judge.differences(look(kept, meaning, one), look(kept, meaning, other)) != [], (one, other)


def test_values_that_changed_places_are_found(kept: Endpoint) -> None:
    one, other = look(kept, "text", "a", "b"), look(kept, "text", "b", "a")
    assert one.digests == other.digests
    assert judge.differences(one, other) == ["the same values stand in other rows"]
