"""The PostgreSQL server these tests share, and a new pair of databases for each of them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from connectors.postgresql.testkit import PostgresServer
from tests.connectors.postgresql.pair import Pair


@pytest.fixture
def server(servers: Mapping[str, PostgresServer]) -> PostgresServer:
    return servers["postgresql"]


@pytest.fixture
def pair(server: PostgresServer) -> Pair:
    return Pair(server, server.database("prod"), server.database("dev"))
