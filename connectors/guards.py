"""Guards: what only a value can tell. Each looks at a column's values on their way and finds those its target cannot hold.

A guard knows two canonical types and no engine. Where the source's type promises already that every value fits, as it is
written, there is none. Forms are changed, and what consent allows is lost, before it looks (`connectors.changes`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.arrays import characters
from connectors.changes import Change, changes
from connectors.errors import ValueRefused
from connectors.forms import ZERO, pattern
from connectors.loss import Class, loss
from connectors.types import NUMBERS, TIMES, Canonical, Family

Test: TypeAlias = Callable[[pa.Array], pa.BooleanArray]
"""Which values the target can hold; NULL for NULL."""

YEAR_1 = -62_135_596_800_000_000
"""Its first moment, in microseconds before 1970."""


@dataclass(frozen=True)
class Guard:
    """What is done to one column's values. Build with `guard`."""

    changes: Sequence[Change]
    tests: Sequence[Test]
    what: str

    def __call__(self, values: pa.Array, column: str) -> pa.Array:
        """The values as they are to be loaded. Raises ValueRefused naming the column and the class of problem."""
        for change in self.changes:
            values = change(values)
        for test in self.tests:
            if not pc.all(test(values), min_count=0).as_py():
                raise ValueRefused(
                    f"column {column} holds {self.what}, which the target's type cannot hold",
                    todo="mend these rows in the source, or choose a wider type for the column (`column_mappings`)",
                )
        return values


def guard(source: Canonical, target: Canonical, consent: bool = False) -> Guard | None:
    """The guard between two types; None where every value fits. `consent`: what is lossy may be lost."""
    found = loss(source, target)
    strange = "anything" in source.odd and source.family is not target.family
    doubtful = found.kind in (Class.LOSSY, Class.IMPOSSIBLE) or bool(found.stops) or strange
    changed = changes(source, target, consent)
    tests = tuple(_tests(source, target, consent)) if doubtful else ()
    return Guard(changed, tests, " or ".join(found.stops) or f"what no {target} is") if changed or tests else None


GIVEN = Canonical(Family.TEXT, odd=frozenset({"nul"}))
"""What a person gives for values: texts, of which nothing is known."""


def fits(values: Iterable[str | None], target: Canonical) -> bool:
    """Whether all that a person gives are values of the type."""
    check = guard(GIVEN, target)
    try:
        if check is not None:
            check(pa.array(list(values), pa.string()), "")
    except ValueRefused:
        return False
    return True


def _tests(source: Canonical, target: Canonical, consent: bool) -> Iterator[Test]:
    family, form = target.family, pattern(target)
    if family is Family.TEXT:
        yield from _of_text(source, target, consent)
    elif family is Family.BINARY and target.length is not None:
        compared = pc.equal if target.fixed else pc.less_equal
        yield lambda values: compared(pc.binary_length(values), target.length)
    elif family is Family.ENUM:
        yield lambda values: _among(values, target.labels)
    elif family is Family.JSON:
        yield _json
    elif form is not None:
        yield lambda values: pc.match_substring_regex(values, form)
        yield from _beyond_form(target)
        if family in NUMBERS and source.family is Family.TEXT:  # 007 is a text, and no number with these digits
            yield lambda values: pc.invert(pc.match_substring_regex(values, r"^-?0\d"))
        if family is Family.FLOAT and source.family is Family.TEXT:
            yield lambda values: _told(values, target.bits or 64)


def _of_text(source: Canonical, target: Canonical, consent: bool) -> Iterator[Test]:
    if target.length is not None:
        yield lambda values: pc.less_equal(pc.utf8_length(values), target.length)
    if target.octets is not None:
        yield lambda values: pc.less_equal(pc.binary_length(values), target.octets)
    if source.admits("nul") and "nul" not in target.odd:
        yield _without_nul
    if target.fixed and not (source.fixed or consent):
        yield lambda values: pc.invert(pc.ends_with(values, " "))


