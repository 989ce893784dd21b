"""A neutral table in this engine's terms as the schema objects that it would be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.postgresql.ddl import SERIALS, numbers_others, reached
from connectors.postgresql.definitions import ColumnText, Numbering, identity, implied
from connectors.postgresql.objects import ordered, remark, settled
from connectors.postgresql.objects_keys import check, foreign_key, index, key
from connectors.postgresql.objects_tables import Form, plain_table, sequence
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import sql_name
from connectors.postgresql.types import PgType, literal
from connectors.postgresql.wording import Wording, worded, written_names
from connectors.schema import Column, ForeignKey, Index, IndexPart, Table, TableName, quoted

DEFERRABLE = {"": "", "immediate": " DEFERRABLE", "deferred": " DEFERRABLE INITIALLY DEFERRED"}


def rendered(connection: Connection, table: Table) -> tuple[SchemaObject, ...]:
    """With the names that the table gives; a primary key and counters get those that the server would give."""
    written = written_names(connection, mentioned(table))
    with worded(connection, [(column.name, typed(column)) for column in table.columns]) as wording:
        made = Rendering(table, written, wording).objects()
        return tuple(map(settled, ordered(made)))


def mentioned(table: Table) -> Iterator[str]:
    yield from (column.name for column in table.columns)
    yield from (table.name.schema or "public", *(counter(table.name, column).name for column in table.columns))
    for reference in table.foreign_keys:
        yield from (reference.referenced.schema or "public", reference.referenced.name, *reference.referenced_columns)


def typed(column: Column) -> str:
    collation = column.type.collation if isinstance(column.type, PgType) else None
    return f"{column.type.native} COLLATE {collation}" if collation else column.type.native


def counter(table: TableName, column: Column) -> TableName:
    """What the server would call a serial column's sequence."""
    return TableName(table.schema, implied(table.name, column.name, "seq"))


class Rendering:
    """One table's objects."""

    def __init__(self, table: Table, written: Mapping[str, str], wording: Wording) -> None:
        self.table, self.name, self.written, self.wording = table, table.name, written, wording

    def objects(self) -> list[SchemaObject]:
        return [
            *self.counters(),
            *plain_table(
                Form(
                    self.name,
                    [(column.name, self.text(column)) for column in self.table.columns],
                    after=list(reached(self.table)),
                )
            ),
            *self.keys(),
            *(check(self.name, one.name, self.wording.check(one.expression)) for one in self.table.checks),
            *map(self.foreign_key, self.table.foreign_keys),
            *self.remarks(),
        ]

    def counters(self) -> Iterator[SchemaObject]:
        for column in self.table.columns:
            if counts_apart(column):
                yield sequence(counter(self.name, column), numbering(column), column.reached)

    def text(self, column: Column) -> ColumnText:
        collation = column.type.collation if isinstance(column.type, PgType) else None
        fill, settings = None, []
        if counts_apart(column):
            of = counter(self.name, column)
            fill = f"DEFAULT nextval({literal(self.qualified(of))}::regclass)"
            settings.append(f"OWNS {sql_name(of)}")
        elif column.counter:
            word = column.counter.removeprefix("identity ").upper()
            fill = identity(word, numbering(column))
        elif column.computed is not None:
            fill = f"GENERATED ALWAYS AS {self.wording.computed(typed(column), column.computed)} STORED"
        elif column.default is not None:
            fill = f"DEFAULT {self.wording.default(column.name, column.default)}"
        never_null = not column.nullable or (column.counter is not None and not counts_apart(column))
        return ColumnText(column.type.native, collation, fill, never_null, tuple(settings))

    def keys(self) -> Iterator[SchemaObject]:
        if self.table.primary_key:
            columns = self.listed(self.table.primary_key)
            name = implied(self.name.name, "", "pkey")
            yield key(self.name, name, f"PRIMARY KEY ({columns})", f"USING btree ({columns})")
        for one in self.table.indexes:
            body = self.body(one)
            include = f" INCLUDE ({self.listed(one.include)})" if one.include else ""
            if one.constraint and all(part.column for part in one.parts) and not one.where:
                columns = self.listed([part.column for part in one.parts if part.column])
                yield key(self.name, one.name, f"UNIQUE ({columns}){include}", body)
            else:
                computed = one.where is not None or any(part.expression for part in one.parts)
                yield index(self.name, one.name, body, unique=one.unique, computed=computed)

    def body(self, one: Index) -> str:
        parts = ", ".join(map(self.part, one.parts))
        include = f" INCLUDE ({self.listed(one.include)})" if one.include else ""
        where = f" WHERE ({one.where})" if one.where is not None else ""
        body = f"USING {one.method or 'btree'} ({parts}){include}{where}"
        return self.wording.index(body) if where or any(part.expression for part in one.parts) else body

    def part(self, part: IndexPart) -> str:
        shown = self.written[part.column] if part.column else f"({part.expression})"
        return f"{shown} DESC" if part.descending else shown

    def foreign_key(self, reference: ForeignKey) -> SchemaObject:
        actions = "".join(
            f" ON {when} {action}"
            for when, action in (("UPDATE", reference.on_update), ("DELETE", reference.on_delete))
            if action != "NO ACTION"
        )
        referenced = self.qualified(reference.referenced)
        definition = (
            f"FOREIGN KEY ({self.listed(reference.columns)}) REFERENCES {referenced}"
            f"({self.listed(reference.referenced_columns)}){actions}{DEFERRABLE[reference.deferrable]}"
        )
        return foreign_key(self.name, reference.name, definition, reference.referenced, partitioned=False)

    def remarks(self) -> Iterator[SchemaObject]:
        table = ObjectId(ObjectKind.TABLE, self.name, str(self.name))
        if self.table.comment:
            yield remark(table, f"TABLE {sql_name(self.name)}", self.table.comment)
        for column in self.table.columns:
            if column.comment:
                called = f"COLUMN {sql_name(self.name)}.{quoted(column.name)}"
                yield remark(table, called, column.comment, column.name)

    def listed(self, columns: tuple[str, ...] | list[str]) -> str:
        return ", ".join(self.written[column] for column in columns)

    def qualified(self, name: TableName) -> str:
        return f"{self.written[name.schema or 'public']}.{self.written[name.name]}"


def counts_apart(column: Column) -> bool:
    """Whether its numbers come from a sequence that is an object of its own."""
    return column.counter == "serial" or numbers_others(column)


def numbering(column: Column) -> Numbering:
    type_ = column.type.native if column.type.native in SERIALS else "bigint"
    return Numbering.usual(type_) if column.counting is None else Numbering.of(type_, column.counting)
