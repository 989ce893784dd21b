"""Loss: what becomes of one canonical type's values in another. All that two engines need to know of each other.

    exact        every value of the source's type arrives as it was
    equivalent   it arrives in another form, by a stated rule that loses nothing (a uuid as 36 characters)
    lossy        values may change or find no room; needs consent (`allow_lossy`)
    impossible   there is no way

What only a value can tell (a text that is no date, NaN for an engine without one) is checked value by value on the way
(`connectors.guards`), and stops the chunk. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from connectors.types import FORMS, NUMBERS, ODD, TIMES, Canonical, Family


class Class(str, Enum):
    """How a type's values arrive in another."""

    EXACT = "exact"
    EQUIVALENT = "equivalent"
    LOSSY = "lossy"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True)
class Loss:
    """What becomes of values of one type in another."""

    kind: Class
    rule: str = ""
    """How values change their form, or what is lost, in words for people."""
    stops: tuple[str, ...] = ()
    """Values that only show themselves on the way, and stop their chunk."""
    consented: str = ""
    """What consent lets be lost of some of those, in words for people; all that is LOSSY needs it anyway."""

    @property
    def may_lose(self) -> str:
        """What consent is about; empty where nothing can be lost."""
        return self.rule if self.kind is Class.LOSSY else self.consented

    def __str__(self) -> str:
        words = self.kind.value + (f": {self.rule}" if self.rule else "")
        return words + (f"; {', '.join(self.stops)} stops the chunk" if self.stops else "")


def loss(source: Canonical, target: Canonical) -> Loss:
    """What becomes of the source's values in the target's type."""
    found = _between(source, target)
    if found.kind is Class.IMPOSSIBLE:
        return found
    odd = frozenset() if target.admits("anything") else source.odd - target.odd
    if target.family is Family.TEXT:
        odd = frozenset({"nul"}) if source.admits("nul") and "nul" not in target.odd else frozenset()
    beyond = (f"what is not {target.only}",) if target.only and source.only != target.only else ()
    return replace(found, stops=(*found.stops, *beyond, *(ODD[name] for name in ODD if name in odd)))


def _between(source: Canonical, target: Canonical) -> Loss:
    one, other = source.family, target.family
    if one is other:
        return _within(source, target)
    if other is Family.TEXT:
        return _as_text(source, target)
    if one is Family.TEXT:
        return _of_text(target)
    if one in NUMBERS and other in NUMBERS:
        return _numbers(source, target)
    found = PAIRS.get((one, other))
    if found is not None and other in TIMES and one in TIMES:
        return _fractions(source, target, found)
    return found or Loss(Class.IMPOSSIBLE, f"a {one.value} is no {other.value}")


PAIRS = {
    (Family.BOOLEAN, Family.INTEGER): Loss(Class.EQUIVALENT, "1 for true, 0 for false"),
    (Family.BITS, Family.BOOLEAN): Loss(Class.EQUIVALENT, "true for 1, false for 0", ("another number of bits",)),
    (Family.INTEGER, Family.BOOLEAN): Loss(Class.EQUIVALENT, "true for 1, false for 0", ("another number",)),
    (Family.DATE, Family.TIMESTAMP): Loss(Class.EQUIVALENT, "at midnight"),
    (Family.DATE, Family.INSTANT): Loss(Class.EQUIVALENT, "at midnight by the clock of UTC"),
    (Family.TIMESTAMP, Family.DATE): Loss(Class.LOSSY, "the time of day is dropped"),
    (Family.INSTANT, Family.DATE): Loss(Class.LOSSY, "the time of day, in UTC, is dropped"),
    (Family.INSTANT, Family.TIMESTAMP): Loss(Class.EQUIVALENT, "the clock of UTC"),
    (Family.TIMESTAMP, Family.INSTANT): Loss(Class.EQUIVALENT, "taken for the clock of UTC"),
    (Family.ENUM, Family.SET): Loss(Class.EQUIVALENT, "a set of one", ("another label",)),
    (Family.BINARY, Family.UUID): Loss(Class.IMPOSSIBLE, "the order of its bytes is not known"),
}
REWRITTEN = {
    Family.JSON: Loss(Class.EQUIVALENT, "the same JSON; blanks, the order of keys and repeated ones may go"),
    Family.OTHER: Loss(Class.EQUIVALENT, "as the engine itself writes it", ("what the target's type does not read",)),
}
"""Families whose types may each have their own way to write a value."""


def _within(source: Canonical, target: Canonical) -> Loss:
    """Two types of one family."""
    family = source.family
    if family in (Family.INTEGER, Family.DECIMAL, Family.FLOAT):
        return _numbers(source, target)
    if family in (Family.TEXT, Family.BINARY):
        return _texts(source, target)
    if family in (*TIMES, Family.TIME, Family.INTERVAL):
        return _fractions(source, target, Loss(Class.EXACT))
    if family in REWRITTEN:
        return REWRITTEN[family]
    if family is Family.BITS:
        same = source.length == target.length or (not target.fixed and _fits(source.length, target.length))
        return Loss(Class.EXACT) if same else Loss(Class.LOSSY, "another number of bits", ("one that does not fit",))
    if family in (Family.ENUM, Family.SET) and not set(source.labels) <= set(target.labels):
        return Loss(Class.LOSSY, "the target does not know every label", ("a label it does not know",))
    return Loss(Class.EXACT)


def _fits(have: int | None, room: int | None) -> bool:
    return room is None or (have is not None and have <= room)


