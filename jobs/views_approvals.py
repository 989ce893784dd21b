"""How the command line shows who must approve, who has, and the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from jobs.config.approvals import People
from jobs.control.approvals import SHORTEST
from jobs.control.approving import Decision
from jobs.control.audit import Entry
from jobs.control.rows import OperationRow
from jobs.control.states import OVER, WAITING
from jobs.planning import render
from jobs.planning.plan import genuine
from jobs.views import grid, moment


def approvals_json(row: OperationRow, decisions: Sequence[Decision], lacking: Sequence[str]) -> dict[str, Any]:
    return {
        "approvals": [
            {**asdict(decision), "decided_at": _iso(decision.decided_at), "expires_at": _iso(decision.expires_at),
             "standing_until": _iso(decision.standing_until)}
            for decision in decisions
        ],
        "approvals_missing": [] if row.status in OVER else list(lacking),
    }  # fmt: skip


def plan(row: OperationRow) -> RenderableType:
    """The plan an operation was recorded with: what its approvers see. Raises UsageError where it is not what its hash says."""
    genuine(row.id, row.plan_what, row.plan_sha256)
    if row.plan_how is None:
        return Text("")
    title = f"{row.operation_type}: {row.source_env} → {row.target_env}"
    return render.recorded(title, row.plan_sha256, row.plan_what, row.plan_how)


def approvals(
    row: OperationRow, decisions: Sequence[Decision], lacking: Sequence[str], people: People
) -> RenderableType:
    """Who has decided, and who must still."""
    parts: list[RenderableType] = []
    if decisions:
        parts.append(_decisions(row, decisions))
    if row.status in OVER:
        return Group(*parts)
    parts.append(Text(f"operation {row.id}: {row.status}; plan {row.plan_sha256}"))
    if row.live:  # under approvals that counted when its driver started
        return Group(*parts)
    for role in lacking:
        who = ", ".join(sorted(people.get(role, ()))) or "nobody: the approvals file names no one"
        parts.append(Text(f"waits for {role} ({who})", style="yellow"))
    if lacking:
        short = row.plan_sha256[:SHORTEST]
        parts.append(Text(f"→ dbagent approve {row.id} --plan {short} --role {lacking[0]}   (or reject)"))
    else:
        go = "run" if row.status in WAITING else "resume"
        parts.append(Text(f"approved → dbagent {go} {row.id}", style="green"))
    return Group(*parts)


def _decisions(row: OperationRow, decisions: Sequence[Decision]) -> RenderableType:
    return grid(
        ("role", "by", "decision", "when", "lasts until", "comments", "for"),
        (
            (
                decision.role,
                decision.approver,
                decision.decision,
                moment(decision.decided_at),
                moment(decision.standing_until or decision.expires_at) if decision.decision == "approved" else "",
                decision.comments or "",
                "this operation" if decision.operation_id == row.id else decision.operation_id,
            )
            for decision in decisions
        ),
    )


def entry_json(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "at": _iso(entry.at)}


def trail(entries: Sequence[Entry]) -> RenderableType:
    """The audit trail, oldest entry first."""
    if not entries:
        return Text("nothing has happened yet")
    return grid(
        ("when", "who", "where", "what", "operation", "plan", "details"),
        (
            (
                moment(entry.at),
                entry.who,
                entry.place,
                entry.event,
                entry.operation_id or "",
                (entry.plan_sha256 or "")[:SHORTEST],
                entry.detail or "",
            )
            for entry in entries
        ),
        whole="operation",
    )


def _iso(at: Any) -> str | None:
    return None if at is None else str(at.isoformat())
