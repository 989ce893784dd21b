"""Marks: what every replacement under a rule bears, and how originals that bear it too are found.

Where all replacements are seen to bear their marks and no original of a column bears any, no original of that column is
among the replacements: both are counted, value by value, and neither count trusts the code that made the replacements.
Names have no mark of their own. What their originals have in common with the dictionary is counted instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anonymizers.buffers import Bytes, Flags, Positions, Text, Words
from anonymizers.digits import NOBODYS, Digits
from anonymizers.fakes import EMAIL_HOSTS, EMAIL_SUFFIX, fake

_LOWER = np.uint64(0x2020202020202020)
"""Makes eight letters lower case. What it makes of other characters does not matter: they are compared with their like."""


class Mark(Protocol):
    """Frozen, hashable and small: it travels to the tasks."""

    @property
    def shared(self) -> bool:
        """Real values bear it by nature (names): how many originals do is only counted."""
        ...

    def on(self, replacements: pa.Array) -> Flags:
        """Which of these replacements bear it."""
        ...

    def among(self, originals: pa.Array) -> Flags:
        """Which of these originals bear it, or say the same as a text that does."""
        ...


def _word(text: str) -> np.uint64:
    number: np.uint64 = np.uint64(int.from_bytes(text.encode("ascii"), "little"))
    return number


def _bytes(text: Text, at: Positions) -> Bytes:
    """The byte at each position; some other one where that lies in no value."""
    return text.data.take(at, mode="clip") if len(text.data) else np.zeros(len(at), np.uint8)


def _words(text: Text, at: Positions) -> Words:
    """The eight bytes from each position on; some others where these lie in no value."""
    padded: Bytes = np.concatenate([text.data, np.zeros(8, np.uint8)])
    found: Words = np.ndarray((len(text.data) + 1,), "<u8", padded, strides=(1,))[np.clip(at, 0, len(text.data))]
    return found


@dataclass(frozen=True)
class FakeEmail:
    """`….0123456789ab@example.com`: a dot, twelve characters and a reserved host, in whatever case."""

    shared = False

    def on(self, replacements: pa.Array) -> Flags:
        text = Text.of(replacements)
        host = len(EMAIL_HOSTS[0])
        suffix = host + EMAIL_SUFFIX + 1
        found: Flags = _bytes(text, text.ends - host) == ord("@")
        if found.any():
            found &= (_bytes(text, text.ends - suffix) == ord(".")) & (text.lengths >= suffix)
            found &= _words(text, text.ends - host) | _LOWER == _word("@example") | _LOWER
        return found

    among = on


@dataclass(frozen=True)
class FakePhone:
    """`+1-NXX-555-01XX`; originals in any spelling of such a number."""

    shared = False

    def on(self, replacements: pa.Array) -> Flags:
        text = Text.of(replacements)
        line = _words(text, text.starts + 7) << np.uint64(16) == _word("555-01") << np.uint64(16)
        found: Flags = line & (text.lengths == 15)
        return found

    def among(self, originals: pa.Array) -> Flags:
        return _by_digits(originals, _fictional)


def _fictional(digits: Digits) -> Flags:
    found: Flags = (digits.number == 10) | (digits.number == 11)
    rows = np.flatnonzero(found)
    for back, digit in zip(range(7, 2, -1), (5, 5, 5, 0, 1), strict=True):
        rows = rows[digits.get(rows, digits.number[rows] - back) == digit]
    found[:] = False
    found[rows] = True
    return found


@dataclass(frozen=True)
class NobodysNumber:
    """A number that nobody was ever given, of a domain in `anonymizers.digits`, in whatever spelling."""

    domain: str
    shared = False

    def on(self, replacements: pa.Array) -> Flags:
        return _by_digits(replacements, NOBODYS[self.domain].found)

    among = on


_LONGEST = 64
"""Bytes of a text that can be one number."""


def _by_digits(values: pa.Array, found: Callable[[Digits], Flags]) -> Flags:
    """Looked for in texts that end in a digit: most others are told from their last byte."""
    text = Text.of(values)
    last = _bytes(text, text.ends - 1)
    flags: Flags = (last - np.uint8(ord("0")) < 10) & (text.lengths > 0) & (text.lengths <= _LONGEST)
    if flags.any():
        flags[flags] = found(Digits.of(Text.of(values.filter(pa.array(flags)))))
    return flags


@dataclass(frozen=True)
class Stars:
    """Three stars in a row."""

    shared = False

    def on(self, replacements: pa.Array) -> Flags:
        if not (Text.of(replacements).data == ord("*")).any():
            return np.zeros(len(replacements), np.bool_)
        return _flags(pc.match_substring(replacements, "***"))

    among = on


_HEXADECIMAL = np.isin(np.arange(256), np.frombuffer(b"0123456789abcdefABCDEF", np.uint8))


@dataclass(frozen=True)
class Hexadecimal:
    """32 hexadecimal digits, in whatever case."""

    shared = False

    def on(self, replacements: pa.Array) -> Flags:
        text = Text.of(replacements)
        found: Flags = text.lengths == 32
        if found.any():
            chosen = Text.of(replacements.filter(pa.array(found)))
            found[found] = _HEXADECIMAL[chosen.data].reshape(-1, 32).all(axis=1)
        return found

    among = on


@dataclass(frozen=True)
class Token:
    """`tok_` and 20 characters more, in whatever case."""

    shared = False

    def on(self, replacements: pa.Array) -> Flags:
        text = Text.of(replacements)
        found: Flags = text.lengths == 24
        if found.any():
            found &= (_words(text, text.starts) | _LOWER) << np.uint64(32) == (_word("tok_") | _LOWER) << np.uint64(32)
        return found

    among = on


@dataclass(frozen=True)
class Entries:
    """Entries of faker's dictionaries, one of each list, joined. Replacements are only seen to be no address and no number:
    they hold no @ and at most five digits. To look each of them up would cost half of what making them does."""

    domain: str
    shared = True

    def on(self, replacements: pa.Array) -> Flags:
        text = Text.of(replacements)
        at, digit = text.data == ord("@"), text.data - np.uint8(ord("0")) < 10
        found = np.ones(len(replacements), np.bool_)
        if at.any():
            found &= _number(text, at) == 0
        if digit.any():
            found &= _number(text, digit) <= 5
        return found

    def among(self, originals: pa.Array) -> Flags:
        """Most texts that are no entries are told from their first and last byte."""
        domain, text = fake(self.domain), Text.of(originals)
        first, last = domain.ends
        found: Flags = first[_bytes(text, text.starts)]
        if found.any():
            found &= last[_bytes(text, text.ends - 1)]
        if found.all():
            return domain.holds(originals)
        found[found] = domain.holds(originals.filter(pa.array(found)))
        return found


def _number(text: Text, flags: Flags) -> Positions:
    """How many bytes of each value are flagged."""
    total = np.append(0, np.cumsum(flags))
    number: Positions = total[text.ends] - total[text.starts]
    return number


def _flags(found: pa.Array) -> Flags:
    flags: Flags = pc.fill_null(found, False).to_numpy(zero_copy_only=False)
    return flags