def _without_nul(values: pa.Array) -> pa.BooleanArray:
    """All are looked at as one, which is much cheaper, and nearly always tells."""
    if characters(values).all():
        return pc.true_unless_null(values)
    return pc.invert(pc.match_substring(values, "\0"))


def _beyond_form(target: Canonical) -> Iterator[Test]:
    """What a value of the right form may lack."""
    if target.family is Family.INTEGER:
        yield lambda values: _in_range(values, *target.bounds)
    elif target.family in (Family.DATE, *TIMES):
        yield lambda values: _calendar(values, target.admits("zero"))
    elif target.family is Family.BITS and target.length is not None:
        compared = pc.equal if target.fixed else pc.less_equal
        yield lambda values: compared(pc.binary_length(values), target.length)
    elif target.family is Family.INTERVAL:
        yield lambda values: pc.invert(pc.match_substring_regex(values, "[PT]$"))


def _among(values: pa.Array, labels: Sequence[str]) -> pa.BooleanArray:
    return pc.or_kleene(pc.is_in(values, pa.array(labels, pa.string())), pc.is_null(values))


def _calendar(values: pa.Array, zeros: bool) -> pa.BooleanArray:
    """Whether a calendar has the days of the years 1 to 9999; those of other years only the database can tell."""
    if _plain_days(values):
        return pc.true_unless_null(values)
    plain = pc.match_substring_regex(values, r"^\d{4}-\d{2}-\d{2}(?:[ T][0-9:.]+)?$")
    days = pc.utf8_slice_codeunits(pc.if_else(plain, values, None), 0, 10)
    none = pc.match_substring_regex(days, ZERO)
    if zeros:
        days = pc.if_else(none, None, days)
    elif pc.any(none, min_count=0).as_py():
        return pc.invert(none)
    try:
        days.cast(pa.date32())
    except pa.ArrowInvalid:
        return pa.array([False] * len(values))
    return pc.true_unless_null(values)


def _plain_days(values: pa.Array) -> bool:
    """Whether all are plain days, or moments, of the years 1 to 9999. In most columns they are, and this is soon told."""
    try:
        first = pc.min(values.cast(pa.timestamp("us"))).value
    except pa.ArrowInvalid:
        return False
    return first is None or first >= YEAR_1


def _told(values: pa.Array, bits: int) -> pa.BooleanArray:
    """Whether a binary number of so many bits tells every digit. Values are numbers, NaN or infinite."""
    short = rf"^[^eE]{{0,{15 if bits == 64 else 6}}}$"
    if pc.all(pc.match_substring_regex(values, short), min_count=0).as_py():
        return pc.true_unless_null(values)
    nearest = np.float64 if bits == 64 else np.float32
    with np.errstate(over="ignore"):
        return pa.array(
            [value is None or _tells(str(nearest(value)), value) for value in values.to_pylist()], pa.bool_()
        )


def _tells(shortest: str, text: str) -> bool:
    try:
        return Decimal(shortest) == Decimal(text) or text == "NaN"
    except ArithmeticError:  # an exponent that nothing can be done with
        return False


def _in_range(values: pa.Array, low: int, high: int) -> pa.BooleanArray:
    """Values are digits."""
    try:
        numbers = values.cast(pa.int64())
    except pa.ArrowInvalid:  # beyond 64 bits
        return pa.array([value is None or _between(value, low, high) for value in values.to_pylist()], pa.bool_())
    return pc.and_(pc.greater_equal(numbers, max(low, -(2**63))), pc.less_equal(numbers, min(high, 2**63 - 1)))


def _between(digits: str, low: int, high: int) -> bool:
    return len(digits.lstrip("-0")) <= len(str(high)) and low <= int(digits) <= high


def _json(values: pa.Array) -> pa.BooleanArray:
    return pa.array([value is None or _is_json(value) for value in values.to_pylist()], pa.bool_())


def _is_json(value: str) -> bool:
    try:
        json.loads(value, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)
