"""`run` and `resume`: from a file or an ID to a finished, proven copy. spark-submit's entry point ends up here too."""

from __future__ import annotations

import getpass
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from connectors.errors import ConnectorError, LeaseHeld, LeaseLost
from jobs.config.environment import Environment, choose, load_environments
from jobs.config.operation import Operation
from jobs.config.request import load_request
from jobs.control.driving import free
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
from jobs.planning.plan import Plan, changed
from jobs.planning.render import table as plan_table
from jobs.running.drive import Driver, Hooks
from jobs.running.heart import Progress
from jobs.running.holder import alive, holder
from jobs.running.progress import Bar, TaskMirror
from jobs.running.report import as_json, for_people
from jobs.running.session import LeanSpark
from jobs.running.workbench import Workbench, open_workbench

FILES = (".yaml", ".yml", ".json")


def run(reference: str, *, environments_path: Path | None, control_url: str | None, dry_run: bool = False,
        console: Console) -> None:  # fmt: skip
    """Run an operation's file or ID: continue its unfinished run, else start a new one. Raises what jobs.errors maps."""
    with ControlStore.open(control_url) as store:
        row = None if _is_file(reference) else store.get(reference)
        if row is None:
            operation, environments = load_request(reference, environments_path)
        else:
            operation, environments = _known(row), load_environments(environments_path)
        _execute(operation, environments, row, store, console, dry_run=dry_run)


def resume(reference: str, *, environments_path: Path | None, control_url: str | None, console: Console) -> None:
    """Continue a paused or failed operation."""
    with ControlStore.open(control_url) as store:
        if _is_file(reference):
            again = f"continue a file's unfinished run with: dbagent run {reference}"
            raise UsageError("resume takes the ID of an operation, and this is a file", reference, again)
        row = store.get(reference)
        if row.status in ("completed", "cancelled"):
            what = f"the operation is {row.status}: there is nothing to resume"
            raise UsageError(what, f"operation {row.id}", f"run it anew: dbagent run {row.id}")
        _execute(_known(row), load_environments(environments_path), row, store, console)


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


def _is_file(reference: str) -> bool:
    return reference.endswith(FILES) or os.path.exists(reference)


def _execute(operation: Operation, environments: Mapping[str, Environment], row: OperationRow | None,
             store: ControlStore, console: Console, *, dry_run: bool = False) -> None:  # fmt: skip
    source, _ = choose(environments, {"source_env": operation.source_env, "target_env": operation.target_env})
    spark = None if dry_run else LeanSpark(operation.parallel_workers, engine=source.engine)
    try:
        if spark is not None:
            spark.start()
        claim = Claim(store, row)
        with open_workbench(operation, environments, claim.look if dry_run else claim.look_alone,
                            store.cancelled) as bench:  # fmt: skip
            console.print(plan_table(bench.plan))
            if row is not None:
                _unchanged(bench, row)
            if bench.plan.errors:
                if not dry_run:
                    claim.look_alone(bench.plan)  # rows of a run that began after the first look are no finding
                raise PlanRefused(bench.plan.errors)
            if spark is None:
                return
            spark.check_cluster(store.in_a_file)
            row = claim.stake(bench)
            console.print(f"operation {row.id}" + (": continuing its unfinished run" if bench.unfinished else ""))
            with _interruptible():
                _drive(bench, row, store, spark, _limits(operation, environments), console)
    finally:
        if spark is not None:
            spark.stop()


def _unchanged(bench: Workbench, row: OperationRow) -> None:
    """Raises UsageError where an operation is no longer what was planned: what it may do is what its plan says."""
    if row.plan_sha256 != bench.plan.sha256:
        differs = ", ".join(changed(row.plan_what, bench.plan.what)) or "the plan"
        raise UsageError(
            f"the operation is no longer what was planned; changed: {differs}",
            f"operation {row.id}",
            "run the operation's file: that makes a new operation with the new plan; what this one has loaded goes"
            " with `if_target_not_empty: truncate`",
        )


class Claim:
    """The operation to work on, from before the plan looks at the target until a driver holds it: no other driver may work
    on it in between, or the plan may be wrong."""

    def __init__(self, store: ControlStore, named: OperationRow | None) -> None:
        self._store = store
        self._seen = None if named is None or named.status in OVER else named
        self._named = self._seen is not None

    def look(self, plan: Plan) -> str | None:
        """The run of the operation named, or of the unfinished one with this plan."""
        if not self._named:
            self._seen = self._store.latest(plan.sha256, plan.target_env)
        return self._seen.run_id if self._seen and self._seen.status not in OVER else None

    def look_alone(self, plan: Plan) -> str | None:
        """The same. Raises AlreadyRunning where another driver is at work on it."""
        found = self.look(plan)
        if self._seen is not None:
            free(self._seen, holder(), alive)
        return found

    def stake(self, bench: Workbench) -> OperationRow:
        """The operation to work on: the one named, the unfinished one of this very plan, or a new one. Raises AlreadyRunning
        where another driver has run it since the first look."""
        if self._named and self._seen is not None:
            return self._seen
        return self._store.find_or_create(
            bench.operation.model_dump(mode="json"),
            plan_sha256=bench.plan.sha256,
            plan_what=bench.plan.what,
            requested_by=_requester(),
            seen=self._seen,
        )


def _requester() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user that no user database knows
        return f"uid {os.getuid()}"


def _limits(operation: Operation, environments: Mapping[str, Environment]) -> dict[str, int]:
    """How many connections all operations together may hold to the two ends, where that is limited."""
    names = {"source_env": operation.source_env, "target_env": operation.target_env}
    ends = zip(names.values(), choose(environments, names), strict=True)
    return {name: end.max_connections for name, end in ends if end.max_connections is not None}


def _drive(bench: Workbench, row: OperationRow, store: ControlStore, spark: LeanSpark, limits: Mapping[str, int],
           console: Console) -> None:  # fmt: skip
    run_id = bench.unfinished.run_id if bench.unfinished else uuid.uuid4().hex[:12]
    me, wanted = holder(), bench.operation.parallel_workers
    started = store.start(row, run_id, me, workers=wanted, limits=limits, alive=alive)
    began = time.time()
    mirror = TaskMirror(store, row.id, me, bench.plan)
    with Bar(console) as bar:

        def show(progress: Progress) -> None:
            bar.show(progress)
            mirror.show(progress)

        hooks = Hooks(spark.submit, spark.cancel, show, lambda: store.stop_requested(row.id), spark.slots)
        assert started.workers is not None
        driver = Driver(bench, run_id, row.id, started.workers, hooks)
        try:
            proof = driver.execute()
        except BaseException as problem:
            status, told = _ended(problem, row.id)
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
    report = as_json(bench.plan, proof, driver.timing, time.time() - began)
    now = store.finish(row.id, me, "completed", report=report)
    console.print(for_people(bench.plan, report))
    if now.status != "completed":
        raise RunStopped(
            f"the operation was {now.status} meanwhile, but everything was copied and proven already",
            f"operation {row.id}",
            f"see what is there with: dbagent status {bench.plan.target_env}",
        )


def _ended(problem: BaseException, operation_id: str) -> tuple[Ended, BaseException]:
    """How the operation ended, and what the person is told: a database's error is a run that failed and can be resumed."""
    again = f"continue with: dbagent resume {operation_id}"
    if isinstance(problem, RunStopped) and problem.what == "cancel":
        todo = "its file can be run again: that makes a new operation"
        return "cancelled", RunStopped("the run is cancelled", f"operation {operation_id}", todo)
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
