"""Many processes on one control store at once: nobody runs what another runs, nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence

from jobs.control.audit import Entry
from jobs.control.states import OVER
from jobs.control.store import ControlStore

PROCESSES, ROUNDS = 8, 4

# Each process fights for the one operation. Whoever has it counts a run in a place that only the one driver may touch:
# it reads the number, reports some progress, and writes the number plus one.
FIGHTER = """
import json, os, sys, time
from jobs.control.store import ControlStore
from jobs.errors import AlreadyRunning, UsageError
from tests.jobs.control.ask import permit

url, operation, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
store, me = ControlStore.open(url), f"host:{os.getpid()}"
print("ready", flush=True)
sys.stdin.readline()
ran = refused = 0
while ran < rounds:
    try:
        now = store.get(operation)
        row = store.start(now, f"run-{os.getpid()}-{ran}", me, permit(now), workers=2, limits={})
    except AlreadyRunning:
        refused += 1
        time.sleep(0.02)
        continue
    seen = row.rows_copied
    for part in range(3):
        store.progress(operation, me, tables_completed=part, current_table=me)
        assert store.get(operation).holder == me
        store.put_task(operation, me, f"t{part}", "copy", "copy_full", "running", records_processed=seen)
    store.progress(operation, me, rows_copied=seen + 1)
    store.finish(operation, me, "paused")
    ran += 1
print(json.dumps([ran, refused]))
"""


def test_eight_processes_take_turns(store: ControlStore, create: Callable[..., str]) -> None:
    operation = create()
    said = at_once(FIGHTER, [[url_of(store), operation, str(ROUNDS)]] * PROCESSES)
    counts = [json.loads(output) for output in said]
    assert sum(refused for _, refused in counts) > 0  # they did meet
    row = store.get(operation)
    assert (row.status, row.rows_copied) == ("paused", PROCESSES * ROUNDS)
    assert [(task.table_name, task.records_processed) for task in store.tasks(operation)] == [
        (f"t{part}", PROCESSES * ROUNDS - 1) for part in range(3)
    ]


def test_of_many_that_ask_for_one_plan_all_get_the_same_operation(
    store: ControlStore, create: Callable[..., str]
) -> None:
    code = """
import json, sys
from jobs.control.store import ControlStore
from tests.jobs.control.ask import ask
store = ControlStore.open(sys.argv[1])
definition = json.loads(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for plan in range(10):
    row = ask(store, definition, f"plan {plan}", None)
    print(row.id)
"""
    definition = json.dumps(store.get(create()).definition)
    found = [output.split() for output in at_once(code, [[url_of(store), definition]] * 4)]
    assert found == [found[0]] * 4
    assert len(set(found[0])) == 10


def test_many_that_start_at_once_never_get_more_connections_than_there_are(
    store: ControlStore, create: Callable[..., str]
) -> None:
    """Eight operations want five connections each (three workers and the driver's two) of an environment that has 13."""
    code = """
import sys
from jobs.control.store import ControlStore
from jobs.errors import RunFailed
from tests.jobs.control.ask import permit
store = ControlStore.open(sys.argv[1])
seen = store.get(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
try:
    print(store.start(seen, "run", "h", permit(seen), workers=3, limits={"PROD": 13}).workers)
except RunFailed:
    print(0)
"""
    ids = [create(parallel_workers=64) for _ in range(PROCESSES)]
    granted = sorted(int(output) for output in at_once(code, [[url_of(store), id] for id in ids]))
    assert granted == [0] * 5 + [1, 3, 3]
    assert sorted(store.get(id).workers or 0 for id in ids) == granted


def test_of_many_who_approve_reject_run_and_cancel_at_once_nothing_is_lost_and_nothing_starts_twice(
    store: ControlStore,
) -> None:
    """The trail alone must show that each start had its approvals, and it must hold every decision once."""
    code = "from tests.jobs.control.decider import main; main()"
    said = at_once(code, [[url_of(store), f"host:{number}", "50"] for number in range(6)])
    acts = [tuple(act) for output in said for act in json.loads(output)]
    rows, trail = store.recent(1000), store.trail(limit=100_000)
    decisions = [decision for row in rows for decision in store.decisions(row) if decision.operation_id == row.id]
    reported = Counter(act for act in acts if act[1] in ("approved", "rejected"))
    assert Counter((d.operation_id, d.decision, d.approver, d.role) for d in decisions) == reported
    assert Counter((e.operation_id, e.event, e.who, (e.detail or "")[3:].split(":")[0]) for e in trail
                   if e.event in ("approved", "rejected")) == reported  # fmt: skip
    starts = Counter(act[0] for act in acts if act[1] == "started")
    assert Counter(e.operation_id for e in trail if e.event in ("started", "resumed")) == starts
    assert {row.id: row.rows_copied for row in rows if row.rows_copied} == dict(starts)
    assert {kind for _, kind, *_ in acts} == {"approved", "rejected", "started", "cancel", "refused"}
    for row in rows:
        story = [entry.event for entry in trail if entry.operation_id == row.id]
        assert row.status in OVER or (row.status == "running") == (story[-1] in ("started", "resumed")), story
        assert [event for event in story[:-1] if event in ("completed", "cancelled", "stopped")] == [], story
    for sha in {row.plan_sha256 for row in rows}:
        follow([entry for entry in trail if entry.plan_sha256 == sha])


def follow(trail: Sequence[Entry]) -> None:
    """Whether each start of one plan had the approvals of two people for that very operation, since the last rejection."""
    approved: dict[str, dict[str, str]] = {}
    for entry in trail:
        operation = entry.operation_id or ""
        if entry.event == "rejected":
            approved.clear()
        elif entry.event == "approved":
            approved.setdefault(operation, {})[(entry.detail or "")[3:].split(":")[0]] = entry.who
        elif entry.event in ("started", "resumed"):
            by = approved.get(operation, {})
            assert sorted(by) == ["DBA", "SECURITY"], (entry, by)
            assert by["DBA"] != by["SECURITY"], (entry, by)


def url_of(store: ControlStore) -> str:
    return store._engine.url.render_as_string(hide_password=False)


def at_once(code: str, arguments: list[list[str]]) -> list[str]:
    """What each of these processes says after `ready`; they begin together."""
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen([sys.executable, "-c", code, *given], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for given in arguments
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=240) for process in started]
    assert [error for _, error in said] == [""] * len(started)
    return [output for output, _ in said]
