"""What this engine cannot make of a table that was planned from another engine's, or that a mapping has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from connectors.mysql.canonical import numbers
from connectors.mysql.types import AS_BYTES, BITS, LENGTHS, type_of
from connectors.schema import Column, Table

NAME = 64
COLUMNS = 1017
KEY_COLUMNS, KEY_BYTES = 16, 3072
CUT = 191
"""Characters of a text without end that an index is made of."""
COLUMN_COMMENT, TABLE_COMMENT = 1024, 2048
ROW_BYTES = 65_535
LONG = (AS_BYTES - {"binary", "varbinary"}) | {"longtext", "json", *LENGTHS}
"""Types of which a row holds where the value is, and a key nothing."""
POINTER = 12
FIXED = {"float": 4, "double": 8, "date": 3, "time": 6, "datetime": 8, "timestamp": 7, "year": 1, "enum": 2, "set": 8,
         "uuid": 16, "inet4": 4, "inet6": 16}  # fmt: skip
CHOOSE = "choose another type (`column_mappings`)"
RENAME = "give it another name (`column_mappings`)"
BY_HAND = "make the table by hand"


def exceeded(table: Table, widths: Mapping[str, int], hashes: bool = False) -> Iterator[str]:
    """A sentence for each. `widths`: the most bytes of a character, by character set. `hashes`: the server makes unique keys
    of any length, by a hash of the values that it compares whole."""
    for name in (table.name.name, *(column.name for column in table.columns)):
        yield from _misnamed(name)
    folded = Counter(column.name.lower() for column in table.columns)
    for name, count in folded.items():
        if count > 1:
            yield f"{count} columns are named {name} here, where letter case says nothing: {RENAME}"
    if len(table.columns) > COLUMNS:
        yield f"it has {len(table.columns):,} columns, and a table takes {COLUMNS:,}: leave some out (`column_mappings`)"
    counters = [column.name for column in table.columns if column.counter]
    if len(counters) > 1:
        yield f"columns {', '.join(counters)} are numbered by the source, and here a table numbers one: {BY_HAND}"
    yield from _key("the primary key", [table.column(name) for name in table.primary_key], widths)
    for index in table.indexes:
        if index.unique and not hashes:
            columns = [table.column(part.column) for part in index.parts if part.column and not part.length]
            yield from _key(f"the unique key {index.name}", columns, widths)
        elif len(index.parts) > KEY_COLUMNS:
            yield f"the index {index.name} has {len(index.parts)} columns, and the server takes {KEY_COLUMNS}: {BY_HAND}"
    yield from _commented(table)
    width = sum(size(column, widths) for column in table.columns) + len(table.columns) // 8 + 1
    if width > ROW_BYTES:
        yield f"a row may take {width:,} bytes, and the server takes {ROW_BYTES:,}: make texts longtext (`column_mappings`)"


def _misnamed(name: str) -> Iterator[str]:
    if len(name) > NAME:
        yield f"the name {name} is longer than {NAME} characters: {RENAME}"
    elif not name or name != name.rstrip(" ") or any(not 0 < ord(letter) <= 0xFFFF for letter in name):
        yield f"nothing can be named {name!r} here: {RENAME}"


def _key(what: str, parts: Sequence[Column], widths: Mapping[str, int]) -> Iterator[str]:
    long = [column for column in parts if type_of(column).base in LONG]
    for column in long:
        yield (
            f"column {column.name} is part of {what}, which no {type_of(column).native} can be: name a type that"
            " ends, such as varchar(190) (`column_mappings`)"
        )
    taken = 0 if long else sum(size(column, widths) for column in parts)
    if taken > KEY_BYTES:
        yield f"{what} takes {taken:,} bytes, and the server takes {KEY_BYTES:,}: {CHOOSE}"
    if len(parts) > KEY_COLUMNS:
        yield f"{what} has {len(parts)} columns, and the server takes {KEY_COLUMNS}: {BY_HAND}"


def _commented(table: Table) -> Iterator[str]:
    for name, comment, most in (
        ("it", table.comment, TABLE_COMMENT),
        *((f"column {column.name}", column.comment, COLUMN_COMMENT) for column in table.columns),
    ):
        if len(comment or "") > most:
            yield f"{name} has a comment of more than {most:,} characters, which the server does not take: shorten it"


def size(column: Column, widths: Mapping[str, int]) -> int:
    """The most bytes of a row that the column takes; for those of any length, those that say how long it is apart."""
    type_ = type_of(column)
    first, _ = numbers(type_.native)
    if type_.base in LONG:
        return POINTER
    if type_.base in BITS:
        return BITS[type_.base] // 8
    if type_.base in ("char", "varchar"):
        return (first or 1) * widths.get(type_.charset or "", 4)
    if type_.base == "decimal":
        return (first or 10) // 2 + 2
    if type_.base == "bit":
        return (first or 1) // 8 + 1
    return FIXED.get(type_.base) or first or 8
