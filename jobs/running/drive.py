"""The driver's loop: one run, from the lease to the proof.

    lease ─▶ end the former driver's sessions ─▶ epoch: snapshot · prepare · bounds · chunks ─▶ verify ─▶ finished

Chunks go to Spark from `parallel_workers` threads, in table order. A chunk that fails for a passing reason is tried again
under the same snapshot; when the snapshot itself is lost (or lives in the task that failed) a new epoch begins, which
keeps only complete tables. Whatever stops the loop leaves the target resumable.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from connectors.contract import (
    DIRECT,
    Bounds,
    Chunk,
    RunRecord,
    SourceSession,
    TableCopy,
    TableState,
    TargetSession,
    TransferJob,
)
from connectors.errors import Busy, ConnectorError, SourceChanged, ValueRefused
from connectors.schema import Schema
from jobs.errors import AlreadyRunning, ConnectionProblem, JobError, RunStopped, VerificationFailed
from jobs.planning.crossing import through
from jobs.running.chunk import Outcome, Work, copy_chunks
from jobs.running.heart import PATIENCE, Heart, Progress
from jobs.running.holder import alive, holder
from jobs.running.prepare import Prepared, prepare
from jobs.running.queue import ReadyQueue
from jobs.running.verify import Proof, verify
from jobs.running.workbench import Workbench

TRIES = 3
"""How often a chunk, and how often an epoch, is begun before the run fails."""
CHANGED_SINCE = (
    "the copy was complete and proven when it ended, and was changed since: close this operation with dbagent cancel, then"
    " run its file to copy anew"
)
POLL = 0.25
"""Seconds the loop waits for a chunk before it looks around."""
CHUNK_BYTES = (4 << 20, 64 << 20)
"""A chunk's budget lies between these: small enough to resume and balance, large enough that its transaction is not felt."""


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


@dataclass
class Timing:
    """Epoch seconds, measured inside the tasks."""

    first_chunk_started: float | None = None
    last_commit: float | None = None

    def add(self, outcome: Outcome) -> None:
        if outcome.loaded:
            self.first_chunk_started = min(self.first_chunk_started or outcome.started, outcome.started)
            self.last_commit = max(self.last_commit or 0.0, outcome.finished)


