"""The plan for a schema: what an operation wants there, what it does for it, and what differs and stays. Pure.

Nothing that is there is altered but by `mode: update`, nothing is dropped but by `recreate`, and what cannot be mended so
stops the plan with the statement a person could run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from connectors.facts import Facts
from connectors.objects import Alteration, ObjectId, ObjectKind, SchemaObject, Step
from connectors.schema import Schema, TableName
from jobs.planning.findings import Finding, error, warning
from jobs.planning.objects import Agree, Difference, Same, arranged, differences, hangs_on, identical, over

Mode = Literal["create", "update", "recreate"]
Alter = Literal["additive", "any"]
Action = Literal["make", "alter", "drop"]

LATE = frozenset({ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE, ObjectKind.INDEX, ObjectKind.FOREIGN_KEY, ObjectKind.VIEW})
"""What a copy makes when the rows are there."""


@dataclass(frozen=True)
class Change:
    """One thing to do, and how it is undone."""

    id: ObjectId
    action: Action
    up: tuple[str, ...]
    down: tuple[str, ...]
    before: str | None
    """How the object is defined before; None: it is not there."""
    after: str | None
    needs: tuple[ObjectId, ...] = ()
    again: tuple[str, ...] = field(default=(), compare=False)
    """Of an object altered: how it is made as it was before, if nothing is left of it."""
    caution: str = field(default="", compare=False)
    """What whoever allows it must know."""

    @property
    def table(self) -> TableName | None:
        return self.id.table


Altered = Callable[[SchemaObject, SchemaObject], Alteration]


@dataclass(frozen=True)
class Applied:
    """A change that was made in this target for an operation, as the control store remembers it."""

    operation_id: str
    object: str
    action: str
    up: tuple[str, ...]
    after: str | None


@dataclass(frozen=True)
class SchemaPlan:
    """What is wanted, and what is done for it."""

    mode: Mode
    wanted: tuple[SchemaObject, ...]
    changes: tuple[Change, ...]
    """In the order in which they are made."""
    extra: tuple[SchemaObject, ...]
    """What only the target's own tables have: it stays."""
    left: tuple[tuple[str, str], ...]
    """What is not carried, by kind and name."""
    settings: Mapping[str, Any]
    alter: Alter = "additive"
    altered: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Of `update`: the objects altered, those that an operation has altered already included, and their statements."""
    agree: Agree | None = field(default=None, repr=False, compare=False)
    """How objects are compared; None: to the letter."""
    broken: frozenset[ObjectId] = frozenset()
    """What rows break that a copy takes the place of: it is made or proved again when its own are there."""

    def same(self, look: Callable[[], Schema]) -> Same:
        """How objects are compared with those there now."""
        return identical if self.agree is None else self.agree(look())

    @property
    def again(self) -> tuple[SchemaObject, ...]:
        """What rows broke and is made or proved again."""
        return tuple(one for one in self.wanted if one.id in self.broken)

    def works(self) -> list[tuple[ObjectId, tuple[str, ...]]]:
        """All that is done for it: of each object the statements."""
        changes = {change.id for change in self.changes}
        again = ((one.id, one.create) for one in self.again if one.id not in changes)
        return [*((change.id, change.up) for change in self.changes), *again]

    @property
    def mended(self) -> frozenset[TableName]:
        """The tables that are there and whose columns change."""
        return frozenset(
            change.id.table
            for change in self.changes
            if change.id.table is not None and change.id.kind is ObjectKind.COLUMN
        )

    def what(self) -> dict[str, Any]:
        """What is hashed of it: the same on every day on which the same is wanted, as long as nobody else changes what is
        there."""
        told: dict[str, Any] = {
            **self.settings,
            "mode": self.mode,
            "objects": [
                {"name": str(found.id), "definition": found.definition}
                | ({"literals": list(found.literals)} if found.literals else {})
                for found in self.wanted
            ],
        }
        if self.mode != "recreate":  # where everything goes, nothing of it matters
            told["there"] = [{"name": str(found.id), "definition": found.definition} for found in self.extra]
        if self.alter != "additive":
            told["alter"] = self.alter
        if self.mode == "update":
            told["alters"] = [{"name": name, "statements": list(up)} for name, up in self.altered]
        return told

    def shown(self) -> dict[str, Any]:
        """What else people see of it."""
        return {
            "changes": [
                {
                    "action": change.action,
                    "kind": change.id.kind.value,
                    "name": str(change.id).removeprefix(f"{change.id.kind.value} "),
                    "statements": list(change.up),
                }
                for change in self.changes
            ],
            "left": [list(pair) for pair in self.left],
        }


def early(changes: Iterable[Change]) -> list[Change]:
    """What a copy does before rows come. What needs something late is late itself."""
    late = {change.id for change in changes if change.action == "make" and change.id.kind in LATE}
    return [c for c in changes if c.id not in late and not (set(c.needs) & late)]


def steps(schema: SchemaPlan, tables: Sequence[TableName]) -> tuple[Step, ...]:
    """What it does when they are there. A view waits for one of the tables it reads, and what hangs on a view comes with
    it: only then is there something to hang on."""
    changes = schema.changes
    before = {id(change) for change in early(changes)}
    reads = {change.id: change.needs for change in changes}
    views = {change.id.name for change in changes if change.id.kind is ObjectKind.VIEW and change.action == "make"}

    def waits_for(found: ObjectId, needs: Iterable[ObjectId]) -> TableName:
        if found.table is not None and found.table in tables:
            return found.table
        below = [waits_for(need, reads.get(need, ())) for need in needs if need.table or need in reads]
        return next((table for table in below if table in tables), tables[0])

    found: dict[ObjectId, Step] = {}
    for change in changes:
        if id(change) in before:
            continue
        view = ObjectId(ObjectKind.VIEW, None, str(change.id.table))
        if view.name in views and view in found:
            found[view] = replace(found[view], restore=(*found[view].restore, *change.up))
        else:
            found[change.id] = Step(change.id, waits_for(change.id, change.needs), (), change.up)
    again = (one for one in schema.again if one.id.table in tables)
    found |= {one.id: Step(one.id, waits_for(one.id, ()), (), one.create) for one in again if one.id not in found}
    return tuple(found.values())


def compared(where: str, wanted: Sequence[SchemaObject], there: Sequence[SchemaObject], mode: Mode, altered: Altered,
             same: Same = identical, extra: Callable[[SchemaObject], bool] = lambda _: False,
             broken: Collection[ObjectId] = (), alter: Alter = "additive"
             ) -> tuple[list[Change], list[SchemaObject], list[Finding]]:  # fmt: skip
    """What is done so that the wanted objects are there, what only the target has, and why it cannot be done."""
    changes, extras, findings = [], [], []
    for found in differences(wanted, there, same, extra):
        if found.state == "different" and found.id in broken:
            continue
        if found.state == "extra":
            assert found.there is not None
            extras.append(found.there)
            statement = f": {_joined(found.there.drop)}" if found.there.drop else ""
            findings.append(
                warning(f"{where}: {found.id}", "only the target has it: it stays", f"to drop it{statement}")
            )
            continue
        change = missing(found) if found.state == "missing" else different(found, altered, mode, alter)
        if isinstance(change, Change):
            changes.append(change)
            findings += [warning(f"{where}: {found.id}", change.caution)] if change.caution else []
        else:
            findings.append(error(f"{where}: {found.id}", *change))
    return changes, extras, findings


def missing(found: Difference) -> Change | tuple[str, str]:
    """How a missing object is made, or why not and what to do."""
    wanted = found.wanted
    assert wanted is not None
    if not wanted.create:
        return "is missing, and cannot be added to a table that is there", "recreate the table (mode: recreate)"
    if not wanted.additive:
        return (
            "is missing, and cannot be added to a table that may hold rows",
            f"add it yourself: {_joined(wanted.create)}",
        )
    return Change(found.id, "make", wanted.create, wanted.drop, None, wanted.definition, wanted.needs)


def different(found: Difference, altered: Altered, mode: Mode, alter: Alter) -> Change | tuple[str, str]:
    """How a different object becomes the wanted one, or why not and what to do."""
    wanted, there = found.wanted, found.there
    assert wanted is not None
    assert there is not None
    differs = f"differs: {there.definition} there, {wanted.definition} wanted"
    way = altered(there, wanted)
    if not way.up:
        return differs, "it cannot be altered: recreate the table (mode: recreate), or leave it out (`exclude`)"
    loses = f"; {way.loses}" if way.loses else ""
    caution = "" if way.additive else f"{differs}; programs or rows could need it as it is{loses}"
    if not way.refuses:
        return f"{differs}; rows would be changed without a word", f"alter it yourself: {_joined(way.up)}"
    said = mode == "update" and (way.additive or alter == "any")
    if not said:
        ask = "`mode: update`" if way.additive else "`alter: any` with `mode: update`"
        return caution or differs, f"say {ask}, or alter it yourself: {_joined(way.up)}"
    told = there.definition, wanted.definition
    return Change(found.id, "alter", way.up, way.down, *told, wanted.needs, again=there.create, caution=caution)


def _joined(statements: Iterable[str]) -> str:
    return "; ".join(statements)


def with_applied(changes: Sequence[Change], wanted: Sequence[SchemaObject], applied: Sequence[Applied]
                 ) -> tuple[tuple[str, tuple[str, ...]], ...]:  # fmt: skip
    """What `update` alters, and what it has altered before on the way to what is wanted: tomorrow the same is approved."""
    going = {str(change.id): change.up for change in changes if change.action == "alter"}
    definitions = {str(found.id): found.definition for found in wanted}
    done = {
        one.object: one.up
        for one in applied
        if one.action == "alter" and one.after is not None and definitions.get(one.object) == one.after
    }
    return tuple(sorted({**done, **going}.items()))


def clashes(where: str, wanted: Sequence[SchemaObject], there: Sequence[SchemaObject], facts: Facts) -> list[Finding]:
    """Names of missing objects that something else has."""
    standing = {found.id for found in there}
    named = [
        found.id for found in there if found.id.kind in _RELATIONS or (found.id.kind in _KEYED and not found.inline)
    ]
    relations = {id_.name: id_ for id_ in named if id_.kind in _RELATIONS}
    indexes = {_place(id_, facts): id_ for id_ in named if id_.kind in _KEYED}
    apart = facts.grammar is None or facts.grammar.index_names_apart
    shared = {} if apart else {_called(id_): id_ for id_ in named}
    findings = []
    for found in wanted:
        taken = None
        if found.id.kind in _RELATIONS:
            taken = relations.get(found.id.name) or shared.get(_called(found.id))
        elif found.id.kind in _KEYED and not found.inline:
            taken = indexes.get(_place(found.id, facts)) or shared.get(_called(found.id))
        if taken is not None and found.id not in standing:
            what, todo = f"its name is taken: {taken}", "drop or rename what is in the way"
            findings.append(error(f"{where}: {found.id}", what, todo))
    return findings


def _called(found: ObjectId) -> str:
    """A table's, a view's or an index's name, where they are told apart by nothing else."""
    if found.kind in _RELATIONS or found.table is None or found.table.schema is None:
        return found.name
    return str(TableName(found.table.schema, found.name))


