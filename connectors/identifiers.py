"""Identifiers: what indexes and constraints are called where names must be shorter, or are looked for in more places.

A name depends on the object and its table alone, never on what else is copied, so it is the same on every night; only names
that would be one and the same in the target get a suffix, each of them, made of the whole name it had. Tables and columns
keep their names: programs know them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from sqlalchemy.dialects import registry

from connectors.facts import Facts
from connectors.grammar import Grammar
from connectors.schema import TableName

DIGITS = 8
"""Of the suffix that tells names apart."""


@dataclass(frozen=True, order=True)
class Named:
    """An index or a constraint by the name that it has in the source."""

    source: TableName
    table: TableName
    """In the target."""
    name: str
    index: bool
    """An index or a unique key, else a CHECK or a foreign key."""


def fits(name: str, facts: Facts) -> bool:
    """Whether an identifier is short enough."""
    characters = facts.name_characters is None or len(name) <= facts.name_characters
    return characters and (facts.name_bytes is None or len(name.encode()) <= facts.name_bytes)


def shortened(name: str, facts: Facts, whole: str | None = None) -> str:
    """The name with a suffix that stands for the whole one, cut to fit."""
    suffix = "_" + hashlib.sha256((whole or name).encode()).hexdigest()[:DIGITS]
    kept = name
    while kept and not fits(kept + suffix, facts):
        kept = kept[:-1]
    return kept + suffix


def names(objects: Iterable[Named], tables: Iterable[TableName], source: Facts, target: Facts) -> Mapping[Named, str]:
    """What each is called in the target. `tables` are those whose names an index cannot have."""
    grammar = target.grammar
    assert grammar is not None, "the target knows no SQL"
    planned = {one: _planned(one, source, target, grammar) for one in sorted(objects)}
    taken = {(table.schema, grammar.folded(table.name)) for table in tables if not grammar.index_names_apart}
    places = {one: (one.index, _place(one, target, grammar), grammar.folded(name)) for one, name in planned.items()}
    counts = Counter(places.values())
    found = {}
    for one, name in planned.items():
        clashes = counts[places[one]] > 1 or (one.index and (one.table.schema, grammar.folded(name)) in taken)
        found[one] = shortened(name, target, f"{one.source}.{one.name}") if clashes else name
    return found


def _planned(one: Named, source: Facts, target: Facts, grammar: Grammar) -> str:
    """With its table's name before it, where its own was the only one of its table, and must be of more there."""
    if one.index:
        widens = source.index_names == "table" and target.index_names == "schema"
    else:
        known = source.grammar.constraint_names if source.grammar else "table"
        widens = known == "table" and grammar.constraint_names == "schema"
    before = f"{one.table.name}_"
    name = before + one.name if widens and not one.name.lower().startswith(before.lower()) else one.name
    return name if fits(name, target) else shortened(name, target, f"{one.source}.{one.name}")


def _place(one: Named, target: Facts, grammar: Grammar) -> tuple[str | None, str | None]:
    """Where its name must be the only one."""
    scope = target.index_names if one.index else grammar.constraint_names
    return one.table.schema, one.table.name if scope == "table" else None


def reserved(name: str, grammar: Grammar) -> bool:
    """Whether the name is a word of the engine's language, so that every program must quote it."""
    return name.lower() in _reserved(grammar.words)


@cache
def _reserved(words: str) -> frozenset[str]:
    return frozenset(registry.load(words).preparer.reserved_words)
