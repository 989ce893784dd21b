"""What a target's session does to a schema: nothing that waited gets lost, whenever it dies; nothing is done by half."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.contract import RunRecord
from connectors.errors import Busy, ConnectorError, LeaseLost, NotFound, TerminalError, Unsupported, ValueRefused
from connectors.objects import ObjectId, ObjectKind, SchemaObject, Step
from connectors.schema import TableName
from connectors.sqlite import connector
from connectors.sqlite.target import SqliteTarget
from connectors.sqlite.testkit import connect
from tests.connectors.drive import Ends
from tests.connectors.sqlite.rich import INDEXES, LEFT, ROWS, TABLES, VIEWS, build, master

USERS, ORDERS = TableName(None, "users"), TableName(None, "orders")


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def target(files: Ends, patience: float | None = None) -> Iterator[SqliteTarget]:
    with closing(connector.target(replace(files.target, patience=patience))) as session:
        yield session


def lease(session: SqliteTarget, *tables: TableName) -> int:
    session.ledger.create()
    record = RunRecord("run", "operation", "0" * 64, "PROD", "running", 0.0, None)
    return session.ledger.acquire(record, [str(table) for table in tables], "one", lambda _: False)


def full(files: Ends) -> None:
    build(files.target, *TABLES, *INDEXES, *VIEWS, *LEFT, ROWS)


def test_what_can_wait_is_what_is_no_key(files: Ends) -> None:
    full(files)
    with target(files) as session:
        steps = session.suspensions([ORDERS, USERS])
    assert [str(step.id) for step in steps] == [
        "trigger audit of users",
        "index expr of users",
        "index plain of orders",
    ]
    assert {step.table for step in steps} == {USERS, ORDERS}


def test_what_waits_is_gone_and_comes_back_to_the_letter(files: Ends) -> None:
    full(files)
    before = master(files.target)
    with target(files) as session:
        lease(session, USERS, ORDERS)
        steps = session.suspensions([ORDERS, USERS])
        session.suspend(steps)
        assert len(before) - len(master(files.target)) == 3
        session.suspend(steps)
        restored = session.restore(steps)
        assert [(one.step, one.violations, one.query) for one in restored] == [(step, 0, "") for step in steps]
        assert master(files.target) == before
        session.restore(steps)
    assert master(files.target) == before


def test_what_is_known_of_an_indexs_values_comes_back_with_it(files: Ends) -> None:
    build(files.target, "CREATE TABLE users (id INTEGER PRIMARY KEY, low)", "CREATE INDEX i ON users (low)",
          "INSERT INTO users (low) VALUES (1), (1), (2)", "ANALYZE")  # fmt: skip
    with target(files) as session, connect(files.target) as other:
        known = other.execute("SELECT * FROM sqlite_stat1").fetchall()
        lease(session, USERS)
        steps = session.suspensions([USERS])
        session.suspend(steps)
        session.restore(steps)
        assert other.execute("SELECT * FROM sqlite_stat1").fetchall() == known != []


def test_triggers_fire_in_their_order_again(files: Ends) -> None:
    build(files.target, "CREATE TABLE users (id INTEGER PRIMARY KEY)", "CREATE TABLE fired (name)",
          *(f"CREATE TRIGGER {name} AFTER INSERT ON users BEGIN INSERT INTO fired VALUES ('{name}'); END"
            for name in ("b", "c", "a")), "INSERT INTO users VALUES (1)")  # fmt: skip
    with target(files) as session:
        lease(session, USERS)
        steps = session.suspensions([USERS])
        session.suspend(steps)
        session.restore(steps)
    build(files.target, "INSERT INTO users VALUES (2)")
    with connect(files.target) as connection:
        fired = [name for (name,) in connection.execute("SELECT name FROM fired ORDER BY rowid")]
    assert fired[:3] == fired[3:] != sorted(fired[:3])


def test_an_index_that_needs_another_programs_function_stays(files: Ends) -> None:
    with connect(files.target) as connection:
        connection.create_function("shout", 1, str.upper, deterministic=True)
        connection.create_collation("loud", lambda a, b: (a > b) - (a < b))
        for statement in ("CREATE TABLE users (id INTEGER PRIMARY KEY, low)", "CREATE INDEX ours ON users (low)",
                          "CREATE INDEX theirs ON users (shout(low))",
                          "CREATE INDEX sorted ON users (low COLLATE loud)"):  # fmt: skip
            connection.execute(statement)
    with target(files) as session:
        assert [step.id.name for step in session.suspensions([USERS])] == ["ours"]


def test_nobody_suspends_without_the_lease(files: Ends) -> None:
    full(files)
    before = master(files.target)
    with target(files) as first, target(files) as second:
        lease(first, USERS)
        lease(second, USERS)
        with pytest.raises(LeaseLost):
            first.suspend(first.suspensions([USERS]))
    assert master(files.target) == before


def test_what_became_another_one_meanwhile_is_not_dropped(files: Ends) -> None:
    full(files)
    with target(files) as session:
        lease(session, USERS)
        steps = session.suspensions([USERS])
        build(files.target, "DROP INDEX expr", "CREATE INDEX expr ON users (age)")
        before = master(files.target)
        with pytest.raises(TerminalError, match="index expr of users is another one"):
            session.suspend(steps)
        assert master(files.target) == before
        session.restore(steps)
    assert master(files.target) == before


def dying(monkeypatch: pytest.MonkeyPatch, session: SqliteTarget, at: int) -> Callable[[], int]:
    """From now on the process dies with the statement of that number; tells how many have been run."""
    inner = session._session
    run, rows, count = inner.run, inner.rows, [0]

    def counted() -> None:
        count[0] += 1
        if count[0] == at:
            raise Killed

    def counting_run(statement: str, values: tuple[object, ...] = ()) -> int:
        counted()
        return run(statement, values)

    def counting_rows(statement: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        counted()
        return rows(statement, values)

    monkeypatch.setattr(inner, "run", counting_run)
    monkeypatch.setattr(inner, "rows", counting_rows)
    return lambda: count[0]


def suspend_and_restore(session: SqliteTarget, fence: int) -> None:
    """As a run does it, journal first."""
    steps = session.suspensions([ORDERS, USERS])
    session.ledger.intend("run", fence, steps)
    session.suspend(steps)
    session.ledger.mark("run", steps, "suspended")
    session.restore(steps)
    session.ledger.mark("run", steps, "restored")
    session.ledger.forget("run")


def test_after_a_death_at_any_statement_the_journal_brings_everything_back(
    files: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    full(files)
    with target(files) as session:
        fence = lease(session, USERS, ORDERS)
        before, count = master(files.target), dying(monkeypatch, session, 0)
        suspend_and_restore(session, fence)
    for at in range(1, count() + 1):
        with target(files) as session:
            fence = lease(session, USERS, ORDERS)
            dying(monkeypatch, session, at)
            with pytest.raises(Killed):
                suspend_and_restore(session, fence)
        with target(files) as session:
            left = [entry.step for entry in session.ledger.journal() if entry.state != "restored"]
            session.restore(left)
            assert master(files.target) == before, at
            lease(session, USERS, ORDERS)
            session.ledger.mark("run", left, "restored")
            session.ledger.forget("run")
            assert session.ledger.journal() == []


def late(session: SqliteTarget, statement: str) -> Step:
    """A unique index that a copy makes when rows are there."""
    name = statement.split()[3].strip('"')
    return Step(ObjectId(ObjectKind.INDEX, USERS, name), USERS, (), (statement,))


@pytest.mark.parametrize(
    ("index", "shown"),
    [
        ("CREATE UNIQUE INDEX u ON users (age, born)", 2),
        ("CREATE UNIQUE INDEX u ON users (low) WHERE age > 30", 1),
        ('CREATE UNIQUE INDEX u ON users ("Full Name" COLLATE NOCASE DESC, substr(born, 1, 4))', 1),
    ],
)
def test_rows_that_break_a_unique_index_are_counted_and_shown(files: Ends, index: str, shown: int) -> None:
    build(files.target, "CREATE TABLE users (id INTEGER PRIMARY KEY, low, age, born, \"Full Name\" TEXT)",
          "INSERT INTO users (low, age, born, \"Full Name\") VALUES ('x', 30, '2000', 'n'), ('x', 30, '2000', 'N'),"
          " ('x', 40, '2000-1', 'N'), ('x', 40, '2000-1', 'n'), ('x', NULL, '2001', 'n'),"
          " (NULL, NULL, '2001', NULL)")  # fmt: skip
    with target(files) as session:
        [found] = session.restore([late(session, index)])
        with connect(files.target) as connection:
            assert len(connection.execute(found.query).fetchall()) == shown
        assert found.violations == shown
        assert not [one for one in master(files.target) if one[0] == "index"]
        build(files.target, "DELETE FROM users WHERE id > 1")
        [found] = session.restore([late(session, index)])
    assert found.violations == 0
    assert [one for one in master(files.target) if one[0] == "index"]


def test_one_that_cannot_be_brought_back_keeps_no_other(files: Ends) -> None:
    full(files)
    before = master(files.target)
    wrong = Step(ObjectId(ObjectKind.INDEX, USERS, "w"), USERS, (), ("CREATE INDEX w ON users (gone)",))
    with target(files) as session:
        lease(session, USERS)
        steps = session.suspensions([USERS])
        session.suspend(steps)
        with pytest.raises(NotFound) as refusal:
            session.restore([wrong, *steps])
    assert refusal.value.where.startswith("index w of users, ")
    assert master(files.target) == before


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


def test_sessions_of_several_threads_restore_one_after_the_other(files: Ends) -> None:
    build(files.target, "CREATE TABLE users (id INTEGER PRIMARY KEY, low)")
    steps = [Step(ObjectId(ObjectKind.INDEX, USERS, f"i{n}"), USERS, (), (f"CREATE INDEX i{n} ON users (low)",))
             for n in range(4)]  # fmt: skip
    failed = []

    def restore(step: Step) -> None:
        try:
            with target(files) as session:
                session.restore([step])
        except ConnectorError as error:
            failed.append(error)

    threads = [threading.Thread(target=restore, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [name for kind, name, *_ in master(files.target) if kind == "index"] == ["i0", "i1", "i2", "i3"]
