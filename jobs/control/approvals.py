"""Approvals in the control store: who decided what about which plan. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from jobs.config.approvals import People, Requirement
from jobs.control.approving import Decided, Decision, Request, missing, refusal
from jobs.control.audit import AuditStore
from jobs.control.database import START_LOCK, take_turns
from jobs.control.rows import OperationRow, now
from jobs.control.states import OPERATION, OVER, WAITING, step
from jobs.control.tables import approvals, audit_log
from jobs.errors import AwaitingApproval, UsageError

SHORTEST = 12
"""So many characters of a plan's hash tell that somebody has seen it."""


_ABOUT = approvals.select().where(approvals.c.plan_sha256 == sa.bindparam("sha256")).order_by(approvals.c.id)

_ASKED = sa.select(audit_log.c.who, audit_log.c.event, audit_log.c.plan_sha256).where(
    audit_log.c.operation_id == sa.bindparam("id"), audit_log.c.event.in_(("requested", "plan changed"))
)


@dataclass(frozen=True)
class Permission:
    """What a driver shows to be let in: the plan it is about to execute, the rule for it, who may fill which role, and
    whether a scheduled time does not matter."""

    plan_sha256: str
    requirement: Requirement
    people: People
    early: bool = False


class ApprovalStore(AuditStore):
    """Decisions about operations."""

    def decide(
        self,
        reference: str,
        decided: Decided,
        *,
        role: str,
        person: str,
        plan: str,
        people: People,
        comments: str | None,
    ) -> tuple[OperationRow, tuple[str, ...]]:
        """Record what `person` decides as `role` about the plan whose hash begins with `plan`. Returns the operation as it
        is now and the roles still missing. Raises UsageError."""
        with self._writing() as connection:
            take_turns(connection, START_LOCK)  # a decision counts for other operations with this plan, too
            row = self._hold(connection, reference)
            _decidable(row, decided, plan)
            request, known, at = self._request(connection, row), self._decisions(connection, row.plan_sha256), now()
            why = refusal(request, role, person, decided, known, people, at)
            if why is not None:
                raise UsageError(why, f"operation {row.id}", f"see who must approve with: dbagent show {row.id}")
            rule = request.requirement
            decision = Decision(
                operation_id=row.id,
                role=role,
                approver=person,
                decision=decided,
                comments=comments,
                plan_sha256=row.plan_sha256,
                decided_at=at,
                expires_at=at + rule.lasts,
                standing_until=None if rule.standing is None else at + rule.standing,
            )
            connection.execute(approvals.insert(), asdict(decision))
            self._note(connection, person, decided, row, f"as {role}" + (f": {comments}" if comments else ""))
            lacking = missing(request, [*known, decision], people, at)
            if decided == "approved":
                return self._settle(connection, row, person, lacking), lacking
            return self._reject(connection, row), lacking

    def _reject(self, connection: sa.Connection, row: OperationRow) -> OperationRow:
        """End the operation, or have its driver end it. One that was only slow finds the request when it comes back."""
        if row.live:
            return self._change(connection, row, stop_requested="reject")
        step(OPERATION, f"operation {row.id}", row.status, "rejected")
        return self._change(connection, row, status="rejected", stop_requested="reject", completed_at=now())

    def decisions(self, row: OperationRow) -> list[Decision]:
        """Every decision about this plan, those made for other operations with it too, oldest first."""
        with self._reading() as connection:
            return self._decisions(connection, row.plan_sha256)

    def _decisions(self, connection: sa.Connection, plan_sha256: str) -> list[Decision]:
        return [_decision(row) for row in connection.execute(_ABOUT, {"sha256": plan_sha256})]

    def lacking(self, row: OperationRow, people: People) -> tuple[str, ...]:
        """The roles that nobody fills now; none of an operation that is over."""
        if row.status in OVER:
            return ()
        with self._reading() as connection:
            return self._lacking(connection, row, people)

    def _request(self, connection: sa.Connection, row: OperationRow) -> Request:
        """What asks to run. Who asked for it, and who gave it this plan, is what the trail says, which nobody can change.
        Raises UsageError where it knows of no such request: then somebody has written the operation past this store."""
        entries = connection.execute(_ASKED, {"id": row.id}).all()
        if not any(entry.plan_sha256 == row.plan_sha256 for entry in entries):
            raise UsageError(
                "the audit trail knows nobody who asked for this plan: somebody has changed it in the control store",
                f"operation {row.id}",
                "approve nothing of it; look who did this, and run its file again",
            )
        asked = {e.who for e in entries if e.event == "requested" or e.plan_sha256 == row.plan_sha256}
        requirement = Requirement.of(row.plan_what["approvals"])
        return Request(row.id, row.plan_sha256, frozenset({row.requested_by, *asked}), requirement)

    def _lacking(
        self, connection: sa.Connection, row: OperationRow, people: People, rule: Requirement | None = None
    ) -> tuple[str, ...]:
        """`rule`: whose approval it needs where not the recorded plan is to say that, which others can write."""
        request = self._request(connection, row)
        request = request if rule is None else replace(request, requirement=rule)
        return missing(request, self._decisions(connection, row.plan_sha256), people, now())

    def _settle(self, connection: sa.Connection, row: OperationRow, who: str, lacking: Sequence[str]) -> OperationRow:
        """Bring the status of an operation that never ran in line with its approvals as they are now."""
        if row.status == "approved" and lacking:
            self._note(connection, who, "approval void", row, f"{', '.join(lacking)} no longer approved")
            return self._change(connection, row, status="awaiting_approval")
        if row.status == "awaiting_approval" and not lacking:
            return self._change(connection, row, status="approved")
        return row

    def _submit(self, connection: sa.Connection, row: OperationRow, who: str, people: People) -> OperationRow:
        """Ask for approval: of a draft, or of an operation whose plan has changed."""
        if row.status != "awaiting_approval":
            step(OPERATION, f"operation {row.id}", row.status, "awaiting_approval")
            row = self._change(connection, row, status="awaiting_approval")
        self._note(connection, who, "submitted", row)
        return self._settle(connection, row, who, self._lacking(connection, row, people))


