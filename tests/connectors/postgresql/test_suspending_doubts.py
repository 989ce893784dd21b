"""What one could be deceived by: names, rows that come or change meanwhile, checks that are off, a long sleep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.errors import ConnectorError, LeaseLost, RowsChanged
from connectors.objects import ObjectKind
from connectors.postgresql import violations
from connectors.schema import TableName
from tests.connectors.postgresql.pair import Pair
from tests.connectors.postgresql.test_suspending import late


def test_a_name_that_reads_like_a_condition_hides_no_row(pair: Pair) -> None:
    keys = """CONSTRAINT "k CHECK (true) " CHECK (a > 0), CONSTRAINT "two
lines" CHECK (a < 9), CONSTRAINT "FOREIGN KEY (a) REFERENCES public.t(a)" FOREIGN KEY (b) REFERENCES public.t (a)"""
    pair.server.execute(pair.dev, f"CREATE TABLE t (a integer UNIQUE, b integer, {keys})")
    with pair.sessions() as (_, target):
        steps = late(target, [TableName("public", "t")], [ObjectKind.CHECK, ObjectKind.FOREIGN_KEY])
        pair.server.execute(pair.dev, "INSERT INTO t VALUES (0, 3), (-1, 3), (9, NULL)")
        assert sorted(one.violations for one in target.restore(steps)) == [1, 2, 2]


def test_rows_that_are_mended_meanwhile_leave_nothing_for_restored_that_is_not(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = "UNIQUE (a), CONSTRAINT b CHECK (b > 0), CONSTRAINT c FOREIGN KEY (b) REFERENCES p"
    pair.server.execute(
        pair.dev, f"CREATE TABLE p (x integer PRIMARY KEY); CREATE TABLE t (a integer, b integer, {keys})"
    )
    with pair.sessions() as (_, target):
        steps = late(target, [TableName("public", "t")], [ObjectKind.UNIQUE, ObjectKind.CHECK, ObjectKind.FOREIGN_KEY])
        for step in steps:
            pair.server.execute(pair.dev, "INSERT INTO t VALUES (1, -1), (1, -1)")
            with monkeypatch.context() as patched:
                for asked in ("twins", "failing", "orphans"):
                    patched.setattr(violations, asked, lambda *_: violations.NONE)
                with pytest.raises(ConnectorError):
                    target.restore([step])
            pair.server.execute(pair.dev, "DELETE FROM t")
            assert [one.violations for one in target.restore([step])] == [0]
            there = "SELECT conname FROM pg_constraint WHERE conrelid = 't'::regclass AND convalidated"
            assert pair.server.rows(pair.dev, there) == [(step.id.name,)]
            pair.server.execute(pair.dev, f"ALTER TABLE t DROP CONSTRAINT {step.id.name}")


def test_who_was_superseded_takes_nothing_away(pair: Pair) -> None:
    pair.server.execute(pair.dev, "CREATE TABLE t (a integer); CREATE INDEX i ON t (a)")
    table = TableName("public", "t")
    with pair.sessions() as (_, asleep), pair.sessions() as (_, target):
        steps = asleep.suspensions([table])
        pair.lease(asleep, table)
        pair.lease(target, table)
        with pytest.raises(LeaseLost):
            asleep.suspend(steps)
        with pytest.raises(LeaseLost):
            asleep.apply(["DROP TABLE t"], "table t", str(table))
        assert target.suspensions([table]) == steps


def test_a_key_whose_checks_are_off_stays_as_it_is(pair: Pair) -> None:
    pair.server.execute(pair.dev, "CREATE TABLE t (a integer PRIMARY KEY, b integer REFERENCES t)")
    pair.server.execute(pair.dev, "ALTER TABLE t DISABLE TRIGGER ALL")
    with pair.sessions() as (_, target):
        assert target.suspensions([TableName("public", "t")]) == []


def test_one_that_was_never_proven_comes_back_so(pair: Pair) -> None:
    pair.server.execute(pair.dev, "CREATE TABLE t (a integer PRIMARY KEY, b integer); INSERT INTO t VALUES (1, 9)")
    pair.server.execute(pair.dev, "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (b) REFERENCES t NOT VALID")
    with pair.sessions() as (_, target):
        steps = target.suspensions([TableName("public", "t")])
        pair.lease(target, TableName("public", "t"))
        target.suspend(steps)
        for _ in range(2):
            assert [one.violations for one in target.restore(steps)] == [0]
            assert pair.server.rows(pair.dev, "SELECT convalidated FROM pg_constraint WHERE conname = 'k'") == [
                (False,)
            ]


def test_an_index_comes_back_where_it_was_wherever_new_ones_are_made(pair: Pair) -> None:
    pair.server.execute(pair.dev, "CREATE TABLE t (a integer); CREATE INDEX i ON t (a)")
    with pair.server.connect(pair.dev) as other:
        other.execute("SET allow_in_place_tablespaces = on")
        other.execute("CREATE TABLESPACE elsewhere LOCATION ''")
    table = TableName("public", "t")
    try:
        with pair.sessions() as (_, target):
            target._connection.execute(b"SET default_tablespace = elsewhere")
            pair.lease(target, table)
            steps = target.suspensions([table])
            target.suspend(steps)
            target.restore(steps)
            assert target.suspensions([table]) == steps, "one in a tablespace of its own would not be suspended"
    finally:
        pair.server.execute(pair.dev, "DROP TABLE t")
        with pair.server.connect(pair.dev) as other:
            other.execute("DROP SCHEMA _dbagent CASCADE")
            other.execute("DROP TABLESPACE elsewhere")


def test_a_row_that_comes_while_a_run_s_own_are_emptied_stays_with_them(pair: Pair) -> None:
    pair.server.execute(pair.dev, "CREATE TABLE t (a integer); INSERT INTO t VALUES (1), (2)")
    name = TableName("public", "t")
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 't'::regclass"
    with pair.sessions() as (_, target), pair.server.connect(pair.dev) as other, ThreadPoolExecutor(1) as pool:
        pair.lease(target, name)
        other.execute("BEGIN; INSERT INTO t VALUES (3)")
        emptied = pool.submit(target.empty, [name], {name: 2})
        while not pair.server.rows(pair.dev, waiting):
            assert not emptied.done()
        other.execute("COMMIT")
        with pytest.raises(RowsChanged, match="3 are there, and 2 are this run's"):
            emptied.result()
        assert target.count(name) == 3
        target.empty([name], {name: 3})
        assert target.is_empty(name)
