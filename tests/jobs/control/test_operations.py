"""Operations in the control store: what is recorded, who may run, how a run ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.control.rows import now
from jobs.control.states import OPERATION, Ended, ImpossibleTransition
from jobs.control.store import ControlStore
from jobs.control.tables import operations
from jobs.errors import AlreadyRunning, UsageError

Create = Callable[..., str]


def silence(store: ControlStore, operation: str, seconds: float = 61) -> None:
    """Let the operation's driver have been heard of that long ago."""
    with store._engine.begin() as connection:
        change = operations.update().where(operations.c.id == operation)
        connection.execute(change.values(heartbeat_at=now() - timedelta(seconds=seconds)))


def test_a_new_operation_is_recorded_as_it_was_asked_for(store: ControlStore, create: Create) -> None:
    before = now()
    row = store.get(create())
    assert re.fullmatch(r"op-\d{8}-[0-9a-f]{6}", row.id)
    assert (row.operation_type, row.source_env, row.target_env, row.requested_by) == (
        "copy_filtered",
        "PROD",
        "DEV",
        "ada",
    )
    assert row.tables == ["users", "orders"]
    assert row.filter_conditions == {"users": "id < 5", "orders": "total > 1"}
    assert row.definition["policy"] == {"key": {"secret": "env:KEY"}, "columns": {}}
    assert row.plan_what == {"format": 1}
    assert row.status == "pending"
    assert before - timedelta(seconds=1) <= row.created_at <= now()
    assert (row.run_id, row.holder, row.started_at, row.stop_requested, row.report) == (None,) * 5
    assert not row.live


def test_an_operation_is_found_by_the_beginning_of_its_id(store: ControlStore, create: Create) -> None:
    one = create()
    assert store.get(one[:14]).id == one
    assert store.get(one.rsplit("-", 1)[1][:4]).id == one
    two = create()
    with pytest.raises(UsageError, match="more than one operation begins so") as caught:
        store.get("op-")
    assert one in caught.value.todo
    assert two in caught.value.todo
    assert store.get(two).id == two


@pytest.mark.parametrize("reference", ["op-19990101-abcdef", "", "%", "_", "op-%", "OP", "a.yaml", "'"])
def test_an_operation_that_is_not_there_is_said(store: ControlStore, create: Create, reference: str) -> None:
    create()
    with pytest.raises(UsageError, match="there is no such operation"):
        store.get(reference)


def test_the_newest_come_first(store: ControlStore, create: Create) -> None:
    ids = [create() for _ in range(3)]
    assert [row.id for row in store.recent()] == ids[::-1]
    assert [row.id for row in store.recent(2)] == ids[:0:-1]


def test_the_unfinished_operation_of_a_plan_is_found(store: ControlStore, create: Create) -> None:
    assert store.find_unfinished("a" * 64, "DEV") is None
    one, two = create(), create()
    create("b" * 64)
    found = store.find_unfinished("a" * 64, "DEV")
    assert found is not None
    assert found.id == two
    store.start(two, "r", "h")
    store.finish(two, "failed", "broken")
    found = store.find_unfinished("a" * 64, "DEV")
    assert found is not None
    assert found.id == two
    store.request_stop(two, "cancel")
    found = store.find_unfinished("a" * 64, "DEV")
    assert found is not None
    assert found.id == one
    store.start(one, "r", "h")
    store.finish(one, "completed")
    assert store.find_unfinished("a" * 64, "DEV") is None
    assert store.find_unfinished("b" * 64, "TEST") is None


def test_a_run_from_start_to_end(store: ControlStore, create: Create) -> None:
    operation = create()
    row = store.start(operation, "run-1", "host:1")
    assert (row.status, row.run_id, row.holder, row.live) == ("running", "run-1", "host:1", True)
    assert store.progress(operation, tables_total=2, rows_total=10, rows_copied=4, current_table="users") is None
    assert store.progress(operation, tables_completed=1, bytes_transferred=77) is None
    row = store.get(operation)
    assert (row.tables_completed, row.tables_total, row.rows_copied, row.rows_total) == (1, 2, 4, 10)
    assert (row.bytes_transferred, row.current_table) == (77, "users")
    row = store.finish(operation, "completed", report={"rows": 10})
    assert (row.status, row.report, row.current_table, row.holder) == ("completed", {"rows": 10}, None, None)
    assert row.started_at is not None
    assert row.completed_at is not None
    assert row.started_at <= row.completed_at


def test_a_second_driver_is_told_who_is_at_work(store: ControlStore, create: Create) -> None:
    operation = create()
    store.start(operation, "run-1", "host:1")
    with pytest.raises(AlreadyRunning, match=r"already running \(driver host:1\)"):
        store.start(operation, "run-2", "host:2")
    assert store.get(operation).run_id == "run-1"


