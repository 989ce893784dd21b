"""Expressions: defaults, conditions and index expressions of one engine in another's words, or why not.

What is translated means the same on both ends; what could differ for a single row is not translated. A default fills what
the same value would have become on its way; the clock stays the clock it was.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa
from sqlglot import exp

from connectors import comparisons
from connectors.conditions import Conditions, is_mapped, joined
from connectors.errors import ValueRefused
from connectors.grammar import Grammar
from connectors.guards import fits, guard
from connectors.terms import Term, Terms, Typed, Untranslatable, bare, called, number_of, parsed, text_of
from connectors.types import NUMBERS, Canonical, Family

__all__ = ["Term", "Terms", "Untranslatable", "check", "computed", "condition", "default", "expression"]

PLAIN = (Family.BOOLEAN, Family.INTEGER, Family.DECIMAL, Family.FLOAT, Family.TEXT, Family.DATE, Family.TIME,
         Family.TIMESTAMP, Family.INSTANT, Family.UUID, Family.JSON, Family.BITS, Family.ENUM, Family.BINARY)  # fmt: skip
"""Families of which an engine writes a literal as its values travel."""
CLOCKS = {exp.CurrentTimestamp: "now", exp.Localtimestamp: "session", exp.UtcTimestamp: "utc", exp.CurrentDate: "today"}


def condition(text: str, terms: Terms, source: Grammar, target: Grammar) -> str:
    """Which rows are meant, in the target's words: true, false or unknown of the same ones. Raises Untranslatable."""
    return _condition(text, terms, source, target, guarded=False)


def check(text: str, terms: Terms, source: Grammar, target: Grammar) -> str:
    """A CHECK in the target's words: it refuses the same rows, also those of which the source cannot compute the sums.
    Raises Untranslatable."""
    return _condition(text, terms, source, target, guarded=True)


def _condition(text: str, terms: Terms, source: Grammar, target: Grammar, *, guarded: bool) -> str:
    found = Conditions(terms, source, target)
    try:
        said = found.condition(parsed(text, source.dialect))
        if found.guards and not guarded:
            raise Untranslatable("it computes a number that may be too large for one of both")
        return _written(joined(True, [*found.guards, said]), target)
    except RecursionError:
        raise Untranslatable("it is nested too deeply") from None


def computed(text: str, column: Term, terms: Terms, source: Grammar, target: Grammar, replaced: Set[str] = frozenset(),
             *, cut: bool = False) -> str:  # fmt: skip
    """What a generated column is computed by, in the target's words: the same value wherever the source has one. What is too
    large for its type, and refused by the source, is refused or exact there. Nothing may be too large of `replaced` columns,
    which hold other values in the target, nor where one of both would not refuse but `cut` it. Raises Untranslatable."""
    named = reads(text, source)
    terms = {name: _replaced(term) if name.lower() in replaced else term for name, term in terms.items()}
    found = Conditions(terms, source, target)
    tree = parsed(text, source.dialect)
    exact = cut or bool(replaced & named)
    seen = [term for name, term in terms.items() if name.lower() in named and isinstance(term, Term)]
    if any(end.fixed and end.family is Family.TEXT for term in seen for end in (term.source, term.target)):
        raise Untranslatable("it reads a text with blanks at its end, which a setting decides about")
    try:
        if column.source.family is Family.BOOLEAN:
            node = found.condition(tree)
            if column.target.family is not Family.BOOLEAN and not target.truths_are_numbers:
                raise Untranslatable("it is a condition, which is no number in the target")
        else:
            node = _fitting(found.value(tree), column, source, target, exact=exact)
        if found.beyond and (exact or (found.beyond == 64 and target.sums == "float")):
            raise Untranslatable(TOO_LARGE)
        return _written(node, target)
    except RecursionError:
        raise Untranslatable("it is nested too deeply") from None


TOO_LARGE = "it computes a value that may be too large"


def _replaced(term: Term | str) -> Term | str:
    """Only its target says how large its values are."""
    if isinstance(term, str) or term.source.family is not term.target.family:
        return term
    of = term.target
    source = replace(
        term.source, bits=of.bits, precision=of.precision, scale=of.scale, length=of.length, octets=of.octets
    )
    return replace(term, source=source)


def reads(text: str, source: Grammar) -> frozenset[str]:
    """The columns that an expression names, in small letters. Raises Untranslatable."""
    return frozenset(node.name.lower() for node in parsed(text, source.dialect).find_all(exp.Column))


