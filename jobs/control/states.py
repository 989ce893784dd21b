"""What states an operation and a table task can be in, and every way from one to another.

    draft → awaiting_approval ⇄ approved → running → completed | failed | paused | cancelled
                     └───────────┴──→ rejected             └────────┴→ running (resume)

A transition that is not in these tables does not exist: the store refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

OperationStatus: TypeAlias = Literal[
    "draft", "awaiting_approval", "approved", "running", "completed", "failed", "paused", "cancelled", "rejected"
]
TaskStatus: TypeAlias = Literal["pending", "running", "completed", "failed", "paused"]
ChangeStatus: TypeAlias = Literal["intended", "applied", "undone"]
Stop: TypeAlias = Literal["pause", "cancel", "reject"]
Ended: TypeAlias = Literal["completed", "failed", "paused", "cancelled", "rejected"]

Transitions: TypeAlias = Mapping[tuple[str, str], str]
"""(from, to) → what that step is called"""

OPERATION: Transitions = {
    ("draft", "awaiting_approval"): "submit",
    ("awaiting_approval", "approved"): "approve",
    ("approved", "awaiting_approval"): "void",
    ("approved", "running"): "start",
    ("failed", "running"): "resume",
    ("paused", "running"): "resume",
    ("running", "running"): "take over from a dead driver",
    ("running", "completed"): "complete",
    ("running", "failed"): "fail",
    ("running", "paused"): "pause",
    ("running", "cancelled"): "cancel",
    ("running", "rejected"): "reject",
    ("paused", "completed"): "complete late",
    ("awaiting_approval", "cancelled"): "cancel",
    ("approved", "cancelled"): "cancel",
    ("failed", "cancelled"): "cancel",
    ("paused", "cancelled"): "cancel",
    ("awaiting_approval", "rejected"): "reject",
    ("approved", "rejected"): "reject",
    ("failed", "rejected"): "reject",
    ("paused", "rejected"): "reject",
}

TASK: Transitions = {
    ("pending", "running"): "start",
    ("pending", "completed"): "complete between two looks",
    ("running", "completed"): "complete",
    ("running", "failed"): "fail",
    ("running", "paused"): "pause",
    ("failed", "running"): "resume",
    ("paused", "running"): "resume",
    ("completed", "running"): "start again",
}

OVER: frozenset[str] = frozenset({"completed", "cancelled", "rejected"})
"""Statuses no operation leaves."""

WAITING: frozenset[str] = frozenset({"draft", "awaiting_approval", "approved"})
"""Statuses of an operation that has never run."""


class ImpossibleTransition(Exception):
    """A step that is in no table: a mistake in the program, not of its user."""

    def __init__(self, what: str, before: str, after: str) -> None:
        super().__init__(f"{what}: no step leads from {before} to {after}")


def step(transitions: Transitions, what: str, before: str, after: str) -> str:
    """What the step from `before` to `after` is called. Raises ImpossibleTransition."""
    try:
        return transitions[before, after]
    except KeyError:
        raise ImpossibleTransition(what, before, after) from None
