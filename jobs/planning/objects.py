"""Two databases' schema objects side by side: which of them an operation wants, what differs, and what would mend it. Pure.

objects(source) ─▶ select ─▶ wanted ─┐
                                     ├─▶ differences ─▶ changes (`schema_plan`)
objects(target) ─────────────────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.objects import ObjectId, ObjectKind, Objects, SchemaObject
from connectors.schema import Schema, TableName, written

CONSTRAINTS = frozenset({ObjectKind.UNIQUE, ObjectKind.CHECK, ObjectKind.FOREIGN_KEY})
"""What `include_constraints: false` leaves out. A primary key always comes: rows are known by it."""

RANK: Mapping[ObjectKind, int] = {kind: number for number, kind in enumerate(ObjectKind)}

HOLDERS = frozenset({ObjectKind.TABLE, ObjectKind.VIEW})
"""What others hang on."""

Same = Callable[[SchemaObject, SchemaObject], bool]
"""Whether the object there is the one that is wanted."""
Agree = Callable[[Schema], Same]
"""The same, of objects of tables as they are there: what one engine made of another's is told in other words."""


@dataclass(frozen=True)
class Selected:
    """Objects that belong together: tables, all that hangs on them, and all they stand on."""

    made: tuple[SchemaObject, ...]
    """In an order in which they can be made."""
    stranded: tuple[tuple[SchemaObject, TableName], ...] = ()
    """What hangs on a table that is not among them: keys that lead out, each with where it leads. One that its table's own
    words make comes all the same."""


@dataclass(frozen=True)
class Difference:
    """One object that is not the same on both sides. An extra one is there and not wanted."""

    state: Literal["missing", "different", "extra"]
    wanted: SchemaObject | None
    there: SchemaObject | None

    @property
    def id(self) -> ObjectId:
        found = self.wanted or self.there
        assert found is not None
        return found.id


def identical(one: SchemaObject, other: SchemaObject) -> bool:
    """Two objects of one engine: the same to the letter, as far as letters matter to it."""
    return _spelt(one)[1] == _spelt(other)[1]


def _spelt(found: SchemaObject) -> tuple[str, str]:
    return found.folded or (found.id.name, found.definition)


def _called(found: SchemaObject) -> tuple[ObjectKind, TableName | None, str]:
    return found.id.kind, found.id.table, _spelt(found)[0]


def over(found: SchemaObject) -> ObjectId | None:
    """The view that it hangs on, if what it hangs on is one: an index of a materialized one."""
    return None if found.id.table is None else ObjectId(ObjectKind.VIEW, None, str(found.id.table))


def hangs_on(objects: Iterable[SchemaObject]) -> Callable[[SchemaObject], bool]:
    """Whether an object is one of, or hangs on one of, the tables and views among these."""
    names = {str(found.id.table or found.id.name) for found in objects if found.id.kind in HOLDERS}
    return lambda found: found.id.table is not None and str(found.id.table) in names


def arranged(objects: Iterable[SchemaObject]) -> tuple[SchemaObject, ...]:
    """By kind, but always after what they need: a type may be made of a table's."""
    ranked = sorted(objects, key=lambda found: RANK[found.id.kind])
    by_id = {found.id: found for found in ranked}
    placed: dict[ObjectId, SchemaObject] = {}

    def place(found: SchemaObject, above: frozenset[ObjectId]) -> None:
        if found.id in placed:
            return
        for needed in (*found.needs, over(found)):
            below = None if needed is None else by_id.get(needed)
            if below is not None and below.id not in above:
                place(below, above | {below.id})
        placed[found.id] = found

    for found in ranked:
        place(found, frozenset({found.id}))
    return tuple(placed.values())


def select(objects: Objects, tables: Collection[TableName], *, every: bool, indexes: bool = True, constraints: bool = True,
           elsewhere: Collection[TableName] = ()) -> Selected:  # fmt: skip
    """Of a database's objects those of these tables and those they stand on; with `every` also what belongs to no table.
    `elsewhere` are tables that are there already and may be referred to."""
    known = {found.id: found for found in objects.made}
    names = _with_parts(known, _with_parents(known, set(tables)))
    kept: dict[ObjectId, SchemaObject] = {}
    stranded = []
    for found in arranged(objects.made):
        kind, table = found.id.kind, found.id.table
        if kind is ObjectKind.VIEW or (kind is ObjectKind.COMMENT and (table is None or table in names)):
            needs = [need for need in found.needs if need.kind not in (ObjectKind.SCHEMA, ObjectKind.TYPE)]
            if all(need in kept for need in needs if need in known) and (needs or every or table in names):
                kept[found.id] = found
        elif (table in names or over(found) in kept) and included(found, indexes, constraints):
            out = (t for t in _tables(found) if t not in names and t not in elsewhere)
            leads = next(out, None) if kind is ObjectKind.FOREIGN_KEY else None
            if leads is not None:
                stranded.append((found, leads))
            if leads is None or found.inline:
                kept[found.id] = found
        elif table is None and every:
            kept[found.id] = found
    for found in tuple(kept.values()):
        _add_needed(found, known, kept)
    homes = {home for found in kept.values() for home in _homes(found)}
    kept |= {id_: found for id_, found in known.items() if id_.kind is ObjectKind.SCHEMA and id_.name in homes}
    return Selected(arranged(found for id_, found in known.items() if id_ in kept), tuple(stranded))


