"""Views that keep rows of their own, over tables that a copy loads: refreshed with what else waits for rows where the operation
asks for any of that, else told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.objects import Definer, Step
from connectors.schema import TableName
from jobs.config.operation import Operation
from jobs.planning.findings import Finding, warning

STALE = "it keeps rows of its own, and shows those from before the copy until it is refreshed"


@dataclass(frozen=True)
class Refreshed:
    """What becomes of them."""

    steps: tuple[Step, ...] = ()
    """Those that are refreshed when all rows are in."""
    stale: tuple[Step, ...] = ()
    """Those that a person must refresh."""

    def findings(self, environment: str) -> list[Finding]:
        return [
            warning(f"{environment}: {step.id}", STALE, f"after the copy: {'; '.join(step.restore)}")
            for step in self.stale
        ]

    def told(self) -> dict[str, Any]:
        """The same as data."""
        return {
            **({"refreshed": [str(step.id) for step in self.steps]} if self.steps else {}),
            **({"stale": {str(step.id): "; ".join(step.restore) for step in self.stale}} if self.stale else {}),
        }


def refreshed(operation: Operation, existing: Sequence[TableName], definer: Definer | None) -> Refreshed:
    """Of the tables that are there already."""
    found = definer.stored(existing) if definer is not None and existing else []
    asked = operation.disable_constraints or operation.carries_schema
    return Refreshed(
        tuple(one.step for one in found if asked and one.ours),
        tuple(one.step for one in found if not (asked and one.ours)),
    )
