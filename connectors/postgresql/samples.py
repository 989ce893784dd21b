"""A few rows from all over a table, as text: what detection looks at. Read in the snapshot by page, never by a scan.

Pages are picked at equal distances over all leaves, and rows in them by their numbers, which every version reads without
touching another page. Values that could be long are cut before they are unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from connectors.postgresql.catalog import detail
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import Leaf, sql_name
from connectors.samples import SAMPLED, batch
from connectors.schema import Column, Kind, Table, quoted

if TYPE_CHECKING:
    import pyarrow as pa

PAGES = 32
TIMEOUT = "10s"
"""How long one leaf's part may take: a server busier than that is left alone."""
PER_PAGE = 300
"""More rows than a page of the usual size can hold."""
UNPACKED = 1 << 16
"""Stored bytes of a value that is turned into text as a whole, as every type but text must be."""

Page = tuple[Leaf, int]


def read(connection: Connection, table: Table, columns: Sequence[str], rows: int) -> pa.RecordBatch:
    """`connectors.contract.SourceSession.sample`."""
    selected = ", ".join(cut(table.column(name)) for name in columns)
    picked = list(pages(detail(table).leaves, min(PAGES, rows)))
    found = [
        row
        for leaf, group in groupby(picked, key=lambda page: page[0])
        for row in rows_of(connection, leaf, selected, [number for _, number in group], rows // len(picked))
    ]
    return batch(columns, found)


def pages(leaves: Sequence[Leaf], most: int) -> Iterator[Page]:
    """Up to `most` pages at equal distances over all leaves, the first and the last included, in order."""
    total = sum(leaf.blocks for leaf in leaves)
    count = min(most, total)
    wanted = [(total - 1) * at // max(1, count - 1) for at in range(count)]
    start = 0
    for leaf in leaves:
        yield from ((leaf, at - start) for at in wanted if start <= at < start + leaf.blocks)
        start += leaf.blocks


def cut(column: Column) -> str:
    """A column as text of at most SAMPLED characters. Text is cut in its stored form, part by part."""
    name = f"s.{quoted(column.name)}"
    text = f"pg_catalog.substr({name}::pg_catalog.text, 1, {SAMPLED})"
    if column.type.kind is Kind.BINARY:
        return "NULL::pg_catalog.text"
    if column.type.kind is Kind.TEXT:
        return text
    return f"CASE WHEN pg_catalog.pg_column_size({name}) <= {UNPACKED} THEN {text} END"


def rows_of(
    connection: Connection, leaf: Leaf, selected: str, numbers: Sequence[int], each: int
) -> list[tuple[str | None, ...]]:
    """Up to `each` rows of each of these pages."""
    query = (
        f"SELECT r.* FROM unnest('{{{','.join(map(str, numbers))}}}'::int8[]) AS p (number) CROSS JOIN LATERAL"
        f" (SELECT {selected} FROM ONLY {sql_name(leaf.name)} AS s WHERE s.ctid = ANY (ARRAY(SELECT"
        f" format('(%s,%s)', p.number, n)::pg_catalog.tid FROM generate_series(1, {PER_PAGE}) AS n)) LIMIT {each}) AS r"
    )
    with connection.transaction(force_rollback=True):
        connection.execute(f"SET LOCAL statement_timeout = '{TIMEOUT}'".encode())
        return connection.execute(query.encode()).fetchall()
