"""The heartbeat: it keeps the lease alive through a target session of its own, and mirrors the ledger into the control
store, once a second. The ledger is the truth about what is loaded; the control store shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from connectors.contract import TableState, TargetSession
from connectors.errors import Busy, ConnectorError, LeaseLost
from connectors.ledger import EXPIRY
from jobs.control.rows import LIVE
from jobs.errors import ConnectionProblem

BEAT = 1.0
"""Seconds between two looks at the ledger."""
RENEW = 10.0
"""Seconds between two renewals of the lease (it expires after ledger.EXPIRY)."""
PATIENCE = 10.0
"""Seconds the heartbeat waits for one answer of the target: it must try several times before the lease expires."""
AWAY = LIVE.total_seconds()
"""Seconds a run goes on without its control store, which counts the driver as dead after them."""


@dataclass(frozen=True)
class Progress:
    """How far a run is. Rows and bytes count what the ledger holds; a table counts when it is complete."""

    tables_completed: int
    tables_total: int
    rows_copied: int
    rows_total: int
    bytes_transferred: int
    current_table: str
    states: tuple[TableState, ...] = ()
    chunk_bytes: Mapping[int, int] = field(default_factory=dict)
    """Table → about how many bytes a chunk of it has, where this driver has split it."""
    restoring: str = ""
    """How far what waited for rows is back: `rebuilding 3 of 9`; empty where nothing waits."""
    waiting: str = ""
    """For whose lock the run waits."""

    @property
    def current(self) -> str:
        """What is going on now, in a few words."""
        return self.waiting or self.current_table or self.restoring

    @staticmethod
    def of(states: Sequence[TableState], tables_total: int, rows_total: int) -> Progress:
        rows = sum(state.rows for state in states)
        unfinished = [state for state in states if state.state != "complete"]
        moving = [state for state in unfinished if state.chunks]
        current = next(iter(moving or unfinished), None)
        return Progress(
            tables_completed=len(states) - len(unfinished),
            tables_total=tables_total,
            rows_copied=rows,
            rows_total=max(rows, rows_total),
            bytes_transferred=sum(state.bytes for state in states),
            current_table=current.target if current else "",
            states=tuple(states),
        )


class Heart:
    """Beats while the `with` block runs: one thread keeps the lease and looks at the ledger, another one shows what it saw,
    so that a control store that keeps us waiting costs no lease. `check()` raises what they met."""

    def __init__(self, connect: Callable[[], TargetSession], run_id: str, fence: int,
                 measure: Callable[[Sequence[TableState]], Progress], show: Callable[[Progress], None]) -> None:  # fmt: skip
        self._connect, self._run_id, self._fence = connect, run_id, fence
        self._measure, self._show = measure, show
        self._stop = threading.Event()
        self._problem: Exception | None = None
        self._states: tuple[TableState, ...] | None = None
        self._threads = [
            threading.Thread(target=work, name=f"heart: {work.__name__}", daemon=True)
            for work in (self._beat, self._mirror)
        ]

    def __enter__(self) -> Heart:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)

    @property
    def states(self) -> tuple[TableState, ...]:
        """The tables as the ledger had them at the last beat."""
        return self._states or ()

    def check(self) -> None:
        if self._problem is not None:
            raise self._problem

    def _beat(self) -> None:
        renewed = time.monotonic()
        session: TargetSession | None = None
        while not self._stop.wait(BEAT):
            try:
                session = session or self._connect()
                if time.monotonic() - renewed > RENEW:
                    session.ledger.renew(self._run_id, self._fence)
                    renewed = time.monotonic()
                self._states = tuple(session.ledger.tables(self._run_id))
            except LeaseLost as problem:
                self._problem = problem
                break
            except ConnectorError as problem:
                if session is not None and isinstance(problem, Busy):
                    continue  # who keeps the ledger locked keeps everybody else from taking the lease
                _close(session)
                session = None  # a chunk that meets the same trouble reports it; the next beat connects anew
                if time.monotonic() - renewed > EXPIRY:
                    self._problem = problem
                    break
            except Exception as problem:  # a bug: the driver must hear of it
                self._problem = problem
                break
        _close(session)

    def _mirror(self) -> None:
        shown = time.monotonic()
        while not self._stop.wait(BEAT):
            try:
                if self._states is not None:
                    self._show(self._measure(self._states))
                shown = time.monotonic()
            except Exception as problem:
                if isinstance(problem, ConnectionProblem) and time.monotonic() - shown < AWAY:
                    continue  # its server restarts: no reason to give up a snapshot
                self._problem = self._problem or problem
                break


def _close(session: TargetSession | None) -> None:
    """Give up a session, whatever state it is in."""
    if session is not None:
        with suppress(ConnectorError):
            session.close()
