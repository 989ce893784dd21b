"""Who may drive an operation: connections, drivers that come together, drivers that were superseded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.control.states import Ended, Stop
from jobs.control.store import ControlStore
from jobs.control.tables import operations
from jobs.errors import AlreadyRunning, Exit, RunFailed, UsageError, exit_code
from tests.jobs.control.ask import ask, permit
from tests.jobs.control.conftest import silence, start

Create = Callable[..., str]
SHA = "a" * 64


def test_the_workers_of_an_operation_are_what_the_limits_leave(store: ControlStore, create: Create) -> None:
    assert start(store, create(), workers=4, limits={}).workers == 4
    assert start(store, create(), workers=4, limits={"PROD": 100, "OTHER": 1}).workers == 4
    # the two hold 2 × (4 + 2) of each end
    assert start(store, create(), workers=4, limits={"PROD": 16, "DEV": 15}).workers == 1
    # and the third 1 + 2
    with pytest.raises(RunFailed, match=r"max_connections \(17\) leaves no connection .* hold up to 15") as caught:
        start(store, waiting := create(), workers=4, limits={"PROD": 30, "DEV": 17})
    assert caught.value.where == "environment DEV"
    row = store.get(waiting)
    assert (row.status, row.workers, row.holder) == ("approved", None, None)
    assert start(store, waiting, workers=4, limits={"DEV": 18}).workers == 1


def test_connections_of_what_does_not_run_or_live_are_free(store: ControlStore, create: Create) -> None:
    create(parallel_workers=64)
    silent, ended = create(), create()
    start(store, silent, workers=50)
    silence(store, silent)
    start(store, ended, workers=50)
    store.finish(ended, "host:1", "failed")
    start(store, create(source_env="TEST"), workers=2)
    assert start(store, create(), workers=9, limits={"PROD": 5, "DEV": 8}).workers == 2


def test_a_resumed_operation_does_not_count_its_own_former_driver(store: ControlStore, create: Create) -> None:
    operation = create()
    start(store, operation, workers=4)
    row = start(store, operation, holder="host:2", workers=4, limits={"PROD": 6}, alive=lambda _: False)
    assert row.workers == 4


def test_an_environment_at_both_ends_gives_twice(store: ControlStore, create: Create) -> None:
    start(store, create(target_env="PROD"), workers=2)
    assert start(store, create(target_env="PROD"), workers=9, limits={"PROD": 8 + 10}).workers == 3


def test_a_running_operation_of_an_older_version_counts_what_it_wanted(store: ControlStore, create: Create) -> None:
    former = create(parallel_workers=7)
    start(store, former)
    with store._engine.begin() as connection:
        connection.execute(operations.update().values(workers=None))
    assert start(store, create(), workers=9, limits={"PROD": 9 + 3}).workers == 1


def definition(store: ControlStore, create: Create) -> dict[str, Any]:
    return store.get(create()).definition


def test_a_plan_made_before_another_driver_ran_is_not_carried_out(store: ControlStore, create: Create) -> None:
    asked = definition(store, create)

    def find(seen: Any) -> Any:
        return ask(store, asked, SHA, seen)

    new = find(None)
    assert find(None) == new
    assert find(new) == new
    start(store, new.id)
    with pytest.raises(AlreadyRunning, match="meanwhile; it is running"):
        find(None)
    store.finish(new.id, "host:1", "completed")
    for seen in (None, new):
        with pytest.raises(AlreadyRunning, match="meanwhile; it is completed") as caught:
            find(seen)
        assert exit_code(caught.value) == Exit.BUSY
    assert find(store.latest(SHA, "DEV")).id != new.id


def test_an_operation_that_another_has_run_since_it_was_seen_is_not_started(
    store: ControlStore, create: Create
) -> None:
    operation = create()
    seen = store.get(operation)
    start(store, operation, "run-1", "host:1")
    store.finish(operation, "host:1", "paused")
    with pytest.raises(AlreadyRunning, match="meanwhile; it is paused"):
        store.start(seen, "run-2", "host:2", permit(seen), workers=1, limits={})
    assert store.get(operation).run_id == "run-1"


def test_an_operation_cancelled_before_it_began_is_not_started(store: ControlStore, create: Create) -> None:
    seen = store.get(create())
    store.request_stop(seen.id, "cancel")
    with pytest.raises(UsageError, match="is cancelled and does not run again"):
        store.start(seen, "run-1", "host:1", permit(seen), workers=1, limits={})


@pytest.mark.parametrize("after", ["completed", "failed", "paused", "cancelled"])
def test_a_superseded_driver_has_no_say(store: ControlStore, create: Create, after: Ended) -> None:
    operation = create()
    start(store, operation, "run-1", "host:1")
    start(store, operation, "run-1", "host:2", alive=lambda _: False)
    silence(store, operation, 30)
    before = store.get(operation)
    store.progress(operation, "host:1", rows_copied=7)
    with pytest.raises(AlreadyRunning, match="another driver has taken over"):
        store.finish(operation, "host:1", after, "late")
    assert store.get(operation) == before
    assert store.finish(operation, "host:2", "completed", report={"rows": 1}).status == "completed"
    with pytest.raises(AlreadyRunning):
        store.finish(operation, "host:1", after, "late")
    assert store.get(operation).report == {"rows": 1}


@pytest.mark.parametrize(
    ("asked", "said", "is_then"),
    [
        ("pause", "completed", "completed"),
        ("pause", "failed", "paused"),
        ("pause", "paused", "paused"),
        ("cancel", "completed", "cancelled"),
        ("cancel", "failed", "cancelled"),
        ("cancel", "cancelled", "cancelled"),
    ],
)
def test_a_slow_driver_whose_operation_was_stopped_meanwhile(
    store: ControlStore, create: Create, asked: Stop, said: Ended, is_then: Ended
) -> None:
    operation = create()
    start(store, operation)
    silence(store, operation)
    assert store.request_stop(operation, asked).status == ("paused" if asked == "pause" else "cancelled")
    row = store.finish(operation, "host:1", said, report={"rows": 1})
    assert (row.status, row.holder) == (is_then, None)
    assert row.report == ({"rows": 1} if is_then == "completed" else None)


def test_a_pause_that_another_driver_has_resumed_is_not_completed_late(store: ControlStore, create: Create) -> None:
    operation = create()
    start(store, operation, holder="host:1")
    silence(store, operation)
    store.request_stop(operation, "pause")
    start(store, operation, holder="host:2")
    store.finish(operation, "host:2", "paused")
    with pytest.raises(AlreadyRunning, match="another driver has taken over"):
        store.finish(operation, "host:1", "completed")
    assert store.get(operation).status == "paused"


def test_a_server_that_repeats_reads_lets_starters_take_turns_all_the_same(server: str) -> None:
    url = server + "?options=-c%20default_transaction_isolation%3Dserializable"
    with ControlStore.open(url) as store, store._writing() as connection:
        assert connection.execute(sa.text("SHOW transaction_isolation")).scalar() == "read committed"
