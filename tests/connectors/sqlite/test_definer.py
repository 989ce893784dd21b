"""What a target's session does to a schema: whole or not at all, and what is refused says why."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from connectors.errors import Busy, ConnectorError, NotFound, TerminalError, Unsupported, ValueRefused
from connectors.objects import SchemaObject
from connectors.schema import TableName
from connectors.sqlite import connector
from connectors.sqlite.target import SqliteTarget
from connectors.sqlite.testkit import connect
from tests.connectors.drive import Ends
from tests.connectors.sqlite.rich import USERS, build, full, late, lease, master, target


def test_a_locked_file_is_named_and_nothing_is_changed(files: Ends) -> None:
    full(files)
    before = master(files.target)
    with target(files, patience=0.2) as session, connect(files.target) as other:
        lease(session, USERS)
        steps = session.suspensions([USERS])
        other.execute("BEGIN IMMEDIATE")
        for change in (
            lambda: session.apply(["CREATE TABLE more (a)"], "table more"),
            lambda: session.suspend(steps),
            lambda: session.restore([late(session, "CREATE UNIQUE INDEX u ON users (id)")]),
        ):
            with pytest.raises(Busy) as refusal:
                change()
            assert files.target.database in refusal.value.where
        other.execute("ROLLBACK")
        assert master(files.target) == before
        session.suspend(steps)
    assert master(files.target) != before


LOCKS = """import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE theirs (a)")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_who_holds_the_lock_is_told_where_the_system_tells(files: Ends, mode: str) -> None:
    build(files.target, f"PRAGMA journal_mode = {mode}", "CREATE TABLE users (id INTEGER PRIMARY KEY)")
    command = [sys.executable, "-c", LOCKS, files.target.database]
    with (
        target(files, patience=0.1) as session,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
    ):
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(Busy) as refusal:
            session.apply(["CREATE TABLE more (a)"], "table more")
        known = re.search(rf" {other.pid} ", Path("/proc/locks").read_text())
        other.communicate()
    assert "locked by another program" in refusal.value.what
    assert (f"process {other.pid} (" in refusal.value.what) == bool(known)
    assert refusal.value.where == f"table more, DEV ({files.target.database})"


def objects(session: SqliteTarget) -> dict[str, SchemaObject]:
    return {str(found.id): found for found in session.objects().made}


@pytest.mark.parametrize(
    ("name", "change", "additive"),
    [
        ("index plain of orders", ["DROP INDEX plain", "CREATE INDEX plain ON orders (user_id, total)"], True),
        ("index plain of orders", ["DROP INDEX plain", "CREATE UNIQUE INDEX plain ON orders (user_id, total)"], False),
        ("index only one of users", ['DROP INDEX "only one"', 'CREATE INDEX "only one" ON users (age)'], False),
        ("view a_last", ["DROP VIEW a_last", "CREATE VIEW a_last AS SELECT 1"], False),
    ],
)
def test_what_is_altered_goes_there_and_back(files: Ends, name: str, change: list[str], additive: bool) -> None:
    full(files)
    before = master(files.target)
    with target(files) as session:
        there = objects(session)[name]
        build(files.target, *change)
        after, wanted = master(files.target), objects(session)[name]
        way = session.altered(wanted, there)
        session.apply(way.up, name)
        assert master(files.target) == before
        session.apply(way.down, name)
    assert master(files.target) == after
    assert way.additive == additive


def test_what_would_write_a_table_again_is_not_altered(files: Ends) -> None:
    build(files.source, "CREATE TABLE t (a INT, b INT CHECK (b > 0)) STRICT")
    build(files.target, "CREATE TABLE t (a TEXT NOT NULL, b INT CHECK (b > 1))")
    with closing(connector.source(files.source)) as source, target(files) as session:
        wanted = {str(found.id): found for found in source.objects().made}
        for name, there in objects(session).items():
            way = session.altered(there, wanted[name])
            assert (way.up, way.down, way.additive) == ((), (), False)


@pytest.mark.parametrize(
    ("statement", "kind", "said"),
    [
        ("CREATE TABLE users (a)", TerminalError, "users is there already"),
        ("CREATE INDEX users ON orders (id)", TerminalError, "users is there already"),
        ("ALTER TABLE bare ADD COLUMN a", TerminalError, "a is there already"),
        ("ALTER TABLE users ADD COLUMN c INT NOT NULL", Unsupported, "no table that has rows"),
        ("ALTER TABLE users ADD COLUMN c INT AS (1) STORED", Unsupported, "no table that has rows"),
        ("ALTER TABLE users ADD COLUMN c INT CHECK (c > 6) DEFAULT 5", ValueRefused, "does not pass a CHECK"),
        ("ALTER TABLE orders DROP COLUMN parent", Unsupported, "table orders needs the column"),
        ("DROP INDEX gone", NotFound, "no index gone"),
        ("CREATE INDEX i ON users (secret('value'))", Unsupported, "no function secret"),
        ("CREATE NONSENSE", TerminalError, "refuses"),
    ],
)
def test_what_sqlite_refuses_changes_nothing_and_says_why(
    files: Ends, statement: str, kind: type[ConnectorError], said: str
) -> None:
    full(files)
    before = master(files.target)
    with target(files) as session, pytest.raises(kind, match=said) as refusal:
        session.apply(["CREATE TABLE first (a)", statement], "what it is")
    assert refusal.value.where.startswith("what it is, ")
    assert "value" not in str(refusal.value)
    assert master(files.target) == before


def test_a_schema_alone_makes_the_file(files: Ends) -> None:
    with target(files) as session:
        session.apply(["CREATE TABLE t (a)"], "table t")
        assert [found.name for found in session.schema().tables] == [TableName(None, "t")]
    assert Path(files.target.database).stat().st_mode & 0o777 == 0o600
