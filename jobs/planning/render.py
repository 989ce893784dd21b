"""The plan as people and scripts read it: a table with its warnings, or JSON. No cell value can be in it. What stops a
plan is told by the error it is refused with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from jobs.config.approvals import Requirement
from jobs.planning import schema_render
from jobs.planning.findings import Finding
from jobs.planning.plan import Plan

_UNTOLD: Mapping[str, Any] = {"rows": 0, "bytes": 0, "target": "exists", "columns": {}}
"""Of a table that the estimates leave out: they are not hashed, and what is approved is shown all the same."""


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


def clean(text: str) -> str:
    """The text with every letter seen: one that moves the cursor, or turns the direction, would show another plan."""
    return "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text)


def recorded(title: str, sha256: str, what: Mapping[str, Any], shown: Mapping[str, Any]) -> RenderableType:
    """The same from its JSON, as the control store keeps it. What is decided is read from `what`, which the hash covers."""
    how = shown["how"]
    parts: list[RenderableType] = [_rows(title, what, shown)] if what["tables"] else [Text(clean(title))]
    parts += [Text(clean(line)) for name, hashed in what["tables"].items() for line in _told(name, hashed)]
    parts += [Text(f"{end}: {clean(_address(what[end]))}") for end in ("source", "target")]
    if "schema" in what:
        parts += [Text(clean(line)) for line in schema_render.lines(what["schema"], how["schema"])]
    if what["tables"]:
        parts.append(Text(f"key: {what['key'] or 'none'}; on violation: {what['on_violation']}"))
        for name in ("way", "snapshot", "foreign_keys", "parallel_workers"):
            parts.append(Text(f"{name.replace('_', ' ')}: {how[name]}"))
        parts += [Text(clean(line)) for line in (*_paths(how.get("paths", {})), *_constraints(what, how))]
    parts += [Text(f"approvals: {_rule(Requirement.of(what['approvals']))}"), Text(f"plan: {sha256}")]
    found = (Finding(**finding) for finding in shown["findings"])
    parts += [Text(clean(f"warning: {finding}"), style="yellow") for finding in found if finding.severity == "warning"]
    return Group(*parts)


def _rows(title: str, what: Mapping[str, Any], shown: Mapping[str, Any]) -> Table:
    """The tables whose rows are copied."""
    rows = Table(title=Text(clean(title)), title_justify="left")
    for heading, justify in (("#", "right"), ("table", "left"), ("≈ rows", "right"), ("≈ size", "right"), ("target", "left"),
                             ("filter", "left"), ("replaced", "left"), ("kept", "left")):  # fmt: skip
        rows.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    estimates = {part["name"]: part for part in shown["tables"]}
    for number, (name, hashed) in enumerate(what["tables"].items(), start=1):
        part = estimates.get(name, _UNTOLD)
        exists = f"exists ({what['if_target_not_empty']} if not empty)"
        rows.add_row(
            str(number),
            escape(clean(name)),
            f"{part['rows']:,}",
            size(part["bytes"]),
            "create" if part["target"] == "create" else exists,
            escape(clean(hashed["filter"] or "")),
            escape(clean("\n".join(_replaced(hashed["columns"], part["columns"])))),
            escape(clean(", ".join(c["name"] for c in hashed["columns"] if c["decision"] == "keep"))),
        )
    return rows


def _paths(told: Mapping[str, str]) -> list[str]:
    """How tables are read and written, those that go alike in one line."""
    tables: dict[str, list[str]] = {}
    for name, path in told.items():
        tables.setdefault(path, []).append(name)
    return [f"paths: {path}" + (f": {', '.join(names)}" * (len(tables) > 1)) for path, names in tables.items()]


def _constraints(what: Mapping[str, Any], how: Mapping[str, Any]) -> list[str]:
    """What waits while rows come, and what is refreshed when they are in."""
    views = [f"refreshed when the rows are in: {name}" for name in how.get("refreshed", ())]
    if not what.get("disable_constraints"):
        return views
    told = [f"constraints: {name}: {one['told']}" for name, one in how.get("constraints", {}).items()]
    return [*(told or ["constraints: nothing is there that could wait, or it is set aside already"]), *views]


def _told(name: str, hashed: Mapping[str, Any]) -> list[str]:
    return [*_into(name, hashed), *schema_render.deviations(name, hashed)]


def _into(name: str, hashed: Mapping[str, Any]) -> list[str]:
    """What a table that crosses becomes: its name, and the columns that do not arrive as they were."""
    if "into" not in hashed:
        return []
    into, types = hashed["into"], {column["name"]: column["type"] for column in hashed["columns"]}
    lines = [f"{name} → {into['name']}"] if into["name"] != name else []
    for column in into["columns"]:
        given = column.get("from")
        if given is None:
            lines.append(f"{name}: {column['name']} {column['type']} is {_constant(column['constant'])} in every row")
        elif column["loss"] != "exact" or given != column["name"]:
            renamed = "" if given == column["name"] else f"{column['name']} "
            lines.append(f"{name}.{given} {types[given]} → {renamed}{column['type']}, {column['loss']}")
            meanings = (f"{value!r} → {_constant(meant)}" for value, meant in column.get("values", {}).items())
            lines += [f"{name}.{given}: {meaning}" for meaning in meanings]
    dropped = types.keys() - {column.get("from") for column in into["columns"]}
    return lines + [f"{name}.{column} is not copied" for column in types if column in dropped]


def _constant(value: str | None) -> str:
    return "NULL" if value is None else repr(value)


def _address(end: Mapping[str, Any]) -> str:
    """Where an environment's name leads: names are anybody's, this is what is approved."""
    if end["host"] is None:
        return str(end["database"])
    return f"{end['host']}:{end['port']}/{end['database']} (TLS: {end['tls']['mode']})"


def _rule(needed: Requirement) -> str:
    if not needed.roles:
        return "none needed"
    standing = f", and stands {_span(needed.standing)} for later runs" if needed.standing else ""
    return f"{', '.join(needed.roles)}; each lasts {_span(needed.lasts)}{standing}"


def _span(time: timedelta) -> str:
    """In the largest unit that fits, as it was written."""
    seconds = int(time.total_seconds())
    size, unit = next(
        (s, u) for s, u in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")) if not seconds % s
    )
    return f"{seconds // size} {unit}{'' if seconds == size else 's'}"


def _replaced(columns: Iterable[Mapping[str, Any]], shown: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = []
    for column in columns:
        rule = column["decision"]
        if rule is None or rule == "keep":
            continue
        told_from = str(shown.get(column["name"], {}).get("from", "of unknown origin"))
        origin = told_from.partition(": ")[0]  # without its evidence
        told = "" if origin == "policy" else f" ({origin})"
        whose = f" by {', '.join(rule['subject']['columns'])}" if "subject" in rule else ""
        options = "".join(f" {name}={value}" for name, value in rule["options"].items())
        domain = "" if rule["strategy"] == "null" else f"[{rule['domain']}]"  # what is emptied is like nothing else
        found.append(f"{column['name']}: {rule['strategy']}{domain}{options}{whose}{told}")
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
