"""The master key, and the keys derived from it: one per strategy, version and domain.

The master key stays on the driver. Tasks get only the `DomainKey`s of their table, from which no other key can be
computed. Derivation is HKDF-SHA256; labels are length-prefixed, so that no two different ones run together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from anonymizers.errors import KeyRefused

SIZE = 32
_MAKE = "make one with: dbagent key new FILE"
_FEWEST_DISTINCT = 12
"""32 random bytes have about 30 distinct ones; fewer than 12 happens once in 10^13 keys."""


def _label(*parts: str) -> bytes:
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


@dataclass(frozen=True)
class DomainKey:
    """The key of one strategy, version and domain: all a task needs to replace the values of that domain."""

    secret: bytes = field(repr=False)

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one use of this key: no two algorithms ever work with the same bytes."""
        return HKDFExpand(SHA256(), SIZE, _label("dbagent", "purpose", purpose)).derive(self.secret)


@dataclass(frozen=True)
class MasterKey:
    """32 random bytes. Never printed, never pickled."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SIZE:
            raise KeyRefused(f"the master key has {len(self.secret)} bytes, it must have {SIZE}; {_MAKE}")
        distinct = len(set(self.secret))
        if distinct == 1:
            raise KeyRefused(f"all bytes of the master key are equal, it must be random; {_MAKE}")
        if distinct < _FEWEST_DISTINCT:
            raise KeyRefused(f"the master key has only {distinct} different bytes, it must be random; {_MAKE}")

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a master key stays in its process: hand on the domain keys it gives")

    @classmethod
    def parse(cls, data: bytes) -> MasterKey:
        """The key in a file or secret: 32 raw bytes, or 64 hexadecimal characters and at most a line end.

        Raises KeyRefused, which says what is wrong without showing the key.
        """
        if len(data) == SIZE:
            if all(0x20 <= byte < 0x7F for byte in data):
                raise KeyRefused(f"the master key is {SIZE} characters of text, not {SIZE} random bytes; {_MAKE}")
            return cls(data)
        text = data.removesuffix(b"\n").removesuffix(b"\r")
        if not text:
            raise KeyRefused(f"the master key is empty; {_MAKE}")
        if len(text) != 2 * SIZE:
            size = "short" if len(text) < 2 * SIZE else "long"
            raise KeyRefused(
                f"the master key is too {size} ({len(text)} bytes): it must be {SIZE} raw bytes "
                f"or {2 * SIZE} hexadecimal characters; {_MAKE}"
            )
        if set(text) - set(b"0123456789abcdefABCDEF"):
            raise KeyRefused(f"the master key has {2 * SIZE} characters that are not all hexadecimal; {_MAKE}")
        return cls(bytes.fromhex(text.decode("ascii")))

    @property
    def id(self) -> str:
        """A short public name of this key: tells keys apart in plans and reports, gives nothing of them away."""
        return self._hkdf("dbagent", "master key id")[:8].hex()

    def domain(self, strategy: str, version: int, domain: str) -> DomainKey:
        """The key under which one strategy's version replaces the values of one domain."""
        return DomainKey(self._hkdf("dbagent", "domain", strategy, str(version), domain))

    def _hkdf(self, *label: str) -> bytes:
        return HKDF(SHA256(), SIZE, salt=None, info=_label(*label)).derive(self.secret)
