"""The report of a schema that was brought: what was made, altered and dropped, and what was not carried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from jobs.control.changes import ChangeRow
from jobs.planning.render import clean
from jobs.planning.schema_plan import SchemaPlan

DONE = {"make": "made", "alter": "altered", "drop": "dropped"}
NOWHERE = "–"


def as_json(schema: SchemaPlan, changes: Sequence[ChangeRow], apart: Sequence[str]) -> dict[str, Any]:
    """The report as data; kept with the operation in the control store. `apart`: what is not there as wanted."""
    return {
        "changes": [
            {"object": c.object, "kind": c.kind, "table": c.table_name, "action": c.action, "status": c.status}
            for c in changes
            if c.status != "undone"
        ],
        "objects": len(schema.wanted),
        "apart": list(apart),
        "extra": [str(found.id) for found in schema.extra],
        "left": [f"{kind} {name}" for kind, name in schema.left],
    }


def for_people(target_env: str, told: Mapping[str, Any]) -> RenderableType:
    """The report for a terminal, table by table."""
    rows = Table(title=f"{target_env}: schema", title_justify="left")
    for heading in ("table", *DONE.values()):
        rows.add_column(heading, overflow="fold")
    by_table: dict[str, dict[str, Counter[str]]] = {}
    for change in told["changes"]:
        if change["status"] == "applied":
            kinds = by_table.setdefault(change["table"] or NOWHERE, {})
            kinds.setdefault(change["action"], Counter())[change["kind"]] += 1
    for table, actions in by_table.items():
        rows.add_row(escape(clean(table)), *(_counted(actions.get(action, Counter())) for action in DONE))
    return Group(*([rows] if by_table else []), *(Text(line) for line in lines(told)))


def _counted(kinds: Counter[str]) -> str:
    return ", ".join(kind if count == 1 else f"{count} × {kind}" for kind, count in kinds.items())


def lines(told: Mapping[str, Any]) -> list[str]:
    """What became of the schema, one line each."""
    applied = sum(change["status"] == "applied" for change in told["changes"])
    found = [f"✓ all {told['objects']} objects of the schema are there as wanted; {applied} of them changed for it"]
    if told["apart"]:
        found = [f"! {name} is not there as wanted" for name in told["apart"]]
    found += [f"! only the target has {name}" for name in told["extra"]]
    found += [f"  not carried: {name}" for name in told["left"]]
    return [clean(line) for line in found]
