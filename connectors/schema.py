"""The neutral schema: what planning knows about a database, whatever its engine. Exact, ordered, hashable, picklable."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Literal, Protocol, TypeAlias


class Kind(str, Enum):
    """What a column's values are, coarsely: decides which strategy may take them. `enum` (words that the schema lists) and
    `other` take only `null` and `keep`."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    UUID = "uuid"
    BINARY = "binary"
    JSON = "json"
    ENUM = "enum"
    OTHER = "other"


@dataclass(frozen=True, order=True)
class TableName:
    """A table as the engine knows it: `schema` is None where the engine has none."""

    schema: str | None
    name: str

    def __str__(self) -> str:
        parts = (self.name,) if self.schema is None else (self.schema, self.name)
        return ".".join(map(written, parts))

    def column(self, name: str) -> str:
        """One of its columns as people write it: `[schema.]table.column`."""
        return f"{self}.{written(name)}"


def written(identifier: str) -> str:
    """An identifier as people write it: a plain word as it is, else in SQL's double quotes."""
    plain = re.fullmatch(r"[^\W\d]\w*", identifier) and identifier == identifier.lower()
    return identifier if plain else quoted(identifier)


def quoted(identifier: str) -> str:
    """An identifier in SQL's double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


class Detail(Protocol):
    """An engine's own memory of a table; opaque outside its folder, picklable."""

    def for_tasks(self) -> Detail | None:
        """What tasks need of it."""
        ...


