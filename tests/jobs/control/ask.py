"""Requests for tests of what follows them: planned, and with nobody to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.config.approvals import Requirement
from jobs.control.approvals import Permission
from jobs.control.rows import OperationRow
from jobs.control.store import ControlStore, Planned

FREE = Requirement(roles=())
"""Nobody is asked."""


def ask(store: ControlStore, definition: Mapping[str, Any], sha: str, seen: OperationRow | None) -> OperationRow:
    """The operation with this plan, new or found."""
    planned = Planned(sha, {"format": 2, "approvals": FREE.as_json()}, {})
    return store.find_or_create(definition, planned, requested_by="ada", people={}, seen=seen)


def permit(row: OperationRow) -> Permission:
    """What its driver shows."""
    return Permission(row.plan_sha256, FREE, {})
