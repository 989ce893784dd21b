"""The catalog of a database as the neutral schema.

`information_schema` shows our user what it may see, and of what it may only read in part. It is never part of a snapshot.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.mysql.letter_case import LetterCase
from connectors.mysql.session import Session
from connectors.mysql.types import column_type, type_of
from connectors.schema import Column, ForeignKey, Key, Schema, Table, TableName

OURS = "_dbagent_"
"""What the names of our own bookkeeping tables start with."""
TRANSACTIONAL = "InnoDB"
OTHER = {"VIEW": "view", "SYSTEM VIEW": "view", "SEQUENCE": "sequence"}

HERE = "= DATABASE()"
TABLES = f"""
SELECT table_name, table_type, coalesce(engine, ''), coalesce(table_rows, 0), coalesce(data_length, 0),
  coalesce(create_options, ''), coalesce(table_comment, '')
FROM information_schema.tables WHERE table_schema {HERE}
"""
COLUMNS = f"""
SELECT table_name, column_name, data_type, column_type, is_nullable = 'YES', column_default IS NOT NULL, extra,
  character_set_name, collation_name, coalesce(generation_expression, ''), privileges
FROM information_schema.columns WHERE table_schema {HERE} ORDER BY table_name, ordinal_position
"""
INDEXES = f"""
SELECT table_name, index_name, column_name, sub_part, %s
FROM information_schema.statistics WHERE table_schema {HERE} AND non_unique = 0
ORDER BY table_name, index_name = 'PRIMARY' DESC, index_name, seq_in_index
"""
FOREIGN_KEYS = f"""
SELECT table_name, constraint_name, column_name, nullif(referenced_table_schema, DATABASE()), referenced_table_name,
  referenced_column_name
FROM information_schema.key_column_usage WHERE table_schema {HERE} AND referenced_table_name IS NOT NULL
ORDER BY table_name, constraint_name, ordinal_position
"""
TRIGGERS = f"""
SELECT event_object_table, trigger_name FROM information_schema.triggers
WHERE event_object_schema {HERE} AND event_manipulation = 'INSERT' ORDER BY 1, 2
"""
CHECKS = f"""
SELECT table_name, check_clause FROM information_schema.check_constraints WHERE constraint_schema {HERE}
"""
JSON_COLLATION = "utf8mb4_bin"
IS_JSON = re.compile(r"^json_valid\(`((?:[^`]|``)+)`\)$")
IN_QUOTES = re.compile(r"`((?:[^`]|``)+)`")


@dataclass(frozen=True)
class Detail:
    """What only this folder remembers of a table."""

    engine: str = TRANSACTIONAL
    versioned: bool = False
    """MariaDB keeps former rows of it."""
    partitioned: bool = False
    expressions: tuple[tuple[str, str], ...] = ()
    """Generated column → its clause."""
    defaults: frozenset[str] = frozenset()
    """Columns that need no value of ours."""
    hidden: frozenset[str] = frozenset()
    """INVISIBLE columns."""
    prefixes: tuple[tuple[str, int], ...] = ()
    """Columns of the primary key of which it holds the first characters only."""

    def for_tasks(self) -> Detail:
        return Detail()


def detail(table: Table) -> Detail:
    """A table in another engine's place, or changed by a mapping, has nothing of its own to remember."""
    if table.detail is None:
        return Detail()
    assert isinstance(table.detail, Detail)
    return table.detail


def introspect(session: Session) -> Schema:
    """Every table our user can see, but our own bookkeeping."""
    kinds = [row for row in session.rows(TABLES) if not row[0].startswith(OURS)]
    columns, indexes = _by_table(session.rows(COLUMNS)), _by_table(session.rows(_indexes(session)))
    foreign, triggers = _by_table(session.rows(FOREIGN_KEYS)), _by_table(session.rows(TRIGGERS))
    json = _json_columns(session) if session.flavour == "MariaDB" else frozenset()
    cases, tables = LetterCase(session), []
    for name, kind, engine, rows, size, options, _ in kinds:
        if kind in OTHER or not columns[name]:
            continue
        about = Detail(engine=engine, versioned=kind == "SYSTEM VERSIONED", partitioned="partitioned" in options)
        table = _keyed(_shaped(name, columns[name], about, json, cases), indexes[name], foreign[name])
        width = int(rows) * sum(_width(column) for column in table.columns)
        tables.append(
            replace(
                table,
                rows=int(rows),
                bytes=max(int(size), width) if rows else 0,
                notes=tuple(_notes(table)),
                hooks=tuple(f"trigger {trigger}" for _, trigger in triggers[name]),
            )
        )
    other = [(TableName(None, name), OTHER[kind]) for name, kind, *_ in kinds if kind in OTHER]
    return Schema(tuple(sorted(tables, key=lambda table: table.name.name)), tuple(sorted(other)))


