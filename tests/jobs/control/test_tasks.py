"""Table tasks in the control store."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from jobs.control.states import TASK, ImpossibleTransition, TaskStatus
from jobs.control.store import ControlStore
from jobs.errors import UsageError
from tests.jobs.control.conftest import start


@pytest.fixture
def operation(store: ControlStore, create: Callable[..., str]) -> str:
    """One that host:1 drives."""
    operation = create()
    start(store, operation)
    return operation


def test_a_task_is_recorded_with_its_times(store: ControlStore, operation: str) -> None:
    store.put_task(operation, "host:1", "users", "copy", "copy_full", "pending", total_records=10)
    [row] = store.tasks(operation)
    assert (row.table_name, row.phase, row.operation, row.status) == ("users", "copy", "copy_full", "pending")
    assert (row.started_at, row.completed_at) == (None, None)
    store.put_task(
        operation,
        "host:1",
        "users",
        "copy",
        "copy_full",
        "running",
        records_processed=4,
        total_records=10,
        batch_size=1000,
        worker_id="w1",
        source_query="id < 5",
    )
    [row] = store.tasks(operation)
    assert (row.records_processed, row.batch_size, row.worker_id, row.source_query) == (4, 1000, "w1", "id < 5")
    assert row.started_at is not None
    store.put_task(operation, "host:1", "users", "copy", "copy_full", "running", records_processed=8)
    assert store.tasks(operation)[0].started_at == row.started_at
    store.put_task(operation, "host:1", "users", "copy", "copy_full", "failed", error_message="disk full")
    [row] = store.tasks(operation)
    assert row.completed_at is not None
    assert row.error_message == "disk full"
    store.put_task(operation, "host:1", "users", "copy", "copy_full", "running")
    [row] = store.tasks(operation)
    assert (row.completed_at, row.error_message) == (None, None)


def test_each_phase_of_each_table_has_one_row(store: ControlStore, operation: str) -> None:
    for table, phase in (("users", "copy"), ("users", "verify"), ("orders", "copy"), ("users", "copy")):
        store.put_task(operation, "host:1", table, phase, "copy_full", "running")
    assert [(row.table_name, row.phase) for row in store.tasks(operation)] == [
        ("users", "copy"),
        ("users", "verify"),
        ("orders", "copy"),
    ]


@pytest.mark.parametrize("after", get_args(TaskStatus))
@pytest.mark.parametrize("before", get_args(TaskStatus))
def test_only_steps_of_the_table_are_taken(
    store: ControlStore, operation: str, before: TaskStatus, after: TaskStatus
) -> None:
    path: list[TaskStatus] = ["pending"] if before == "pending" else ["running", before]
    for status in path:
        store.put_task(operation, "host:1", "users", "copy", "copy_full", status)
    if (before, after) in TASK or before == after:
        store.put_task(operation, "host:1", "users", "copy", "copy_full", after)
        assert store.tasks(operation)[0].status == after
    else:
        with pytest.raises(ImpossibleTransition, match=f"from {before} to {after}"):
            store.put_task(operation, "host:1", "users", "copy", "copy_full", after)
        assert store.tasks(operation)[0].status == before


def test_tasks_are_pending_until_something_else_is_known(store: ControlStore, operation: str) -> None:
    store.put_task(operation, "host:1", "users", "copy", "copy_full", "running", records_processed=4)
    store.add_tasks(operation, "host:1", "copy", "copy_full", {"users": (10, None), "orders": (20, "id < 5")})
    users, orders = store.tasks(operation)
    assert (users.status, users.records_processed) == ("running", 4)
    assert (orders.table_name, orders.status, orders.total_records) == ("orders", "pending", 20)
    assert (orders.source_query, orders.started_at, orders.records_processed) == ("id < 5", None, 0)


def test_only_the_driver_at_work_writes_tasks(store: ControlStore, operation: str) -> None:
    store.put_task(operation, "host:1", "users", "copy", "copy_full", "completed", records_processed=4)
    before = store.tasks(operation)
    start(store, operation, holder="host:2", alive=lambda _: False)
    store.put_task(operation, "host:1", "users", "copy", "copy_full", "failed", error_message="late")
    store.add_tasks(operation, "host:1", "copy", "copy_full", {"orders": (20, None)})
    assert store.tasks(operation) == before


def test_a_task_needs_its_operation(store: ControlStore) -> None:
    with pytest.raises(UsageError, match="there is no such operation"):
        store.put_task("op-19990101-abcdef", "host:1", "users", "copy", "copy_full", "running")
