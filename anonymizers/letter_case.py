"""Columns that ignore case: spellings that the database takes for one value get replacements that it takes for one.

Which letters have two spellings there, the column's shape says: `ascii` only A to Z, `unicode` all that have a lower case.
Folding more than the database does would make two rows of a unique column equal; folding less would part what joins.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from anonymizers.buffers import Positions, Text, equal_rows
from anonymizers.contract import ColumnShape


def one_spelling(values: pa.Array, column: ColumnShape) -> pa.Array:
    """The values, all spellings of one alike: as they are where the column tells case apart, else in lower case."""
    if column.ignores_case is None:
        return values
    return lower(values) if column.ignores_case == "unicode" else pc.ascii_lower(values)


def lower(values: pa.Array) -> pa.Array:
    """Every letter in lower case, character by character."""
    plain = not (Text.of(values).data >= 0x80).any()
    return pc.ascii_lower(values) if plain else pc.utf8_lower(values)


def same_rows(values: pa.Array, replacements: pa.Array, column: ColumnShape) -> Positions:
    """Where the column takes the replacement for the value itself."""
    return equal_rows(one_spelling(values, column), one_spelling(replacements, column))
