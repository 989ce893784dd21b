"""The control store: what was asked for, how far it is, how it ended. Each method is one committed transaction.

Any number of processes work on one store at once: a driver reports its progress, others look, ask it to stop, or start
operations of their own. Only the driver writes here, never a Spark executor.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from jobs.control.database import START_LOCK, connect, locate, take_turns
from jobs.control.driving import free, granted, held, untouched
from jobs.control.rows import OperationRow, now
from jobs.control.states import OPERATION, OVER, Ended, Stop, step
from jobs.control.tables import operations
from jobs.control.tasks import TaskStore
from jobs.errors import UsageError


def _always(holder: str) -> bool:
    return True


class ControlStore(TaskStore):
    """The open store, operations and table tasks. Threads may share one."""

    @classmethod
    def open(cls, url: str | None = None) -> ControlStore:
        """The store at `url`, else DBAGENT_CONTROL, else in the user's state folder; created or upgraded where needed.
        Raises ConfigError, ConnectionProblem."""
        return cls(connect(locate(url)))

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> ControlStore:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def find_or_create(
        self,
        definition: Mapping[str, Any],
        *,
        plan_sha256: str,
        plan_what: Mapping[str, Any],
        requested_by: str,
        seen: OperationRow | None,
    ) -> OperationRow:
        """The unfinished operation with this plan on this target, else a new one: what was asked for (an `Operation` as
        JSON) and planned. `seen` is what `latest` gave before the plan looked at the target. Of several drivers that come
        at once, all get the same operation. Raises AlreadyRunning where one has run it meanwhile."""
        with self._writing() as connection:
            take_turns(connection, START_LOCK)
            row = self._latest(connection, plan_sha256, definition["target_env"])
            if row is not None:
                untouched(row, seen)
                if row.status not in OVER:
                    return row
            values = _new(definition, plan_sha256, plan_what, requested_by)
            while connection.execute(sa.select(operations.c.id).where(operations.c.id == values["id"])).first():
                values["id"] = _id(values["created_at"])
            connection.execute(operations.insert().values(values))
            return OperationRow.of(connection.execute(operations.select().where(operations.c.id == values["id"])).one())

    def get(self, reference: str) -> OperationRow:
        """The operation of this ID, or of the only one that begins so, with or without its date: `op-20261121-3f9a2c`,
        `3f9a`. Raises UsageError."""
        found = []
        if re.fullmatch(r"[0-9a-z-]+", reference):
            known = sa.or_(*(operations.c.id.like(f"{head}{reference}%") for head in ("", "op-________-")))
            with self._reading() as connection:
                found = [OperationRow.of(row) for row in connection.execute(operations.select().where(known).limit(20))]
        exact = [row for row in found if row.id == reference]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if found:
            names = ", ".join(sorted(row.id for row in found))
            raise UsageError("more than one operation begins so", reference, f"write more of it: {names}")
        raise UsageError("there is no such operation", reference, "see the operations there are with: dbagent list")

    def recent(self, limit: int = 20) -> list[OperationRow]:
        """The newest operations first."""
        with self._reading() as connection:
            query = operations.select().order_by(operations.c.created_at.desc(), operations.c.id).limit(limit)
            return [OperationRow.of(row) for row in connection.execute(query)]

    def latest(self, plan_sha256: str, target_env: str) -> OperationRow | None:
        """The operation with this plan on this target that counts: the unfinished one, else the newest."""
        with self._reading() as connection:
            return self._latest(connection, plan_sha256, target_env)

    def _latest(self, connection: sa.Connection, plan_sha256: str, target_env: str) -> OperationRow | None:
        query = (
            operations.select()
            .where(operations.c.plan_sha256 == plan_sha256, operations.c.target_env == target_env)
            .order_by(operations.c.status.in_(sorted(OVER)), operations.c.created_at.desc(), operations.c.id)
            .limit(1)
        )
        row = connection.execute(query).first()
        return None if row is None else OperationRow.of(row)

    def cancelled(self, run_id: str) -> bool:
        """Whether an operation was cancelled that this run was, or is, the run of."""
        query = sa.select(operations.c.id).where(operations.c.run_id == run_id, operations.c.status == "cancelled")
        with self._reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def start(
        self,
        seen: OperationRow,
        run_id: str,
        holder: str,
        *,
        workers: int,
        limits: Mapping[str, int],
        alive: Callable[[str], bool] = _always,
    ) -> OperationRow:
        """Make `holder` the one driver of the operation that the caller has `seen`, with as many of the wanted `workers`
        as the `limits` of its environments leave (name → most connections of all operations together; see `workers`
        of what is returned). `alive(driver)` tells of another driver, heard of lately, whether it still runs.
        Raises AlreadyRunning, UsageError, RunFailed."""
        with self._writing() as connection:
            take_turns(connection, START_LOCK)
            row = self._hold(connection, seen.id)
            free(row, holder, alive)
            untouched(row, seen)
            if row.status in OVER:
                what = f"the operation is {row.status} and does not run again"
                raise UsageError(what, f"operation {row.id}", "run its file: that makes a new operation")
            step(OPERATION, f"operation {row.id}", row.status, "running")
            moment = now()
            return self._change(
                connection,
                row.id,
                status="running",
                run_id=run_id,
                holder=holder,
                workers=granted(connection, row, workers, limits),
                heartbeat_at=moment,
                started_at=moment,
                rows_before=row.rows_copied,
                completed_at=None,
                stop_requested=None,
                error=None,
            )

    def progress(
        self,
        operation_id: str,
        holder: str,
        *,
        tables_completed: int | None = None,
        tables_total: int | None = None,
        rows_copied: int | None = None,
        rows_total: int | None = None,
        bytes_transferred: int | None = None,
        current_table: str | None = None,
    ) -> None:
        """Say that the driver lives, and how far it is; what is not given stays as it was. Only the holder's word counts."""
        given = {
            "tables_completed": tables_completed,
            "tables_total": tables_total,
            "rows_copied": rows_copied,
            "rows_total": rows_total,
            "bytes_transferred": bytes_transferred,
            "current_table": current_table,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        o = operations.c
        mine = sa.and_(o.id == operation_id, o.holder == holder, o.status == "running")
        with self._writing() as connection:
            connection.execute(operations.update().where(mine).values(heartbeat_at=now(), **changes))

    def stop_requested(self, operation_id: str) -> Stop | None:
        """What the driver was asked to do."""
        with self._reading() as connection:
            query = sa.select(operations.c.stop_requested).where(operations.c.id == operation_id)
            stop: Stop | None = connection.execute(query).scalar()
        return stop

    def request_stop(self, reference: str, what: Stop) -> OperationRow:
        """Ask the driver to stop. Where none is at work, the operation is paused or cancelled at once. Raises UsageError."""
        found = self.get(reference)
        with self._writing() as connection:
            row = self._hold(connection, found.id)
            if row.live:  # a cancel is not softened into a pause
                wanted = "cancel" if row.stop_requested == "cancel" else what
                return self._change(connection, row.id, stop_requested=wanted)
            after: Ended = "paused" if what == "pause" else "cancelled"
            if (row.status, after) not in OPERATION:
                raise UsageError(f"the operation is {row.status}: nothing to {what}", f"operation {row.id}")
            # request and holder stay: a driver that was only slow finds the one and may still have the last word
            return self._change(connection, row.id, status=after, stop_requested=what, completed_at=now())

    def finish(
        self,
        operation_id: str,
        holder: str,
        status: Ended,
        error: str | None = None,
        report: Mapping[str, Any] | None = None,
    ) -> OperationRow:
        """The driver's last word, and what was proven. Where somebody has stopped the operation meanwhile because its driver
        seemed dead, it stays so, unless it is complete after all. Returns what it is now. Raises AlreadyRunning where
        another driver has taken over: then the last word is that one's."""
        with self._writing() as connection:
            row = self._hold(connection, operation_id)
            held(row, holder)
            if (row.status, status) not in OPERATION:
                return self._change(connection, row.id, holder=None)
            return self._change(
                connection,
                row.id,
                status=status,
                error=error,
                report=None if report is None else dict(report),
                completed_at=now(),
                holder=None,
                current_table=None,
                stop_requested=None,
            )

    def _change(self, connection: sa.Connection, operation_id: str, **changes: object) -> OperationRow:
        mine = operations.c.id == operation_id
        connection.execute(operations.update().where(mine).values(changes))
        return OperationRow.of(connection.execute(operations.select().where(mine)).one())


def _id(created: datetime) -> str:
    return f"op-{created:%Y%m%d}-{secrets.token_hex(3)}"


def _new(definition: Mapping[str, Any], plan_sha256: str, plan_what: Mapping[str, Any], by: str) -> dict[str, Any]:
    """A new operation's row."""
    named = definition["tables"]
    inside = {table: where for table, where in named.items() if where} if isinstance(named, Mapping) else {}
    created = now()
    return {
        "id": _id(created),
        **{name: definition[name] for name in ("operation_type", "source_env", "target_env", "anonymize")},
        **{name: definition[name] for name in ("parallel_workers", "domain_id")},
        "tables": list(named),
        "filter_conditions": {**inside, **definition["filter"]},
        "definition": dict(definition),
        "plan_sha256": plan_sha256,
        "plan_what": dict(plan_what),
        "requested_by": by,
        "status": "pending",
        "created_at": created,
    }
