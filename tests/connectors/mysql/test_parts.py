"""Parts of a table cover every row once: any key, any collation, however it was cut, whoever inserts meanwhile."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Bounds
from connectors.mysql import connector
from connectors.mysql.ranges import DENSE, Range, key
from connectors.mysql.testkit import MariaServer
from connectors.schema import TableName
from tests.connectors.drive import Ends

TEXTS = st.text(st.sampled_from("aAbBäÄßsé'\\ _%🦆日"), max_size=6)
NUMBERS = st.integers(-(2**62), 2**62)
KEYS: dict[str, tuple[str, st.SearchStrategy[tuple[Any, ...]]]] = {
    "ignoring case and accents": ("k varchar(30) COLLATE utf8mb4_unicode_ci", st.tuples(TEXTS)),
    "by bytes": ("k varchar(30) COLLATE utf8mb4_bin", st.tuples(TEXTS)),
    "spaces count": ("k varchar(30) COLLATE utf8mb4_unicode_nopad_ci", st.tuples(TEXTS)),
    "of latin1": (
        "k varchar(30) CHARACTER SET latin1 COLLATE latin1_german2_ci",
        st.tuples(st.text("aAäÄß'\\", max_size=5)),
    ),
    "of utf16": ("k char(20) CHARACTER SET utf16", st.tuples(TEXTS)),
    "sparse numbers": ("k bigint", st.tuples(NUMBERS)),
    "numbers without a sign": ("k bigint unsigned", st.tuples(st.integers(0, 2**64 - 1))),
    "fractions": ("k decimal(40,20)", st.tuples(st.decimals(-1000, 1000, places=5))),
    "bytes": ("k varbinary(20)", st.tuples(st.binary(max_size=5))),
    "days": ("k date", st.tuples(st.dates())),
    "moments": ("k datetime(6)", st.tuples(st.datetimes())),
    "times": (
        "k time(3)",
        st.tuples(st.timedeltas().map(lambda d: f"{d.days % 800}:{d.seconds % 60}:{d.seconds % 59}.5")),
    ),
    "uuids": ("k uuid", st.tuples(st.uuids().map(str))),
    "several columns": (
        "k varchar(30) COLLATE utf8mb4_unicode_ci, k2 int, k3 varbinary(5)",
        st.tuples(st.sampled_from(["", "a", "A", "ä"]), st.integers(-3, 3), st.binary(max_size=1)),
    ),
}


def split(ends: Ends, budget: int) -> list[Bounds]:
    with contextlib.closing(connector.source(ends.source)) as source:
        found = source.schema().get(TableName(None, "t"))
        assert found is not None
        return source.bounds(found, None, budget)


def seen(ends: Ends, server: MariaServer, parts: Sequence[Bounds]) -> list[int]:
    """The numbers of the rows in all parts, as often as they are in one."""
    return sorted(
        number
        for part in parts
        for (number,) in server.rows(
            ends.source, f"SELECT n FROM t AS t{part.token.hint} WHERE {part.token.condition()}"
        )
    )


@pytest.mark.parametrize("kind", KEYS)
def test_every_row_is_in_one_part(ends: Ends, server: MariaServer, kind: str) -> None:
    columns, values = KEYS[kind]
    names = ", ".join(column.split()[0] for column in columns.split(", "))
    server.execute(ends.source, f"CREATE TABLE t ({columns}, n int, pad char(200), PRIMARY KEY ({names}))")

    @settings(max_examples=5)
    @given(st.lists(values, min_size=12, max_size=40, unique=True), st.lists(values, max_size=12), st.integers(1, 9))
    def covered(first: list[tuple[Any, ...]], later: list[tuple[Any, ...]], rows: int) -> None:
        server.execute(ends.source, "DELETE FROM t")
        insert(ends, server, first)
        server.execute(ends.source, "ANALYZE TABLE t")
        [(there, length)] = server.rows(
            ends.source,
            "SELECT table_rows, data_length FROM information_schema.tables"
            " WHERE table_name = 't' AND table_schema = DATABASE()",
        )
        parts = split(ends, rows * (length // there))
        insert(ends, server, later)
        numbers = sorted(number for (number,) in server.rows(ends.source, "SELECT n FROM t"))
        assert len(parts) > 1 or there <= rows
        assert seen(ends, server, parts) == numbers

    covered()


def insert(ends: Ends, server: MariaServer, rows: list[tuple[Any, ...]]) -> None:
    """Those that are no double of another one in the eyes of the key."""
    with server.connect(ends.source) as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        for number, row in enumerate(rows):
            marks = ", ".join(["%s"] * len(row))
            cursor.execute(f"INSERT IGNORE INTO t VALUES ({marks}, {number}, 'x')", row)


def test_a_dense_counter_is_cut_without_reading_it(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.source, "CREATE TABLE t (n int PRIMARY KEY)")
    server.execute(ends.source, "INSERT INTO t SELECT seq FROM seq_1_to_20000 WHERE seq % 4 < 3")
    server.execute(ends.source, "ANALYZE TABLE t")
    parts = split(ends, 100_000)
    widths = {int(part.token.high[0]) - int(part.token.low[0]) for part in parts[1:-1]}
    assert len(parts) > 3
    assert len(widths) == 1
    assert seen(ends, server, parts) == [n for n in range(1, 20001) if n % 4 < 3]
    assert DENSE < 0.75


def test_a_table_whose_rows_the_statistics_do_not_know_is_cut_all_the_same(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.source, "CREATE TABLE t (n int PRIMARY KEY) STATS_AUTO_RECALC = 0")
    server.execute(ends.source, "INSERT INTO t SELECT seq FROM seq_1_to_5000")
    with contextlib.closing(connector.source(ends.source)) as source:
        [table] = source.schema().tables
        parts = source.bounds(dataclasses.replace(table, rows=0, bytes=0), None, 1)
    assert [part.rows for part in parts] == [1000, 1000, 1000, 1000, 1000]
    assert seen(ends, server, parts) == list(range(1, 5001))


@pytest.mark.parametrize(
    ("columns", "cut_by"),
    [
        ("n int, k varchar(9) NOT NULL, UNIQUE (k)", ("k",)),
        ("n int, k varchar(9), UNIQUE (k)", ()),
        ("n int, k varchar(9) NOT NULL, UNIQUE (k(3))", ()),
        ("n int, k varchar(9) NOT NULL, KEY (k)", ()),
        ("n int, k enum('b','a') PRIMARY KEY", ()),
        ("n int NOT NULL, k enum('b','a') PRIMARY KEY, UNIQUE (n)", ("n",)),
    ],
)
def test_only_keys_without_null_that_compare_as_they_sort_cut_a_table(
    ends: Ends, server: MariaServer, columns: str, cut_by: tuple[str, ...]
) -> None:
    server.execute(ends.source, f"CREATE TABLE t ({columns})")
    with contextlib.closing(connector.source(ends.source)) as source:
        [table] = source.schema().tables
    assert tuple(column.name for column in key(table)) == cut_by


def test_a_part_is_read_through_its_key(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.source, "CREATE TABLE t (k varchar(20) CHARACTER SET latin1, n int, PRIMARY KEY (k, n))")
    server.execute(ends.source, "INSERT INTO t SELECT concat('k', seq % 100), seq FROM seq_1_to_20000")
    server.execute(ends.source, "ANALYZE TABLE t")
    parts = split(ends, 30_000)
    assert len(parts) > 10
    for part in parts:
        query = f"EXPLAIN SELECT * FROM t AS t{part.token.hint} WHERE {part.token.condition()}"
        [(_, _, _, kind, _, index, _, _, rows, _)] = server.rows(ends.source, query)
        assert (kind, index) == ("range", "PRIMARY")
        assert int(rows) < 10_000


def test_bounds_are_never_printed() -> None:
    part = Bounds(Range(("`k`",), True, ("'secret'",), None), 1, 1)
    assert "secret" not in repr(part)
