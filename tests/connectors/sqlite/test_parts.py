"""Parts of a table: together they hold every row once, whatever its row numbers or keys look like."""

from __future__ import annotations

import tempfile
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Bounds, Endpoint
from connectors.schema import Table
from connectors.sqlite import connector
from connectors.sqlite.ranges import Range
from connectors.sqlite.schema import detail
from connectors.sqlite.testkit import SqliteFolder, connect
from tests.connectors.drive import Ends, copy
from tests.connectors.masker import Masker
from tests.connectors.sqlite.exact import make, stored

row_numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-20, 20),
    st.integers(0, 60).map(lambda power: 2**power),
    st.just(2**63 - 1),
    st.just(-(2**63)),
)
key_values = st.one_of(
    st.integers(-5, 5), st.floats(-3, 3, allow_nan=False), st.text("aAbBä\x00 ", max_size=4), st.binary(max_size=2)
)


def parts(endpoint: Endpoint, budget: int) -> tuple[Table, list[Bounds]]:
    with closing(connector.source(endpoint)) as source:
        [table] = source.schema().tables
        return table, source.bounds(table, None, budget)


def selected(endpoint: Endpoint, table: Table, bounds: list[Bounds]) -> list[list[Any]]:
    """Row by part, by the condition each part stands for."""
    addressing = detail(table).addressing
    assert addressing is not None
    found = []
    with connect(endpoint) as connection:
        connection.text_factory = bytes
        for part in bounds:
            where = addressing.within(part.token)
            query = f"SELECT tag FROM {table.name} WHERE {where.sql}"
            found.append([tag for (tag,) in connection.execute(query, where.values)])
    return found


def check(endpoint: Endpoint, budget: int) -> None:
    table, bounds = parts(endpoint, budget)
    found = selected(endpoint, table, bounds)
    with connect(endpoint) as connection:
        tags = [tag for (tag,) in connection.execute("SELECT tag FROM t ORDER BY tag")]
    assert sorted(tag for part in found for tag in part) == tags
    assert [part.rows for part in bounds] == [len(part) for part in found]
    assert bounds[0].token.low is None
    assert bounds[-1].token.high is None
    assert all(a.token.high == b.token.low for a, b in pairwise(bounds))
    assert all(part.rows for part in bounds) or not tags


