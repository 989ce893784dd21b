"""What a sample is, for every engine: some rows from all over a table that tell what its columns hold.

Values come as text, cut at SAMPLED characters by the database, so that no large one travels; binary ones come as NULL. A
sample is the same each time while the table is. Its values are people's: nobody prints, logs or keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLED = 200
"""Characters of a value that leave the database."""


def batch(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> pa.RecordBatch:
    """Rows as string columns of these names."""
    import pyarrow as pa

    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    return pa.record_batch([pa.array(column, pa.string()) for column in values], names=list(columns))
