"""The driver: one run, from the lease to the proof.

    lease ─▶ end the former driver's sessions ─▶ epoch: snapshot · set aside · prepare · chunks · restore ─▶ verify ─▶ finished

A chunk that fails for a passing reason is tried again under the same snapshot; when the snapshot itself is lost (or lives
in the task that failed) a new epoch begins, which keeps only complete tables. Whatever stops the loop leaves the target
resumable.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from connectors.contract import RunRecord, SourceSession, TableState, TargetSession
from connectors.errors import ConnectorError, ValueRefused
from connectors.objects import ObjectId, Restored, Step
from connectors.schema import Table
from jobs.errors import AlreadyRunning, ConnectionProblem, JobError, RunStopped, VerificationFailed
from jobs.running import aside, epoch, repair
from jobs.running.chunk import Outcome, Work
from jobs.running.heart import PATIENCE, Heart, Progress
from jobs.running.holder import alive, holder
from jobs.running.locked import Patience, patiently
from jobs.running.restoring import Restoring
from jobs.running.schema import Record, apart, bring
from jobs.running.verify import ObjectProof, Proof, verify
from jobs.running.workbench import Workbench

T = TypeVar("T")
CHANGED_SINCE = (
    "the copy was complete and proven when it ended, and was changed since: close this operation with dbagent cancel, then"
    " run its file to copy anew"
)


class Submit(Protocol):
    """Runs a function on its argument somewhere else and waits (LeanSpark.submit, or a direct call in tests)."""

    def __call__(self, function: Callable[[Work], Outcome], given: Work, /) -> Outcome: ...


@dataclass(frozen=True)
class Hooks:
    """The driver's outside: how to submit and cancel tasks, what to show, whether somebody asked to stop."""

    submit: Submit
    cancel: Callable[[], None]
    show: Callable[[Progress], None]
    stop_requested: Callable[[], str | None]
    task_slots: int | None = None
    """How many tasks run at once however many are submitted; None: nobody but the driver bounds them."""
    record: Record | None = None
    """What remembers changes of the target's schema, where the plan carries one."""


@dataclass
class Timing:
    """Epoch seconds, those of chunks measured inside the tasks."""

    first_chunk_started: float | None = None
    last_commit: float | None = None
    last_restored: float | None = None
    """When the last object that had waited was back; None where none had."""

    def add(self, outcome: Outcome) -> None:
        if outcome.loaded:
            self.first_chunk_started = min(self.first_chunk_started or outcome.started, outcome.started)
            self.last_commit = max(self.last_commit or 0.0, outcome.finished)


