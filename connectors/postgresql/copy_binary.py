"""Binary COPY: a row is its number of fields (2 bytes), then each field as its length (4 bytes, -1 for NULL) and value.

Fields are found by walking the length prefixes of all rows of a block at once, column by column, as far as the last
column that is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from connectors.arrays import Bytes, Places, array, bitmap, bounds, cut, fixed, nulls, numbers
from connectors.errors import ValueRefused
from connectors.postgresql.dates import WIDTHS
from connectors.postgresql.splice import Field

HEXADECIMAL = np.array([list(b"%02x" % byte) for byte in range(256)], np.uint8)
UUID_DIGITS = [place for place in range(36) if place not in (8, 13, 18, 23)]
SIGNATURE = b"PGCOPY\n\xff\r\n\x00"


class BinaryFormat:
    """`splice.Format` of binary COPY."""

    option = "(FORMAT binary)"
    header = SIGNATURE + bytes(8)
    trailer = b"\xff\xff"

    def locate(self, block: Bytes, starts: Places, columns: int, wanted: Sequence[int]) -> list[Field]:
        prefixes = numbers(block, 4)
        found, place = [], starts + 2
        for column in range(max(wanted, default=-1) + 1):
            length = prefixes[place].astype(np.int64)
            end = place + 4 + np.maximum(length, 0)
            if column in wanted:
                found.append(Field(place, end, length < 0))
            place = end
        return found

    def texts(self, block: Bytes, field: Field) -> pa.StringArray:
        return as_text(cut(block, field.start + 4, field.end, field.null))

    def integers(self, block: Bytes, field: Field, width: int) -> pa.Int64Array:
        values = np.zeros(len(field.null), np.int64)
        found = ~field.null
        values[found] = numbers(block, width)[field.start[found] + 4]
        return array(values, field.null)

    def uuids(self, block: Bytes, field: Field) -> pa.StringArray:
        """In the server's own spelling."""
        found = np.flatnonzero(~field.null)
        starts = (field.start + 4)[found]
        spelt = np.full((len(found), 36), ord("-"), np.uint8)
        spelt[:, UUID_DIGITS] = HEXADECIMAL[block[starts[:, None] + np.arange(16)]].reshape(-1, 32)
        ends = np.concatenate([[0], np.cumsum(~field.null) * 36]).astype(np.int32)
        buffers = [bitmap(field.null), pa.py_buffer(ends), pa.py_buffer(spelt)]
        return pa.Array.from_buffers(pa.string(), len(field.null), buffers)

    def dates(self, block: Bytes, field: Field, kind: str) -> pa.Int64Array:
        return self.integers(block, field, WIDTHS[kind])

    def date_pieces(self, counts: pa.Int64Array, kind: str) -> list[pa.BinaryArray]:
        return self.pieces(counts, WIDTHS[kind])

    def pieces(self, values: pa.Array, width: int) -> list[pa.BinaryArray]:
        count = len(values)
        if pa.types.is_null(values.type):
            return [fixed(np.full(count, -1, ">i4"))]
        null = nulls(values)
        if pa.types.is_int64(values.type):
            lengths = np.where(null, -1, width).astype(">i4")
            given = np.frombuffer(values.buffers()[1], np.int64)[values.offset : values.offset + count]
            return [fixed(lengths), fixed(given.astype(f">i{width}"), null)]
        lengths = np.where(null, -1, np.diff(bounds(values))).astype(">i4")
        return [fixed(lengths), values.cast(pa.binary())]


def as_text(values: pa.BinaryArray) -> pa.StringArray:
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        pass
    raise ValueRefused(
        "a value to be masked is not valid UTF-8",
        todo="the source database has encoding SQL_ASCII: convert it, or keep or null this column",
    )
