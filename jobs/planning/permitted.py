"""What our user may not do to the target's schema, as findings: one for each table and missing privilege."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.objects import Definer
from jobs.planning.findings import Finding, error


@dataclass(frozen=True)
class Work:
    """What will be done to one object."""

    object: str
    """As it is told (`index by_day of orders`)."""
    table: str | None
    """Whose it is."""
    statements: Sequence[str]


def unpermitted(environment: str, definer: Definer, works: Sequence[Work]) -> list[Finding]:
    """`works` in the order in which they will be done."""
    told: dict[tuple[str, str], dict[str, None]] = {}
    for work, reasons in zip(works, definer.forbidden([work.statements for work in works]), strict=True):
        own = "" if work.table is None else work.object.removesuffix(f" of {work.table}")
        for reason in reasons:
            told.setdefault((work.table or work.object, reason), {})[own] = None
    return [
        error(f"{environment}: {where}", reason if _whole(where, [*objects]) else f"{', '.join(objects)}: {reason}")
        for (where, reason), objects in told.items()
    ]


def _whole(where: str, objects: Sequence[str]) -> bool:
    """Whether it is all about what stands in front already."""
    return objects in ([""], [f"table {where}"])
