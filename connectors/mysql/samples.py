"""A few rows from all over a table, as text: what detection looks at. Keys are looked up, nothing is scanned."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

from connectors.mysql.session import Session
from connectors.mysql.types import identifier, type_of
from connectors.samples import SAMPLED, batch
from connectors.schema import Column, Kind, Table

if TYPE_CHECKING:
    import pyarrow as pa

PLACES = 32
INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})


def read(session: Session, table: Table, columns: Sequence[str], rows: int) -> pa.RecordBatch:
    """`connectors.contract.SourceSession.sample`. A table without a key of one integer gives its first rows."""
    source, selected = identifier(table.name.name), "".join(f", {cut(table.column(name))}" for name in columns)
    first = table.column(table.primary_key[0]) if table.primary_key else None
    if first is not None and type_of(first).base in INTEGERS:
        found = spread(session, source, table, selected, rows)
    else:
        order = f" ORDER BY {', '.join(map(identifier, table.primary_key))}" if table.primary_key else ""
        found = session.rows(f"SELECT 0{selected} FROM {source}{order} LIMIT {rows}")
    return batch(columns, [cells for _, *cells in found])


def spread(session: Session, source: str, table: Table, selected: str, rows: int) -> list[tuple[Any, ...]]:
    """Rows from places at equal distances of the key's first column; where its numbers have large gaps, the first rows
    fill up."""
    keys = list(map(identifier, table.primary_key))
    number, order, hint = keys[0], ", ".join(keys), " FORCE INDEX (PRIMARY)"
    whole = f"concat_ws(',', {', '.join(f'HEX({key})' for key in keys)})"
    [(low, high)] = session.rows(f"SELECT min({number}), max({number}) FROM {source}")
    if low is None:
        return []
    select = f"SELECT {whole}{selected} FROM {source}{hint}"
    found: dict[str, tuple[Any, ...]] = {}
    span = int(high) - int(low) + 1
    for place in range(PLACES):
        first, last = int(low) + span * place // PLACES, int(low) + span * (place + 1) // PLACES - 1
        part = f"{select} WHERE {number} BETWEEN {first} AND {last} ORDER BY {order} LIMIT {ceil(rows / PLACES)}"
        found |= {row[0]: row for row in session.rows(part)}
    if len(found) < rows:
        found |= {row[0]: row for row in session.rows(f"{select} ORDER BY {order} LIMIT {rows}")}
    return list(found.values())[:rows]


def cut(column: Column) -> str:
    """A column as text of at most SAMPLED characters."""
    name, type_ = identifier(column.name), type_of(column)
    if type_.kind is Kind.BINARY or (type_.as_bytes and type_.charset is None):
        return "NULL"
    return f"LEFT({name if type_.charset else f'CAST({name} AS CHAR)'}, {SAMPLED})"
