"""What others see while a run is at work and after it: one run per engine, watched from all sides by a user who may only
read the source."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors import testkit
from jobs.control.rows import OperationRow, TaskRow
from jobs.control.store import ControlStore
from tests.jobs.running.faults import (
    TABLES,
    Launcher,
    asked,
    assert_exact,
    fill,
    masked,
    only_operation,
    slow,
    under_way,
    until,
)
from tests.jobs.running.site import Site

RATE = 0.15
"""Megabytes a second from the source."""
NEW_USER = {"mysql": "CREATE USER {} IDENTIFIED BY 'reads'", "postgresql": "CREATE ROLE {} LOGIN PASSWORD 'reads'"}
KEYS = {
    "status",
    "tables_completed",
    "tables_total",
    "rows_copied",
    "rows_total",
    "current_table",
    "bytes_transferred",
    "eta_seconds",
}


@dataclass
class Watched:
    """A run that succeeded, and what was seen on the way."""

    site: Site
    progress: list[dict[str, Any]]
    status: list[dict[str, Any]]
    row: OperationRow
    tasks: list[TaskRow]
    source_before: str
    source_after: str


@pytest.fixture(scope="module", params=sorted(testkit.testkits()))
def watched(request: pytest.FixtureRequest, servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    site = Site.make(servers[request.param], tmp_path_factory.mktemp("watched"), "watched")
    fill(site)
    slow(site, RATE, **only_reading(site))
    before = source_state(site)
    launcher = Launcher()
    try:
        running = launcher(site, "run", masked(site))
        under_way(site, running, "accounts")
        identifier = only_operation(site).id
        until(lambda: asked(site, "progress", identifier)["rows_copied"], "rows in the control store")
        progress, status = [asked(site, "progress", identifier)], [asked(site, "status", "DEV")]
        while running.process.poll() is None:
            progress.append(asked(site, "progress", identifier))
        running.succeeds()
    finally:
        launcher.end_all()
    progress.append(asked(site, "progress", identifier))
    status.append(asked(site, "status", "DEV"))
    with ControlStore.open(site.control) as store:
        row, tasks = store.get(identifier), store.tasks(identifier)
    return Watched(site, progress, status, row, tasks, before, source_state(site))


def only_reading(site: Site) -> dict[str, Any]:
    """Settings of PROD with the least rights there are: a user with SELECT alone; a file nobody may write to."""
    if site.prod.user is None:
        site.server.execute(site.prod, "PRAGMA journal_mode = DELETE")
        Path(site.prod.database).chmod(0o444)
        return {}
    os.environ["READER_PASSWORD"] = "reads"
    role = f"reader_{site.prod.database}"
    site.server.execute(site.prod, NEW_USER[site.prod.engine].format(role))
    for table in TABLES:
        site.server.execute(site.prod, f"GRANT SELECT ON {table} TO {role}")
    return {"user": role, "password": {"secret": "env:READER_PASSWORD"}}


def source_state(site: Site) -> str:
    """A file's every byte and its neighbours; a server's tables."""
    if site.prod.user is None:
        file = Path(site.prod.database)
        names = sorted(other.name for other in file.parent.glob(f"{file.name}*"))
        return f"{names} {hashlib.sha256(file.read_bytes()).hexdigest()}"
    return str([site.server.digest(site.prod, table) for table in TABLES])


def test_progress_has_every_key_and_only_grows(watched: Watched) -> None:
    for seen in watched.progress:
        assert set(seen) == KEYS
        assert seen["tables_total"] == len(TABLES)
        assert 0 <= seen["rows_copied"] <= seen["rows_total"]
        assert seen["eta_seconds"] is None or seen["eta_seconds"] >= 0
    for key in ("tables_completed", "rows_copied", "bytes_transferred"):
        values = [seen[key] for seen in watched.progress]
        assert values == sorted(values), key
    first, last = watched.progress[0], watched.progress[-1]
    assert first["status"] == "running"
    assert first["current_table"].rsplit(".", 1)[-1] in TABLES
    assert 0 < first["rows_copied"] < last["rows_copied"]
    assert first["eta_seconds"] is not None
    assert last["status"] == "completed"
    assert last["tables_completed"] == len(TABLES)
    assert (
        last["rows_copied"]
        == last["rows_total"]
        == sum(len(watched.site.server.read(watched.site.dev, t)) for t in TABLES)
    )
    assert (last["current_table"], last["eta_seconds"]) == (None, None)


def test_the_target_itself_says_whether_the_copy_is_complete(watched: Watched) -> None:
    during, after = watched.status
    assert not during["complete"]
    assert during["last_run"]["state"] == "running"
    assert {table["state"] for table in during["tables"]} >= {"prepared"}
    assert after["complete"]
    assert [table["state"] for table in after["tables"]] == ["complete"] * len(TABLES)
    rows = {table["table"].rsplit(".", 1)[-1]: table["rows"] for table in after["tables"]}
    assert rows == {table: len(watched.site.server.read(watched.site.dev, table)) for table in TABLES}


def test_the_control_store_has_one_finished_task_per_table(watched: Watched) -> None:
    assert sorted(task.table_name.rsplit(".", 1)[-1] for task in watched.tasks) == sorted(TABLES)
    for task in watched.tasks:
        assert (task.status, task.phase, task.operation) == ("completed", "copy", "copy_full")
        assert task.started_at is not None
        assert task.completed_at is not None
        assert task.records_processed == len(watched.site.rows(watched.site.dev, task.table_name.rsplit(".", 1)[-1]))


def test_reading_keeps_to_the_rate_that_is_allowed(watched: Watched) -> None:
    assert watched.row.report is not None
    timing = watched.row.report["timing"]
    seconds = timing["last_commit"] - timing["first_chunk_started"]
    allowed = watched.row.report["bytes"] / 1e6 / RATE
    assert 0.8 * allowed <= seconds <= 4 * allowed + 5


def test_a_user_who_may_only_read_suffices_and_the_source_is_as_before(watched: Watched) -> None:
    assert watched.source_before == watched.source_after
    assert_exact(watched.site)