def _by_table(rows: Iterable[tuple[Any, ...]]) -> defaultdict[str, list[tuple[Any, ...]]]:
    found: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


def _indexes(session: Session) -> str:
    """Keys over expressions came with MySQL 8.0.13; MariaDB has none."""
    return INDEXES % ("expression" if session.flavour == "MySQL" and session.version >= (8, 0, 13) else "NULL")


def _json_columns(session: Session) -> frozenset[tuple[str, str]]:
    """MariaDB's JSON is a text that a CHECK keeps everything else out of."""
    found = ((table, IS_JSON.match(clause)) for table, clause in session.rows(CHECKS))
    return frozenset((table, match[1].replace("``", "`")) for table, match in found if match)


def _shaped(
    name: str, rows: Sequence[tuple[Any, ...]], about: Detail, json: frozenset[tuple[str, str]], cases: LetterCase
) -> Table:
    columns, expressions, defaults, hidden, readable = [], [], set(), set(), True
    for _, column, base, declared, nullable, default, extra, charset, collation, expression, privileges in rows:
        words = extra.upper()
        generated = "GENERATED" in words.replace("DEFAULT_GENERATED", "")
        counter = "auto_increment" if "AUTO_INCREMENT" in words else None
        is_json = base == "longtext" and collation == JSON_COLLATION and (name, column) in json
        type_ = column_type(declared, base.lower(), charset, collation, is_json)
        columns.append(Column(column, type_, bool(nullable), generated, counter, cases.ignored(charset, collation)))
        if generated:
            stored = "STORED" if "STORED" in words or "PERSISTENT" in words else "VIRTUAL"
            expressions.append((column, f"({expression}) {stored}"))
        if default or counter or "DEFAULT_GENERATED" in words:
            defaults.add(column)
        if "INVISIBLE" in words:
            hidden.add(column)
        readable = readable and (generated or "select" in privileges.split(","))
    about = replace(about, expressions=tuple(expressions), defaults=frozenset(defaults), hidden=frozenset(hidden))
    return Table(TableName(None, name), tuple(columns), readable=readable, detail=about)


def _keyed(table: Table, indexes: list[tuple[Any, ...]], foreign: list[tuple[Any, ...]]) -> Table:
    primary: tuple[str, ...] = ()
    prefixes: tuple[tuple[str, int], ...] = ()
    uniques = []
    for index, parts in _grouped(indexes):
        columns = [column for _, _, column, _, _ in parts if column is not None]
        columns += [used for *_, text in parts for used in IN_QUOTES.findall(text or "") if used not in columns]
        if index == "PRIMARY":
            primary = tuple(columns)
            prefixes = tuple((column, int(length)) for _, _, column, length, _ in parts if length is not None)
        elif columns:
            uniques.append(Key(tuple(columns), all(part[2] is not None and part[3] is None for part in parts)))
    return replace(
        table,
        primary_key=primary,
        uniques=tuple(uniques),
        foreign_keys=tuple(
            ForeignKey(name, table.name, tuple(row[2] for row in rows), TableName(rows[0][3], rows[0][4]),
                       tuple(row[5] for row in rows))
            for name, rows in _grouped(foreign)
        ),
        detail=replace(detail(table), prefixes=prefixes),
    )  # fmt: skip


def _grouped(rows: Iterable[tuple[Any, ...]]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Rows of one index or foreign key, by its name."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        found.setdefault(row[1], []).append(row)
    return list(found.items())


def _width(column: Column) -> int:
    """Bytes that a value takes at least, for tables whose statistics lag behind their rows."""
    type_ = type_of(column)
    return (type_.bits or 64) // 8


def _notes(table: Table) -> Iterator[str]:
    about = detail(table)
    if about.engine != TRANSACTIONAL:
        yield f"its engine {about.engine} knows no snapshot: it is copied as it is while it is read"
    if about.versioned:
        yield "system-versioned: its present rows are copied, its history is not"
    if about.partitioned:
        yield "partitioned: copied as one table, and made without partitions where it is missing"
    odd = sorted({str(type_.charset) for type_ in map(type_of, table.columns) if type_.as_bytes and type_.charset})
    if odd:
        yield f"texts in {', '.join(odd)} are copied byte by byte"
