"""How a repair is shown: pure functions from data to rich or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from jobs.errors import RunFailed, VerificationFailed
from jobs.planning.suspending import counted
from jobs.running.repair import Repaired
from jobs.views import grid


def repaired_json(environment: str, found: Sequence[Repaired]) -> dict[str, Any]:
    return {
        "environment": environment,
        "objects": [
            {
                "object": str(one.step.id),
                "table": str(one.step.table),
                "run_id": one.run_id,
                "outcome": one.outcome,
                "violations": one.restored.violations if one.restored else 0,
                "query": one.restored.query if one.restored else "",
                "seconds": round(one.restored.seconds, 3) if one.restored else None,
                "problem": one.problem,
                "statements": list(one.step.restore) if one.gone else [],
            }
            for one in found
        ],
    }


def repaired(environment: str, found: Sequence[Repaired]) -> RenderableType:
    """What was brought back, as a table; and what is gone for good, in its own words."""
    if not found:
        return Text(f"{environment}: nothing is set aside here")
    gone = [f"{one.step.id} was: {'; '.join(one.step.restore)}" for one in found if one.gone]
    return Group(_table(environment, found), *map(Text, gone))


def _table(environment: str, found: Sequence[Repaired]) -> RenderableType:
    return grid(
        ("object", "run", "outcome", "rows that break it", "seconds"),
        (
            (
                one["object"],
                one["run_id"],
                one["outcome"],
                f"{one['violations']:,}" if one["violations"] else "",
                "" if one["seconds"] is None else f"{one['seconds']:.2f}",
            )
            for one in repaired_json(environment, found)["objects"]
        ),
        title=f"{environment}: what a run had set aside",
        right=("rows that break it", "seconds"),
    )


def unrepaired(found: Sequence[Repaired]) -> tuple[list[Repaired], list[Repaired]]:
    """What is still away, and what rows break."""
    away = [one for one in found if one.restored is None and not one.gone]
    return away, [one for one in found if one.restored is not None and one.restored.violations]


def brought_back(environment: str, found: Sequence[Repaired]) -> str:
    """What a run that was given up had set aside, in a sentence; empty where it was nothing."""
    if not found:
        return ""
    away, broken = unrepaired(found)
    if away or broken:
        what = f"{len(away) + len(broken)} of the {len(found)} objects that it had set aside are not back, or rows break them"
        return f"{what}: dbagent repair {environment}"
    counts = ", ".join(counted([one.step for one in found]))
    return f"{counts} of {environment} that it had set aside {'is' if len(found) == 1 else 'are'} back"


def refuse_unrepaired(environment: str, found: Sequence[Repaired]) -> None:
    """Raises RunFailed where something is still away, VerificationFailed where rows break what is back."""
    away, broken = unrepaired(found)
    lines = [f"{one.step.id}: {one.problem}" for one in away]
    lines += [
        f"{one.restored.violations:,} rows break {one.step.id}; see them with: {one.restored.query}"
        for one in broken
        if one.restored is not None
    ]
    if away:
        raise RunFailed("\n".join(lines), environment, f"mend that, then again: dbagent repair {environment}")
    if broken:
        todo = f"correct these rows, then again: dbagent repair {environment}"
        raise VerificationFailed("\n".join(lines), environment, todo)
