"""The keyed functions every strategy stands on: AES-CMAC of each value, and a keystream drawn from its result.

AES works on one contiguous buffer of many blocks, numpy does the rest, so a value costs nanoseconds, not a Python call.
Tokens are (n, 2) little-endian 64-bit words: the 16 bytes of CMAC (RFC 4493) in their order.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from numpy.typing import NDArray

from anonymizers.buffers import Bytes, Positions, Text, Words

BLOCK = 16
WORD = np.dtype("<u8")


class Aes:
    """The bare AES block function over arrays of blocks, (n, 2) words in and out."""

    def __init__(self, key: bytes) -> None:
        self.algorithm = algorithms.AES(key)
        # ECB is the block function itself; CMAC, FF1 and the keystream are the modes built on it.
        self._encryptor = Cipher(self.algorithm, modes.ECB()).encryptor()  # noqa: S305

    def __call__(self, blocks: Words) -> Words:
        out = np.empty(blocks.nbytes + BLOCK - 1, np.uint8)
        self._encryptor.update_into(np.ascontiguousarray(blocks).reshape(-1).view(np.uint8).data, out.data)
        return out[: blocks.nbytes].view(WORD).reshape(-1, 2)


def _doubled(block: bytes) -> bytes:
    """Multiplication by x in GF(2^128), as RFC 4493 makes its subkeys."""
    number = int.from_bytes(block, "big")
    return ((number << 1 & (1 << 128) - 1) ^ (0x87 if number >> 127 else 0)).to_bytes(BLOCK, "big")


_MORE = BLOCK + 1
"""Stands for every length beyond one block in the tables below, whose rows are lengths."""

_KEEP = np.tril(np.full((_MORE + 1, BLOCK), 255, np.uint8), -1).view(WORD)
"""Row r keeps the first r bytes of a block."""


class Cmac:
    """AES-CMAC of many values at once."""

    _FEW = 32
    """Values still open below this number, or beyond this many blocks, go through the library one by one: there the
    vector's fixed cost per block is the larger one."""

    def __init__(self, key: bytes) -> None:
        self._aes = Aes(key)
        zero = self._aes(np.zeros((1, 2), WORD)).tobytes()
        whole, padded = _doubled(zero), _doubled(_doubled(zero))
        ends = np.zeros((_MORE + 1, BLOCK), np.uint8)
        ends[np.arange(BLOCK), np.arange(BLOCK)] = 0x80
        ends[:BLOCK] ^= np.frombuffer(padded, np.uint8)
        ends[BLOCK] = np.frombuffer(whole, np.uint8)
        self._end = ends.view(WORD)
        """Row r is xored into a block with r bytes left: padding and subkey in one, nothing if more blocks follow."""

    def text(self, values: pa.Array) -> Words:
        """The token of every value's bytes."""
        tokens = np.empty((len(values), 2), WORD)
        for rows, piece in Text.of(values).pieces():
            tokens[rows] = self._piece(piece)
        return tokens

    def integers(self, values: NDArray[np.int64]) -> Words:
        """The token of every integer's 8 big-endian bytes."""
        blocks = np.zeros((len(values), 2), WORD)
        blocks[:, 0] = values.astype(">i8").view(WORD)
        return self._aes(blocks ^ self._end[8])

    def _piece(self, text: Text) -> Words:
        padded = np.zeros(len(text.data) + BLOCK, np.uint8)
        padded[: len(text.data)] = text.data
        windows = np.ndarray((len(text.data) + 1,), "V16", padded, strides=(1,))
        tokens = np.empty((len(text.lengths), 2), WORD)
        rows, position, left = np.arange(len(tokens)), text.starts, text.lengths
        state = np.zeros((len(tokens), 2), WORD)
        for block in range(self._FEW):
            if block and len(rows) < self._FEW:
                break
            size = np.minimum(left, _MORE)
            state ^= windows[position].view(WORD).reshape(-1, 2) & _KEEP.take(size, axis=0)
            state ^= self._end.take(size, axis=0)
            state = self._aes(state)
            tokens[rows] = state  # of values with more blocks overwritten below
            more = np.flatnonzero(left > BLOCK)
            rows, state = rows.take(more), state.take(more, axis=0)
            position, left = position.take(more) + BLOCK, left.take(more) - BLOCK
        for row in rows:
            tokens[row] = self._single(padded[text.offsets[row] : text.offsets[row + 1]])
        return tokens

    def _single(self, value: Bytes) -> Words:
        mac = CMAC(self._aes.algorithm)
        mac.update(value.tobytes())
        return np.frombuffer(mac.finalize(), WORD)


class Keystream:
    """Pseudo-random 16-bit numbers for the characters of a value: AES over its token, counting up.

    Position p of a value always gets the same number, whichever way it is asked for. `draw` chooses another stream.
    """

    PER_BLOCK = 8

    def __init__(self, key: bytes) -> None:
        self._aes = Aes(key)

    def runs(self, tokens: Words, firsts: Positions, lengths: Positions, draw: int) -> NDArray[np.uint16]:
        """For each token the numbers at positions first … first + length - 1, one after the other. Each first must be
        a multiple of 8."""
        if len(lengths) and not firsts.any() and (lengths == lengths[0]).all():
            return self._even(tokens, int(lengths[0]), draw)
        blocks = -(-lengths // self.PER_BLOCK)
        ends = np.cumsum(blocks)
        counters = np.arange(int(blocks.sum())) + np.repeat(firsts // self.PER_BLOCK - ends + blocks, blocks)
        stream = self._numbers(np.repeat(tokens, blocks, axis=0), counters, draw).reshape(-1)
        spare = blocks * self.PER_BLOCK - lengths
        if not spare.any():
            return stream
        skipped = np.cumsum(spare) - spare
        wanted: NDArray[np.uint16] = stream[np.arange(int(lengths.sum())) + np.repeat(skipped, lengths)]
        return wanted

    def _even(self, tokens: Words, length: int, draw: int) -> NDArray[np.uint16]:
        """`runs` of values that are all as long (numbers, codes): rows of a table, nothing to look up."""
        blocks = -(-length // self.PER_BLOCK)
        counters = np.tile(np.arange(blocks), len(tokens))
        numbers = self._numbers(np.repeat(tokens, blocks, axis=0), counters, draw)
        return numbers.reshape(len(tokens), blocks * self.PER_BLOCK)[:, :length].reshape(-1)

    def at(self, tokens: Words, positions: Positions, draw: int) -> NDArray[np.uint16]:
        """The number at one position for each token."""
        numbers = self._numbers(tokens, positions // self.PER_BLOCK, draw)
        return numbers[np.arange(len(tokens)), positions % self.PER_BLOCK]

    def _numbers(self, tokens: Words, counters: Positions, draw: int) -> NDArray[np.uint16]:
        blocks = tokens.copy()
        blocks[:, 0] += counters.astype(WORD)
        blocks[:, 1] += WORD.type(draw)
        numbers: NDArray[np.uint16] = self._aes(blocks).view(np.dtype("<u2"))
        return numbers.reshape(-1, self.PER_BLOCK)
