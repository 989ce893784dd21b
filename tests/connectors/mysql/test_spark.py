"""Chunks that Spark reads: whatever the key, each row is in exactly one, and no predicate holds a value but integers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from connectors.contract import Chunk, Endpoint, TableCopy, TransferJob, connector
from connectors.schema import Table, TableName

mysql = connector("mysql")
WORDS = ["Anna", "anna", "Änna", "zoë", "ß", "ss", "👩", "", "0", "it's", 'a"b', "a%b", "a\\b", "NULL"]
KEYS: dict[str, tuple[str, list[str]]] = {
    "text in a collation of its own": (
        "k varchar(40) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY",
        [repr(word).replace("\\\\", "\\\\\\\\") for word in WORDS],
    ),
    "latin1": (
        "k varchar(40) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL PRIMARY KEY",
        ["'é'", "'E'", "'e'", "X'81'"],
    ),
    "uuid": ("k uuid NOT NULL PRIMARY KEY", [f"'{n:08x}-0000-4000-8000-{n:012x}'" for n in range(60)]),
    "decimal": ("k decimal(30,10) NOT NULL PRIMARY KEY", [f"{n}.{n:010}" for n in range(60)]),
    "date": ("k date NOT NULL PRIMARY KEY", ["'0000-00-00'", *(f"'2024-02-{n:02}'" for n in range(1, 29))]),
    "composite": ("k int NOT NULL, l varchar(9) NOT NULL, PRIMARY KEY (k, l)", [f"{n % 7}, 'l{n}'" for n in range(80)]),
    "bytes": ("k varbinary(8) NOT NULL PRIMARY KEY", [f"X'{n:04x}'" for n in range(80)]),
    "integers": ("k int NOT NULL, l bigint NOT NULL, PRIMARY KEY (k, l)", [f"{n % 7}, {n}" for n in range(80)]),
    "none": ("k varchar(40)", ["'a'", "'a'", "NULL", "NULL"]),
}


@pytest.fixture
def end(servers: Any) -> Endpoint:
    found: Endpoint = servers["mysql"].database("prod")
    return found


def read(server: Any, end: Endpoint, budget: int, columns: Sequence[str]) -> tuple[list[list[Any]], list[str]]:
    """Each chunk's rows, by a plain client, and each chunk's predicate."""
    paths = mysql.jdbc
    assert paths is not None
    with closing(mysql.source(end)) as source:
        found = source.schema().get(TableName(None, "t"))
        assert found is not None
        table: Table = replace(found, rows=max(found.rows, 50), bytes=max(found.bytes, 50 * 100))
        job = TransferJob("run", 1, end, end, source.snapshot, {}, False)
        copy = TableCopy(0, table, table, table.name, None, None)
        queries = [
            paths.query(job, copy, Chunk(0, number, bounds), columns)
            for number, bounds in enumerate(paths.bounds(source, table, None, budget))
        ]
    rows = [server.rows(end, f"SELECT * FROM {query.table} WHERE {query.predicate}") for query in queries]
    return rows, [query.predicate for query in queries]


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("budget", [400, 1 << 30])
def test_every_row_is_in_one_chunk_and_no_predicate_tells_a_value(
    kind: str, budget: int, servers: Any, end: Endpoint
) -> None:
    server = servers["mysql"]
    columns, values = KEYS[kind]
    server.execute(end, f"CREATE TABLE t ({columns}, n int, pad varchar(100))")
    rows = (f"({value}, {n}, REPEAT('x', 90))" for n, value in enumerate(values))
    server.execute(end, "INSERT INTO t VALUES " + ", ".join(rows))
    server.execute(end, "ANALYZE TABLE t")
    chunks, predicates = read(server, end, budget, ["n"])
    assert sorted(int(row[0]) for chunk in chunks for row in chunk) == list(range(len(values)))
    for predicate in predicates:
        assert set(re.findall("'([^']*)'", predicate)) <= {"-", ","}, predicate
    assert len(predicates) == 1 if kind == "none" or budget > 400 else len(predicates) > 1


def test_text_comes_as_its_bytes_in_utf8_whatever_its_character_set(servers: Any, end: Endpoint) -> None:
    server = servers["mysql"]
    server.execute(
        end,
        "CREATE TABLE t (k int PRIMARY KEY, a text CHARACTER SET latin1, b varchar(9) CHARACTER SET utf8mb4,"
        " c char(5) CHARACTER SET latin2)",
    )
    server.execute(end, "INSERT INTO t VALUES (1, 'é€', '👩', 'łó'), (2, NULL, NULL, NULL)")
    chunks, _ = read(server, end, 1 << 30, ["a", "b", "c"])
    [[first, second]] = chunks
    as_bytes = [value if isinstance(value, bytes) else value.encode() for value in first[:3]]
    assert as_bytes == ["é€".encode(), "👩".encode(), "łó".encode()]
    assert second[:3] == (None, None, None)


def test_a_text_too_long_for_the_server_to_convert_is_found_out(servers: Any, end: Endpoint) -> None:
    """The server gives NULL for what grows beyond its packets. A text of its own bytes is no text, and stops the chunk."""
    server = servers["mysql"]
    server.execute(end, "CREATE TABLE t (k int PRIMARY KEY, a longtext CHARACTER SET latin1)")
    server.execute(end, "INSERT INTO t VALUES (1, REPEAT('é', 1500))")
    paths: Any = mysql.jdbc
    with closing(mysql.source(end)) as source:
        table = source.schema().tables[0]
        job = TransferJob("run", 1, end, end, source.snapshot, {}, False)
        copy = TableCopy(0, table, table, table.name, None, None)
        query = paths.query(job, copy, Chunk(0, 0, paths.bounds(source, table, None, 1 << 30)[0]), ["a"])
    given = query.table.replace("CONVERT(`a` USING utf8mb4)", "NULLIF(CONVERT(`a` USING utf8mb4), REPEAT('é', 1500))")
    assert given != query.table
    [row] = server.rows(end, f"SELECT * FROM {given} WHERE {query.predicate}")
    assert row[0] == b"\xff"
    assert paths.read_as(copy, "a") is not None
