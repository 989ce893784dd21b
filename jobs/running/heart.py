"""The heartbeat: a thread with a target session of its own that keeps the lease alive and mirrors the ledger into the
control store, once a second. The ledger is the truth about what is loaded; the control store shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connectors.contract import TableState, TargetSession
from connectors.errors import ConnectorError, LeaseLost

BEAT = 1.0
"""Seconds between two looks at the ledger."""
RENEW = 10.0
"""Seconds between two renewals of the lease (it expires after ledger.EXPIRY)."""


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
    """Beats while the `with` block runs. `check()` raises what the thread met."""

    def __init__(self, connect: Callable[[], TargetSession], run_id: str, fence: int,
                 measure: Callable[[Sequence[TableState]], Progress], show: Callable[[Progress], None]) -> None:  # fmt: skip
        self._connect, self._run_id, self._fence = connect, run_id, fence
        self._measure, self._show = measure, show
        self._stop = threading.Event()
        self._problem: Exception | None = None
        self._states: tuple[TableState, ...] = ()
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    @property
    def states(self) -> tuple[TableState, ...]:
        """The tables as the ledger had them at the last beat."""
        return self._states

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
                self._show(self._measure(self._states))
            except LeaseLost as problem:
                self._problem = problem
                break
            except ConnectorError:
                session = None  # a chunk that meets the same trouble reports it; the next beat connects anew
            except Exception as problem:  # the control store failed: the driver must hear of it
                self._problem = problem
                break
        if session is not None:
            session.close()
