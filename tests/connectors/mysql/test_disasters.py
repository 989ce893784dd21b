"""A server that dies, or has no room left, while an index is built: the rows are there, and what waited comes back."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest

from connectors.contract import Endpoint, Tls
from connectors.errors import ConnectionLost, ConnectorError, TargetFull
from connectors.mysql import connector
from connectors.mysql.testkit import OWNER, MariaServer, install, served, unprivileged
from connectors.schema import TableName
from connectors.testkit import free_port
from tests.connectors.mysql.databases import dumped, lease

ROWS = 400_000
T = TableName(None, "t")
LITTLE, ENOUGH = 20, 400
"""MiB by which a file may grow that tables share: a disk as small as we like."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="dbagent-"))
    found.chmod(0o755)
    user = unprivileged()
    if user:
        shutil.chown(found, user)
    install(found / "data", user)
    yield found
    shutil.rmtree(found, ignore_errors=True)


@pytest.fixture(scope="module")
def endpoint() -> Endpoint:
    return Endpoint(
        "test", "mysql", "mysql", "127.0.0.1", free_port(), OWNER, secrets.token_urlsafe(16), Tls("disable")
    )


@contextlib.contextmanager
def running(folder: Path, endpoint: Endpoint, room: int = ENOUGH) -> Iterator[tuple[MariaServer, threading.Event]]:
    """A server, and what kills it when set."""
    file = folder / "data" / "ibdata1"
    most = (file.stat().st_size >> 20 if file.exists() else 12) + room
    options = ("--innodb-flush-log-at-trx-commit=1", f"--innodb-data-file-path=ibdata1:12M:autoextend:max:{most}M")
    with served(folder, endpoint.port or 0, endpoint.password or "", *options) as process:
        kill = threading.Event()
        thread = threading.Thread(target=lambda: kill.wait() and process.kill())
        thread.start()
        try:
            yield MariaServer(endpoint), kill
        finally:
            kill.set()
            thread.join()


def filled(server: MariaServer, rows: int) -> Endpoint:
    database = server.database("dev")
    server.execute(database, "CREATE TABLE t (id int PRIMARY KEY, a varchar(60), b int, KEY ka (a), KEY kb (b, a))")
    server.execute(database, f"INSERT INTO t SELECT seq, concat(md5(seq), 'and more'), seq FROM seq_1_to_{rows}")
    return database


def test_a_server_that_is_killed_in_the_middle_of_an_index_build(folder: Path, endpoint: Endpoint) -> None:
    with running(folder, endpoint) as (server, kill):
        database = filled(server, ROWS)
        with contextlib.closing(connector.target(database)) as target:
            lease(target, "t")
            before = dumped(database)
            steps = target.suspensions([T])
            target.suspend(steps)
            failed: list[ConnectorError] = []

            def restore() -> None:
                try:
                    target.restore(steps)
                except ConnectorError as error:
                    failed.append(error)

            thread = threading.Thread(target=restore)
            thread.start()
            query = "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'ALTER TABLE%' AND state = 'altering table'"
            wait_for(server, database, query, thread)
            kill.set()
            thread.join()
        assert [type(error) for error in failed] == [ConnectionLost]
    with running(folder, endpoint) as (server, _):
        with contextlib.closing(connector.target(database)) as target:
            assert target.suspensions([T]) == []
            assert target.count(T) == ROWS
            assert [one.violations for one in target.restore(steps)] == [0, 0]
        assert dumped(database) == before
        server.execute(database, f"DROP DATABASE `{database.database}`")


def wait_for(server: MariaServer, database: Endpoint, query: str, thread: threading.Thread) -> None:
    with server.connect(database) as connection, connection.cursor() as cursor:
        while thread.is_alive():
            cursor.execute(query)
            if cursor.fetchall():
                return
            time.sleep(0.005)
    raise AssertionError("it was through before it could be killed")


def test_a_disk_that_is_full_leaves_the_rows_and_another_try(folder: Path, endpoint: Endpoint) -> None:
    with running(folder, endpoint, LITTLE) as (server, _):
        server.execute(replace(endpoint, database="mysql"), "SET GLOBAL innodb_file_per_table = 0")
        database = filled(server, 20_000)
        with contextlib.closing(connector.target(database)) as target:
            lease(target, "t")
            before = dumped(database)
            server.execute(database, "CREATE TABLE ballast (a longtext)")
            steps = target.suspensions([T])
            target.suspend(steps)
            with contextlib.suppress(pymysql.OperationalError):
                while True:
                    server.execute(database, "INSERT INTO ballast SELECT repeat('x', 100000) FROM seq_1_to_10")
            with pytest.raises(TargetFull, match="disk is full"):
                target.restore(steps)
            assert target.count(T) == 20_000
    with running(folder, endpoint) as (server, _):
        server.execute(database, "DROP TABLE ballast")
        with contextlib.closing(connector.target(database)) as target:
            assert [one.violations for one in target.restore(steps)] == [0, 0]
            assert target.count(T) == 20_000
        assert dumped(database) == before
