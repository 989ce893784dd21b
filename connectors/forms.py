r"""Forms: how values of a canonical type are written, as patterns (RE2: `$` is the end of the text, `\d` a digit of ASCII).

A pattern tells the whole text: what it matches is a value of the type, digits and odd values included. What no pattern tells
(whether a calendar has a day, whether an integer has room) is tested in `connectors.guards`.
"""

from __future__ import annotations

import re

from connectors.types import Canonical, Family

MOST_REPEATS = 1000
"""RE2 counts no further."""
FLOATING = r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
NAN = r"NaN|-?Infinity"
HOURS = r"(?:[01]\d|2[0-3])"
ZERO = r"^(?:0000-|\d{4}-00-|\d{4}-\d{2}-00)"


def pattern(type_: Canonical) -> str | None:
    """What every value of the type matches; None where only the database can tell."""
    found = _pattern(type_)
    return None if found is None else f"^(?:{found})$"


def _pattern(type_: Canonical) -> str | None:
    family = type_.family
    if family is Family.DECIMAL:
        return _decimal(type_) + (f"|{NAN}" if type_.admits("nan") else "")
    if family is Family.FLOAT:
        return FLOATING + (f"|{NAN}" if type_.admits("nan") else "")
    if family in (Family.DATE, Family.TIMESTAMP, Family.INSTANT):
        return _date(type_)
    if family is Family.TIME:
        return _time(type_)
    if family is Family.INTERVAL:
        return _interval(type_)
    if family is Family.SET:
        label = "|".join(map(_escaped, type_.labels))
        return f"(?:(?:{label})(?:,(?:{label}))*)?"
    return PLAIN.get(family)


PLAIN = {Family.BOOLEAN: "[01]", Family.INTEGER: r"-?\d+", Family.UUID: UUID, Family.BITS: "[01]*"}


def _decimal(type_: Canonical) -> str:
    if type_.precision is None or type_.precision > MOST_REPEATS:
        return r"-?\d+(?:\.\d*)?"
    whole, scale = max(type_.whole_digits or 0, 0), type_.scale or 0
    before = rf"0*\d{{1,{whole}}}" if whole else "0+"
    return rf"-?{before}(?:\.\d{{0,{scale}}}0*)?"


def _fraction(digits: int) -> str:
    return rf"(?:\.\d{{0,{digits}}}0*)?"


def _date(type_: Canonical) -> str:
    day = (r"\d{4,7}" if type_.admits("late") else r"\d{4}") + r"-\d{2}-\d{2}"
    if type_.family is not Family.DATE:
        day += rf"(?:[ T]{HOURS}:[0-5]\d(?::[0-5]\d{_fraction(type_.digits)})?)?"
    return day + ("(?: BC)?" if type_.admits("bc") else "") + ("|-?infinity" if type_.admits("infinity") else "")


def _time(type_: Canonical) -> str:
    rest = rf":[0-5]\d(?::[0-5]\d{_fraction(type_.digits)})?"
    hours = r"-?\d{2,3}" if type_.admits("long") else HOURS
    return hours + rest + (r"|24:00:00(?:\.0*)?" if type_.admits("midnight") else "")


def _interval(type_: Canonical) -> str:
    days = "".join(rf"(?:-?\d+{unit})?" for unit in "YMWD")
    times = r"(?:-?\d+H)?(?:-?\d+M)?" + rf"(?:-?\d+{_fraction(type_.digits)}S)?"
    return rf"P{days}(?:T{times})?"


def _escaped(label: str) -> str:
    r"""A label as RE2 takes it: Python's way to escape blanks and the like is not RE2's, and `\Q…\E` takes what it is."""
    return "".join(rf"\x{{{ord(character):x}}}" if re.match(r"\W", character) else character for character in label)
