"""Schema changes in the control store: what operations have made, altered and dropped in their targets, and what undoes it.

A change is recorded before it is made and marked afterwards, so a crash leaves none unknown; whether one that is only
intended was made, the target itself tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from jobs.control.audit import AuditStore
from jobs.control.driving import held
from jobs.control.rows import OperationRow, now
from jobs.control.states import OVER, ChangeStatus
from jobs.control.tables import operations, schema_changes
from jobs.planning.schema_plan import Applied, Change

_ALL = schema_changes.select().order_by(schema_changes.c.id)
_STANDING = schema_changes.c.status != "undone"


@dataclass(frozen=True)
class ChangeRow:
    """One change, as `schema_changes` has it."""

    id: int
    operation_id: str
    target_env: str
    kind: str
    object: str
    table_name: str | None
    action: str
    up: list[str]
    down: list[str]
    before: str | None
    after: str | None
    found: str | None
    """`after` as the target told it: in its own words, or as rows have left it."""
    status: ChangeStatus
    intended_at: datetime
    applied_at: datetime | None
    undone_at: datetime | None


class ChangeStore(AuditStore):
    """Schema changes."""

    def schema_changes(self, operation_id: str) -> list[ChangeRow]:
        """Those of an operation, in the order in which they were made."""
        with self._reading() as connection:
            return self._changes(connection, schema_changes.c.operation_id == operation_id)

    def _changes(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[ChangeRow]:
        return [ChangeRow(**row._mapping) for row in connection.execute(_ALL.where(which))]

    def applied(self, target_env: str) -> list[Applied]:
        """What operations have altered in this target and nobody has undone, and what those that are not over have dropped
        there, oldest first."""
        c = schema_changes.c
        going = sa.select(operations.c.id).where(operations.c.status.not_in(sorted(OVER)))
        dropped = sa.and_(c.action == "drop", c.status == "applied", c.operation_id.in_(going))
        mine = sa.and_(c.target_env == target_env, sa.or_(sa.and_(c.action == "alter", _STANDING), dropped))
        with self._reading() as connection:
            found = self._changes(connection, mine)
            return [Applied(c.operation_id, c.object, c.action, tuple(c.up), c.after) for c in found]

    def intend(self, operation_id: str, holder: str, changes: Sequence[Change]) -> None:
        """Record what is going to be changed, unless it is recorded already. Raises AlreadyRunning where another driver has
        taken over."""
        with self._writing() as connection:
            row = self._hold(connection, operation_id)
            held(row, holder)
            mine = sa.and_(schema_changes.c.operation_id == row.id, _STANDING)
            known = {(c.object, c.action) for c in self._changes(connection, mine)}
            new = [
                {
                    "operation_id": row.id,
                    "target_env": row.target_env,
                    "kind": change.id.kind.value,
                    "object": str(change.id),
                    "table_name": None if change.id.table is None else str(change.id.table),
                    "action": change.action,
                    "up": list(change.up),
                    "down": list(change.down),
                    "before": change.before,
                    "after": change.after,
                    "status": "intended",
                    "intended_at": now(),
                }
                for change in changes
                if (str(change.id), change.action) not in known
            ]
            if new:
                connection.execute(schema_changes.insert(), new)

    def made(self, operation_id: str, holder: str, changes: Iterable[Change]) -> None:
        """These changes are in the target. Raises AlreadyRunning."""
        with self._writing() as connection:
            held(self._hold(connection, operation_id), holder)
            for change in changes:
                c = schema_changes.c
                this = sa.and_(c.object == str(change.id), c.action == change.action, c.status == "intended")
                self._set(connection, this & (c.operation_id == operation_id), "applied", applied_at=now())

    def recognise(self, operation_id: str, holder: str, there: Mapping[str, str], as_wanted: Collection[str], *, last: bool
                  ) -> None:  # fmt: skip
        """Which of the changes that were only intended are in the target, and in what words it tells of all that are. `there`
        is each object's definition, `as_wanted` names those that are what they shall be; at `last` the others are what rows
        have made of them. Raises AlreadyRunning."""
        c = schema_changes.c
        with self._writing() as connection:
            held(self._hold(connection, operation_id), holder)
            applied, found = [], []
            for each in self._changes(connection, sa.and_(c.operation_id == operation_id, _STANDING)):
                told, intended = there.get(each.object), each.status == "intended"
                made = told is None if each.after is None else told == each.after or each.object in as_wanted
                if intended and made:
                    applied.append(each.id)
                if each.after is not None and told != each.found and (made or not intended or last):
                    found.append({"which": each.id, "told": told})
            self._set(connection, c.id.in_(applied), "applied", applied_at=now())
            if found:
                this = schema_changes.update().where(c.id == sa.bindparam("which"))
                connection.execute(this.values(found=sa.bindparam("told")), found)

    def later(self, row: OperationRow) -> list[ChangeRow]:
        """What operations have changed in the same target since this one, and nobody has undone."""
        c = schema_changes.c
        first = sa.select(sa.func.min(c.id)).where(c.operation_id == row.id).scalar_subquery()
        since = sa.and_(c.target_env == row.target_env, c.operation_id != row.id, c.id > first, c.status == "applied")
        with self._reading() as connection:
            return self._changes(connection, since)

    def undone(self, change: ChangeRow) -> None:
        """This change is not in the target any more."""
        with self._writing() as connection:
            self._set(connection, schema_changes.c.id == change.id, "undone", undone_at=now())

    def _set(self, connection: sa.Connection, which: sa.ColumnElement[bool], status: ChangeStatus,
             **moment: datetime) -> None:  # fmt: skip
        connection.execute(schema_changes.update().where(which).values(status=status, **moment))

    def note_undone(self, row: OperationRow, detail: str) -> None:
        """Record who has undone an operation's changes."""
        person = self.person()
        with self._writing() as connection:
            self._note(connection, person, "schema undone", row, detail)
