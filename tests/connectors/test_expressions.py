"""Conditions in another engine's words: both servers are asked about the same rows, and must say the same of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import permutations, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.expressions import Term, Terms, Untranslatable, check, condition, expression
from connectors.types import Canonical, Family
from tests.connectors.sides import ENGINES, SOURCE_ONLY, TEXTS, Side, grammar, sides, terms

__all__ = ["sides"]


def said(text: str, source: Side, target: Side) -> str:
    return check(text, terms(source, target), source.grammar, target.grammar)


def quoted(text: str, engine: str) -> str:
    """A literal in the engine's own words."""
    text = text.replace("\\", "\\\\") if engine == "mysql" else text
    return "'" + text.replace("'", "''") + "'"


class Words:
    """Random conditions in one engine's words."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        texts = st.sampled_from([text for text in TEXTS if text is not None] + ["ax", "é ", "x"])
        self.literal = texts.map(lambda text: quoted(text, engine))
        self.length = "char_length" if engine == "mysql" else "length"
        self.yes, self.no = ("1", "0") if engine == "mysql" else ("true", "false")

    def number(self) -> st.SearchStrategy[str]:
        atoms = st.sampled_from(
            ["a", "b", "s", "0", "1", "-1", "7", "100", "2147483647", f"{self.length}(v)", "coalesce(a, 3)"]
        )
        sums = st.tuples(atoms, st.sampled_from("+-*"), atoms).map(lambda parts: f"({' '.join(parts)})")
        return st.one_of(
            atoms, sums, st.tuples(sums, st.sampled_from("+-*"), atoms).map(lambda parts: f"({' '.join(parts)})")
        )

    def decimal(self) -> st.SearchStrategy[str]:
        return st.sampled_from(
            ["p", "0.01", "-3.5", "10", "(p + 1)", "(p * a)", "(p - 0.01)", "(a * 0.1)", "(s - 0.3)"]
        )

    def text(self) -> st.SearchStrategy[str]:
        joined = (lambda a, b: f"concat({a}, {b})") if self.engine == "mysql" else (lambda a, b: f"({a} || {b})")
        plain = st.sampled_from(["v", "t", "c", SOURCE_ONLY])
        return st.one_of(plain, self.literal, st.builds(joined, plain, self.literal),
                         self.literal.map(lambda literal: f"coalesce(v, {literal})"))  # fmt: skip

    def compared(self) -> st.SearchStrategy[str]:
        operator, equal = st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), st.sampled_from(["=", "<>"])
        day = st.sampled_from(["d", "e", "'2000-01-01'", "'1970-06-30'"])
        moment = st.sampled_from(["m", "'2000-01-01 00:00:00'", "'2024-05-17 09:30:00.5'"])
        truth = st.sampled_from(
            [f"k = {self.yes}", f"k <> {self.no}", *([] if self.engine == "mysql" else ["k", "NOT k"])]
        )

        def both(one: st.SearchStrategy[str], word: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
            return st.tuples(one, word, one).map(" ".join)

        several = st.lists(self.literal, min_size=1, max_size=3).map(", ".join)
        return st.one_of(
            both(self.number(), operator), both(self.decimal(), operator), both(self.text(), equal), both(day, operator),
            both(moment, operator), truth, st.sampled_from(["f > 0.5", "f <= 0.1", "-0.25 = f", "f <> f"]),
            st.tuples(st.sampled_from("vtcw"), several).map(lambda two: f"{two[0]} IN ({two[1]})"),
            st.tuples(st.sampled_from("ab"), st.sampled_from(["1, 5", "0", "-1, 100"])).map(
                lambda two: f"{two[0]} NOT IN ({two[1]})"),
            st.tuples(self.number(), self.number(), self.number()).map(
                lambda three: f"{three[0]} BETWEEN {three[1]} AND {three[2]}"),
            st.sampled_from("abspvtcdemfk").map(lambda name: f"{name} IS NULL"),
            st.sampled_from("abspvtcdemfk").map(lambda name: f"{name} IS NOT NULL"),
        )  # fmt: skip

    def conditions(self) -> st.SearchStrategy[str]:
        simple = self.compared()
        one = st.one_of(simple, simple.map(lambda text: f"NOT ({text})"))
        joined = st.sampled_from(["{} AND {}", "{} OR {}", "NOT ({} AND {})", "NOT ({} OR {})"])
        two = st.tuples(joined, one, one).map(lambda parts: f"({parts[0].format(*parts[1:])})")
        return st.one_of(one, two, st.tuples(joined, two, one).map(lambda parts: parts[0].format(*parts[1:])))


CONDITIONS = {engine: Words(engine).conditions() for engine in ENGINES}


@st.composite
def conditions(draw: Callable[[Any], str]) -> Mapping[str, str]:
    """One in each engine's words. What hypothesis itself would print of all these strategies is too long."""
    return {engine: draw(found) for engine, found in CONDITIONS.items()}


