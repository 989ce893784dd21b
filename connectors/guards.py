r"""Guards: what only a value can tell. Each looks at a column's texts on their way and finds those its target cannot hold.

A guard knows two canonical types and no engine. Where the source's type promises already that every value fits, there is
none. Under consent (`allow_lossy`) what would be lost is cut or rounded here, in one way whatever the engines, and what
then still does not fit stops the chunk all the same: a text is never cut, a number never clipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import ValueRefused
from connectors.types import NUMBERS, TIMES, Canonical, Class, Family, loss

DAY = r"\d{4}-\d{2}-\d{2}"
SECONDS = r"[0-5]\d:[0-5]\d"
NUMBER = r"^-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"
PLAIN = r"^-?\d+(?:\.\d*)?$"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
ODD = {
    "nan": r"^(?:NaN|-?Infinity)$",
    "infinity": r"^-?infinity$",
    "bc": r"\sBC$",
    "late": r"^\d{5,}-",
    "zero": r"^(?:0000-|\d{4}-00-|\d{4}-\d{2}-00)",
    "long": r"^(?:-|\d{3,}:|2[4-9]:|[3-9]\d:)",
    "midnight": r"^24:00:00(?:\.0*)?$",
}
"""How the odd values of a type are written."""


@dataclass(frozen=True)
class Guard:
    """What is done to one column's values. Build with `guard`."""

    change: Callable[[pa.Array], pa.Array] | None
    """What consent allows to be lost, for n values n values."""
    good: Callable[[pa.Array], pa.BooleanArray] | None
    """Which values the target can hold; NULL for NULL."""
    what: str

    def __call__(self, values: pa.Array, column: str) -> pa.Array:
        """The values as they are to be loaded. Raises ValueRefused naming the column and the class of problem."""
        if self.change is not None:
            values = self.change(values)
        if self.good is not None and not pc.all(self.good(values), min_count=0).as_py():
            raise ValueRefused(
                f"column {column} holds {self.what}, which the target's type cannot hold",
                todo="mend these rows in the source, or choose a wider type for the column (`column_mappings`)",
            )
        return values


def guard(source: Canonical, target: Canonical, consent: bool = False) -> Guard | None:
    """The guard between two types; None where every value fits. `consent`: what is lossy may be lost."""
    found = loss(source, target)
    if found.kind is Class.EXACT and not found.stops:
        return None
    change = _change(source, target) if consent and found.kind is Class.LOSSY else None
    tests = [test for test in _tests(source, target) if test is not None]
    what = found.stops[0] if len(found.stops) == 1 else f"what no {target} is"
    return Guard(change, _all(tests) if tests else None, what) if change or tests else None


Test = Callable[[pa.Array], pa.BooleanArray]


def _all(tests: list[Test]) -> Test:
    def good(values: pa.Array) -> pa.BooleanArray:
        found = tests[0](values)
        for test in tests[1:]:
            found = pc.and_(found, test(values))
        return found

    return good


def _tests(source: Canonical, target: Canonical) -> Iterator[Test | None]:
    family = target.family
    if family is Family.TEXT:
        yield from _text_tests(source, target)
    elif family is Family.BINARY:
        if target.length is not None:
            yield lambda values: pc.less_equal(pc.binary_length(values), target.length)
    elif family in NUMBERS:
        yield _matching(_number(target), target)
        if family is Family.INTEGER:
            yield lambda values: _in_range(values, target.bounds)
    elif family in (Family.ENUM, Family.SET):
        labels = pa.array(target.labels, pa.string())
        if family is Family.ENUM:
            yield lambda values: pc.is_in(values, labels)
    else:
        pattern = _pattern(target)
        if pattern is not None:
            yield _matching(pattern, target)
        if family in (Family.DATE, *TIMES):
            yield lambda values: _calendar(values, target)


def _text_tests(source: Canonical, target: Canonical) -> Iterator[Test]:
    if target.length is not None:
        yield lambda values: pc.less_equal(pc.utf8_length(values), target.length)
    if target.octets is not None:
        yield lambda values: pc.less_equal(pc.binary_length(values), target.octets)
    if "nul" in source.odd and "nul" not in target.odd:
        yield lambda values: pc.invert(pc.match_substring(values, "\0"))


