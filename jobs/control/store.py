"""The control store: what was asked for, how far it is, how it ended. Each method is one committed transaction.

Any number of processes work on one store at once: a driver reports its progress, others look, ask it to stop, or start
operations of their own. Only the driver writes here, never a Spark executor.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from jobs.config.approvals import People
from jobs.control.approvals import ApprovalStore, Permission, refused
from jobs.control.changes import ChangeStore
from jobs.control.database import START_LOCK, connect, locate, readable, take_turns
from jobs.control.driving import free, granted, held, untouched
from jobs.control.rows import OperationRow, now
from jobs.control.states import OPERATION, OVER, WAITING, Ended, Stop, step
from jobs.control.tables import operations
from jobs.control.tasks import TaskStore
from jobs.errors import AwaitingApproval, UsageError

_LATEST = (
    operations.select()
    .where(operations.c.plan_sha256 == sa.bindparam("sha256"), operations.c.target_env == sa.bindparam("target"))
    .order_by(operations.c.status.in_(sorted(OVER)), operations.c.created_at.desc(), operations.c.id)
    .limit(1)
)


def _always(holder: str) -> bool:
    return True


@dataclass(frozen=True)
class Planned:
    """A plan as the store records it: its hash, what it is the hash of, and what else its approvers see."""

    sha256: str
    what: Mapping[str, Any]
    how: Mapping[str, Any]


class ControlStore(TaskStore, ChangeStore, ApprovalStore):
    """The open store: operations, their table tasks and schema changes, approvals and audit trail. Threads may share one."""

    @classmethod
    def open(cls, url: str | None = None) -> ControlStore:
        """The store at `url`, else DBAGENT_CONTROL, else in the user's state folder; created or upgraded where needed.
        Raises ConfigError, ConnectionProblem."""
        return cls(connect(locate(url)))

    @classmethod
    def look(cls, url: str | None = None) -> ControlStore | None:
        """The same store to be read alone: it is not made, not upgraded, not written. None where there is none yet, none
        that can be reached, or one of another version. Raises ConfigError."""
        engine = readable(locate(url))
        return None if engine is None else cls(engine)

    def __enter__(self) -> ControlStore:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def find_or_create(
        self,
        definition: Mapping[str, Any],
        planned: Planned,
        *,
        requested_by: str,
        people: People,
        seen: OperationRow | None,
    ) -> OperationRow:
        """The unfinished operation with this plan on this target, else a new one: what was asked for (an `Operation` as
        JSON) and planned; it waits for approval, unless approvals that stand cover it. `seen` is what `latest` gave before
        the plan looked at the target. Of several drivers that come at once, all get the same operation. Raises
        AlreadyRunning where one has run it meanwhile."""
        with self._writing() as connection:
            take_turns(connection, START_LOCK)
            row = self._latest(connection, planned.sha256, definition["target_env"])
            if row is not None:
                untouched(row, seen)
                if row.status in WAITING and row.definition != definition:  # another time, or more workers
                    self._note(
                        connection, requested_by, "requested", row, "again, with other settings than those planned"
                    )
                    return self._change(connection, row, **_asked(definition))
                if row.status not in OVER:
                    return row
            values = _new(definition, planned, requested_by)
            while connection.execute(sa.select(operations.c.id).where(operations.c.id == values["id"])).first():
                values["id"] = _id(values["created_at"])
            connection.execute(operations.insert(), values)
            row = self._hold(connection, values["id"])
            self._note(connection, requested_by, "requested", row)
            return self._submit(connection, row, requested_by, people)

    def replan(self, operation_id: str, planned: Planned, changes: str, *, person: str, people: People) -> OperationRow:
        """Give an operation that has never run the plan as it is now: earlier approvals no longer count. `changes` says in
        what it differs. Raises UsageError."""
        with self._writing() as connection:
            row = self._hold(connection, operation_id)
            if row.status not in WAITING:
                raise UsageError(f"the operation is {row.status}: its plan stays", f"operation {row.id}")
            row = self._change(
                connection, row, plan_sha256=planned.sha256, plan_what=dict(planned.what), plan_how=dict(planned.how)
            )
            self._note(connection, person, "plan changed", row, changes)
            return self._submit(connection, row, person, people)

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
        row = connection.execute(_LATEST, {"sha256": plan_sha256, "target": target_env}).first()
        return None if row is None else OperationRow.of(row)

    def cancelled(self, run_id: str) -> bool:
        """Whether an operation was cancelled or rejected that this run was, or is, the run of."""
        given_up = operations.c.status.in_(("cancelled", "rejected"))
        query = sa.select(operations.c.id).where(operations.c.run_id == run_id, given_up)
        with self._reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def knows(self, operation_id: str) -> bool:
        """Whether this is where the operation was asked for."""
        with self._reading() as connection:
            query = sa.select(operations.c.id).where(operations.c.id == operation_id)
            return connection.execute(query).first() is not None

    def start(
        self,
        seen: OperationRow,
        run_id: str,
        holder: str,
        permission: Permission,
        *,
        workers: int,
        limits: Mapping[str, int],
        alive: Callable[[str], bool] = _always,
    ) -> OperationRow:
        """Make `holder` the one driver of the operation that the caller has `seen`, with as many of the wanted `workers`
        as the `limits` of its environments leave (name → most connections of all operations together; see `workers`
        of what is returned). `alive(driver)` tells of another driver, heard of lately, whether it still runs.
        Raises AwaitingApproval, AlreadyRunning, UsageError, RunFailed."""
        person = self.person()
        with self._writing() as connection:
            take_turns(connection, START_LOCK)
            row = self._hold(connection, seen.id)
            free(row, holder, alive)
            untouched(row, seen)
            if row.status in OVER:
                what = f"the operation is {row.status} and does not run again"
                raise UsageError(what, f"operation {row.id}", "run its file: that makes a new operation")
            lacking = self._lacking(connection, row, permission.people, permission.requirement)
            row = self._settle(connection, row, person, lacking)
            waits = _not_yet(row, lacking, permission)
            if waits is None:
                step(OPERATION, f"operation {row.id}", row.status, "running")
                self._note(connection, person, "started" if row.run_id is None else "resumed", row, f"run {run_id}")
                moment = now()
                return self._change(
                    connection,
                    row,
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
        raise waits  # what was settled stays

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

    def move(self, operation_id: str, holder: str) -> Stop | None:
        """The driver is about to move its first row: from here on the operation cannot be rejected any more. Returns what
        the driver was asked to do instead: then no row may move. Raises AlreadyRunning where another driver has taken
        over."""
        with self._writing() as connection:
            row = self._hold(connection, operation_id)
            held(row, holder)
            if row.stop_requested is None and row.moving_since is None:
                self._change(connection, row, moving_since=now())
            return row.stop_requested

    def stop_requested(self, operation_id: str) -> Stop | None:
        """What the driver was asked to do."""
        with self._reading() as connection:
            query = sa.select(operations.c.stop_requested).where(operations.c.id == operation_id)
            stop: Stop | None = connection.execute(query).scalar()
        return stop

    def request_stop(self, reference: str, what: Stop) -> OperationRow:
        """Ask the driver to stop. Where none is at work, the operation is paused or cancelled at once. Raises UsageError."""
        person = self.person()
        with self._writing() as connection:
            row = self._hold(connection, reference)
            if row.live:  # a cancel is not softened into a pause
                wanted = row.stop_requested if row.stop_requested in ("cancel", "reject") else what
                self._note(connection, person, "stop asked", row, wanted)
                return self._change(connection, row, stop_requested=wanted)
            after: Ended = "paused" if what == "pause" else "cancelled"
            if (row.status, after) not in OPERATION:
                raise UsageError(f"the operation is {row.status}: nothing to {what}", f"operation {row.id}")
            self._note(connection, person, after, row)
            # request and holder stay: a driver that was only slow finds the one and may still have the last word
            return self._change(connection, row, status=after, stop_requested=what, completed_at=now())

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
        person = self.person()
        with self._writing() as connection:
            row = self._hold(connection, operation_id)
            held(row, holder)
            if row.stop_requested == "reject" and status != "completed":  # before the driver has heard of it
                status = "rejected"
            if (row.status, status) not in OPERATION:
                return self._change(connection, row, holder=None)
            self._note(connection, person, "stopped" if status == "rejected" else status, row, error)
            return self._change(
                connection,
                row,
                status=status,
                error=error,
                report=None if report is None else dict(report),
                completed_at=now(),
                holder=None,
                current_table=None,
                stop_requested=None,
            )


def _not_yet(row: OperationRow, lacking: Sequence[str], permission: Permission) -> AwaitingApproval | None:
    """Why the operation may not run now; None where it may. Raises UsageError where its plan is not the driver's."""
    if row.plan_sha256 != permission.plan_sha256:
        what = "the plan of the operation was changed meanwhile"
        raise UsageError(what, f"operation {row.id}", f"run it again: dbagent run {row.id}")
    if lacking:
        return refused(row, lacking, permission.people)
    begun = row.run_id is not None  # before its time, because somebody said so
    if row.scheduled_at is not None and row.scheduled_at > now() and not (begun or permission.early):
        return AwaitingApproval(
            f"the operation is scheduled for {row.scheduled_at:%Y-%m-%d %H:%M %Z}",
            f"operation {row.id}",
            f"run it then, or at once with: dbagent run --now {row.id}",
        )
    return None


def _id(created: datetime) -> str:
    return f"op-{created:%Y%m%d}-{secrets.token_hex(3)}"


def _new(definition: Mapping[str, Any], planned: Planned, by: str) -> dict[str, Any]:
    """A new operation's row."""
    created = now()
    return {
        "id": _id(created),
        **_asked(definition),
        "plan_sha256": planned.sha256,
        "plan_what": dict(planned.what),
        "plan_how": dict(planned.how),
        "requested_by": by,
        "status": "draft",
        "created_at": created,
    }


def _asked(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for, as columns."""
    scheduled = definition["scheduled_at"]
    named = definition["tables"]
    inside = {table: where for table, where in named.items() if where} if isinstance(named, Mapping) else {}
    return {
        **{name: definition[name] for name in ("operation_type", "source_env", "target_env", "anonymize")},
        **{name: definition[name] for name in ("parallel_workers", "domain_id")},
        "tables": list(named),
        "filter_conditions": {**inside, **definition["filter"]},
        "definition": dict(definition),
        "scheduled_at": None if scheduled is None else datetime.fromisoformat(scheduled),
    }
