"""Cutting fields out of a block of rows and putting replacements in, without touching any other byte.

A block is the rows of one batch as one piece of bytes. Arrow does the work: the block is seen as an array of byte
strings, cut at the fields' bounds, and `take` puts strings of the block and replacements together in the new order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.arrays import Bytes, Places, array, characters, starts
from connectors.contract import TableCopy
from connectors.errors import Unsupported, ValueRefused
from connectors.postgresql import dates
from connectors.postgresql.types import PgType
from connectors.schema import Column, Kind


class Field(NamedTuple):
    """One column of a block: where each row's field starts and ends (its framing included), and which are NULL."""

    start: Places
    end: Places
    null: npt.NDArray[np.bool_]


class Format(Protocol):
    """How rows are written in a COPY format: what splicing needs to know of it."""

    option: str
    """Ends the COPY statements."""

    header: bytes
    trailer: bytes

    def locate(self, block: Bytes, starts: Places, columns: int, wanted: Sequence[int]) -> list[Field]:
        """The fields at the ascending positions `wanted` of rows with so many columns, beginning at `starts`."""
        ...

    def texts(self, block: Bytes, field: Field) -> pa.StringArray: ...

    def integers(self, block: Bytes, field: Field, width: int) -> pa.Int64Array: ...

    def uuids(self, block: Bytes, field: Field) -> pa.StringArray: ...

    def dates(self, block: Bytes, field: Field, kind: str) -> pa.Int64Array:
        """Dates or timestamps as the server counts them (`connectors.postgresql.dates`)."""
        ...

    def pieces(self, values: pa.Array, width: int) -> list[pa.BinaryArray]:
        """New fields, framing included, as parts that follow each other; `width` is that of an integer column."""
        ...

    def date_pieces(self, counts: pa.Int64Array, kind: str) -> list[pa.BinaryArray]:
        """New fields of dates or timestamps, given as the server counts them."""
        ...


class Splicer:
    """A table's policy at work on the blocks of one COPY."""

    def __init__(self, copy: TableCopy, format_: Format) -> None:
        if copy.anonymize is None:
            raise ValueError("nothing to mask")
        self._format, self._anonymize = format_, copy.anonymize
        self._columns = copy.source.copied
        places = {column.name: place for place, column in enumerate(self._columns)}
        self._seen = [places[name] for name in copy.anonymize.columns]
        self._masked = [places[name] for name in copy.anonymize.masked]
        self._wanted = sorted({*self._seen, *self._masked})

    def __call__(self, rows: pa.BinaryArray) -> tuple[memoryview, Mapping[str, int]]:
        """The rows, a string each, with their masked fields replaced, and what the anonymizer counted."""
        count, block = len(rows), characters(rows)
        located = self._format.locate(block, starts(rows), len(self._columns), self._wanted)
        fields = dict(zip(self._wanted, located, strict=True))
        read = {place: self._read(block, fields[place], self._columns[place]) for place in self._seen}
        seen = [_shown(values, self._columns[place]) for place, values in read.items()]
        names = list(self._anonymize.columns)
        # Without columns to see the batch still has to say how many rows it is for.
        batch = (
            pa.RecordBatch.from_arrays(seen, names)
            if seen
            else pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))
        )
        masked, counts = self._anonymize(batch)
        if masked.num_rows != count or masked.num_columns != len(self._masked):
            raise ValueError(f"{masked.num_rows} rows of {masked.num_columns} columns came back for {count} rows")
        given = dict(zip(self._masked, masked.columns, strict=True))
        parts = [
            (fields[place], self._write(given[place], self._columns[place], read.get(place))) for place in sorted(given)
        ]
        return splice(block, parts), counts

    def _read(self, block: Bytes, field: Field, column: Column) -> pa.Array:
        if column.type.kind is Kind.INTEGER:
            return self._format.integers(block, field, width_of(column))
        if column.type.kind is Kind.UUID:
            return self._format.uuids(block, field)
        if dates.base(column):
            return self._format.dates(block, field, dates.base(column))
        if column.type.kind is not Kind.TEXT:
            raise Unsupported(f"column {column.name}: no strategy can see values of type {column.type.native}")
        texts = self._format.texts(block, field)
        padded = isinstance(column.type, PgType) and column.type.base == "bpchar"
        return pc.utf8_rtrim(texts, " ") if padded else texts

    def _write(self, values: pa.Array, column: Column, before: pa.Array | None) -> list[pa.BinaryArray]:
        if before is not None and dates.base(column):
            return self._format.date_pieces(dates.counted(values, before, column), dates.base(column))
        if pa.types.is_int64(values.type):
            limit = 1 << (8 * width_of(column) - 1)
            low, high = pc.min_max(values).values()
            if values.null_count < len(values) and not -limit <= low.as_py() <= high.as_py() < limit:
                raise ValueRefused(f"column {column.name}: a replacement does not fit into {column.type.native}")
        return self._format.pieces(values, width_of(column))


def _shown(values: pa.Array, column: Column) -> pa.Array:
    return dates.shown(values, column) if dates.base(column) else values


def width_of(column: Column) -> int:
    return (column.type.bits or 0) // 8


def splice(block: Bytes, parts: Sequence[tuple[Field, Sequence[pa.BinaryArray]]]) -> memoryview:
    """The block with each field (one at least, ascending, not overlapping) replaced by its pieces."""
    count, fields = len(parts[0][0].start), len(parts)
    # Strings of the block, per row: [kept, replaced] for each field; what follows a row's last field belongs to the
    # string before the next row's first one.
    offsets = np.empty(2 * fields * count + 2, np.int32)
    offsets[0], offsets[-1] = 0, len(block)
    bounds = offsets[1:-1].reshape(count, 2 * fields)
    for place, (field, _) in enumerate(parts):
        bounds[:, 2 * place], bounds[:, 2 * place + 1] = field.start, field.end
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block)]
    sources = [pa.BinaryArray.from_buffers(pa.binary(), 2 * fields * count + 1, buffers)]
    order = np.empty((count, fields + sum(len(pieces) for _, pieces in parts)), np.int32)
    kept, base, at = np.arange(count, dtype=np.int32) * np.int32(2 * fields), len(sources[0]), 0
    for place, (_, pieces) in enumerate(parts):
        order[:, at] = kept + 2 * place
        at += 1
        for piece in pieces:
            sources.append(piece)
            order[:, at] = np.arange(base, base + count, dtype=np.int32)
            base += count
            at += 1
    indices = np.append(order.reshape(-1), np.int32(2 * fields * count))
    result = pa.concat_arrays(sources).take(array(indices))
    end = np.frombuffer(result.buffers()[1], np.int32)[len(indices)]
    return memoryview(result.buffers()[2])[:end]
