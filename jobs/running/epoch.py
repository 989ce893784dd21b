"""An epoch: what happens under one snapshot, from the empty tables to the last restored index.

Chunks go to Spark in table order, restored objects to sessions of the driver's own; `parallel_workers` bounds both
together. While rows are still to come, restoring gets half of them: whoever copies keeps a snapshot open on PROD.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connectors.contract import DIRECT, Bounds, Chunk, SourceSession, Staged, TableCopy, TableState, TransferJob
from connectors.errors import Busy, ConnectorError, Locked, SourceChanged
from connectors.schema import Schema, Table
from jobs.planning.crossing import through
from jobs.running.aside import Aside
from jobs.running.chunk import Outcome, Work, copy_chunks
from jobs.running.prepare import Prepared, prepare
from jobs.running.queue import ReadyQueue

if TYPE_CHECKING:
    from jobs.running.drive import Driver

TRIES = 3
"""How often a chunk, and how often an epoch, is begun before the run fails."""
POLL = 0.25
"""Seconds the loop waits for a chunk before it looks around."""
CHUNK_BYTES = (4 << 20, 64 << 20)
"""A chunk's budget lies between these: small enough to resume and balance, large enough that its transaction is not felt."""


class Epoch:
    """What happens under one snapshot."""

    def __init__(self, driver: Driver, source: SourceSession) -> None:
        self._driver, self._source = driver, source
        self._bench, self._plan = driver.bench, driver.plan
        self._in_flight: dict[Future[Outcome], tuple[Chunk, ...]] = {}
        self._tries: Counter[tuple[int, int]] = Counter()
        self._full: set[int] = set()
        """Tables whose chunks are all in; of those that arrive together, some may be staged still."""
        self._finished: set[int] = set()
        self._in_task = self._bench.reads.facts.snapshot_holder == "task"

    def load(self) -> None:
        """Every row is in, and everything that waited for it is back. Raises ConnectorError, RunStopped."""
        schema = self._unchanged()
        prepared, complete = self._driver.patiently(self._prepare)
        self._tables = {part.plan.table_id: part for part in prepared}
        self._copies = {part.plan.table_id: self._copy(part, schema) for part in prepared}
        chunks = self._split(prepared)
        self._chunks = Counter(chunk.table_id for chunk in chunks)
        waits_for = {table.table_id: table.waits_for for table in self._plan.tables}
        ways = {table.table_id: table.way.crosses or table.paths != DIRECT for table in self._plan.tables}
        self._queue = ReadyQueue(chunks, waits_for, set(complete), ways)
        self._restoring = self._driver.restoring = self._driver.restores(self._aside.steps)
        for table in complete.values():
            self._restoring.loaded(table.name, table)
        with ThreadPoolExecutor(self._slots() + 1) as pool:
            try:
                self._copy_all(pool)
                self._driver.rows_are_in()
                self._restore_rest()
            except BaseException:
                self._stop()
                raise
            finally:
                self._restoring.close()

    def _prepare(self) -> tuple[list[Prepared], dict[int, Table]]:
        driver = self._driver
        driver.aside = self._aside = Aside(self._plan, driver.target, driver.run_id, driver.fence)
        return prepare(self._plan, driver.target, driver.run_id, self._source.snapshot.name, self._aside)

    def _unchanged(self) -> Schema:
        """The source as it was planned. Raises SourceChanged."""
        schema = self._source.schema()
        for table in self._plan.tables:
            if schema.get(table.source.name) != table.source:
                raise SourceChanged(
                    "the table changed after it was planned",
                    where=str(table.source.name),
                    todo="resuming plans anew and says what changed",
                )
        return schema

    def _copy_all(self, pool: ThreadPoolExecutor) -> None:
        while self._queue or self._in_flight:
            self._fill(pool)
            waiting: set[Future[Any]] = {*self._in_flight, *self._restoring.futures}
            done, _ = wait(waiting, timeout=POLL, return_when=FIRST_COMPLETED)
            for future in [one for one in self._in_flight if one in done]:
                self._came_home(self._in_flight.pop(future), future)
            self._restored(done)
            self._fill(pool)  # before looking around: nobody waits for that
            self._finish_early(self._driver.look_around())

    def _restore_rest(self) -> None:
        """What is not restored yet, now that all rows are in and every slot is free. Raises what could not be; the others
        are."""
        self._restoring.all_in()
        while not self._restoring.over:
            if not self._restoring.failed:
                self._restoring.start(self._most())
            if not self._restoring.running:
                break
            done, _ = wait(self._restoring.futures, timeout=POLL, return_when=FIRST_COMPLETED)
            self._restored(done)
            self._driver.look_around()
        for job, problem in self._restoring.failed:
            self._driver.unsettled(job.settle, problem)
            raise problem

    def _restored(self, done: Iterable[Future[Any]]) -> None:
        for future in self._restoring.futures & set(done):
            self._driver.restored(self._restoring.came_home(future))

    def _stop(self) -> None:
        """End the tasks at work, those too that a thread of the pool had not quite begun."""
        going: set[Future[Any]] = {*self._in_flight, *self._restoring.futures}
        while going:
            self._driver.hooks.cancel()
            with suppress(ConnectorError):
                self._driver.end_tasks(self._driver.application)
            _, going = wait(going, timeout=1)

    def _most(self) -> int:
        """How many sessions of ours the target gets, besides the driver's own."""
        return min(self._driver.workers, self._bench.writes.facts.writers or self._driver.workers)

    def _slots(self) -> int:
        """How many of them may copy."""
        return 1 if self._in_task else self._most()

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
        self._driver.chunk_bytes = {**self._driver.chunk_bytes, **split}
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
        most, slots = self._most(), self._slots()
        restoring = self._restoring.running
        if not self._restoring.failed:  # tables that are complete stay so: the rest is copied first
            restoring = min(max(most // 2, most - slots), restoring + self._restoring.ready)
            self._restoring.start(min(restoring, most - len(self._in_flight)))
        # Where Spark itself holds one more task back, it starts that without asking us first (0.1 s each).
        ahead = 1 if self._driver.hooks.task_slots == slots and not restoring else 0
        while len(self._in_flight) < min(slots, most - restoring) + ahead:
            work = self._queue.take_all() if self._in_task else self._queue.take(slots)
            if not work:
                return
            self._restoring.keep(most - len(self._in_flight) - 1)
            self._in_flight[pool.submit(self._driver.hooks.submit, copy_chunks, self._work(work))] = work

    def _work(self, chunks: tuple[Chunk, ...]) -> Work:
        rate = self._bench.source_environment.max_mb_per_second
        return Work(
            TransferJob(
                run_id=self._driver.run_id,
                fence=self._driver.fence,
                source=replace(self._bench.source_endpoint, application=self._driver.application),
                target=replace(self._bench.target_endpoint, application=self._driver.application),
                snapshot=self._source.snapshot,
                tables={number: _travelling(self._copies[number]) for number in {chunk.table_id for chunk in chunks}},
                suspend_foreign_keys=self._driver.target.server.suspends_foreign_keys,
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
            if outcome.loaded or problem is None:
                self._driver.patience.moves()
        if problem is None:
            return
        if isinstance(problem, Locked):
            given_up = self._driver.patience.final(self._blocked(problem, work[0].table_id))
            if given_up is not None:
                raise given_up
        if isinstance(problem, Locked) and not self._in_task:
            self._queue.put_back(work)
            return
        first = work[0].table_id, work[0].number
        self._tries[first] += 1
        if not problem.retryable or self._in_task or self._tries[first] >= TRIES:
            raise problem
        time.sleep(0.2 * self._tries[first])
        self._queue.put_back(work)

    def _blocked(self, problem: Locked, table_id: int) -> Locked:
        """A chunk waits for a lock: who holds it, where that is at the target, its own session cannot ask any more."""
        if not problem.where.startswith(f"{self._plan.source_env}:"):
            with suppress(ConnectorError):
                return self._driver.target.blocked(problem, self._copies[table_id].into)
        return problem

    def _finish_early(self, states: Sequence[TableState]) -> None:
        """Tables whose last chunk a task has loaded while it goes on with others: a resume keeps them. The look at the
        ledger may be older than this epoch; only states of its own snapshot count."""
        for state in states if self._in_task else ():
            ours = state.state == "prepared" and state.snapshot == self._source.snapshot.name
            if ours and 0 < len(state.chunks) == self._chunks[state.table_id]:
                with suppress(Busy):  # the task itself is writing: at the next look, then
                    self._finish(state.table_id)

    def _finish(self, table_id: int) -> None:
        """All chunks of a table are in: publish what was staged, or mark it complete. Once; and of tables that arrive
        together only when it is the last of them."""
        if table_id in self._finished:
            return
        self._full.add(table_id)
        arriving = (self._tables[table_id].plan.together or {table_id}) & self._tables.keys()
        if not arriving <= self._full:
            return
        run_id, target = self._driver.run_id, self._driver.target
        parts = [self._tables[number] for number in sorted(arriving)]
        if staged := [Staged(one.plan.table_id, one.into, one.filled) for one in parts if one.staged]:
            self._driver.patiently(lambda: target.publish(run_id, staged))
        else:
            target.ledger.completed(run_id, table_id)
        self._finished |= arriving
        for one in parts:
            self._clear(one.plan.table_id)
            self._queue.completed(one.plan.table_id)
            self._restoring.loaded(one.target.name, one.target)

    def _clear(self, table_id: int) -> None:
        """What Spark has staged of a finished table goes. Where it cannot, the next sweep finds it."""
        copy, spark = self._copies[table_id], self._bench.writes.jdbc
        if copy.paths[1] == "jdbc" and spark is not None:
            with suppress(ConnectorError), spark.staging(self._work(()).job) as staging:
                staging.clear(copy)


def _travelling(copy: TableCopy) -> TableCopy:
    """A closure over 1 MiB would be written to disk, as a broadcast: only what tasks need goes with them."""
    return replace(copy, source=copy.source.for_tasks(), target=copy.target.for_tasks())