def _number(target: Canonical) -> str:
    if target.family is Family.FLOAT:
        return NUMBER
    if target.family is Family.INTEGER:
        return r"^-?\d+$"
    if target.precision is None:
        return PLAIN
    return rf"^-?0*\d{{0,{target.whole_digits}}}(?:\.\d{{0,{target.scale}}}0*)?$"


def _pattern(target: Canonical) -> str | None:
    """The form of a family's ordinary values; None where the database itself judges."""
    fraction = rf"(?:\.\d{{1,{target.digits}}}0*)?" if target.digits else r"(?:\.0*)?"
    patterns = {
        Family.BOOLEAN: r"^[01]$",
        Family.DATE: rf"^{DAY}$",
        Family.TIME: rf"^(?:[01]\d|2[0-3]):{SECONDS}{fraction}$",
        Family.TIMESTAMP: rf"^{DAY}(?: (?:[01]\d|2[0-3]):{SECONDS}{fraction})?$",
        Family.INSTANT: rf"^{DAY}(?: (?:[01]\d|2[0-3]):{SECONDS}{fraction})?$",
        Family.UUID: UUID,
        Family.BITS: rf"^[01]{{{'' if target.fixed else '0,'}{'' if target.length is None else target.length}}}$",
    }
    if target.family is Family.BITS and target.length is None:
        return "^[01]*$"
    return patterns.get(target.family)


def _matching(pattern: str, target: Canonical) -> Test:
    odd = [ODD[name] for name in sorted(target.odd & ODD.keys())]
    if "anything" in target.odd:
        return lambda values: pc.true_unless_null(values)
    every = "|".join([pattern, *odd])
    return lambda values: pc.match_substring_regex(values, every)


def _calendar(values: pa.Array, target: Canonical) -> pa.BooleanArray:
    """Whether a calendar has the day; odd values are none of its business here."""
    plain = pc.match_substring_regex(values, f"^{DAY}")
    days = pc.utf8_slice_codeunits(pc.if_else(plain, values, None), 0, 10)
    strange = pc.starts_with(days, "0000")
    if "zero" in target.odd:
        days = pc.if_else(pc.match_substring_regex(days, ODD["zero"]), None, days)
    elif pc.any(strange, min_count=0).as_py():  # Arrow has a year 0, no database has
        return pc.invert(pc.fill_null(strange, False))
    try:
        days.cast(pa.date32())
    except pa.ArrowInvalid:
        return pa.array([False] * len(values))
    return pc.fill_null(pc.true_unless_null(days), True)


def _in_range(values: pa.Array, bounds: tuple[int, int]) -> pa.BooleanArray:
    try:
        numbers = values.cast(pa.int64())
    except pa.ArrowInvalid:  # beyond 64 bits, or no number at all
        low, high = bounds
        return pa.array([v is None or (v.lstrip("-").isdigit() and low <= int(v) <= high) for v in values.to_pylist()])
    low, high = (max(-(2**63), bounds[0]), min(2**63 - 1, bounds[1]))
    return pc.and_(pc.greater_equal(numbers, low), pc.less_equal(numbers, high))


def _change(source: Canonical, target: Canonical) -> Callable[[pa.Array], pa.Array] | None:
    """What consent allows to be lost of a value: digits of a number or of a second, the time of a day."""
    if target.family in NUMBERS and target.family is not Family.FLOAT and source.family in NUMBERS:
        scale = 0 if target.family is Family.INTEGER else target.scale
        return None if scale is None else lambda values: _rounded(values, scale)
    if target.family is Family.DATE:
        return lambda values: pc.if_else(
            pc.match_substring_regex(values, f"^{DAY} "), pc.utf8_slice_codeunits(values, 0, 10), values
        )
    if target.family in (*TIMES, Family.TIME):
        kept = rf"(\.\d{{{target.digits}}})\d*" if target.digits else r"()\.\d*"
        return lambda values: pc.replace_substring_regex(values, kept, r"\1")
    return None


def _rounded(values: pa.Array, scale: int) -> pa.Array:
    """Numbers rounded half away from zero, as databases round; what is no plain number stays for the test to find."""
    plain = pc.match_substring_regex(values, rf"^-?\d{{1,{76 - scale - 30}}}(?:\.\d{{1,30}})?$")
    numbers = pc.if_else(plain, values, None).cast(pa.decimal256(76, 30))
    rounded = pc.round(numbers, scale, round_mode="half_towards_infinity").cast(pa.decimal256(76, scale))
    return pc.if_else(pc.fill_null(plain, False), rounded.cast(pa.string()), values)