@pytest.mark.parametrize(("one", "other"), list(product(ENGINES, ENGINES)))
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(texts=conditions())
def test_what_is_translated_says_the_same_of_every_row(
    one: str, other: str, sides: Any, texts: Mapping[str, str]
) -> None:
    source, target = sides[one], sides[other]
    text = texts[one]
    known = terms(source, target), source.grammar, target.grammar
    with suppress(Untranslatable):
        there = condition(text, *known)
        assert target.told(there) == source.told(text), f"{text} → {there}"
    with suppress(Untranslatable):
        there = check(text, *known)
        assert target.refuses(there) == source.refuses(text), f"{text} → {there}"


@pytest.mark.parametrize(("one", "other"), list(permutations(ENGINES, 2)))
def test_what_the_target_says_of_it_again_is_the_same(one: str, other: str, sides: Any) -> None:
    for text in (
        "a > 1 AND b IS NULL",
        "a + s > 0" if one != "sqlite" else "a > 0",
        "v IN ('x', 'y')",
        "NOT (a = 1 OR b = 2)",
    ):
        there = said(text, sides[one], sides[other])
        again = said(there, sides[other], sides[other])
        assert said(again, sides[other], sides[other]) == again


@pytest.mark.parametrize(
    ("one", "text", "reason"),
    [
        ("postgresql", "a / 2 > 1", "it divides"),
        ("postgresql", "v LIKE 'x%'", "it uses LIKE"),
        ("postgresql", "lower(v) = v", "it calls lower"),
        ("postgresql", "v > 'a'", "it orders texts"),
        ("postgresql", "concat(v, t) = 'x'", "leaves NULL out"),
        ("postgresql", "octet_length(v) > 1", "it calls octet_length"),
        ("postgresql", "a IN (SELECT 1)", "another table"),
        ("postgresql", "a = 1) OR (SELECT true", "it uses SUBQUERY"),
        ("postgresql", "a = 1); DROP TABLE t; --", "cannot be read"),
        ("postgresql", "zz = 1", "no column of its table"),
        ("postgresql", "a = 0 OR a * b > 0", "too large"),
        ("postgresql", "random() > 0.5", "it calls random"),
        pytest.param("postgresql", "a > 0" + " OR a > 0" * 5000, "nested too deeply|cannot be read", id="deep"),
        ("mysql", "length(v) > 1", "it counts bytes"),
        ("mysql", "a DIV 2 > 1", "it uses an operator"),
        ("mysql", "a <=> 1", "it uses an operator"),
        ("sqlite", "a + b > 0", "too large"),
        ("sqlite", "typeof(a) = 'integer'", "it calls typeof"),
        ("postgresql", "d > '2000-01-01'", "letter by letter"),
        ("mysql", "m > '2000-01-01 00:00:00'", "letter by letter"),
    ],
)
def test_what_could_differ_is_not_translated_and_says_why(one: str, text: str, reason: str, sides: Any) -> None:
    others = ["sqlite"] if "letter" in reason else [other for other in ENGINES if other != one]
    for other in others:
        with pytest.raises(Untranslatable, match=reason):
            said(text, sides[one], sides[other])


