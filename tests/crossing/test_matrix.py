"""Every engine into every engine: a column of each type, extremes first, arrives as the plan says; and comes back the same.

The judge reads both ends with plain drivers and knows nothing of the tool.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from connectors.contract import connector, engines
from tests.crossing import judge, tables
from tests.crossing.conftest import ROWS, SAMPLES, Copier, Full

PAIRS = list(itertools.product(engines(), repeat=2))


@pytest.mark.parametrize("engine", engines())
def test_there_is_a_sample_of_every_type(engine: str) -> None:
    assert set(SAMPLES[engine]) == {type_.native for type_ in connector(engine).types.every()}


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=map(" to ".join, PAIRS))
def test_everything_arrives_and_comes_back(
    source: str, target: str, full: Callable[[str], Full], copied: Copier
) -> None:
    given = full(source)
    assert len(given.found.rows) == ROWS
    there, _ = copied(given.end, target)
    assert judge.differences(given.found, judge.look(there, tables.NAME, given.meanings)) == []
    if source != target:
        back, _ = copied(there, source)
        found = judge.look(back, tables.NAME, given.meanings)
        assert judge.differences(given.found, found) == []
        assert found.digest == given.found.digest
