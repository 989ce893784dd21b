"""Format-preserving encryption: FF1 (NIST SP 800-38G), radix 10, over whole arrays, and a permutation of integers on it.

Numbers are uint64, so FF1 takes 2 to 19 digits here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymizers.buffers import Words, pieces
from anonymizers.keys import DomainKey
from anonymizers.prf import BLOCK, WORD, Aes, Cmac

_ROUNDS = 10
_BIG = np.dtype(">u8")


class _Step(NamedTuple):
    """One of the ten rounds: what it adds modulo, and its number in the round function's input."""

    modulus: np.uint64
    constant: np.uint64


def _modulo(numbers: Words, modulus: np.uint64) -> Words:
    """numbers % modulus; numpy divides by one number with SIMD, but takes remainders one by one."""
    remainders: Words = numbers - numbers // modulus * modulus
    return remainders


class Ff1:
    """FF1 over decimal numbers of exactly `digits` digits, leading zeros included."""

    def __init__(self, key: bytes, digits: int, tweak: bytes = b"") -> None:
        if not 2 <= digits <= 19:
            raise ValueError(f"FF1 works on 2 to 19 digits here, not {digits}")
        self._aes = Aes(key)
        left = digits // 2
        moduli = 10**left, 10 ** (digits - left)
        self._right = WORD.type(moduli[1])
        width = -(-(moduli[1] - 1).bit_length() // 8)  # b in the standard: bytes of a half, at most 5
        self._long = width > 4  # d in the standard is 12 bytes instead of 8
        header = bytes([1, 2, 1, 0, 0, 10, _ROUNDS, left]) + digits.to_bytes(4, "big") + len(tweak).to_bytes(4, "big")
        body = tweak + bytes(-(len(tweak) + width + 1) % BLOCK) + bytes(width + 1)
        self._first, second = self._chained(header + body[:-BLOCK], body[-BLOCK:])
        self._steps = [_Step(WORD.type(moduli[i % 2]), WORD.type(second ^ i << 8 * width)) for i in range(_ROUNDS)]

    def _chained(self, constant: bytes, last: bytes) -> tuple[np.uint64, int]:
        """The CBC-MAC of all constant blocks xored with the last one, whose end each round fills in: its first word as
        it is, its second as a number."""
        state = np.zeros((1, 2), WORD)
        for block in np.frombuffer(constant, WORD).reshape(-1, 1, 2):
            state = self._aes(state ^ block)
        state ^= np.frombuffer(last, WORD)
        return state[0, 0], int(state.view(_BIG)[0, 1])

    def encrypt(self, numbers: Words) -> Words:
        return self._pieces(self._encrypt, numbers)

    def decrypt(self, numbers: Words) -> Words:
        return self._pieces(self._decrypt, numbers)

    def _pieces(self, way: Callable[[Words, Words, Words], tuple[Words, Words]], numbers: Words) -> Words:
        out = np.empty_like(numbers)
        for piece in pieces(len(numbers)):
            number = numbers[piece]
            left = number // self._right
            blocks = np.empty((len(number), 2), WORD)
            blocks[:, 0] = self._first
            a, b = way(left, number - left * self._right, blocks)
            out[piece] = a * self._right + b
        return out

    def _encrypt(self, a: Words, b: Words, blocks: Words) -> tuple[Words, Words]:
        for step in self._steps:
            total = a + self._round(step, b, blocks)
            a, b = b, np.minimum(total, total - step.modulus)  # below zero wraps to a huge number
        return a, b

    def _decrypt(self, a: Words, b: Words, blocks: Words) -> tuple[Words, Words]:
        for step in reversed(self._steps):
            difference = b - self._round(step, a, blocks)
            a, b = np.minimum(difference, difference + step.modulus), a
        return a, b

    def _round(self, step: _Step, half: Words, blocks: Words) -> Words:
        """The standard's y, reduced to the half it is added to. Fills the blocks' second words."""
        blocks.view(_BIG)[:, 1] = half ^ step.constant
        out = self._aes(blocks).view(_BIG)
        number = _modulo(out[:, 0].astype(WORD), step.modulus)
        if self._long:
            low = out[:, 1].astype(WORD) >> WORD.type(32)
            # 16 bits at a time: 32 at once would overflow for halves of 10 digits.
            number = _modulo((number << WORD.type(16)) + (low >> WORD.type(16)), step.modulus)
            number = _modulo((number << WORD.type(16)) + (low & WORD.type(0xFFFF)), step.modulus)
        return number


class Cell(NamedTuple):
    """Integers that are permuted among themselves, by magnitude, both ends included."""

    negative: bool
    digits: int
    low: int
    high: int

    @property
    def range(self) -> tuple[int, int]:
        return (-self.high, -self.low) if self.negative else (self.low, self.high)


def cells() -> tuple[Cell, ...]:
    """Every 64-bit integer is in one of these: one sign, one number of digits, one width.

    Widths part them (16, 32, 64 bits) whatever column a value is in: so a replacement fits wherever its value fitted,
    and one value has one replacement in columns of different widths.
    """
    found = []
    for negative in (False, True):
        ends = {2 ** (bits - 1) - (not negative) for bits in (16, 32, 64)} | {10**n - 1 for n in range(1, 19)}
        low = int(negative)
        for high in sorted(ends):
            found.append(Cell(negative, len(str(high)), low, high))
            low = high + 1
    return tuple(found)


_CELLS = cells()


def reach(low: int, high: int) -> tuple[int, int]:
    """The least and the greatest replacement of integers from `low` to `high`."""
    ranges = [cell.range for cell in _CELLS if cell.range[0] <= high and low <= cell.range[1]]
    return min(first for first, _ in ranges), max(last for _, last in ranges)


class IntegerPermutation:
    """A keyed permutation of the 64-bit integers that keeps sign, number of digits and width, and no value in place.

    Within a cell it is p(p⁻¹(x) + 1), where p is a keyed permutation of the cell: conjugate to "the next one", which
    moves every value, so this moves every value too.
    """

    def __init__(self, key: DomainKey) -> None:
        self._ff1_key = key.derive("integers ff1")
        self._digit_prf = Cmac(key.derive("integers of one digit"))

    def __call__(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        out = np.empty_like(values)
        if not values.size:
            return out
        smallest, largest = int(values.min()), int(values.max())
        for cell in _CELLS:
            first, last = cell.range
            if last < smallest or largest < first:
                continue
            inside = np.flatnonzero((values >= first) & (values <= last))
            if inside.size:
                plain = values[inside].view(WORD)
                moved = self._within(cell, WORD.type(0) - plain if cell.negative else plain)
                out[inside] = (WORD.type(0) - moved if cell.negative else moved).view(np.int64)
        return out

    def _within(self, cell: Cell, numbers: Words) -> Words:
        if cell.digits == 1:
            return self._digits(cell)[numbers]
        ff1 = Ff1(self._ff1_key, cell.digits, f"{'-' if cell.negative else '+'}{cell.low}".encode())
        before = _walk(ff1.decrypt, numbers, cell)
        following = np.where(before == WORD.type(cell.high), WORD.type(cell.low), before + WORD.type(1))
        return _walk(ff1.encrypt, following, cell)

    def _digits(self, cell: Cell) -> Words:
        """Where each one-digit magnitude goes: in a keyed order of them, to the next."""
        numbers = np.arange(cell.low, cell.high + 1)
        order = numbers[np.argsort(self._digit_prf.integers(-numbers if cell.negative else numbers)[:, 0])]
        table = np.zeros(cell.high + 1, WORD)
        table[order] = np.roll(order, -1)
        return table


def _walk(step: Callable[[Words], Words], numbers: Words, cell: Cell) -> Words:
    """Apply the step, and again to whatever left the cell, until all are back in it."""

    def outside(candidates: Words) -> NDArray[np.int64]:
        return np.flatnonzero((candidates < WORD.type(cell.low)) | (candidates > WORD.type(cell.high)))

    out = step(numbers)
    rows = outside(out)
    while rows.size:
        again = step(out[rows])
        out[rows] = again
        rows = rows[outside(again)]
    return out
