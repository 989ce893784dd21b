"""The schema of a plan as people read it: what is made, altered and dropped, table by table, and every literal in it. What is
approved is read from `what`, which the hash covers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 12
"""Names of one kind that are told one by one."""


def lines(what: Mapping[str, Any], shown: Mapping[str, Any]) -> list[str]:
    """`what` of the schema, and what else is shown of it."""
    left_out = [f"no {word}" for word in ("indexes", "constraints") if not what[f"include_{word}"]]
    alter = [f"alter {what['alter']}"] if "alter" in what else []
    head = ", ".join([f"schema: mode {what['mode']}", *alter, f"{len(what['objects'])} objects wanted", *left_out])
    found = [head]
    if not shown["changes"]:
        found.append("schema: everything wanted is there")
    for action in ("drop", "make"):
        kinds: dict[str, list[str]] = {}
        for change in shown["changes"]:
            if change["action"] == action:
                kinds.setdefault(change["kind"], []).append(change["name"])
        found += [f"schema: {action} {_counted(kind, names)}" for kind, names in kinds.items()]
    for each in what.get("alters", ()):
        found += [f"schema: alter {each['name']}: {statement}" for statement in each["statements"]]
    found += [f"schema: stays, only the target has it: {each['name']}" for each in what.get("there", ())]
    found += [
        f"schema: {each['name']} holds {' '.join(literal.split())}"
        for each in what["objects"]
        for literal in each.get("literals", ())
    ]
    left: dict[str, list[str]] = {}
    for kind, name in shown["left"]:
        left.setdefault(kind, []).append(name)
    return found + [f"schema: not carried: {_counted(kind, names)}" for kind, names in left.items()]


def deviations(table: str, hashed: Mapping[str, Any]) -> list[str]:
    """Columns of a target's table that a copy would not have made so."""
    found = []
    for column in hashed.get("deviates", ()):
        told = column["name"] + (f" {column['type']}" if "type" in column else "")
        nullable = {True: ", nullable", False: ", not nullable"}.get(column.get("nullable"), "")
        found.append(f"{table}: the target has another column than the copy would make: {told}{nullable}")
    return found


def _counted(kind: str, names: list[str]) -> str:
    told = ", ".join(names[:MOST]) + (" …" if len(names) > MOST else "")
    return f"{len(names)} × {kind}: {told}"
