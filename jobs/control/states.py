"""What states an operation and a table task can be in, and every way from one to another.

A transition that is not in these tables does not exist: the store refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

OperationStatus: TypeAlias = Literal["pending", "running", "completed", "failed", "paused", "cancelled"]
TaskStatus: TypeAlias = Literal["pending", "running", "completed", "failed", "paused"]
Stop: TypeAlias = Literal["pause", "cancel"]
Ended: TypeAlias = Literal["completed", "failed", "paused", "cancelled"]

Transitions: TypeAlias = Mapping[tuple[str, str], str]
"""(from, to) → what that step is called"""

OPERATION: Transitions = {
    ("pending", "running"): "start",
    ("failed", "running"): "resume",
    ("paused", "running"): "resume",
    ("running", "running"): "take over from a dead driver",
    ("running", "completed"): "complete",
    ("running", "failed"): "fail",
    ("running", "paused"): "pause",
    ("running", "cancelled"): "cancel",
    ("paused", "completed"): "complete late",
    ("pending", "cancelled"): "cancel",
    ("failed", "cancelled"): "cancel",
    ("paused", "cancelled"): "cancel",
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

OVER: frozenset[str] = frozenset({"completed", "cancelled"})
"""Statuses no operation leaves."""


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
