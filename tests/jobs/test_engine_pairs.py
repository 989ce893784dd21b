"""`dbagent engines --pair`: every type of one engine, what it becomes in another, and what that costs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

import pytest

from connectors.contract import connector, engines
from connectors.loss import Class
from connectors.schema import ColumnType, Kind
from connectors.types import Canonical, Equality, Family
from jobs.cli import call
from jobs.views_engines import arrivals

Output = pytest.CaptureFixture[str]


def shown(output: Output, *arguments: str) -> str:
    assert call(["engines", *arguments]) == 0
    return output.readouterr().out


@pytest.mark.parametrize("pair", list(itertools.product(engines(), repeat=2)), ids=" ".join)
def test_every_type_of_the_source_is_told_and_no_column_made_for_it_loses_anything(
    pair: tuple[str, str], capsys: Output
) -> None:
    told = json.loads(shown(capsys, "--pair", *pair, "--json"))
    source, target = map(connector, pair)
    assert (told["source"], told["target"]) == pair
    assert [row["source"] for row in told["types"]] == [type_.native for type_ in source.types.every()]
    for row in told["types"]:
        assert row["class"] in ("exact", "equivalent"), row
        assert row["rule"] if row["class"] == "equivalent" else not row["rule"], row
        assert target.types.named(row["target"]) is not None, row
    table = shown(capsys, "--pair", *pair)
    assert all(source.facts.title in table and each.native in table for each in source.types.every())
    assert ("rows travel as they are" in table) == (pair[0] == pair[1])


class Few:
    """An engine that knows integers of 8 bits, texts of five characters, and points."""

    counter: str | None = None

    def canonical(self, type_: ColumnType) -> Canonical:
        return {
            "tiny": Canonical(Family.INTEGER, bits=8),
            "big": Canonical(Family.INTEGER, bits=64),
            "word": Canonical(Family.TEXT, length=5),
        }.get(type_.native, Canonical(Family.OTHER))

    def native(self, type_: Canonical) -> ColumnType | None:
        return {Family.INTEGER: self.named("tiny"), Family.TEXT: self.named("word")}.get(type_.family)

    def named(self, text: str) -> ColumnType | None:
        return ColumnType(text, Kind.OTHER)

    def equality(self, type_: ColumnType) -> Equality:
        return "exact"

    def every(self) -> Sequence[ColumnType]:
        return [ColumnType(name, Kind.OTHER) for name in ("tiny", "big", "word", "point")]


def test_what_is_lossy_and_what_is_impossible_is_told_so() -> None:
    tiny, big, word, point = arrivals(Few(), Few())
    assert (tiny.loss.kind, tiny.made) == (Class.EXACT, "tiny")
    assert (big.loss.kind, big.loss.rule) == (Class.LOSSY, "there is room for -128 to 127")
    assert word.loss.kind is Class.EXACT
    assert (point.loss.kind, point.made) == (Class.IMPOSSIBLE, None)


def test_an_engine_that_is_not_there_is_answered_with_those_that_are(capsys: Output) -> None:
    known = engines()
    assert call(["engines", "--pair", known[0], known[-1] + "x"]) == 2
    said = capsys.readouterr().err
    assert f"--pair {known[-1]}x" in said
    assert f"name two of {', '.join(known)}; did you mean {known[-1]}?" in said


def test_a_pair_is_two_engines(capsys: Output) -> None:
    assert call(["engines", "--pair", engines()[0]]) == 2
    assert "--pair" in capsys.readouterr().err
