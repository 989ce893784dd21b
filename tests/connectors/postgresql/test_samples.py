"""Samples of this engine: partitions, types that are no text, and a server that is busy."""

from __future__ import annotations

import contextlib

import pyarrow as pa
import pytest

from connectors.contract import Endpoint
from connectors.errors import Busy
from connectors.postgresql import samples
from connectors.postgresql.source import Source
from connectors.postgresql.testkit import PostgresServer
from connectors.schema import TableName


@pytest.fixture
def database(servers: dict[str, PostgresServer]) -> tuple[PostgresServer, Endpoint]:
    server = servers["postgresql"]
    return server, server.database("sampled")


def sampled(endpoint: Endpoint, columns: list[str], rows: int = 200) -> pa.RecordBatch:
    with contextlib.closing(Source(endpoint)) as source:
        [table] = source.schema().pick([TableName("public", "t")])
        return source.sample(table, columns, rows)


def test_every_partition_is_seen(database: tuple[PostgresServer, Endpoint]) -> None:
    server, endpoint = database
    server.execute(endpoint, "CREATE TABLE t (id int) PARTITION BY HASH (id)")
    for part in range(4):
        server.execute(endpoint, f"CREATE TABLE t{part} PARTITION OF t FOR VALUES WITH (MODULUS 4, REMAINDER {part})")
    server.execute(endpoint, "INSERT INTO t SELECT generate_series(1, 20000)")
    seen = {int(number) for number in sampled(endpoint, ["id"]).column(0).to_pylist()}
    held = [{row[0] for row in server.rows(endpoint, f"SELECT id FROM t{part}")} for part in range(4)]
    assert all(seen & part for part in held)


def test_every_type_comes_as_short_text(database: tuple[PostgresServer, Endpoint]) -> None:
    server, endpoint = database
    server.execute(endpoint, "CREATE TABLE t (a text[], j jsonb, i inet, d date, long jsonb, b bytea, c char(4))")
    server.execute(
        endpoint,
        "INSERT INTO t SELECT '{x,y}', '{\"k\": 1}', '10.0.0.1', '2020-02-03',"
        " to_jsonb(array(SELECT md5(n::text) FROM generate_series(1, 20000) n)), '\\x00', 'ab'",
    )
    [row] = sampled(endpoint, ["a", "j", "i", "d", "long", "b", "c"]).to_pylist()
    assert row == {
        "a": "{x,y}", "j": '{"k": 1}', "i": "10.0.0.1/32", "d": "2020-02-03", "long": None, "b": None, "c": "ab"
    }  # fmt: skip


def test_rows_that_were_deleted_or_changed_are_seen_as_the_snapshot_sees_them(
    database: tuple[PostgresServer, Endpoint],
) -> None:
    server, endpoint = database
    server.execute(endpoint, "CREATE TABLE t (id int)")
    server.execute(endpoint, "INSERT INTO t SELECT generate_series(1, 50)")
    with contextlib.closing(Source(endpoint)) as source:
        [table] = source.schema().pick([TableName("public", "t")])
        server.execute(endpoint, "UPDATE t SET id = id + 1000")
        server.execute(endpoint, "DELETE FROM t WHERE id > 1040")
        numbers = sorted(int(number) for number in source.sample(table, ["id"], 200).column(0).to_pylist())
    assert numbers == list(range(1, 51))


def test_a_server_that_is_too_busy_is_left_alone(
    database: tuple[PostgresServer, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, endpoint = database
    server.execute(endpoint, "CREATE TABLE t (id int)")
    server.execute(endpoint, "INSERT INTO t SELECT generate_series(1, 100)")
    monkeypatch.setattr(samples, "TIMEOUT", "100ms")
    monkeypatch.setattr(samples, "cut", lambda column: "pg_sleep(1)::text")
    with contextlib.closing(Source(endpoint)) as source:
        [table] = source.schema().tables
        with pytest.raises(Busy, match=r"sample of public\.t"):
            source.sample(table, ["id"], 10)
        source.check_alive()
