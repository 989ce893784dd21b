"""The target's session and the ledger on a live server: made like the source, emptied under the lease, never by a cascade."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import cast

import pytest

from connectors.contract import RunRecord
from connectors.errors import Busy, ConnectionLost, LeaseHeld, LeaseLost, RowsChanged, TerminalError
from connectors.ledger import SqlLedger
from connectors.mysql import connector
from connectors.mysql.session import LEDGER, connect
from connectors.mysql.testkit import MariaServer
from connectors.schema import TableName
from tests.connectors.drive import Ends, driver
from tests.connectors.mysql.databases import lease, user

WIDE = r"""
CREATE TABLE wide (
  a int unsigned NOT NULL, b bigint(20) unsigned zerofill, c tinyint(1), d decimal(65,30) DEFAULT 1, e float(7,3), f double,
  g bit(9), h enum('x','it''s','a,b','Ä\\') NOT NULL, i set('x','y') CHARACTER SET latin1, j json, k year, l time(3),
  m datetime(6) DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6), n timestamp NOT NULL, o date, p char(3) CHARACTER
  SET ascii COLLATE ascii_bin, q varchar(30) CHARACTER SET utf8mb3 COLLATE utf8mb3_czech_ci, r mediumtext CHARACTER SET sjis,
  s binary(4), t varbinary(9), u tinyblob, v point, w geometry NOT NULL, x uuid, y inet6,
  z int INVISIBLE, id int NOT NULL AUTO_INCREMENT, `sum` int AS (`a` + 1) STORED,
  `we``ird %s` varchar(20) AS (concat('q', `c`)) VIRTUAL, PRIMARY KEY (q(10), h), KEY (id), UNIQUE (r(5), a)
) CHARACTER SET utf8mb4
"""


def test_every_type_is_made_as_it_is_in_the_source(ends: Ends) -> None:
    ends.server.execute(ends.source, WIDE)
    with driver(ends) as one:
        [table] = one.source.schema().tables
        assert one.target.creatable(table) == []
        one.target.create([table])
        [made] = one.target.schema().tables
        shapes = [[(c.name, c.type, c.nullable, c.generated, c.counter) for c in one.columns] for one in (made, table)]
        assert shapes[0] == shapes[1]
        assert made.primary_key == table.primary_key
        assert one.target.mismatches(table, made) == []
        assert one.target.mismatches(made, table) == []
    text = ends.server.rows(ends.target, "SHOW CREATE TABLE wide")[0][1]
    for words in (
        "`z` int(11) INVISIBLE",
        "PRIMARY KEY (`q`(10),`h`)",
        "AUTO_INCREMENT",
        "json_valid(`j`)",
        "`c` tinyint(1)",
    ):
        assert words in text


def test_a_staging_table_refuses_nothing(ends: Ends) -> None:
    ends.server.execute(ends.target, WIDE)
    with contextlib.closing(connector.target(ends.target)) as target:
        lease(target, "wide")
        [table] = target.schema().tables
        stage = target.stage("run", 0, table)
        target.stage("run", 0, table)
        ends.server.execute(ends.target, f"INSERT INTO {stage.name} (a) VALUES (1), (1)")
        assert [found.name.name for found in target.schema().tables] == ["wide"]


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("a int", "a bigint", "a is bigint here but int in the source"),
        ("a int", "a int unsigned", "int unsigned here"),
        ("a tinyint(1)", "a tinyint", None),
        ("a int(5)", "a int(11)", None),
        ("a varchar(9) CHARACTER SET utf8mb4", "a varchar(9) CHARACTER SET latin1", "texts in latin1 here"),
        ("a varchar(9) CHARACTER SET latin1", "a varchar(9) CHARACTER SET utf8mb4", None),
        ("a enum('x','y')", "a enum('x')", "enum"),
        ("a int, b int AS (a + 1)", "a int, b int", "b is computed by the source but not by the target"),
        ("a int, b int AS (a + 1)", "a int, b int AS (a + 2)", "b is computed differently"),
        ("a int", "a int NOT NULL", "a is NOT NULL here"),
        ("a int", "a int, b int NOT NULL AUTO_INCREMENT PRIMARY KEY", None),
        ("a int", "a int, b int NOT NULL", "b is NOT NULL without a default"),
        ("A int", "a int", None),
    ],
)
def test_what_does_not_fit_is_told(ends: Ends, source: str, target: str, words: str | None) -> None:
    ends.server.execute(ends.source, f"CREATE TABLE t ({source})")
    ends.server.execute(ends.target, f"CREATE TABLE t ({target})")
    with driver(ends) as one:
        found = one.target.mismatches(one.source.schema().tables[0], one.target.schema().tables[0])
    assert len(found) == (words is not None)
    assert words is None or words in found[0]


def test_a_table_without_transactions_is_no_target(ends: Ends) -> None:
    ends.server.execute(ends.source, "CREATE TABLE t (a int) ENGINE = MyISAM")
    ends.server.execute(ends.target, "CREATE TABLE t (a int) ENGINE = Aria")
    with driver(ends) as one:
        [source], [target] = one.source.schema().tables, one.target.schema().tables
        [reason] = one.target.mismatches(source, target)
        assert "engine is Aria, which knows no transactions" in reason
        assert any("MyISAM knows no snapshot" in note for note in source.notes)


def test_a_type_or_collation_that_the_server_lacks_is_told(ends: Ends) -> None:
    ends.server.execute(ends.source, "CREATE TABLE t (a varchar(9))")
    with driver(ends) as one:
        [table] = one.source.schema().tables
        column = table.columns[0]
        odd = replace(column, type=replace(column.type, collation="utf8mb4_0900_ai_ci"))
        [reason] = one.target.creatable(replace(table, columns=(odd,)))
    assert "no collation utf8mb4_0900_ai_ci" in reason


@pytest.mark.parametrize("privileged", [True, False])
def test_identity_stays_with_rows_and_indexes_and_changes_with_the_table(ends: Ends, privileged: bool) -> None:
    ends.server.execute(ends.target, "CREATE TABLE t (a int AUTO_INCREMENT PRIMARY KEY, b int, KEY k (b))")
    login = ends.target if privileged else user(ends.server, ends.target, "ALL")
    with contextlib.closing(connector.target(login)) as target:
        table, name = target.schema().tables[0], TableName(None, "t")
        before = target.identity(name)
        ends.server.execute(ends.target, "INSERT INTO t VALUES (5, 1), (900, 2)")
        target.settle(table)
        assert target.identity(name) == before
        if privileged:
            steps = target.suspensions([name])
            lease(target, "t")
            target.suspend(steps)
            assert target.identity(name) == before
            target.restore(steps)
            assert target.identity(name) == before
            ends.server.execute(ends.target, "TRUNCATE TABLE t")
            assert target.identity(name) != before
            before = target.identity(name)
        else:
            time.sleep(1.1)  # the server tells the moment of its making in whole seconds
        ends.server.execute(ends.target, "DROP TABLE t")
        ends.server.execute(ends.target, "CREATE TABLE t (a int AUTO_INCREMENT PRIMARY KEY, b int, KEY k (b))")
        assert target.identity(name) != before


def test_counters_continue_behind_what_was_copied(ends: Ends) -> None:
    ends.server.execute(ends.source, "CREATE TABLE t (a int AUTO_INCREMENT PRIMARY KEY, b int)")
    ends.server.execute(ends.source, "INSERT INTO t VALUES (41, 1), (7, 2)")
    with driver(ends) as one:
        one.copy(["t"])
    ends.server.execute(ends.target, "INSERT INTO t (b) VALUES (3)")
    assert sorted(ends.server.read(ends.target, "t")) == [(7, 2), (41, 1), (42, 3)]


# Emptying


def test_emptying_does_not_cascade_and_needs_no_truncate(ends: Ends) -> None:
    ends.server.execute(ends.target, "CREATE TABLE p (id int PRIMARY KEY)")
    ends.server.execute(
        ends.target, "CREATE TABLE c (id int, p_id int, FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE CASCADE)"
    )
    ends.server.execute(ends.target, "INSERT INTO p VALUES (1), (2)")
    ends.server.execute(ends.target, "INSERT INTO c VALUES (1, NULL)")
    name = f"d{ends.target.database[-8:]}"
    ends.server.execute(ends.target, f"CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'x'")
    rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX"
    ends.server.execute(ends.target, f"GRANT {rights} ON `{ends.target.database}`.* TO '{name}'@'127.0.0.1'")
    for endpoint in (replace(ends.target, user=name, password="x"), ends.target):
        with contextlib.closing(connector.target(endpoint)) as target:
            lease(target, "p", "c")
            target.empty([TableName(None, "p")])
            assert (target.count(TableName(None, "p")), target.count(TableName(None, "c"))) == (0, 1)
            ends.server.execute(ends.target, "INSERT INTO p VALUES (1)")
    ends.server.execute(ends.target, "UPDATE c SET p_id = 1")
    with contextlib.closing(connector.target(ends.target)) as target:
        lease(target, "p", "c")
        with pytest.raises(TerminalError, match="rows of c reference this table"):
            target.empty([TableName(None, "p")])


def test_a_driver_that_was_superseded_empties_nothing(ends: Ends) -> None:
    ends.server.execute(ends.target, "CREATE TABLE t (a int)")
    ends.server.execute(ends.target, "INSERT INTO t VALUES (1)")
    with (
        contextlib.closing(connector.target(ends.target)) as one,
        contextlib.closing(connector.target(ends.target)) as two,
    ):
        lease(one, "t")
        lease(two, "t")
        with pytest.raises(LeaseLost):
            one.empty([TableName(None, "t")])
        assert not two.is_empty(TableName(None, "t"))


@pytest.mark.parametrize("more", ["", ", LOCK TABLES"])
def test_a_row_that_comes_while_a_run_s_own_are_emptied_stays_with_them(ends: Ends, more: str) -> None:
    ends.server.execute(ends.target, "CREATE TABLE t (a int)")
    ends.server.execute(ends.target, "INSERT INTO t VALUES (1), (2)")
    login = user(ends.server, ends.target, f"SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX{more}")
    name, server = TableName(None, "t"), cast(MariaServer, ends.server)
    waiting = (
        "SELECT 1 FROM information_schema.processlist p LEFT JOIN information_schema.innodb_trx x"
        f" ON x.trx_mysql_thread_id = p.id WHERE p.user = '{login.user}'"
        " AND (p.state = 'Waiting for table metadata lock' OR x.trx_state = 'LOCK WAIT')"
    )
    with contextlib.closing(connector.target(login)) as target, server.connect(ends.target) as other:
        lease(target, "t")
        with other.cursor() as cursor, ThreadPoolExecutor(1) as pool:
            cursor.execute("START TRANSACTION")
            cursor.execute("INSERT INTO t VALUES (3)")
            emptied = pool.submit(target.empty, [name], {name: 2})
            while not server.rows(ends.target, waiting):
                assert not emptied.done()
                time.sleep(0.3)  # InnoDB looks anew only where nobody has asked for a tenth of a second
            cursor.execute("COMMIT")
            with pytest.raises(RowsChanged, match="3 are there, and 2 are this run's"):
                emptied.result()
        assert target.count(name) == 3
        target.empty([name], {name: 3})
        assert target.count(name) == 0


def test_rows_that_another_database_references_stay(ends: Ends) -> None:
    ends.server.execute(ends.target, "CREATE TABLE p (id int PRIMARY KEY)")
    referenced = f"`{ends.target.database}`.p (id)"
    ends.server.execute(ends.source, f"CREATE TABLE c (p_id int, FOREIGN KEY (p_id) REFERENCES {referenced})")
    ends.server.execute(ends.target, "INSERT INTO p VALUES (1)")
    ends.server.execute(ends.source, "INSERT INTO c VALUES (1)")
    with contextlib.closing(connector.target(ends.target)) as target:
        lease(target, "p")
        with pytest.raises(TerminalError, match=rf"rows of {ends.source.database}\.c reference this table"):
            target.empty([TableName(None, "p")])
        ends.server.execute(ends.source, "DELETE FROM c")
        target.empty([TableName(None, "p")])
        assert target.count(TableName(None, "p")) == 0


# The ledger


@pytest.mark.parametrize("lives", [False, True])
def test_a_task_that_hangs_keeps_the_lease_only_while_its_driver_lives(ends: Ends, lives: bool) -> None:
    record = RunRecord("run", "operation", "0" * 64, "PROD", "running", 0.0, None)
    with contextlib.closing(connector.target(ends.target)) as former:
        fence = lease(former, "t")
        hung = connect(replace(ends.target, application=f"dbagent/run/{fence}/"), read_only=False)
        with (
            contextlib.closing(hung),
            contextlib.closing(connector.target(replace(ends.target, patience=4.0))) as later,
        ):
            hung.run("START TRANSACTION")
            hung.rows("SELECT * FROM _dbagent_leases LOCK IN SHARE MODE")
            if lives:
                with pytest.raises((LeaseHeld, Busy)):
                    later.ledger.acquire(record, ["t"], "later", lambda _: True)
                hung.rows("SELECT 1")
            else:
                assert later.ledger.acquire(record, ["t"], "later", lambda _: False) == fence + 1
                with pytest.raises(ConnectionLost):
                    hung.rows("SELECT 1")


def test_a_sign_of_life_does_not_wait_for_chunks_and_a_takeover_does(ends: Ends) -> None:
    task = connect(ends.target, read_only=False)
    with contextlib.closing(connector.target(ends.target)) as one, contextlib.closing(task):
        fence = lease(one, "t")
        holder = SqlLedger(task, LEDGER)
        holder._lease = one.ledger._lease
        taken = threading.Event()

        def take_over() -> None:
            with contextlib.closing(connector.target(ends.target)) as two:
                lease(two, "t", run="other")
                taken.set()

        with task.transaction():
            holder.hold(["t"])
            one._session.run("SET SESSION innodb_lock_wait_timeout = 1")
            one.ledger.renew("run", fence)
            other = threading.Thread(target=take_over)
            other.start()
            assert not taken.wait(0.5)
        other.join(120)
        assert taken.is_set()
        with pytest.raises(LeaseLost):
            one.ledger.renew("run", fence)
        with pytest.raises(LeaseLost), task.transaction():
            holder.hold(["t"])


def test_tables_whose_names_differ_in_case_alone_have_leases_of_their_own(ends: Ends) -> None:
    with (
        contextlib.closing(connector.target(ends.target)) as one,
        contextlib.closing(connector.target(ends.target)) as two,
    ):
        lease(one, "Orders")
        lease(two, "orders", run="other")
        assert one.ledger.held("run") == {"Orders"}
        assert two.ledger.held("other") == {"orders"}


def test_a_ledger_is_made_once_by_many(ends: Ends) -> None:
    targets = [connector.target(ends.target) for _ in range(4)]
    threads = [threading.Thread(target=target.ledger.create) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for target in targets:
        assert target.ledger.runs() == []
        target.close()
    assert [row[0] for row in ends.server.rows(ends.target, "SHOW TABLES")] == [
        f"_dbagent_{name}" for name in ("chunks", "leases", "runs", "steps", "tables")
    ]


def test_a_lock_that_others_keep_is_busy(ends: Ends) -> None:
    ends.server.execute(ends.target, "CREATE TABLE t (a int)")
    with (
        contextlib.closing(connect(ends.target, read_only=False)) as other,
        contextlib.closing(connector.target(replace(ends.target, patience=2.0))) as one,
    ):
        lease(one, "t")
        other.run("LOCK TABLES t WRITE")
        with pytest.raises(Busy):
            one.empty([TableName(None, "t")])
