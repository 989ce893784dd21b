"""NumPy's numbers as Arrow arrays over the same memory, and back.

Arrow's own conversions from and to NumPy import pandas, 0.4 s and 50 MiB that a worker does not need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


def array(values: npt.NDArray[Any], null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Integers as an Arrow array over the same memory."""
    buffers = [bitmap(null), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.int64() if values.itemsize == 8 else pa.int32(), len(values), buffers)


def fixed(values: npt.NDArray[Any], null: npt.NDArray[np.bool_] | None = None) -> pa.BinaryArray:
    """Each number's own bytes as a string; the NULL ones empty once taken."""
    count, width = len(values), values.itemsize
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.BinaryArray.from_buffers(pa.binary(), count, [bitmap(null), pa.py_buffer(offsets), pa.py_buffer(values)])


def bitmap(null: npt.NDArray[np.bool_] | None) -> pa.Buffer | None:
    return None if null is None or not null.any() else pa.py_buffer(np.packbits(~null, bitorder="little"))


def nulls(values: pa.Array) -> npt.NDArray[np.bool_]:
    if not values.null_count:
        return np.zeros(len(values), np.bool_)
    bits = np.frombuffer(values.buffers()[0], np.uint8)
    end = values.offset + len(values)
    found: npt.NDArray[np.bool_] = np.unpackbits(bits, count=end, bitorder="little")[values.offset :] == 0
    return found


def stored(values: pa.Array) -> npt.NDArray[Any]:
    """The numbers in an array of numbers or dates; any number where it is NULL."""
    kept = np.frombuffer(values.buffers()[1], f"i{values.type.bit_width // 8}", values.offset + len(values))
    found: npt.NDArray[Any] = kept[values.offset :]
    return found


def numbers(block: Bytes, width: int) -> npt.NDArray[Any]:
    """The block as big-endian integers that begin at every byte."""
    count = max(len(block) - width + 1, 0)
    found: npt.NDArray[Any] = np.ndarray((count,), f">i{width}", buffer=block, strides=(1,))
    return found


def characters(values: pa.Array) -> Bytes:
    """The bytes of all its strings, one behind the other."""
    data = values.buffers()[2]
    if data is None or not len(values):
        return np.empty(0, np.uint8)
    ends = bounds(values)
    found: Bytes = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    return found


def bounds(values: pa.Array) -> npt.NDArray[np.int32]:
    """Where each of its strings begins in its buffer of bytes, and where the last one ends."""
    return np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]


def starts(values: pa.Array) -> Places:
    """Where each of its strings begins in `characters`."""
    places = bounds(values)[:-1]
    return (places - places[:1]).astype(np.int64)


def shortened(values: pa.BinaryArray, count: int) -> pa.BinaryArray:
    """Its strings, the first of them without so many bytes at its beginning. They may be large: nothing is copied."""
    places = bounds(values).copy()
    places[0] += count
    return pa.BinaryArray.from_buffers(pa.binary(), len(values), [None, pa.py_buffer(places), values.buffers()[2]])


def cut(block: Bytes, start: Places, end: Places, null: npt.NDArray[np.bool_] | None = None) -> pa.BinaryArray:
    """The bytes between the bounds, row by row."""
    count = len(start)
    offsets = np.empty(2 * count, np.int32)
    offsets[0::2], offsets[1::2] = start, end
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block)]
    strings = pa.BinaryArray.from_buffers(pa.binary(), max(2 * count - 1, 0), buffers)
    return strings.take(array(np.arange(0, 2 * count, 2, dtype=np.int32), null))


def record_batch(arrays: list[pa.Array], names: Sequence[str], rows: int) -> pa.RecordBatch:
    """The arrays under these names. A batch without columns knows its rows too."""
    if not arrays:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
    return pa.RecordBatch.from_arrays(arrays, names=list(names))
