"""One moment: all tables of a copy show the state the task began with, while another process writes, in every journal."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.errors import SourceChanged, Unsupported
from connectors.sqlite.testkit import connect
from tests.connectors.drive import Driver, Ends, driver
from tests.connectors.masker import Masker, disguised
from tests.connectors.sqlite.exact import make

ROWS = 6000

WRITER = """
import sqlite3, sys
path, progress, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
connection, turn = sqlite3.connect(path, timeout=0.05, isolation_level=None), 0
while True:
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE a SET turn = ?, name = 'changed ' || ? WHERE n = ?", (turn, turn, turn * 7919 % rows))
        if turn % 50 == 0:
            connection.execute("UPDATE a SET turn = ?", (turn,))
        connection.execute("DELETE FROM b WHERE turn = ?", (turn - 300,))
        connection.execute("INSERT INTO b VALUES (?, ?, 'new')", (f"key {turn}", turn))
        connection.execute("UPDATE counter SET a = ?, b = ?", (turn, turn))
        connection.execute("COMMIT")
        turn += 1
        if turn % 20 == 0:
            connection.execute("PRAGMA wal_checkpoint")
    except sqlite3.OperationalError:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    open(progress, "w").write(str(turn))
"""


def fill(ends: Ends, journal: str) -> None:
    with connect(ends.source) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
    make(
        ends.source,
        "CREATE TABLE a (n INTEGER PRIMARY KEY, turn INT, name TEXT)",
        "CREATE TABLE b (k TEXT PRIMARY KEY, turn INT, name TEXT) WITHOUT ROWID",
        "CREATE TABLE counter (a INT, b INT)",
        "INSERT INTO counter VALUES (-1, -1)",
        *(("INSERT INTO a VALUES (?, -1, ?)", [n, f"name {n}"]) for n in range(ROWS)),
        *(("INSERT INTO b VALUES (?, -1, 'old')", [f"key old {n}"]) for n in range(ROWS)),
    )


@contextlib.contextmanager
def writer(ends: Ends, folder: Path) -> Iterator[Callable[[], int]]:
    progress = folder / "progress"
    progress.write_text("0")
    with subprocess.Popen([sys.executable, "-c", WRITER, ends.source.database, str(progress), str(ROWS)]) as process:

        def turns() -> int:
            assert process.poll() is None
            return next(int(text) for text in iter(progress.read_text, None) if text)  # it may be just being written

        try:
            while turns() < 60:
                time.sleep(0.005)
            yield turns
        finally:
            process.kill()


TABLES = ["a", "b", "counter"]
MASKED = {"a": Masker(("name",)), "b": Masker(("name",))}


def prepared(one: Driver) -> None:
    one.lease(TABLES)
    one.prepare(TABLES)


@pytest.mark.parametrize("anonymize", [{}, MASKED], ids=["unmasked", "masked"])
@pytest.mark.parametrize("journal", ["wal", "delete", "truncate"])
def test_every_table_shows_the_moment_the_task_began(
    files: Ends, tmp_path: Path, journal: str, anonymize: dict[str, Masker]
) -> None:
    fill(files, journal)
    with writer(files, tmp_path) as turns, driver(files, budget=30_000, anonymize=anonymize) as one:
        prepared(one)
        chunks = one.chunks()
        with files.connector.transfer(one.job()) as transfer:
            with connect(files.source) as connection:  # a plain reader, begun a little later than the task
                [(latest,)] = connection.execute("SELECT a FROM counter").fetchall()
            for chunk in chunks:
                before = turns()
                transfer.copy(chunk)
                patience = time.monotonic() + (0.02 if journal != "wal" else 60)
                while turns() < before + 2 and time.monotonic() < patience:
                    time.sleep(0.002)
            written = turns()
    assert len(chunks) > 5
    assert (written > latest + 2 * len(chunks)) == (journal == "wal")
    [(moment, twin)] = files.server.read(files.target, "counter")
    assert moment == twin <= latest
    check_state(files, moment, masked=bool(anonymize))


def check_state(files: Ends, moment: int, *, masked: bool) -> None:
    """Replays the writer's turns up to `moment` and compares."""
    expected_a = {n: (-1, f"name {n}") for n in range(ROWS)}
    expected_b = {f"key old {n}": (-1, "old") for n in range(ROWS)}
    for turn in range(moment + 1):
        row = turn * 7919 % ROWS
        expected_a[row] = (turn, f"changed {turn}")
        if turn % 50 == 0:
            expected_a = {n: (turn, name) for n, (_, name) in expected_a.items()}
        expected_b = {k: v for k, v in expected_b.items() if v[0] != turn - 300} if turn >= 299 else expected_b
        expected_b[f"key {turn}"] = (turn, "new")
    for table, expected in (("a", expected_a), ("b", expected_b)):
        wanted = {key: (turn, disguised(name) if masked else name) for key, (turn, name) in expected.items()}
        assert {key: (turn, name) for key, turn, name in files.server.read(files.target, table)} == wanted


def test_a_second_transfer_of_one_process_cannot_join_an_older_moment(files: Ends) -> None:
    fill(files, "wal")
    with driver(files) as one:
        prepared(one)
        with files.connector.transfer(one.job()), pytest.raises(Unsupported), files.connector.transfer(one.job()):
            raise AssertionError
        with files.connector.transfer(one.job()):
            pass


def test_writers_of_a_wal_source_wait_for_nothing_and_are_told_otherwise_without(files: Ends) -> None:
    fill(files, "delete")
    with driver(files) as one:
        [note] = one.source.server.notes
        assert "journal_mode = WAL" in note
    with connect(files.source) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    with driver(files) as one:
        assert "wait" not in one.source.server.notes[0]
        prepared(one)
        with files.connector.transfer(one.job()):
            make(files.source, "UPDATE counter SET a = 5")


def test_a_driver_that_plans_holds_no_lock(files: Ends) -> None:
    fill(files, "delete")
    with driver(files) as one:
        one.source.bounds(one.source.schema().tables[0], None, 1000)
        make(files.source, "UPDATE counter SET a = 5")


@pytest.mark.parametrize(
    "change", ["ALTER TABLE b ADD COLUMN more", "DROP TABLE b", "ALTER TABLE b RENAME COLUMN name TO title"]
)
def test_a_table_altered_before_the_task_began_stops_it(files: Ends, change: str) -> None:
    fill(files, "wal")
    with driver(files) as one:
        prepared(one)
        chunks = one.chunks()
        make(files.source, change)
        with pytest.raises(SourceChanged, match="b"):
            one.transfer(chunks)


def test_a_table_altered_while_the_task_reads_is_copied_as_it_was(files: Ends) -> None:
    fill(files, "wal")
    with driver(files, anonymize=MASKED) as one:
        prepared(one)
        chunks = one.chunks()
        with files.connector.transfer(one.job()) as transfer:
            make(files.source, "DROP TABLE a", "CREATE TABLE a (n)", "ALTER TABLE b ADD COLUMN more DEFAULT 1")
            for chunk in chunks:
                transfer.copy(chunk)
    check_state(files, -1, masked=True)


def test_a_file_replaced_by_another_stops_the_task(files: Ends, tmp_path: Path) -> None:
    fill(files, "delete")
    with driver(files) as one:
        prepared(one)
        chunks = one.chunks()
        copy = tmp_path / "copy"
        copy.write_bytes(Path(files.source.database).read_bytes())
        copy.replace(files.source.database)
        with pytest.raises(SourceChanged):
            one.transfer(chunks)
