"""Conditions: one engine's CHECK said in another's words, such that both say true, false or unknown of the same rows.

An expression is read into a tree, every part of which has a type; it is built anew from what both engines mean alike. All
else is Untranslatable, with a reason. Values are those of the columns' types: what a type cannot hold is no case. Negations
end at comparisons, so that one condition has one form, whichever server has written it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, cast

from sqlglot import exp

from connectors import comparisons
from connectors.comparisons import MOMENTS, rtrim
from connectors.grammar import Grammar
from connectors.guards import fits
from connectors.terms import (
    EXACT_DIGITS,
    WIDTHS,
    Term,
    Terms,
    Typed,
    Untranslatable,
    bare,
    boolean_literal,
    called,
    literal_as,
    merged,
    number_literal,
    number_of,
    text_literal,
    text_of,
)
from connectors.types import NUMBERS, Family

MOST_DIGITS, MOST_SCALE = 38, 30
"""Decimals with which every engine computes without rounding, where it keeps decimals at all."""
MIRRORED = {exp.GT: exp.LT, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.LTE: exp.GTE, exp.EQ: exp.EQ, exp.NEQ: exp.NEQ}
OPPOSITE = {exp.GT: exp.LTE, exp.LT: exp.GTE, exp.GTE: exp.LT, exp.LTE: exp.GT, exp.EQ: exp.NEQ, exp.NEQ: exp.EQ}
CASTS: Mapping[Any, Family] = {
    **dict.fromkeys(WIDTHS, Family.INTEGER),
    **dict.fromkeys((exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.CHAR, exp.DType.BPCHAR), Family.TEXT),
    **dict.fromkeys((exp.DType.USERDEFINED, exp.DType.NAME), Family.TEXT),
    exp.DType.DECIMAL: Family.DECIMAL,
    exp.DType.DOUBLE: Family.FLOAT,
    exp.DType.DATE: Family.DATE,
    exp.DType.TIME: Family.TIME,
    exp.DType.TIMESTAMP: Family.TIMESTAMP,
}


class Conditions:
    """Says conditions over the columns of one table. `guards` are what must hold besides: sums that the source refuses."""

    def __init__(self, terms: Terms, source: Grammar, target: Grammar) -> None:
        self._terms, self._source, self._target = terms, source, target
        self._ways: Mapping[Any, Callable[[Any, bool], Typed]] = {
            exp.Cast: self._cast,
            exp.Length: self._length,
            exp.Coalesce: self._coalesce,
            (exp.DPipe, exp.Concat): self._joined,
            (exp.Add, exp.Sub, exp.Mul): self._sum,
            exp.Trim: self._trimmed,
        }
        self.guards: list[exp.Expression] = []
        self.beyond = 0
        """How many bits the widest sum has that the source refuses for some rows."""

    def condition(self, node: Any, negated: bool = False, certain: bool = True) -> exp.Expression:
        """What is true, false or unknown. `certain`: it is looked at, unless something else has refused the row already."""
        node = bare(node)
        if isinstance(node, exp.Not):
            return self.condition(node.this, not negated, certain)
        if isinstance(node, (exp.And, exp.Or)):
            both = isinstance(node, exp.And) is not negated
            parts = [self.condition(part, negated, certain and both) for part in (node.this, node.expression)]
            return joined(both, parts)
        if isinstance(node, exp.Is):
            return self._null(node, bool(node.args.get("negate")) is not negated, certain)
        if isinstance(node, exp.In):
            if node.args.get("query") or node.args.get("unnest") or node.args.get("field"):
                raise Untranslatable("it looks into another table")
            return self._among(node.this, node.expressions, negated, certain)
        if isinstance(node, exp.Between):
            sure = certain and not negated
            value, low, high = (self.value(node.args[part], sure) for part in ("this", "low", "high"))
            again = replace(value, node=value.node.copy())
            ends = (exp.LT, exp.GT) if negated else (exp.GTE, exp.LTE)
            return joined(not negated, [self._compared(ends[0], value, low), self._compared(ends[1], again, high)])
        if type(node) in MIRRORED:
            return self._comparison(node, negated, certain)
        if isinstance(node, exp.Column):
            return self._compared(exp.NEQ if negated else exp.EQ, self.value(node), boolean_literal(True))
        raise Untranslatable(called(node, self._source.dialect))

    def _null(self, node: Any, negated: bool, certain: bool) -> exp.Expression:
        if not isinstance(bare(node.expression), exp.Null):
            raise Untranslatable("it uses IS for something else than NULL")
        inner = bare(node.this)
        is_column = isinstance(inner, exp.Column)
        value = exp.column(self._term(inner).name, quoted=True) if is_column else self.value(inner, certain).node
        found = exp.Is(this=grouped(value), expression=exp.Null())
        return exp.Not(this=exp.paren(found, copy=False)) if negated else found

    def _comparison(self, node: Any, negated: bool, certain: bool) -> exp.Expression:
        operator = OPPOSITE[type(node)] if negated else type(node)
        several = _several(node.expression)
        if several is None:
            return self._compared(operator, self.value(node.this, certain), self.value(node.expression, certain))
        every, items = several
        if (type(node), every) not in ((exp.EQ, False), (exp.NEQ, True)):
            raise Untranslatable("it compares with several values at once")
        return self._among(node.this, items, every is not negated, certain)

    def _among(self, this: Any, items: Sequence[Any], negated: bool, certain: bool) -> exp.Expression:
        """`x IN (1, 2)`: what it means to be each of them."""
        value = self.value(this, certain)
        given = [self.value(item, False) for item in items]
        if not given or any(one.literal is None for one in given) or value.literal is not None:
            raise Untranslatable("it compares with something else than literals")
        each = [self._compared(exp.EQ, replace(value, node=value.node.copy()), one) for one in given]
        if len(each) == 1:
            return exp.NEQ(this=each[0].this, expression=each[0].expression) if negated else each[0]
        found = exp.In(this=each[0].this, expressions=[one.expression for one in each])
        return exp.Not(this=exp.paren(found, copy=False)) if negated else found

    def value(self, node: Any, certain: bool = True) -> Typed:
        """A part that has a value."""
        node = bare(node)
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Boolean):
            return boolean_literal(bool(node.this))
        text, number = text_of(node), number_of(node)
        if text is not None:
            return text_literal(text)
        if number is not None:
            return number_literal(number)
        for kind, method in self._ways.items():
            if isinstance(node, kind):
                return method(node, certain)
        raise Untranslatable(called(node, self._source.dialect))

    def _term(self, node: Any) -> Term:
        alike = [name for name in self._terms if name.lower() == node.name.lower()]
        name = node.name if node.name in self._terms else alike[0] if len(alike) == 1 else None
        if name is None or node.args.get("table") or not isinstance(node.this, exp.Identifier):
            raise Untranslatable("it names something that is no column of its table")
        found = self._terms[name]
        if isinstance(found, str):
            raise Untranslatable(found)
        return found

    def _column(self, node: Any) -> Typed:
        term = self._term(node)
        source, target = term.source, term.target
        if term.values is None and not comparisons.alike(source, target):
            raise Untranslatable(
                f"{term.name} does not compare alike as {comparisons.an(source)} and {comparisons.an(target)}"
            )
        rounded = source.significant is not None or target.significant is not None
        if rounded and source.precision is not None and source.precision > EXACT_DIGITS:
            raise Untranslatable(f"{term.name} is rounded by one of both")
        whole = source.family is Family.INTEGER
        digits = None if source.precision is None else (source.precision, source.scale or 0)
        return Typed(
            exp.column(term.name, quoted=True),
            source.family,
            term,
            bounds=source.bounds if whole else (0, 0),
            bits=source.bits or 64,
            digits=(len(str(source.bounds[1])), 0) if whole else digits,
            rounded=rounded,
            whole=whole,
            equality=term.equality,
            there=term.equality_there,
            trimmed=(term.equality, term.equality_there) == ("padded", "exact"),
            fixed=source.fixed and source.family is Family.TEXT,
            length=next(
                (most for end in (target, source) for most in (end.length, end.octets) if most is not None), None
            ),
            counts_nul=source.admits("nul") and target.admits("nul"),
        )

    def _cast(self, node: Any, certain: bool) -> Typed:
        """Casts that change nothing but what a literal, or a narrower number, is taken for."""
        wanted, limits = node.to.this, [one.name for one in node.to.expressions]
        family = CASTS.get(wanted)
        given = self.value(node.this, certain)
        texts = given.family is Family.TEXT and not given.fixed and wanted is not exp.DType.BPCHAR
        if family is Family.TEXT and not limits and given.literal is None and (texts or given.family is Family.ENUM):
            return given
        if family is None or node.args.get("format") or is_mapped(given):
            raise Untranslatable("it casts a value to another type")
        if given.literal is not None and given.family is not Family.BOOLEAN:
            return literal_as(given, family, limits, wanted)
        if family is Family.INTEGER and given.family is Family.INTEGER and WIDTHS[wanted] >= given.bits:
            return replace(given, bits=WIDTHS[wanted])
        if family is Family.DECIMAL and not limits and given.family in (Family.INTEGER, Family.DECIMAL):
            return replace(given, family=Family.DECIMAL)
        raise Untranslatable("it casts a value to another type")

    def _length(self, node: Any, certain: bool) -> Typed:
        if node.args.get("binary"):
            raise Untranslatable("it counts bytes")
        given = self.value(node.this, certain)
        if given.family is not Family.TEXT or given.fixed or is_mapped(given):
            raise Untranslatable("it takes the length of what is not the same text everywhere")
        if given.counts_nul and self._source.counts_past_nul != self._target.counts_past_nul:
            raise Untranslatable("it takes the length of a text that may hold a NUL, where one of both stops counting")
        return Typed(
            exp.Length(this=given.node), Family.INTEGER, bounds=(0, 2**31 - 1), bits=32, digits=(10, 0), whole=True
        )

    def _trimmed(self, node: Any, certain: bool) -> Typed:
        """`rtrim(x, ' ')`, which is how texts are compared that differ in blanks at their end."""
        blank = node.expression is None or text_of(_uncast(node.expression)) == " "
        given = self.value(node.this, certain)
        plain = given.family is Family.TEXT and not given.fixed and not is_mapped(given)
        if node.args.get("position") != "TRAILING" or not blank or not plain:
            raise Untranslatable("it trims a text otherwise than of blanks at its end")
        return replace(given, node=rtrim(given.node), term=None)

    def _coalesce(self, node: Any, certain: bool) -> Typed:
        first = self.value(node.this, certain)
        parts = [first, *(_beside(first, self.value(other, False)) for other in node.expressions)]
        odd = first.family not in (Family.TEXT, Family.BOOLEAN, Family.INTEGER, Family.DECIMAL)
        if odd or any(one.family is not first.family or one.fixed or is_mapped(one) for one in parts):
            raise Untranslatable("it chooses between values of different types")
        return merged(parts, exp.Coalesce(this=first.node, expressions=[one.node for one in parts[1:]]))

    def _joined(self, node: Any, certain: bool) -> Typed:
        if isinstance(node, exp.Concat) and node.args.get("coalesce"):
            raise Untranslatable("it joins texts and leaves NULL out")
        several = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
        parts = [self.value(part, certain) for part in several]
        if any(one.family is not Family.TEXT or one.fixed or is_mapped(one) for one in parts):
            raise Untranslatable("it joins what is no text")
        return merged(parts, exp.Concat(expressions=[one.node for one in parts], safe=True, coalesce=False), sum)

    def _sum(self, node: Any, certain: bool) -> Typed:
        left, right = (self.value(part, certain) for part in (node.this, node.expression))
        unsigned = any(self._term(column).source.unsigned for column in node.find_all(exp.Column))
        if unsigned or is_mapped(left) or is_mapped(right):
            raise Untranslatable("it computes with a column whose sums are not the same everywhere")
        if {left.family, right.family} == {Family.INTEGER}:
            return self._whole_sum(node, left, right, certain)
        if {left.family, right.family} <= {Family.INTEGER, Family.DECIMAL}:
            if "float" in (self._source.sums, self._target.sums):
                raise Untranslatable(ROUNDED)
            return _decimal_sum(node, left, right)
        raise Untranslatable("it computes with what is not an exact number everywhere")

    def _whole_sum(self, node: Any, left: Typed, right: Typed, certain: bool) -> Typed:
        corners = [_result(node, one, other) for one in left.bounds for other in right.bounds]
        low, high = min(corners), max(corners)
        bits = max(left.bits, right.bits) if self._source.sums == "operands" else 64
        least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        if left.literal is not None and right.literal is not None and least <= low <= most:
            return replace(number_literal(str(low)), bits=bits)
        widens = self._target.sums == "operands"
        one, other = (_widened(part.node) if widens else part.node for part in (left, right))
        found: exp.Expression = type(node)(this=grouped(one), expression=grouped(other))
        if low < least or most < high:  # of some rows the source can only say that it cannot tell
            rounded = self._source.sums == "float" == self._target.sums
            # Of one kind the row is refused whatever else is known; others leave a sum where NULL decides already.
            if not rounded and (self._source.sums != "operands" or not certain):
                raise Untranslatable("it computes a number that may be too large for one of both")
            self.beyond = max(self.beyond, 0 if rounded else bits)
            if not rounded and not (self._target.sums == "operands" and bits == 64):
                ends = (exp.GTE, least), (exp.LTE, most)
                self.guards += [operator(this=grouped(found.copy()), expression=number_literal(str(end)).node)
                                for operator, end in ends]  # fmt: skip
            low, high = max(low, least), min(high, most)
        digits = len(str(max(-low, high)))
        return Typed(found, Family.INTEGER, bounds=(low, high), bits=bits, digits=(digits, 0), whole=True)

    def _compared(self, operator: Any, left: Typed, right: Typed) -> exp.Expression:
        if left.literal is not None and right.literal is None:
            operator, left, right = MIRRORED[operator], right, left
        if left.literal is not None:
            raise Untranslatable("it compares literals")
        one, other = self._pair(left, right, operator not in (exp.EQ, exp.NEQ))
        found: exp.Expression = operator(this=grouped(one), expression=grouped(other))
        return found

    def _pair(self, left: Typed, right: Typed, ordered: bool) -> tuple[exp.Expression, exp.Expression]:
        """Both sides of a comparison."""
        if left.term is not None and left.term.values is not None:
            return left.node, comparisons.mapped(left.term, right, ordered)
        if is_mapped(right):
            raise Untranslatable("it compares a column whose values are mapped with another one")
        if left.family is Family.BOOLEAN:
            return comparisons.truths(left, right)
        if left.family in NUMBERS and right.family in NUMBERS:
            return comparisons.numbers(left, right)
        if left.family is Family.ENUM:
            return left.node, comparisons.label(left, right, ordered)
        if left.family is Family.TEXT and right.family is Family.TEXT:
            return comparisons.texts(left, right, ordered)
        if left.family in MOMENTS:
            return self._moments(left, right)
        raise Untranslatable(f"it compares {left.family.value} with {right.family.value}")

    def _moments(self, left: Typed, right: Typed) -> tuple[exp.Expression, exp.Expression]:
        if self._source.moments != self._target.moments and not self._plain_days(left, right):
            raise Untranslatable("it compares dates or times, which one of both compares letter by letter")
        if right.literal is None and right.family is left.family:
            return left.node, right.node
        term, text = left.term, right.literal
        if term is None or text is None or right.family not in (Family.TEXT, left.family):
            raise Untranslatable("it compares dates or times of different types")
        if term.source.family is Family.INSTANT or not (fits([text], term.source) and fits([text], term.target)):
            raise Untranslatable("it compares with a moment whose text does not mean the same everywhere")
        return left.node, right.node

    def _plain_days(self, left: Typed, right: Typed) -> bool:
        """Whether both are days of four-digit years, whose letters are ordered as they are."""
        terms = [part.term for part in (left, right) if part.literal is None]
        if left.family is not Family.DATE or None in terms:
            return False
        known = [term.target if self._source.moments == "texts" else term.source for term in terms if term is not None]
        return not any(ODD_DAYS & type_.odd for type_ in known)


ROUNDED = "it computes with decimals that are rounded by one of both"
ODD_DAYS = frozenset({"infinity", "bc", "late", "anything"})


def joined(both: bool, parts: Sequence[exp.Expression]) -> exp.Expression:
    """All of them, or one of them, without needless brackets."""
    kind, other = (exp.And, exp.Or) if both else (exp.Or, exp.And)
    flat = [one for part in parts for one in (part.flatten() if isinstance(part, kind) else [part])]
    safe = [exp.paren(one, copy=False) if isinstance(one, other) else one for one in flat]
    found: Any = reduce(lambda all_, one: kind(this=all_, expression=one), safe)
    return cast(exp.Expression, found)


def grouped(node: exp.Expression) -> exp.Expression:
    """In brackets, where it is not one thing anyway."""
    return exp.paren(node, copy=False) if isinstance(node, exp.Binary) else node


def _several(node: Any) -> tuple[bool, Sequence[Any]] | None:
    """The values of `ANY (ARRAY[…])` and `ALL (ARRAY[…])`, and whether all are meant; None for anything else."""
    every = isinstance(node, exp.All) or (isinstance(node, exp.Anonymous) and node.name.upper() == "ALL")
    if not every and not isinstance(node, exp.Any):
        return None
    inner = _uncast(node.expressions[0] if isinstance(node, exp.Anonymous) else node.this)
    if not isinstance(inner, exp.Array):
        raise Untranslatable("it compares with several values at once")
    return every, inner.expressions


def _uncast(node: Any) -> Any:
    node = bare(node)
    while isinstance(node, exp.Cast):
        node = bare(node.this)
    return node


def is_mapped(part: Typed) -> bool:
    return part.term is not None and part.term.values is not None


def _beside(first: Typed, other: Typed) -> Typed:
    """A whole literal beside a decimal is one."""
    is_whole = other.literal is not None and (first.family, other.family) == (Family.DECIMAL, Family.INTEGER)
    return replace(other, family=Family.DECIMAL) if is_whole else other


def _result(node: Any, one: int, other: int) -> int:
    if isinstance(node, exp.Mul):
        return one * other
    return one + other if isinstance(node, exp.Add) else one - other


def _widened(node: exp.Expression) -> exp.Expression:
    return exp.Cast(this=node, to=exp.DataType.build("BIGINT")) if isinstance(node, (exp.Column, exp.Func)) else node


def _decimal_sum(node: Any, left: Typed, right: Typed) -> Typed:
    if left.digits is None or right.digits is None or left.rounded or right.rounded or (left.whole and right.whole):
        raise Untranslatable(ROUNDED)
    (most, scale), (other, behind) = left.digits, right.digits
    digits = (most + other, scale + behind)
    if not isinstance(node, exp.Mul):
        digits = (max(most - scale, other - behind) + 1 + max(scale, behind), max(scale, behind))
    if digits[0] > MOST_DIGITS or digits[1] > MOST_SCALE:
        raise Untranslatable("it computes a number of more digits than every engine keeps")
    found = type(node)(this=grouped(left.node), expression=grouped(right.node))
    return Typed(found, Family.DECIMAL, digits=digits)
