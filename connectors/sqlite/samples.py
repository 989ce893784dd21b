"""A few rows from all over a table, as text: what detection looks at. Row numbers are looked up, nothing is scanned."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

from connectors.samples import SAMPLED, batch
from connectors.schema import Table, quoted
from connectors.sqlite.schema import detail
from connectors.sqlite.session import Session

if TYPE_CHECKING:
    import pyarrow as pa

PLACES = 32
SELECTED = 1000
"""Columns asked for at once: SQLite gives no more than 2,000, the row's number among them."""


def sample(session: Session, table: Table, columns: Sequence[str], rows: int) -> pa.RecordBatch:
    """`connectors.contract.SourceSession.sample`. Tables without row numbers give their first rows."""
    parts = [columns[at : at + SELECTED] for at in range(0, len(columns), SELECTED)]
    cells = [read(session, table, part, rows) for part in parts]
    return batch(columns, [[cell for part in row for cell in part] for row in zip(*cells, strict=True)])


def read(session: Session, table: Table, columns: Sequence[str], rows: int) -> list[list[str | None]]:
    """Some columns of the sample: the same rows whichever they are, while the transaction lasts."""
    addressing, source = detail(table).addressing, quoted(table.name.name)
    selected = "".join(f", {cut(name)}" for name in columns)
    if addressing is None or addressing.key:
        order = f" ORDER BY {addressing.order()}" if addressing else ""
        found = session.rows(f"SELECT 0{selected} FROM {source}{order} LIMIT ?", (rows,))
    else:
        found = spread(session, source, addressing.order(), selected, rows)
    encoding = detail(table).encoding
    return [[text(cell, encoding) for cell in cells] for _, *cells in found]


def spread(session: Session, table: str, number: str, selected: str, rows: int) -> list[tuple[Any, ...]]:
    """Rows from places at equal distances; where the numbers have large gaps, the first rows fill up."""
    # Two queries in one: asked for both at once, SQLite reads the whole table.
    [(low, high)] = session.rows(f"SELECT (SELECT min({number}) FROM {table}), (SELECT max({number}) FROM {table})")
    if low is None:
        return []
    select = f"SELECT {number}{selected} FROM {table} NOT INDEXED"
    found: dict[int, tuple[Any, ...]] = {}
    span = high - low + 1
    for place in range(PLACES):
        ends = (low + span * place // PLACES, low + span * (place + 1) // PLACES - 1)
        part = f"{select} WHERE {number} BETWEEN ? AND ? ORDER BY {number} LIMIT ?"
        found |= {row[0]: row for row in session.rows(part, (*ends, ceil(rows / PLACES)))}
    if len(found) < rows:
        found |= {row[0]: row for row in session.rows(f"{select} ORDER BY {number} LIMIT ?", (rows,))}
    return list(found.values())[:rows]


def cut(column: str) -> str:
    """A column's first characters as bytes: texts that are no valid Unicode are no error here."""
    name = quoted(column)
    return f"iif(typeof({name}) = 'blob', NULL, CAST(substr(CAST({name} AS TEXT), 1, {SAMPLED}) AS BLOB))"


def text(cell: bytes | None, encoding: str) -> str | None:
    return None if cell is None else cell.decode(encoding, errors="replace")
