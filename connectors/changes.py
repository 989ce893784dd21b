"""What becomes of a value's form between two types, and what consent allows to be lost of it. Values are n texts in, n out.

A form is changed where the two types' families write the same value in two ways. Under consent (`allow_lossy`) digits of a
number or of a second and the time of a day are cut or rounded here, in one way whatever the engines. A text is never cut and
a number never clipped; what is no value of the source's type is left as it is, for the guard to find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from connectors.loss import loss
from connectors.types import NUMBERS, TIMES, Canonical, Family

Change: TypeAlias = Callable[[pa.Array], pa.Array]

WIDE = Context(prec=200_000)
"""Room for every digit of any engine's decimals and doubles."""
NUMBER = r"^-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?$"
"""A number that can be written without its exponent."""
WHOLE = (Family.INTEGER, Family.DECIMAL)


def changes(source: Canonical, target: Canonical, consent: bool) -> list[Change]:
    """In their order."""
    found = [*_forms(source, target)]
    if consent and loss(source, target).may_lose:
        found += _losses(source, target)
    return found


def _forms(source: Canonical, target: Canonical) -> Iterator[Change]:
    one, other = source.family, target.family
    if one is Family.TEXT and source.fixed and not (other is Family.TEXT and target.fixed):
        yield lambda values: pc.utf8_rtrim(values, " ")
    if one is Family.TEXT and other is Family.UUID:
        yield pc.ascii_lower
    if one is Family.DATE and other in TIMES:
        yield _replacing(r"^(\d{4,}-\d{2}-\d{2})( BC)?$", r"\1 00:00:00\2")
    if one is Family.FLOAT and other in WHOLE:
        yield _without_exponents
    if one in (Family.DECIMAL, Family.FLOAT) and other is Family.INTEGER:
        yield _replacing(r"^(-?\d+)\.0*$", r"\1")


def _losses(source: Canonical, target: Canonical) -> Iterator[Change]:
    one, other = source.family, target.family
    if one in NUMBERS and other in WHOLE:
        scale = 0 if other is Family.INTEGER else target.scale
        if scale is not None:
            yield _rounding(scale)
    if one in TIMES and other is Family.DATE:
        yield _replacing(r"^(\d{4,}-\d{2}-\d{2})[ T][0-9:.]+( BC)?$", r"\1\2")
    if other in (*TIMES, Family.TIME, Family.INTERVAL) and source.digits > target.digits:
        kept = rf"(\.\d{{{target.digits}}})\d*" if target.digits else r"()\.\d*"
        yield _replacing(kept, r"\1")


def _replacing(found: str, by: str) -> Change:
    return lambda values: pc.replace_substring_regex(values, found, by)


def _without_exponents(values: pa.Array) -> pa.Array:
    return _numbers(values, "[eE]", lambda number: number)


def _rounding(scale: int) -> Change:
    """Half away from zero, as databases round."""
    unit = Decimal(1).scaleb(-scale)
    longer = rf"\.\d{{{scale}}}0*[1-9]"
    return lambda values: _numbers(values, longer, lambda number: number.quantize(unit, ROUND_HALF_UP, WIDE))


def _numbers(values: pa.Array, concerned: str, change: Callable[[Decimal], Decimal]) -> pa.Array:
    """The values with those numbers changed that match `concerned`."""
    some = pc.and_(pc.match_substring_regex(values, concerned), pc.match_substring_regex(values, NUMBER))
    if not pc.any(some, min_count=0).as_py():
        return values
    changed = pa.array([format(change(Decimal(value)), "f") for value in values.filter(some).to_pylist()], pa.string())
    return pc.replace_with_mask(values, pc.fill_null(some, False), changed)
