"""Bringing a plan's schema into its target, one object at a time: recorded, made, marked. Killed at any moment, the next driver
looks at what is there and goes on.

    lease ─▶ drop (recreate) ─▶ look ─▶ compare ─▶ make and alter ─▶ finished
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from connectors.contract import RunRecord, TargetSession
from connectors.errors import ConnectorError, TerminalError
from connectors.objects import ObjectId, ObjectKind, Objects, SchemaObject
from jobs.control.store import ControlStore
from jobs.errors import AlreadyRunning, ConnectionProblem, RunStopped
from jobs.planning.objects import differences
from jobs.planning.schema_plan import Change, SchemaPlan, compared, early
from jobs.running.heart import PATIENCE, Heart, Progress
from jobs.running.holder import alive, holder
from jobs.running.locked import Patience, patiently
from jobs.running.workbench import Workbench

CHANGED = "the target's schema was changed after it was planned"
ANEW = "resuming plans anew and says what changed"


class Record(Protocol):
    """What remembers changes (the control store, or a list in tests)."""

    def recognise(self, there: Sequence[SchemaObject], as_wanted: Collection[ObjectId], *, last: bool) -> None: ...
    def intend(self, changes: Sequence[Change]) -> None: ...
    def made(self, change: Change) -> None: ...


@dataclass(frozen=True)
class Recorder:
    """The control store, as a driver writes to it."""

    store: ControlStore
    operation_id: str
    holder: str

    def recognise(self, there: Sequence[SchemaObject], as_wanted: Collection[ObjectId], *, last: bool) -> None:
        definitions = {str(found.id): found.definition for found in there}
        self.store.recognise(self.operation_id, self.holder, definitions, {str(id_) for id_ in as_wanted}, last=last)

    def intend(self, changes: Sequence[Change]) -> None:
        self.store.intend(self.operation_id, self.holder, changes)

    def made(self, change: Change) -> None:
        self.store.made(self.operation_id, self.holder, [change])


def bring(schema: SchemaPlan, target: TargetSession, record: Record, look: Callable[[Sequence[Change]], object], *,
          rows_come: bool) -> None:  # fmt: skip
    """Make the target's schema what the plan wants; where rows come, what waits for them is left out. `look` is shown what
    is still to be done before each change, and raises what must stop it. Raises ConnectorError."""
    there = target.objects()
    _recognised(schema, there.made, target, record, last=False)
    drops = [change for change in schema.changes if change.action == "drop"]
    if drops:
        record.intend(drops)
        _apply(drops, target, record, look)
        there = target.objects()
    changes = _today(schema, there, target)
    record.intend(changes)
    now = early(changes) if rows_come else changes
    late = {change.id for change in changes} - {change.id for change in now}
    planned = {change.id for change in schema.changes}
    if not late <= planned:
        raise TerminalError(CHANGED, where=_named(late - planned), todo=ANEW)
    _apply(now, target, record, look)


def _today(schema: SchemaPlan, there: Objects, target: TargetSession) -> list[Change]:
    """What the plan wants and the target, as it is now, has not. Raises TerminalError where that is not what was allowed."""
    changes, _, findings = compared("", schema.wanted, there.made, schema.mode, target.altered, schema.same(target.schema),
                                    broken=schema.broken, alter=schema.alter)  # fmt: skip
    for finding in findings:
        if finding.severity == "error":
            raise TerminalError(f"{CHANGED}: {finding.what}", where=finding.where.removeprefix(": "), todo=ANEW)
    unplanned = [c.id for c in changes if c.action == "alter" and (str(c.id), c.up) not in schema.altered]
    if unplanned:
        raise TerminalError(CHANGED, where=_named(unplanned), todo=ANEW)
    return changes


def apart(schema: SchemaPlan, target: TargetSession, record: Record) -> list[str]:
    """What is not there as wanted, when everything is done. What is there is recorded."""
    return list(map(str, _recognised(schema, target.objects().made, target, record, last=True)))


def _recognised(schema: SchemaPlan, there: Sequence[SchemaObject], target: TargetSession, record: Record, *, last: bool
                ) -> list[ObjectId]:  # fmt: skip
    """Record what is there. Returns what is not as wanted."""
    differing = [found.id for found in differences(schema.wanted, there, schema.same(target.schema))]
    record.recognise(there, {found.id for found in schema.wanted}.difference(differing), last=last)
    return differing


def _named(objects: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, objects)))


def _apply(changes: Sequence[Change], target: TargetSession, record: Record, look: Callable[[Sequence[Change]], object]
           ) -> None:  # fmt: skip
    """One after the other. What rows refuse to be altered keeps nothing else from being done; then it is raised."""
    refused: list[ConnectorError] = []
    for number, change in enumerate(changes):
        look(changes[number:])
        try:
            if change.up:
                target.apply(change.up, str(change.id), str(change.table))
        except ConnectorError as problem:
            if problem.retryable or not (refused or change.action == "alter"):
                raise
            _back(change, target)
            refused.append(problem)
        else:
            record.made(change)
    if refused:
        first, *others = refused
        too = [f"{problem.where}: {problem.what}" for problem in others]
        todo = "; ".join([*filter(None, [first.todo]), *([f"refused too: {', '.join(too)}"] if too else [])])
        raise type(first)(first.what, where=first.where, todo=todo, code=first.code)


def _back(change: Change, target: TargetSession) -> None:
    """An engine that commits every statement by itself has dropped what rows then refuse to have otherwise."""
    if change.again and all(found.id != change.id for found in target.objects().made):
        target.apply(change.again, str(change.id), str(change.table))


@dataclass(frozen=True)
class Outside:
    """What the driver tells others, and asks them."""

    record: Record
    begin: Callable[[], None]
    """Called before the first change. Raises RunStopped."""
    show: Callable[[Progress], None]
    stop_requested: Callable[[], str | None]


class SchemaDriver:
    """One driver's work on one run that brings no rows. Use once."""

    def __init__(self, bench: Workbench, run_id: str, operation_id: str, outside: Outside) -> None:
        assert bench.plan.schema is not None
        self._bench, self._schema, self._target = bench, bench.plan.schema, bench.target
        self._run_id, self._operation_id, self._outside = run_id, operation_id, outside
        self._tables = [str(found.id.table) for found in self._schema.wanted if found.id.kind is ObjectKind.TABLE]
        self._fence = 0
        self._heart: Heart | None = None
        self._left: Sequence[Change] = self._schema.changes
        self._patience = Patience()

    def execute(self) -> dict[str, Any]:
        """Make everything that is wanted. Raises ConnectorError, RunStopped; both leave a resumable run."""
        began, ledger = time.time(), self._target.ledger
        ledger.create()
        try:
            self._take_over()
            with Heart(self._connect, self._run_id, self._fence, self._progress, self._outside.show) as self._heart:
                patiently(self._bring, self._patience, lambda: self._look(self._left))
            left = apart(self._schema, self._target, self._outside.record)
            self._left = ()
            self._outside.show(self._progress(()))
            ledger.finished(self._run_id)
            return {"seconds": round(time.time() - began, 3), "apart": left}
        except BaseException as problem:
            with suppress(ConnectorError):
                if isinstance(problem, RunStopped) and problem.what in ("cancel", "reject"):
                    ledger.abandoned(self._run_id)
            raise
        finally:
            with suppress(ConnectorError):
                ledger.release(self._run_id, self._fence)

    def _bring(self) -> None:
        bring(self._schema, self._target, self._outside.record, self._look, rows_come=False)

    def _take_over(self) -> None:
        plan, ledger = self._bench.plan, self._target.ledger
        record = RunRecord(self._run_id, self._operation_id, plan.sha256, plan.source_env, "running", time.time(), None)
        self._fence = ledger.acquire(record, self._tables, holder(), alive, inherits=False)
        [state] = [run.state for run in ledger.runs() if run.run_id == self._run_id]
        if state == "cancelled":
            raise AlreadyRunning("another driver has cancelled this run meanwhile", f"run {self._run_id}")

    def _connect(self) -> TargetSession:
        return self._bench.writes.target(replace(self._bench.target_endpoint, patience=PATIENCE))

    def _look(self, left: Sequence[Change]) -> None:
        """Between two changes: whether somebody asked to stop, or another driver has taken over."""
        assert self._heart is not None
        self._left = left
        self._heart.check()
        self._outside.begin()
        self._target.ledger.renew(self._run_id, self._fence)
        asked = None
        with suppress(ConnectionProblem):
            asked = self._outside.stop_requested()
        if asked is not None:
            raise RunStopped(asked)
        self._outside.show(self._progress(()))

    def _progress(self, _: Any) -> Progress:
        waiting = [str(change.table) for change in self._left if change.table is not None]
        return Progress(
            tables_completed=len(set(self._tables) - set(waiting)),
            tables_total=len(self._tables),
            rows_copied=0,
            rows_total=0,
            bytes_transferred=0,
            current_table=next(iter(waiting), ""),
            waiting=self._patience.told,
        )
