"""Another engine's table as objects of this one.

The server itself says how it would show them: the table is made as a temporary one, which nobody else sees and which is gone
at once, and its definition read back. What a temporary table cannot have, or a user who may make none, is told in our words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from connectors.errors import ConnectorError
from connectors.mysql.canonical import numbers, quoted
from connectors.mysql.catalog import OURS, TRANSACTIONAL
from connectors.mysql.ddl import WIDTHS, counting, telling, typed
from connectors.mysql.definitions import Definition, definition
from connectors.mysql.limits import CUT, KEY_BYTES, LONG, size
from connectors.mysql.objects import parts_of
from connectors.mysql.session import Session
from connectors.mysql.types import identifier, type_of
from connectors.objects import SchemaObject
from connectors.schema import Column, ForeignKey, Index, IndexPart, Table

SCRATCH = f"{OURS}rendered"
PLAIN_DEFAULT = ("'", "-", "+", "(", "current_timestamp", "null", "true", "false", *"0123456789")
SPECIAL = ("fulltext", "spatial")


def rendered(session: Session, table: Table) -> tuple[SchemaObject, ...]:
    widths = dict(session.rows(WIDTHS))
    collation = telling(session)
    columns = [_column(session, table, column, collation) for column in table.columns]
    checks = [f"CONSTRAINT {identifier(check.name)} CHECK ({check.expression})" for check in table.checks]
    keys = list(_keys(table, widths, session.flavour == "MySQL"))
    behind = f"ENGINE={TRANSACTIONAL} DEFAULT CHARSET=utf8mb4 COLLATE={collation}"
    behind += f" COMMENT={quoted(table.comment)}" if table.comment else ""
    behind += counting(table)
    ordinary = [key for key in keys if not key.startswith(("FULLTEXT", "SPATIAL"))]
    shown = _shown(session, [*columns, *ordinary, *checks], behind)
    own = _read([*columns, *keys, *checks, *map(_foreign, table.foreign_keys)], behind, table, collation)
    if shown is not None:
        own = replace(own, columns=shown.columns, checks=shown.checks, options=shown.options,
                      keys=(*shown.keys, *(key for key in own.keys if key.kind in ("FULLTEXT", "SPATIAL"))))  # fmt: skip
    return tuple(parts_of(own))


def _shown(session: Session, items: list[str], behind: str) -> Definition | None:
    """How the server shows it; None where our user may not ask so, or the server would not make such a table."""
    name = identifier(SCRATCH)
    try:
        session.run(f"DROP TEMPORARY TABLE IF EXISTS {name}")
        session.run(f"CREATE TEMPORARY TABLE {name} ({', '.join(items)}) {behind}")
        text = session.shown(f"SHOW CREATE TABLE {name}")
        fields = session.rows(f"SHOW FULL COLUMNS FROM {name}")
        session.run(f"DROP TEMPORARY TABLE {name}")
    except ConnectorError as error:
        if error.retryable:
            raise
        return None
    return definition(text, "", {row[0]: (row[2].split("_")[0], row[2]) for row in fields if row[2]})


def _read(items: list[str], behind: str, table: Table, collation: str) -> Definition:
    collations = {
        c.name: ("utf8mb4", collation) for c in table.columns if type_of(c).charset and type_of(c).base != "json"
    }
    return definition(f"CREATE TABLE {identifier(table.name.name)} ({', '.join(items)}) {behind}", "", collations)


def _column(session: Session, table: Table, column: Column, collation: str) -> str:
    words = [typed(column, collation)]
    if column.computed is not None:
        kept = "STORED" if column.stored else "VIRTUAL"
        comment = [f"COMMENT {quoted(column.comment)}"] if column.comment else []
        return " ".join([*words, f"GENERATED ALWAYS AS ({column.computed}) {kept}", *comment])
    must = not column.nullable or column.counter or column.name in table.primary_key
    words.append("NOT NULL" if must else "NULL" if type_of(column).base == "timestamp" else "")
    if column.default is not None and not column.counter:
        plain = session.flavour == "MariaDB" or (
            type_of(column).base not in LONG and column.default.lower().startswith(PLAIN_DEFAULT)
        )
        words.append(f"DEFAULT {column.default}" if plain else f"DEFAULT ({column.default})")
    elif not must:
        words.append("DEFAULT NULL")
    words += [f"ON UPDATE current_timestamp({numbers(column.type.native)[0] or 0})"] * column.renewed
    words += ["AUTO_INCREMENT"] * bool(column.counter)
    words += [f"COMMENT {quoted(column.comment)}"] if column.comment else []
    return " ".join(word for word in words if word)


def _keys(table: Table, widths: Mapping[str, int], expressions: bool) -> Iterator[str]:
    """The primary key, indexes, and those that the counter and foreign keys need: the server would make these itself."""
    first: list[tuple[str, ...]] = []
    if table.primary_key:
        first.append(table.primary_key)
        yield f"PRIMARY KEY ({','.join(map(identifier, table.primary_key))})"
    for index in table.indexes:
        if any(part.column is None for part in index.parts) and not expressions:
            continue
        first.append(tuple(part.column or "" for part in index.parts))
        yield _index(table, index, widths)
    for column in table.columns:
        if column.counter and not any(columns[:1] == (column.name,) for columns in first):
            first.append((column.name,))
            yield f"KEY {identifier(column.name)} ({identifier(column.name)})"
    for key in table.foreign_keys:
        if not any(columns[: len(key.columns)] == key.columns for columns in first):
            first.append(key.columns)
            yield f"KEY {identifier(key.name)} ({','.join(map(identifier, key.columns))})"


def _index(table: Table, index: Index, widths: Mapping[str, int]) -> str:
    special = (index.method or "").lower() if not index.unique else ""
    if special in SPECIAL:
        columns = ",".join(identifier(part.column) for part in index.parts if part.column)
        return f"{special.upper()} KEY {identifier(index.name)} ({columns})"
    left, parts = KEY_BYTES, []
    for part in index.parts:
        text, taken = _part(table, part, widths, None if index.unique else left)
        left -= taken
        parts.append(text)
    return f"{'UNIQUE ' * index.unique}KEY {identifier(index.name)} ({','.join(parts)})"


def _part(table: Table, part: IndexPart, widths: Mapping[str, int], left: int | None) -> tuple[str, int]:
    """Of what is too long for the bytes that are `left`, the first characters count; of a unique key's, all do."""
    down = " DESC" * part.descending
    if part.column is None:
        return f"({part.expression}){down}", 0
    column, length = table.column(part.column), part.length
    width, whole = widths.get(type_of(column).charset or "", 1), size(column, widths)
    endless = type_of(column).base in LONG
    if length is None and left is not None and (endless or whole > left):
        length = max(1, min(left // width, CUT if endless else KEY_BYTES))
    return identifier(part.column) + (f"({length})" if length else "") + down, length * width if length else whole


def _foreign(key: ForeignKey) -> str:
    """NO ACTION and RESTRICT are one here, and what the server does if nothing is said."""
    ours, theirs = (",".join(map(identifier, columns)) for columns in (key.columns, key.referenced_columns))
    text = f"CONSTRAINT {identifier(key.name)} FOREIGN KEY ({ours}) REFERENCES {identifier(key.referenced.name)} ({theirs})"
    for when, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update)):
        text += f" ON {when} {action}" if action not in ("NO ACTION", "RESTRICT") else ""
    return text
