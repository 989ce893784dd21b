"""What waits while rows come: nothing of it gets lost, whenever a process dies."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from connectors.errors import ConnectorError, LeaseLost, NotFound, TerminalError, ValueRefused
from connectors.objects import ObjectId, ObjectKind, Step
from connectors.sqlite.target import SqliteTarget
from connectors.sqlite.testkit import connect
from tests.connectors.drive import Ends
from tests.connectors.sqlite.rich import ORDERS, USERS, build, full, late, lease, master, target


class Killed(BaseException):
    """The process ends here."""


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


def test_an_index_whose_expression_refuses_a_row_is_no_broken_key(files: Ends) -> None:
    build(
        files.target,
        "CREATE TABLE users (id INTEGER PRIMARY KEY, low)",
        "CREATE INDEX i ON users (json_extract(low, '$.a'))",
    )
    with target(files) as session:
        lease(session, USERS)
        steps = session.suspensions([USERS])
        session.suspend(steps)
        build(files.target, "INSERT INTO users (low) VALUES ('secret {'), ('secret {')")
        with pytest.raises(ValueRefused, match="cannot be computed for a row") as refusal:
            session.restore(steps)
        assert "secret" not in str(refusal.value)
        build(files.target, "UPDATE users SET low = '{}'")
        session.restore(steps)
    assert [name for kind, name, *_ in master(files.target) if kind == "index"] == ["i"]


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
