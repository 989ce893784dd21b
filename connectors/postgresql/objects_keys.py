"""Keys, indexes, checks and foreign keys as schema objects.

A key is built as an index first and then declared with it: building needs no lock that keeps readers out. Foreign keys and
checks come NOT VALID and are validated: the rows that break them are then counted while the constraint is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.postgresql.definitions import literals
from connectors.postgresql.objects_tables import Relation, table_id
from connectors.postgresql.statements import sql_name
from connectors.schema import TableName, quoted

NOT_VALID = " NOT VALID"
STATISTICS = "statistics "
"""Begins their names, which may be those of indexes too."""


@dataclass(frozen=True)
class IndexRow:
    """One row of INDEXES."""

    oid: int
    relation: int
    name: str
    unique: bool
    valid: bool
    partitioned: bool
    body: str
    """What it says behind its table: `USING btree (a)`."""
    options: str
    computed: bool
    """Partial, or of expressions: its text may hold values."""
    constraint: int | None


@dataclass(frozen=True)
class ConstraintRow:
    """One row of CONSTRAINTS."""

    oid: int
    relation: int
    name: str
    kind: str
    definition: str
    deferrable: bool
    deferred: bool
    referenced: int
    index: int


def index(
    table: TableName, name: str, body: str, *, unique: bool, computed: bool, of: ObjectId | None = None
) -> SchemaObject:
    """An index that is no constraint's; `of` is the view that it is on."""
    head = "UNIQUE INDEX" if unique else "INDEX"
    return SchemaObject(
        id=ObjectId(ObjectKind.INDEX, table, name),
        definition=f"{head} {body}",
        create=(f"CREATE {head} {quoted(name)} ON {sql_name(table)} {body}",),
        drop=(f"DROP INDEX {sql_name(TableName(table.schema, name))}",),
        needs=(of,) if of else (),
        literals=literals(body) if computed else (),
    )


def added(table: TableName, name: str, definition: str) -> str:
    return f"ALTER TABLE {sql_name(table)} ADD CONSTRAINT {quoted(name)} {definition}"


def dropped(table: TableName, name: str) -> str:
    return f"ALTER TABLE {sql_name(table)} DROP CONSTRAINT {quoted(name)}"


def validated(table: TableName, name: str) -> str:
    return f"ALTER TABLE {sql_name(table)} VALIDATE CONSTRAINT {quoted(name)}"


def key(
    table: TableName, name: str, definition: str, body: str | None, *, timing: str = "", options: str = ""
) -> SchemaObject:
    """A primary or unique key, or an exclusion. `body` is its index where the key can be declared with one."""
    kind = ObjectKind.PRIMARY_KEY if definition.startswith("PRIMARY KEY") else ObjectKind.UNIQUE
    word = "PRIMARY KEY" if kind is ObjectKind.PRIMARY_KEY else "UNIQUE"
    if body is None:
        create: tuple[str, ...] = (added(table, name, definition),)
    else:
        create = (
            f"CREATE UNIQUE INDEX {quoted(name)} ON {sql_name(table)} {body}",
            added(table, name, f"{word} USING INDEX {quoted(name)}{timing}"),
        )
    return SchemaObject(
        id=ObjectId(kind, table, name),
        definition=f"{definition} WITH ({options})" if options else definition,
        create=create,
        drop=(dropped(table, name),),
        literals=literals(definition) if definition.startswith("EXCLUDE") else (),
    )


def check(table: TableName, name: str, definition: str) -> SchemaObject:
    return SchemaObject(
        id=ObjectId(ObjectKind.CHECK, table, name),
        definition=definition,
        create=proven(table, name, definition),
        drop=(dropped(table, name),),
        literals=literals(definition),
    )


def foreign_key(
    table: TableName, name: str, definition: str, referenced: TableName, *, partitioned: bool
) -> SchemaObject:
    plain = (added(table, name, definition),)
    return SchemaObject(
        id=ObjectId(ObjectKind.FOREIGN_KEY, table, name),
        definition=definition,
        create=plain if partitioned else proven(table, name, definition),
        drop=(dropped(table, name),),
        needs=(table_id(referenced),),
    )


def proven(table: TableName, name: str, definition: str) -> tuple[str, ...]:
    """Declared for new rows first, then for those that are there; one that was never proven stays so."""
    if definition.endswith((NOT_VALID, " NOT ENFORCED")):
        return (added(table, name, definition),)
    return added(table, name, definition + NOT_VALID), validated(table, name)


def statistics(table: TableName, name: TableName, definition: str) -> SchemaObject:
    """Statistics over several columns: made like an index, after which they are ordered."""
    return SchemaObject(
        id=ObjectId(ObjectKind.INDEX, table, f"{STATISTICS}{name}"),
        definition=definition,
        create=(definition,),
        drop=(f"DROP STATISTICS {sql_name(name)}",),
        literals=literals(definition.partition(" ON ")[2].rpartition(" FROM ")[0]),
    )


def keys_and_indexes(
    relations: Mapping[int, Relation], indexes: Mapping[int, IndexRow], constraints: Mapping[int, ConstraintRow]
) -> Iterator[tuple[int, SchemaObject]]:
    """Each with its number in the catalog: an index's, or a constraint's. What is a partition's own waits for the rows of
    the whole."""
    for row in indexes.values():
        relation = relations.get(row.relation)
        if relation and row.constraint is None and row.valid:
            of = relation.id if relation.kind == "m" else None
            made = index(relation.name, row.name, row.body, unique=row.unique, computed=row.computed, of=of)
            yield row.oid, of_whole(relations, relation, made)
    for constraint in constraints.values():
        relation = relations.get(constraint.relation)
        found = None if relation is None else constraint_object(relations, indexes, relation, constraint)
        if relation and found:
            yield constraint.oid, of_whole(relations, relation, found)


def of_whole(relations: Mapping[int, Relation], relation: Relation, made: SchemaObject) -> SchemaObject:
    whole = relation
    while whole.bound is not None and whole.parents[0] in relations:
        whole = relations[whole.parents[0]]
    return made if whole is relation else replace(made, needs=(*made.needs, whole.id))


def constraint_object(
    relations: Mapping[int, Relation],
    indexes: Mapping[int, IndexRow],
    relation: Relation,
    constraint: ConstraintRow,
) -> SchemaObject | None:
    name, definition = constraint.name, constraint.definition
    if constraint.kind == "c":
        return check(relation.name, name, definition)
    if constraint.kind == "f":
        referenced = relations.get(constraint.referenced)
        if referenced is None:
            return None
        return foreign_key(relation.name, name, definition, referenced.name, partitioned=relation.kind == "p")
    return declared(relation, constraint, indexes[constraint.index]) if constraint.index in indexes else None


def declared(relation: Relation, constraint: ConstraintRow, of: IndexRow) -> SchemaObject:
    """The key that a constraint declares."""
    timing = " DEFERRABLE" * constraint.deferrable + " INITIALLY DEFERRED" * constraint.deferred
    with_index = constraint.kind in "pu" and relation.kind == "r" and of.unique and "USING btree" in of.body[:12]
    return key(
        relation.name,
        constraint.name,
        constraint.definition,
        of.body if with_index else None,
        timing=timing,
        options=of.options if with_index else "",
    )
