"""What keeps a unique index from being made: the rows that share a value."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.schema import quoted
from connectors.sqlite.definition import index_words
from connectors.sqlite.session import Session


@dataclass(frozen=True)
class Duplicates:
    rows: int
    """More than there may be."""
    query: str
    """Shows which values they share."""


def duplicates(session: Session, table: str, statement: str) -> Duplicates:
    """Of a CREATE UNIQUE INDEX that was refused. NULLs are no duplicates."""
    words = index_words(statement)
    parts = [
        part.expression
        if part.name is None
        else quoted(part.name) + (f" COLLATE {part.collation}" if part.collation else "")
        for part in words.parts
    ]
    conditions = [f"{part} IS NOT NULL" for part in parts] + ([f"({words.where})"] if words.where else [])
    shared = f"FROM {quoted(table)} WHERE {' AND '.join(conditions)} GROUP BY {', '.join(parts)} HAVING count(*) > 1"
    rows = session.value(f"SELECT ifnull(sum(rows), 0) FROM (SELECT count(*) - 1 AS rows {shared})")
    return Duplicates(int(rows), f"SELECT {', '.join(parts)}, count(*) {shared}")
