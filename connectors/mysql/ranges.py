"""Parts of a table: half-open ranges of its key, cut by the database and compared by the database.

Each part's condition is the exact complement of its neighbours', in the order of the columns' own collations, and the first
and the last part are open-ended: whatever rows come and go, each is in exactly one part. NULL has no place in that order, so
only keys without NULLs cut a table; a table without one is a single part.

Where the key is one integer that is used without great gaps, the cuts are computed. Otherwise one walk over the key's
index finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from connectors.contract import Bounds
from connectors.mysql.session import Session
from connectors.mysql.types import identifier, type_of
from connectors.schema import Column, Table

Address: TypeAlias = tuple[str, ...]
"""A value for each column of the key, as a literal of SQL. It is cell values: never printed."""

INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
NUMBERS = INTEGERS | {"decimal", "year"}
WRITTEN = frozenset({"date", "time", "datetime", "timestamp", "uuid"})
BINARY = frozenset({"binary", "varbinary"})
TEXT = frozenset({"char", "varchar"})
ORDERED = NUMBERS | WRITTEN | BINARY | TEXT
"""Types that compare with a literal in the order of their index. ENUM and SET do not: they sort by number, compare as text."""
DENSE = 0.5
"""From this share of used numbers on, cuts are computed: at most twice as many parts, and none larger than it should be."""

USUAL, SEVERAL = 100, 1000
"""Bytes of a row and the least rows of a part, where the statistics lag so far behind that they know of no row."""


@dataclass(frozen=True)
class Range:
    """From `low` on, up to but not including `high`; None is open. Without columns: all rows."""

    columns: tuple[str, ...] = ()
    """Of the key, quoted."""
    primary: bool = False
    low: Address | None = None
    high: Address | None = None

    def condition(self) -> str:
        found = [from_on(self.columns, self.low)] if self.low else []
        found += [below(self.columns, self.high)] if self.high else []
        return " AND ".join(found) or "TRUE"

    @property
    def hint(self) -> str:
        """Behind the table's name: follow the primary key, never scan the whole table for a part of it."""
        return " FORCE INDEX (PRIMARY)" if self.primary and (self.low or self.high) else ""


def from_on(columns: Sequence[str], values: Sequence[str]) -> str:
    """At or behind an address. Spelt out column by column, because row comparisons make no use of an index."""
    if len(columns) == 1:
        return f"{columns[0]} >= {values[0]}"
    return f"({columns[0]} > {values[0]} OR ({columns[0]} = {values[0]} AND {from_on(columns[1:], values[1:])}))"


def below(columns: Sequence[str], values: Sequence[str]) -> str:
    """Before an address: the complement of `from_on`."""
    if len(columns) == 1:
        return f"{columns[0]} < {values[0]}"
    return f"({columns[0]} < {values[0]} OR ({columns[0]} = {values[0]} AND {below(columns[1:], values[1:])}))"


def key(table: Table) -> tuple[Column, ...]:
    """The columns whose order cuts the table: of the primary key, else of the first unique key without NULLs."""
    for names in (table.primary_key, *(unique.columns for unique in table.uniques if unique.plain)):
        columns = tuple(table.column(name) for name in names)
        if columns and all(not column.nullable and type_of(column).base in ORDERED for column in columns):
            return columns
    return ()


def split(session: Session, table: Table, where: str | None, budget: int) -> list[Bounds]:
    """Parts of about `budget` bytes. `where` is the filter as SQL."""
    length = max(1, table.bytes // table.rows) if table.rows else USUAL
    columns = key(table)
    if not columns:
        return [Bounds(Range(), table.rows, table.bytes)]
    step = max(1 if table.rows else SEVERAL, budget // length)
    whole = Range(
        tuple(identifier(column.name) for column in columns),
        tuple(column.name for column in columns) == table.primary_key,
    )
    return _computed(session, table, columns, whole, step, length) or _walked(
        session, table, columns, whole, where, step, length
    )


def _computed(
    session: Session, table: Table, columns: Sequence[Column], whole: Range, step: int, length: int
) -> list[Bounds]:
    """Equal parts of the numbers between the smallest and the largest key; none where too few of them are used."""
    if len(columns) > 1 or type_of(columns[0]).base not in INTEGERS:
        return []
    [name] = whole.columns
    [(low, high)] = session.rows(f"SELECT min({name}), max({name}) FROM {_named(table)}")
    if low is None or table.rows < DENSE * (int(high) - int(low) + 1):
        return []
    cuts = range(int(low) + step, int(high) + 1, step)
    rows = table.rows // (len(cuts) + 1)
    return _parts(whole, [(str(cut),) for cut in cuts], rows, rows, length)


def _walked(
    session: Session,
    table: Table,
    columns: Sequence[Column],
    whole: Range,
    where: str | None,
    step: int,
    length: int,
) -> list[Bounds]:
    """Cuts at every `step`th row that the filter takes."""
    hint = " FORCE INDEX (PRIMARY)" if whole.primary else ""
    chosen, order = ", ".join(map(_spelt, columns)), ", ".join(whole.columns)
    cuts: list[Address] = []
    while True:
        rest = Range(whole.columns, whole.primary, cuts[-1] if cuts else None).condition()
        rest += f" AND ({where})" if where else ""
        scope = f"FROM {_named(table)}{hint} WHERE {rest}"
        ahead = session.rows(f"SELECT {chosen} {scope} ORDER BY {order} LIMIT 1 OFFSET {step}")
        if not ahead:
            [(left,)] = session.rows(f"SELECT count(*) {scope}")
            return _parts(whole, cuts, step, int(left), length)
        cuts.append(tuple(_literal(column, str(value)) for column, value in zip(columns, ahead[0], strict=True)))


def _parts(whole: Range, cuts: Sequence[Address], rows: int, last: int, length: int) -> list[Bounds]:
    """The ranges between the cuts, of `rows` each and `last` in the last one."""
    ends = [None, *cuts, None]
    sizes = [rows] * len(cuts) + [last]
    return [
        Bounds(Range(whole.columns, whole.primary, low, high), size, size * length)
        for low, high, size in zip(ends, ends[1:], sizes, strict=False)
    ]


def _named(table: Table) -> str:
    return f"{identifier(table.name.name)} AS {identifier(table.name.name)}"


def _spelt(column: Column) -> str:
    """An expression for a key's value in a form that makes a literal: digits, or the hexadecimal digits of its bytes."""
    name, base = identifier(column.name), type_of(column).base
    return f"HEX({name})" if base in TEXT | BINARY else f"CAST({name} AS CHAR)"


def _literal(column: Column, value: str) -> str:
    """The literal of a value that `_spelt` gave. A text is in its column's own character set, so that the index serves."""
    base = type_of(column).base
    if base in TEXT:
        return f"_{type_of(column).charset} X'{value}'"
    if base in BINARY:
        return f"X'{value}'"
    return value if base in NUMBERS else f"'{value}'"
