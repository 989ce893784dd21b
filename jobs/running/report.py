"""The report of a finished run: tables, rows, time, and what was proven."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from jobs.planning.plan import Plan
from jobs.planning.render import clean, size
from jobs.running.claims import claims, sentences
from jobs.running.drive import Timing
from jobs.running.verify import ObjectProof, Proof


def as_json(plan: Plan, proof: Proof, timing: Timing, seconds: float) -> dict[str, Any]:
    """The report as data; kept with the operation in the control store."""
    return {
        "seconds": round(seconds, 3),
        "rows": sum(t.rows for t in proof.tables),
        "bytes": sum(t.bytes for t in proof.tables),
        "timing": asdict(timing),
        "tables": [
            {
                "table": t.table,
                "rows": t.rows,
                "rows_before": t.rows_before,
                "counted": t.counted,
                "bytes": t.bytes,
                "snapshot": t.snapshot,
                **t.counts,
            }
            for t in proof.tables
        ],
        "references": [
            {
                "from": str(one.key.table),
                "columns": list(one.key.columns),
                "to": str(one.key.referenced),
                "orphans": one.orphans,
                **({"query": one.query} if one.query else {}),
            }
            for one in proof.references
        ],
        **(
            {"objects": [_object(one, plan) for one in proof.objects]}
            if plan.disable_constraints or proof.objects
            else {}
        ),
        **({"stale": plan.how["stale"]} if "stale" in plan.how else {}),
        "claims": claims(plan, {t.table_id: t.counts for t in proof.tables}),
        "consistency": plan.how["snapshot"],
    }


def _object(one: ObjectProof, plan: Plan) -> dict[str, Any]:
    """What became of an object that waited for rows."""
    back = one.state in ("restored", "violated")
    return {
        "object": str(one.step.id),
        "table": str(one.step.table),
        "suspended": bool(one.step.suspend),
        "refreshed": str(one.step.id) in plan.how.get("refreshed", ()),
        "restored": back,
        "validated": one.state == "restored",
        "violations": one.violations,
        "query": one.restored.query if one.restored else "",
        "seconds": round(one.restored.seconds, 3) if one.restored else None,
    }


def for_people(plan: Plan, report: dict[str, Any]) -> RenderableType:
    """The report for a terminal."""
    replaced = {str(t.name): [t.column(d.column) for d in t.masked] for t in plan.tables}
    rows = Table(title=f"{plan.source_env} → {plan.target_env}: complete", title_justify="left")
    rows.add_column("table")
    rows.add_column("rows", justify="right")
    rows.add_column("size", justify="right")
    rows.add_column("replaced", overflow="fold")
    for table in report["tables"]:
        rows.add_row(
            table["table"],
            f"{table['rows']:,}",
            size(table["bytes"]),
            ", ".join(replaced.get(table["table"], [])) or "–",
        )
    total, seconds = report["rows"], report["seconds"]
    summary = f"{total:,} rows, {size(report['bytes'])} in {seconds:.1f} s"
    timing = report["timing"]
    if timing["first_chunk_started"] is not None and total:
        net = max(timing["last_commit"] - timing["first_chunk_started"], 1e-3)
        summary += f"; {total / net:,.0f} rows/s while copying"
    objects = [waited(report)] if report.get("objects") else []
    return Group(rows, Text(summary), *objects, *(Text(line) for line in proven(report)))


def waited(report: dict[str, Any]) -> RenderableType:
    """What waited for rows, as a table."""
    shown = Table(title="waited for the rows", title_justify="left")
    for heading, right in (
        ("object", False),
        ("before", False),
        ("now", False),
        ("broken by", True),
        ("seconds", True),
    ):
        shown.add_column(heading, justify="right" if right else "left", overflow="fold")
    for one in report["objects"]:
        shown.add_row(
            escape(clean(one["object"])),
            "suspended" if one["suspended"] else "stale" if one["refreshed"] else "not there",
            "restored and valid" if one["validated"] else "broken" if one["restored"] else "missing",
            f"{one['violations']:,} rows" if one["violations"] else "",
            "" if one["seconds"] is None else f"{one['seconds']:.2f}",
        )
    return shown


def proven(report: dict[str, Any]) -> list[str]:
    """What was proven, one line each; what was not is said as plainly."""
    lines = []
    if all(t["counted"] == t["rows_before"] + t["rows"] for t in report["tables"]):
        lines.append(f"✓ rows read under the snapshot = rows in the target, in all {len(report['tables'])} tables")
    unchanged = {f"{t['table']}.{c}": n for t in report["tables"] for c, n in t["unchanged"].items()}
    kept = {column: count for column, count in unchanged.items() if count}
    if unchanged and not kept:
        lines.append(f"✓ no row keeps its own value in any of the {len(unchanged)} masked columns")
    lines += [f"! {count:,} rows keep their own value in {column}" for column, count in kept.items()]
    lines += sentences(report)
    orphans = [r for r in report["references"] if r["orphans"]]
    if report["references"] and not orphans:
        count = len(report["references"])
        lines.append(f"✓ 0 orphans in {count} foreign key{'s' * (count > 1)}")
    lines += [
        f"! {r['orphans']:,} rows of {r['from']} reference no row of {r['to']} ({', '.join(r['columns'])})"
        + (f"; see them with: {clean(r['query'])}" if "query" in r else "")
        for r in orphans
    ]
    objects = report.get("objects", [])
    if objects and all(one["validated"] for one in objects):
        lines.append(f"✓ all {len(objects)} objects that waited for the rows are back, and hold for them")
    lines += [
        f"! {one['violations']:,} rows break {one['object']}; see them with: {clean(one['query'])}"
        for one in objects
        if one["violations"]
    ]
    lines += [
        f"! rows break {one['object']}, as an earlier driver of the run found: dbagent repair counts them"
        for one in objects
        if one["restored"] and not one["validated"] and not one["violations"]
    ]
    lines += [
        f"! {name} shows the rows from before: {clean(statement)}"
        for name, statement in report.get("stale", {}).items()
    ]
    snapshots = sorted({t["snapshot"] for t in report["tables"]})
    if len(snapshots) > 1:
        lines.append(
            f"! tables come from {len(snapshots)} snapshots, because the run was resumed: each table is one state"
        )
    lines.append(f"  consistency: {report['consistency']}")
    return lines