def _texts(source: Canonical, target: Canonical) -> Loss:
    octets = source.octets if source.length is None else 4 * source.length
    if source.family is Family.BINARY and target.fixed:
        same = source.fixed and source.length == target.length
        other = f"bytes that are not {target.length:,}"
        return Loss(Class.EXACT) if same else Loss(Class.EXACT, stops=(other,))
    room = _fits(source.length, target.length) or (source.octets is not None and _fits(source.octets, target.length))
    if room and _fits(octets, target.octets):
        if source.fixed and not target.fixed and source.family is Family.TEXT:
            return Loss(Class.EQUIVALENT, "without the blanks at its end")
        if target.fixed and not source.fixed:
            return Loss(Class.LOSSY, "blanks at the end say nothing there")
        return Loss(Class.EXACT)
    most = target.octets if target.length is None else target.length
    unit = "characters" if source.family is Family.TEXT and target.length is not None else "bytes"
    return Loss(Class.LOSSY, f"there is room for {most:,} {unit}", ("a longer one",))


def _fractions(source: Canonical, target: Canonical, found: Loss) -> Loss:
    if source.digits <= target.digits:
        return found
    behind = f" behind the {target.digits}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(target.digits, 'th') }" * bool(
        target.digits
    )
    return Loss(Class.LOSSY, f"digits of a second{behind} are cut off")


def _numbers(source: Canonical, target: Canonical) -> Loss:
    one, other = source.family, target.family
    if other is Family.FLOAT:
        if one is Family.FLOAT:
            have, most = source.bits or 64, target.bits or 64
            if have > most:
                return Loss(Class.LOSSY, "rounded to seven digits", ("a larger one",))
            return Loss(Class.EXACT) if have == most else Loss(Class.EQUIVALENT, "the number of the same digits")
        digits = source.precision if one is Family.DECIMAL else source.whole_digits
        if digits is not None and digits <= (15 if target.bits == 64 else 6):
            return Loss(Class.EQUIVALENT, "the nearest binary number, which tells the same digits")
        return Loss(Class.LOSSY, f"rounded to {15 if target.bits == 64 else 6} digits")
    if one is Family.FLOAT:
        what = "rounded" if other is Family.INTEGER or target.scale is not None else ""
        if what:
            return Loss(Class.LOSSY, what, ("a larger one",))
        return Loss(Class.EQUIVALENT, "the shortest digits that give the same number")
    if one is Family.INTEGER and other is Family.INTEGER:
        (low, high), (least, most) = source.bounds, target.bounds
        if least <= low and high <= most:
            return Loss(Class.EXACT)
        return Loss(Class.LOSSY, f"there is room for {least:,} to {most:,}", ("another number",))
    kept = _significant(source, target)
    if kept is not None:
        return kept
    scale = 0 if one is Family.INTEGER else source.scale
    room = 0 if other is Family.INTEGER else target.scale
    if other is Family.DECIMAL and target.precision is None:
        return Loss(Class.EXACT)
    if one is Family.DECIMAL and source.precision is None and other is Family.DECIMAL:  # it says nothing of its digits
        beyond = f"a number of more than {target.whole_digits} digits before the point or {target.scale} behind it"
        return Loss(Class.EXACT, stops=(beyond,), consented=f"rounded to {target.scale} digits behind the point")
    if not _fits(scale, room):
        return Loss(Class.LOSSY, f"rounded to {room} digits behind the point", ("a number with more digits before it",))
    whole, most_whole = source.whole_digits, target.whole_digits
    assert most_whole is not None
    if other is Family.INTEGER:
        most_whole -= 1  # the widest integers of so many digits do not fit
    if whole is None or whole > most_whole:
        return Loss(Class.LOSSY, f"there is room for {most_whole} digits before the point", ("a larger one",))
    below = one is Family.DECIMAL and other is Family.INTEGER and target.unsigned
    return Loss(Class.EXACT, stops=("a number below zero",) if below else ())


def _significant(source: Canonical, target: Canonical) -> Loss | None:
    """What becomes of numbers in a type that keeps so many digits; None where it keeps all of them."""
    if target.significant is None or source.significant is not None:
        return None
    if source.family is Family.INTEGER:
        small = source.bits != 64 or not source.unsigned  # whole numbers of 64 bits it keeps as such
        return None if small else Loss(Class.LOSSY, f"rounded to {target.significant} digits")
    if source.precision is None:
        return Loss(Class.EXACT, stops=(f"a number of more than {target.significant} digits",))
    if source.precision > target.significant:
        return Loss(Class.LOSSY, f"rounded to {target.significant} digits")
    return None


def _as_text(source: Canonical, target: Canonical) -> Loss:
    width = source.width
    form = "hexadecimal digits" if source.family is Family.BINARY else FORMS[source.family]
    room = target.octets if target.length is None else target.length
    if source.family is Family.BINARY and source.length is not None:
        width = 2 * source.length
    elif target.length is None and source.labels:
        sizes = [len(label.encode()) for label in source.labels]
        width = max(sizes) if source.family is Family.ENUM else sum(sizes) + len(sizes) - 1
    if room is not None and (width is None or width > room):
        return Loss(Class.LOSSY, f"there is room for {room:,} characters", ("a longer one",))
    return Loss(Class.EQUIVALENT, f"as text: {form}")


def _of_text(target: Canonical) -> Loss:
    """A text that says a value of the target's type becomes it; any other stops its chunk."""
    if target.family is Family.BINARY:
        return Loss(Class.IMPOSSIBLE, "a text is no bytes")
    more = " of so few digits" * (target.family is Family.FLOAT)
    return Loss(Class.EQUIVALENT, "what the text says", (f"a text that is no {target.family.value}{more}",))
