r"""Loading what another engine's reader gives: text COPY in one transaction with the chunk's ledger row.

Carriers are in forms that the server reads by itself, so a block of rows is only put together: fields between tabs, rows
ended by newlines, NULL as `\N`, what would be taken for one of these escaped, bytes as hexadecimal digits.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.arrays import bitmap, bounds, characters, nulls
from connectors.contract import Chunk, Loaded, TableCopy, TransferJob
from connectors.crossing import Batches
from connectors.errors import TerminalError, Unsupported, ValueRefused
from connectors.postgresql.canonical import shortens
from connectors.postgresql.copy_binary import HEXADECIMAL
from connectors.postgresql.copy_text import BACKSLASH, ESCAPES, TextFormat
from connectors.postgresql.ends import claim, commit, count_cents, open_target
from connectors.postgresql.errors import translated
from connectors.postgresql.session import Connection, close
from connectors.postgresql.statements import copy_in
from connectors.postgresql.wire import CopyIn
from connectors.schema import quoted

BLANK = ord(" ")
LONGEST = 1 << 29
"""Bytes that the server takes in one value as hexadecimal digits."""


class Loader:
    """`connectors.crossing.Loader`."""

    def __init__(self, job: TransferJob) -> None:
        self._job = job
        self._connection: Connection | None = None
        self._open()

    def load(self, copy: TableCopy, chunk: Chunk, batches: Batches) -> Loaded:
        try:
            with translated(f"{copy.target.name}, chunk {chunk.number}"):
                return self._load(copy, chunk, batches)
        except BaseException:
            self.close()
            raise

    def _load(self, copy: TableCopy, chunk: Chunk, batches: Batches) -> Loaded:
        target = self._open()
        check(target, copy)
        before = claim(target, self._job, chunk)
        if before:
            return before
        columns = ", ".join(map(quoted, batches.columns))
        writer = CopyIn(target, copy_in(copy.into, columns, TextFormat.option))
        rows = 0
        for batch in batches:
            writer.put(block(batch))
            rows += batch.num_rows
        written = writer.end()
        if rows != written:
            raise TerminalError(f"{rows} rows sent, {written} loaded: they must be equal")
        loaded = Loaded(chunk.table_id, chunk.number, rows, batches.bytes, dict(batches.counts))
        commit(target, self._job, loaded)
        return loaded

    def close(self) -> None:
        if self._connection is not None:
            close(self._connection)
        self._connection = None

    def _open(self) -> Connection:
        self._connection = self._connection or open_target(self._job)
        return self._connection


def check(target: Connection, copy: TableCopy) -> None:
    """Raises Unsupported where the server would change values in silence."""
    count_cents(target, [copy.target.column(field.target) for field in copy.fields])
    for field in copy.fields:
        type_ = copy.target.column(field.target).type
        same = field.source is not None and copy.source.column(field.source).type.native == type_.native
        if shortens(type_) and not same:
            raise Unsupported(
                f"column {field.target} is of type {type_.native}, which shortens what it takes without an error",
                todo="give it the same type without limits, or leave it out (`column_mappings`)",
            )


def block(batch: pa.RecordBatch) -> memoryview:
    """The rows as text COPY has them."""
    columns = [escaped(column) for column in batch.columns]
    if not columns:
        return memoryview(b"\n" * batch.num_rows)
    columns[-1] = pc.binary_join_element_wise(columns[-1], "", "\n", null_handling="replace", null_replacement="\\N")
    rows = pc.binary_join_element_wise(*columns, "\t", null_handling="replace", null_replacement="\\N")
    return characters(rows).data


def escaped(values: pa.Array) -> pa.StringArray:
    if pa.types.is_binary(values.type):
        return hexadecimal(values)
    found = characters(values)
    if bool((found < BLANK).any() or (found == BACKSLASH).any()):
        for character, escape in ESCAPES:
            values = pc.replace_substring(values, character, escape)
    return values


def hexadecimal(values: pa.BinaryArray) -> pa.StringArray:
    r"""Bytes as the server reads them, their `\x` escaped."""
    found, offsets = characters(values), bounds(values)
    if len(found) > LONGEST:
        raise ValueRefused("a row holds more than 512 MB of bytes, which the server takes in no single value")
    ends, digits = (offsets - offsets[0]) * np.int32(2), HEXADECIMAL[found]
    buffers = [bitmap(nulls(values)), pa.py_buffer(ends), pa.py_buffer(digits)]
    return pc.binary_join_element_wise("\\\\x", pa.Array.from_buffers(pa.string(), len(values), buffers), "")
