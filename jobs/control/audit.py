"""The audit trail: who did what, when, from where, to which operation under which plan. Rows are only ever added.

An entry is written in the transaction of what it tells, so there is none without the other.
"""

from __future__ import annotations

import os
import pwd
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

import sqlalchemy as sa

from jobs.control.base import Base
from jobs.control.rows import OperationRow, now
from jobs.control.tables import audit_log

Event: TypeAlias = Literal[
    "requested", "submitted", "plan changed", "approved", "rejected", "approval void", "started", "resumed",
    "stop asked", "stopped", "completed", "failed", "paused", "cancelled", "values shown",
    "schema undone",
]  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One row of `audit_log`."""

    id: int
    at: datetime
    who: str
    place: str
    event: Event
    operation_id: str | None
    plan_sha256: str | None
    detail: str | None


class AuditStore(Base):
    """The trail in the control store."""

    def person(self) -> str:
        """Who is using the store, as its authentication knows: the operating system's user where the store is a file, the
        database's login where it is a server."""
        if self.in_a_file:
            try:
                return pwd.getpwuid(os.getuid()).pw_name  # not $USER, which anybody may set
            except KeyError:  # a container's user that no user database knows
                return f"uid {os.getuid()}"
        with self._reading() as connection:
            return str(connection.execute(sa.text("SELECT session_user")).scalar_one())

    def _note(
        self, connection: sa.Connection, who: str, event: Event, row: OperationRow | None, detail: str | None = None
    ) -> None:
        connection.execute(
            audit_log.insert(),
            {
                "at": now(),
                "who": who,
                "place": socket.gethostname(),
                "event": event,
                "operation_id": None if row is None else row.id,
                "plan_sha256": None if row is None else row.plan_sha256,
                "detail": detail,
            },
        )

    def note_shown(self, who: str, what: str) -> None:
        """Record that somebody had cell values shown: `what` names environment and tables."""
        with self._writing() as connection:
            self._note(connection, who, "values shown", None, what)

    def trail(self, operation_id: str | None = None, limit: int = 1000) -> list[Entry]:
        """The newest entries, oldest of them first; of all or of one operation, with every decision about its plans: those
        made for other operations count for it too."""
        query = audit_log.select().order_by(audit_log.c.id.desc()).limit(limit)
        if operation_id is not None:
            own = audit_log.c.operation_id == operation_id
            decided = audit_log.c.event.in_(("approved", "rejected"))
            plans = sa.select(audit_log.c.plan_sha256).where(own).scalar_subquery()
            query = query.where(own | (decided & audit_log.c.plan_sha256.in_(plans)))
        with self._reading() as connection:
            return [Entry(**row._mapping) for row in connection.execute(query)][::-1]
