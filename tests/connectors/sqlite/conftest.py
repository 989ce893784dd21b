"""Two files per test: PROD made by the test with plain sqlite3, DEV made by the connector."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.contract import Endpoint
from connectors.sqlite import connector
from connectors.sqlite.testkit import SqliteFolder
from tests.connectors.drive import Ends


@pytest.fixture
def files(tmp_path: Path) -> Ends:
    source, target = (Endpoint(name, "sqlite", str(tmp_path / f"{name}.db")) for name in ("PROD", "DEV"))
    return Ends(connector, SqliteFolder(tmp_path), source, target)