_RELATIONS = frozenset({ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.SEQUENCE})
_KEYED = frozenset({ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE, ObjectKind.INDEX})


def _place(found: ObjectId, facts: Facts) -> tuple[object, str]:
    """Where an index's name must be the only one."""
    if found.table is None or facts.index_names == "table":
        return found.table, found.name
    return found.table.schema, found.name


def dropped(where: str, there: Sequence[SchemaObject], wanted: Sequence[SchemaObject], names: Collection[TableName]
            ) -> tuple[list[Change], list[Finding]]:  # fmt: skip
    """How these tables go: their foreign keys first, then everything in the order against that in which it is made, with the
    views and types that are made of them. Nothing goes with them that is not wanted back."""
    going, findings = _going(where, there, wanted, names)
    keys = [found for found in going if found.id.kind is ObjectKind.FOREIGN_KEY and not found.inline]
    said = {found.id: [o for o in there if o.id.kind is ObjectKind.COMMENT and found.id in o.needs] for found in going}
    changes = [_drop(found, said[found.id]) for found in reversed(keys)]
    apart = [*keys, *(comment for found in keys for comment in said[found.id])]
    for found in reversed(going):
        if found.id.table is not None and found.id.kind is not ObjectKind.TABLE:
            continue
        hangs = hangs_on([found])
        with_it = [o for o in there if hangs(o) and not o.inline and o not in (found, *apart)]
        with_it += [o for o in said[found.id] if not hangs(o)]
        changes.append(_drop(found, [o for o in with_it if o.id.kind not in (ObjectKind.COLUMN, ObjectKind.TRIGGER)]))
    needed = {need for found in going for need in found.needs}
    sequences = [found for found in there if found.id.kind is ObjectKind.SEQUENCE and found.id in needed]
    # one that belongs to a table goes with it: undone, it must be back before the table is
    return changes + [replace(_drop(found, ()), up=()) for found in sequences], findings


def _going(where: str, there: Sequence[SchemaObject], wanted: Sequence[SchemaObject], names: Collection[TableName]
           ) -> tuple[list[SchemaObject], list[Finding]]:  # fmt: skip
    """These tables, all that is theirs, and what is made of them, in the order in which they can be made."""
    back = {found.id for found in wanted}
    going: dict[ObjectId, SchemaObject] = {}
    findings = []
    for found in arranged(there):
        if found.id.table in names:
            going[found.id] = found
            continue
        needed = next((need for need in found.needs if need.table in names or need in going), None)
        if needed is None or found.id.kind is ObjectKind.COMMENT or over(found) in going:
            continue
        if found.id.table is None and found.id in back:
            going[found.id] = found
        else:
            named = f"name {found.id.table} too" if found.id.table else "name all tables that it is made of"
            what = f"needs {needed}, which would be dropped, and is not made again"
            findings.append(error(f"{where}: {found.id}", what, f"{named}, or drop it first"))
    return list(going.values()), findings


def _drop(found: SchemaObject, with_it: Sequence[SchemaObject]) -> Change:
    back = (*found.create, *(statement for one in with_it for statement in one.create))
    return Change(found.id, "drop", found.drop, back, found.definition, None)
