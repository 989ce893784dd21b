"""Introspection: the tables of one file, neutral and exact, read in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from connectors.schema import Check, Column, ForeignKey, Index, IndexPart, Key, Schema, Table, TableName, quoted
from connectors.sqlite.ddl import ColumnPlan, KeyPart, TablePlan
from connectors.sqlite.definition import ColumnWords, index_words, table_words
from connectors.sqlite.objects import OURS
from connectors.sqlite.ranges import Addressing
from connectors.sqlite.session import Session
from connectors.sqlite.sizes import estimate
from connectors.sqlite.table_objects import check_names, numbered, reference_names, same
from connectors.sqlite.tokens import folded, named
from connectors.sqlite.types import column_type

ROW_NUMBER = ("rowid", "_rowid_", "oid")
UNADDRESSED = "its columns hide the row number under all its names: it is copied as one chunk and cannot be masked"
HIDDEN = 1
VIRTUAL, STORED = 2, 3


@dataclass(frozen=True)
class Detail:
    """What only this folder knows of a table."""

    statement: str
    """A digest of its CREATE TABLE: when it changes, the table is another one."""
    addressing: Addressing | None
    """What tells its rows apart; None where nothing does."""
    strict: bool
    encoding: str
    body: str
    stage: str

    def for_tasks(self) -> Detail:
        return replace(self, body="", stage="")


def detail(table: Table) -> Detail:
    assert isinstance(table.detail, Detail)
    return table.detail


def digest(statement: str) -> str:
    return hashlib.sha256(statement.encode(errors="surrogateescape")).hexdigest()[:32]


def read_schema(session: Session) -> Schema:
    """Everything in the file but our own bookkeeping and SQLite's."""
    with session.transaction("BEGIN"):
        encoding = session.value("PRAGMA encoding")
        entries = session.rows("SELECT type, name, tbl_name, sql FROM sqlite_schema")
        statements = {(kind, name): sql for kind, name, _, sql in entries if sql is not None}
        triggers = [(folded(table), name) for kind, name, table, _ in entries if kind == "trigger"]
        found, other = [], []
        for name, kind, without_rowid, strict in session.rows(
            "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'"
            " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        ):
            if name.startswith(OURS):
                continue
            if kind == "table":
                hooks = [f"trigger {trigger}" for table, trigger in sorted(triggers) if table == folded(name)]
                reader = Reader(session, name, statements, bool(without_rowid), bool(strict), encoding)
                found.append(replace(reader.table(), hooks=tuple(hooks)))
            else:
                other.append((TableName(None, name), f"{kind} table" if kind != "view" else "view"))
    return Schema(tuple(_resolve(table, found) for table in found), tuple(other))


def _resolve(table: Table, tables: list[Table]) -> Table:
    """Foreign keys spelt as the referenced table spells itself; one that names no columns means its primary key."""
    keys = []
    for key in table.foreign_keys:
        parent = next((t for t in tables if same(t.name.name, key.referenced.name)), None)
        if parent is None:
            continue
        spelt = {folded(column.name): column.name for column in parent.columns}
        columns = tuple(spelt.get(folded(name), name) for name in key.referenced_columns) or parent.primary_key
        if len(columns) == len(key.columns):
            keys.append(replace(key, referenced=parent.name, referenced_columns=columns))
    return replace(table, foreign_keys=tuple(keys))


class Reader:
    """One table, from SQLite's PRAGMAs and the text of its statement."""

    def __init__(self, session: Session, name: str, statements: Mapping[tuple[str, str], str], without_rowid: bool,
                 strict: bool, encoding: str) -> None:  # fmt: skip
        self._session, self._name, self._statements = session, name, statements
        self._without_rowid, self._strict, self._encoding = without_rowid, strict, encoding
        self._sql = statements["table", name]
        self._words = table_words(self._sql)
        self._said = {column.name: column for column in self._words.columns}
        self._columns = session.rows(
            'SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?) WHERE hidden <> ? ORDER BY cid',
            (name, HIDDEN),
        )
        self._indexes = session.rows(
            'SELECT name, "unique", origin, partial FROM pragma_index_list(?) ORDER BY name', (name,)
        )
        self._parts = {index: self._index(index) for index, *_ in self._indexes}

    def table(self) -> Table:
        names = [row[0] for row in self._columns]
        addressing = self._addressing(names)
        plan = self._plan()
        plain = [name for name, _, _, _, hidden in self._columns if hidden not in (VIRTUAL, STORED)]
        rows, size = estimate(self._session, self._name, addressing, plain)
        return Table(
            TableName(None, self._name),
            tuple(self._column(*row) for row in self._columns),
            primary_key=self._primary_key(),
            uniques=self._uniques(names),
            foreign_keys=self._foreign_keys(),
            indexes=self._secondary(),
            checks=tuple(
                Check(name, check.expression)
                for name, check in zip(check_names(self._name, self._words), self._words.checks, strict=True)
            ),
            rows=rows,
            bytes=size,
            notes=() if addressing else (UNADDRESSED,),
            detail=Detail(
                digest(self._sql), addressing, self._strict, self._encoding, plan.body(), plan.stage()
            ),
        )  # fmt: skip

    def _primary_key(self) -> tuple[str, ...]:
        return tuple(name for _, name in sorted((pk, name) for name, _, _, pk, _ in self._columns if pk))

    def _alias(self) -> str | None:
        """The INTEGER PRIMARY KEY that is the row number itself: a key that needs no index."""
        key = self._primary_key()
        has_index = any(origin == "pk" for _, _, origin, _ in self._indexes)
        return key[0] if len(key) == 1 and not has_index and not self._without_rowid else None

    def _addressing(self, names: list[str]) -> Addressing | None:
        if self._without_rowid:
            return Addressing(tuple(quoted(name) for name in self._primary_key()), key=True)
        taken = set(map(folded, names))
        free = next((name for name in ROW_NUMBER if name not in taken), None)
        alias = self._alias()
        found = free or (quoted(alias) if alias else None)
        return Addressing((found,), key=False) if found else None

    def _column(self, name: str, declared: str, not_null: int, pk: int, hidden: int) -> Column:
        alias = name == self._alias()
        default = self._says(name).default
        return Column(
            name,
            column_type(declared),
            nullable=not (not_null or alias),
            generated=hidden in (VIRTUAL, STORED),
            counter=("autoincrement" if self._counts() else "rowid") if alias else None,
            ignores_case="ascii" if self._folds_case(name) else None,
            default=default.sql if default and not alias and default.sql.upper() != "NULL" else None,
            reached=self._reached() if alias and self._counts() else None,
            computed=self._says(name).generated,
            stored=hidden == STORED,
        )

    def _folds_case(self, name: str) -> bool:
        collations = {part.collation for parts in self._parts.values() for part in parts if part.name == name}
        return "NOCASE" in {str(c).upper() for c in {*collations, self._says(name).collation}}

    def _says(self, name: str) -> ColumnWords:
        return self._said[name]

    def _counts(self) -> bool:
        key = self._words.primary_key
        return key is not None and key.autoincrement

    def _reached(self) -> int | None:
        """The highest number that any row ever had."""
        found = self._session.rows("SELECT seq FROM sqlite_sequence WHERE name = ?", (self._name,))
        return found[0][0] if found and isinstance(found[0][0], int) else None

    def _index(self, index: str) -> list[KeyPart]:
        return [
            KeyPart(name or "", collation, bool(descending))
            for name, collation, descending in self._session.rows(
                'SELECT name, coll, "desc" FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno', (index,)
            )
        ]

    def _uniques(self, names: list[str]) -> tuple[Key, ...]:
        found = []
        for index, unique, origin, partial in self._indexes:
            if not unique or origin == "pk":
                continue
            columns = tuple(part.name for part in self._parts[index])
            if "" not in columns:
                found.append(Key(columns, plain=not partial))
                continue
            sql = self._statements["index", index]
            found.append(Key(named(sql[sql.index("(") :], names), plain=False))
        return tuple(sorted(found, key=lambda key: key.columns))

    def _secondary(self) -> tuple[Index, ...]:
        """All indexes but the primary key's."""
        made = {name: unique for name, unique, origin, _ in self._indexes if origin == "c"}
        keys = [self._parts[name] for name, _, origin, _ in self._indexes if origin == "u"]
        names = numbered([*made, *map(self._unique_name, keys)])
        found = [self._index_made(name, bool(unique)) for name, unique in made.items()]
        for name, parts in zip(names[len(made) :], keys, strict=True):
            found.append(Index(name, tuple(map(self._index_part, parts)), unique=True, constraint=True))
        return tuple(sorted(found, key=lambda index: index.name))

    def _unique_name(self, parts: list[KeyPart]) -> str:
        """What a UNIQUE is called where it is written; SQLite does not remember it of the index."""
        columns = [part.name for part in parts]
        words = [key for key in self._words.keys if key.kind == "UNIQUE" and [p.name for p in key.parts] == columns]
        own = next((key.name for key in words if key.name), None)
        return own or "_".join([self._name, *columns, "key"])

    def _index_made(self, name: str, unique: bool) -> Index:
        words = index_words(self._statements["index", name])
        texts = [part.expression for part in words.parts]
        return Index(name, tuple(map(self._index_part, self._parts[name], texts)), unique, where=words.where)

    def _index_part(self, part: KeyPart, text: str = "") -> IndexPart:
        """An order that is not the column's own makes an expression of it."""
        if not part.name:
            return IndexPart(None, text, part.descending)
        if same(part.collation, self._says(part.name).collation or "BINARY"):
            return IndexPart(part.name, descending=part.descending)
        return IndexPart(None, f"{quoted(part.name)} COLLATE {quoted(part.collation)}", part.descending)

    def _foreign_keys(self) -> tuple[ForeignKey, ...]:
        name = TableName(None, self._name)
        made = reference_names(self._name, self._words)
        names = numbered(key.name or name for key, name in zip(self._words.references, made, strict=True))
        return tuple(
            ForeignKey(
                called,
                name,
                key.columns,
                TableName(None, key.parent),
                key.parent_columns,
                key.on_delete,
                key.on_update,
                key.deferrable,
            )
            for called, key in zip(names, self._words.references, strict=True)
        )

    def _plan(self) -> TablePlan:
        key = next((self._parts[index] for index, _, origin, _ in self._indexes if origin == "pk"), [])
        return TablePlan(
            tuple(
                ColumnPlan(
                    name,
                    declared,
                    bool(not_null),
                    self._says(name).collation,
                    generated=self._says(name).generated,
                    stored=hidden == STORED,
                )
                for name, declared, not_null, _, hidden in self._columns
            ),
            tuple(key),
            self._alias(),
            self._counts(),
            self._without_rowid,
            self._strict,
        )
