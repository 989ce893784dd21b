"""Reading: the SELECT of a chunk, and its rows as one Arrow array of bytes per column, without a Python object per field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pymysql.connections import Connection

from connectors.arrays import Bytes, Places, cut
from connectors.mysql.ranges import Range
from connectors.mysql.types import identifier
from connectors.mysql.wire import Rows
from connectors.schema import Table

ROWS, BYTES = 16_384, 2 << 20
"""A batch ends at either; rows of 5 MB come one at a time."""
NULL, WORD, TRIPLE, LONG = 0xFB, 0xFC, 0xFD, 0xFE
"""What a field's first byte says but its length: that there is no value, or how many bytes of length follow."""
WIDTHS = ((WORD, 2), (TRIPLE, 3), (LONG, 8))


def statement(table: Table, expressions: Sequence[str], part: Range, where: str | None) -> str:
    """Selects the expressions, or a constant where there are none, for the rows of a part that the filter takes."""
    name = identifier(table.name.name)
    filtered = f" AND ({where})" if where else ""
    return f"SELECT {', '.join(expressions) or '1'} FROM {name} AS {name}{part.hint} WHERE {part.condition()}{filtered}"


def batches(connection: Connection[Any], query: str, columns: int) -> Iterator[tuple[list[pa.BinaryArray], int, int]]:
    """The query's rows in batches: an array per column, how many rows, and how many bytes they took to send."""
    rows = Rows(connection, query)
    while not rows.ended:
        block, starts = rows.block(BYTES, ROWS)
        if starts:
            found = fields(np.frombuffer(block, np.uint8), np.array(starts, np.int64), columns)
            yield found, len(starts), sum(array.nbytes for array in found)


def fields(block: Bytes, starts: Places, columns: int) -> list[pa.BinaryArray]:
    """The values of rows that begin at `starts`: each field is its length, in one to nine bytes, and its bytes."""
    found, at = [], starts
    for _ in range(columns):
        first = block[at]
        null = first == NULL
        length, start = first.astype(np.int64), at + 1
        if first.max(initial=0) >= NULL:
            length[null] = 0
            for mark, width in WIDTHS:
                rows = np.flatnonzero(first == mark)
                if len(rows):
                    length[rows] = _number(block, start[rows], width)
                    start[rows] += width
        at = start + length
        found.append(cut(block, start, at, null))
    return found


def _number(block: Bytes, at: Places, width: int) -> Places:
    """Numbers of so many bytes, the lowest first."""
    found = np.zeros(len(at), np.int64)
    for byte in range(width):
        found |= block[at + byte].astype(np.int64) << (8 * byte)
    return found
