"""Text COPY: fields between tabs, rows ended by newlines, NULL as `\\N`, control characters and backslashes escaped.

The fallback for servers before 14 and for columns whose binary form carries the database's own object numbers. Raw tabs
and newlines are always separators, so fields are found without unescaping; only values a strategy looks at are
unescaped, and only its results escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.arrays import Bytes, Places, cut
from connectors.postgresql.copy_binary import as_text
from connectors.postgresql.dates import parsed, spelt
from connectors.postgresql.splice import Field

TAB, NEWLINE, BACKSLASH, CAPITAL_N = b"\t\n\\N"
ESCAPES = (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r"))
UNESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class TextFormat:
    """`splice.Format` of text COPY."""

    option = "(FORMAT text)"
    header = b""
    trailer = b""

    def locate(self, block: Bytes, starts: Places, columns: int, wanted: Sequence[int]) -> list[Field]:
        ends = np.flatnonzero((block == TAB) | (block == NEWLINE)).reshape(len(starts), columns)
        found = []
        for column in wanted:
            start, end = starts if column == 0 else ends[:, column - 1] + 1, ends[:, column]
            null = end - start == 2
            null[null] = (block[start[null]] == BACKSLASH) & (block[start[null] + 1] == CAPITAL_N)
            found.append(Field(start, end, null))
        return found

    def texts(self, block: Bytes, field: Field) -> pa.StringArray:
        values = cut(block, field.start, field.end, field.null)
        if pc.any(pc.match_substring(values, "\\")).as_py():
            values = pa.array([None if value is None else unescape(value) for value in values.to_pylist()], pa.binary())
        return as_text(values)

    def integers(self, block: Bytes, field: Field, width: int) -> pa.Int64Array:
        return cut(block, field.start, field.end, field.null).cast(pa.string()).cast(pa.int64())

    def uuids(self, block: Bytes, field: Field) -> pa.StringArray:
        return self.texts(block, field)

    def dates(self, block: Bytes, field: Field, kind: str) -> pa.Int64Array:
        return parsed(self.texts(block, field), kind)

    def date_pieces(self, counts: pa.Int64Array, kind: str) -> list[pa.BinaryArray]:
        return self.pieces(spelt(counts, kind), 0)

    def pieces(self, values: pa.Array, width: int) -> list[pa.BinaryArray]:
        texts = values.cast(pa.string())
        for character, escape in ESCAPES:
            texts = pc.replace_substring(texts, character, escape)
        return [texts.fill_null("\\N").cast(pa.binary())]


def unescape(value: bytes) -> bytes:
    return ESCAPED.sub(lambda match: UNESCAPED.get(match[1], match[1]), value)