@settings(max_examples=60)
@given(numbers=st.sets(row_numbers, max_size=60), budget=st.integers(1, 200))
def test_row_numbers_however_sparse_skewed_or_negative(numbers: set[int], budget: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        endpoint = Endpoint("PROD", "sqlite", f"{folder}/prod.db")
        rows = [("INSERT INTO t (rowid, tag) VALUES (?, ?)", [n, tag]) for tag, n in enumerate(sorted(numbers))]
        make(endpoint, "CREATE TABLE t (tag INT)", *rows)
        check(endpoint, budget)


@settings(max_examples=60)
@given(
    data=st.data(),
    key=st.sampled_from(["a", "a, b", "a COLLATE NOCASE, b", "a DESC, b", "b, a COLLATE RTRIM DESC", "a, b, c"]),
    types=st.sampled_from(
        [("", "", ""), ("TEXT", "INT", ""), ("TEXT COLLATE NOCASE", "TEXT", "REAL"), ("INT", "BLOB", "TEXT")]
    ),
    budget=st.integers(1, 200),
)
def test_keys_of_any_types_and_collations(data: st.DataObject, key: str, types: tuple[str, ...], budget: int) -> None:
    keys = data.draw(st.lists(st.tuples(key_values, key_values, key_values), max_size=40))
    columns = ", ".join(f"{name} {type_} NOT NULL" for name, type_ in zip("abc", types, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        ends = [Endpoint(name, "sqlite", f"{folder}/{name}") for name in ("PROD", "DEV")]
        make(
            ends[0],
            f"CREATE TABLE t ({columns}, tag INT, PRIMARY KEY ({key})) WITHOUT ROWID",
            *(("INSERT OR IGNORE INTO t VALUES (?, ?, ?, ?)", [*values, n]) for n, values in enumerate(keys)),
        )
        check(ends[0], budget)
        for run, anonymize in enumerate(({}, {"t": Masker((), ("tag",))})):
            pair = Ends(connector, SqliteFolder(Path(folder)), *ends)
            copy(pair, "t", run_id=str(run), budget=budget, anonymize=anonymize)
            assert stored(ends[1], "t", "a", "b", "c") == stored(ends[0], "t", "a", "b", "c")


def test_a_part_holds_about_its_budget(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, tag INT, v TEXT)",
        *(("INSERT INTO t VALUES (?, ?, ?)", [n * n * 1000, n, "v" * 90]) for n in range(20_000)),
    )
    table, bounds = parts(files.source, 200_000)
    assert table.rows == 20_000
    assert 0.8 < table.bytes / (20_000 * 100) < 1.3
    assert 8 <= len(bounds) <= 13
    assert all(150_000 < part.bytes < 250_000 for part in bounds[:-1])


def test_an_empty_table_has_one_part(files: Ends) -> None:
    make(files.source, "CREATE TABLE t (tag INT)")
    _, bounds = parts(files.source, 1000)
    assert [(part.token, part.rows) for part in bounds] == [(Range(), 0)]


@pytest.mark.parametrize("key", ["k TEXT PRIMARY KEY, tag) WITHOUT ROWID", "k TEXT, tag)"])
def test_cutting_and_reading_parts_is_a_search(files: Ends, key: str) -> None:
    make(files.source, f"CREATE TABLE t ({key}", *(("INSERT INTO t VALUES (?, 1)", [f"k{n}"]) for n in range(300)))
    table, bounds = parts(files.source, 500)
    addressing = detail(table).addressing
    assert addressing is not None
    where = addressing.within(bounds[1].token)
    with connect(files.source) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM t WHERE {where.sql}", where.values).fetchall()
    assert [step[3].split()[0] for step in plan] == ["SEARCH"]


def test_a_filter_cuts_by_the_rows_it_leaves(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (tag INT, v TEXT)",
        "CREATE INDEX by_tag ON t (tag)",
        *(("INSERT INTO t VALUES (?, ?)", [n, "v" * 100]) for n in range(10_000)),
    )
    with closing(connector.source(files.source)) as source:
        [table] = source.schema().tables
        bounds = source.bounds(table, files.where("tag % 10 = 0"), 10_000)
    assert sum(part.rows for part in bounds) == 1000
    assert len(bounds) > 5


def test_large_files_are_estimated_without_counting(files: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    make(
        files.source,
        "CREATE TABLE dense (id INTEGER PRIMARY KEY, v TEXT)",
        "CREATE TABLE sparse (id INTEGER PRIMARY KEY, v TEXT)",
        "CREATE TABLE empty (v)",
        *(("INSERT INTO dense VALUES (?, ?)", [n, "v" * 200]) for n in range(5000)),
        *(("INSERT INTO sparse VALUES (?, ?)", [n << 40, "v" * 200]) for n in range(5000)),
    )
    monkeypatch.setattr("connectors.sqlite.sizes.SMALL", 0)
    with closing(connector.source(files.source)) as source:
        dense, empty, sparse = source.schema().tables
        assert (dense.rows, empty.rows) == (5000, 0)
        assert 5000 <= sparse.rows <= 11_000  # no more than the whole file could hold
        with connect(files.source) as connection:
            connection.execute("CREATE INDEX i ON sparse (v)")
            connection.execute("ANALYZE")
        assert source.schema().tables[2].rows == 5000


def test_a_table_of_as_many_columns_as_there_can_be(files: Ends) -> None:
    columns = [f"c{n}" for n in range(2000)]
    rows = [[f"{name} of row {row}" for name in columns] for row in range(20)]
    make(
        files.source,
        f"CREATE TABLE t ({' TEXT, '.join(columns)} TEXT)",
        *((f"INSERT INTO t VALUES ({', '.join('?' * 2000)})", row) for row in rows),
    )
    table, _ = parts(files.source, 1 << 20)
    assert 0.9 < table.bytes / sum(len(value) + 1 for row in rows for value in row) < 1.1
    for run, anonymize in enumerate(({}, {"t": Masker(("c1998",), ("c7",))})):
        copy(files, "t", run_id=str(run), anonymize=anonymize)
        copied = files.server.read(files.target, "t")
        kept = [n for n in range(2000) if n not in (7, 1998)]
        assert sorted([row[n] for n in kept] for row in copied) == sorted([row[n] for n in kept] for row in rows)
        assert {row[7] for row in copied} == ({None} if anonymize else {row[7] for row in rows})
    with closing(connector.source(files.source)) as source:
        assert source.sample(table, columns, 20).num_rows == 20
