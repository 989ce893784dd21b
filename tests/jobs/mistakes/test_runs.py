"""Mistakes that only a run meets: it fails with table, chunk and class, can be resumed, and then ends exactly."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.testkit import SampleTable
from jobs.cli import call
from jobs.control.store import ControlStore
from jobs.running import epoch
from jobs.running import run as run_module
from tests.jobs.mistakes.told import Told, policy
from tests.jobs.running.site import POLICY, Site

pytestmark = pytest.mark.usefixtures("no_spark")

CHECKED = "CREATE TABLE plain (code {0}, label {0} CHECK (label <> 'label 13'))"


def failed_operation(site: Site) -> str:
    """The ID of the only operation, which failed; its tasks say so without a value."""
    with ControlStore.open(site.control) as store:
        [row] = store.recent()
        tasks = store.tasks(row.id)
    assert row.status == "failed"
    assert row.error
    assert "label 1" not in row.error
    assert {task.status for task in tasks} <= {"pending", "completed", "failed"}
    return row.id


def ends_exactly(site: Site, operation: str) -> None:
    """Resuming completes it, and what must be equal is."""
    assert call(site.arguments("resume", operation)) == 0
    with ControlStore.open(site.control) as store:
        assert store.get(operation).status == "completed"
    assert site.server.digest(site.prod, "plain") == site.landing.digest(site.dev, "plain")
    for table in ("users", "orders"):
        kept = [[row[:1] for row in site.rows(end, table)] for end in (site.prod, site.dev)]
        assert kept[0] == kept[1]


def test_a_unique_key_of_the_target_alone(site: Site, told: Told) -> None:
    site.fill(users=30, orders=40, plain=20)
    site.server.create(
        site.dev, SampleTable("plain", {"code": "text", "label": "text"}, unique=(("label",),), not_null=())
    )
    site.server.insert(site.prod, "plain", [("twice", "label 1")])
    said = told.failed(site, 5, "run", str(site.operation()))
    assert "unique" in said
    assert "plain, chunk 0" in said
    if site.prod.engine != "mysql":  # where a load says how many rows it would have replaced, and not by which key
        assert "[23505]" in said or "[SQLITE_CONSTRAINT_UNIQUE]" in said
        assert "label" in said, "the constraint or column is named"
    operation = failed_operation(site)
    assert f"dbagent resume {operation}\n" in said
    assert "unique" in told.failed(site, 5, "resume", operation), "the same mistake, told again"
    site.server.execute(site.prod, "DELETE FROM plain WHERE code = 'twice'")
    ends_exactly(site, operation)
    assert "the operation is completed: there is nothing to resume" in told(site, 2, "resume", operation)
    assert "nothing to pause" in told(site, 2, "pause", operation)
    assert "nothing to cancel" in told(site, 2, "cancel", operation)
    assert "the table is not empty" in told(site, 3, "run", operation)


def test_a_check_of_the_target_alone(site: Site, told: Told) -> None:
    site.fill(users=30, orders=40, plain=20)
    site.landing.execute(site.dev, CHECKED.format(site.text))
    said = told.failed(site, 5, "run", str(site.operation()))
    assert "CHECK" in said
    assert any(code in said for code in ("[23514]", "[SQLITE_CONSTRAINT_CHECK]", "[4025]"))
    assert "plain, chunk 0" in said
    operation = failed_operation(site)
    site.server.execute(site.prod, "DELETE FROM plain WHERE label = 'label 13'")
    ends_exactly(site, operation)


def test_a_source_table_dropped_after_the_plan(site: Site, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fill(users=30, orders=40, plain=20)
    real = run_module._drive

    def dropped(*given: Any) -> None:
        site.server.execute(site.prod, "DROP TABLE plain")
        real(*given)

    monkeypatch.setattr(run_module, "_drive", dropped)
    said = told.failed(site, 5, "run", str(site.operation()))
    assert "plain" in said
    operation = failed_operation(site)
    monkeypatch.setattr(run_module, "_drive", real)
    for command in ("resume", "run"):
        said = told(site, 2, command, operation)
        assert "the operation is no longer what was planned; changed: tables." in said
        assert "plain" in said


def test_a_target_table_dropped_while_it_is_loaded(site: Site, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fill(users=30, orders=40, plain=20)
    real = epoch.prepare

    def dropped(*given: Any) -> Any:
        prepared = real(*given)
        site.landing.execute(site.dev, "DROP TABLE plain")
        return prepared

    monkeypatch.setattr(epoch, "prepare", dropped)
    said = told.failed(site, 5, "run", str(site.operation()))
    assert "plain, chunk 0" in said
    monkeypatch.setattr(epoch, "prepare", real)
    ends_exactly(site, failed_operation(site))


@pytest.mark.parametrize("asked", ["pause", "cancel", "Ctrl-C"])
def test_a_run_that_is_stopped_says_how_to_go_on(
    asked: str, site: Site, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(users=30, orders=40, plain=20)
    real = epoch.prepare

    def stopped(*given: Any) -> Any:
        if asked == "Ctrl-C":
            raise KeyboardInterrupt
        with ControlStore.open(site.control) as store:
            [row] = store.recent()
            store.request_stop(row.id, "pause" if asked == "pause" else "cancel")
        return real(*given)

    monkeypatch.setattr(epoch, "prepare", stopped)
    said = told.failed(site, 6, "run", str(site.operation()))
    monkeypatch.setattr(epoch, "prepare", real)
    with ControlStore.open(site.control) as store:
        [row] = store.recent()
    assert f"  operation {row.id}\n" in said
    if asked == "cancel":
        assert row.status == "cancelled"
        assert "its file can be run again: that makes a new operation" in said
        return
    assert row.status == "paused"
    assert said.endswith(f"continue with: dbagent resume {row.id}\n")
    ends_exactly(site, row.id)


def test_an_operation_whose_plan_has_changed_says_what_changed(site: Site, told: Told) -> None:
    site.fill(users=30, orders=40, plain=20)
    site.landing.execute(site.dev, CHECKED.format(site.text))
    told.failed(site, 5, "run", str(site.operation()))
    operation, key = failed_operation(site), site.folder / "master.key"
    site.server.execute(site.prod, "ALTER TABLE users ADD COLUMN extra text")
    before = key.read_text()
    key.write_text(before[::-1])
    for command in ("resume", "run"):
        said = told(site, 2, command, operation)
        assert "users.columns.extra" in said
        assert "changed: key, " in said
        assert "not empty" not in said
        assert "run the operation's file: that makes a new operation with the new plan" in said
    key.write_text(before)
    site.server.execute(site.prod, "ALTER TABLE users DROP COLUMN extra")
    site.server.execute(site.prod, "DELETE FROM plain WHERE label = 'label 13'")
    ends_exactly(site, operation)


def test_orphans_say_what_can_be_done(site: Site, told: Told) -> None:
    site.fill(users=30, orders=40, plain=20)
    operation = str(site.operation(operation_type="copy_filtered", filter={"users": "id < 10"}))
    said = told.failed(site, 8, "run", operation)
    assert "rows reference no row of" in said
    assert "say `on_violation: report`" in said
    failed_operation(site)


@pytest.mark.parametrize("reference", ["op-nope", "%", "x y", "é", "a" * 300, "''"])
def test_an_operation_that_does_not_exist(reference: str, file_site: Site, told: Told) -> None:
    for command in ("run", "resume", "show", "progress", "pause", "cancel"):
        said = told(file_site, 2, command, reference)
        assert "there is no such operation" in said
        assert "dbagent list" in said


def test_a_reference_that_is_no_operation(file_site: Site, told: Told) -> None:
    site = file_site
    site.fill(users=3, orders=3, plain=3)
    operation = str(site.operation(if_target_not_empty="truncate"))
    for _ in range(2):
        assert call(site.arguments("run", operation)) == 0
    said = told(site, 2, "show", "op-")
    assert "more than one operation begins so" in said
    assert "write more of it: op-" in said
    assert f"continue a file's unfinished run with: dbagent run {operation}" in told(site, 2, "resume", operation)
    assert "there is no such file" in told(site, 2, "run", "nope.yaml")
    assert "is a directory" in told(site, 2, "run", str(site.folder))
    assert "operation_type: is missing" in told(site, 2, "run", str(site.folder / "environments.yaml"))


def test_what_a_bug_stumbled_over_is_recorded_nowhere(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site.fill(users=3, orders=3, plain=3)

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("user1@corp1.test")

    monkeypatch.setattr(epoch, "prepare", broken)
    assert call(site.arguments("run", str(site.operation()))) == 1
    assert "user1@corp1.test" not in "".join(capsys.readouterr())
    with ControlStore.open(site.control) as store:
        [row] = store.recent()
    assert (row.status, row.error) == ("failed", "a bug in dbagent: ZeroDivisionError")
    monkeypatch.undo()


def test_a_policy_whose_file_is_gone_stays_with_its_operation(file_site: Site, told: Told) -> None:
    """An operation is self-contained: only its secrets are looked up again."""
    site = file_site
    site.fill(users=3, orders=3, plain=3)
    operation = site.operation(if_target_not_empty="truncate", policy=policy(site, POLICY))
    assert call(site.arguments("run", str(operation))) == 0
    with ControlStore.open(site.control) as store:
        [row] = store.recent()
    operation.unlink()
    assert call(site.arguments("run", row.id)) == 0
    Path(site.folder / "master.key").unlink()
    assert "policy: key: there is no file" in told(site, 2, "run", row.id)


def test_an_operation_that_another_version_recorded(file_site: Site, told: Told) -> None:
    site = file_site
    site.fill(users=3, orders=3, plain=3)
    assert call(site.arguments("run", str(site.operation()))) == 0
    with closing(sqlite3.connect(site.folder / "control.db")) as connection, connection:
        connection.execute("UPDATE database_operations SET definition = '{\"operation_type\": 1}', status = 'failed'")
    with ControlStore.open(site.control) as store:
        [row] = store.recent()
    assert "recorded in a form that this version does not know" in told(site, 2, "resume", row.id)