def refused(row: OperationRow, lacking: Sequence[str], people: People) -> AwaitingApproval:
    """What a driver is told that comes before the approvals."""
    if not any(people.values()):
        return AwaitingApproval(
            f"the operation waits for approval by {', '.join(lacking)}, and nobody may give it",
            f"operation {row.id}",
            "there is no approvals file, or it names no people: copy conf/approvals.example.yaml to conf/approvals.yaml,"
            " or say where it is with DBAGENT_APPROVALS",
        )
    who = "; ".join(f"{role} ({', '.join(sorted(people.get(role, ()))) or 'nobody may'})" for role in lacking)
    return AwaitingApproval(
        f"the operation waits for approval by {', '.join(lacking)}",
        f"operation {row.id}",
        f"ask {who} for: dbagent approve {row.id} --plan {row.plan_sha256[:SHORTEST]} --role ROLE;"
        f" then: dbagent run {row.id}",
    )


def _decision(row: sa.Row[Any]) -> Decision:
    given = dict(row._mapping)
    del given["id"]
    return Decision(**given)


def _decidable(row: OperationRow, decided: Decided, plan: str) -> None:
    """Raises UsageError where this operation takes no such decision now."""
    where = f"operation {row.id}"
    if len(plan) < SHORTEST or not row.plan_sha256.startswith(plan.lower()):
        raise UsageError(
            "this is not the hash of its plan as it is now",
            where,
            f"look at the plan again with: dbagent show {row.id}; then name the hash it shows",
        )
    if row.status == "rejected" or row.stop_requested == "reject":
        raise UsageError("the operation is rejected already", where)
    dead = row.status == "running" and not row.live  # its next driver needs approvals, too
    if decided == "approved" and row.status not in (*WAITING, "failed", "paused") and not dead:
        raise UsageError(f"the operation is {row.status}: there is nothing to approve", where)
    if decided == "rejected" and row.status in ("completed", "cancelled"):
        raise UsageError(f"the operation is {row.status}: there is nothing to reject", where)
    if decided == "rejected" and row.moving_since is not None:
        todo = f"stop it with: dbagent cancel {row.id}"
        raise UsageError(f"the operation is {row.status} and rows have moved: too late to reject it", where, todo)
