"""The PostgreSQL server these tests share, and a new pair of databases for each of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.postgresql.testkit import PostgresServer, testkit
from tests.connectors.postgresql.pair import Pair


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    # pytest's own temporary folders are closed to other users, and the server runs as one when we are root.
    folder = Path(tempfile.mkdtemp(prefix="dbagent-postgresql-"))
    folder.chmod(0o755)
    try:
        with testkit.start(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def pair(server: PostgresServer) -> Pair:
    return Pair(server, server.database("prod"), server.database("dev"))