@pytest.mark.parametrize(
    ("one", "other", "text", "there"),
    [
        ("postgresql", "mysql", "((v)::text = ANY ((ARRAY['x'::character varying, 'y\\'::character varying])::text[]))",
         "`v` IN ('x', 'y\\\\')"),
        ("postgresql", "sqlite", "(p >= (0)::numeric)", '"p" >= 0'),
        ("postgresql", "mysql", "(d >= '2000-01-01'::date)", "`d` >= '2000-01-01'"),
        ("postgresql", "sqlite", "k", '"k" = TRUE'),
        ("postgresql", "mysql", "k", "`k` = 1"),
        ("postgresql", "mysql", "a + b > 0",
         "(`a` + `b`) >= -2147483648 AND (`a` + `b`) <= 2147483647 AND (`a` + `b`) > 0"),
        ("mysql", "postgresql", "`a` + `b` > 0", '(CAST("a" AS BIGINT) + CAST("b" AS BIGINT)) > 0'),
        ("mysql", "postgresql", "`v` = _utf8mb4'é'", "\"v\" = 'é'"),
        ("mysql", "postgresql", "w in ('x ')", "TRIM(TRAILING ' ' FROM \"w\") = 'x'"),
        ("mysql", "sqlite", "`d` > `e` and `d` > '2000-01-01'", '"d" > "e" AND "d" > \'2000-01-01\''),
        ("mysql", "sqlite", "`p` between 1 and 5", '"p" >= 1 AND "p" <= 5'),
        ("sqlite", "mysql", "k IN (0, 1)", "`k` IN (0, 1)"),
        ("sqlite", "postgresql", "[a] == 1", '"a" = 1'),
    ],
)  # fmt: skip
def test_how_it_is_said(one: str, other: str, text: str, there: str, sides: Any) -> None:
    assert said(text, sides[one], sides[other]) == there


def test_a_column_is_named_as_it_is_called_there_and_its_mapped_values_are_those_there(sides: Any) -> None:
    text = Canonical(Family.TEXT, length=10)
    known: Terms = {
        "status": Term("state", text, text, values={"A": "active", "I": "inactive"}),
        "gone": "it reads gone",
    }
    words = sides["postgresql"].grammar, sides["mysql"].grammar
    assert condition("status IN ('A', 'I')", known, *words) == "`state` IN ('active', 'inactive')"
    for unknown in ("status = 'Z'", "length(status) > 1", "status = gone"):
        with pytest.raises(Untranslatable):
            condition(unknown, known, *words)
    many: Terms = {"status": Term("state", text, text, values={"A": "x", "B": "x"})}
    with pytest.raises(Untranslatable, match="mapped"):
        condition("status = 'A'", many, *words)


def test_an_index_may_be_over_letters_that_engines_fold_differently(sides: Any) -> None:
    words, text = (grammar("postgresql"), grammar("sqlite")), Canonical(Family.TEXT)
    assert expression("lower((v)::text)", {"v": Term("w", text, text)}, *words) == 'LOWER("w")'
    with pytest.raises(Untranslatable, match="it calls random"):
        expression("random()", terms(sides["postgresql"], sides["sqlite"]), *words)


LONG = Canonical(Family.INTEGER, bits=64)


def test_sums_of_what_may_not_be_negative_in_the_source_are_told_wherever_they_hide(sides: Any) -> None:
    known = {name: Term(name, Canonical(Family.INTEGER, bits=32, unsigned=True), LONG) for name in ("u", "w")}
    words = sides["mysql"].grammar, sides["postgresql"].grammar
    for text in ("u - 5 < 10", "coalesce(u, w) - 5 < 10"):
        with pytest.raises(Untranslatable, match="sums are not the same everywhere"):
            check(text, known, *words)
