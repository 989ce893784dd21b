"""Tables, their columns and sequences as schema objects.

A partition is a table of its own that is made from its parent: its columns, keys and indexes come from there, and its
definition says only where it deviates. A table that inherits from another is made as a table of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.postgresql.definitions import ColumnText, Numbering, identity, implied, literals
from connectors.postgresql.statements import sql_name
from connectors.postgresql.types import literal
from connectors.schema import TableName, quoted


@dataclass(frozen=True)
class Relation:
    """One row of RELATIONS: a table or a view."""

    oid: int
    schema: str
    relname: str
    written: str
    kind: str
    unlogged: bool
    options: str
    method: str | None
    partition_key: str | None
    bound: str | None
    parents: Sequence[int]
    view: str | None
    populated: bool
    columns: Sequence[str]
    """A view's."""
    column_types: Sequence[str]

    @property
    def name(self) -> TableName:
        return TableName(self.schema, self.relname)

    @property
    def id(self) -> ObjectId:
        if self.kind in ("r", "p"):
            return table_id(self.name)
        return ObjectId(ObjectKind.VIEW, None, str(self.name))


@dataclass(frozen=True)
class ColumnRow:
    """One row of COLUMNS."""

    relation: int
    name: str
    number: int
    type_oid: int
    native: str
    not_null: bool
    identity: str
    generated: str
    expression: str | None
    collation: str | None
    storage: str | None
    compression: str | None
    statistics: int
    options: str
    uses: Sequence[int]


@dataclass(frozen=True)
class SequenceRow:
    """One row of SEQUENCES; `owner` and `column` tell whose counter it is, `internal` that it is an identity's."""

    oid: int
    schema: str
    relname: str
    type: str
    start: int
    increment: int
    low: int
    high: int
    cache: int
    cycle: bool
    last: int | None
    dependency: str | None
    owner: int | None
    column: int | None

    @property
    def name(self) -> TableName:
        return TableName(self.schema, self.relname)

    @property
    def id(self) -> ObjectId:
        return ObjectId(ObjectKind.SEQUENCE, None, str(self.name))

    @property
    def numbering(self) -> Numbering:
        return Numbering(self.type, self.start, self.increment, self.low, self.high, self.cache, self.cycle)


@dataclass(frozen=True)
class View(SchemaObject):
    """A view, and what tells whether another can take its place."""

    columns: tuple[tuple[str, str], ...] = ()
    """Each with its type and collation."""
    stored: bool = False
    """It is a materialized one."""


def table_id(name: TableName) -> ObjectId:
    return ObjectId(ObjectKind.TABLE, name, str(name))


def column_id(table: TableName, name: str) -> ObjectId:
    return ObjectId(ObjectKind.COLUMN, table, name)


def sequence(name: TableName, numbering: Numbering, last: int | None = None) -> SchemaObject:
    """A sequence; its definition is silent about how far it has come. A column's own goes when its table goes."""
    create = [f"CREATE SEQUENCE {sql_name(name)} {numbering.definition}"]
    if last is not None:
        create.append(f"SELECT pg_catalog.setval({literal(sql_name(name))}, {last}, true)")
    return SchemaObject(
        id=ObjectId(ObjectKind.SEQUENCE, None, str(name)),
        definition=numbering.definition,
        create=tuple(create),
        drop=(f"DROP SEQUENCE IF EXISTS {sql_name(name)}",),
    )


@dataclass(frozen=True)
class Form:
    """A table with its columns, whoever describes it."""

    name: TableName
    columns: Sequence[tuple[str, ColumnText]]
    unlogged: bool = False
    tail: str = ""
    """What CREATE TABLE says behind the columns."""
    after: Sequence[str] = ()
    column_needs: Mapping[str, Sequence[ObjectId]] = field(default_factory=dict)


def plain_table(form: Form) -> Iterator[SchemaObject]:
    """A table that is no partition, and its columns."""
    name = sql_name(form.name)
    head = "UNLOGGED TABLE" if form.unlogged else "TABLE"
    clauses = ", ".join(f"{quoted(column)} {text.clause}" for column, text in form.columns)
    later = [statement for column, text in form.columns for statement in text.after(form.name, column)]
    yield SchemaObject(
        id=table_id(form.name),
        definition=head + form.tail,
        create=(f"CREATE {head} {name} ({clauses}){form.tail}", *later, *form.after),
        drop=(f"DROP TABLE {name}",),
        needs=tuple(dict.fromkeys(need for needs in form.column_needs.values() for need in needs)),
    )
    for column, text in form.columns:
        filled = text.fill is not None
        yield SchemaObject(
            id=column_id(form.name, column),
            definition=text.definition,
            create=(
                f"ALTER TABLE {name} ADD COLUMN {quoted(column)} {text.clause}",
                *text.after(form.name, column),
            ),
            drop=(f"ALTER TABLE {name} DROP COLUMN {quoted(column)}",),
            inline=True,
            needs=tuple(form.column_needs.get(column, ())),
            literals=text.literals,
            additive=filled or not text.not_null,
        )


