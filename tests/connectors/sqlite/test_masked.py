"""Masked columns: nothing of the original reaches the target, whatever is stored there, and every row is found again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import TerminalError, Unsupported, ValueRefused
from connectors.sqlite import rows
from connectors.sqlite.testkit import connect
from tests.connectors.drive import Ends, copy, driver
from tests.connectors.masker import Masker, disguised
from tests.connectors.sqlite.exact import make, stored

CANARY = "canary-7e1"


def test_contradicting_values_in_a_masked_text_column_are_masked_as_text(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (n INTEGER PRIMARY KEY, free, d DECIMAL(9,2), v VARCHAR(20))",
        ("INSERT INTO t VALUES (1, ?, ?, ?)", [12, 1.5, b"bytes"]),
        ("INSERT INTO t VALUES (2, ?, ?, ?)", [2.0, "n/a", "text"]),
        ("INSERT INTO t VALUES (3, ?, ?, ?)", [b"raw", 10**12, None]),
        ("INSERT INTO t VALUES (4, CAST(? AS TEXT), NULL, CAST(? AS TEXT))", [b"bad\xff", b"\\xff\xff"]),
        ("INSERT INTO t VALUES (5, ?, ?, ?)", ["nul\x00in", "", ""]),
    )
    copy(files, "t", anonymize={"t": Masker(("free", "d", "v"))})
    texts = {
        1: ("12", "1.5", "bytes"),
        2: ("2.0", "n/a", "text"),
        3: ("raw", "1000000000000", None),
        4: (r"bad\xff", None, r"\\xff\xff"),
        5: ("nul\x00in", "", ""),
    }
    got = {row[0]: row[1:] for row in files.server.read(files.target, "t")}
    assert got == {n: tuple(map(disguised, row)) for n, row in texts.items()}
    assert {kind for row in stored(files.target, "t", "free", "v") for kind in row[::2]} <= {"text", "null"}


@pytest.mark.parametrize("value", [CANARY, 1.5, CANARY.encode(), ""])
def test_what_is_no_integer_in_a_masked_integer_column_stops_the_chunk(files: Ends, value: Any) -> None:
    make(files.source, "CREATE TABLE t (n INT)", "INSERT INTO t VALUES (7)", ("INSERT INTO t VALUES (?)", [value]))
    with pytest.raises(ValueRefused, match="column n holds") as refused:
        copy(files, "t", budget=1 << 40, anonymize={"t": Masker(("n",))})
    assert CANARY not in f"{refused.value!r} {refused.value}"
    assert files.server.read(files.target, "t") == []


def test_only_the_replacements_are_written_anywhere(files: Ends, tmp_path: Path) -> None:
    make(
        files.source,
        "CREATE TABLE t (name TEXT, other TEXT)",
        *(("INSERT INTO t VALUES (?, ?)", [f"{CANARY} {n}", "o" * 3000]) for n in range(3000)),
    )
    copy(files, "t", anonymize={"t": Masker(("name",))})
    source = Path(files.source.database)
    assert CANARY.encode() in source.read_bytes()
    others = [path for path in tmp_path.iterdir() if path != source]
    assert others
    assert not [path for path in others if CANARY.encode() in path.read_bytes()]


KEYED = (
    "k TEXT PRIMARY KEY, v TEXT",
    "k TEXT COLLATE NOCASE PRIMARY KEY, v TEXT",
    "k, v TEXT, PRIMARY KEY (k)",
    "k, v TEXT, x INT DEFAULT 3, PRIMARY KEY (x DESC, k COLLATE RTRIM)",
    "k, v TEXT, x INT DEFAULT 3, PRIMARY KEY (x, k DESC)",
)


@pytest.mark.parametrize("columns", KEYED)
def test_rows_of_tables_without_row_numbers_are_found_by_their_keys(files: Ends, columns: str) -> None:
    keys: list[Any] = ["", "a", "B", "\x00", "z" * 300, "🦆", *(f"key {n}" for n in range(9000))]
    if "TEXT" not in columns.split(",")[0]:
        keys += [1, 2.5, 1e300, 0.1 + 0.2, b"", b"a", b"\xff", -(2**63)]
    make(
        files.source,
        f"CREATE TABLE t ({columns}) WITHOUT ROWID",
        *(("INSERT INTO t (k, v) VALUES (?, ?)", [key, f"v{n}"]) for n, key in enumerate(keys)),
        *(("INSERT INTO t (k, v) VALUES (CAST(? AS TEXT), 'raw')", [raw]) for raw in (b"\xff", b"a\xc3", b"key \xff")),
    )
    loaded = copy(files, "t", budget=40_000, anonymize={"t": Masker(("v",))})
    assert len(loaded) > 2
    with connect(files.target) as connection:
        connection.execute("ATTACH ? AS prod", (files.source.database,))
        pairs = connection.execute(
            "SELECT p.v, d.v FROM prod.t p LEFT JOIN t d ON p.k = d.k AND typeof(p.k) = typeof(d.k)"
        )
        assert all(disguised(before) == after for before, after in pairs)
    assert stored(files.target, "t", "k") == stored(files.source, "t", "k")


def test_a_masked_key_takes_its_rows_along(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)",
        *(("INSERT INTO t VALUES (?, ?)", [n, f"v{n}"]) for n in range(500)),
    )
    copy(files, "t", anonymize={"t": Masker(("id",))})
    assert sorted(files.server.read(files.target, "t")) == [(n * 7 + 3, f"v{n}") for n in range(500)]


def test_batches_end_by_size_as_well_as_by_number(files: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    class Watching(Masker):
        def __call__(self, batch: Any) -> Any:
            sizes.append(batch.num_rows)
            return super().__call__(batch)

    monkeypatch.setattr(rows, "ROWS", 100)
    texts = ["short"] * 250 + ["l" * 3_000_000] * 5 + ["short"] * 10
    make(files.source, "CREATE TABLE t (v TEXT)", *(("INSERT INTO t VALUES (?)", [value]) for value in texts))
    copy(files, "t", budget=1 << 40, anonymize={"t": Watching(("v",))})
    assert sizes == [100, 100, 50 + 1, 1, 1, 1, 1, 10]


def test_a_table_that_hides_its_row_numbers(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE one (rowid TEXT, _rowid_ TEXT, id INTEGER PRIMARY KEY, OID TEXT)",
        "CREATE TABLE none (rowid TEXT, _rowid_ TEXT, oid TEXT)",
        "CREATE TABLE some (rowid TEXT, v TEXT)",
        *(("INSERT INTO one VALUES (?, 'b', ?, 'c')", [f"v{n}", n]) for n in random.Random(1).sample(range(9**9), 500)),
        *("INSERT INTO none VALUES ('a', 'b', 'c')" for _ in range(500)),
        *(("INSERT INTO some VALUES (?, 'b')", [f"v{n}"]) for n in range(500)),
    )
    with driver(files, budget=1000) as one:
        one.lease(["one", "none", "some"])
        one.prepare(["none", "one", "some"])
        chunks = one.chunks()
        one.transfer(chunks)
        assert [table.notes != () for table in one.source.schema().tables] == [True, False, False]
    assert len([chunk for chunk in chunks if chunk.table_id == 0]) == 1
    assert all(len([chunk for chunk in chunks if chunk.table_id == n]) > 3 for n in (1, 2))
    for table in ("one", "none", "some"):
        assert files.server.digest(files.source, table) == files.server.digest(files.target, table)
    for table in ("one", "some"):
        copy(files, table, run_id=f"{table} masked", anonymize={table: Masker(("rowid",))})
        before = sorted(str(disguised(row[0])) for row in files.server.read(files.source, table))
        assert sorted(row[0] for row in files.server.read(files.target, table)) == before
    with pytest.raises(Unsupported):
        copy(files, "none", run_id="none masked", anonymize={"none": Masker(("rowid",))})


def test_a_filter_reads_the_source_and_never_the_target(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE users (id INTEGER PRIMARY KEY, country TEXT)",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INT, v TEXT)",
        "CREATE INDEX by_user ON orders (user_id)",
        "INSERT INTO users VALUES (1, 'NL'), (2, 'BE')",
        "INSERT INTO orders VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 1, 'c')",
    )
    make(
        files.target, "CREATE TABLE users (id INTEGER PRIMARY KEY, country TEXT)", "INSERT INTO users VALUES (2, 'NL')"
    )
    where = {"orders": files.where("user_id IN (SELECT id FROM users WHERE country = 'NL')")}
    for anonymize in ({}, {"orders": Masker(("v",))}):
        copy(files, "orders", run_id=f"run {len(anonymize)}", where=where, anonymize=anonymize)
        assert [row[0] for row in files.server.read(files.target, "orders")] == [1, 3]


def test_an_anonymizer_that_loses_rows_stops_the_chunk(files: Ends) -> None:
    class Losing(Masker):
        def __call__(self, batch: Any) -> Any:
            found, unchanged = super().__call__(batch)
            return found.slice(1), unchanged

    make(files.source, "CREATE TABLE t (v TEXT)", "INSERT INTO t VALUES ('a'), ('b')")
    with pytest.raises(TerminalError):
        copy(files, "t", anonymize={"t": Losing(("v",))})
    assert files.server.read(files.target, "t") == []
