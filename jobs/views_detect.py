"""How the command line shows what detection saw: a table, JSON, or a policy file to edit. Evidence names rules and shares;
values are shown only where somebody asked for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from anonymizers.contract import Rule
from anonymizers.detection.contract import Verdict
from connectors.schema import quoted
from jobs.planning.decisions import Decision, Place
from jobs.planning.detected import Surveyed
from jobs.views import grid


def surveyed(found: Surveyed, values: int = 0) -> RenderableType:
    """The columns that look personal or need a person to judge them; of each some values, where these are asked for."""
    rows = [
        (str(place[0]), place[1], verdict.domain, _proposal(found.decision(place)), f"{verdict.confidence} %",
         "; ".join(verdict.reasons), *([_some(found, place, values)] if values else []))
        for place, verdict in _seen(found)
    ]  # fmt: skip
    columns = sum(len(table.copied) for table in found.tables)
    head = Text(f"{found.environment}: {len(rows)} of {columns} columns in {len(found.tables)} tables look personal")
    if not rows:
        return head
    headings = ("table", "column", "domain", "proposal", "confidence", "why", *(["values"] if values else []))
    return Group(head, grid(headings, rows, right=("confidence",)))


def _seen(found: Surveyed) -> Iterator[tuple[Place, Verdict]]:
    for table in found.tables:
        for column in table.copied:
            place = table.name, column.name
            if place in found.verdicts:
                yield place, found.verdicts[place]


def _proposal(decision: Decision | None) -> str:
    if decision is None:
        return "a person must decide"
    return "keep" if decision.rule is None else decision.rule.strategy


def _some(found: Surveyed, place: Place, values: int) -> str:
    sample = found.values.get(place)
    some = [] if sample is None else sample.drop_null().unique().slice(0, values).to_pylist()
    return "\n".join(repr(value) for value in some)


def surveyed_json(found: Surveyed) -> dict[str, Any]:
    return {
        "environment": found.environment,
        "columns": [
            {
                "table": str(place[0]),
                "column": place[1],
                "domain": verdict.domain,
                "confidence": verdict.confidence,
                "undecidable": verdict.undecidable,
                "proposal": None if (decision := found.decision(place)) is None else _proposal(decision),
                "why": list(verdict.reasons),
            }
            for place, verdict in _seen(found)
        ],
    }


def policy(found: Surveyed) -> str:
    """A policy that decides every column, YAML to edit."""
    lines = [
        f"# What happens to each column of {found.environment}, as its names and a sample of its values suggest.",
        "# Read every line: what looks harmless here is kept as it is.",
        '# key: {secret: "file:~/.config/dbagent/master.key"}    # where the master key is kept, if elsewhere',
        "columns:",
    ]
    for table in found.tables:
        lines += ["", f"  # {table.name}"]
        for column in table.copied:
            lines.append(f"  {_line(found, (table.name, column.name), column.nullable)}")
    return "\n".join(lines) + "\n"


def _line(found: Surveyed, place: Place, nullable: bool) -> str:
    table, column = place
    plain = column.isidentifier() and column == column.lower()
    name = f"{table}.{column if plain else quoted(column)}"
    key = "'" + name.replace("'", "''") + "'" if '"' in name else name
    decision, verdict = found.decision(place), found.verdicts.get(place)
    why = "; ".join(verdict.reasons) if verdict else ""
    if decision is None:
        if nullable:
            return f'{key}: "null"    # DECIDE: {why}'
        return f"# {key}: ?    # DECIDE: {why}; it is NOT NULL"
    if decision.rule is None:
        return f"{key}: keep"
    told = f"    # {verdict.confidence} %: {why}" if verdict else f"    # {decision.origin}"
    return f"{key}: {_rule(decision.rule)}{told}"


def _rule(rule: Rule) -> str:
    options = "".join(f", {name}: {value}" for name, value in rule.options.items())
    domain = quoted(rule.domain) if set(rule.domain) & set("\"'{}[],:#& *!|>%@`") else rule.domain
    strategy = '"null"' if rule.strategy == "null" else rule.strategy
    return strategy if strategy == '"null"' else f"{{strategy: {strategy}, domain: {domain}{options}}}"
