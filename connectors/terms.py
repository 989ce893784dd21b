"""Terms: what parts of an expression are, for whoever says it again in another engine's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from connectors.types import NUMBERS, Canonical, Equality, Family

EXACT_DIGITS = 15
"""Decimal digits of which two different numbers are never the same binary one."""
LONG = (-(2**63), 2**63 - 1)
WIDTHS = {exp.DType.SMALLINT: 16, exp.DType.INT: 32, exp.DType.BIGINT: 64}


class Untranslatable(Exception):
    """Why an expression cannot be said in the other engine's words, as a clause for people; it holds no value."""


@dataclass(frozen=True)
class Term:
    """A column, as expressions see it on both sides."""

    name: str
    """In the target."""
    source: Canonical
    target: Canonical
    equality: Equality = "exact"
    """Of texts, in the source."""
    equality_there: Equality = "exact"
    values: Mapping[str, str | None] | None = None
    """What its values become in the target."""
    counter: bool = False
    """The target numbers it."""


Terms = Mapping[str, "Term | str"]
"""By the source's name; instead of a column that a condition cannot look at, why: a clause for people."""


@dataclass(frozen=True)
class Typed:
    """A part of an expression, in the target's terms."""

    node: exp.Expression
    family: Family
    term: Term | None = None
    """Where it is a column."""
    literal: str | None = None
    """Where it is a literal: its text."""
    bounds: tuple[int, int] = (0, 0)
    """INTEGER: the least and the greatest."""
    bits: int = 64
    """INTEGER: how wide it is in the source; FLOAT, too."""
    digits: tuple[int, int] | None = (0, 0)
    """DECIMAL: all, and those behind the point; None: as many as one likes."""
    rounded: bool = False
    """DECIMAL: one of both engines keeps 15 digits."""
    whole: bool = False
    """DECIMAL: the target itself takes it for an integer."""
    equality: Equality = "exact"
    there: Equality = "exact"
    trimmed: bool = False
    """TEXT: where blanks at the end say nothing in the source and do in the target."""
    fixed: bool = False
    length: int | None = None
    """TEXT: the most characters it has; None: as many as one likes."""
    counts_nul: bool = False
    """TEXT: it may hold a NUL on both sides."""


def parsed(text: str, dialect: str) -> Any:
    """The one expression that the text is. Raises Untranslatable."""
    try:
        statements: list[Any] = [one for one in parse(f"SELECT ({text}\n)", dialect=dialect) if one is not None]
    except (SqlglotError, RecursionError):
        raise Untranslatable("it cannot be read") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Select) or len(statements[0].expressions) != 1:
        raise Untranslatable("it cannot be read")
    select = statements[0]
    if {name for name, value in select.args.items() if value} - {"expressions", "kind"}:
        raise Untranslatable("it cannot be read")
    return bare(select.expressions[0])


