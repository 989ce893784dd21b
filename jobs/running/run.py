"""`run` and `resume`: from a file or an ID to a finished, proven copy. spark-submit's entry point ends up here too."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from connectors.contract import connector
from connectors.errors import ConnectorError, LeaseHeld, LeaseLost
from jobs.config.environment import Environment, choose
from jobs.config.operation import Operation
from jobs.config.request import Settings, load_request, load_settings
from jobs.control.approvals import Permission
from jobs.control.rows import OperationRow
from jobs.control.states import OVER, Ended
from jobs.control.store import ControlStore
from jobs.errors import (
    AlreadyRunning,
    ConnectionProblem,
    Exit,
    PlanRefused,
    RunFailed,
    RunStopped,
    UsageError,
    exit_code,
)
from jobs.planning.plan import Plan
from jobs.planning.render import table as plan_table
from jobs.running import schema_report
from jobs.running.chunk import Outcome, Work
from jobs.running.claim import Claim
from jobs.running.drive import Driver, Hooks, Submit
from jobs.running.heart import Progress
from jobs.running.holder import alive, holder
from jobs.running.jars import Needed
from jobs.running.jdbc import Dispatcher
from jobs.running.progress import Bar, TaskMirror
from jobs.running.report import as_json, for_people
from jobs.running.schema import Outside, Recorder, SchemaDriver
from jobs.running.session import LeanSpark
from jobs.running.workbench import Workbench, open_workbench

FILES = (".yaml", ".yml", ".json")


def run(reference: str, *, environments_path: Path | None, control_url: str | None, dry_run: bool = False,
        early: bool = False, confirm: str | None = None, console: Console) -> None:  # fmt: skip
    """Run an operation's file or ID: continue its unfinished run, else start a new one. `early`: also before its scheduled
    time; `confirm`: the environment whose tables may be dropped. Raises what jobs.errors maps."""
    with ControlStore.open(control_url) as store:
        row = None if _is_file(reference) else store.get(reference)
        if row is None:
            operation, settings = load_request(reference, environments_path)
        else:
            operation, settings = _known(row), load_settings(environments_path)
        if not dry_run:
            _confirmed(operation, row, confirm)
        _execute(operation, settings, row, store, console, dry_run=dry_run, early=early)


def resume(reference: str, *, environments_path: Path | None, control_url: str | None, console: Console) -> None:
    """Continue a paused or failed operation."""
    with ControlStore.open(control_url) as store:
        if _is_file(reference):
            again = f"continue a file's unfinished run with: dbagent run {reference}"
            raise UsageError("resume takes the ID of an operation, and this is a file", reference, again)
        row = store.get(reference)
        if row.status in OVER:
            what = f"the operation is {row.status}: there is nothing to resume"
            raise UsageError(what, f"operation {row.id}", f"run it anew: dbagent run {row.id}")
        operation = _known(row)
        _confirmed(operation, row, None)
        _execute(operation, load_settings(environments_path), row, store, console)


def _known(row: OperationRow) -> Operation:
    """The operation as it was recorded."""
    try:
        return Operation.model_validate(row.definition)
    except ValidationError:
        raise UsageError(
            "the operation was recorded in a form that this version does not know",
            f"operation {row.id}",
            "run its file: that makes a new operation",
        ) from None


def _confirmed(operation: Operation, row: OperationRow | None, confirm: str | None) -> None:
    """Raises UsageError where tables would be dropped and nobody has said in which environment. Who continues a run has."""
    begun = row is not None and row.run_id is not None and row.status not in OVER
    if confirm not in (None, operation.target_env):
        raise UsageError(f"the target is {operation.target_env}", f"--confirm {confirm}", "name the target, or nothing")
    if operation.mode == "recreate" and confirm is None and not begun:
        what = f"mode: recreate drops tables of {operation.target_env} with all their rows"
        again = row.id if row else "FILE"
        raise UsageError(what, "--confirm", f"if you mean it: dbagent run {again} --confirm {operation.target_env}")


def _is_file(reference: str) -> bool:
    return reference.endswith(FILES) or os.path.exists(reference)


def _execute(operation: Operation, settings: Settings, row: OperationRow | None, store: ControlStore,
             console: Console, *, dry_run: bool = False, early: bool = False) -> None:  # fmt: skip
    source, target = choose(
        settings.environments, {"source_env": operation.source_env, "target_env": operation.target_env}
    )
    drivers = _drivers(operation, source, target)
    engines = {source.engine, target.engine}
    spark = None
    if operation.moves_rows and not dry_run:
        spark = LeanSpark(operation.parallel_workers, engines=engines, drivers=drivers)
    try:
        if spark is not None:
            spark.start()
        claim = Claim(store, row)
        with open_workbench(operation, settings, claim.look if dry_run else claim.look_alone,
                            None if row is None else row.plan_what, store) as bench:  # fmt: skip
            bench = bench if spark is None else _fit(bench, spark, store)
            console.print(plan_table(bench.plan))
            claim.hold_to(bench.plan)
            if bench.plan.errors:
                if not dry_run:
                    claim.look_alone(bench.plan)  # rows of a run that began after the first look are no finding
                raise PlanRefused(bench.plan.errors)
            if dry_run:
                return
            row = claim.stake(bench, settings.approvals.people, console)
            console.print(f"operation {row.id}" + (": continuing its unfinished run" if bench.unfinished else ""))
            permission = Permission(bench.plan.sha256, bench.plan.requirement, settings.approvals.people, early)
            with _interruptible():
                _drive(bench, row, store, permission, spark, _limits(operation, settings.environments), console)
    finally:
        if spark is not None:
            spark.stop()


def _drivers(operation: Operation, source: Environment, target: Environment) -> list[Needed]:
    """What Spark needs to read and write where it is asked to, as far as the engines have it: the plan tells the rest."""
    reads, writes = operation.through_spark
    asked = [(operation.source_env, source, False)] * reads + [(operation.target_env, target, True)] * writes
    return [
        Needed(name, end.facts.jdbc, end.jars_dir, writes=each)
        for name, end, each in asked
        if end.facts.jdbc is not None
    ]


def _fit(bench: Workbench, spark: LeanSpark, store: ControlStore) -> Workbench:
    """The same, its plan with what keeps it from running on this Spark."""
    ends = [(end, connector(end.engine).facts) for end in (bench.source_endpoint, bench.target_endpoint)]
    found = spark.obstacles(ends, store.in_a_file)
    return replace(bench, plan=replace(bench.plan, findings=(*found, *bench.plan.findings)))


def _limits(operation: Operation, environments: Mapping[str, Environment]) -> dict[str, int]:
    """How many connections all operations together may hold to the two ends, where that is limited."""
    names = {"source_env": operation.source_env, "target_env": operation.target_env}
    ends = zip(names.values(), choose(environments, names), strict=True)
    return {name: end.max_connections for name, end in ends if end.max_connections is not None}


def _drive(bench: Workbench, row: OperationRow, store: ControlStore, permission: Permission, spark: LeanSpark | None,
           limits: Mapping[str, int], console: Console) -> None:  # fmt: skip
    run_id = bench.unfinished.run_id if bench.unfinished else uuid.uuid4().hex[:12]
    me, wanted = holder(), bench.operation.parallel_workers if spark else 1
    started = store.start(row, run_id, me, permission, workers=wanted, limits=limits, alive=alive)
    mirror = TaskMirror(store, row.id, me, bench.plan)
    with Bar(console) as bar:

        def show(progress: Progress) -> None:
            bar.show(progress)
            mirror.show(progress)

        assert started.workers is not None
        work, left = _work(bench, run_id, started, store, me, spark, show)
        try:
            report = work()
        except BaseException as problem:
            status, told = _ended(problem, row.id, left())
            try:
                mirror.stop("failed" if status == "failed" else "paused", _recorded(told))
                store.finish(row.id, me, status, _recorded(told))
            except AlreadyRunning as taken_over:
                told = taken_over
            except ConnectionProblem:  # a store that is gone hears nothing; the problem itself must be told
                pass
            if told is problem:
                raise
            raise told from None
    if bench.plan.schema is not None:
        apart = report.pop("apart")
        report["schema"] = schema_report.as_json(bench.plan.schema, store.schema_changes(row.id), apart)
    now = store.finish(row.id, me, "completed", report=report)
    _tell(bench.plan, report, console)
    if now.status != "completed":
        raise RunStopped(
            f"the operation was {now.status} meanwhile, but everything was done and proven already",
            f"operation {row.id}",
            f"see what is there with: dbagent status {bench.plan.target_env}",
        )


def _tell(plan: Plan, report: dict[str, Any], console: Console) -> None:
    if "tables" in report:
        console.print(for_people(plan, report))
    if "schema" in report:
        console.print(schema_report.for_people(plan.target_env, report["schema"]))


def _work(bench: Workbench, run_id: str, row: OperationRow, store: ControlStore, me: str, spark: LeanSpark | None,
          show: Callable[[Progress], None]) -> tuple[Callable[[], dict[str, Any]], Callable[[], str]]:  # fmt: skip
    """What the driver does: returns its report. And what people must know of the target when it did not come to that."""

    def stop_requested() -> str | None:
        return store.stop_requested(row.id)

    record = Recorder(store, row.id, me)
    if spark is None:
        alone = SchemaDriver(bench, run_id, row.id, Outside(record, Hearing(store, row.id, me), show, stop_requested))
        return alone.execute, lambda: ""
    assert row.workers is not None
    hooks = Hooks(Gate(store, row.id, me, Dispatcher(spark)), spark.cancel, show, stop_requested, spark.slots, record)
    driver = Driver(bench, run_id, row.id, row.workers, hooks)
    began = time.time()

    def copied() -> dict[str, Any]:
        report = as_json(bench.plan, driver.execute(), driver.timing, time.time() - began)
        return report if bench.plan.schema is None else report | {"apart": list(driver.apart)}

    return copied, lambda: driver.left_aside


def _ended(problem: BaseException, operation_id: str, left: str) -> tuple[Ended, BaseException]:
    """How the operation ended, and what the person is told: a database's error is a run that failed and can be resumed.
    `left` is what waits in the target meanwhile."""
    again = f"continue with: dbagent resume {operation_id}" + (f"; {left}" if left else "")
    if isinstance(problem, RunStopped) and problem.what == "cancel":
        todo = "its file can be run again: that makes a new operation" + (f"; {left}" if left else "")
        return "cancelled", RunStopped("the run is cancelled", f"operation {operation_id}", todo)
    if isinstance(problem, RunStopped) and problem.what == "reject":
        return "rejected", RunStopped("the operation was rejected before a row had moved", f"operation {operation_id}",
                                      f"see by whom with: dbagent audit {operation_id}")  # fmt: skip
    if isinstance(problem, RunStopped):
        return "paused", RunStopped("the run is paused", problem.where or f"operation {operation_id}", again)
    if isinstance(problem, KeyboardInterrupt):
        return "paused", RunStopped("the run was interrupted", f"operation {operation_id}", again)
    if isinstance(problem, LeaseLost):
        what = "another driver has taken over what this one was copying"
        return "failed", AlreadyRunning(what, f"operation {operation_id}", f"when that one has ended, {again}")
    if isinstance(problem, ConnectorError) and not isinstance(problem, LeaseHeld):
        code = f" [{problem.code}]" if problem.code else ""
        todo = f"{problem.todo}; then {again}" if problem.todo else again
        return "failed", RunFailed(problem.what + code, problem.where, todo)
    return "failed", problem


def _recorded(problem: BaseException) -> str:
    """What the control store keeps of it: of a bug only its class, because its text may hold anything."""
    return f"a bug in dbagent: {type(problem).__name__}" if exit_code(problem) == Exit.BUG else str(problem)


class Hearing:
    """Before anything moves, the control store hears of it, once."""

    def __init__(self, store: ControlStore, operation_id: str, me: str) -> None:
        self._store, self._operation_id, self._me = store, operation_id, me
        self._lock, self._open = threading.Lock(), False

    def __call__(self) -> None:
        """Raises RunStopped where the run was to end before."""
        with self._lock:
            if not self._open:
                stop = self._store.move(self._operation_id, self._me)
                if stop is not None:
                    raise RunStopped(stop)
                self._open = True


class Gate:
    """How tasks are submitted: after the control store has heard that rows move."""

    def __init__(self, store: ControlStore, operation_id: str, me: str, submit: Submit) -> None:
        self._hear, self._submit = Hearing(store, operation_id, me), submit

    def __call__(self, function: Callable[[Work], Outcome], given: Work, /) -> Outcome:
        """Raises RunStopped where the run was to end before it moved a row."""
        self._hear()
        return self._submit(function, given)


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does: at once, resumable."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    former: Callable[..., Any] | int | None = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
