"""Progress: the live bar on a terminal, and the control store's mirror of it for everybody else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from connectors.contract import TableState
from jobs.control.store import ControlStore
from jobs.planning.plan import Plan
from jobs.planning.render import size
from jobs.running.heart import Progress

SHOWN = 400
"""Characters that the control store keeps of what is going on."""
PHASE = "copy"
"""What the table tasks of a run are recorded as."""


class Speed:
    """Rows per second since the start, and what that means for the rest."""

    def __init__(self) -> None:
        self._began: tuple[float, int] | None = None

    def of(self, progress: Progress) -> tuple[float, float | None]:
        """Rows per second and seconds left (None: not known yet). Rows of an earlier attempt do not count as speed."""
        now = time.monotonic()
        if self._began is None:
            self._began = now, progress.rows_copied
        seconds, rows = now - self._began[0], progress.rows_copied - self._began[1]
        if rows <= 0 or seconds <= 0:
            return 0.0, None
        speed = rows / seconds
        return speed, (progress.rows_total - progress.rows_copied) / speed


class Bar:
    """A live line on a terminal; nothing where the output is not one."""

    def __init__(self, console: Console) -> None:
        self._speed = Speed()
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("preparing", total=None, speed="")

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: Progress) -> None:
        speed, left = self._speed.of(progress)
        eta = f", {left:,.0f} s left" if left is not None else ""
        self._bar.update(
            self._task,
            description="  ".join(
                part
                for part in (
                    f"{progress.tables_completed}/{progress.tables_total} tables",
                    progress.current_table,
                    progress.restoring,
                    progress.waiting,
                )
                if part
            ),
            completed=progress.rows_copied,
            total=progress.rows_total or None,
            speed=f"{speed:,.0f} rows/s  {size(progress.bytes_transferred)}{eta}",
        )


class TaskMirror:
    """Writes the run's numbers and each table task's state into the control store, when they change."""

    def __init__(self, store: ControlStore, operation_id: str, holder: str, plan: Plan) -> None:
        self._store, self._operation_id, self._holder = store, operation_id, holder
        self._tables = {table.table_id: table for table in plan.tables}
        self._operation = plan.operation_type
        self._shown: dict[int, TableState] = {}
        self._chunk_bytes: Mapping[int, int] = {}
        planned = {str(table.source.name): (table.source.rows, table.filter_text) for table in plan.tables}
        store.add_tasks(operation_id, holder, PHASE, self._operation, planned)

    def show(self, progress: Progress) -> None:
        self._store.progress(
            self._operation_id,
            self._holder,
            tables_completed=progress.tables_completed,
            tables_total=progress.tables_total,
            rows_copied=progress.rows_copied,
            rows_total=progress.rows_total,
            bytes_transferred=progress.bytes_transferred,
            current_table=progress.current[:SHOWN],
        )
        self._chunk_bytes = progress.chunk_bytes
        for state in progress.states:
            if self._shown.get(state.table_id) != state:
                self._put(state, "running")
                if state.state == "complete":
                    self._put(state, "completed")
                self._shown[state.table_id] = state

    def stop(self, status: Literal["failed", "paused"], message: str) -> None:
        """The run ended early: so did every table task that was under way."""
        for state in self._shown.values():
            if state.state != "complete":
                self._put(state, status, message)

    def _put(
        self, state: TableState, status: Literal["running", "completed", "failed", "paused"], message: str | None = None
    ) -> None:
        table = self._tables[state.table_id]
        self._store.put_task(
            self._operation_id,
            self._holder,
            str(table.source.name),
            PHASE,
            operation=self._operation,
            status=status,
            records_processed=state.rows,
            total_records=state.rows if status == "completed" else max(state.rows, table.source.rows),
            batch_size=self._chunk_bytes.get(state.table_id),
            worker_id=self._holder,
            source_query=table.filter_text,
            error_message=message,
        )
