"""The catalog of a database as the neutral schema.

`information_schema` shows our user what it may see, and of what it may only read in part. It is never part of a snapshot.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.errors import ConnectorError
from connectors.mysql.canonical import quoted
from connectors.mysql.definitions import definition
from connectors.mysql.letter_case import LetterCase
from connectors.mysql.session import Session
from connectors.mysql.types import MyType, column_type, identifier, type_of
from connectors.mysql.words import ESCAPES
from connectors.schema import (
    Action,
    Check,
    Column,
    Counting,
    ForeignKey,
    Index,
    IndexPart,
    Key,
    Kind,
    Schema,
    Table,
    TableName,
)

OURS = "_dbagent_"
"""What the names of our own bookkeeping tables start with."""
TRANSACTIONAL = "InnoDB"
OTHER = {"VIEW": "view", "SYSTEM VIEW": "view", "SEQUENCE": "sequence"}

HERE = "= DATABASE()"
TABLES = f"""
SELECT table_name, table_type, coalesce(engine, ''), coalesce(table_rows, 0), coalesce(data_length, 0),
  coalesce(create_options, ''), nullif(table_comment, ''), auto_increment
FROM information_schema.tables WHERE table_schema {HERE}
"""
COLUMNS = f"""
SELECT table_name, column_name, data_type, column_type, is_nullable = 'YES', column_default, extra,
  character_set_name, collation_name, coalesce(generation_expression, ''), privileges, nullif(column_comment, '')
FROM information_schema.columns WHERE table_schema {HERE} ORDER BY table_name, ordinal_position
"""
INDEXES = f"""
SELECT table_name, index_name, column_name, sub_part, %s, non_unique = 0, coalesce(collation, 'A') = 'D', index_type
FROM information_schema.statistics WHERE table_schema {HERE}
ORDER BY table_name, index_name = 'PRIMARY' DESC, index_name, seq_in_index
"""
FOREIGN_KEYS = f"""
SELECT table_name, constraint_name, column_name, nullif(referenced_table_schema, DATABASE()), referenced_table_name,
  referenced_column_name
FROM information_schema.key_column_usage WHERE table_schema {HERE} AND referenced_table_name IS NOT NULL
ORDER BY table_name, constraint_name, ordinal_position
"""
RULES = f"""
SELECT table_name, constraint_name, delete_rule, update_rule FROM information_schema.referential_constraints
WHERE constraint_schema {HERE}
"""
TRIGGERS = f"""
SELECT event_object_table, trigger_name FROM information_schema.triggers
WHERE event_object_schema {HERE} AND event_manipulation = 'INSERT' ORDER BY 1, 2
"""
CHECKS = f"""
SELECT table_name, constraint_name, check_clause FROM information_schema.check_constraints
WHERE constraint_schema {HERE} ORDER BY table_name, constraint_name
"""
CHECKS_OF_MYSQL = f"""
SELECT t.table_name, t.constraint_name, c.check_clause FROM information_schema.table_constraints t
JOIN information_schema.check_constraints c
  ON c.constraint_schema = t.constraint_schema AND c.constraint_name = t.constraint_name