class Driver:
    """One driver's work on one run. Use once."""

    def __init__(self, bench: Workbench, run_id: str, operation_id: str, workers: int, hooks: Hooks) -> None:
        self._bench, self._plan, self._hooks, self._workers = bench, bench.plan, hooks, workers
        self._source: SourceSession = bench.source
        self._target = bench.target
        self._run_id, self._operation_id = run_id, operation_id
        self._fence = 0
        self._began = time.monotonic()
        self._heart: Heart | None = None
        self._chunk_bytes: Mapping[int, int] = {}
        self.timing = Timing()

    def execute(self) -> Proof:
        """Copy everything and prove it. Raises ConnectorError, RunStopped, VerificationFailed; all leave a resumable run."""
        self._target.ledger.create()
        try:
            known = self._bench.unfinished
            finished = known is not None and known.state == "complete"
            proof = verify(self._plan, self._target, self._run_id) if finished else self._epochs()
            self._hooks.show(self._progress(self._target.ledger.tables(self._run_id)))
            if proof.problems and not finished:
                self._begin_anew(proof.differing)
            if proof.problems:
                todo = CHANGED_SINCE if finished else proof.todo
                raise VerificationFailed("\n".join(proof.problems), todo=todo)
            if not finished:
                self._target.ledger.finished(self._run_id)
            return proof
        except BaseException as problem:
            with suppress(ConnectorError, JobError):  # where it stopped; what stopped it is what counts
                ledger = self._target.ledger
                if isinstance(problem, RunStopped) and problem.what in ("cancel", "reject"):
                    ledger.abandoned(self._run_id)
                    self._target.sweep(self._run_id)
                self._hooks.show(self._progress(ledger.tables(self._run_id)))
            raise
        finally:
            with suppress(ConnectorError):
                self._target.ledger.release(self._run_id, self._fence)
            self._close()

    def _begin_anew(self, tables: Iterable[str]) -> None:
        """Tables that hold other rows than they should are for a resume to empty and load again, and with them those that
        reference them: nobody empties a table under rows that reference it. Rows that were there before stay."""
        if self._plan.if_target_not_empty == "append":
            return
        names, known = set(tables), {table.table_id: table.name for table in self._plan.tables}
        for _ in self._plan.tables:  # as far as references reach
            names |= {str(key.table) for key in self._plan.references if str(key.referenced) in names}
        ledger = self._target.ledger
        for state in ledger.tables(self._run_id):
            if state.target in names:
                left = self._target.count(known[state.table_id])
                ledger.prepared(self._run_id, replace(state, state="prepared", rows=left))

    def _take_over(self) -> None:
        """Under a new fence no task of a former driver or epoch can load any more, whether its process is gone or not."""
        ledger = self._target.ledger
        record = RunRecord(
            self._run_id, self._operation_id, self._plan.sha256, self._plan.source_env, "running", time.time(), None
        )
        targets = [str(table.name) for table in self._plan.tables]
        cancelled = self._bench.cancelled.run_id if self._bench.cancelled else None
        appends = self._plan.if_target_not_empty == "append"  # what was appended stays, and is told of
        self._fence = ledger.acquire(record, targets, holder(), alive, cancelled, inherits=not appends)
        [state] = [run.state for run in ledger.runs() if run.run_id == self._run_id]
        if state != "running":
            what = "finished" if state == "complete" else "cancelled"
            raise AlreadyRunning(f"another driver has {what} this run meanwhile", f"run {self._run_id}")
        self.end_tasks(f"dbagent/{self._run_id}/")

    @property
    def application(self) -> str:
        """What the sessions of this driver's tasks call themselves."""
        return f"dbagent/{self._run_id}/{self._fence}/"

    def _progress(self, states: Sequence[TableState]) -> Progress:
        expected = {table.table_id: table.source.rows for table in self._plan.tables}
        counted = {state.table_id: state.rows for state in states if state.state == "complete"}
        found = Progress.of(states, len(self._plan.tables), sum((expected | counted).values()))
        return replace(found, chunk_bytes=self._chunk_bytes)

    def _connect(self) -> TargetSession:
        """The heartbeat's session: it waits for nothing longer than the lease can."""
        return self._bench.writes.target(replace(self._bench.target_endpoint, patience=PATIENCE))

    def _epochs(self) -> Proof:
        """Load under one snapshot after another until everything is complete and proven."""
        for attempt in itertools.count(1):
            try:
                if attempt > 1:
                    self._reopen()
                self._take_over()
                with Heart(self._connect, self._run_id, self._fence, self._progress, self._hooks.show) as self._heart:
                    Epoch(self, self._source).load()
                    self._settle()
                    return verify(self._plan, self._target, self._run_id)
            except ConnectorError as problem:
                if not problem.retryable or attempt == TRIES:
                    raise
            time.sleep(attempt)
        raise AssertionError("the loop above ends by itself")

    def _reopen(self) -> None:
        """Both ends anew: another snapshot, and a target session that works whatever became of the last one."""
        self._close()
        self._source = self._bench.reads.source(self._bench.source_endpoint)
        self._target = self._bench.writes.target(self._bench.target_endpoint)

    def _close(self) -> None:
        for session in (self._source, self._target):
            with suppress(ConnectorError):
                session.close()

    def _settle(self) -> None:
        """Continue counters and refresh statistics of every table, those of an earlier attempt included."""
        schema = self._target.schema()
        for table in schema.pick(part.name for part in self._plan.tables):
            try:
                self._target.settle(table)
            except ValueRefused:  # found late: other rows must be loaded, or the same under another constraint
                self._begin_anew([str(table.name)])
                raise

    def end_tasks(self, application: str) -> None:
        """End the task sessions of that name on both ends and wait: none of them is at work afterwards."""
        with suppress(ConnectorError):  # a source that is gone has no sessions either
            self._source.end_sessions(application)
        self._target.end_sessions(application)

    def look_around(self) -> Sequence[TableState]:
        """What the loop checks between chunks; returns the ledger's latest. Raises what must stop it."""
        assert self._heart is not None
        self._heart.check()
        asked = None
        with suppress(ConnectionProblem):  # the heartbeat tells of a control store that stays away
            asked = self._hooks.stop_requested()
        if asked is not None:
            raise RunStopped(asked)
        limit = self._bench.source_environment.max_snapshot_hours
        if limit is not None and time.monotonic() - self._began > limit * 3600:
            raise RunStopped("pause", where=f"max_snapshot_hours of {self._plan.source_env} ({limit}) is over")
        self._source.check_alive()
        return self._heart.states


