"""A server that has no room left while an index is built: the rows are there, and what waited comes back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest

from connectors.contract import Endpoint
from connectors.errors import TargetFull
from connectors.mysql import connector
from connectors.mysql.testkit import MariaServer, served
from connectors.schema import TableName
from tests.connectors.mysql.databases import dumped, installed, lease

T = TableName(None, "t")
LITTLE, ENOUGH = 20, 400
"""MiB by which a file may grow that tables share: a disk as small as we like."""


@pytest.fixture
def place() -> Iterator[tuple[Path, Endpoint]]:
    with installed() as found:
        yield found


@contextlib.contextmanager
def running(folder: Path, endpoint: Endpoint, room: int = ENOUGH) -> Iterator[MariaServer]:
    file = folder / "data" / "ibdata1"
    most = (file.stat().st_size >> 20 if file.exists() else 12) + room
    options = ("--innodb-flush-log-at-trx-commit=1", f"--innodb-data-file-path=ibdata1:12M:autoextend:max:{most}M")
    with served(folder, endpoint.port or 0, endpoint.password or "", *options):
        yield MariaServer(endpoint)


def filled(server: MariaServer, rows: int) -> Endpoint:
    database = server.database("dev")
    server.execute(database, "CREATE TABLE t (id int PRIMARY KEY, a varchar(60), b int, KEY ka (a), KEY kb (b, a))")
    server.execute(database, f"INSERT INTO t SELECT seq, concat(md5(seq), 'and more'), seq FROM seq_1_to_{rows}")
    return database


def test_a_disk_that_is_full_leaves_the_rows_and_another_try(place: tuple[Path, Endpoint]) -> None:
    folder, endpoint = place
    with running(folder, endpoint, LITTLE) as server:
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
    with running(folder, endpoint) as server:
        server.execute(database, "DROP TABLE ballast")
        with contextlib.closing(connector.target(database)) as target:
            assert [one.violations for one in target.restore(steps)] == [0, 0]
            assert target.count(T) == 20_000
        assert dumped(database) == before