@dataclass(frozen=True)
class Tables:
    """Everything read that tables are made of."""

    relations: Mapping[int, Relation]
    columns: Mapping[int, Sequence[ColumnRow]]
    sequences: Mapping[int, SequenceRow]
    type_ids: Mapping[int, tuple[ObjectId, ...]]
    """What a column's type needs, by its number."""

    @cached_property
    def _owned(self) -> Mapping[tuple[int, int], SequenceRow]:
        """The counter of a column."""
        rows = self.sequences.values()
        return {(row.owner, row.column): row for row in rows if row.owner is not None and row.column is not None}

    def objects(self) -> Iterator[SchemaObject]:
        """Sequences, then tables, parents before their partitions, each with its columns."""
        for row in self.sequences.values():
            if row.dependency != "i":
                yield sequence(row.name, row.numbering, row.last)
        for relation in self.relations.values():
            if relation.kind in ("r", "p"):
                yield from self.table(relation) if relation.bound is None else [self.partition(relation)]

    def table(self, relation: Relation) -> Iterator[SchemaObject]:
        rows = self.columns.get(relation.oid, ())
        yield from plain_table(
            Form(
                relation.name,
                [(row.name, self.text(relation, row)) for row in rows],
                relation.unlogged,
                tail(relation),
                list(self.counters(relation, rows)),
                {row.name: self.needs(row) for row in rows},
            )
        )

    def partition(self, relation: Relation) -> SchemaObject:
        parent = self.relations[relation.parents[0]]
        name = sql_name(relation.name)
        usual = {row.name: self.text(parent, row) for row in self.columns.get(parent.oid, ())}
        deviations, later = [], []
        for row in self.columns.get(relation.oid, ()):
            text, inherited = self.text(relation, row), usual[row.name]
            change = f"ALTER TABLE ONLY {name} ALTER COLUMN {quoted(row.name)}"
            counted = " AS IDENTITY" in (inherited.fill or "")
            if text.fill != inherited.fill and not row.generated and not row.identity and not counted:
                deviations.append(f"{row.name} {text.fill or 'without default'}")
                later.append(f"{change} SET {text.fill}" if text.fill else f"{change} DROP DEFAULT")
            if text.not_null and not inherited.not_null:
                deviations.append(f"{row.name} NOT NULL")
                later.append(f"{change} SET NOT NULL")
        head = "UNLOGGED TABLE" if relation.unlogged else "TABLE"
        own = f" ({', '.join(deviations)})" if deviations else ""
        of = f"PARTITION OF {parent.written} {relation.bound}{tail(relation)}"
        return SchemaObject(
            id=relation.id,
            definition=f"{head} {of}{own}",
            create=(f"CREATE {head} {name} {of}", *later),
            drop=(f"DROP TABLE {name}",),
            needs=(parent.id, *(need for row in self.columns.get(relation.oid, ()) for need in self.needs(row))),
            literals=literals(relation.bound or "", *deviations),
            part_of=parent.name,
        )

    def text(self, relation: Relation, row: ColumnRow) -> ColumnText:
        settings = [f"{word} {value}" for word, value in settings_of(row) if value is not None]
        if row.options:
            settings.append(f"({row.options})")
        owned = self._owned.get((relation.oid, row.number))
        if owned and owned.dependency == "a":
            settings.append(f"OWNS {sql_name(owned.name)}")
        return ColumnText(row.native, row.collation, self.fill(relation, row, owned), row.not_null, tuple(settings))

    def fill(self, relation: Relation, row: ColumnRow, owned: SequenceRow | None) -> str | None:
        if row.generated:
            return f"GENERATED ALWAYS AS ({row.expression}) {'STORED' if row.generated == 's' else 'VIRTUAL'}"
        if row.identity and owned:
            usual = TableName(relation.schema, implied(relation.relname, row.name, "seq"))
            named = None if owned.name == usual else sql_name(owned.name)
            return identity("ALWAYS" if row.identity == "a" else "BY DEFAULT", owned.numbering, named)
        return None if row.expression is None else f"DEFAULT {row.expression}"

    def needs(self, row: ColumnRow) -> list[ObjectId]:
        found = list(self.type_ids.get(row.type_oid, ()))
        found += [self.sequences[oid].id for oid in row.uses if oid in self.sequences]
        owned = self._owned.get((row.relation, row.number))
        if owned and owned.dependency == "a" and owned.id not in found:
            found.append(owned.id)
        return found

    def counters(self, relation: Relation, rows: Sequence[ColumnRow]) -> Iterator[str]:
        """Identities continue where they are."""
        for row in rows:
            owned = self._owned.get((relation.oid, row.number))
            if owned and owned.dependency == "i" and owned.last is not None:
                of = f"pg_catalog.pg_get_serial_sequence({literal(sql_name(relation.name))}, {literal(row.name)})"
                yield f"SELECT pg_catalog.setval({of}, {owned.last}, true)"


def settings_of(row: ColumnRow) -> Iterator[tuple[str, str | None]]:
    yield "STORAGE", row.storage
    yield "COMPRESSION", row.compression
    yield "STATISTICS", str(row.statistics) if row.statistics >= 0 else None


def tail(relation: Relation) -> str:
    """What CREATE TABLE says behind the columns."""
    words = []
    if relation.partition_key:
        words.append(f" PARTITION BY {relation.partition_key}")
    if relation.method:
        words.append(f" USING {quoted(relation.method)}")
    if relation.options:
        words.append(f" WITH ({relation.options})")
    return "".join(words)
