"""A server of the canaries' own: its log and its files are searched, and it is told to log everything."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.testkit import testkits


@pytest.fixture(scope="session")
def own_server() -> Iterator[tuple[Any, Path]]:
    """The server, and the log it writes."""
    folder = Path(tempfile.mkdtemp(prefix="dbagent-canary-"))
    folder.chmod(0o755)
    try:
        with testkits()["postgresql"].start(folder) as server:
            yield server, folder / "log"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
