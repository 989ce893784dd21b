"""SQLite's declared types in canonical words, and the declared type that keeps a canonical one.

SQLite converts by a column's affinity and enforces nothing else, so a column of any type may hold `anything`: its reader
passes on what is there, and whoever takes it looks. What decides over a type for others' values is that affinity:

    TEXT       keeps every text, and so takes what a number's affinity would change: long decimals, large integers, JSON
    NUMERIC    makes numbers of texts that read like one: harmless for dates, times and uuids, which never do; decimals keep
               15 digits
    INTEGER    keeps 64 bits with a sign
    REAL       is a double; SQLite has no NaN and would make NULL of it, so that one is kept as a text

An instant is written as UTC without a zone, as SQLite's own clock writes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.schema import ColumnType
from connectors.sqlite.types import affinity, column_type
from connectors.types import Canonical, Equality, Family

NUMERIC_DIGITS = 15
"""Decimal digits that survive in a column with NUMERIC affinity, wherever the point is."""
ANYTHING = frozenset({"anything"})

INTEGER = Canonical(Family.INTEGER, bits=64, odd=ANYTHING)
DECIMAL = Canonical(Family.DECIMAL, significant=NUMERIC_DIGITS, odd=ANYTHING)
FLOAT = Canonical(Family.FLOAT, bits=64, odd=ANYTHING)
TEXT = Canonical(Family.TEXT, odd=frozenset({"nul"}))
BINARY = Canonical(Family.BINARY)
BOOLEAN, DATE, TIME, TIMESTAMP, INSTANT, UUID, JSON, OTHER = (
    Canonical(family, odd=ANYTHING)
    for family in (
        Family.BOOLEAN,
        Family.DATE,
        Family.TIME,
        Family.TIMESTAMP,
        Family.INSTANT,
        Family.UUID,
        Family.JSON,
        Family.OTHER,
    )
)

WORDS: Mapping[str, Canonical] = {
    **dict.fromkeys(("INTEGER", "INT", "BIGINT", "SMALLINT", "TINYINT", "MEDIUMINT", "INT2", "INT4", "INT8"), INTEGER),
    **dict.fromkeys(("DECIMAL", "NUMERIC", "NUMBER", "DEC", "MONEY"), DECIMAL),
    **dict.fromkeys(("REAL", "DOUBLE", "FLOAT"), FLOAT),
    **dict.fromkeys(("TEXT", "CHAR", "VARCHAR", "NCHAR", "NVARCHAR", "CHARACTER", "CLOB"), TEXT),
    "BLOB": BINARY,
    **dict.fromkeys(("BOOLEAN", "BOOL"), BOOLEAN),
    "DATE": DATE,
    "TIME": TIME,
    **dict.fromkeys(("TIMESTAMP", "DATETIME"), TIMESTAMP),
    "TIMESTAMPTZ": INSTANT,
    **dict.fromkeys(("UUID", "GUID", "UNIQUEIDENTIFIER"), UUID),
    "JSON": JSON,
}
"""First words that people declare types with."""
BY_AFFINITY = {"INTEGER": INTEGER, "TEXT": TEXT, "REAL": FLOAT}
"""Of other words; those with NUMERIC affinity (STRING, INET …) say nothing of what is kept there."""

DECLARED = re.compile(r"\s*([A-Za-z_]\w*)(?:\s+[A-Za-z_]\w*)*\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*")
NATIVE = {
    Family.BOOLEAN: "BOOLEAN",
    Family.FLOAT: "REAL",
    Family.BINARY: "BLOB",
    Family.DATE: "DATE",
    Family.TIME: "TIME",
    Family.TIMESTAMP: "TIMESTAMP",
    Family.INSTANT: "TIMESTAMPTZ",
    Family.UUID: "UUID",
    Family.JSON: "JSON TEXT",
}
"""What a family's values keep their form in. Every other one is TEXT, which keeps any form."""


class SqliteTypes:
    """`connectors.types.Types`."""

    counter: str | None = "autoincrement"

    def canonical(self, type_: ColumnType) -> Canonical:
        declared = type_.native
        match = DECLARED.fullmatch(declared)
        known = WORDS.get(match[1].upper()) if match else None
        if known is DECIMAL and affinity(declared) == "NUMERIC":
            return _decimal(match)
        if known is None or known.family is Family.DECIMAL:
            known = BY_AFFINITY.get(affinity(declared))
        return known or (BINARY if "BLOB" in declared.upper() else OTHER)

    def native(self, type_: Canonical) -> ColumnType | None:
        return column_type(_declared(type_))

    def named(self, text: str) -> ColumnType | None:
        match = DECLARED.fullmatch(text)
        return column_type(text.strip()) if match and match[1].upper() in WORDS else None

    def equality(self, type_: ColumnType) -> Equality:
        return "exact"

    def every(self) -> Sequence[ColumnType]:
        declared = ("BOOLEAN", "INTEGER", "DECIMAL", "DECIMAL(12,2)", "REAL", "TEXT", "VARCHAR(40)", "BLOB", "DATE", "TIME",
                    "TIMESTAMP", "TIMESTAMPTZ", "UUID", "JSON TEXT", "")  # fmt: skip
        return tuple(map(column_type, declared))


def _decimal(match: re.Match[str] | None) -> Canonical:
    precision, scale = (None, None) if match is None or match[2] is None else (int(match[2]), int(match[3] or 0))
    return replace(DECIMAL, precision=precision, scale=scale)


def _declared(type_: Canonical) -> str:
    if type_.family is Family.INTEGER:
        low, high = INTEGER.bounds
        return "INTEGER" if low <= type_.bounds[0] and type_.bounds[1] <= high else "TEXT"
    if type_.family is Family.DECIMAL:
        short = type_.precision is not None and type_.precision <= NUMERIC_DIGITS
        if not short and type_.significant != NUMERIC_DIGITS:
            return "TEXT"
        return "DECIMAL" if type_.precision is None else f"DECIMAL({type_.precision},{type_.scale or 0})"
    return NATIVE.get(type_.family, "TEXT")


types = SqliteTypes()
