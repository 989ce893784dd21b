"""Comparisons: what their two sides mean in both engines. Raises Untranslatable where that differs."""

from __future__ import annotations

from sqlglot import exp

from connectors.terms import EXACT_DIGITS, Term, Typed, Untranslatable
from connectors.types import Canonical, Family

MOMENTS = (Family.DATE, Family.TIME, Family.TIMESTAMP, Family.INSTANT)


def an(type_: Canonical | str) -> str:
    return f"{'an' if str(type_)[0] in 'aeiou' else 'a'} {type_}"


def alike(source: Canonical, target: Canonical) -> bool:
    """Whether values of both are compared in the same way, as far as `_pair` does not look itself."""
    one, other = source.family, target.family
    if one is Family.TEXT and other is Family.TEXT:
        return source.fixed == target.fixed
    if one is Family.FLOAT:
        return other is one and (source.bits, target.bits) == (64, 64)
    if one is other:
        return one in (Family.BOOLEAN, Family.INTEGER, Family.DECIMAL, Family.ENUM, *MOMENTS)
    return (one, other) in ALIKE


ALIKE = {
    (Family.BOOLEAN, Family.INTEGER),
    (Family.INTEGER, Family.DECIMAL),
    (Family.ENUM, Family.TEXT),
    (Family.INSTANT, Family.TIMESTAMP),
}


def truths(left: Typed, right: Typed) -> tuple[exp.Expression, exp.Expression]:
    if right.literal not in ("0", "1"):
        raise Untranslatable("it compares a boolean with something else than true and false")
    as_number = left.term is not None and left.term.target.family is not Family.BOOLEAN
    said = exp.Literal.number(right.literal) if as_number else exp.Boolean(this=right.literal == "1")
    return left.node, said


def numbers(left: Typed, right: Typed) -> tuple[exp.Expression, exp.Expression]:
    families = {left.family, right.family}
    if Family.FLOAT in families and len(families) > 1 and right.literal is None:
        raise Untranslatable("it compares numbers of which one is rounded")
    rounds = left.rounded or left.family is Family.FLOAT
    if rounds and right.literal is not None and len(right.literal.strip("-0").replace(".", "")) > EXACT_DIGITS:
        raise Untranslatable("it holds a number of more digits than every engine keeps")
    if Family.DECIMAL in families and right.literal is None and left.rounded != right.rounded:
        raise Untranslatable("it compares numbers of which one is rounded")
    return left.node, right.node


def mapped(term: Term, right: Typed, ordered: bool) -> exp.Expression:
    """A literal of the source as what it becomes."""
    values = term.values or {}
    found = None if right.literal is None else values.get(right.literal)
    kept = len(set(values.values())) == len(values) and term.equality == "exact"
    known = term.target.family in (Family.TEXT, Family.ENUM, Family.INTEGER) and term.equality_there == "exact"
    if ordered or found is None or not kept or not known or term.target.fixed:
        raise Untranslatable(f"it compares {term.name}, whose values are mapped")
    return exp.Literal.number(found) if term.target.family is Family.INTEGER else exp.Literal.string(found)


def label(left: Typed, right: Typed, ordered: bool) -> exp.Expression:
    term = left.term
    if ordered or term is None or right.literal is None or right.literal not in term.source.labels:
        raise Untranslatable("it compares labels otherwise than with one of them")
    if term.equality_there != "exact" and term.target.family is not Family.ENUM:
        raise Untranslatable("it compares texts, of which the target takes others for equal")
    return exp.Literal.string(right.literal)


def texts(left: Typed, right: Typed, ordered: bool) -> tuple[exp.Expression, exp.Expression]:
    if ordered:
        raise Untranslatable("it orders texts, and each engine has an order of its own")
    here, there = {left.equality, right.equality}, {left.there, right.there}
    mixed = left.literal is None and right.literal is None and (len(here) > 1 or len(there) > 1)
    if "other" in here | there or mixed:
        raise Untranslatable("it compares texts, and the engines take different ones for equal")
    text = right.literal
    here, there = {left.equality}, {left.there}
    if left.fixed or right.fixed:
        if text is None or ("padded" not in here and text.endswith(" ")):
            raise Untranslatable("it compares texts with blanks at their end")
        return left.node, exp.Literal.string(text.rstrip(" "))
    if "padded" in there and "padded" not in here:
        raise Untranslatable("it compares texts, and the target does not see blanks at their end")
    if not (left.trimmed or right.trimmed):
        return left.node, right.node
    return rtrim(left.node), rtrim(right.node) if text is None else exp.Literal.string(text.rstrip(" "))


def rtrim(node: exp.Expression) -> exp.Expression:
    """Without the blanks at its end."""
    if isinstance(node, exp.Trim):
        return node
    return exp.Trim(this=node, expression=exp.Literal.string(" "), position="TRAILING")
