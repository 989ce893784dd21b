"""Many processes on one control store at once: nobody runs what another runs, nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

from jobs.control.store import ControlStore

PROCESSES, ROUNDS = 8, 4

# Each process fights for the one operation. Whoever has it counts a run in a place that only the one driver may touch:
# it reads the number, reports some progress, and writes the number plus one.
FIGHTER = """
import json, os, sys, time
from jobs.control.store import ControlStore
from jobs.errors import AlreadyRunning, UsageError

url, operation, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
store, me = ControlStore.open(url), f"host:{os.getpid()}"
print("ready", flush=True)
sys.stdin.readline()
ran = refused = 0
while ran < rounds:
    try:
        row = store.start(operation, f"run-{os.getpid()}-{ran}", me)
    except AlreadyRunning:
        refused += 1
        time.sleep(0.02)
        continue
    seen = row.rows_copied
    for part in range(3):
        store.progress(operation, tables_completed=part, current_table=me)
        assert store.get(operation).holder == me
        store.put_task(operation, f"t{part}", "copy", "copy_full", "running", records_processed=seen)
    store.progress(operation, rows_copied=seen + 1)
    store.finish(operation, "paused")
    ran += 1
print(json.dumps([ran, refused]))
"""


def test_eight_processes_take_turns(store: ControlStore, create: Callable[..., str]) -> None:
    operation = create()
    url = store._engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", FIGHTER, url, operation, str(ROUNDS)]
    fighters = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for fighter in fighters:
        assert fighter.stdout is not None
        assert fighter.stdout.readline() == "ready\n"
    for fighter in fighters:
        assert fighter.stdin is not None
        fighter.stdin.write("go\n")
        fighter.stdin.flush()
    said = [fighter.communicate(timeout=120) for fighter in fighters]
    assert [error for _, error in said] == [""] * PROCESSES
    counts = [json.loads(output) for output, _ in said]
    assert sum(refused for _, refused in counts) > 0  # they did meet
    row = store.get(operation)
    assert (row.status, row.rows_copied) == ("paused", PROCESSES * ROUNDS)
    assert [(task.table_name, task.records_processed) for task in store.tasks(operation)] == [
        (f"t{part}", PROCESSES * ROUNDS - 1) for part in range(3)
    ]


def test_of_many_creators_each_gets_an_operation_of_its_own(store: ControlStore, create: Callable[..., str]) -> None:
    code = """
import json, sys
from jobs.control.store import ControlStore
store = ControlStore.open(sys.argv[1])
definition = json.loads(sys.argv[2])
for _ in range(10):
    print(store.create(definition, plan_sha256="a", plan_what={}, requested_by="ada"))
"""
    url = store._engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", code, url, json.dumps(store.get(create()).definition)]
    creators = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    ids = [line for creator in creators for line in creator.communicate(timeout=60)[0].split()]
    assert len(set(ids)) == 40
    assert {row.id for row in store.recent(100)} >= set(ids)
