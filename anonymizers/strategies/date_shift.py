"""`date_shift`: a date moves by 1 to 365 days, all dates of one subject by the same number of days.

The shift is drawn from the subject (the row's key, or the column that `subject` names), not from the date: the intervals
between the dates of one subject stay, and its dates in several tables still fit together. It is never 0. The time of day
stays to the microsecond. Days are those of the proleptic Gregorian calendar.

A date that the shift would carry out of the years 1 to 9999, or an older or later one that it would carry out of what
databases can store, moves the other way instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizers.buffers import Positions, Words, pieces, with_nulls_of
from anonymizers.contract import NO_CONTEXT, ColumnShape, Effects, RowContext, Rule
from anonymizers.keys import DomainKey
from anonymizers.letter_case import lower
from anonymizers.prf import Aes, Cmac

MOST = 365
DAY = 86_400_000_000
"""Microseconds."""

YEAR_1, YEAR_9999 = -719_162, 2_932_896
"""The first and the last day, counted from 1970-01-01, of the years that every database and every program takes."""

FIRST, LAST = -2_440_588, 2_145_042_905
"""The first and the last day that any database takes: 4714-11-24 BC (day 0 of the Julian count) and 5874897-12-31."""

LAST_MICROSECOND = (1 << 63) - 1


class DateShift:
    name = "date_shift"
    version = 1
    revised: Mapping[str, int] = {}
    summary = "a date 1 to 365 days earlier or later, all dates of one subject by the same number of days"
    accepts = frozenset({"date", "timestamp"})
    options: Mapping[str, type] = {"subject": str}
    domains: frozenset[str] | None = None
    needs_values = True
    needs_subject = True

    def effects(self, column: ColumnShape, rule: Rule) -> Effects:
        return Effects(injective="no", nulls=False, length=None, reversible=True)

    def mark(self, column: ColumnShape, rule: Rule) -> None:
        """A day may be another's."""

    def apply(
        self, values: pa.Array, key: DomainKey, column: ColumnShape, rule: Rule, row: RowContext = NO_CONTEXT
    ) -> pa.Array:
        days = _Shifts(key)(row, len(values))
        return with_nulls_of(values, _moved(values, days)) if len(values) else values


class _Shifts:
    """Days per row."""

    def __init__(self, key: DomainKey) -> None:
        self._subject, self._otherwise = _Tokens(key, "subject"), _Tokens(key, "row key")

    def __call__(self, row: RowContext, count: int) -> Positions:
        days = np.empty(count, np.int64)
        for piece in pieces(count):
            here = RowContext(_part(row.subject, piece), _part(row.otherwise, piece))
            days[piece] = self._days(here)
        return days

    def _days(self, row: RowContext) -> Positions:
        tokens = self._subject(row.subject)
        nameless = np.zeros(len(tokens), np.bool_)
        if row.otherwise:
            for column in row.subject:
                nameless |= column.is_null().to_numpy(zero_copy_only=False)
        if nameless.any():
            tokens[nameless] = self._otherwise(row.otherwise)[nameless]
        drawn: Positions = ((tokens[:, 0] >> np.uint64(32)) * np.uint64(2 * MOST) >> np.uint64(32)).astype(np.int64)
        return drawn - MOST + (drawn >= MOST)


class _Tokens:
    """A pseudo-random block for each row, from the values of one column or several. A NULL counts as 0 or ''."""

    def __init__(self, key: DomainKey, purpose: str) -> None:
        self._prf, self._next = Cmac(key.derive(purpose)), Aes(key.derive(f"{purpose}: next column"))

    def __call__(self, columns: Sequence[pa.Array]) -> Words:
        first, *others = map(self._one, columns)
        for other in others:
            first = self._next(first) ^ other
        return self._next(first) if others else first

    def _one(self, column: pa.Array) -> Words:
        if column.type == pa.int64():
            return self._prf.integers(_numbers(column.fill_null(0)))
        return self._prf.text(lower(column.fill_null("")))


def _part(columns: Sequence[pa.Array], piece: slice) -> list[pa.Array]:
    return [column.slice(piece.start, piece.stop - piece.start) for column in columns]


def _numbers(values: pa.Array) -> Positions:
    """What a fixed-width array stores; anything where it is NULL."""
    stored = np.frombuffer(values.buffers()[1], f"i{values.type.bit_width // 8}", values.offset + len(values))
    numbers: Positions = stored[values.offset :].astype(np.int64)
    return numbers


def _moved(values: pa.Array, days: Positions) -> pa.Array:
    dates = pa.types.is_date32(values.type)
    unit, last = (1, LAST) if dates else (DAY, LAST_MICROSECOND)
    numbers, shifts = _numbers(values), days * unit
    usual = (numbers >= YEAR_1 * unit) & (numbers < (YEAR_9999 + 1) * unit)
    lowest = np.where(usual, YEAR_1 * unit, FIRST * unit)
    highest = np.where(usual, (YEAR_9999 + 1) * unit - 1, last)
    moved = numbers + np.where(_leaves(numbers, shifts, lowest, highest), -shifts, shifts)
    stored = pa.py_buffer(moved.astype(np.int32) if dates else moved)
    return pa.Array.from_buffers(values.type, len(values), [None, stored])


def _leaves(numbers: Positions, shifts: Positions, lowest: Positions, highest: Positions) -> NDArray[np.bool_]:
    """Where a number would leave its range, told without leaving that of 64 bits."""
    return np.where(shifts > 0, numbers > highest - shifts, numbers < lowest - shifts)


strategy = DateShift()
