"""When an operation may run: pure rules over the decisions that people made.

An approval counts for one plan hash. It lets the operation it was given for begin until it expires and, where the pair's
rule says so, stands for later operations of the same hash. It counts only while its approver may fill the role, is not the
requester, and fills no other role of the same operation. A later rejection of the hash ends all approvals before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from jobs.config.approvals import ROLES, People, Requirement

Decided = Literal["approved", "rejected"]


@dataclass(frozen=True)
class Decision:
    """One row of `operation_approvals`."""

    operation_id: str
    role: str
    approver: str
    decision: Decided
    comments: str | None
    plan_sha256: str
    decided_at: datetime
    expires_at: datetime
    standing_until: datetime | None


@dataclass(frozen=True)
class Request:
    """What asks to run."""

    operation_id: str
    plan_sha256: str
    requested_by: frozenset[str]
    """Who asked for it: they cannot approve it."""
    requirement: Requirement


def live(request: Request, decisions: Iterable[Decision], people: People, at: datetime) -> list[Decision]:
    """The approvals that count for this request now. `decisions` come in the order in which they were recorded: what came
    after what is not for the clocks of several machines to say."""
    ours: list[Decision] = []
    for decision in decisions:
        if decision.plan_sha256 == request.plan_sha256:
            ours = [] if decision.decision == "rejected" else [*ours, decision]
    return [
        d
        for d in ours
        if _covers(d, request, at) and d.approver not in request.requested_by and d.approver in people.get(d.role, ())
    ]


def _covers(decision: Decision, request: Request, at: datetime) -> bool:
    """The rule of today counts too: no approval lasts longer than it allows, whatever its row says."""
    rule, given = request.requirement, decision.decided_at
    if decision.operation_id == request.operation_id and at < min(decision.expires_at, given + rule.lasts):
        return True
    if decision.standing_until is None or rule.standing is None:
        return False
    return at < min(decision.standing_until, given + rule.standing)


def missing(request: Request, decisions: Iterable[Decision], people: People, at: datetime) -> tuple[str, ...]:
    """The roles nobody fills yet, no person counted for two; empty when the operation may run."""
    candidates: dict[str, list[str]] = {role: [] for role in request.requirement.roles}
    for decision in live(request, decisions, people, at):
        if decision.role in candidates:
            candidates[decision.role].append(decision.approver)
    return tuple(_unfilled(request.requirement.roles, candidates, frozenset()))


def _unfilled(roles: Sequence[str], candidates: Mapping[str, Sequence[str]], taken: frozenset[str]) -> list[str]:
    """The fewest roles that stay empty when each person fills one at most; with four roles trying all is quick."""
    if not roles:
        return []
    first, rest = roles[0], roles[1:]
    best = [first, *_unfilled(rest, candidates, taken)]
    for person in sorted(set(candidates[first]) - taken):
        found = _unfilled(rest, candidates, taken | {person})
        if len(found) < len(best):
            best = found
    return best


def refusal(request: Request, role: str, approver: str, decided: Decided, decisions: Iterable[Decision],
            people: People, at: datetime) -> str | None:  # fmt: skip
    """Why this person may not decide in this role; None where nothing is in the way."""
    if role not in ROLES:
        return f"there is no role {role}: the roles are {', '.join(ROLES)}"
    if approver not in people.get(role, ()):
        return f"{approver} may not decide as {role}: the approvals file does not name {approver} there"
    if decided == "rejected":
        return None
    if approver in request.requested_by:
        return f"{approver} asked for this operation and cannot approve it"
    if role not in request.requirement.roles:
        needed = ", ".join(request.requirement.roles) or "nobody's approval"
        return f"this operation does not need {role}; it needs {needed}"
    for given in live(request, decisions, people, at):
        if given.approver == approver and given.role != role:
            return f"{approver} has approved this plan as {given.role} already: one person cannot fill two roles"
        if given.role == role and given.operation_id == request.operation_id:
            by = "you" if given.approver == approver else given.approver
            return f"{role} has approved this plan already ({by})"
    return None