class Driver:
    """One driver's work on one run. Use once."""

    def __init__(self, bench: Workbench, run_id: str, operation_id: str, workers: int, hooks: Hooks) -> None:
        self.bench, self.plan, self.hooks, self.workers = bench, bench.plan, hooks, workers
        self.run_id, self._operation_id = run_id, operation_id
        self.target = bench.target
        self._source: SourceSession | None = bench.source
        self.fence = 0
        self._began = time.monotonic()
        self._heart: Heart | None = None
        self.chunk_bytes: Mapping[int, int] = {}
        self.restoring: Restoring | None = None
        self._restored: dict[ObjectId, Restored] = {}
        self.aside: aside.Aside | None = None
        self.left_aside = ""
        """What to know of the target when the run has stopped: what of it is suspended."""
        self._brought = False
        self.patience = Patience()
        self.apart: Sequence[str] = ()
        """What of the plan's schema is not there as wanted."""
        self.timing = Timing()

    def execute(self) -> Proof:
        """Copy everything and prove it. Raises ConnectorError, RunStopped, VerificationFailed; all leave a resumable run."""
        self.target.ledger.create()
        try:
            known = self.bench.unfinished
            finished = known is not None and known.state == "complete"
            proof = self._verified() if finished else self._epochs()
            self.hooks.show(self._progress(self.target.ledger.tables(self.run_id)))
            if proof.problems and not finished:
                self._begin_anew(proof.differing)
            if proof.problems:
                todo = CHANGED_SINCE if finished else proof.todo
                raise VerificationFailed("\n".join(proof.problems), todo=todo)
            if not finished:
                if self.plan.schema is not None and self.hooks.record is not None:
                    self.apart = apart(self.plan.schema, self.target, self.hooks.record)
                self.target.ledger.finished(self.run_id)
                aside.forget(self.plan, self.target, self.run_id)
            return proof
        except BaseException as problem:
            with suppress(ConnectorError, JobError):  # where it stopped; what stopped it is what counts
                self._stopped(problem)
            raise
        finally:
            with suppress(ConnectorError):
                self.target.ledger.release(self.run_id, self.fence)
            self._close()

    def _stopped(self, problem: BaseException) -> None:
        """Leave the target as a run that was stopped leaves it: one that never continues brings everything back at once."""
        ledger = self.target.ledger
        if isinstance(problem, RunStopped) and problem.what in ("cancel", "reject"):
            if aside.waits(self.plan):
                left = [e.step for e in ledger.journal() if e.run_id == self.run_id and e.state != "restored"]
                back = repair.Back(self._connect_again, self.workers, self.bench.writes.facts.restores_together)
                with suppress(ConnectorError):  # `dbagent repair` goes on with what is left
                    repair.bring_back(self.target, self.run_id, left, back)
            ledger.abandoned(self.run_id)
            self.target.sweep(self.run_id)
        self.left_aside = aside.told(self.plan, self._suspended())
        self.hooks.show(self._progress(ledger.tables(self.run_id)))

    def _suspended(self) -> list[Step]:
        """What is not back; as we remember it, where the target cannot be asked."""
        if not aside.waits(self.plan):
            return []
        try:
            journal = self.target.ledger.journal()
        except ConnectorError:
            known = self.aside.steps if self.aside else []
            return [step for step in known if step.id not in self._restored]
        return [entry.step for entry in journal if entry.run_id == self.run_id and aside.is_open(entry)]

    def _begin_anew(self, tables: Iterable[str]) -> None:
        """Tables that hold other rows than they should are for a resume to empty and load again, and with them those that
        reference them: nobody empties a table under rows that reference it. Rows that were there before stay."""
        if self.plan.if_target_not_empty == "append":
            return
        names, known = set(tables), {table.table_id: table.name for table in self.plan.tables}
        for _ in self.plan.tables:  # as far as references reach
            names |= {str(key.table) for key in self.plan.references if str(key.referenced) in names}
        ledger = self.target.ledger
        for state in ledger.tables(self.run_id):
            if state.target in names:
                left = self.target.count(known[state.table_id])
                ledger.prepared(self.run_id, replace(state, state="prepared", rows=left))

    def _take_over(self) -> None:
        """Under a new fence no task of a former driver or epoch can load any more, whether its process is gone or not."""
        ledger = self.target.ledger
        record = RunRecord(
            self.run_id, self._operation_id, self.plan.sha256, self.plan.source_env, "running", time.time(), None
        )
        targets = [str(table.name) for table in self.plan.tables]
        cancelled = self.bench.cancelled.run_id if self.bench.cancelled else None
        appends = self.plan.if_target_not_empty == "append"  # what was appended stays, and is told of
        self.fence = ledger.acquire(record, targets, holder(), alive, cancelled, inherits=not appends)
        [state] = [run.state for run in ledger.runs() if run.run_id == self.run_id]
        if state != "running":
            what = "finished" if state == "complete" else "cancelled"
            raise AlreadyRunning(f"another driver has {what} this run meanwhile", f"run {self.run_id}")
        self.end_tasks(f"dbagent/{self.run_id}/")

    @property
    def application(self) -> str:
        """What the sessions of this driver's tasks call themselves."""
        return f"dbagent/{self.run_id}/{self.fence}/"

    def _progress(self, states: Sequence[TableState]) -> Progress:
        expected = {table.table_id: table.source.rows for table in self.plan.tables}
        counted = {state.table_id: state.rows for state in states if state.state == "complete"}
        found = Progress.of(states, len(self.plan.tables), sum((expected | counted).values()))
        restoring = str(self.restoring or "")
        return replace(found, chunk_bytes=self.chunk_bytes, restoring=restoring, waiting=self.patience.told)

    def patiently(self, work: Callable[[], T]) -> T:
        """Do it, however long locks of others are in the way, as long as a run waits for them."""
        return patiently(work, self.patience, self.look_around)

    def _connect(self) -> TargetSession:
        """The heartbeat's session: it waits for nothing longer than the lease can."""
        return self.bench.writes.target(replace(self.bench.target_endpoint, patience=PATIENCE))

    def _connect_again(self) -> TargetSession:
        """A session that restores: whoever takes over ends it, as it ends tasks."""
        return self.bench.writes.target(replace(self.bench.target_endpoint, application=self.application))

    def restores(self, steps: Sequence[Step]) -> Restoring:
        """What brings these back."""
        return Restoring(
            self._connect_again,
            steps,
            together=self.bench.writes.facts.restores_together,
            most=self.workers,
            references=repair.referenced(self.plan.references),
            patience=self.patience,
        )

    def restored(self, found: Sequence[Restored]) -> None:
        """Remember what is back."""
        repair.remember(self.target, self.run_id, found)
        if found:
            self.timing.last_restored = time.time()
        self._restored |= {one.step.id: one for one in found}

    def unsettled(self, table: Table | None, problem: ConnectorError) -> None:
        """Found late: other rows must be loaded, or the same under another constraint."""
        if table is not None and isinstance(problem, ValueRefused):
            self._begin_anew([str(table.name)])

    def _epochs(self) -> Proof:
        """Load under one snapshot after another until everything is complete and proven."""
        for attempt in itertools.count(1):
            try:
                if attempt > 1:
                    self._reopen()
                assert self._source is not None
                self._take_over()
                with Heart(self._connect, self.run_id, self.fence, self._progress, self.hooks.show) as self._heart:
                    self._bring_schema()
                    epoch.Epoch(self, self._source).load()
                    return self.patiently(self._verified)
            except ConnectorError as problem:
                if not problem.retryable or attempt == epoch.TRIES:
                    raise
            time.sleep(attempt)
        raise AssertionError("the loop above ends by itself")

    def _bring_schema(self) -> None:
        """What of the plan's schema does not wait for rows. Once: later, what waits for them is missing."""
        schema, record = self.plan.schema, self.hooks.record
        if schema is not None and record is not None and not self._brought:
            self.patiently(lambda: bring(schema, self.target, record, lambda _: self.look_around(), rows_come=True))
            self._brought = True

    def _verified(self) -> Proof:
        journal = self.target.ledger.journal() if aside.waits(self.plan) else []
        objects = [
            ObjectProof(entry.step, entry.state, self._restored.get(entry.step.id))
            for entry in journal
            if entry.run_id == self.run_id
        ]
        return verify(self.plan, self.target, self.run_id, objects)

    def _reopen(self) -> None:
        """Both ends anew: another snapshot, and a target session that works whatever became of the last one."""
        self._close()
        self._source = self.bench.reads.source(self.bench.source_endpoint)
        self.target = self.bench.writes.target(self.bench.target_endpoint)

    def _close(self) -> None:
        self.rows_are_in()
        with suppress(ConnectorError):
            self.target.close()

    def rows_are_in(self) -> None:
        """Nobody reads any more: the source's snapshot ends, however long its indexes take the target."""
        source, self._source = self._source, None
        if source is not None:
            with suppress(ConnectorError):
                source.close()

    def end_tasks(self, application: str) -> None:
        """End the task sessions of that name on both ends and wait: none of them is at work afterwards."""
        if self._source is not None:
            with suppress(ConnectorError):  # a source that is gone has no sessions either
                self._source.end_sessions(application)
        self.target.end_sessions(application)

    def look_around(self) -> Sequence[TableState]:
        """What the loop checks between chunks; returns the ledger's latest. Raises what must stop it."""
        assert self._heart is not None
        self._heart.check()
        asked = None
        with suppress(ConnectionProblem):  # the heartbeat tells of a control store that stays away
            asked = self.hooks.stop_requested()
        if asked is not None:
            raise RunStopped(asked)
        if self._source is not None:
            limit = self.bench.source_environment.max_snapshot_hours
            if limit is not None and time.monotonic() - self._began > limit * 3600:
                raise RunStopped("pause", where=f"max_snapshot_hours of {self.plan.source_env} ({limit}) is over")
            self._source.check_alive()
        return self._heart.states