def _with_parents(known: Mapping[ObjectId, SchemaObject], names: set[TableName]) -> set[TableName]:
    """These tables and those of which they are parts."""
    parents = {
        id_.table: [need.table for need in found.needs if need.kind is ObjectKind.TABLE and need.table is not None]
        for id_, found in known.items()
        if id_.kind is ObjectKind.TABLE
    }
    todo = list(names)
    while todo:
        new = [parent for parent in parents.get(todo.pop(), ()) if parent not in names]
        names.update(new)
        todo += new
    return names


def _with_parts(known: Mapping[ObjectId, SchemaObject], names: set[TableName]) -> set[TableName]:
    """These tables and the parts of them, which hold their rows."""
    parts = [found for found in known.values() if found.part_of is not None and found.id.table is not None]
    found = set(names)
    while more := {part.id.table for part in parts if part.id.table and part.part_of in found} - found:
        found |= more
    return found


def included(found: SchemaObject, indexes: bool, constraints: bool) -> bool:
    """Whether an object of a wanted table is wanted."""
    kind = found.id.kind
    if kind is ObjectKind.TRIGGER:
        return False
    if found.inline:  # its table's own words bring it
        return True
    return (indexes or kind is not ObjectKind.INDEX) and (constraints or kind not in CONSTRAINTS)


def _tables(found: SchemaObject) -> list[TableName]:
    """The other tables it needs."""
    return [need.table for need in found.needs if need.table is not None and need.table != found.id.table]


def _add_needed(
    found: SchemaObject, known: Mapping[ObjectId, SchemaObject], kept: dict[ObjectId, SchemaObject]
) -> None:
    """What it stands on that belongs to no table: types, sequences, and what these stand on."""
    for need in found.needs:
        below = known.get(need)
        if below is not None and need.table is None and need not in kept:
            kept[need] = below
            _add_needed(below, known, kept)


def _homes(found: SchemaObject) -> list[str]:
    """The schemas it may live in."""
    if found.id.table is not None:
        return [] if found.id.table.schema is None else [found.id.table.schema]
    parts = found.id.name.split(".")
    return [part for n in range(1, len(parts)) for part in _spellings(".".join(parts[:n]))]


def _spellings(text: str) -> list[str]:
    """A schema's name as it may be written, plain or quoted."""
    inside = text[1:-1].replace('""', '"')
    return [inside] if len(text) > 1 and written(inside) == text else [text]


def differences(wanted: Sequence[SchemaObject], there: Sequence[SchemaObject], same: Same = identical,
                extra: Callable[[SchemaObject], bool] = lambda _: False) -> list[Difference]:  # fmt: skip
    """What is missing or different, in the order of `wanted`, and then what is `extra` there. What a missing table's or
    column's own words bring is told by the table or the column."""
    standing = {_called(found): found for found in there}
    names = {_called(found) for found in wanted}
    absent = [found.id for found in wanted if _called(found) not in standing]
    missing = {id_.table for id_ in absent if id_.kind is ObjectKind.TABLE}
    coming = {id_ for id_ in absent if id_.kind is ObjectKind.COLUMN}
    found: list[Difference] = []
    for one in wanted:
        other = standing.get(_called(one))
        told = _brought(one) and (one.id.table in missing or (one.inline and not coming.isdisjoint(one.needs)))
        if other is None and (one.id.kind is ObjectKind.TABLE or not told):
            found.append(Difference("missing", one, None))
        elif other is not None and not same(one, other):
            found.append(Difference("different", one, other))
    going = {
        one.id.table for one in there if one.id.kind is ObjectKind.TABLE and _called(one) not in names and extra(one)
    }
    for other in there:
        told = _brought(other) and other.id.table in going and other.id.kind is not ObjectKind.TABLE
        if _called(other) not in names and extra(other) and not told:
            found.append(Difference("extra", None, other))
    return found


def _brought(found: SchemaObject) -> bool:
    """Its table's CREATE makes it."""
    return found.inline or found.id.kind is ObjectKind.COLUMN