def bare(node: Any) -> Any:
    """Without the brackets around it."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


UNICODE = ("_utf8mb4", "_utf8mb3", "_utf8")
"""Before a literal, what says nothing of it that its letters do not."""


def text_of(node: Any) -> str | None:
    """The text that a literal is; None for anything else."""
    node = bare(node)
    if isinstance(node, exp.Introducer):
        charset, node = node.name.lower(), node.expression
        if charset not in UNICODE and not (charset in ("_latin1", "_ascii") and node.name.isascii()):
            return None
    if isinstance(node, (exp.ByteString, exp.National)):
        return str(node.name)
    return str(node.name) if isinstance(node, exp.Literal) and node.is_string else None


def number_of(node: Any) -> str | None:
    """The digits of a literal number, a minus before them, without an exponent; None for anything else."""
    node, sign = bare(node), ""
    if isinstance(node, exp.Neg):
        node, sign = bare(node.this), "-"
    if not isinstance(node, exp.Literal) or node.is_string:
        return None
    whole, _, fraction = node.name.partition(".")
    if not (whole + fraction).isdecimal() or not (whole + fraction).isascii():
        return None
    whole = whole.lstrip("0") or "0"
    return sign + whole + (f".{fraction}" if fraction else "")


DOES: Mapping[Any, str] = {
    exp.Div: "it divides, and each engine rounds in its own way",
    exp.Mod: "it takes a remainder, which engines give another sign",
    exp.Like: "it uses LIKE, whose letter case and escapes differ",
    exp.Case: "it uses CASE",
    exp.Lower: "it calls lower, and engines agree on the letters A to Z alone",
    exp.Upper: "it calls upper, and engines agree on the letters A to Z alone",
    exp.Collate: "it names an order of texts of one engine's own",
}


def called(node: Any, dialect: str = "") -> str:
    """What it does that is not the same everywhere, in words for people."""
    if type(node) in DOES:
        return DOES[type(node)]
    if isinstance(node, exp.Func) and not isinstance(node, exp.Binary):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql(dialect=dialect or None).partition("(")[0]
        return f"it calls {name.lower()}"
    if isinstance(node, exp.Binary):
        return "it uses an operator that is not the same everywhere"
    return f"it uses {node.key.upper()}"


def boolean_literal(value: bool) -> Typed:
    return Typed(exp.Boolean(this=value), Family.BOOLEAN, literal="1" if value else "0")


def text_literal(text: str) -> Typed:
    if "\0" in text:
        raise Untranslatable("it holds a NUL")
    return Typed(exp.Literal.string(text), Family.TEXT, literal=text, length=len(text))


def number_literal(text: str) -> Typed:
    whole, _, fraction = text.lstrip("-").partition(".")
    node = exp.Literal.number(text.lstrip("-"))
    signed = exp.Neg(this=node) if text.startswith("-") else node
    if not fraction:
        value = int(whole) * (-1 if text.startswith("-") else 1)
        if not LONG[0] <= value <= LONG[1]:
            raise Untranslatable("it holds a number beyond 64 bits")
        bits = 32 if -(2**31) <= value < 2**31 else 64
        return Typed(signed, Family.INTEGER, literal=text, bounds=(value, value), bits=bits, digits=(len(whole), 0))
    digits = len((whole + fraction).lstrip("0"))
    if digits > EXACT_DIGITS:
        raise Untranslatable("it holds a number of more digits than every engine keeps")
    return Typed(signed, Family.DECIMAL, literal=text, digits=(max(digits, len(fraction)), len(fraction)))


def literal_as(given: Typed, family: Family, limits: Sequence[str], wanted: Any) -> Typed:
    """A literal that is cast."""
    text = given.literal or ""
    if family in NUMBERS and not limits and _is_number(text):
        found = number_literal(text)
        if family is not Family.INTEGER or found.family is Family.INTEGER:
            return replace(found, bits=WIDTHS.get(wanted, found.bits))
    fits = not limits or (family is Family.TEXT and len(text) <= int(limits[0]))
    if family not in NUMBERS and given.family is Family.TEXT and fits:
        return replace(given, family=family)
    raise Untranslatable("it casts a literal to another type")


def _is_number(text: str) -> bool:
    whole, _, fraction = text.removeprefix("-").partition(".")
    return whole.isascii() and whole.isdecimal() and (not fraction or (fraction.isascii() and fraction.isdecimal()))


def merged(parts: Sequence[Typed], node: exp.Expression, together: Callable[[Sequence[int]], int] = max) -> Typed:
    """What is known of a value that may be any of these, or is made of all of them. `together`: how long a text becomes."""
    known = [part.digits for part in parts if part.digits is not None]
    lengths = [part.length for part in parts if part.length is not None]
    whole, scale = max((d[0] - d[1] for d in known), default=0), max((d[1] for d in known), default=0)
    return Typed(
        node,
        parts[0].family,
        bounds=(min(part.bounds[0] for part in parts), max(part.bounds[1] for part in parts)),
        bits=max(part.bits for part in parts),
        digits=(whole + scale, scale) if len(known) == len(parts) else None,
        rounded=any(part.rounded for part in parts),
        whole=all(part.whole for part in parts),
        equality=_shared([part.equality for part in parts if part.literal is None]),
        there=_shared([part.there for part in parts if part.literal is None]),
        trimmed=any(part.trimmed for part in parts),
        length=together(lengths) if len(lengths) == len(parts) else None,
        counts_nul=any(part.counts_nul for part in parts),
    )


def _shared(found: Sequence[Equality]) -> Equality:
    """What texts of several columns have in common."""
    return found[0] if len(set(found)) == 1 else "other" if found else "exact"
