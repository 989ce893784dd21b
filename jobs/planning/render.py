"""The plan as people and scripts read it: a table with its warnings, or JSON. No cell value can be in it. What stops a
plan is told by the error it is refused with."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from jobs.planning.plan import Plan, TablePlan


def size(count: float) -> str:
    """Bytes in words: 1536 → `1.5 KiB`."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024 or unit == "TiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("unreachable")


def table(plan: Plan) -> RenderableType:
    """The plan for a terminal."""
    rows = Table(title=f"{plan.operation_type}: {plan.source_env} → {plan.target_env}", title_justify="left")
    for heading, justify in (("#", "right"), ("table", "left"), ("≈ rows", "right"), ("≈ size", "right"), ("target", "left"),
                             ("filter", "left"), ("replaced", "left"), ("kept", "left")):  # fmt: skip
        rows.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for part in plan.tables:
        rows.add_row(
            str(part.table_id + 1),
            escape(str(part.source.name)),
            f"{part.source.rows:,}",
            size(part.source.bytes),
            _target(plan, part),
            escape(part.filter_text or ""),
            escape("\n".join(_replaced(part))),
            escape(", ".join(d.column for d in part.decisions if d.rule is None)),
        )
    parts: list[RenderableType] = [rows]
    for name in ("way", "snapshot", "foreign_keys", "parallel_workers"):
        parts.append(Text(f"{name.replace('_', ' ')}: {plan.how[name]}"))
    parts.append(Text(f"plan: {plan.sha256}"))
    parts += [Text(f"warning: {f}", style="yellow") for f in plan.findings if f.severity == "warning"]
    return Group(*parts)


def _target(plan: Plan, part: TablePlan) -> str:
    return "create" if part.target is None else f"exists ({plan.if_target_not_empty} if not empty)"


def _replaced(part: TablePlan) -> list[str]:
    found = []
    for decision in part.masked:
        assert decision.rule is not None
        origin = "" if decision.origin == "policy" else f" ({decision.origin})"
        subject = decision.rule.subject
        whose = f" by {', '.join(subject.columns)}" if subject else ""
        found.append(f"{decision.column}: {decision.rule.strategy}[{decision.rule.domain}]{whose}{origin}")
    return found


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan for scripts: `what` is what the hash covers, the rest is this run's."""
    return {"sha256": plan.sha256, "what": plan.what, **shown(plan)}


def shown(plan: Plan) -> dict[str, Any]:
    """What people see of a plan besides what is hashed: estimates, where decisions came from, findings."""
    return {
        "how": plan.how,
        "tables": [
            {
                "name": str(part.source.name),
                "rows": part.source.rows,
                "bytes": part.source.bytes,
                "target": "exists" if part.target else "create",
                "filter": part.filter_text,
                "columns": {
                    d.column: {
                        "strategy": d.rule.strategy if d.rule else "keep",
                        "domain": d.rule.domain if d.rule else None,
                        "from": d.origin,
                    }
                    for d in part.decisions
                },
            }
            for part in plan.tables
        ],
        "findings": [{"severity": f.severity, "where": f.where, "what": f.what, "todo": f.todo} for f in plan.findings],
    }