WHERE t.constraint_schema {HERE} AND t.constraint_type = 'CHECK' ORDER BY t.table_name, t.constraint_name
"""
UNTOLD: tuple[Action, Action] = ("NO ACTION", "NO ACTION")
ORDERED = ("BTREE", "HASH")
"""An index by hash is ordered all the same here, or makes long values unique."""
JSON_COLLATION = "utf8mb4_bin"
IS_JSON = re.compile(r"^json_valid\(`((?:[^`]|``)+)`\)$")
NEXT = re.compile(r"^nextval\((`(?:[^`]|``)+`)\)$")
"""A default that is a number of a sequence and nothing else."""
RULE = "SELECT start_value, increment, minimum_value, maximum_value, cycle_option, next_not_cached_value FROM {0}"
USUAL = (1, 2**63 - 2)
"""Between which numbers a sequence counts that is told none."""
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
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
    columns, indexes = _by_table(_said(session, COLUMNS, 10)), _by_table(_said(session, _indexes(session), 4))
    foreign, triggers = _by_table(session.rows(FOREIGN_KEYS)), _by_table(session.rows(TRIGGERS))
    database = str(session.value("SELECT DATABASE()"))
    checks = _by_table(_said(session, query, 2)) if (query := _checks(session)) else _by_table([])
    json = _json_columns(checks) if session.flavour == "MariaDB" else frozenset()
    rules = {(table, key): (delete, update) for table, key, delete, update in session.rows(RULES)}
    cases, tables = LetterCase(session), []
    for name, kind, engine, rows, size, options, comment, following in kinds:
        if kind in OTHER or not columns[name]:
            continue
        about = Detail(engine=engine, versioned=kind == "SYSTEM VERSIONED", partitioned="partitioned" in options)
        shaped = _shaped(name, columns[name], about, json, cases, session.flavour == "MySQL")
        shaped = _exact(session, shaped, database)
        table = _keyed(shaped, indexes[name], foreign[name], rules)
        width = int(rows) * sum(_width(column) for column in table.columns)
        tables.append(
            replace(
                table,
                checks=tuple(Check(check, clause) for _, check, clause in checks[name] if not IS_JSON.match(clause)),
                columns=tuple(_reaching(column, following) for column in table.columns),
                comment=comment,
                rows=int(rows),
                bytes=max(int(size), width) if rows else 0,
                notes=tuple(_notes(table)),
                hooks=tuple(f"trigger {trigger}" for _, trigger in triggers[name]),
            )
        )
    other = [(TableName(None, name), OTHER[kind]) for name, kind, *_ in kinds if kind in OTHER]
    return Schema(tuple(sorted(tables, key=lambda table: table.name.name)), tuple(sorted(other)))


def _said(session: Session, query: str, place: int) -> Iterable[tuple[Any, ...]]:
    """Rows with an expression at that place, as a definition has it."""
    rows = session.rows(query)
    if session.flavour == "MariaDB" or session.version < (8,):
        return rows
    return [(*row[:place], row[place] and unescaped(row[place]), *row[place + 1 :]) for row in rows]


def unescaped(expression: str) -> str:
    """MySQL's catalog shows expressions as they would stand in a text, since 8.0: `concat(`a`,_utf8mb4\\'-\\')`."""
    return ESCAPED.sub(lambda found: ESCAPES.get(found[1], found[1]), expression)


def _by_table(rows: Iterable[tuple[Any, ...]]) -> defaultdict[str, list[tuple[Any, ...]]]:
    found: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


def _indexes(session: Session) -> str:
    """Keys over expressions came with MySQL 8.0.13; MariaDB has none."""
    return INDEXES % ("expression" if session.flavour == "MySQL" and session.version >= (8, 0, 13) else "NULL")


def _checks(session: Session) -> str | None:
    """MySQL has them since 8.0.16."""
    if session.flavour == "MariaDB":
        return CHECKS
    return CHECKS_OF_MYSQL if session.version >= (8, 0, 16) else None


def _json_columns(checks: Mapping[str, Sequence[tuple[Any, ...]]]) -> frozenset[tuple[str, str]]:
    """MariaDB's JSON is a text that a CHECK keeps everything else out of."""
    found = ((table, IS_JSON.match(clause)) for rows in checks.values() for table, _, clause in rows)
    return frozenset((table, match[1].replace("``", "`")) for table, match in found if match)


def _shaped(
    name: str,
    rows: Sequence[tuple[Any, ...]],
    about: Detail,
    json: frozenset[tuple[str, str]],
    cases: LetterCase,
    bare: bool,
) -> Table:
    """`bare`: the server says literal defaults without quotes."""
    columns, expressions, defaults, hidden, readable = [], [], set(), set(), True
    for (
        _,
        column,
        base,
        declared,
        nullable,
        default,
        extra,
        charset,
        collation,
        expression,
        privileges,
        comment,
    ) in rows:
        words = extra.upper()
        computed = "DEFAULT_GENERATED" in words
        generated = "GENERATED" in words.replace("DEFAULT_GENERATED", "")
        counter = "auto_increment" if "AUTO_INCREMENT" in words else None
        is_json = base == "longtext" and collation == JSON_COLLATION and (name, column) in json
        type_ = column_type(declared, base.lower(), charset, collation, is_json)
        default = unescaped(default) if default and bare and computed else default
        filled = None if generated or counter else filler(default, type_, bare and not computed)
        case = cases.ignored(charset, collation)
        renewed = "ON UPDATE" in words
        kept = generated and ("STORED" in words or "PERSISTENT" in words)
        one = Column(column, type_, bool(nullable), generated, counter, case, filled, comment, renewed)
        columns.append(replace(one, computed=expression, stored=kept) if generated else one)
        if generated:
            expressions.append((column, f"({expression}) {'STORED' if kept else 'VIRTUAL'}"))
        if default is not None or counter or computed:
            defaults.add(column)
        if "INVISIBLE" in words:
            hidden.add(column)
        readable = readable and (generated or "select" in privileges.split(","))
    about = replace(about, expressions=tuple(expressions), defaults=frozenset(defaults), hidden=frozenset(hidden))
    return Table(TableName(None, name), tuple(columns), readable=readable, detail=about)


