"""The objects of a database: tables taken apart, sequences, views, and what never travels.

A table is made with its primary key, by which InnoDB stores it, the key that its counter needs, and its checks and those
indexes for which it would be rewritten later. Everything else is added by an ALTER of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from connectors.errors import ConnectorError, PermissionMissing
from connectors.mysql.catalog import OURS, TRANSACTIONAL
from connectors.mysql.definitions import ColumnWords, Definition, KeyWords, definition
from connectors.mysql.left import left
from connectors.mysql.session import Session
from connectors.mysql.types import identifier
from connectors.mysql.views import views
from connectors.mysql.words import holds_values, pieces
from connectors.objects import ObjectId, ObjectKind, Objects, SchemaObject
from connectors.schema import TableName

HERE = "= DATABASE()"
TABLES = f"""
SELECT table_name, table_type, coalesce(engine, '') FROM information_schema.tables WHERE table_schema {HERE} ORDER BY table_name
"""
COLLATIONS = f"""
SELECT table_name, column_name, character_set_name, collation_name FROM information_schema.columns
WHERE table_schema {HERE} AND collation_name IS NOT NULL
"""
SEQUENCE = "SELECT next_not_cached_value, minimum_value, maximum_value FROM {0}"

STORING = frozenset({TRANSACTIONAL, "MyISAM", "Aria", "MEMORY", "ARCHIVE", "CSV", "ROCKSDB", "TokuDB", "ndbcluster"})
"""Engines that keep the rows themselves. Others say in a table's definition where to find them, with a password perhaps."""
REBUILDING = ("FULLTEXT", "SPATIAL", "VECTOR")
"""Kinds of indexes for which the server copies a table that is there, as it does for unique keys by hash."""
ANYWHERE = ("DEFAULT CHARSET", "COLLATE", "COMMENT", "WITH SYSTEM VERSIONING")
"""Options that mean the same whatever the engine."""
VALUED = ("DEFAULT ", "COMMENT ", "CHECK ", "GENERATED ", "AS ")
"""Clauses of a column in which values may stand."""
CLOCK = re.compile(r"^DEFAULT current_timestamp\(\d?\)$", re.IGNORECASE)
ABSENT = ("1146", "1347", "4089", "1051")
"""Dropped while we were reading."""

Collations = Mapping[str, Mapping[str, tuple[str, str]]]


def objects(session: Session) -> Objects:
    """All but our own bookkeeping."""
    database = str(session.value("SELECT DATABASE()"))
    collations = collated(session)
    kinds = [
        (str(name), str(kind), str(engine)) for name, kind, engine in session.rows(TABLES) if not name.startswith(OURS)
    ]
    seen, aside = left(session), []
    made: list[SchemaObject] = []
    for name, kind, engine in kinds:
        try:
            if kind == "SEQUENCE":
                made += sequence(session, name)
            elif kind not in ("VIEW", "SYSTEM VIEW"):
                found, lost = _carried(session, name, engine, database, collations)
                made += found
                aside += lost
        except PermissionMissing:
            aside.append(
                ("sequence" if kind == "SEQUENCE" else "table", f"{name}, whose definition our user may not see")
            )
    shown, unshown = views(
        session, database, [name for name, kind, _ in kinds if kind == "VIEW"], {name for name, *_ in kinds}
    )
    order = list(ObjectKind)
    made.sort(key=lambda one: order.index(one.id.kind))
    return Objects((*made, *shown), tuple(sorted([*seen, *aside, *unshown])))


def _carried(
    session: Session, name: str, engine: str, database: str, collations: Collations
) -> tuple[list[SchemaObject], list[tuple[str, str]]]:
    """What travels of a table, and what does not."""
    if engine not in STORING:
        return [], [("table", f"{name}, whose rows the engine {engine or 'of none'} keeps elsewhere")]
    found = described(session, name, database, collations)
    lost = [("storage engine", f"{engine} of {name}")] if engine != TRANSACTIONAL else []
    for table in found:
        lost += [("foreign key", f"{key.name} of {name}, to another database") for key in table.foreign if key.database]
    return [one for table in found for one in parts_of(table)], lost


def collated(session: Session, table: str | None = None) -> Collations:
    found: dict[str, dict[str, tuple[str, str]]] = {}
    only = "" if table is None else " AND table_name = %s"
    for name, column, charset, collation in session.rows(COLLATIONS + only, () if table is None else (table,)):
        found.setdefault(name, {})[column] = (charset, collation)
    return found


def described(session: Session, name: str, database: str, collations: Collations) -> list[Definition]:
    """One, or none where the table has just been dropped."""
    try:
        text = session.shown(f"SHOW CREATE TABLE {identifier(name)}")
    except ConnectorError as error:
        if error.code in ABSENT:
            return []
        raise
    return [definition(text, database, collations.get(name, {}))]


