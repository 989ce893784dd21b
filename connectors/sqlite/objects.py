"""Everything a file consists of besides its rows, as `sqlite_schema` tells it in its own words.

Tables bring their columns, keys, checks and foreign keys with them: SQLite adds none of these later, but for columns. What
they consist of is told apart all the same, so that a comparison says what differs. What is written beside a column comes
with it when the column is added. Names that change nothing (those of keys and foreign keys) are not compared: such an object
is called after its columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from connectors.objects import ObjectId, ObjectKind, Objects, SchemaObject
from connectors.schema import TableName, quoted, written
from connectors.sqlite.definition import IndexWords, TableWords, index_words, table_words
from connectors.sqlite.session import Session
from connectors.sqlite.table_objects import TableObjects, literals, part_definition, same, table_id
from connectors.sqlite.tokens import folded, named, normal, spelt, tokens
from connectors.sqlite.words import Part

OURS = "_dbagent_"


@dataclass(frozen=True)
class Entry:
    """A row of `sqlite_schema`."""

    kind: str
    name: str
    table: str
    sql: str
    place: int
    """Of two triggers the later one fires first."""


def read_objects(session: Session) -> Objects:
    """All but our own bookkeeping, SQLite's, and what belongs to virtual tables."""
    with session.transaction("BEGIN"):
        kinds = {
            name: (kind, " WITHOUT ROWID" * bool(without_rowid) + " STRICT" * bool(strict))
            for name, kind, without_rowid, strict in session.rows(
                "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'"
            )
        }
        entries = [entry for entry in read_entries(session) if kinds.get(entry.table, ("", ""))[0] in ("table", "view")]
        virtual = sorted(name for name, (kind, _) in kinds.items() if kind == "virtual" and not _hidden(name))
        counters = _counters(session)
    tables = {entry.name: table_words(entry.sql) for entry in entries if entry.kind == "table"}
    known = {folded(name): (name, words) for name, words in tables.items()}
    made: list[SchemaObject] = []
    for entry in entries:
        if entry.kind == "table":
            name = entry.name
            made += TableObjects(name, tables[name], known).objects(entry.sql, kinds[name][1], counters.get(name))
    made += [_index(entry, tables[entry.table]) for entry in entries if entry.kind == "index"]
    made += _views([entry for entry in entries if entry.kind == "view"], list(tables))
    columns = {name: [column.name for column in words.columns] for name, words in tables.items()}
    made = [_folded(one, columns) for one in made]
    order = list(ObjectKind)
    left = [("trigger", f"{written(e.name)} of {written(e.table)}") for e in entries if e.kind == "trigger"]
    return Objects(
        tuple(sorted(made, key=lambda one: order.index(one.id.kind))),
        tuple(left + [("virtual table", written(name)) for name in virtual]),
    )


def _folded(one: SchemaObject, columns: Mapping[str, Sequence[str]]) -> SchemaObject:
    """With how it is compared. A key may name columns of any table; elsewhere a word in quotes may be a text as well."""
    if one.id.table is None:
        return one
    names = columns.get(one.id.table.name, ())
    if one.id.kind is ObjectKind.FOREIGN_KEY:
        names = [name for found in columns.items() for name in (found[0], *found[1])]
    return replace(one, folded=(folded(one.id.name), spelt(one.definition, names)))


def read_entries(session: Session) -> list[Entry]:
    found = session.rows(
        "SELECT type, name, tbl_name, sql, rowid FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name COLLATE BINARY"
    )
    tables = {folded(name): name for kind, name, *_ in found if kind in ("table", "view")}
    return [
        Entry(kind, name, tables.get(folded(table), table), sql, place)
        for kind, name, table, sql, place in found
        if not _hidden(name) and not _hidden(table)
    ]


def is_unique(index: str) -> bool:
    """Of an index, as SQLite writes it or as we define it."""
    return any(token.keyword == "UNIQUE" for token in islice(tokens(index), 2))


def _hidden(name: str) -> bool:
    return folded(name).startswith((OURS, "sqlite_"))


def _counters(session: Session) -> Mapping[str, int]:
    """Of AUTOINCREMENT tables: the highest number that any row ever had."""
    if not session.rows("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'"):
        return {}
    return {name: seq for name, seq in session.rows("SELECT name, seq FROM sqlite_sequence") if isinstance(seq, int)}


def _index(entry: Entry, table: TableWords) -> SchemaObject:
    words = index_words(entry.sql)
    unique = is_unique(entry.sql)
    parts = ", ".join(part_definition(part) for part in _plain(words, table))
    where = f" WHERE {normal(words.where)}" if words.where else ""
    clauses = [part.expression for part in words.parts if part.name is None]
    return SchemaObject(
        ObjectId(ObjectKind.INDEX, TableName(None, entry.table), entry.name),
        f"{'UNIQUE ' if unique else ''}INDEX ON {written(entry.table)} ({parts}){where}",
        (entry.sql,),
        (f"DROP INDEX {quoted(entry.name)}",),
        literals=literals(*clauses, f"WHERE {words.where or ''}"),
    )


def _plain(words: IndexWords, table: TableWords) -> Iterator[Part]:
    """Names as the table spells them, without the collation that a column has anyway."""
    columns = {folded(column.name): column for column in table.columns}
    for part in words.parts:
        column = columns.get(folded(part.name or ""))
        if column is None:
            yield part
        else:
            own = column.collation or "BINARY"
            collation = part.collation if part.collation and not same(part.collation, own) else None
            yield Part(column.name, "", collation, part.descending)


def _views(entries: Sequence[Entry], tables: Sequence[str]) -> list[SchemaObject]:
    """Each behind those it reads."""
    found = {entry.name: entry for entry in entries}
    reads = {entry.name: [n for n in _read(entry.sql, [*tables, *found]) if n != entry.name] for entry in entries}
    made: dict[str, SchemaObject] = {}
    begun = set[str]()

    def make(name: str) -> None:
        begun.add(name)
        for other in reads[name]:
            if other in found and other not in begun:
                make(other)
        made[name] = _view(found[name], [other for other in reads[name] if other in made or other in tables], found)

    for name in found:
        if name not in begun:
            make(name)
    return list(made.values())


def _view(entry: Entry, reads: Sequence[str], views: Collection[str]) -> SchemaObject:
    [_, _, called, *_] = tokens(entry.sql)
    definition = normal(entry.sql[called.end :])
    return SchemaObject(
        ObjectId(ObjectKind.VIEW, None, entry.name),
        f"VIEW {definition}",
        (entry.sql,),
        (f"DROP VIEW {quoted(entry.name)}",),
        needs=tuple(ObjectId(ObjectKind.VIEW, None, name) if name in views else table_id(name) for name in reads),
        literals=literals(definition),
    )


def _read(statement: str, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the tables and views that a view reads; where it cannot be parsed, all that it names."""
    import sqlglot
    from sqlglot import exp

    try:
        parsed = sqlglot.parse_one(statement, dialect="sqlite")
    except sqlglot.errors.SqlglotError:
        return named(statement, names)
    read = {folded(table.name) for table in parsed.find_all(exp.Table)}
    return tuple(name for name in names if folded(name) in read)
