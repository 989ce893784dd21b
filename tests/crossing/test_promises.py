"""What the type table promises is kept: every type into every type of another engine that it calls exact or equivalent.

Where it names values that stop a chunk, only those that are odd for their family are let pass here: no sample has such.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from connectors.contract import Endpoint, connector, engines
from connectors.loss import Class, loss
from connectors.testkit import TestServer
from connectors.types import ODD, Family
from tests.crossing import judge, tables
from tests.crossing.conftest import SAMPLES, Copier

PAIRS = list(itertools.permutations(engines(), 2))
ROWS = 40
WIDTH = 40
"""Columns of a table."""
NOT_SAMPLED = {ODD[name] for name in ("nan", "infinity", "bc", "late", "zero", "nul", "anything")}


def promised(source: str, target: str) -> Iterator[tuple[str, str, str]]:
    """Each type of the source with a type of the target that holds its values, and what they mean there."""
    one, other = connector(source).types, connector(target).types
    for given, taken in itertools.product(one.every(), other.every()):
        mine, theirs = one.canonical(given), other.canonical(taken)
        found = loss(mine, theirs)
        if found.kind in (Class.EXACT, Class.EQUIVALENT) and set(found.stops) <= NOT_SAMPLED:
            meaning = SAMPLES[source][given.native].meaning
            if theirs.family is Family.JSON:
                meaning = "json"
            elif theirs.fixed and meaning in ("own", "text"):
                meaning = "padded"
            yield given.native, taken.native, meaning


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=map(" to ".join, PAIRS))
def test_every_promise_is_kept(source: str, target: str, servers: dict[str, TestServer], copied: Copier) -> None:
    ways = list(promised(source, target))
    parts = [ways[at : at + WIDTH] for at in range(0, len(ways), WIDTH)]
    end = servers[source].database("promises")
    for number, part in enumerate(parts):
        tables.make(end, f"part{number}", {f"c{at}": given for at, (given, _, _) in enumerate(part)})
        samples = [SAMPLES[source][given] for given, _, _ in part]
        rows = [(row + 1, *(sample.value(row) for sample in samples)) for row in range(ROWS)]
        tables.INSERTERS[source](end, f"part{number}", rows)

    def prepare(into: Endpoint) -> None:
        for number, part in enumerate(parts):
            tables.make(into, f"part{number}", {f"c{at}": taken for at, (_, taken, _) in enumerate(part)})

    there, _ = copied(end, target, prepare=prepare, tables=["*"])
    broken = []
    for number, part in enumerate(parts):
        meanings = {"id": "integer", **{f"c{at}": meaning for at, (_, _, meaning) in enumerate(part)}}
        before, after = (judge.look(one, f"part{number}", meanings) for one in (end, there))
        for told in judge.differences(before, after, WIDTH):
            broken.append(f"{' → '.join(part[int(told[1 : told.index(':')])][:2])} {told}")
    assert broken == []
