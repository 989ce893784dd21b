"""The control store on both databases it can live in: a file, and a server."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from jobs.control.rows import OperationRow, now
from jobs.control.store import ControlStore
from jobs.control.tables import approvals, audit_log, operations, schema_changes, tasks
from tests.jobs.control.ask import ask, permit


def on_server(servers: Any) -> str:
    """A new database on the test server."""
    made = servers["postgresql"].database("control")
    login = ":".join(quote(part) for part in (made.user, made.password) if part)
    return f"postgresql://{login}@{made.host}:{made.port}/{made.database}"


@pytest.fixture
def server(servers: Any) -> str:
    """A new, empty store on a server."""
    return on_server(servers)


@pytest.fixture(scope="session")
def shared_server(servers: Any) -> str:
    """One store on a server for tests that only need it empty: a new database takes a second."""
    return on_server(servers)


@pytest.fixture(params=["file", "server"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty store of each kind."""
    if request.param == "file":
        return f"sqlite:///{tmp_path}/state/control.db"
    return str(request.getfixturevalue("server"))


@pytest.fixture(params=["file", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ControlStore]:
    """An open store of each kind, without operations."""
    kept = f"sqlite:///{tmp_path}/state/control.db"
    url = kept if request.param == "file" else request.getfixturevalue("shared_server")
    with ControlStore.open(url) as opened:
        with opened._engine.begin() as connection:
            connection.execute(approvals.delete())
            connection.execute(audit_log.delete())
            connection.execute(schema_changes.delete())
            connection.execute(tasks.delete())
            connection.execute(operations.delete())
        yield opened


@pytest.fixture
def create(store: ControlStore) -> Callable[..., str]:
    """Records a new operation (of a plan of its own, without `sha`) and returns its ID."""

    numbers = itertools.count(1)

    def created(sha: str | None = None, **changes: Any) -> str:
        definition = {
            "operation_type": "copy_filtered",
            "source_env": "PROD",
            "target_env": "DEV",
            "tables": {"users": "id < 5", "orders": None},
            "filter": {"orders": "total > 1"},
            "anonymize": True,
            "parallel_workers": 4,
            "domain_id": None,
            "policy": {"key": {"secret": "env:KEY"}, "columns": {}},
            "scheduled_at": None,
            **changes,
        }
        sha = sha or f"{next(numbers):064x}"
        seen = store.latest(sha, definition["target_env"])
        return ask(store, definition, sha, seen).id

    return created


def start(
    store: ControlStore, operation: str, run_id: str = "run-1", holder: str = "host:1", **how: Any
) -> OperationRow:
    """Start an operation as it is now."""
    wanted: dict[str, Any] = {"workers": 4, "limits": {}, **how}
    row = store.get(operation)
    return store.start(row, run_id, holder, permit(row), **wanted)


def silence(store: ControlStore, operation: str, seconds: float = 61) -> None:
    """Let the operation's driver have been heard of that long ago."""
    with store._engine.begin() as connection:
        change = operations.update().where(operations.c.id == operation)
        connection.execute(change.values(heartbeat_at=now() - timedelta(seconds=seconds)))
