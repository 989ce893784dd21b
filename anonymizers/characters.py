"""Which characters `scramble` replaces and by what: the frozen classes of `dictionaries/characters.json`.

Every character but punctuation, spaces, symbols, and control and format characters belongs to a pool: characters of the
same class (upper, lower, other letter, digit, mark), the same script where that has enough of them, and always the same
number of bytes in UTF-8. Code points without a meaning count as letters, so that none slips through.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymizers.buffers import Bytes, Positions, Text
from anonymizers.dictionaries import dictionary

_FIRST_LEAD = 0xC0
"""The lowest byte that begins a character of more than one byte."""


class Pools(NamedTuple):
    """Code points from `starts[i]` to the next start are replaced from pool `pool[i]`, -1: kept. Pool p is
    `members[first[p]]` and the `size[p]` - 1 after it."""

    starts: NDArray[np.int64]
    pool: NDArray[np.int64]
    members: NDArray[np.int64]
    first: NDArray[np.int64]
    size: NDArray[np.int64]

    def of(self, points: NDArray[np.int64]) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.pool[np.searchsorted(self.starts, points, "right") - 1]
        return found

    def pick(self, points: NDArray[np.int64], numbers: NDArray[np.uint16]) -> NDArray[np.int64]:
        """For each code point a member of its pool, chosen by a 16-bit number; kept ones as they are."""
        pool = self.of(points)
        chosen = self.members[self.first[pool] + (numbers * self.size[pool] >> 16)]
        return np.where(pool < 0, points, chosen)


@cache
def pools() -> Pools:
    content = dictionary("characters")
    members = [np.concatenate([np.arange(low, high + 1) for low, high in ranges]) for ranges in content["pools"]]
    size = np.array([len(pool) for pool in members])
    first = np.cumsum(size) - size
    return Pools(np.array(content["starts"]), np.array(content["pool"]), np.concatenate(members), first, size)


class Ascii(NamedTuple):
    """By byte: a replacement is `base` plus a number below `choices`. Kept bytes have one choice: themselves."""

    base: NDArray[np.uint32]
    choices: NDArray[np.uint32]


@cache
def ascii_classes() -> Ascii:
    table = pools()
    base, choices = np.arange(256, dtype=np.uint32), np.ones(256, np.uint32)
    pool = table.of(np.arange(128))
    letters = np.flatnonzero(pool >= 0)
    base[letters] = table.members[table.first[pool[letters]]]
    choices[letters] = table.size[pool[letters]]
    return Ascii(base, choices)


def leads(data: Bytes) -> Positions:
    """Where characters of more than one byte begin."""
    return np.flatnonzero(data >= _FIRST_LEAD)


def decode(data: Bytes, at: Positions) -> NDArray[np.int64]:
    """The code points of the multi-byte characters beginning there."""
    width = _widths(data, at)
    points = data[at].astype(np.int64) & (0x7F >> width)
    for step in (1, 2, 3):
        within = np.flatnonzero(width > step)
        points[within] = points[within] << 6 | data[at[within] + step] & 0x3F
    return points


def encode(data: Bytes, at: Positions, points: NDArray[np.int64]) -> None:
    """Write multi-byte characters over others of the same number of bytes."""
    width = _widths(data, at)
    for step in (3, 2, 1):
        within = np.flatnonzero(width > step)
        data[at[within] + step] = 0x80 | points[within] >> 6 * (width[within] - 1 - step) & 0x3F
    data[at] = (0xF00 >> width & 0xFF) | points >> 6 * (width - 1)


def _widths(data: Bytes, at: Positions) -> NDArray[np.int64]:
    first = data[at]
    return 2 + (first >= 0xE0).astype(np.int64) + (first >= 0xF0)


def replaceable(text: Text) -> NDArray[np.bool_]:
    """Which values have any character that is replaced."""
    flags = ascii_classes().choices[text.data] > 1
    beyond = leads(text.data)
    flags[beyond] = pools().of(decode(text.data, beyond)) >= 0
    total = np.concatenate([[0], np.cumsum(flags)])
    found: NDArray[np.bool_] = total[text.ends] > total[text.starts]
    return found