class Epoch:
    """What happens under one snapshot."""

    def __init__(self, driver: Driver, source: SourceSession) -> None:
        self._driver, self._source = driver, source
        self._bench, self._plan = driver._bench, driver._plan
        self._in_flight: dict[Future[Outcome], tuple[Chunk, ...]] = {}
        self._tries: Counter[tuple[int, int]] = Counter()
        self._finished: set[int] = set()
        self._in_task = self._bench.reads.facts.snapshot_holder == "task"

    def load(self) -> None:
        schema = self._source.schema()
        for table in self._plan.tables:
            if schema.get(table.source.name) != table.source:
                raise SourceChanged(
                    "the table changed after it was planned",
                    where=str(table.source.name),
                    todo="resuming plans anew and says what changed",
                )
        target = self._driver._target
        prepared, complete = prepare(self._plan, target, self._driver._run_id, self._source.snapshot.name)
        self._tables = {part.plan.table_id: part for part in prepared}
        self._copies = {part.plan.table_id: self._copy(part, schema) for part in prepared}
        chunks = self._split(prepared)
        self._chunks = Counter(chunk.table_id for chunk in chunks)
        waits_for = {table.table_id: table.waits_for for table in self._plan.tables}
        ways = {table.table_id: table.way.crosses or table.paths != DIRECT for table in self._plan.tables}
        self._queue = ReadyQueue(chunks, waits_for, complete, ways)
        with ThreadPoolExecutor(self._slots() + 1) as pool:
            try:
                while self._queue or self._in_flight:
                    self._fill(pool)
                    done, _ = wait(self._in_flight, timeout=POLL, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._came_home(self._in_flight.pop(future), future)
                    self._fill(pool)  # before looking around: nobody waits for that
                    self._finish_early(self._driver.look_around())
            except BaseException:
                self._stop()
                raise

    def _stop(self) -> None:
        """End the tasks at work, those too that a thread of the pool had not quite begun."""
        going = set(self._in_flight)
        while going:
            self._driver._hooks.cancel()
            with suppress(ConnectorError):
                self._driver.end_tasks(self._driver.application)
            _, going = wait(going, timeout=1)

    def _slots(self) -> int:
        if self._in_task:
            return 1
        return min(self._driver._workers, self._bench.writes.facts.writers or self._driver._workers)

    def _copy(self, part: Prepared, schema: Schema) -> TableCopy:
        plan = part.plan
        [source] = schema.pick([plan.source.name])
        where = None if plan.where is None else self._source.pinned(plan.where)
        anonymize = self._bench.anonymizer(plan)
        seen = anonymize.columns if anonymize else ()
        way = plan.way if plan.paths == DIRECT else through(plan.way, source, self._bench.reads.types)
        sees = {name: way.sees[name] for name in seen if way.crosses}
        return TableCopy(plan.table_id, source, part.target, part.into, where, anonymize, way.fields, sees, plan.paths)

    def _split(self, prepared: list[Prepared]) -> list[Chunk]:
        total = sum(part.plan.source.bytes for part in prepared)
        low, high = CHUNK_BYTES
        budget = min(high, max(low, total // (self._slots() * 16)))
        split = {part.plan.table_id: budget for part in prepared if not part.plan.whole}
        self._driver._chunk_bytes = {**self._driver._chunk_bytes, **split}
        chunks = []
        for part in prepared:
            copy, size = self._copies[part.plan.table_id], split.get(part.plan.table_id, 1 << 62)
            for number, bounds in enumerate(self._bounds(copy, size)):
                chunks.append(Chunk(part.plan.table_id, number, bounds))
        return chunks

    def _bounds(self, copy: TableCopy, size: int) -> list[Bounds]:
        """Spark's own predicates are seen by others: where it reads, no value may cut a table."""
        spark = self._bench.reads.jdbc if copy.paths[0] == "jdbc" else None
        if spark is not None:
            return spark.bounds(self._source, copy.source, copy.where, size)
        return self._source.bounds(copy.source, copy.where, size)

    def _fill(self, pool: ThreadPoolExecutor) -> None:
        # Where Spark itself holds one more task back, it starts that without asking us first (0.1 s each).
        ahead = 1 if self._driver._hooks.task_slots == self._slots() else 0
        while len(self._in_flight) < self._slots() + ahead:
            work = self._queue.take_all() if self._in_task else self._queue.take(self._slots())
            if not work:
                return
            self._in_flight[pool.submit(self._driver._hooks.submit, copy_chunks, self._work(work))] = work

    def _work(self, chunks: tuple[Chunk, ...]) -> Work:
        rate = self._bench.source_environment.max_mb_per_second
        return Work(
            TransferJob(
                run_id=self._driver._run_id,
                fence=self._driver._fence,
                source=replace(self._bench.source_endpoint, application=self._driver.application),
                target=replace(self._bench.target_endpoint, application=self._driver.application),
                snapshot=self._source.snapshot,
                tables={number: _travelling(self._copies[number]) for number in {chunk.table_id for chunk in chunks}},
                suspend_foreign_keys=self._driver._target.server.suspends_foreign_keys,
                bytes_per_second=rate * 1e6 / self._slots() if rate else None,
            ),
            chunks,
        )

    def _came_home(self, work: tuple[Chunk, ...], future: Future[Outcome]) -> None:
        try:
            outcome = future.result()
            problem = outcome.failed.error if outcome.failed else None
        except ConnectorError as died:
            outcome, problem = None, died
        if outcome is not None:
            self._driver.timing.add(outcome)
            for chunk in work[: len(outcome.loaded)]:
                if self._queue.loaded(chunk):
                    self._finish(chunk.table_id)
            work = work[len(outcome.loaded) :]
        if problem is None:
            return
        first = work[0].table_id, work[0].number
        self._tries[first] += 1
        if not problem.retryable or self._in_task or self._tries[first] >= TRIES:
            raise problem
        time.sleep(0.2 * self._tries[first])
        self._queue.put_back(work)

    def _finish_early(self, states: Sequence[TableState]) -> None:
        """Tables whose last chunk a task has loaded while it goes on with others: a resume keeps them. The look at the
        ledger may be older than this epoch; only states of its own snapshot count."""
        for state in states if self._in_task else ():
            ours = state.state == "prepared" and state.snapshot == self._source.snapshot.name
            if ours and 0 < len(state.chunks) == self._chunks[state.table_id]:
                with suppress(Busy):  # the task itself is writing: at the next look, then
                    self._finish(state.table_id)

    def _finish(self, table_id: int) -> None:
        """All chunks of a table are in: publish what was staged, or mark it complete. Once."""
        if table_id in self._finished:
            return
        part, run_id, target = self._tables[table_id], self._driver._run_id, self._driver._target
        if part.staged:
            target.publish(run_id, table_id, part.into, part.filled)
        else:
            target.ledger.completed(run_id, table_id)
        self._clear(table_id)
        self._finished.add(table_id)
        self._queue.completed(table_id)

    def _clear(self, table_id: int) -> None:
        """What Spark has staged of a finished table goes. Where it cannot, the next sweep finds it."""
        copy, spark = self._copies[table_id], self._bench.writes.jdbc
        if copy.paths[1] == "jdbc" and spark is not None:
            with suppress(ConnectorError), spark.staging(self._work(()).job) as staging:
                staging.clear(copy)


def _travelling(copy: TableCopy) -> TableCopy:
    """A closure over 1 MiB would be written to disk, as a broadcast: only what tasks need goes with them."""
    return replace(copy, source=copy.source.for_tasks(), target=copy.target.for_tasks())
