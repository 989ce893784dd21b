"""The plan as people and scripts read it: a table with its warnings, or JSON. No cell value can be in it. What stops a
plan is told by the error it is refused with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from jobs.planning.findings import Finding
from jobs.planning.plan import Plan


def size(count: float) -> str:
    """Bytes in words: 1536 → `1.5 KiB`."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024 or unit == "TiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("unreachable")


def table(plan: Plan) -> RenderableType:
    """The plan for a terminal."""
    return recorded(
        f"{plan.operation_type}: {plan.source_env} → {plan.target_env}", plan.sha256, plan.what, shown(plan)
    )


def recorded(title: str, sha256: str, what: Mapping[str, Any], shown: Mapping[str, Any]) -> RenderableType:
    """The same from its JSON, as the control store keeps it. What is decided is read from `what`, which the hash covers."""
    rows = Table(title=title, title_justify="left")
    for heading, justify in (("#", "right"), ("table", "left"), ("≈ rows", "right"), ("≈ size", "right"), ("target", "left"),
                             ("filter", "left"), ("replaced", "left"), ("kept", "left")):  # fmt: skip
        rows.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for number, part in enumerate(shown["tables"], start=1):
        hashed = what["tables"][part["name"]]
        exists = f"exists ({what['if_target_not_empty']} if not empty)"
        rows.add_row(
            str(number),
            escape(part["name"]),
            f"{part['rows']:,}",
            size(part["bytes"]),
            "create" if part["target"] == "create" else exists,
            escape(hashed["filter"] or ""),
            escape("\n".join(_replaced(hashed["columns"], part["columns"]))),
            escape(", ".join(column["name"] for column in hashed["columns"] if column["decision"] == "keep")),
        )
    parts: list[RenderableType] = [rows]
    for name in ("way", "snapshot", "foreign_keys", "parallel_workers"):
        parts.append(Text(f"{name.replace('_', ' ')}: {shown['how'][name]}"))
    parts += [Text(f"approvals: {', '.join(what['approvals']['roles']) or 'none needed'}"), Text(f"plan: {sha256}")]
    found = (Finding(**finding) for finding in shown["findings"])
    parts += [Text(f"warning: {finding}", style="yellow") for finding in found if finding.severity == "warning"]
    return Group(*parts)


def _replaced(columns: Iterable[Mapping[str, Any]], shown: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = []
    for column in columns:
        rule = column["decision"]
        if rule is None or rule == "keep":
            continue
        origin = str(shown[column["name"]]["from"]).split(": ", 1)[0]  # without its evidence
        told = "" if origin == "policy" else f" ({origin})"
        whose = f" by {', '.join(rule['subject']['columns'])}" if "subject" in rule else ""
        found.append(f"{column['name']}: {rule['strategy']}[{rule['domain']}]{whose}{told}")
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
