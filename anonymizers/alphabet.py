"""Numbers spelled in an alphabet, whole arrays at once."""

from __future__ import annotations

import numpy as np

from anonymizers.buffers import Bytes, Words


class Alphabet:
    """Digits of some base. Two at a time are looked up, which halves the divisions."""

    def __init__(self, letters: str) -> None:
        single = np.frombuffer(letters.encode("ascii"), np.uint8)
        self._base_squared = np.uint64(len(letters) ** 2)
        high, low = np.repeat(single, len(single)), np.tile(single, len(single))
        self._pairs = np.stack([high, low], axis=1).view(np.uint16).reshape(-1)

    def spell(self, numbers: Words, count: int) -> Bytes:
        """The last `count` digits (an even number of them) of every number, most significant first."""
        out = np.empty((len(numbers), count // 2), np.uint16)
        for pair in reversed(range(count // 2)):
            rest = numbers // self._base_squared
            out[:, pair] = self._pairs.take((numbers - rest * self._base_squared).astype(np.intp))
            numbers = rest
        return out.view(np.uint8)


BASE16 = Alphabet("0123456789abcdef")
BASE32 = Alphabet("abcdefghijklmnopqrstuvwxyz234567")
BASE36 = Alphabet("0123456789abcdefghijklmnopqrstuvwxyz")
BASE10 = Alphabet("0123456789")