def parts_of(table: Definition) -> Iterator[SchemaObject]:
    """A table and everything that is its own. Foreign keys to other databases are left behind."""
    kept = replace(table, foreign=tuple(key for key in table.foreign if key.database is None))
    yield _table(kept)
    counting = kept.counting()
    yield from (column_object(kept.name, one, counting if one.counts else None) for one in kept.columns)
    for one in sorted(kept.keys, key=lambda key: key.name):
        yield key_object(kept.name, one, kept.counts if one == counting else None)
    name, alter = TableName(None, kept.name), f"ALTER TABLE {identifier(kept.name)}"
    for check in sorted(kept.checks, key=lambda check: check.name):
        drop = f"{alter} DROP CONSTRAINT {identifier(check.name)}"
        yield SchemaObject(ObjectId(ObjectKind.CHECK, name, check.name), check.text, (f"{alter} ADD {check.text}",), (drop,),
                           inline=True, literals=_literal(check.text))  # fmt: skip
    for key in sorted(kept.foreign, key=lambda key: key.name):
        parent = ObjectId(ObjectKind.TABLE, TableName(None, key.referenced), key.referenced)
        drop = f"{alter} DROP FOREIGN KEY {identifier(key.name)}"
        yield SchemaObject(ObjectId(ObjectKind.FOREIGN_KEY, name, key.name), key.text, (f"{alter} ADD {key.text}",), (drop,),
                           needs=(parent,) if key.referenced != kept.name else ())  # fmt: skip


def _table(table: Definition) -> SchemaObject:
    counting = table.counting()
    items = [str(column) for column in table.columns]
    items += [key.text for key in table.keys if key == counting or key_object(table.name, key).inline]
    items += [check.text for check in table.checks]
    options, partitions = _storage(table), table.partitions
    counter = f" AUTO_INCREMENT={table.counter}" if table.counter else ""
    create = (
        f"CREATE TABLE {identifier(table.name)} (\n  " + ",\n  ".join([*items, *table.rest]) + f"\n) {options}{counter}"
    )
    needs = dict.fromkeys(name for column in table.columns for name in column.sequences)
    return SchemaObject(
        ObjectId(ObjectKind.TABLE, TableName(None, table.name), table.name),
        "\n".join(filter(None, [*table.rest, options, partitions])),
        (f"{create}\n{partitions}".strip(),),
        (f"DROP TABLE {identifier(table.name)}",),
        needs=tuple(ObjectId(ObjectKind.SEQUENCE, None, name) for name in needs),
        literals=tuple(clause for clause in (table.option("COMMENT"), partitions) if holds_values(clause)),
    )


def _storage(table: Definition) -> str:
    """Options of a table as it is made anywhere: only transactional tables can be copied into."""
    if table.option("ENGINE") == f"ENGINE={TRANSACTIONAL}":
        return " ".join(table.options)
    kept = [option for option in table.options if option.startswith(ANYWHERE)]
    return " ".join([f"ENGINE={TRANSACTIONAL}", *kept])


def column_object(table: str, column: ColumnWords, key: KeyWords | None = None) -> SchemaObject:
    """A column, with the key that it cannot be without."""
    alter, name = f"ALTER TABLE {identifier(table)}", identifier(column.name)
    telling = [column.type] * column.type.startswith(("enum(", "set("))
    telling += [clause for clause in column.clauses if clause.startswith(VALUED) and not CLOCK.match(clause)]
    return SchemaObject(
        ObjectId(ObjectKind.COLUMN, TableName(None, table), column.name),
        str(column),
        (f"{alter} ADD COLUMN {column}" + (f", ADD {key.text}" if key else ""),),
        (f"{alter} DROP COLUMN {name}",),
        inline=True,
        needs=tuple(ObjectId(ObjectKind.SEQUENCE, None, one) for one in column.sequences),
        literals=tuple(f"{name} {clause}" for clause in telling if holds_values(clause)),
        additive=bool(column.nullable or column.computed or column.clause("DEFAULT")),
    )


def key_object(table: str, key: KeyWords, counter: str | None = None) -> SchemaObject:
    """A key or index; `counter`: the column that cannot be without it."""
    kind = {"PRIMARY": ObjectKind.PRIMARY_KEY, "UNIQUE": ObjectKind.UNIQUE}.get(key.kind, ObjectKind.INDEX)
    alter = f"ALTER TABLE {identifier(table)}"
    drop = "DROP PRIMARY KEY" if kind is ObjectKind.PRIMARY_KEY else f"DROP KEY {identifier(key.name)}"
    return SchemaObject(
        ObjectId(kind, TableName(None, table), key.name),
        key.text,
        (f"{alter} ADD {key.text}",),
        (f"{alter} {drop}",),
        inline=kind is ObjectKind.PRIMARY_KEY
        or bool(counter)
        or key.kind in REBUILDING
        or key.text.endswith("USING HASH"),
        needs=(ObjectId(ObjectKind.COLUMN, TableName(None, table), counter),) if counter else (),
        literals=_literal(key.text) if "'" in key.text else (),
    )


def _literal(text: str) -> tuple[str, ...]:
    return (text,) if holds_values(text) else ()


def sequence(session: Session, name: str) -> Iterator[SchemaObject]:
    """Its next value travels, but says nothing about whether two are equal."""
    try:
        [(_, text, *_)] = session.rows(f"SHOW CREATE SEQUENCE {identifier(name)}")
        [(value, least, most)] = session.rows(SEQUENCE.format(identifier(name)))
    except ConnectorError as error:
        if error.code in ABSENT:
            return
        raise
    words = pieces(str(text))[3:]
    rules = " ".join(word for word in words if not word.startswith("ENGINE="))
    going_on = f"SELECT SETVAL({identifier(name)}, {value}, 0)"
    if not int(least) <= int(value) <= int(most):  # it has given out its last one
        going_on = f"SELECT SETVAL({identifier(name)}, {most if int(value) > int(most) else least}, 1)"
    yield SchemaObject(
        ObjectId(ObjectKind.SEQUENCE, None, name),
        rules,
        (f"CREATE SEQUENCE {identifier(name)} {rules}", going_on),
        (f"DROP SEQUENCE {identifier(name)}",),
    )
