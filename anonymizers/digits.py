"""The digits of texts, and numbers that are nobody's: written like a real one, and never given to anyone.

ssn     nine digits that begin with 9 and whose fourth is at most 4: no social security number begins with 9, and the
        taxpayer numbers that do have a higher fourth digit
card    13 to 19 digits that begin with 9, which keeps them apart from phone numbers, and have a wrong check digit (Luhn)
phone   seven digits or more that begin with 000: no country, area or line does
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from anonymizers.buffers import Bytes, Flags, Positions, Text

_ZERO = np.uint8(ord("0"))
SSN = 9
CARD = range(13, 20)
PHONE = 7
"""How many digits each has."""


class Digits(NamedTuple):
    """Value i has `number[i]` digits: `data[at[first[i]]]`, `data[at[first[i] + 1]]` …"""

    data: Bytes
    at: Positions
    first: Positions
    number: Positions

    @classmethod
    def of(cls, text: Text) -> Digits:
        at = np.flatnonzero(text.data - _ZERO < 10)
        bounds = np.searchsorted(at, text.offsets)
        return cls(text.data, at, bounds[:-1], np.diff(bounds))

    def place(self, rows: Positions, which: Positions | int) -> Positions:
        """Where that digit stands, counted from 0, in rows that have so many."""
        place: Positions = self.at[self.first[rows] + which]
        return place

    def get(self, rows: Positions, which: Positions | int) -> Bytes:
        found: Bytes = self.data[self.place(rows, which)] - _ZERO
        return found

    def put(self, rows: Positions, which: Positions | int, digits: Bytes | int) -> None:
        self.data[self.place(rows, which)] = _ZERO + np.asarray(digits, np.uint8)


def _ssn(digits: Digits) -> Flags:
    found: Flags = digits.number == SSN
    rows = np.flatnonzero(found)
    found[rows] = (digits.get(rows, 0) == 9) & (digits.get(rows, 3) < 5)
    return found


def _make_ssn(digits: Digits) -> None:
    rows = np.flatnonzero(digits.number == SSN)
    digits.put(rows, 0, 9)
    digits.put(rows, 3, digits.get(rows, 3) % 5)


def _phone(digits: Digits) -> Flags:
    found: Flags = digits.number >= PHONE
    rows = np.flatnonzero(found)
    found[rows] = (digits.get(rows, 0) | digits.get(rows, 1) | digits.get(rows, 2)) == 0
    return found


def _make_phone(digits: Digits) -> None:
    rows = np.flatnonzero(digits.number >= PHONE)
    for which in range(3):
        digits.put(rows, which, 0)


def _cards(digits: Digits) -> Positions:
    rows: Positions = np.flatnonzero((digits.number >= CARD.start) & (digits.number < CARD.stop))
    return rows


def _sum(digits: Digits, rows: Positions) -> Positions:
    """Luhn's sum: every second digit from the right counts double, less 9 where that has two digits."""
    total = np.zeros(len(rows), np.int64)
    for step in range(CARD.stop - 1):
        longer = np.flatnonzero(digits.number[rows] > step)
        some = rows[longer]
        worth = digits.get(some, digits.number[some] - 1 - step) * np.uint8(1 + step % 2)
        total[longer] += worth - 9 * (worth > 9)
    return total


def _card(digits: Digits) -> Flags:
    rows = _cards(digits)
    found = np.zeros(len(digits.number), np.bool_)
    found[rows] = (digits.get(rows, 0) == 9) & (_sum(digits, rows) % 10 != 0)
    return found


def _make_card(digits: Digits) -> None:
    rows = _cards(digits)
    digits.put(rows, 0, 9)
    right = rows[_sum(digits, rows) % 10 == 0]
    last = digits.number[right] - 1
    digits.put(right, last, (digits.get(right, last) + 1) % 10)


class Nobodys(NamedTuple):
    """One domain's numbers: `made` writes such a number over another wherever there are digits enough, changing digits
    alone; `found` tells which are such."""

    made: Callable[[Digits], None]
    found: Callable[[Digits], Flags]


NOBODYS: Mapping[str, Nobodys] = {
    "ssn": Nobodys(_make_ssn, _ssn),
    "card": Nobodys(_make_card, _card),
    "phone": Nobodys(_make_phone, _phone),
}
