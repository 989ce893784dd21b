"""The live view of `dbagent progress`: redrawn until the operation ends, its driver falls silent, or Ctrl-C."""

from __future__ import annotations

import time

from rich.console import Console
from rich.live import Live

from jobs.control.rows import OperationRow
from jobs.control.store import ControlStore
from jobs.views import progress_bar, silence

INTERVAL = 0.5
"""Seconds between two looks at the control store."""


def watch(store: ControlStore, row: OperationRow, console: Console) -> OperationRow:
    """Show the operation until nothing moves any more. Returns it as it was seen last."""
    with Live(progress_bar(row), console=console, transient=True, auto_refresh=False) as live:
        while row.status in ("pending", "running") and silence(row) is None:
            time.sleep(INTERVAL)
            row = store.get(row.id)
            live.update(progress_bar(row), refresh=True)
    return row