@dataclass(frozen=True)
class ColumnType:
    """A column's type. Engines may subclass it to remember more; nobody outside the engine's folder looks at that.

    `native` is the engine's own exact text, modifiers included (`numeric(12,2)`), and decides whether two columns of
    the same engine match. `length` is the most characters a value may have (None: unlimited), `bits` an integer's width,
    `unsigned` that it has no sign.
    """

    native: str
    kind: Kind
    length: int | None = None
    bits: int | None = None
    unsigned: bool = False

    @property
    def integers(self) -> tuple[int, int] | None:
        """Of an integer: the least and the greatest that it may be."""
        if self.bits is None:
            return None
        return (0, 2**self.bits - 1) if self.unsigned else (-(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1)

    def for_tasks(self) -> ColumnType:
        """Without what only the driver needs: a task's closure is small."""
        return self


IgnoredCase: TypeAlias = 'Literal["ascii", "unicode"] | None'


def folded(name: str, ignored: IgnoredCase) -> str:
    """The same for all names that differ in such letters' case alone."""
    if ignored is None:
        return name
    return name.lower() if ignored == "unicode" else name.encode().lower().decode()


@dataclass(frozen=True)
class Counting:
    """How the database numbers new rows, as far as it says so; a bound that is None is its type's."""

    start: int = 1
    step: int = 1
    least: int | None = None
    most: int | None = None
    cycle: bool = False
    """It begins anew behind its last number."""
    sequence: str | None = None
    """Where the numbers come from, if others may take some from there too."""


@dataclass(frozen=True)
class Column:
    name: str
    type: ColumnType
    nullable: bool = True
    generated: bool = False
    """Computed by the database from other columns: never copied, always recomputed by the target."""
    counter: str | None = None
    """How the database numbers new rows here (identity, serial, autoincrement), in the engine's own word."""
    ignores_case: IgnoredCase = None
    """Where the database itself takes 'A' and 'a' for equal in this column (citext, NOCASE, _ci collations): which
    letters' case it ignores, those of A to Z or of every alphabet."""
    default: str | None = None
    """What fills it where a row says nothing, as an expression in the engine's own words; None for counters."""
    comment: str | None = None
    renewed: bool = False
    """The database sets it to the time whenever its row changes."""
    counting: Counting | None = None
    """By which rule its rows are numbered, where the database says so: by its counter, else by a sequence in its default."""
    reached: int | None = field(default=None, compare=False)
    """The last number that its counter has given out."""
    computed: str | None = None
    """Of a generated one: its expression, in the engine's own words."""
    stored: bool = False
    """Of a generated one: its values are kept, not computed whenever they are read."""


@dataclass(frozen=True)
class Key:
    """A unique key. `plain` is False for a partial or expression index, which still makes its columns unique."""

    columns: tuple[str, ...]
    plain: bool = True


@dataclass(frozen=True)
class IndexPart:
    """What an index is ordered by: a column, or an expression in the engine's own words."""

    column: str | None
    expression: str | None = None
    descending: bool = False
    length: int | None = None
    """How many of the column's first characters count; None: all."""


@dataclass(frozen=True)
class Index:
    """An index that is not the primary key's."""

    name: str
    parts: tuple[IndexPart, ...]
    unique: bool = False
    constraint: bool = False
    """Declared as a UNIQUE constraint."""
    where: str | None = None
    """Of a partial one: which rows are in it, in the engine's own words."""
    include: tuple[str, ...] = ()
    method: str | None = None
    """None: the engine's ordinary ordered one."""


@dataclass(frozen=True)
class Check:
    name: str
    expression: str
    """In the engine's own words."""
    proven: bool = field(default=True, compare=False)
    """False where the database says itself that there may be rows which break it."""


Action: TypeAlias = Literal["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"]


@dataclass(frozen=True)
class ForeignKey:
    name: str
    table: TableName
    columns: tuple[str, ...]
    referenced: TableName
    referenced_columns: tuple[str, ...]
    on_delete: Action = "NO ACTION"
    on_update: Action = "NO ACTION"
    deferrable: Literal["", "immediate", "deferred"] = ""
    """Whether its check may wait for the commit, and whether it does at first."""
    proven: bool = field(default=True, compare=False)
    """False where the database says itself that there may be rows which break it."""


@dataclass(frozen=True)
class Table:
    name: TableName
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    uniques: tuple[Key, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    checks: tuple[Check, ...] = ()
    comment: str | None = None
    rows: int = field(default=0, compare=False)
    """An estimate from the database's own statistics; nothing counts PROD."""
    bytes: int = field(default=0, compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)
    """Things a person should know before copying (partitioned, children inherited, …), each one sentence."""
    readable: bool = True
    """False where our user may not SELECT every column that would travel."""
    hooks: tuple[str, ...] = ()
    """What would run or filter on load: enabled user triggers, rules, row security, each as `trigger audit_users`."""
    detail: Detail | None = field(default=None, compare=False)
    """What the engine itself remembers of it: oid, leaves, WITHOUT ROWID …"""

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def may_be_null(self, column: Column) -> bool:
        """Whether a table that takes its rows must take NULL there. A key's columns are never NULL where we make its table,
        whatever they are here (some engines let them be)."""
        return column.nullable and column.name not in self.primary_key

    @property
    def copied(self) -> tuple[Column, ...]:
        """The columns that travel: all but the generated ones."""
        return tuple(column for column in self.columns if not column.generated)

    def for_tasks(self) -> Table:
        """The table without what only the driver needs (keys, notes, most of the detail): a task's closure is small."""
        return Table(
            self.name,
            tuple(_bare(column) for column in self.columns),
            detail=None if self.detail is None else self.detail.for_tasks(),
        )


def _bare(column: Column) -> Column:
    kept = replace(column, counting=None, reached=None, default=None, comment=None, computed=None, stored=False)
    return replace(kept, type=column.type.for_tasks())


@dataclass(frozen=True)
class Schema:
    """The tables of one database, sorted by name. `other` names what was seen and is not a copyable table (view …)."""

    tables: tuple[Table, ...]
    other: tuple[tuple[TableName, str], ...] = ()

    def get(self, name: TableName) -> Table | None:
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[TableName, Table]:
        return {table.name: table for table in self.tables}

    def pick(self, names: Iterable[TableName]) -> tuple[Table, ...]:
        wanted = set(names)
        return tuple(table for table in self.tables if table.name in wanted)
