"""Generated columns in another engine's words: both servers compute the same value of each row of which the source has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import product
from typing import Any

import psycopg
import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.expressions import Term, Untranslatable, computed
from connectors.types import Canonical, Family
from tests.connectors.sides import ENGINES, ROWS, Side, sides, terms
from tests.connectors.test_expressions import CONDITIONS, Words

__all__ = ["sides"]

REFUSED = object()
COLUMNS = {
    "integer": Canonical(Family.INTEGER, bits=64),
    "decimal": Canonical(Family.DECIMAL, precision=38, scale=10),
    "text": Canonical(Family.TEXT),
    "boolean": Canonical(Family.BOOLEAN),
}


def column(kind: str, there: Canonical | None = None) -> Term:
    return Term("g", COLUMNS[kind], there or COLUMNS[kind])


def values(side: Side, text: str) -> Mapping[int, Any]:
    """What it is for every row; REFUSED where the server has no answer."""
    try:
        rows = side.run(f"SELECT id, {text} FROM t")
    except (psycopg.Error, pymysql.Error):
        rows = [_one(side, text, row[0]) for row in ROWS]
    return {int(number): _plain(value) for number, value in rows}


def _one(side: Side, text: str, number: int) -> Sequence[Any]:
    try:
        return side.run(f"SELECT id, {text} FROM t WHERE id = {number}")[0]
    except (psycopg.Error, pymysql.Error):
        return (number, REFUSED)


def _plain(value: Any) -> Any:
    return (
        Decimal(str(int(value) if isinstance(value, bool) else value))
        if isinstance(value, (int, float, Decimal))
        else value
    )


def _kinds(engine: str) -> st.SearchStrategy[tuple[str, str]]:
    words = Words(engine)
    found = {"integer": words.number(), "decimal": words.decimal(), "text": words.text(), "boolean": CONDITIONS[engine]}
    return st.one_of([st.tuples(st.just(kind), strategy) for kind, strategy in found.items()])


KINDS = {engine: _kinds(engine) for engine in ENGINES}


@st.composite
def expressions(draw: Callable[[Any], tuple[str, str]]) -> Mapping[str, tuple[str, str]]:
    """One in each engine's words, and what its values are."""
    return {engine: draw(found) for engine, found in KINDS.items()}


@pytest.mark.parametrize(("one", "other"), list(product(ENGINES, ENGINES)))
@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(found=expressions())
def test_what_is_translated_has_the_same_value_for_every_row(
    one: str, other: str, sides: Any, found: Mapping[str, tuple[str, str]]
) -> None:
    source, target = sides[one], sides[other]
    kind, text = found[one]
    words = source.grammar, target.grammar
    with suppress(Untranslatable):
        there = computed(text, column(kind), terms(source, target), *words)
        here, found_there = values(source, f"({text})"), values(target, f"({there})")
        same = {row: value for row, value in here.items() if value is not REFUSED}
        assert {row: found_there[row] for row in same} == same, f"{text} → {there}"
    with suppress(Untranslatable):
        there = computed(text, column(kind), terms(source, target), *words, frozenset("abspvtcdemfkw"))
        assert REFUSED not in values(target, f"({there})").values(), f"{text} → {there}"


@pytest.mark.parametrize(
    ("one", "other", "kind", "text", "there"),
    [
        ("postgresql", "mysql", "integer", "((a + b) * 2)", "(`a` + `b`) * 2"),
        ("postgresql", "mysql", "text", "(((v)::text || ' '::text) || (t)::text)", "CONCAT(CONCAT(`v`, ' '), `t`)"),
        ("mysql", "postgresql", "text", "concat(`v`,_utf8mb4' ',`t`)", '"v" || \' \' || "t"'),
        ("mysql", "sqlite", "integer", "`a` + `b`", '"a" + "b"'),
        ("postgresql", "mysql", "decimal", "(p * (a)::numeric)", "`p` * `a`"),
        ("postgresql", "sqlite", "boolean", "(a > b)", '"a" > "b"'),
        ("sqlite", "postgresql", "text", "v || '-'", "\"v\" || '-'"),
    ],
)
def test_how_it_is_said(one: str, other: str, kind: str, text: str, there: str, sides: Any) -> None:
    words = sides[one].grammar, sides[other].grammar
    assert computed(text, column(kind), terms(sides[one], sides[other]), *words) == there


