"""Restoring what waited: indexes as soon as their table is loaded, while others load; what binds tables together when all
are in. Each step has a session of its own, of which there are never more than the run may have connections.

    table:  primary key ─▶ unique keys ─▶ indexes, all at once ─▶ checks ─▶ counters, statistics
    then:   foreign keys, several tables at once ─▶ views, comments, triggers, one by one

A job that fails for a passing reason is tried again; one that another session's lock keeps waiting, as long as a run waits
for locks. One that fails for good keeps nobody else from being restored; where something is gone that one of its steps was
made of, not its other steps either.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from connectors.contract import TargetSession
from connectors.errors import Busy, ConnectorError, Locked, NotFound
from connectors.objects import ObjectKind, Restored, Step
from connectors.schema import Table, TableName
from jobs.running.locked import Patience

TRIES = 3
"""How often a job is begun before it has failed."""
ORDER = tuple(ObjectKind)
ALONE = ORDER[: ORDER.index(ObjectKind.FOREIGN_KEY)]
"""Kinds that need no table but their own."""


@dataclass(eq=False)
class Job:
    """What one session does at a time."""

    steps: tuple[Step, ...] = ()
    settle: Table | None = None
    """The loaded table whose counters and statistics follow."""
    locks: frozenset[TableName] = frozenset()
    """Of foreign keys: the tables that it keeps others of ours from."""
    tries: int = 0

    def apart(self, other: Job) -> bool:
        """Neither has to wait for the other's locks: a key's own table is locked for long, those it references briefly."""
        return not (self.locks and other.locks) or not (
            {step.table for step in self.steps} & other.locks or {step.table for step in other.steps} & self.locks
        )


@dataclass
class Lane:
    """Stages of jobs: those of the next come when all of one are done."""

    stages: deque[list[Job]]
    running: int = 0

    def over(self) -> bool:
        while self.stages and not self.stages[0] and not self.running:
            self.stages.popleft()
        return not self.stages


class Restoring:
    """The steps of one epoch. `loaded`, `start` and `came_home` are called by one thread."""

    def __init__(self, connect: Callable[[], TargetSession], steps: Sequence[Step], *, together: bool, most: int,
                 references: Mapping[TableName, frozenset[TableName]], patience: Patience) -> None:  # fmt: skip
        self._connect, self._together, self._references = connect, together, references
        self._waiting = list(steps)
        self._lanes: list[Lane] = []
        self._all_in = False
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="restoring")
        self._jobs: dict[Future[list[Restored]], tuple[Lane, Job]] = {}
        self._idle: list[TargetSession] = []
        self._lock = threading.Lock()
        self._restored, self._steps = 0, len(steps)
        self._patience = patience
        self.failed: list[tuple[Job, ConnectorError]] = []
        """What could not be restored or settled."""

    @property
    def running(self) -> int:
        return len(self._jobs)

    @property
    def ready(self) -> int:
        """How many jobs could begin now."""
        return sum(len(lane.stages[0]) for lane in self._lanes if not lane.over())

    @property
    def futures(self) -> frozenset[Future[list[Restored]]]:
        return frozenset(self._jobs)

    @property
    def over(self) -> bool:
        """Nothing is left to do of what is loaded; after `all_in`, nothing at all."""
        return not self._jobs and all(lane.over() for lane in self._lanes) and not (self._all_in and self._waiting)

    def __str__(self) -> str:
        """How far it is, for people; empty before it begins and when all are back."""
        begun = self._restored or any(job.steps for _, job in tuple(self._jobs.values()))
        return f"rebuilding {self._restored + 1} of {self._steps}" if begun and self._restored < self._steps else ""

    def loaded(self, name: TableName, settled: Table | None) -> None:
        """All rows of a table are there."""
        steps = self._taken(lambda step: step.table == name and step.id.kind in ALONE)
        last = [] if settled is None else [Job(settle=settled)]
        stages = [[Job(steps, settled)]] if self._together and steps else [*_stages(steps), last]
        self._lanes.append(Lane(deque(stages)))

    def all_in(self) -> None:
        """All rows of all tables are there."""
        self._all_in = True

    def _taken(self, wanted: Callable[[Step], bool]) -> tuple[Step, ...]:
        """Steps in the order of their kinds, which are nobody else's any more."""
        found = sorted((step for step in self._waiting if wanted(step)), key=lambda step: ORDER.index(step.id.kind))
        self._waiting = [step for step in self._waiting if step not in found]
        return tuple(found)

    def start(self, most: int) -> None:
        """Begin what can be begun, as long as fewer than `most` are at work."""
        if self._all_in and self._waiting and not self._jobs and all(lane.over() for lane in self._lanes):
            rest = self._taken(lambda _: True)
            others = ([Job((step,))] for step in rest if step.id.kind is not ObjectKind.FOREIGN_KEY)
            self._lanes.append(Lane(deque([self._keys(rest), *others])))
        while self.running < most and (found := self._next()) is not None:
            lane, job = found
            lane.stages[0].remove(job)
            lane.running += 1
            self._jobs[self._pool.submit(self._do, job)] = found

    def _next(self) -> tuple[Lane, Job] | None:
        at_work = [job for _, job in self._jobs.values()]
        for lane in self._lanes:
            if lane.over():
                continue
            for job in lane.stages[0]:
                if all(job.apart(other) for other in at_work):
                    return lane, job
        return None

    def _keys(self, steps: Iterable[Step]) -> list[Job]:
        """One job per table that has foreign keys."""
        tables: dict[TableName, list[Step]] = {}
        for step in steps:
            if step.id.kind is ObjectKind.FOREIGN_KEY:
                tables.setdefault(step.table, []).append(step)
        return [
            Job(tuple(found), locks=frozenset({name}) | self._references.get(name, frozenset()))
            for name, found in tables.items()
        ]

    def came_home(self, future: Future[list[Restored]]) -> list[Restored]:
        """What became of a job's steps; nothing where it is tried again, or has failed."""
        lane, job = self._jobs.pop(future)
        lane.running -= 1
        try:
            found = future.result()
        except ConnectorError as problem:
            self._again(lane, job, problem)
            return []
        self._patience.moves()
        self._restored += len(found)
        return found

    def _again(self, lane: Lane, job: Job, problem: ConnectorError) -> None:
        """Put it back, whole or step by step, or give it up."""
        if isinstance(problem, Locked):
            given_up = self._patience.final(problem)
            if given_up is None:
                lane.stages[0].append(job)
                return
            problem = given_up
        # Whoever was in the way may have been one of us: that is no reason to give up.
        job.tries += not (isinstance(problem, Busy) and self._jobs)
        if problem.retryable and job.tries < TRIES:
            lane.stages[0].append(job)
        elif isinstance(problem, NotFound) and len(job.steps) > 1:
            rest = [Job(settle=job.settle)] if job.settle else []
            singly = [replace(job, steps=(step,), settle=None, tries=0) for step in job.steps]
            lane.stages.extendleft(reversed([[one] for one in (*singly, *rest)]))
        else:
            self.failed.append((job, problem))

    def _do(self, job: Job) -> list[Restored]:
        with self._lock:
            session = self._idle.pop() if self._idle else None
        session = session or self._connect()
        try:
            found = session.restore(job.steps) if job.steps else []
            if job.settle is not None:
                session.settle(job.settle)
        except BaseException:
            _close(session)
            raise
        with self._lock:
            self._idle.append(session)
        return found

    def keep(self, most: int) -> None:
        """Close sessions that nobody uses, until no more than `most` are open."""
        while self._idle and len(self._idle) + self.running > most:
            with self._lock:
                session = self._idle.pop() if self._idle else None
            if session is not None:
                _close(session)

    def close(self) -> None:
        """Wait for what is at work, and close all sessions."""
        self._pool.shutdown()
        self.keep(0)


def _stages(steps: Sequence[Step]) -> list[list[Job]]:
    """What a table's own steps need one after the other: a key may need the table for itself, indexes share it."""
    shared = [Job((step,)) for step in steps if step.id.kind is ObjectKind.INDEX]
    before = [[Job((s,))] for s in steps if ORDER.index(s.id.kind) < ORDER.index(ObjectKind.INDEX)]
    after = [[Job((s,))] for s in steps if ORDER.index(s.id.kind) > ORDER.index(ObjectKind.INDEX)]
    return [*before, *([shared] if shared else []), *after]


def _close(session: TargetSession) -> None:
    with suppress(ConnectorError):
        session.close()