def test_a_dead_driver_is_taken_over(store: ControlStore, create: Create) -> None:
    operation = create()
    store.start(operation, "run-1", "host:1")
    store.progress(operation, rows_copied=7)
    row = store.start(operation, "run-1", "host:2", alive=lambda holder: holder != "host:1")
    assert (row.holder, row.rows_before) == ("host:2", 7)
    silence(store, operation)
    assert not store.get(operation).live
    assert store.start(operation, "run-1", "host:3").holder == "host:3"


def test_a_failed_run_is_resumed_without_its_old_end(store: ControlStore, create: Create) -> None:
    operation = create()
    store.start(operation, "run-1", "host:1")
    store.finish(operation, "failed", "disk full")
    assert store.get(operation).error == "disk full"
    row = store.start(operation, "run-1", "host:2")
    assert (row.status, row.error, row.completed_at) == ("running", None, None)


@pytest.mark.parametrize("end", ["completed", "cancelled"])
def test_what_is_over_does_not_run_again(store: ControlStore, create: Create, end: Ended) -> None:
    operation = create()
    store.start(operation, "run-1", "host:1")
    store.finish(operation, end)
    with pytest.raises(UsageError, match=f"is {end} and does not run again"):
        store.start(operation, "run-2", "host:1")


def test_a_stop_reaches_the_driver_and_a_cancel_outlives_a_pause(store: ControlStore, create: Create) -> None:
    operation = create()
    store.start(operation, "run-1", "host:1")
    assert store.stop_requested(operation) is None
    assert store.request_stop(operation, "pause").status == "running"
    assert store.stop_requested(operation) == "pause"
    store.request_stop(operation, "cancel")
    store.request_stop(operation, "pause")
    assert store.progress(operation, rows_copied=1) == "cancel"
    store.finish(operation, "cancelled")
    assert store.get(operation).status == "cancelled"


def test_a_resumed_run_does_not_remember_that_it_was_stopped(store: ControlStore, create: Create) -> None:
    operation = create()
    store.start(operation, "run-1", "host:1")
    store.request_stop(operation, "pause")
    store.finish(operation, "paused")
    store.start(operation, "run-1", "host:2")
    assert store.stop_requested(operation) is None


def test_a_stop_takes_effect_at_once_where_no_driver_lives(store: ControlStore, create: Create) -> None:
    waiting, dead = create(), create()
    assert store.request_stop(waiting, "cancel").status == "cancelled"
    store.start(dead, "run-1", "host:1")
    silence(store, dead)
    assert store.request_stop(dead[:-1], "pause").status == "paused"
    # a driver that was only slow learns of it, and its own last word fits
    assert store.progress(dead, rows_copied=5) == "pause"
    assert store.get(dead).rows_copied == 0
    assert store.finish(dead, "paused").status == "paused"


@pytest.mark.parametrize(
    ("steps", "what"), [([], "pause"), (["completed"], "cancel"), (["cancelled"], "pause"), (["failed"], "pause")]
)
def test_what_does_not_run_cannot_be_stopped(
    store: ControlStore, create: Create, steps: list[Ended], what: Any
) -> None:
    operation = create()
    for end in steps:
        store.start(operation, "run-1", "host:1")
        store.finish(operation, end)
    with pytest.raises(UsageError, match=f"nothing to {what}"):
        store.request_stop(operation, what)


STATUSES = sorted({status for pair in OPERATION for status in pair})


@pytest.mark.parametrize("after", ["completed", "failed", "paused", "cancelled"])
@pytest.mark.parametrize("before", STATUSES)
def test_an_end_that_is_in_no_table_is_refused(store: ControlStore, create: Create, before: str, after: Ended) -> None:
    operation = create()
    with store._engine.begin() as connection:
        connection.execute(operations.update().values(status=before))
    if (before, after) in OPERATION or before == after:
        assert store.finish(operation, after).status == after
    else:
        with pytest.raises(ImpossibleTransition, match=f"from {before} to {after}"):
            store.finish(operation, after)
        assert store.get(operation).status == before


def test_busy_connections_count_only_what_runs_and_lives(store: ControlStore, create: Create) -> None:
    running = [create(parallel_workers=workers) for workers in (2, 3)]
    elsewhere = create(source_env="TEST", parallel_workers=16)
    silent, waiting, ended = create(parallel_workers=32), create(parallel_workers=64), create(parallel_workers=8)
    for operation in (*running, elsewhere, silent, ended):
        store.start(operation, "r", "h")
    silence(store, silent)
    store.finish(ended, "failed")
    assert store.get(waiting).status == "pending"
    assert store.busy_connections("PROD") == 5
    assert store.busy_connections("DEV") == 21
    assert store.busy_connections("DEV", besides=elsewhere) == 5
    assert store.busy_connections("NONE") == 0


def test_times_are_utc_whatever_the_database_keeps(store: ControlStore, create: Create) -> None:
    row = store.get(create())
    assert row.created_at.utcoffset() == timedelta(0)
    with store._engine.connect() as connection:
        kept = connection.execute(sa.select(operations.c.created_at)).scalar_one()
    assert kept == row.created_at
