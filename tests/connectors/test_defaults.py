"""Defaults in another engine's words fill what the same value would have become; a clock stays the clock it was."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.expressions import Term, Untranslatable, default
from connectors.types import Canonical, Family
from tests.connectors.sides import COLUMNS, ENGINES, Side, grammar, sides, terms

__all__ = ["sides"]

DEFAULTS = [
    ("postgresql", "v", "'a''b\\'::character varying"),
    ("postgresql", "t", "''::text"),
    ("postgresql", "a", "'-1'::integer"),
    ("postgresql", "p", "1.50"),
    ("postgresql", "k", "true"),
    ("postgresql", "d", "'2000-01-01'::date"),
    ("postgresql", "m", "'2000-01-01 09:30:00.5'::timestamp without time zone"),
    ("postgresql", "f", "0.5"),
    ("mysql", "v", "'a''b\\\\'"),
    ("mysql", "a", "5"),
    ("mysql", "p", "-0.10"),
    ("mysql", "d", "'2000-01-01'"),
    ("sqlite", "v", "'it''s'"),
    ("sqlite", "t", "5"),
    ("sqlite", "a", "'5'"),
    ("sqlite", "k", "TRUE"),
    ("sqlite", "p", "+1.5"),
]


@pytest.mark.parametrize(("one", "column", "text"), DEFAULTS)
def test_a_default_fills_what_the_same_value_would_have_become(one: str, column: str, text: str, sides: Any) -> None:
    for other in ENGINES:
        source, target = sides[one], sides[other]
        term = terms(source, target)[column]
        assert isinstance(term, Term)
        there = default(text, term, source.grammar, target.grammar)
        values = [
            _plain(_fills(side, COLUMNS[side.engine][column], words))
            for side, words in ((source, text), (target, there))
        ]
        assert values[0] == values[1]


def _fills(side: Side, type_: str, words: str | None) -> str:
    """What a default fills a column of this type with."""
    side.run("DROP TABLE IF EXISTS filled")
    side.run(f"CREATE TEMPORARY TABLE filled (id integer, x {type_} DEFAULT {words})")
    side.run("INSERT INTO filled (id) VALUES (1)")
    return str(side.run("SELECT x FROM filled")[0][0])


def _plain(value: str) -> str:
    """Without what only drivers add: 1.50 is 1.5, and True is 1."""
    value = {"True": "1", "False": "0"}.get(value, value)
    return value.rstrip("0").rstrip(".") if "." in value else value


@pytest.mark.parametrize(
    ("one", "other", "family", "wanted", "text", "there"),
    [
        ("postgresql", "mysql", Family.INSTANT, Family.TIMESTAMP, "now()", "UTC_TIMESTAMP(6)"),
        ("postgresql", "mysql", Family.TIMESTAMP, Family.TIMESTAMP, "CURRENT_TIMESTAMP(3)", "CURRENT_TIMESTAMP(3)"),
        ("postgresql", "sqlite", Family.INSTANT, Family.INSTANT, "now()", "CURRENT_TIMESTAMP"),
        ("postgresql", "sqlite", Family.TIMESTAMP, Family.TIMESTAMP, "timezone('utc'::text, now())", "CURRENT_TIMESTAMP"),
        ("postgresql", "mysql", Family.DATE, Family.DATE, "CURRENT_DATE", "CURRENT_DATE"),
        ("mysql", "postgresql", Family.INSTANT, Family.INSTANT, "current_timestamp()", "CURRENT_TIMESTAMP(0)"),
        ("mysql", "postgresql", Family.TIMESTAMP, Family.TIMESTAMP, "current_timestamp(6)", "LOCALTIMESTAMP"),
        ("sqlite", "postgresql", Family.TIMESTAMP, Family.TIMESTAMP, "CURRENT_TIMESTAMP",
         "timezone('UTC', CURRENT_TIMESTAMP(0))"),
        ("sqlite", "mysql", Family.TIMESTAMP, Family.TIMESTAMP, "datetime('now')", "UTC_TIMESTAMP"),
    ],
)  # fmt: skip
def test_a_clock_stays_the_clock_it_was(
    one: str, other: str, family: Family, wanted: Family, text: str, there: str
) -> None:
    words = grammar(one), grammar(other)
    assert default(text, Term("x", Canonical(family), Canonical(wanted)), *words) == there


@pytest.mark.parametrize(
    ("one", "other", "family", "text"),
    [
        ("postgresql", "sqlite", Family.TIMESTAMP, "now()"),
        ("mysql", "sqlite", Family.DATE, "curdate()"),
        ("sqlite", "postgresql", Family.DATE, "CURRENT_DATE"),
        ("postgresql", "mysql", Family.UUID, "gen_random_uuid()"),
        ("postgresql", "mysql", Family.INTEGER, "nextval('s'::regclass)"),
        ("postgresql", "mysql", Family.INTEGER, "'x'::text"),
        ("postgresql", "mysql", Family.TEXT, "CURRENT_USER"),
        ("postgresql", "sqlite", Family.INTERVAL, "'1 day'::interval"),
    ],
)
def test_what_fills_otherwise_there_fills_nothing(one: str, other: str, family: Family, text: str) -> None:
    words = grammar(one), grammar(other)
    with pytest.raises(Untranslatable):
        default(text, Term("x", Canonical(family), Canonical(family)), *words)


@pytest.mark.parametrize(
    ("one", "other", "family", "text", "there"),
    [
        ("mysql", "postgresql", Family.BINARY, "x'00FF'", "'\\x00ff'"),
        ("postgresql", "sqlite", Family.BINARY, "'\\x00ff'::bytea", "X'00ff'"),
        ("sqlite", "mysql", Family.BINARY, "X'00ff'", "X'00ff'"),
        ("postgresql", "mysql", Family.BITS, "'101'::\"bit\"", "b'101'"),
        ("postgresql", "mysql", Family.JSON, "'{}'::jsonb", "'{}'"),
        ("sqlite", "postgresql", Family.INSTANT, "'2000-01-01 00:00:00'", "'2000-01-01 00:00:00+00'"),
        ("postgresql", "sqlite", Family.INSTANT, "'2000-01-01 02:00:00+02'::timestamp with time zone",
         "'2000-01-01 00:00:00'"),
        ("postgresql", "mysql", Family.TEXT, "NULL::character varying", None),
    ],
)  # fmt: skip
def test_bytes_bits_and_moments_are_written_as_each_engine_does(
    one: str, other: str, family: Family, text: str, there: str | None
) -> None:
    type_ = Canonical(family, length=3 if family is Family.BITS else None)
    assert default(text, Term("x", type_, type_), grammar(one), grammar(other)) == there
