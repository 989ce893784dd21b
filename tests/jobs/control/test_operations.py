"""Operations in the control store: what is recorded, who may run, how a run ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.control.rows import now
from jobs.control.states import Ended
from jobs.control.store import ControlStore
from jobs.control.tables import operations
from jobs.errors import AlreadyRunning, UsageError
from tests.jobs.control.ask import FREE
from tests.jobs.control.conftest import silence, start

Create = Callable[..., str]


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
    assert row.plan_what == {"format": 2, "approvals": FREE.as_json()}
    assert row.status == "approved"
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


def test_an_unfinished_operation_of_a_plan_is_found_before_a_newer_one_that_is_over(
    store: ControlStore, create: Create
) -> None:
    sha = "a" * 64
    assert store.latest(sha, "DEV") is None
    one = create(sha)
    start(store, one)
    store.finish(one, "host:1", "failed", "broken")
    assert create(sha) == one
    store.request_stop(one, "cancel")
    two = create(sha)
    assert two != one
    found = store.latest(sha, "DEV")
    assert found is not None
    assert found.id == two
    with store._engine.begin() as connection:  # as a store of an older version may have them
        connection.execute(operations.update().where(operations.c.id == one).values(status="paused"))
        connection.execute(operations.update().where(operations.c.id == two).values(status="completed"))
    found = store.latest(sha, "DEV")
    assert found is not None
    assert found.id == one
    assert store.latest(sha, "TEST") is None
    assert store.latest("b" * 64, "DEV") is None


def test_a_run_from_start_to_end(store: ControlStore, create: Create) -> None:
    operation = create()
    row = start(store, operation)
    assert (row.status, row.run_id, row.holder, row.live) == ("running", "run-1", "host:1", True)
    store.progress(operation, "host:1", tables_total=2, rows_total=10, rows_copied=4, current_table="users")
    store.progress(operation, "host:1", tables_completed=1, bytes_transferred=77)
    row = store.get(operation)
    assert (row.tables_completed, row.tables_total, row.rows_copied, row.rows_total) == (1, 2, 4, 10)
    assert (row.bytes_transferred, row.current_table) == (77, "users")
    row = store.finish(operation, "host:1", "completed", report={"rows": 10})
    assert (row.status, row.report, row.current_table, row.holder) == ("completed", {"rows": 10}, None, None)
    assert row.started_at is not None
    assert row.completed_at is not None
    assert row.started_at <= row.completed_at


def test_a_second_driver_is_told_who_is_at_work(store: ControlStore, create: Create) -> None:
    operation = create()
    start(store, operation)
    with pytest.raises(AlreadyRunning, match=r"already running \(driver host:1\)"):
        start(store, operation, "run-2", "host:2")
    assert store.get(operation).run_id == "run-1"


def test_a_dead_driver_is_taken_over(store: ControlStore, create: Create) -> None:
    operation = create()
    start(store, operation)
    store.progress(operation, "host:1", rows_copied=7)
    row = start(store, operation, "run-1", "host:2", alive=lambda holder: holder != "host:1")
    assert (row.holder, row.rows_before) == ("host:2", 7)
    silence(store, operation)
    assert not store.get(operation).live
    assert start(store, operation, "run-1", "host:3").holder == "host:3"


def test_a_failed_run_is_resumed_without_its_old_end(store: ControlStore, create: Create) -> None:
    operation = create()
    start(store, operation)
    store.finish(operation, "host:1", "failed", "disk full")
    assert store.get(operation).error == "disk full"
    row = start(store, operation, "run-1", "host:2")
    assert (row.status, row.error, row.completed_at) == ("running", None, None)


@pytest.mark.parametrize("end", ["completed", "cancelled"])
def test_what_is_over_does_not_run_again(store: ControlStore, create: Create, end: Ended) -> None:
    operation = create()
    start(store, operation)
    store.finish(operation, "host:1", end)
    with pytest.raises(UsageError, match=f"is {end} and does not run again"):
        start(store, operation, "run-2", "host:1")


def test_a_stop_reaches_the_driver_and_a_cancel_outlives_a_pause(store: ControlStore, create: Create) -> None:
    operation = create()
    start(store, operation)
    assert store.stop_requested(operation) is None
    assert store.request_stop(operation, "pause").status == "running"
    assert store.stop_requested(operation) == "pause"
    store.request_stop(operation, "cancel")
    store.request_stop(operation, "pause")
    assert store.stop_requested(operation) == "cancel"
    store.finish(operation, "host:1", "cancelled")
    assert store.get(operation).status == "cancelled"


def test_a_resumed_run_does_not_remember_that_it_was_stopped(store: ControlStore, create: Create) -> None:
    operation = create()
    start(store, operation)
    store.request_stop(operation, "pause")
    store.finish(operation, "host:1", "paused")
    start(store, operation, "run-1", "host:2")
    assert store.stop_requested(operation) is None


def test_a_stop_takes_effect_at_once_where_no_driver_lives(store: ControlStore, create: Create) -> None:
    waiting, dead = create(), create()
    assert store.request_stop(waiting, "cancel").status == "cancelled"
    start(store, dead, "run-1", "host:1")
    silence(store, dead)
    assert store.request_stop(dead[:-1], "pause").status == "paused"
    # a driver that was only slow learns of it, and its own last word fits
    store.progress(dead, "host:1", rows_copied=5)
    assert store.stop_requested(dead) == "pause"
    assert store.get(dead).rows_copied == 0
    row = store.finish(dead, "host:1", "paused")
    assert (row.status, row.holder) == ("paused", None)


@pytest.mark.parametrize(
    ("steps", "what"), [([], "pause"), (["completed"], "cancel"), (["cancelled"], "pause"), (["failed"], "pause")]
)
def test_what_does_not_run_cannot_be_stopped(
    store: ControlStore, create: Create, steps: list[Ended], what: Any
) -> None:
    operation = create()
    for end in steps:
        start(store, operation)
        store.finish(operation, "host:1", end)
    with pytest.raises(UsageError, match=f"nothing to {what}"):
        store.request_stop(operation, what)


def test_times_are_utc_whatever_the_database_keeps(store: ControlStore, create: Create) -> None:
    row = store.get(create())
    assert row.created_at.utcoffset() == timedelta(0)
    with store._engine.connect() as connection:
        kept = connection.execute(sa.select(operations.c.created_at)).scalar_one()
    assert kept == row.created_at
