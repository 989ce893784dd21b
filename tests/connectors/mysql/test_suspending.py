"""What waits while rows come, and comes back just as it was, wherever a crash came between."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from connectors.contract import Endpoint
from connectors.errors import Busy, ConnectionLost, ConnectorError, LeaseLost
from connectors.mysql import connector
from connectors.mysql.restoring import restore
from connectors.mysql.session import Session, connect
from connectors.mysql.suspending import suspend
from connectors.mysql.target import Target
from connectors.mysql.testkit import MariaServer
from connectors.objects import ObjectId, ObjectKind, Step
from connectors.schema import TableName
from tests.connectors.drive import Ends
from tests.connectors.mysql.databases import dumped, lease, rich, user

TABLES = ("customers", "orders", "tickets", "log")
TICKETS = TableName(None, "tickets")


class DeadError(Exception):
    """The driver is gone."""


class Mortal(Session):
    """A session that is gone after so many definitions: they have committed, and nothing behind them is run."""

    def __init__(self, session: Session, definitions: int) -> None:
        self.__dict__.update(session.__dict__)
        self.left = definitions

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        if statement.startswith(("ALTER", "DROP", "CREATE")):
            if self.left == 0:
                raise DeadError
            self.left -= 1
        return super().run(statement, values)


@pytest.fixture
def target(ends: Ends, server: MariaServer) -> Iterator[Target]:
    rich(server, ends.target)
    with contextlib.closing(connector.target(ends.target)) as opened:
        lease(opened, *TABLES)
        yield opened


def schema(ends: Ends) -> list[str]:
    return dumped(ends.target, triggers=True)


def order_of_triggers(ends: Ends, server: MariaServer) -> list[tuple[str, ...]]:
    return server.rows(
        ends.target,
        "SELECT trigger_name, action_timing, action_order, definer, sql_mode, character_set_client, collation_connection,"
        " action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 2, 3",
    )


def names(steps: Sequence[Step]) -> set[str]:
    return {step.id.name for step in steps}


def test_what_can_wait_is_what_nothing_else_needs(target: Target) -> None:
    steps = target.suspensions([TableName(None, name) for name in TABLES])
    assert names([step for step in steps if step.id.kind is ObjectKind.INDEX]) == {
        "by_name", "by_kind", "by_shout", "unused", "by_time", "more", "by_what",
    }  # fmt: skip
    assert [step.id.name for step in steps if step.id.kind is ObjectKind.TRIGGER] == [
        "after_all", "first_one", "second", "third",
    ]  # fmt: skip


def test_an_index_stays_that_a_foreign_key_needs_on_either_side(ends: Ends, server: MariaServer) -> None:
    for statement in (
        "CREATE TABLE p (id int PRIMARY KEY, code int, other int, KEY codes (code), KEY others (other))",
        "CREATE TABLE c (id int PRIMARY KEY, code int, CONSTRAINT one FOREIGN KEY (code) REFERENCES p (code))",
    ):
        server.execute(ends.target, statement)
    with contextlib.closing(connector.target(ends.target)) as target:
        steps = target.suspensions([TableName(None, "p"), TableName(None, "c")])
    assert names(steps) == {"others"}


@pytest.mark.parametrize("sees", [True, False])
def test_an_index_stays_that_a_foreign_key_of_another_database_needs(
    ends: Ends, server: MariaServer, sees: bool
) -> None:
    """Where our user may not see that key, the server tells when the index is to go."""
    server.execute(
        ends.target, "CREATE TABLE p (id int PRIMARY KEY, code int, other int, KEY codes (code), KEY o (other))"
    )
    referenced = f"`{ends.target.database}`.p (code)"
    server.execute(ends.source, f"CREATE TABLE c (code int, CONSTRAINT one FOREIGN KEY (code) REFERENCES {referenced})")
    login = ends.target if sees else user(server, ends.target, "ALL")
    with contextlib.closing(connector.target(login)) as target:
        lease(target, "p")
        before = schema(ends)
        steps = target.suspensions([TableName(None, "p")])
        assert names(steps) == ({"o"} if sees else {"codes", "o"})
        target.suspend(steps)
        assert names(target.suspensions([TableName(None, "p")])) == (set() if sees else {"codes"})
        target.restore(steps)
        assert schema(ends) == before


def test_suspended_and_restored_is_as_before(target: Target, ends: Ends, server: MariaServer) -> None:
    before, triggers = schema(ends), order_of_triggers(ends, server)
    for name in TABLES:
        steps = target.suspensions([TableName(None, name)])
        target.suspend(steps)
        assert target.suspensions([TableName(None, name)]) == []
        target.suspend(steps)
        assert [one.violations for one in target.restore(steps)] == [0] * len(steps)
        target.restore(steps)
    assert schema(ends) == before
    assert order_of_triggers(ends, server) == triggers


def test_steps_may_come_back_one_by_one(target: Target, ends: Ends, server: MariaServer) -> None:
    before, triggers = schema(ends), order_of_triggers(ends, server)
    steps = target.suspensions([TICKETS])
    target.suspend(steps)
    for step in steps:
        target.restore([step])
    assert schema(ends) == before
    assert order_of_triggers(ends, server) == triggers


def test_a_trigger_comes_back_though_the_one_before_it_is_gone_for_good(target: Target) -> None:
    steps = target.suspensions([TICKETS])
    target.suspend(steps)
    target.restore([step for step in steps if step.id.name != "second"])
    [second] = (step for step in steps if step.id.name == "second")
    assert names(target.suspensions([TICKETS])) == names(steps) - {"second"}
    target.restore([second])
    assert names(target.suspensions([TICKETS])) == names(steps)


@pytest.mark.parametrize("name", ["customers", "tickets"])
def test_a_crash_between_any_two_definitions_loses_nothing(
    target: Target, ends: Ends, server: MariaServer, name: str
) -> None:
    before, triggers = schema(ends), order_of_triggers(ends, server)
    steps = target.suspensions([TableName(None, name)])
    session = connect(ends.target, read_only=False)
    deaths = 0
    with contextlib.closing(session):
        for work in (suspend, restore):
            for moment in range(20):
                dying = Mortal(session, moment)
                if work is restore:
                    suspend(session, steps, "here")
                with contextlib.suppress(DeadError):
                    work(dying, steps, "here")
                if dying.left:
                    break
                deaths += 1
                restore(session, list(reversed(steps)), "here")
                assert schema(ends) == before
                assert order_of_triggers(ends, server) == triggers
    assert deaths >= (10 if name == "tickets" else 2)


def test_one_alter_drops_all_indexes_of_a_table_and_one_brings_them_back(target: Target, ends: Ends) -> None:
    steps = target.suspensions([TableName(None, "customers")])
    with contextlib.closing(connect(ends.target, read_only=False)) as session:
        counting = Mortal(session, 100)
        suspend(counting, steps, "here")
        assert counting.left == 99
        restore(counting, steps, "here")
        assert counting.left == 98


def late(table: str, kind: ObjectKind, name: str, add: str) -> Step:
    here = TableName(None, table)
    return Step(ObjectId(kind, here, name), here, (), (f"ALTER TABLE `{table}` ADD {add}",))


def test_what_rows_break_is_counted_and_the_rest_comes_back(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.target, "CREATE TABLE p (id int PRIMARY KEY)")
    server.execute(ends.target, "CREATE TABLE t (a int, b varchar(20), c int)")
    server.execute(
        ends.target,
        "INSERT INTO t VALUES (1, 'same 1', 5), (1, 'same 2', 6), (1, 'x', 7), (2, NULL, 5), (NULL, NULL, 5)",
    )
    steps = [
        late("t", ObjectKind.UNIQUE, "u", "UNIQUE KEY `u` (`a`)"),
        late("t", ObjectKind.UNIQUE, "prefix", "UNIQUE KEY `prefix` (`b`(4))"),
        late("t", ObjectKind.UNIQUE, "fine", "UNIQUE KEY `fine` (`b`)"),
        late("t", ObjectKind.INDEX, "i", "KEY `i` (`c`)"),
        late("t", ObjectKind.CHECK, "few", "CONSTRAINT `few` CHECK (`c` < 6)"),
        late("t", ObjectKind.FOREIGN_KEY, "fk", "CONSTRAINT `fk` FOREIGN KEY (`c`) REFERENCES `p` (`id`)"),
    ]
    with contextlib.closing(connector.target(ends.target)) as target:
        for _ in range(2):
            found = {one.step.id.name: one for one in target.restore(steps)}
            assert {name: one.violations for name, one in found.items()} == {
                "u": 2, "prefix": 1, "fine": 0, "i": 0, "few": 2, "fk": 5,
            }  # fmt: skip
            assert {name: len(server.rows(ends.target, one.query)) for name, one in found.items() if one.query} == {
                "u": 1, "prefix": 1, "few": 2, "fk": 5,
            }  # fmt: skip
        there = {
            one.id.name for one in target.objects().made if one.id.kind not in (ObjectKind.TABLE, ObjectKind.COLUMN)
        }
        assert there == {"PRIMARY", "fine", "i", "fk"}
        server.execute(ends.target, "DELETE FROM t")
        assert [one.violations for one in target.restore(steps)] == [0] * 6


def test_a_trigger_that_our_user_cannot_make_again_stays(ends: Ends, server: MariaServer) -> None:
    rich(server, ends.target)
    login = user(server, ends.target, "ALL")
    with contextlib.closing(connector.target(login)) as target:
        assert names(target.suspensions([TICKETS])) == {"more"}
        target.apply(
            ["DROP TRIGGER after_all", "CREATE TRIGGER own AFTER INSERT ON tickets FOR EACH ROW SET @x = 1"], "own"
        )
        steps = target.suspensions([TICKETS])
        assert names(steps) == {"more", "own"}
        lease(target, *TABLES)
        before = schema(ends)
        target.suspend(steps)
        target.restore(steps)
        assert schema(ends) == before


def test_a_trigger_comes_back_under_its_own_mode_and_leaves_the_session_as_it_was(
    ends: Ends, server: MariaServer
) -> None:
    with server.connect(ends.target) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a varchar(20))")
        cursor.execute("SET NAMES latin1")
        cursor.execute("SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'")
        cursor.execute("""CREATE TRIGGER odd BEFORE INSERT ON t FOR EACH ROW SET NEW."a" = NEW."a" || '!'""")
    before = order_of_triggers(ends, server)
    with contextlib.closing(connect(ends.target, read_only=False)) as session:
        settings = "SELECT @@sql_mode, @@character_set_client, @@collation_connection, @@foreign_key_checks"
        ours = session.rows(settings)
        with contextlib.closing(connector.target(ends.target)) as target:
            steps = target.suspensions([TableName(None, "t")])
        suspend(session, steps, "here")
        assert order_of_triggers(ends, server) == []
        restore(session, steps, "here")
        assert session.rows(settings) == ours
    assert order_of_triggers(ends, server) == before
    server.execute(ends.target, "INSERT INTO t VALUES ('x')")
    assert server.rows(ends.target, "SELECT a FROM t") == [("x!",)]


def test_views_are_made_once(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.target, "CREATE TABLE t (a int)")
    here = TableName(None, "t")
    step = Step(ObjectId(ObjectKind.VIEW, None, "v"), here, (), ("CREATE VIEW `v` AS SELECT `a` FROM `t`",))
    with contextlib.closing(connector.target(ends.target)) as target:
        for _ in range(2):
            [found] = target.restore([step])
            assert found.violations == 0
    assert server.rows(ends.target, "SELECT * FROM v") == []


@contextlib.contextmanager
def impatient(endpoint: Endpoint) -> Iterator[Session]:
    """A session that gives a lock up at once, and waits for answers as long as any."""
    with contextlib.closing(connect(endpoint, read_only=False)) as session:
        session.run("SET SESSION lock_wait_timeout = 1")
        yield session


@pytest.mark.parametrize("sees", [True, False])
def test_who_holds_a_lock_is_named_and_nothing_is_changed(ends: Ends, server: MariaServer, sees: bool) -> None:
    server.execute(ends.target, "CREATE TABLE t (a int, KEY k (a))")
    login = ends.target if sees else user(server, ends.target, "ALL")
    with server.connect(ends.target) as holder, contextlib.closing(connector.target(ends.target)) as target:
        steps = target.suspensions([TableName(None, "t")])
        with holder.cursor() as cursor, impatient(login) as session:
            cursor.execute("START TRANSACTION")
            cursor.execute("SELECT * FROM t")
            told = (
                rf"session {holder.thread_id()} of root, busy or idle since 20\d\d-.* UTC" if sees else "GRANT PROCESS"
            )
            with pytest.raises(Busy, match=told):
                suspend(session, steps, "DEV")
            cursor.execute("COMMIT")
            assert target.suspensions([TableName(None, "t")]) == steps
            suspend(session, steps, "DEV")
        assert target.suspensions([TableName(None, "t")]) == []


def test_two_that_restore_at_once_do_it_once(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.target, "CREATE TABLE t (a int, b int, KEY k (a), KEY l (b))")
    server.execute(ends.target, "INSERT INTO t SELECT seq, seq FROM seq_1_to_20000")
    targets = [connector.target(ends.target) for _ in range(3)]
    lease(targets[0], "t")
    before = schema(ends)
    steps = targets[0].suspensions([TableName(None, "t")])
    targets[0].suspend(steps)
    failed: list[ConnectorError] = []

    def work(target: Target) -> None:
        try:
            target.restore(steps)
        except ConnectorError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for target in targets:
        target.close()
    assert failed == []
    assert schema(ends) == before


@pytest.mark.parametrize("what", ["suspend", "apply"])
def test_who_waits_for_a_lock_is_ended_by_who_takes_over_and_takes_nothing_away(
    ends: Ends, server: MariaServer, what: str
) -> None:
    server.execute(ends.target, "CREATE TABLE t (a int, KEY k (a))")
    here = TableName(None, "t")
    waiting = (
        "SELECT 1 FROM information_schema.processlist WHERE state = 'Waiting for table metadata lock'"
        f" AND db = '{ends.target.database}'"
    )
    with (
        contextlib.closing(connector.target(ends.target)) as asleep,
        contextlib.closing(connector.target(ends.target)) as target,
        server.connect(ends.target) as other,
        other.cursor() as cursor,
    ):
        lease(asleep, "t")
        steps = asleep.suspensions([here])
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT * FROM t")
        failed: list[ConnectorError] = []

        def takes_away() -> None:
            if what == "suspend":
                asleep.suspend(steps)
            else:
                asleep.apply(["DROP TABLE t"], "table t", "t")

        def waits() -> None:
            try:
                takes_away()
            except ConnectorError as error:
                failed.append(error)

        thread = threading.Thread(target=waits)
        thread.start()
        while not server.rows(ends.target, waiting):
            assert thread.is_alive()
            time.sleep(0.01)
        lease(target, "t")
        thread.join(120)
        assert [type(error) for error in failed] == [ConnectionLost]
        cursor.execute("COMMIT")
        with pytest.raises(LeaseLost):
            takes_away()
        assert target.suspensions([here]) == steps
