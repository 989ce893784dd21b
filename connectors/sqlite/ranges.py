"""Rows by their address: the row number, or the key of a table WITHOUT ROWID, as SQL that one engine compares.

An address travels as a tuple of plain values. A row number is itself. Each column of a key is two: whether it is text, and
the value, a text as its bytes, because SQLite keeps texts that are no valid Unicode. Comparison is SQLite's own, with the
column's collation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Address: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Range:
    """From `low` on, up to but not including `high`; None is open."""

    low: Address | None = None
    high: Address | None = None


@dataclass(frozen=True)
class Condition:
    """SQL and its parameters."""

    sql: str = "TRUE"
    values: tuple[Any, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"{self.sql} AND {other.sql}", self.values + other.values)


@dataclass(frozen=True)
class Addressing:
    """How the rows of one table are told apart."""

    columns: tuple[str, ...]
    """SQL of the row number, or of each column of the key."""
    key: bool
    """These are the columns of a key, not the row number."""

    @property
    def hint(self) -> str:
        """Behind a table's name in FROM: walk its rows in their order, not an index."""
        return "" if self.key else "NOT INDEXED"

    def selected(self) -> tuple[str, ...]:
        """What to SELECT for an address."""
        if not self.key:
            return self.columns
        return tuple(
            sql
            for c in self.columns
            for sql in (f"typeof({c}) = 'text'", f"iif(typeof({c}) = 'text', CAST({c} AS BLOB), {c})")
        )

    def order(self) -> str:
        return ", ".join(self.columns)

    def compare(self, sign: str, address: Address) -> Condition:
        if not self.key:
            return Condition(f"{self.columns[0]} {sign} ?", address)
        marks = ", ".join(["iif(?, CAST(? AS TEXT), ?)"] * len(self.columns))
        values = [v for i in range(0, len(address), 2) for v in (address[i], address[i + 1], address[i + 1])]
        if len(self.columns) == 1:
            return Condition(f"{self.columns[0]} {sign} {marks}", tuple(values))
        return Condition(f"({self.order()}) {sign} ({marks})", tuple(values))

    def within(self, part: Range) -> Condition:
        found = Condition()
        if part.low is not None:
            found &= self.compare(">=", part.low)
        if part.high is not None:
            found &= self.compare("<", part.high)
        return found

    def between(self, first: Address, last: Address) -> Condition:
        """Both ends included."""
        return self.compare(">=", first) & self.compare("<=", last)