def _fitting(found: Typed, column: Term, source: Grammar, target: Grammar, *, exact: bool) -> exp.Expression:
    """A value that its column keeps as it is. `exact`: none may be too large for it."""
    family, ends = found.family, (column.source, column.target)
    if is_mapped(found) or any(end.fixed for end in ends):
        raise Untranslatable("it computes a text with blanks at its end, or a value that is mapped")
    if family is Family.TEXT and all(end.family is family for end in ends):
        rooms = [end.characters for end in ends if end.characters is not None]
        fits_ = all(found.length is not None and found.length <= room for room in rooms)
        # Of what is too long only blanks are cut without a word, and where both have as much room, in both.
        alike = (column.source.length, column.source.octets) == (column.target.length, column.target.octets)
        if not fits_ and (exact or not alike):
            raise Untranslatable("it computes a text that may be longer than its type")
        return found.node
    takes = {Family.INTEGER: (Family.INTEGER, Family.DECIMAL), Family.DECIMAL: (Family.DECIMAL,)}.get(family, ())
    if found.digits is None or any(end.family not in takes for end in ends):
        raise Untranslatable(f"it computes {comparisons.an(family.value)} for {comparisons.an(column.source)}")
    digits, scale = found.digits
    if any(end.precision is not None and scale > (end.scale or 0) for end in ends):
        raise Untranslatable("it rounds a number")
    room = [end.whole_digits for end in ends if end.whole_digits is not None]
    fits_ = all(_within(found, end) for end in ends if end.family is Family.INTEGER)
    fits_ = fits_ and all(digits - scale <= most for most in room)
    if not fits_ and (exact or (source.sums != "operands" and target.sums == "float")):
        raise Untranslatable(TOO_LARGE)
    return found.node


def _within(found: Typed, type_: Canonical) -> bool:
    return type_.bounds[0] <= found.bounds[0] and found.bounds[1] <= type_.bounds[1]


def expression(text: str, terms: Terms, source: Grammar, target: Grammar) -> str:
    """What an index is ordered by that tells no rows apart: any order helps, so letters and lengths may differ. Raises
    Untranslatable."""
    tree = exp.paren(parsed(text, source.dialect), copy=False)
    for node in list(tree.walk()):
        if isinstance(node, exp.Cast) and node.to.this in TEXTS:
            node.replace(bare(node.this))  # the same letters
        elif isinstance(node, exp.Column):
            term = terms.get(node.name)
            if term is None or isinstance(term, str) or node.args.get("table"):
                what = "it names something that is no column of its table"
                raise Untranslatable(term if isinstance(term, str) else what)
            node.set("this", exp.to_identifier(term.name, quoted=True))
    for node in tree.this.walk():
        if not isinstance(node, ORDERABLE):
            raise Untranslatable(called(node, source.dialect))
    return _written(bare(tree), target)


ORDERABLE = (exp.Column, exp.Identifier, exp.Paren, exp.Lower, exp.Upper, exp.Length, exp.Coalesce, exp.Literal)
TEXTS = (exp.DType.TEXT, exp.DType.VARCHAR)


def default(text: str, column: Term, source: Grammar, target: Grammar) -> str | None:
    """What fills a column, in the target's words; None for NULL. Raises Untranslatable."""
    tree = parsed(text, source.dialect)
    if isinstance(_uncast(tree), exp.Null):
        return None
    clock = _clock(tree, source)
    if clock is not None:
        return _told(clock, column, source, target)
    if column.source.family not in PLAIN:
        raise Untranslatable(f"it is {column.source.family.value}, which each engine writes in its own way")
    value = _arrived(_value(tree, column.source, source.dialect), column)
    return None if value is None else _literal(value, column.target, target)


def _uncast(node: Any) -> Any:
    node = bare(node)
    while isinstance(node, exp.Cast):
        node = bare(node.this)
    return node


def _value(tree: Any, type_: Canonical, dialect: str) -> str:
    """A literal as a value of its column's type, in the form in which it travels; bytes as hexadecimal digits."""
    node = _uncast(tree)
    text, number = text_of(node), number_of(node)
    if isinstance(node, exp.Boolean):
        found = "1" if node.this else "0"
    elif isinstance(node, exp.HexString) and type_.family is Family.BINARY:
        return str(node.name).lower()
    elif isinstance(node, exp.BitString):
        found = str(node.name)
    elif number is not None and not (type_.family is Family.TEXT and "." in number):
        found = number
    elif text is not None:
        found = text
    else:
        raise Untranslatable(called(node, dialect))
    if type_.family is Family.BINARY:
        if not found.startswith("\\x") or text is None:
            raise Untranslatable("its bytes are written as a text")
        return found[2:].lower()
    if type_.family is Family.INSTANT:
        found = _in_utc(found)
    if type_.fixed and type_.family is Family.TEXT:
        found = found.rstrip(" ")
    if not fits([found], type_):
        raise Untranslatable("it is no value of its column's type")
    return found


def _in_utc(text: str) -> str:
    """A moment with its offset, by the clock of UTC."""
    try:
        moment = datetime.fromisoformat(text + ":00" if text[-3:-2] in "+-" else text)
    except ValueError:
        raise Untranslatable("it is a moment that cannot be read") from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc)
    return str(moment.replace(tzinfo=None))


