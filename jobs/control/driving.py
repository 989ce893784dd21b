"""Who may drive an operation, and with how many connections: the rules that starting a run checks in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa

from jobs.control.rows import LIVE, OperationRow, now
from jobs.control.states import OVER
from jobs.control.tables import operations
from jobs.errors import AlreadyRunning, RunFailed

DRIVER_SESSIONS = 2
"""Connections a driver itself holds to each end at most: its own, and its heartbeat's."""


def free(row: OperationRow, holder: str, alive: Callable[[str], bool]) -> None:
    """Raises AlreadyRunning where another driver is at work on the operation. `alive(driver)` tells of one that was heard
    of lately whether it still runs."""
    if row.live and row.holder and row.holder != holder and alive(row.holder):
        raise AlreadyRunning(
            f"the operation is already running (driver {row.holder})",
            f"operation {row.id}",
            f"watch it with: dbagent progress {row.id}, or stop it with: dbagent pause {row.id}",
        )


def untouched(row: OperationRow, seen: OperationRow | None) -> None:
    """Raises AlreadyRunning where a driver has begun or ended since the operation was `seen` (None: there was none): what
    was planned then may be wrong now."""
    if row.started_at is None:
        return
    if seen is None or (row.id, row.started_at, row.status in OVER) != (seen.id, seen.started_at, seen.status in OVER):
        raise AlreadyRunning(
            f"another driver has worked on the operation meanwhile; it is {row.status}",
            f"operation {row.id}",
            f"see what became of it with: dbagent show {row.id}",
        )


def held(row: OperationRow, holder: str) -> None:
    """Raises AlreadyRunning where the operation is not this driver's any more."""
    if row.holder != holder:
        raise AlreadyRunning(
            "another driver has taken over",
            f"operation {row.id}",
            f"see how far it is with: dbagent progress {row.id}",
        )


def granted(connection: sa.Connection, row: OperationRow, wanted: int, limits: Mapping[str, int]) -> int:
    """How many workers the operation gets: those wanted, less where the `limits` of its environments (name → most
    connections of all operations together) leave fewer. Raises RunFailed where they leave none."""
    o = operations.c
    in_use = sa.func.coalesce(o.workers, o.parallel_workers)
    running = sa.select(o.source_env, o.target_env, in_use).where(
        o.id != row.id, o.status == "running", o.heartbeat_at > now() - LIVE
    )
    others = connection.execute(running).all() if limits else []
    ends = (row.source_env, row.target_env)
    for name in limits.keys() & set(ends):
        busy = sum((workers + DRIVER_SESSIONS) * pair.count(name) for *pair, workers in others)
        left = (limits[name] - busy) // ends.count(name) - DRIVER_SESSIONS
        if left < 1:
            raise RunFailed(
                f"max_connections ({limits[name]}) leaves no connection for a worker: other operations hold up to {busy},"
                f" and a driver needs {DRIVER_SESSIONS}",
                f"environment {name}",
                "wait for the other operations (dbagent list), or raise max_connections",
            )
        wanted = min(wanted, left)
    return wanted
