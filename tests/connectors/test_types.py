"""Loss classes: what the table of types says is what becomes of values, and the hazards that are known are in it by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import connector, engines
from connectors.loss import Class, Loss, loss
from connectors.schema import ColumnType
from connectors.types import FORMS, ODD, TIMES, Canonical, Family
from tests.connectors.judge import values
from tests.connectors.test_guards import kinds, passed

EXACT, EQUIVALENT, LOSSY, IMPOSSIBLE = Class
TOO_LONG = "a number of more than 10 digits before the point or 2 behind it"
NO_LOSS = (EXACT, EQUIVALENT)
PAIRS = [(one, other) for one in engines() for other in engines() if one != other]


def integer(bits: int, unsigned: bool = False) -> Canonical:
    return Canonical(Family.INTEGER, bits=bits, unsigned=unsigned)


def decimal(precision: int | None = None, scale: int | None = None) -> Canonical:
    return Canonical(Family.DECIMAL, precision=precision, scale=scale)


def text(length: int | None = None) -> Canonical:
    return Canonical(Family.TEXT, length=length)


@pytest.mark.parametrize("source", kinds(), ids=str)
def test_every_type_has_a_class_in_every_other_and_says_what_is_lost(source: Canonical) -> None:
    for target in kinds():
        found = loss(source, target)
        assert bool(found.rule) == (found.kind is not EXACT), (source, target)
        assert found.kind is not IMPOSSIBLE or not found.stops, (source, target)
        assert str(found).startswith(found.kind.value)


@pytest.mark.parametrize("type_", kinds(), ids=str)
def test_a_type_loses_nothing_in_itself(type_: Canonical) -> None:
    rewritten = type_.family in (Family.JSON, Family.OTHER)
    assert loss(type_, type_).kind is (EQUIVALENT if rewritten else EXACT)
    assert not loss(type_, type_).stops or type_.family is Family.OTHER


SHARP = (Family.INTEGER, Family.DECIMAL, *TIMES, Family.TIME, Family.INTERVAL, Family.BITS, Family.ENUM, Family.SET)


@pytest.mark.parametrize("family", SHARP)
def test_what_is_called_lossy_does_lose_something(family: Family) -> None:
    sharp = [kind for kind in kinds() if kind.family is family and kind.significant is None]
    for source in sharp:
        some = list(values(source))
        for target in sharp:
            assert loss(source, target).kind is not LOSSY or None in passed(some, source, target), (source, target)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_column_made_for_another_engines_type_keeps_every_ordinary_value(one: str, other: str) -> None:
    source, target = connector(one).types, connector(other).types
    for type_ in map(source.canonical, source.every()):
        made = target.native(type_)
        assert made is not None
        there = target.canonical(made)
        assert loss(type_, there).kind in NO_LOSS, (type_, there)


def named(engine: str, words: str) -> Canonical:
    types = connector(engine).types
    found: ColumnType | None = types.named(words)
    assert found is not None, words
    return types.canonical(found)


@pytest.mark.parametrize(
    ("one", "source", "other", "target", "kind", "stop"),
    [
        ("postgresql", "numeric", "mysql", "decimal(65,30)", EXACT, ODD["nan"]),
        ("postgresql", "numeric(40,2)", "mysql", "decimal(38,2)", LOSSY, "a larger one"),
        ("postgresql", "numeric(12,4)", "mysql", "decimal(12,2)", LOSSY, ""),
        ("postgresql", "numeric(12,4)", "mysql", "double", EQUIVALENT, ODD["nan"]),
        ("postgresql", "numeric(20,4)", "mysql", "double", LOSSY, ""),
        ("postgresql", "numeric(20,4)", "sqlite", "decimal(20,4)", LOSSY, ""),
        ("postgresql", "numeric(12,2)", "sqlite", "decimal(12,2)", EXACT, ""),
        ("postgresql", "double precision", "mysql", "double", EXACT, ODD["nan"]),
        ("postgresql", "double precision", "mysql", "float", LOSSY, ""),
        ("postgresql", "timestamptz", "mysql", "datetime(6)", EQUIVALENT, ODD["infinity"]),
        ("postgresql", "timestamptz", "mysql", "datetime", LOSSY, ODD["bc"]),
        ("postgresql", "timestamp", "mysql", "datetime(6)", EXACT, ODD["late"]),
        ("postgresql", "timestamp", "mysql", "date", LOSSY, ODD["late"]),
        ("postgresql", "date", "mysql", "datetime", EQUIVALENT, ODD["infinity"]),
        ("postgresql", "time", "mysql", "time(6)", EXACT, ""),
        ("postgresql", "interval", "mysql", "longtext", EQUIVALENT, ""),
        ("postgresql", "interval", "mysql", "time(6)", IMPOSSIBLE, ""),
        ("postgresql", "integer[]", "mysql", "longtext", EQUIVALENT, ""),
        ("postgresql", "inet", "mysql", "varchar(43)", LOSSY, "a longer one"),
        ("postgresql", "uuid", "mysql", "char(36)", EQUIVALENT, ""),
        ("postgresql", "uuid", "mysql", "varchar(32)", LOSSY, "a longer one"),
        ("postgresql", "text", "mysql", "text", LOSSY, "a longer one"),
        ("postgresql", "varchar(16383)", "mysql", "text", EXACT, ""),
        ("postgresql", "char(5)", "mysql", "varchar(5)", EQUIVALENT, ""),
        ("postgresql", "varchar(5)", "mysql", "char(5)", LOSSY, ""),
        ("postgresql", "bytea", "mysql", "blob", LOSSY, "a longer one"),
        ("postgresql", "bytea", "mysql", "binary(16)", EXACT, "bytes that are not 16"),
        ("postgresql", "jsonb", "mysql", "json", EQUIVALENT, ""),
        ("postgresql", "boolean", "mysql", "tinyint(1)", EQUIVALENT, ""),
        ("postgresql", "bit(5)", "mysql", "bit(6)", LOSSY, "one that does not fit"),
        ("postgresql", "text", "sqlite", "text", EXACT, ""),
        ("mysql", "bigint unsigned", "postgresql", "bigint", LOSSY, "another number"),
        ("mysql", "bigint unsigned", "postgresql", "numeric(20,0)", EXACT, ""),
        ("mysql", "bigint unsigned", "sqlite", "integer", LOSSY, "another number"),
        ("mysql", "tinyint(1)", "postgresql", "boolean", EQUIVALENT, "another number"),
        ("mysql", "bit(1)", "postgresql", "boolean", EQUIVALENT, "another number of bits"),
        ("mysql", "date", "postgresql", "date", EXACT, ODD["zero"]),
        ("mysql", "datetime(6)", "postgresql", "timestamp(3)", LOSSY, ODD["zero"]),
        ("mysql", "datetime", "postgresql", "timestamptz", EQUIVALENT, ODD["zero"]),
        ("mysql", "timestamp", "postgresql", "timestamptz", EXACT, ODD["zero"]),
        ("mysql", "time", "postgresql", "time", EXACT, ODD["long"]),
        ("mysql", "time", "sqlite", "time", EXACT, ""),
        ("mysql", "year", "postgresql", "smallint", EXACT, ""),
        ("mysql", "decimal(65,30)", "postgresql", "numeric", EXACT, ""),
        ("mysql", "enum('a','b')", "postgresql", "text", EQUIVALENT, ""),
        ("mysql", "set('a','b')", "postgresql", "varchar(2)", LOSSY, "a longer one"),
        ("mysql", "varchar(9)", "postgresql", "varchar(9)", EXACT, ODD["nul"]),
        ("mysql", "varchar(9)", "postgresql", "integer", EQUIVALENT, "a text that is no integer"),
        ("mysql", "longtext", "postgresql", "bytea", IMPOSSIBLE, ""),
        ("mysql", "binary(16)", "postgresql", "uuid", IMPOSSIBLE, ""),
        ("sqlite", "integer", "postgresql", "integer", LOSSY, ODD["anything"]),
        ("sqlite", "integer", "postgresql", "bigint", EXACT, ODD["anything"]),
        ("sqlite", "date", "postgresql", "date", EXACT, ODD["anything"]),
        ("sqlite", "decimal", "postgresql", "numeric(12,2)", EXACT, TOO_LONG),
        ("sqlite", "real", "postgresql", "numeric", EQUIVALENT, ODD["anything"]),
        ("sqlite", "text", "postgresql", "text", EXACT, ODD["nul"]),
        ("sqlite", "text", "mysql", "varchar(20)", LOSSY, "a longer one"),
    ],
)  # fmt: skip
def test_hazards_that_are_known(one: str, source: str, other: str, target: str, kind: Class, stop: str) -> None:
    found = loss(named(one, source), named(other, target))
    assert found.kind is kind, found
    assert (stop in found.stops) if stop else not (kind in NO_LOSS and found.stops), found


@given(st.integers(1, 60), st.integers(0, 30), st.integers(0, 9), st.integers(0, 9))
def test_more_room_never_loses(whole: int, scale: int, more: int, behind: int) -> None:
    narrow, wide = decimal(whole + scale, scale), decimal(whole + scale + more + behind, scale + behind)
    assert loss(narrow, wide) == Loss(EXACT)
    assert loss(wide, narrow).kind is (LOSSY if more or behind else EXACT)
    assert loss(narrow, decimal()) == Loss(EXACT)
    assert loss(text(whole), text(whole + more)).kind is EXACT
    assert loss(text(whole + 1 + more), text(whole)).kind is LOSSY


@pytest.mark.parametrize("bits", [8, 16, 24, 32, 64])
@pytest.mark.parametrize("unsigned", [False, True])
def test_an_integer_fits_a_decimal_of_all_its_digits_and_no_smaller_one(bits: int, unsigned: bool) -> None:
    type_ = integer(bits, unsigned)
    digits = max(len(str(abs(bound))) for bound in type_.bounds)
    assert loss(type_, decimal(digits, 0)).kind is EXACT
    assert loss(type_, decimal(digits - 1, 0)).kind is LOSSY
    assert loss(decimal(digits - 1, 0), type_) == Loss(EXACT, stops=("a number below zero",) if unsigned else ())
    assert loss(decimal(digits, 0), type_).kind is LOSSY


def test_types_and_losses_are_written_for_people() -> None:
    assert str(decimal(12, 2)) == "decimal(12,2)"
    assert str(integer(64, unsigned=True)) == "integer of 64 bits, unsigned"
    assert str(replace(text(), octets=65_535)) == "text of 65,535 bytes"
    assert str(text(40)) == "text(40)"
    assert str(loss(integer(16), integer(8))) == "lossy: there is room for -128 to 127; another number stops the chunk"
    assert set(FORMS) == set(Family)


def test_what_only_some_values_of_a_family_are_is_told_unless_both_sides_are_so() -> None:
    year, small = Canonical(Family.INTEGER, bits=16, only="a year"), Canonical(Family.INTEGER, bits=16)
    assert loss(small, year).stops == ("what is not a year",)
    assert loss(year, small).stops == loss(year, year).stops == ()
