"""Types: what a column's type is beyond its name, and how each travels as exact text.

A column is selected as text that says its value exactly, or as the bytes it is made of: BIT and ENUM as numbers, FLOAT with
all its digits, geometries and texts of odd character sets as their bytes. Bytes are loaded as hexadecimal digits, which the
reading task makes: the server's own HEX gives NULL, and only warns, above half of its `max_allowed_packet`. Everything here
is pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from connectors.schema import Column, ColumnType, Kind

KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), Kind.TEXT),
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), Kind.INTEGER),
    **dict.fromkeys(("float", "double"), Kind.FLOAT),
    **dict.fromkeys(("datetime", "timestamp"), Kind.TIMESTAMP),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), Kind.BINARY),
    **dict.fromkeys(("enum", "set"), Kind.ENUM),
    "decimal": Kind.DECIMAL,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "json": Kind.JSON,
    "uuid": Kind.UUID,
}
BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
SPATIAL = frozenset(
    {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}
    | {"geometrycollection", "geomcollection"}
)
AS_BYTES = frozenset(name for name, kind in KINDS.items() if kind is Kind.BINARY) | SPATIAL | {"vector"}
UNICODE = frozenset({"utf8mb4", "utf8mb3", "utf8", "ucs2", "utf16", "utf16le", "utf32"})
EXACT = UNICODE | {"ascii", "latin1"}
"""Character sets whose every text reaches utf8mb4 and comes back as it was."""

WIDTH = re.compile(r"^(tinyint(?!\(1\))|smallint|mediumint|int|bigint|year)\(\d+\)(?!.*zerofill)")
"""What newer servers do not show any more. `tinyint(1)` stays: programs take it for true and false."""


@dataclass(frozen=True)
class MyType(ColumnType):
    """A column's type with what only this engine's folder looks at."""

    base: str = ""
    """The type's name without its modifiers (`bigint`, `varchar`)."""
    charset: str | None = None
    collation: str | None = None

    def for_tasks(self) -> MyType:
        return replace(self, collation=None)

    @property
    def as_bytes(self) -> bool:
        """Whether values travel as their bytes."""
        return self.base in AS_BYTES or (self.charset is not None and self.charset not in EXACT and self.base != "json")


def type_of(column: Column) -> MyType:
    assert isinstance(column.type, MyType)
    return column.type


def identifier(name: str) -> str:
    """A name in this engine's quotes."""
    return "`" + name.replace("`", "``") + "`"


def selected(column: Column, of: str = "") -> str:
    """An expression for the column's exact value as text or bytes; `of` is put before the name (`t.`)."""
    name, type_ = of + identifier(column.name), type_of(column)
    if type_.as_bytes and type_.charset is not None:
        return f"CAST({name} AS BINARY)"
    if type_.base == "bit":
        return f"CAST({name} AS UNSIGNED)"
    if type_.base == "enum":
        return f"{name} + 0"  # a value that is no member shows as '', which may be one, and is number 0
    if type_.base == "float":
        return f"{name} * 1e0"  # as it stands, six digits of it would be shown
    return name


def loaded(column: Column, given: str) -> str:
    """The column's value from `given`, an expression for what `selected` gave, bytes as hexadecimal digits."""
    type_ = type_of(column)
    if type_.as_bytes:
        return f"UNHEX({given})"
    if type_.base in ("bit", "enum"):
        return f"CAST({given} AS UNSIGNED)"
    return given


def column_type(declared: str, base: str, charset: str | None, collation: str | None, is_json: bool) -> MyType:
    """The type of a column: `declared` is the catalog's text, `is_json` that a CHECK keeps everything else out of it."""
    native = WIDTH.sub(r"\1", declared)
    unsigned = "unsigned" in native
    base = "json" if is_json else base
    kind = KINDS.get(base, Kind.OTHER)
    if base == "bigint" and unsigned:
        kind = Kind.DECIMAL  # half of its values are beyond every signed integer
    length = re.fullmatch(r"(?:var)?char\((\d+)\)", native)
    return MyType(
        native="json" if is_json else native,
        kind=kind,
        length=int(length[1]) if length else LENGTHS.get(base),
        bits=BITS[base] if kind is Kind.INTEGER else None,
        base=base,
        unsigned=unsigned,
        charset=charset,
        collation=collation,
    )


LENGTHS = {"tinytext": 255, "text": 65_535, "mediumtext": 16_777_215}
"""Bytes, which is the least of characters that always fit only for one-byte texts; longer ones the server refuses."""


def declared_so(type_: MyType, declared: str) -> bool:
    """Whether a column of that type is still declared as the catalog's text says."""
    return type_.native == WIDTH.sub(r"\1", declared) or (type_.base == "json" and declared == "longtext")
