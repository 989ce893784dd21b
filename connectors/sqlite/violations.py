"""What keeps a unique index from being made: rows that share a value."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.schema import quoted
from connectors.sqlite.definition import index_words
from connectors.sqlite.session import Session
from connectors.sqlite.words import Part


@dataclass(frozen=True)
class Duplicates:
    groups: int
    """How many values are there more than once."""
    query: str
    """Shows them."""


def duplicates(session: Session, table: str, statement: str) -> Duplicates:
    """Of a CREATE UNIQUE INDEX that was refused. NULLs are no duplicates."""
    words = index_words(statement)
    parts = list(map(_said, words.parts))
    conditions = [f"{part} IS NOT NULL" for part in parts] + ([f"({words.where})"] if words.where else [])
    query = (
        f"SELECT {', '.join(parts)}, count(*) FROM {quoted(table)} WHERE {' AND '.join(conditions)}"
        f" GROUP BY {', '.join(parts)} HAVING count(*) > 1"
    )
    return Duplicates(int(session.value(f"SELECT count(*) FROM ({query})")), query)


def _said(part: Part) -> str:
    if part.name is None:
        return part.expression
    return quoted(part.name) + (f" COLLATE {quoted(part.collation)}" if part.collation else "")
