"""How the command line shows what detection saw: a table, JSON, or a policy file to edit. Evidence names rules and shares;
values are shown only where somebody asked for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from anonymizers.contract import Rule, strategy
from connectors.schema import Column, Table
from jobs.config.files import yaml_text
from jobs.planning.decisions import Place
from jobs.planning.detected import UNSEEN, Surveyed
from jobs.views import grid

WIDTH = 30
"""Characters of a value that are shown."""


def surveyed(found: Surveyed, values: int = 0) -> RenderableType:
    """The columns that look personal or need a person to judge them; of each some values, where these are asked for."""
    rows = [
        (_escaped(str(place[0])), _escaped(place[1]), domain, _proposal(found, place), confidence, why,
         *([_some(found, place, values)] if values else []))
        for place, (domain, confidence, why) in seen(found)
    ]  # fmt: skip
    columns = sum(len(table.copied) for table in found.tables)
    tables = "one table" if len(found.tables) == 1 else f"{len(found.tables)} tables"
    waiting = f", {len(found.undecided)} of them a person must decide" if found.undecided else ""
    told = [f"{found.environment}: {len(rows)} of {columns} columns in {tables} look personal{waiting}"]
    told += [f"{_escaped(str(table.name))}: {UNSEEN}" for table in found.unseen]
    if not rows:
        return Text("\n".join(told))
    headings = ("table", "column", "domain", "proposal", "sure", "why", *(["values"] if values else []))
    return Group(Text("\n".join(told)), grid(headings, rows, right=("sure",)))


def seen(found: Surveyed) -> Iterator[tuple[Place, tuple[str, str, str]]]:
    """What is not simply kept: what it looks like, how sure that is, and why."""
    for table in found.tables:
        for column in table.copied:
            place = table.name, column.name
            verdict, decision = found.verdicts.get(place), found.decisions.get(place)
            if verdict is not None:
                sure = f"{verdict.confidence} %" if verdict.confidence else ""
                yield place, (verdict.domain, sure, "; ".join(verdict.reasons))
            elif place in found.undecided:
                yield place, ("", "", found.undecided[place])
            elif decision is not None and decision.rule is not None:
                yield place, (decision.rule.domain, "", decision.origin)


def _proposal(found: Surveyed, place: Place) -> str:
    decision = found.decisions.get(place)
    if decision is None:
        return "a person must decide"
    return "keep" if decision.rule is None else decision.rule.strategy


def _some(found: Surveyed, place: Place, values: int) -> str:
    sample = found.values.get(place)
    some = [] if sample is None else sample.drop_null().unique().slice(0, values).to_pylist()
    return "\n".join(repr(value[:WIDTH]) + ("…" if len(value) > WIDTH else "") for value in some)


def surveyed_json(found: Surveyed) -> dict[str, Any]:
    return {
        "environment": found.environment,
        "judged_by_names_alone": [str(table.name) for table in found.unseen],
        "columns": [
            {
                "table": str(place[0]),
                "column": place[1],
                "domain": domain or None,
                "confidence": verdict.confidence if (verdict := found.verdicts.get(place)) else None,
                "undecidable": place in found.undecided,
                "proposal": None if place in found.undecided else _proposal(found, place),
                "why": why,
            }
            for place, (domain, _, why) in seen(found)
        ],
    }


def policy(found: Surveyed) -> str:
    """A policy that decides every column, YAML to edit."""
    lines = [
        f"# What happens to each column of {_escaped(found.environment)}, as its name and a sample of its values suggest.",
        "# Read every line: what looks harmless here is kept as it is. Lines that say DECIDE wait for you.",
        '# key: {secret: "file:~/.config/dbagent/master.key"}    # where the master key is kept, if elsewhere',
        "columns:",
    ]
    for table in found.tables:
        lines += ["", f"  # {_escaped(str(table.name))}{f': {UNSEEN}' if table in found.unseen else ''}"]
        lines += [f"  {_line(found, table, column)}" for column in table.copied]
    return "\n".join(lines) + "\n"


def _line(found: Surveyed, table: Table, column: Column) -> str:
    place = table.name, column.name
    key = yaml_text(table.name.column(column.name))
    decision = found.decisions.get(place)
    if decision is None:
        why = _escaped(found.undecided[place])
        return (
            f'{key}: "null"    # DECIDE: {why}' if column.nullable else f"# {key}: ?    # DECIDE: {why}; it is NOT NULL"
        )
    if decision.rule is None:
        return f"{key}: keep"
    return f"{key}: {_rule(decision.rule)}    # {_escaped(decision.origin)}"


def _rule(rule: Rule) -> str:
    """A rule in its shortest form. What goes by a subject takes its domain from there."""
    if rule.strategy == "null" or strategy(rule.strategy).needs_subject:
        return yaml_text(rule.strategy)
    return f"{{strategy: {rule.strategy}, domain: {yaml_text(rule.domain)}}}"


def _escaped(text: str) -> str:
    """A name or sentence on one line of a terminal or a comment, whatever letters a name in it has."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
