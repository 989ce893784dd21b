"""A server that dies in the middle of what brings things back: the rows stay, and the next attempt ends well."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from connectors.errors import ConnectionLost
from connectors.postgresql import connector
from connectors.schema import TableName
from tests.connectors.postgresql.pair import Pair
from tests.connectors.postgresql.rich import dump

HELD = """
CREATE FUNCTION held(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql
  AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN $1; END';
CREATE TABLE t (a integer PRIMARY KEY, b integer REFERENCES t);
CREATE INDEX i ON t (held(a));
CREATE INDEX j ON t (b);
INSERT INTO t SELECT n, 1 FROM generate_series(1, 100) n
"""
"""An index whose building waits for whoever holds a lock of advice."""


def until_back(pair: Pair) -> None:
    """Wait until the server takes connections again."""
    deadline = time.monotonic() + 120
    while True:
        try:
            pair.server.rows(pair.dev, "SELECT 1")
            return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_server_that_dies_while_it_builds_an_index_keeps_the_rows(pair: Pair) -> None:
    pair.server.execute(pair.dev, HELD)
    before = dump(pair.dev)
    with closing(connector.target(pair.dev)) as target, ThreadPoolExecutor(1) as pool:
        steps = target.suspensions([TableName("public", "t")])
        assert len(steps) == 3
        pair.lease(target, TableName("public", "t"))
        target.suspend(steps)
        with pair.server.connect(pair.dev) as holder:
            holder.execute("SELECT pg_advisory_lock(7)")
            restoring = pool.submit(target.restore, steps)
            while not holder.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchall():
                assert not restoring.done()
            os.kill(target._connection.info.backend_pid, signal.SIGKILL)
            with pytest.raises(ConnectionLost):
                restoring.result(timeout=120)
            with pytest.raises(psycopg.OperationalError):  # once everybody's session has ended
                holder.execute("SELECT pg_sleep(200)")
    until_back(pair)
    with closing(connector.target(pair.dev)) as target:
        assert target.count(TableName("public", "t")) == 100
        assert [one.violations for one in target.restore(steps)] == [0, 0, 0]
    assert dump(pair.dev) == before
