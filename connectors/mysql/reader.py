"""Reading for another engine, or through a mapping: a chunk's rows in the canonical forms (`connectors.types.FORMS`).

A text reaches us in UTF-8 as it is, or it does not: where the server would put a question mark for what its character set
does not know, the statement gives what no UTF-8 text is, and the chunk stops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from connectors.arrays import record_batch
from connectors.contract import Chunk, TableCopy, TransferJob
from connectors.errors import ValueRefused
from connectors.mysql.canonical import numbers, types
from connectors.mysql.ends import SourceEnd
from connectors.mysql.filters import rendered
from connectors.mysql.read import batches, statement
from connectors.mysql.types import identifier, selected, type_of
from connectors.schema import Column

AS_IT_IS = frozenset({"utf8mb4", "latin1"})
"""Character sets whose every text, whatever its bytes, has its one form in utf8mb4, or is found out here."""
NO_TEXT = "X'FF'"


class Reader:
    """`connectors.crossing.Reader`."""

    def __init__(self, job: TransferJob) -> None:
        self._job, self._source = job, SourceEnd(job)
        self._source.session()

    def read(self, copy: TableCopy, chunk: Chunk, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """What ends before its last row leaves no session behind: the server would still be sending."""
        wanted = [copy.source.column(name) for name in columns]
        where = None if copy.where is None else rendered(copy.where)
        query = statement(copy.source, list(map(shown, wanted)), chunk.bounds.token, where)
        whole = False
        try:
            self._source.same_table(copy)
            with self._source.reading(copy, chunk):
                for fields, rows, _ in batches(self._source.session().connection, query, len(columns)):
                    found = [carried(values, c) for values, c in zip(fields, wanted, strict=True)]
                    yield record_batch(found, columns, rows)
            whole = True
        finally:
            if not whole:
                self.close()

    def close(self) -> None:
        self._source.close()


def shown(column: Column) -> str:
    """An expression for the column's value in its canonical form."""
    name, type_ = identifier(column.name), type_of(column)
    if type_.base == "bit":
        return f"LPAD(BIN(CAST({name} AS UNSIGNED)), {numbers(type_.native)[0]}, '0')"
    if type_.base == "year" or "zerofill" in type_.native:
        return f"{name} + 0"
    if type_.charset is not None and type_.base != "json" and type_.charset not in AS_IT_IS:
        text = f"CONVERT({name} USING utf8mb4)"
        same = f"CAST(CONVERT({text} USING {type_.charset}) AS BINARY) <=> CAST({name} AS BINARY)"
        return f"IF({same}, CAST({text} AS BINARY), {NO_TEXT})"
    return selected(column) if type_.base == "float" else name


def carried(values: pa.BinaryArray, column: Column) -> pa.Array:
    """The values as their carrier. Raises ValueRefused for bytes that are no text."""
    if types.canonical(column.type).carrier == "binary":
        return values
    try:
        texts = values.cast(pa.string())
    except pa.ArrowInvalid:
        texts = None
    if texts is None:
        raise ValueRefused(
            f"column {column.name} holds bytes that are no text of its character set {type_of(column).charset}",
            todo="mend these rows in the source, or leave the column out (`column_mappings`)",
        )
    if type_of(column).base == "float":  # as many digits as tell 32 bits apart
        texts = texts.cast(pa.float64()).cast(pa.float32()).cast(pa.string())
    return texts
