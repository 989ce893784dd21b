"""Drivers of one operation that meet in the control store: who copies, who is told what, and what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from connectors.errors import LeaseLost
from jobs.control.rows import TaskRow, now
from jobs.control.states import Stop
from jobs.control.store import ControlStore
from jobs.control.tables import operations
from jobs.errors import AlreadyRunning, Exit, RunStopped, exit_code
from jobs.running import epoch
from jobs.running import run as run_module
from jobs.running.drive import Driver
from jobs.running.holder import holder
from jobs.running.run import Claim, run
from jobs.running.verify import Proof
from tests.jobs.control.ask import permit
from tests.jobs.running.faults import only_operation
from tests.jobs.running.site import Site

pytestmark = pytest.mark.usefixtures("no_spark")

APPEND = {"tables": ["plain"], "anonymize": False, "policy": None, "if_target_not_empty": "append"}


def go(site: Site, **changes: Any) -> None:
    run(
        str(site.operation(**changes)),
        environments_path=site.folder / "environments.yaml",
        control_url=site.control,
        console=Console(quiet=True),
    )


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, whose: type, method: str, happens: Callable[[], None], *, after: bool = False
) -> None:
    """Let something happen once, before or after the next call of a method."""
    real = getattr(whose, method)

    def patched(*given: Any, **how: Any) -> Any:
        monkeypatch.setattr(whose, method, real)
        if after:
            result = real(*given, **how)
            happens()
            return result
        happens()
        return real(*given, **how)

    monkeypatch.setattr(whose, method, patched)


def taken_over(site: Site) -> None:
    """Another driver starts the operation, because the one at work seems dead."""
    with ControlStore.open(site.control) as store:
        [row] = store.recent()
        store.start(row, "its-run", "elsewhere:1:1", permit(row), workers=1, limits={}, alive=lambda _: False)


def stopped(site: Site, what: Stop) -> None:
    """Somebody stops the operation, whose driver was not heard of for too long."""
    with ControlStore.open(site.control) as store:
        with store._engine.begin() as connection:
            connection.execute(operations.update().values(heartbeat_at=now() - timedelta(hours=1)))
        store.request_stop(store.recent()[0].id, what)


@pytest.mark.parametrize("after", [False, True], ids=["before it copies", "when all is copied"])
def test_a_driver_that_another_has_taken_over_from_leaves_the_record_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    site.fill(users=5, orders=5, plain=3)
    meanwhile(monkeypatch, Driver, "execute", lambda: taken_over(site), after=after)
    with pytest.raises(AlreadyRunning, match="another driver has taken over") as caught:
        go(site)
    assert exit_code(caught.value) == Exit.BUSY
    row = only_operation(site)
    assert (row.status, row.run_id, row.holder, row.error) == ("running", "its-run", "elsewhere:1:1", None)
    assert row.rows_copied == (13 if after else 0)  # what was shown before another took over


def test_a_driver_that_lost_its_tables_to_another_store_s_driver_says_so(
    file_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost() -> None:
        raise LeaseLost("another driver has taken over this run")

    file_site.fill(users=5, orders=5, plain=3)
    meanwhile(monkeypatch, Driver, "execute", lost)
    with pytest.raises(AlreadyRunning, match="another driver has taken over") as caught:
        go(file_site)
    row = only_operation(file_site)
    assert row.status == "failed"
    assert "another driver has taken over" in (row.error or "")
    assert f"dbagent resume {row.id}" in caught.value.todo


def test_a_copy_that_was_paused_because_its_driver_was_slow_completes_late(
    file_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_site.fill(users=5, orders=5, plain=3)
    meanwhile(monkeypatch, Driver, "execute", lambda: stopped(file_site, "pause"), after=True)
    go(file_site)
    row = only_operation(file_site)
    assert (row.status, row.stop_requested) == ("completed", None)
    assert row.report is not None


def test_a_copy_that_was_cancelled_because_its_driver_was_slow_stays_cancelled(
    file_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_site.fill(users=5, orders=5, plain=3)
    meanwhile(monkeypatch, Driver, "execute", lambda: stopped(file_site, "cancel"), after=True)
    with pytest.raises(RunStopped, match="was cancelled meanwhile, but everything was done and proven"):
        go(file_site)
    assert only_operation(file_site).status == "cancelled"


@pytest.mark.parametrize("operation", [{}, APPEND], ids=["refuse", "append"])
def test_a_run_that_another_overtakes_after_its_plan_is_told_and_leaves_no_operation(
    site: Site, monkeypatch: pytest.MonkeyPatch, operation: dict[str, Any]
) -> None:
    site.fill(users=5, orders=5, plain=3)
    meanwhile(monkeypatch, Claim, "stake", lambda: go(site, **operation))
    with pytest.raises(AlreadyRunning, match="another driver has worked on the operation meanwhile"):
        go(site, **operation)
    assert only_operation(site).status == "completed"
    assert len(site.rows(site.dev, "plain")) == 3


@pytest.mark.parametrize("operation", [{}, APPEND], ids=["refuse", "append"])
def test_a_run_beside_another_is_told_before_it_plans_and_leaves_no_operation(
    site: Site, monkeypatch: pytest.MonkeyPatch, operation: dict[str, Any]
) -> None:
    def another() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(run_module, "holder", lambda: "elsewhere:1:1")
            with pytest.raises(AlreadyRunning, match="the operation is already running"):
                go(site, **operation)

    site.fill(users=5, orders=5, plain=3)
    meanwhile(monkeypatch, Driver, "execute", another)
    go(site, **operation)
    assert only_operation(site).status == "completed"
    assert len(site.rows(site.dev, "plain")) == 3


def test_every_table_s_task_is_there_from_the_start(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[TaskRow] = []

    def look(*_: Any) -> Proof:
        with ControlStore.open(site.control) as store:
            seen.extend(store.tasks(store.recent()[0].id))
        raise KeyboardInterrupt

    site.fill(users=50, orders=50, plain=3)
    with monkeypatch.context() as patch:
        patch.setattr(Driver, "execute", look)
        with pytest.raises(RunStopped):
            go(site)
    assert sorted(task.table_name.rsplit(".", 1)[-1] for task in seen) == ["orders", "plain", "users"]
    assert {(task.status, task.phase, task.started_at) for task in seen} == {("pending", "copy", None)}
    go(site)
    with ControlStore.open(site.control) as store:
        after = store.tasks(only_operation(site).id)
    assert [task.id for task in after] == [task.id for task in seen]
    assert {task.status for task in after} == {"completed"}
    assert {task.worker_id for task in after} == {holder()}


def test_a_table_s_task_says_how_large_its_chunks_are(site: Site) -> None:
    site.fill(users=5, orders=5, plain=3)
    go(site)
    with ControlStore.open(site.control) as store:
        tasks = store.tasks(only_operation(site).id)
    assert {task.batch_size for task in tasks} == {epoch.CHUNK_BYTES[0]}


def test_the_workers_in_use_are_recorded(file_site: Site) -> None:
    file_site.fill(users=5, orders=5, plain=3)
    file_site.environments({"PROD": {"max_connections": 5}, "DEV": {"max_connections": 4}})
    go(file_site, parallel_workers=8)
    row = only_operation(file_site)
    assert (row.parallel_workers, row.workers) == (8, 2)
