"""The control store: what was asked for, how far it is, how it ended. Each method is one committed transaction.

Any number of processes work on one store at once: a driver reports its progress, others look, ask it to stop, or start
operations of their own. Only the driver writes here, never a Spark executor.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from jobs.control.database import connect, in_a_file, locate, shown, told
from jobs.control.rows import LIVE, OperationRow, TaskRow, now
from jobs.control.states import OPERATION, OVER, TASK, Ended, Stop, TaskStatus, step
from jobs.control.tables import operations, tasks
from jobs.errors import AlreadyRunning, UsageError


def _always(holder: str) -> bool:
    return True


class ControlStore:
    """The open store. Threads may share one."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.place = shown(engine.url)
        self.in_a_file = in_a_file(engine.url)

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

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with told(self.place), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with told(self.place), self._engine.connect().execution_options(reading=True) as connection, connection.begin():
            yield connection

    # Operations

    def create(
        self, definition: Mapping[str, Any], *, plan_sha256: str, plan_what: Mapping[str, Any], requested_by: str
    ) -> str:
        """Record what was asked for (an `Operation` as JSON) and planned. Returns the new operation's ID."""
        named = definition["tables"]
        inside = {table: where for table, where in named.items() if where} if isinstance(named, Mapping) else {}
        created = now()
        values = {
            "id": f"op-{created:%Y%m%d}-{secrets.token_hex(3)}",
            **{name: definition[name] for name in ("operation_type", "source_env", "target_env", "anonymize")},
            **{name: definition[name] for name in ("parallel_workers", "domain_id")},
            "tables": list(named),
            "filter_conditions": {**inside, **definition["filter"]},
            "definition": dict(definition),
            "plan_sha256": plan_sha256,
            "plan_what": dict(plan_what),
            "requested_by": requested_by,
            "status": "pending",
            "created_at": created,
        }
        with self._writing() as connection:
            while connection.execute(sa.select(operations.c.id).where(operations.c.id == values["id"])).first():
                values["id"] = f"op-{created:%Y%m%d}-{secrets.token_hex(3)}"
            connection.execute(operations.insert().values(values))
        return str(values["id"])

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

    def find_unfinished(self, plan_sha256: str, target_env: str) -> OperationRow | None:
        """The newest operation with this plan on this target that is not completed or cancelled."""
        query = (
            operations.select()
            .where(operations.c.plan_sha256 == plan_sha256, operations.c.target_env == target_env)
            .where(operations.c.status.not_in(sorted(OVER)))
            .order_by(operations.c.created_at.desc(), operations.c.id)
            .limit(1)
        )
        with self._reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else OperationRow.of(row)

    def start(
        self, operation_id: str, run_id: str, holder: str, alive: Callable[[str], bool] = _always
    ) -> OperationRow:
        """Make `holder` the one driver of this operation. `alive(holder)` tells of another holder, heard of lately,
        whether it still runs. Raises AlreadyRunning, UsageError."""
        with self._writing() as connection:
            row = self._hold(connection, operation_id)
            if row.live and row.holder and row.holder != holder and alive(row.holder):
                raise AlreadyRunning(
                    f"the operation is already running (driver {row.holder})",
                    f"operation {row.id}",
                    f"watch it with: dbagent progress {row.id}, or stop it with: dbagent pause {row.id}",
                )
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
        *,
        tables_completed: int | None = None,
        tables_total: int | None = None,
        rows_copied: int | None = None,
        rows_total: int | None = None,
        bytes_transferred: int | None = None,
        current_table: str | None = None,
    ) -> Stop | None:
        """Say that the driver lives, and how far it is; what is not given stays as it was. Returns what it was asked to
        do: pause, cancel or nothing."""
        given = {
            "tables_completed": tables_completed,
            "tables_total": tables_total,
            "rows_copied": rows_copied,
            "rows_total": rows_total,
            "bytes_transferred": bytes_transferred,
            "current_table": current_table,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        mine = operations.c.id == operation_id
        running = sa.and_(mine, operations.c.status == "running")
        with self._writing() as connection:
            connection.execute(operations.update().where(running).values(heartbeat_at=now(), **changes))
            stop: Stop | None = connection.execute(sa.select(operations.c.stop_requested).where(mine)).scalar()
        return stop

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
            # the request stays: a driver that was only slow finds it
            return self._change(connection, row.id, status=after, stop_requested=what, holder=None, completed_at=now())

    def finish(
        self, operation_id: str, status: Ended, error: str | None = None, report: Mapping[str, Any] | None = None
    ) -> OperationRow:
        """The driver's last word, and what was proven. Saying it again changes nothing."""
        with self._writing() as connection:
            row = self._hold(connection, operation_id)
            if row.status == status:
                return row
            step(OPERATION, f"operation {row.id}", row.status, status)
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

    def busy_connections(self, environment: str, besides: str | None = None) -> int:
        """How many connections the running operations, `besides` left out, hold to this environment at most."""
        uses = sa.or_(operations.c.source_env == environment, operations.c.target_env == environment)
        query = sa.select(sa.func.coalesce(sa.func.sum(operations.c.parallel_workers), 0)).where(
            uses, operations.c.status == "running", operations.c.heartbeat_at > now() - LIVE
        )
        if besides is not None:
            query = query.where(operations.c.id != besides)
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    def _hold(self, connection: sa.Connection, operation_id: str) -> OperationRow:
        """The operation, locked until this transaction ends."""
        row = connection.execute(operations.select().where(operations.c.id == operation_id).with_for_update()).first()
        if row is None:
            raise UsageError("there is no such operation", operation_id, "see those there are with: dbagent list")
        return OperationRow.of(row)

    def _change(self, connection: sa.Connection, operation_id: str, **changes: object) -> OperationRow:
        mine = operations.c.id == operation_id
        connection.execute(operations.update().where(mine).values(changes))
        return OperationRow.of(connection.execute(operations.select().where(mine)).one())

    # Table tasks

    def tasks(self, operation_id: str) -> list[TaskRow]:
        """Every phase of every table, in the order they were put."""
        query = tasks.select().where(tasks.c.operation_id == operation_id).order_by(tasks.c.id)
        with self._reading() as connection:
            return [TaskRow.of(row) for row in connection.execute(query)]

    def put_task(
        self,
        operation_id: str,
        table_name: str,
        phase: str,
        operation: str,
        status: TaskStatus,
        *,
        records_processed: int = 0,
        total_records: int = 0,
        batch_size: int | None = None,
        worker_id: str | None = None,
        source_query: str | None = None,
        error_message: str | None = None,
    ) -> None:
        """Record where one phase of one table stands, all of it: what is not given is empty. Raises ImpossibleTransition."""
        values: dict[str, object] = {
            "operation": operation,
            "status": status,
            "records_processed": records_processed,
            "total_records": total_records,
            "batch_size": batch_size,
            "worker_id": worker_id,
            "source_query": source_query,
            "error_message": error_message,
        }
        key = {"operation_id": operation_id, "table_name": table_name, "phase": phase}
        mine = sa.and_(*(tasks.c[name] == value for name, value in key.items()))
        with self._writing() as connection:
            self._hold(connection, operation_id)  # two writers of one task take turns
            before = connection.execute(sa.select(tasks.c.status).where(mine)).scalar()
            if status != (before or "pending"):
                step(TASK, f"table {table_name}, {phase}", before or "pending", status)
                values["completed_at"] = None if status == "running" else now()
                if status == "running":
                    values["started_at"] = now()
            change = tasks.insert().values(**key) if before is None else tasks.update().where(mine)
            connection.execute(change.values(values))
