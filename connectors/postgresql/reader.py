"""Reading a chunk for another engine: binary COPY in the snapshot, its fields cut into carriers column by column.

Each column is selected in the form from which its carrier is made with the least work on both sides: numbers, dates,
UUIDs and bytes as they are, the rest as text written by the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from psycopg.pq import TransactionStatus

from connectors.arrays import Bytes, characters, cut, record_batch, starts
from connectors.contract import Chunk, TableCopy, TransferJob
from connectors.errors import ValueRefused
from connectors.postgresql import dates
from connectors.postgresql.copy_binary import BinaryFormat
from connectors.postgresql.ends import blocks, count_cents, open_source, reading
from connectors.postgresql.errors import translated
from connectors.postgresql.session import Connection, close, configure
from connectors.postgresql.splice import Field
from connectors.postgresql.types import BITS, PgType
from connectors.schema import Column, Kind, quoted

BYTES = 2 << 20
FORMAT = BinaryFormat()
ISO_INTERVALS = {"intervalstyle": "iso_8601"}

Carried = Callable[[Bytes, Field], pa.Array]

CAST = frozenset(
    {"text", "varchar", "bpchar", "name", "citext", "char", "numeric", "float4", "float8"}
    | {"time", "interval", "json", "jsonb", "bit", "varbit"}
)
"""Cast to text they are in their canonical form; a `char(n)` without the blanks that say nothing."""


class Reader:
    """`connectors.crossing.Reader`."""

    def __init__(self, job: TransferJob) -> None:
        self._job = job
        self._connection: Connection | None = None
        self._open()

    def read(self, copy: TableCopy, chunk: Chunk, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        source = self._open()
        done = False
        try:
            with reading(self._job, copy):
                yield from self._batches(source, copy, chunk, [copy.source.column(name) for name in columns])
            done = True
        finally:
            if not done:  # the COPY is not at its end, and perhaps nobody waits for it
                self._leave(source)

    def _batches(
        self, source: Connection, copy: TableCopy, chunk: Chunk, columns: Sequence[Column]
    ) -> Iterator[pa.RecordBatch]:
        count_cents(source, columns)
        selected = ", ".join(expression(column) for column in columns)
        for rows in blocks(self._job, copy, chunk, source, selected, FORMAT, BYTES):
            block = characters(rows)
            fields = FORMAT.locate(block, starts(rows), len(columns), range(len(columns)))
            arrays = [carrier(block, field, column) for field, column in zip(fields, columns, strict=True)]
            yield record_batch(arrays, [column.name for column in columns], len(rows))

    def close(self) -> None:
        if self._connection is not None:
            self._leave(self._connection)

    def _open(self) -> Connection:
        """The session in the snapshot; a new one where an abandoned reading has left the old one at work."""
        if self._connection is not None and self._connection.info.transaction_status != TransactionStatus.INTRANS:
            self.close()
        if self._connection is None:
            self._connection = open_source(self._job)
            with translated(self._job.source.environment):
                configure(self._connection, ISO_INTERVALS)
        return self._connection

    def _leave(self, source: Connection) -> None:
        close(source)
        if self._connection is source:
            self._connection = None


def base(column: Column) -> str:
    return column.type.base if isinstance(column.type, PgType) else ""


def expression(column: Column) -> str:
    """What is selected of a column."""
    name, kind = quoted(column.name), base(column)
    if kind in BINARY:
        return name
    if kind == "money":
        return f"{name}::pg_catalog.numeric::pg_catalog.text"
    if kind in CAST or column.type.kind is Kind.ENUM:
        return f"{name}::pg_catalog.text"
    # A cast to text may be a function of its own (that of inet adds /32), and a composite of NULLs is not NULL.
    return f"CASE WHEN pg_catalog.num_nulls({name}) = 0 THEN pg_catalog.format('%s', {name}) END"


def carrier(block: Bytes, field: Field, column: Column) -> pa.Array:
    """A column's fields in the form of their family."""
    found = BINARY.get(base(column))
    if found is not None:
        return found(block, field)
    try:
        return cut(block, field.start + 4, field.end, field.null).cast(pa.string())
    except pa.ArrowInvalid:
        pass
    raise ValueRefused(
        f"column {column.name} holds a text that is not valid UTF-8",
        todo="mend such values in the source, or leave their rows out by a filter",
    )


def _integers(width: int) -> Carried:
    return lambda block, field: FORMAT.integers(block, field, width).cast(pa.string())


def _dates(kind: str, spelt: str) -> Carried:
    return lambda block, field: dates.spelt(FORMAT.dates(block, field, kind), spelt)


def _bytes(block: Bytes, field: Field) -> pa.BinaryArray:
    return cut(block, field.start + 4, field.end, field.null)


BINARY: dict[str, Carried] = {
    **{base: _integers(bits // 8) for base, bits in BITS.items()},
    "bool": _integers(1),
    "date": _dates("date", "date"),
    "timestamp": _dates("timestamp", "timestamp"),
    "timestamptz": _dates("timestamptz", "timestamp"),
    "uuid": FORMAT.uuids,
    "bytea": _bytes,
}
"""How carriers are made of those that come as they are."""
