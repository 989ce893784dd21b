"""Canonical types: what a value is whatever engine holds it, and how it travels.

Each engine's `canonical.py` says what its own types are in these words, and which of its types holds a canonical one. What
becomes of one type's values in another is `connectors.loss`. Values travel as Arrow strings in the form of their family, or
as Arrow binary: never in a type that rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from connectors.schema import ColumnType

Carrier: TypeAlias = 'Literal["string", "binary"]'
Equality: TypeAlias = 'Literal["exact", "padded", "other"]'
"""Which texts the database takes for equal: only the same ones; also those that differ in blanks at their end; others."""


class Family(str, Enum):
    """What values are. Each has one form as text, the same whichever engine wrote it."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    BINARY = "binary"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    INSTANT = "instant"
    INTERVAL = "interval"
    UUID = "uuid"
    JSON = "json"
    BITS = "bits"
    ENUM = "enum"
    SET = "set"
    OTHER = "other"


FORMS: Mapping[Family, str] = {
    Family.BOOLEAN: "1 or 0",
    Family.INTEGER: "digits, a minus before them",
    Family.DECIMAL: "digits with a point, every one of them; NaN, Infinity, -Infinity",
    Family.FLOAT: "the shortest digits that give the same number, perhaps with an exponent; NaN, Infinity, -Infinity",
    Family.TEXT: "as it is",
    Family.BINARY: "its bytes",
    Family.DATE: "2024-05-17; 0044-03-15 BC, infinity, -infinity, 0000-00-00",
    Family.TIME: "09:30:00.5; hours beyond 23 and a minus for times that are durations",
    Family.TIMESTAMP: "2024-05-17 09:30:00.5, by an unnamed clock",
    Family.INSTANT: "2024-05-17 09:30:00.5, in UTC",
    Family.INTERVAL: "ISO 8601: P1Y2M3DT4H5M6.5S",
    Family.UUID: "8-4-4-4-12 lower-case hexadecimal digits",
    Family.JSON: "JSON text",
    Family.BITS: "ones and zeros",
    Family.ENUM: "the label",
    Family.SET: "the labels, commas between them",
    Family.OTHER: "as the engine itself writes it",
}
"""The form in which a family's values travel. Trailing zeros of a fraction say nothing and may come or go."""

ODD = {
    "nan": "NaN or an infinity",
    "infinity": "an infinite date",
    "bc": "a date before the year 1",
    "late": "a date after the year 9999",
    "zero": "a zero or partial date",
    "long": "a time beyond 24 hours, or below zero",
    "midnight": "the time 24:00:00",
    "nul": "a NUL character",
    "anything": "what is not of its type",
}
"""Values that some types hold and others of their family do not, in words for people."""


@dataclass(frozen=True)
class Canonical:
    """A column's type in every engine's words. None for a limit means that there is none."""

    family: Family
    bits: int | None = None
    """INTEGER: 8, 16, 24, 32, 64. FLOAT: 32 or 64."""
    unsigned: bool = False
    precision: int | None = None
    """DECIMAL: all digits."""
    scale: int | None = None
    """DECIMAL: digits behind the point; None with a precision of None."""
    significant: int | None = None
    """DECIMAL: digits that are kept wherever the point is, where the type itself sees to no others."""
    length: int | None = None
    """TEXT: characters, BINARY: bytes, BITS: bits, the most of them."""
    octets: int | None = None
    """TEXT: bytes in UTF-8, where that is what is limited."""
    fixed: bool = False
    """TEXT: blanks at the end say nothing; BINARY and BITS: always `length` of them."""
    digits: int = 6
    """TIME, TIMESTAMP, INSTANT, INTERVAL: digits of a second's fraction."""
    labels: tuple[str, ...] = ()
    """ENUM, SET."""
    odd: frozenset[str] = frozenset()
    """Which of ODD values of this type may be; `anything` is all of them and more."""
    only: str = ""
    """What its values are, in words for people, where its family says too much; whoever holds them must look itself."""

    def admits(self, odd: str) -> bool:
        """Whether values of this type may be so odd."""
        return odd in self.odd or "anything" in self.odd

    @property
    def carrier(self) -> Carrier:
        return "binary" if self.family is Family.BINARY else "string"

    @property
    def bounds(self) -> tuple[int, int]:
        """INTEGER: the least and the greatest."""
        bits = self.bits or 64
        return (0, 2**bits - 1) if self.unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    @property
    def characters(self) -> int | None:
        """TEXT: the most characters it surely has room for; None: as many as one likes."""
        if self.length is None and self.octets is not None:
            return self.octets // 4
        return self.length

    @property
    def whole_digits(self) -> int | None:
        """INTEGER and DECIMAL: digits before the point, the most of them."""
        if self.family is Family.INTEGER:
            return len(str(max(map(abs, self.bounds))))
        return None if self.precision is None else self.precision - (self.scale or 0)

    @property
    def width(self) -> int | None:
        """The most characters a value takes as text; None: unlimited or unknown."""
        if self.family is Family.INTEGER:
            return max(len(str(bound)) for bound in self.bounds)
        if self.family is Family.DECIMAL:
            return None if self.precision is None else self.precision + 3
        if self.family in (Family.TEXT, Family.BITS):
            return self.length
        if self.family is Family.ENUM:
            return max(map(len, self.labels), default=0)
        if self.family is Family.SET:
            return len(",".join(self.labels))
        return WIDTHS.get(self.family)

    def __str__(self) -> str:
        """As people read it: `decimal(12,2)`, `integer of 64 bits, unsigned`."""
        words = self.family.value
        if self.family is Family.DECIMAL and self.precision is not None:
            words += f"({self.precision},{self.scale or 0})"
        elif self.length is not None:
            words += f"({self.length})"
        elif self.octets is not None:
            words += f" of {self.octets:,} bytes"
        if self.bits is not None:
            words += f" of {self.bits} bits"
        return words + (", unsigned" if self.unsigned else "")


WIDTHS = {
    Family.BOOLEAN: 1,
    Family.FLOAT: 25,
    Family.DATE: 16,
    Family.TIME: 17,
    Family.TIMESTAMP: 32,
    Family.INSTANT: 32,
    Family.UUID: 36,
}
TIMES = (Family.TIMESTAMP, Family.INSTANT)
NUMBERS = (Family.INTEGER, Family.DECIMAL, Family.FLOAT)


class Types(Protocol):
    """One engine's types, to and from the canonical ones. Pure."""

    counter: str | None
    """What `Column.counter` says in this engine of a column whose rows the database numbers; None: it cannot."""

    def canonical(self, type_: ColumnType) -> Canonical:
        """What a column's type is; OTHER where no family knows it."""
        ...

    def native(self, type_: Canonical) -> ColumnType | None:
        """The type of a column to be made that loses nothing of it, the closest first; None: there is none."""
        ...

    def named(self, text: str) -> ColumnType | None:
        """The type that a person names in this engine's words (`numeric(12, 2)`); None: no such type."""
        ...

    def equality(self, type_: ColumnType) -> Equality:
        """Which texts of such a column are equal, letter case apart (`Column.ignores_case`)."""
        ...

    def every(self) -> Sequence[ColumnType]:
        """Its types, one of each, for the table that people read and for the tests that prove it."""
        ...
