"""The text we create tables with.

Declared types and generated expressions are passed on word for word. A table that a copy makes for itself has no defaults,
CHECKs, UNIQUEs and foreign keys: a copy brings every value itself. One that is wanted with all it has (`whole`) gets them
inside, for SQLite adds none of them later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.schema import ForeignKey, Index, Table, quoted
from connectors.sqlite.definition import constant
from connectors.sqlite.table_objects import text


@dataclass(frozen=True)
class ColumnPlan:
    """One column of a table to create."""

    name: str
    declared: str
    not_null: bool
    collation: str | None = None
    default: str | None = None
    generated: str | None = None
    stored: bool = False

    def text(self, *, key: str = "", constrained: bool = True) -> str:
        words = [quoted(self.name), self.declared, key]
        if self.not_null and constrained:
            words.append("NOT NULL")
        if self.collation:
            words.append(f"COLLATE {quoted(self.collation)}")
        if self.default is not None and constrained:
            words.append(f"DEFAULT {self.default}" if constant(self.default) else f"DEFAULT ({self.default})")
        if self.generated is not None:
            words.append(f"GENERATED ALWAYS AS ({self.generated}) {'STORED' if self.stored else 'VIRTUAL'}")
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class KeyPart:
    """One column of a primary key, as its index has it."""

    name: str
    collation: str = "BINARY"
    descending: bool = False

    def text(self) -> str:
        collation = f" COLLATE {quoted(self.collation)}" if self.collation != "BINARY" else ""
        return quoted(self.name) + collation + (" DESC" if self.descending else "")


@dataclass(frozen=True)
class TablePlan:
    """A table to create: `body` and `stage` are what follows `CREATE TABLE name`."""

    columns: tuple[ColumnPlan, ...]
    key: tuple[KeyPart, ...]
    alias: str | None
    """The INTEGER PRIMARY KEY that is the row number itself; then `key` is empty."""
    autoincrement: bool
    without_rowid: bool = False
    strict: bool = False
    constraints: tuple[str, ...] = ()

    def body(self) -> str:
        parts = [column.text(key=self._inline(column)) for column in self.columns]
        if self.key and not self._alone():
            parts.append(f"PRIMARY KEY ({', '.join(part.text() for part in self.key)})")
        parts += self.constraints
        options = ["WITHOUT ROWID"] * self.without_rowid + ["STRICT"] * self.strict
        return f"({', '.join(parts)}) {', '.join(options)}".rstrip()

    def stage(self) -> str:
        """The same columns and conversions, but nothing that refuses or computes."""
        parts = [c.text(constrained=False) for c in self.columns if c.generated is None]
        return f"({', '.join(parts)})" + " STRICT" * self.strict

    def _alone(self) -> bool:
        """SQLite takes an INTEGER key for the row number, unless it is written DESC beside its column."""
        [*others, last] = self.key
        declared = next(column.declared for column in self.columns if column.name == last.name)
        return not others and not self.without_rowid and declared.upper() == "INTEGER"

    def _inline(self, column: ColumnPlan) -> str:
        if column.name == self.alias:
            return "PRIMARY KEY" + " AUTOINCREMENT" * self.autoincrement
        if self.key and self._alone() and column.name == self.key[0].name:
            return "PRIMARY KEY DESC"
        return ""


def planned(table: Table, *, whole: bool = False) -> TablePlan:
    """A table that is no copy of one of ours. A key of one INTEGER is the row number itself, which SQLite also counts."""
    key = table.primary_key
    types = {column.name: column.type.native.upper() for column in table.columns}
    alias = key[0] if len(key) == 1 and types[key[0]] == "INTEGER" else None
    return TablePlan(
        columns=tuple(
            ColumnPlan(
                column.name,
                column.type.native,
                column.name != alias and (not column.nullable or column.name in key),
                default=column.default if whole else None,
                generated=column.computed,
                stored=column.stored,
            )
            for column in table.columns
        ),
        key=() if alias else tuple(map(KeyPart, key)),
        alias=alias,
        autoincrement=any(column.counter == "autoincrement" and column.name == alias for column in table.columns),
        constraints=tuple(_constraints(table)) if whole else (),
    )


def begun(table: Table) -> Iterator[str]:
    """What tells its counter where to begin or go on, if not at 1."""
    for column in table.columns:
        last = max(column.counting.start - 1 if column.counting else 0, column.reached or 0)
        if column.counter == "autoincrement" and last and planned(table).autoincrement:
            yield f"INSERT INTO sqlite_sequence (name, seq) VALUES ({text(table.name.name)}, {last})"


def statements(table: Table) -> Iterator[str]:
    """What makes a table and its indexes."""
    name = quoted(table.name.name)
    yield f"CREATE TABLE {name} {planned(table, whole=True).body()}"
    yield from begun(table)
    for index in table.indexes:
        if not _inside(index):
            where = f" WHERE {index.where}" if index.where else ""
            yield f"CREATE {'UNIQUE ' * index.unique}INDEX {quoted(index.name)} ON {name} ({_parts(index)}){where}"


def _constraints(table: Table) -> Iterator[str]:
    for index in filter(_inside, table.indexes):
        yield f"CONSTRAINT {quoted(index.name)} UNIQUE ({_parts(index)})"
    for check in table.checks:
        yield f"CONSTRAINT {quoted(check.name)} CHECK ({check.expression})"
    yield from map(_reference, table.foreign_keys)


def _inside(index: Index) -> bool:
    """Whether it is written as a constraint of its table, which takes plain columns only."""
    return index.constraint and index.where is None and all(part.column is not None for part in index.parts)


def _parts(index: Index) -> str:
    return ", ".join(
        (str(part.expression) if part.column is None else quoted(part.column)) + " DESC" * part.descending
        for part in index.parts
    )


def _reference(key: ForeignKey) -> str:
    words = [f"CONSTRAINT {quoted(key.name)} FOREIGN KEY ({', '.join(map(quoted, key.columns))})"]
    words.append(f"REFERENCES {quoted(key.referenced.name)} ({', '.join(map(quoted, key.referenced_columns))})")
    for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update)):
        if action != "NO ACTION":
            words.append(f"ON {event} {action}")
    if key.deferrable:
        words.append(f"DEFERRABLE INITIALLY {'DEFERRED' if key.deferrable == 'deferred' else 'IMMEDIATE'}")
    return " ".join(words)
