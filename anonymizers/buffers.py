"""Arrow strings as numpy arrays and back, without a Python object per value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Words: TypeAlias = NDArray[np.uint64]
Positions: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

PIECE_VALUES = 4_096
PIECE_BYTES = 1 << 19
"""Kernels work on pieces of at most this size: they fit the cache, they bound memory whatever the rows are, and an AES
block per value stays below the 128 KiB from which malloc asks the system for fresh pages each time (5 times slower)."""


def pieces(count: int) -> Iterator[slice]:
    """0 … count in equal pieces of at most PIECE_VALUES."""
    parts = -(-count // PIECE_VALUES)
    for part in range(parts):
        yield slice(count * part // parts, count * (part + 1) // parts)


class Text(NamedTuple):
    """String values: value i is `data[offsets[i]:offsets[i + 1]]`. A NULL has some bytes, mostly none."""

    data: Bytes
    offsets: Positions

    @classmethod
    def of(cls, values: pa.Array) -> Text:
        if values.type != pa.string():
            raise TypeError(f"text must come as Arrow string, not {values.type}")
        if len(values) == 0:
            return cls(np.empty(0, np.uint8), np.zeros(1, np.int64))
        _, ends, data = values.buffers()
        offsets = np.frombuffer(ends, np.int32)[values.offset : values.offset + len(values) + 1].astype(np.int64)
        first, last = int(offsets[0]), int(offsets[-1])
        chosen = np.frombuffer(data, np.uint8, last - first, first) if last > first else np.empty(0, np.uint8)
        return cls(chosen, offsets - first)

    @property
    def starts(self) -> Positions:
        return self.offsets[:-1]

    @property
    def ends(self) -> Positions:
        return self.offsets[1:]

    @property
    def lengths(self) -> Positions:
        return np.diff(self.offsets)

    def pieces(self) -> Iterator[tuple[slice, Text]]:
        """Consecutive runs of values, each small enough for the cache (a larger single value goes alone)."""
        for piece in pieces(len(self.offsets) - 1):
            start = piece.start
            while start < piece.stop:
                first = self.offsets[start]
                fitting = int(np.searchsorted(self.offsets, first + PIECE_BYTES, "right")) - 1
                stop = min(piece.stop, max(start + 1, fitting))
                data = self.data[first : self.offsets[stop]]
                yield slice(start, stop), Text(data, self.offsets[start : stop + 1] - first)
                start = stop

    def array(self) -> pa.Array:
        """The values as an Arrow array without NULLs. The bytes must be valid UTF-8."""
        ends = pa.py_buffer(self.offsets.astype(np.int32))
        return pa.StringArray.from_buffers(len(self.offsets) - 1, ends, pa.py_buffer(np.ascontiguousarray(self.data)))


def fixed(rows: Bytes) -> pa.Array:
    """Every row of an (n, width) matrix as one value."""
    count, width = rows.shape
    return Text(rows.reshape(-1), np.arange(count + 1, dtype=np.int64) * width).array()


def ragged(rows: Bytes, kept: NDArray[np.bool_]) -> pa.Array:
    """The kept bytes of every row as one value."""
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(kept.sum(axis=1), out=offsets[1:])
    return Text(rows[kept], offsets).array()


def piecewise(values: pa.Array, replace: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Replacements of text computed piece by piece; NULLs stay."""
    parts = [values.slice(rows.start, rows.stop - rows.start) for rows, _ in Text.of(values).pieces()]
    if not parts:
        return values
    return pa.concat_arrays([with_nulls_of(part, replace(part)) for part in parts])


def with_nulls_of(values: pa.Array, replacements: pa.Array) -> pa.Array:
    """The replacements, NULL wherever the values are."""
    if values.null_count == 0:
        return replacements
    return pc.if_else(values.is_valid(), replacements, pa.scalar(None, replacements.type))


def equal_rows(left: pa.Array, right: pa.Array) -> Positions:
    """Where two arrays hold the same non-NULL value."""
    same: Any = pc.fill_null(pc.equal(left, right), False)
    return np.flatnonzero(same.to_numpy(zero_copy_only=False))


Render: TypeAlias = Callable[[pa.Array, Words, int], pa.Array]
"""(values, their tokens, attempt) → replacements; each a function of its own value, token and the attempt alone."""


def different(
    values: pa.Array,
    tokens: Words,
    render: Render,
    can: Callable[[Text], NDArray[np.bool_]],
    same: Callable[[pa.Array, pa.Array], Positions] = equal_rows,
) -> pa.Array:
    """The first rendering of each value that is not the `same`, for those of which `can` says that there is one."""
    out, attempt = render(values, tokens, 0), 0
    rows = same(values, out)
    if rows.size:
        rows = rows[can(Text.of(values.take(pa.array(rows))))]
    while rows.size:
        attempt += 1
        kept = values.take(pa.array(rows))
        again = render(kept, tokens[rows], attempt)
        out = replaced(out, rows, again)
        rows = rows[same(kept, again)]
    return out


def replaced(values: pa.Array, rows: Positions, replacements: pa.Array) -> pa.Array:
    """The values, with others in these rows (ascending)."""
    mask = np.zeros(len(values), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(values, pa.array(mask), replacements)
