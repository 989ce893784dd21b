"""How `dbagent engines --pair` shows what becomes of each type of one engine in another: pure functions, to rich or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connectors.facts import Facts
from connectors.loss import Class, Loss, loss
from connectors.types import Canonical, Types

MEANINGS = {
    Class.EXACT: "every value arrives as it was",
    Class.EQUIVALENT: "in another form, by the rule; nothing is lost",
    Class.LOSSY: "stops the plan without allow_lossy, or another type for the column (column_mappings)",
    Class.IMPOSSIBLE: "stops the plan without another type for the column, or drop: true (column_mappings)",
}
COLOURS = {Class.EXACT: "green", Class.EQUIVALENT: "cyan", Class.LOSSY: "yellow", Class.IMPOSSIBLE: "red"}


@dataclass(frozen=True)
class Arrival:
    """A type of the source, and what its values become in a column that is made for them."""

    source: str
    """In the source's own words."""
    given: Canonical
    made: str | None
    """In the target's own words; None: it has no such type."""
    loss: Loss


def arrivals(source: Types, target: Types) -> list[Arrival]:
    """Every type of the source."""
    found = []
    for type_ in source.every():
        given = source.canonical(type_)
        made = target.native(given)
        what = (
            Loss(Class.IMPOSSIBLE, "there is no type for its values")
            if made is None
            else loss(given, target.canonical(made))
        )
        found.append(Arrival(type_.native, given, None if made is None else made.native, what))
    return found


def pair_json(source: Facts, target: Facts, found: Sequence[Arrival]) -> dict[str, Any]:
    return {
        "source": source.engine,
        "target": target.engine,
        "types": [
            {
                "source": each.source,
                "canonical": str(each.given),
                "target": each.made,
                "class": each.loss.kind.value,
                "rule": each.loss.rule,
                "stops": list(each.loss.stops),
            }
            for each in found
        ],
    }


def pair(source: Facts, target: Facts, found: Sequence[Arrival]) -> RenderableType:
    """The types with what becomes of them, and what the classes among them mean."""
    table = Table()
    for heading in (source.title, "holds", f"becomes in {target.title}", "class", "rule", "stops its chunk"):
        table.add_column(heading, overflow="fold")
    for each in found:
        kind = Text(each.loss.kind.value, COLOURS[each.loss.kind])
        texts = (each.source or "(no type)", str(each.given), each.made or "")
        table.add_row(*map(Text, texts), kind, Text(each.loss.rule), Text("\n".join(each.loss.stops)))
    classes = {each.loss.kind for each in found}
    notes = [f"{kind.value}: {meaning}" for kind, meaning in MEANINGS.items() if kind in classes]
    if source.engine == target.engine:
        notes.append(
            f"Between two {source.title} this is so under column_mappings alone; else rows travel as they are."
        )
    return Group(table, *map(Text, notes))