def _exact(session: Session, table: Table, database: str) -> Table:
    """With its defaults as SHOW CREATE TABLE says them, where the catalog shows bytes as question marks, or names the
    database a sequence is in."""
    odd = [c.name for c in table.columns if c.default and (c.type.kind is Kind.BINARY or "nextval(" in c.default)]
    if not odd:
        return table
    text = session.shown(f"SHOW CREATE TABLE {identifier(table.name.name)}")
    words = {one.name: one.clause("DEFAULT").removeprefix("DEFAULT ") for one in definition(text, database, {}).columns}
    columns = [replace(c, default=words[c.name]) if c.name in odd else c for c in table.columns]
    return replace(table, columns=tuple(_counting(session, column) for column in columns))


def _reaching(column: Column, following: int | None) -> Column:
    """`following`: the number that the table's counter gives next."""
    told = column.counter and following is not None and int(following) > 1
    return replace(column, reached=int(following or 0) - 1) if told else column


def _counting(session: Session, column: Column) -> Column:
    """With the rule of the sequence that fills it. Where our user may not look, its numbers are taken to be the usual ones."""
    found = NEXT.match(column.default or "")
    if found is None:
        return column
    name = found[1][1:-1].replace("``", "`")
    try:
        [(start, step, low, high, cycle, following)] = session.rows(RULE.format(found[1]))
    except ConnectorError as error:
        if error.retryable:
            raise
        return replace(column, counting=Counting(sequence=name))
    least, most = (None if bound == usual else int(bound) for bound, usual in zip((low, high), USUAL, strict=True))
    counting = Counting(int(start), int(step) or 1, least, most, bool(cycle), name)
    reached = None if following == start else int(following) - counting.step
    return replace(column, counting=counting, reached=reached)


def filler(default: str | None, type_: MyType, bare: bool) -> str | None:
    """A default as an expression; NULL is what fills a column anyway. `bare`: literals are shown without quotes."""
    if default is None or (default.upper() == "NULL" and not bare):
        return None
    number = type_.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT) or type_.base in ("bit", "year")
    clock = default.upper().startswith("CURRENT_TIMESTAMP") and type_.kind is Kind.TIMESTAMP
    return quoted(default) if bare and not number and not clock else default


def _keyed(
    table: Table,
    indexes: list[tuple[Any, ...]],
    foreign: list[tuple[Any, ...]],
    rules: Mapping[tuple[str, str], tuple[Action, Action]],
) -> Table:
    primary: tuple[str, ...] = ()
    prefixes: tuple[tuple[str, int], ...] = ()
    uniques, found = [], []
    for index, parts in _grouped(indexes):
        columns = [part[2] for part in parts if part[2] is not None]
        columns += [used for part in parts for used in IN_QUOTES.findall(part[4] or "") if used not in columns]
        if index == "PRIMARY":
            primary = tuple(columns)
            prefixes = tuple((part[2], int(part[3])) for part in parts if part[3] is not None)
            continue
        found.append(_index(index, parts))
        if found[-1].unique and columns:
            uniques.append(Key(tuple(columns), found[-1].constraint))
    return replace(
        table,
        primary_key=primary,
        uniques=tuple(uniques),
        indexes=tuple(found),
        foreign_keys=tuple(
            ForeignKey(name, table.name, tuple(row[2] for row in rows), TableName(rows[0][3], rows[0][4]),
                       tuple(row[5] for row in rows), *rules.get((table.name.name, name), UNTOLD))
            for name, rows in _grouped(foreign)
        ),
        detail=replace(detail(table), prefixes=prefixes),
    )  # fmt: skip


def _index(name: str, rows: list[tuple[Any, ...]]) -> Index:
    """A unique key is declared as one word or another and is always the same; of whole columns it is a constraint."""
    method = None if rows[0][7] in ORDERED else str(rows[0][7]).lower()
    parts = tuple(
        IndexPart(column, text, bool(down), None if length is None or method == "spatial" else int(length))
        for _, _, column, length, text, _, down, _ in rows
    )
    unique = bool(rows[0][5])
    return Index(name, parts, unique, unique and all(p.column and p.length is None for p in parts), method=method)


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
