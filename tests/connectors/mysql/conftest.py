"""A new pair of databases for each test, on the MariaDB server that all of them share."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from connectors.mysql import connector
from connectors.mysql.testkit import MariaServer
from tests.connectors.drive import Ends


@pytest.fixture
def server(servers: Mapping[str, MariaServer]) -> MariaServer:
    return servers["mysql"]


@pytest.fixture
def ends(server: MariaServer) -> Ends:
    return Ends(connector, server, server.database("prod"), server.database("dev"))
