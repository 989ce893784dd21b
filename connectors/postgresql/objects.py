"""All objects of a database in the server's own words, with a few questions whatever their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from connectors.objects import ObjectId, ObjectKind, Objects, SchemaObject
from connectors.postgresql import objects_sql as sql
from connectors.postgresql import types
from connectors.postgresql.catalog import unqualified
from connectors.postgresql.definitions import as_read_back, comment, holds_values, literals
from connectors.postgresql.objects_keys import ConstraintRow, IndexRow, keys_and_indexes, statistics
from connectors.postgresql.objects_tables import ColumnRow, Relation, SequenceRow, Tables, View
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import sql_name
from connectors.schema import TableName, quoted

ORDER = {kind: number for number, kind in enumerate(ObjectKind)}


def read(connection: Connection) -> Objects:
    """Inside the source's snapshot, or on a target."""
    with unqualified(connection):
        return Reading(connection).objects()


class Reading:
    """What the catalog says, and the objects made of it."""

    def __init__(self, connection: Connection) -> None:
        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query.encode()).fetchall()

        self.members = frozenset(rows(sql.MEMBERS))
        self.types = types.load(connection)
        self.schema_rows = [row for row in rows(sql.SCHEMAS) if ("pg_namespace", row[0]) not in self.members]
        self.type_rows = [row for row in rows(sql.TYPES) if ("pg_type", row[0]) not in self.members]
        self.relations = {row[0]: Relation(*row) for row in self.own(rows(sql.RELATIONS))}
        columns = defaultdict(list)
        for row in rows(sql.columns(connection.info.server_version)):
            columns[row[0]].append(ColumnRow(*row))
        self.columns = columns
        self.sequences = {row[0]: SequenceRow(*row) for row in self.own(rows(sql.SEQUENCES))}
        self.indexes = {row[0]: IndexRow(*row) for row in rows(sql.INDEXES)}
        self.constraints = {row[0]: ConstraintRow(*row) for row in rows(sql.CONSTRAINTS)}
        self.statistics = rows(sql.STATISTICS)
        self.comments = rows(sql.COMMENTS)
        self.view_needs = defaultdict(list)
        for view, used in rows(sql.VIEW_NEEDS):
            self.view_needs[view].append(used)
        self.uses_rows = rows(sql.USES)
        self.left: list[tuple[str, str]] = [(kind, name) for kind, name in rows(sql.LEFT)]
        self.known: dict[tuple[str, int], tuple[ObjectId, str]] = {}
        """By catalog and number: the object, and how SQL calls it."""

    def own(self, rows: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        return (row for row in rows if ("pg_class", row[0]) not in self.members)

    def objects(self) -> Objects:
        made = [
            *self.schemas(),
            *self.own_types(),
            *self.tables(),
            *self.keys(),
            *self.views(),
        ]
        made += sorted(self.remarks(), key=lambda one: str(one.id))
        uses = self.uses()
        found = (replace(settled(one), uses=tuple(uses.get(one.id, ()))) for one in ordered(made))
        return Objects(tuple(found), tuple(self.left))

    def uses(self) -> Mapping[ObjectId, list[tuple[str, str]]]:
        """What the objects take of what is never carried. A default is its table's, and its column's."""
        found: dict[ObjectId, list[tuple[str, str]]] = defaultdict(list)
        for catalog, oid, column, kind, name in self.uses_rows:
            if (catalog, oid) in self.known:
                of, _ = self.known[catalog, oid]
                for id_ in (of, *([ObjectId(ObjectKind.COLUMN, of.table, column)] if column else [])):
                    found[id_].append((kind, name))
        return {id_: list(dict.fromkeys(used)) for id_, used in found.items()}

    def schemas(self) -> Iterator[SchemaObject]:
        for oid, name in self.schema_rows:
            id_ = ObjectId(ObjectKind.SCHEMA, None, name)
            self.known["pg_namespace", oid] = id_, f"SCHEMA {quoted(name)}"
            statement = f"CREATE SCHEMA {quoted(name)}"
            yield SchemaObject(id_, statement, (statement,), (f"DROP SCHEMA {quoted(name)}",))

    def type_ids(self) -> Mapping[str, ObjectId]:
        """Of our own types, by what the server calls them; a table's row type is the table."""
        found = {
            self.types.rows[oid].shown: ObjectId(ObjectKind.TYPE, None, str(TableName(schema, name)))
            for oid, schema, name, _ in self.type_rows
        }
        return found | {relation.written: relation.id for relation in self.relations.values()}

    def own_types(self) -> Iterator[SchemaObject]:
        ids = self.type_ids()
        for oid, schema, name, relation in self.type_rows:
            row = self.types.rows[oid]
            id_, statement, called = ids[row.shown], types.statement(row), sql_name(TableName(schema, name))
            if statement is None:
                self.left.append(("type", row.shown))
                continue
            word = "DOMAIN" if row.kind == "d" else "TYPE"
            self.known["pg_type", oid] = self.known["pg_class", relation] = id_, f"{word} {called}"
            needs = dict.fromkeys(ids[inner.name] for inner in self.types.needed(oid) if inner.name in ids)
            yield SchemaObject(
                id_,
                statement,
                (statement,),
                (f"DROP {word} {called}",),
                needs=tuple(need for need in needs if need != id_),
                literals=(statement,) if row.kind == "e" or (row.kind == "d" and valued_domain(row)) else (),
            )

    def needed_types(self) -> Mapping[int, tuple[ObjectId, ...]]:
        """By the number of a column's type."""
        ids = self.type_ids()
        used = {row.type_oid for rows in self.columns.values() for row in rows}
        found = {oid: [ids[type_.name] for type_ in self.types.needed(oid) if type_.name in ids] for oid in used}
        return {oid: tuple(dict.fromkeys(needs)) for oid, needs in found.items() if needs}

    def tables(self) -> Iterator[SchemaObject]:
        for relation in self.relations.values():
            word = {"v": "VIEW", "m": "MATERIALIZED VIEW"}.get(relation.kind, "TABLE")
            self.known["pg_class", relation.oid] = relation.id, f"{word} {sql_name(relation.name)}"
        for row in self.sequences.values():
            if row.dependency != "i":
                self.known["pg_class", row.oid] = row.id, f"SEQUENCE {sql_name(row.name)}"
        own = {oid: row for oid, row in self.sequences.items() if row.owner is None or row.owner in self.relations}
        yield from Tables(self.relations, self.columns, own, self.needed_types()).objects()

    def keys(self) -> Iterator[SchemaObject]:
        for oid, made in keys_and_indexes(self.relations, self.indexes, self.constraints):
            table = made.id.table
            if made.id.kind is ObjectKind.INDEX and table is not None:
                name = sql_name(TableName(table.schema, made.id.name))
                self.known["pg_class", oid] = made.id, f"INDEX {name}"
            elif table is not None:
                called = f"CONSTRAINT {quoted(made.id.name)} ON {sql_name(table)}"
                self.known["pg_constraint", oid] = made.id, called
            yield made
        for oid, of, schema, name, definition in self.statistics:
            if of in self.relations:
                made = statistics(self.relations[of].name, TableName(schema, name), definition)
                self.known["pg_statistic_ext", oid] = made.id, f"STATISTICS {sql_name(TableName(schema, name))}"
                yield made

    def views(self) -> Iterator[SchemaObject]:
        for relation in self.relations.values():
            if relation.view is None:
                continue
            word = "VIEW" if relation.kind == "v" else "MATERIALIZED VIEW"
            query = relation.view.strip().removesuffix(";")
            options = f" WITH ({relation.options})" if relation.options else ""
            data = "" if relation.kind == "v" or relation.populated else " WITH NO DATA"
            method = f" USING {quoted(relation.method)}" if relation.method else ""
            yield View(
                relation.id,
                f"{word}{options} AS {query}",
                (f"CREATE {word} {sql_name(relation.name)}{method}{options} AS {query}{data}",),
                (f"DROP {word} {sql_name(relation.name)}",),
                needs=tuple(
                    self.relations[used].id for used in self.view_needs[relation.oid] if used in self.relations
                ),
                literals=literals(query),
                columns=tuple(zip(relation.columns, relation.column_types, strict=True)),
                stored=relation.kind == "m",
            )

    def remarks(self) -> Iterator[SchemaObject]:
        for catalog, oid, number, column, text in self.comments:
            if (catalog, oid) not in self.known:
                continue
            of, called = self.known[catalog, oid]
            if number and of.kind not in (ObjectKind.TABLE, ObjectKind.VIEW):
                continue
            relation = self.relations.get(oid)
            if number and relation:
                called = f"COLUMN {sql_name(relation.name)}.{quoted(column)}"
            yield remark(of, called, text, column if number else None)


def remark(of: ObjectId, called: str, text: str, column: str | None = None) -> SchemaObject:
    """A comment on an object, or on a column of it; `called` is how SQL names what it is on."""
    needs = ObjectId(ObjectKind.COLUMN, of.table, column) if column and of.table else of
    name = f"{needs.kind.value} {needs.name}" if needs.kind is not ObjectKind.TABLE else needs.kind.value
    if column and of.table is None:
        name = f"column {column} of {name}"
    create = comment(called, text)
    return SchemaObject(
        ObjectId(ObjectKind.COMMENT, of.table, name),
        text,
        (create,),
        (comment(called, None),),
        needs=(needs,),
        literals=(create,),
    )


def valued_domain(row: types.TypeRow) -> bool:
    return any(map(holds_values, (*row.parts, row.default or "")))


def settled(one: SchemaObject) -> SchemaObject:
    """In the words that stay the same however often they are written and read."""
    return replace(one, definition=as_read_back(one.definition), literals=tuple(map(as_read_back, one.literals)))


def ordered(made: Iterable[SchemaObject]) -> Iterator[SchemaObject]:
    """In the order of their kinds, and each behind what it needs."""
    by_id = {one.id: one for one in made}
    done: set[ObjectId] = set()

    def place(one: SchemaObject) -> Iterator[SchemaObject]:
        if one.id in done:
            return
        done.add(one.id)
        for need in one.needs:
            if need in by_id:
                yield from place(by_id[need])
        yield one

    for one in sorted(by_id.values(), key=lambda one: ORDER[one.id.kind]):
        yield from place(one)
