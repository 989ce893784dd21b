"""Declared types: which affinity SQLite gives them, and which kind of values people keep there."""

from __future__ import annotations

import re

from connectors.schema import ColumnType, Kind

NAMED = {
    "BOOL": Kind.BOOLEAN,
    "BOOLEAN": Kind.BOOLEAN,
    "DATE": Kind.DATE,
    "TIME": Kind.TIME,
    "DATETIME": Kind.TIMESTAMP,
    "TIMESTAMP": Kind.TIMESTAMP,
    "TIMESTAMPTZ": Kind.TIMESTAMP,
    "UUID": Kind.UUID,
    "GUID": Kind.UUID,
    "UNIQUEIDENTIFIER": Kind.UUID,
    "JSON": Kind.JSON,
    "": Kind.OTHER,
    "ANY": Kind.OTHER,
}
"""First words that say more than their affinity. No type, and ANY, promise nothing."""

BY_AFFINITY = {
    "INTEGER": Kind.INTEGER,
    "TEXT": Kind.TEXT,
    "BLOB": Kind.BINARY,
    "REAL": Kind.FLOAT,
    "NUMERIC": Kind.DECIMAL,
}


def affinity(declared: str) -> str:
    """SQLite's own rule, in its order (https://sqlite.org/datatype3.html#determination_of_column_affinity)."""
    text = declared.upper()
    if "INT" in text:
        return "INTEGER"
    if any(word in text for word in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if not text or "BLOB" in text:
        return "BLOB"
    if any(word in text for word in ("REAL", "FLOA", "DOUB")):
        return "REAL"
    return "NUMERIC"


def column_type(declared: str) -> ColumnType:
    """SQLite enforces neither a length nor a width, so none is promised: every text is unlimited, integers have 64 bits."""
    first = re.split(r"[\s(]", declared.strip().upper(), maxsplit=1)[0]
    kind = NAMED.get(first) or BY_AFFINITY[affinity(declared)]
    return ColumnType(declared, kind, bits=64 if kind is Kind.INTEGER else None)


def same(one: str, other: str) -> bool:
    """Whether two declared types are the same, however they are spelt."""
    return re.sub(r"\s+", "", one).upper() == re.sub(r"\s+", "", other).upper()