SMALL, SHORT = Canonical(Family.INTEGER, bits=32), Canonical(Family.TEXT, length=20)


@pytest.mark.parametrize(
    ("one", "other", "term", "text", "reason"),
    [
        ("postgresql", "mysql", column("integer"), "a / b", "it divides"),
        ("postgresql", "mysql", column("text"), "lower(v)", "it calls lower"),
        ("postgresql", "sqlite", column("decimal"), "p * 2.5", "rounded by one of both"),
        ("postgresql", "sqlite", column("decimal"), "a * 0.1", "rounded by one of both"),
        ("sqlite", "mysql", column("decimal"), "a + 0.1", "rounded by one of both"),
        ("postgresql", "sqlite", Term("g", SHORT, Canonical(Family.TEXT)), "v || ' '", "longer than its type"),
        ("postgresql", "mysql", Term("g", SMALL, SMALL), "p * 2", "it computes a decimal for an integer"),
        ("postgresql", "mysql", column("integer"), "p", "it computes a decimal for an integer"),
        ("mysql", "postgresql", Term("g", Canonical(Family.DECIMAL, precision=9, scale=1), COLUMNS["decimal"]), "p",
         "it rounds a number"),
        ("postgresql", "mysql", column("text"), "c", "blanks at its end"),
        ("mysql", "postgresql", column("boolean", SMALL), "a > b", "no number in the target"),
        ("postgresql", "mysql", Term("g", Canonical(Family.DATE), Canonical(Family.DATE)), "d", "it computes a date"),
    ],
)  # fmt: skip
def test_what_could_differ_is_not_computed_and_says_why(
    one: str, other: str, term: Term, text: str, reason: str, sides: Any
) -> None:
    words = sides[one].grammar, sides[other].grammar
    with pytest.raises(Untranslatable, match=reason):
        computed(text, term, terms(sides[one], sides[other]), *words)


@pytest.mark.parametrize(
    ("term", "text", "reason"),
    [
        (Term("g", SMALL, SMALL), "a + b", "too large"),
        (column("integer"), "a + b", "too large"),
        (Term("g", SHORT, SHORT), "v || t", "longer than its type"),
        (Term("g", Canonical(Family.DECIMAL, precision=12, scale=2), Canonical(Family.DECIMAL, precision=12, scale=2)),
         "p + 1", "too large"),
        (column("integer"), "s + 1", ""),
        (column("text"), "v || t", ""),
        (Term("g", SHORT, SHORT), "coalesce(v, 'none')", ""),
        (Term("g", SHORT, SHORT), "v || '!'", "longer than its type"),
    ],
)  # fmt: skip
def test_of_replaced_values_only_what_always_fits_is_computed(term: Term, text: str, reason: str, sides: Any) -> None:
    known = terms(sides["postgresql"], sides["mysql"]), sides["postgresql"].grammar, sides["mysql"].grammar
    assert computed(text, term, *known, frozenset("e"))
    if not reason:
        assert computed(text, term, *known, frozenset("avps"))
        return
    with pytest.raises(Untranslatable, match=reason):
        computed(text, term, *known, frozenset("avps"))
    with pytest.raises(Untranslatable, match=reason):
        computed(text, term, *known, cut=True)


@pytest.mark.parametrize(
    ("here", "there", "text", "column_"),
    [
        (SMALL, COLUMNS["integer"], "a::bigint + 1", column("integer")),
        (SHORT, Canonical(Family.TEXT), "a", Term("g", SHORT, SHORT)),
        (
            Canonical(Family.DECIMAL, precision=5, scale=0),
            Canonical(Family.DECIMAL, precision=9, scale=2),
            "a + 1",
            Term("g", *[Canonical(Family.DECIMAL, precision=7, scale=2)] * 2),
        ),
    ],
)
def test_a_replaced_value_is_as_large_as_its_new_type_allows(
    here: Canonical, there: Canonical, text: str, column_: Term, sides: Any
) -> None:
    known = {"a": Term("a", here, there)}, sides["postgresql"].grammar, sides["mysql"].grammar
    assert computed(text, column_, *known)
    with pytest.raises(Untranslatable, match=r"too large|longer"):
        computed(text, column_, *known, frozenset("a"))