def _arrived(value: str, column: Term) -> str | None:
    """What becomes of a value on its way into the target."""
    if column.values is not None:
        if value not in column.values:
            raise Untranslatable("what its value becomes is not told (column_mappings: values)")
        return column.values[value]
    if column.source.family is Family.BINARY:
        if column.target.family is not Family.BINARY or not fits_bytes(value, column.target):
            raise Untranslatable("it does not fit the target's type")
        return value
    passes = guard(column.source, column.target)
    try:
        arrived = pa.array([value], pa.string())
        arrived = arrived if passes is None else passes(arrived, column.name)
    except ValueRefused:
        raise Untranslatable("it does not fit the target's type") from None
    found = str(arrived[0].as_py())
    if not fits([found], column.target):
        raise Untranslatable("it does not fit the target's type")
    return found


def fits_bytes(digits: str, type_: Canonical) -> bool:
    """Whether bytes, as hexadecimal digits, are a value of the type."""
    room, size = type_.length, len(digits) // 2
    return room is None or (size == room if type_.fixed else size <= room)


def _literal(value: str, type_: Canonical, target: Grammar) -> str:
    """A value of the target's type in the target's words."""
    node: exp.Expression = exp.Literal.string(value)
    digits = value.removeprefix("-").replace(".", "", 1)
    if type_.family is Family.BINARY:
        return target.bytes_literal.format(value)
    if type_.family is Family.BOOLEAN:
        node = exp.Boolean(this=value == "1")
    elif type_.family is Family.BITS:
        node = exp.BitString(this=value)
    elif type_.family in NUMBERS and digits.isdecimal():
        short = format(Decimal(value).normalize() + 0, "f")
        number = exp.Literal.number(short.removeprefix("-"))
        node = exp.Neg(this=number) if short.startswith("-") else number
    elif type_.family is Family.INSTANT:
        node = exp.Literal.string(target.instant_literal.format(value))
    if "\0" in value:
        raise Untranslatable("it holds a NUL")
    return _written(node, target)


@dataclass(frozen=True)
class _Clock:
    """What is read off: a moment that the column's type decides about, or one clock's digits, or a day."""

    kind: Literal["now", "session", "utc", "today"]
    digits: int


def _clock(tree: Any, source: Grammar) -> _Clock | None:
    """The clock that fills a column; None where it is something else."""
    node = bare(tree)
    if isinstance(node, exp.AtTimeZone) and (text_of(_uncast(node.args["zone"])) or "").upper() == "UTC":
        inner = _clock(node.this, source)
        return _Clock("utc", inner.digits) if inner and inner.kind == "now" else None
    if isinstance(node, exp.Anonymous):
        return _named_clock(node, source)
    if isinstance(node, exp.Date) and text_of(node.this) == "now" and not source.clock:
        return _Clock("today", 0)
    kind: Any = CLOCKS.get(type(node))
    if kind is None:
        return None
    asked = node.args.get("this")
    digits = source.clock_digits if asked is None or kind == "today" else number_of(asked)
    if digits is None or not 0 <= int(digits) <= 6:
        return None
    return _Clock(kind, int(digits))


def _named_clock(node: Any, source: Grammar) -> _Clock | None:
    """Clocks that are ordinary functions."""
    name, given = node.name.lower(), node.expressions
    if name == "timezone" and len(given) == 2 and (text_of(_uncast(given[0])) or "").upper() == "UTC":
        inner = _clock(given[1], source)
        return _Clock("utc", inner.digits) if inner and inner.kind == "now" else None
    if name == "datetime" and not source.clock and [text_of(one) for one in given] == ["now"]:
        return _Clock("now", source.clock_digits)
    if name == "now" and len(given) == 1 and (digits := number_of(given[0])) in ("0", "1", "2", "3", "4", "5", "6"):
        return _Clock("now", int(digits))
    return None


def _told(clock: _Clock, column: Term, source: Grammar, target: Grammar) -> str:
    """The same clock, read by the target. A column that keeps moments keeps this one, in whichever zone it is told."""
    one, other, kind = column.source.family, column.target.family, clock.kind
    if kind == "now" and one is Family.TIMESTAMP:
        kind = "session" if source.clock else "utc"
    found = ""
    if column.values is None:
        found = {
            (Family.INSTANT, "now", Family.INSTANT): target.instant,
            (Family.INSTANT, "now", Family.TIMESTAMP): target.utc_clock,
            (Family.TIMESTAMP, "utc", Family.INSTANT): target.instant,
            (Family.TIMESTAMP, "utc", Family.TIMESTAMP): target.utc_clock,
            (Family.TIMESTAMP, "session", Family.TIMESTAMP): target.clock,
            (Family.DATE, "today", Family.DATE): target.today if source.today else "",
        }.get((one, kind, other), "")
    if not found:
        raise Untranslatable("it tells the time of a clock that the target has not")
    digits = min(clock.digits, column.target.digits)
    return found.format(digits=digits) if digits != target.clock_digits else found.replace("({digits})", "")


def _written(node: exp.Expression, target: Grammar) -> str:
    return str(node.sql(dialect=target.dialect, identify=True, comments=False))
