"""What Spark has staged is published once, whatever it tried: a second attempt, a try that was lost, a twin of the driver.

Spark's writer is played by a plain client: what it leaves in a landing are rows, in transactions of one attempt each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from connectors.contract import Chunk, connector, engines
from connectors.errors import LeaseLost, ValueRefused
from connectors.jdbc import JdbcPaths, name
from jobs.planning.crossing import through, unchanged
from tests.connectors.conftest import between
from tests.connectors.drive import Driver, Ends, driver
from tests.connectors.samples import ACCOUNTS, accounts, fill

ENGINES = [engine for engine in engines() if connector(engine).facts.jdbc is not None]


@pytest.fixture(params=ENGINES)
def ends(request: pytest.FixtureRequest) -> Ends:
    return between(request, request.param, request.param)


@pytest.fixture
def begun(ends: Ends) -> Iterator[Driver]:
    """A run whose rows Spark reads and writes, up to its first chunk."""
    fill(ends, ACCOUNTS, accounts(20))
    with driver(ends, budget=1 << 62) as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        [copy] = one.copies.values()
        way = through(unchanged(copy.source), copy.source, ends.connector.types)
        one.copies[0] = replace(copy, fields=way.fields, paths=("jdbc", "jdbc"))
        yield one


def paths(one: Driver) -> JdbcPaths:
    found = one.ends.lands.jdbc
    assert found is not None
    return found


def columns(one: Driver) -> list[str]:
    return [field.target for field in one.copies[0].fields]


def attempt(
    one: Driver, landing: str, chunk: int, try_: str, number: int, rows: Sequence[Sequence[Any]], counts: str
) -> None:
    """What one attempt of Spark's leaves behind."""
    literals = []
    for place, row in enumerate(rows):
        values = ["NULL" if value is None else "'" + str(value).replace("'", "''") + "'" for value in row]
        told = f"'{counts}'" if place == 0 else "NULL"
        literals.append(f"({', '.join([*values, repr(str(chunk)), repr(try_), repr(str(number)), told])})")
    if literals:
        one.ends.landing.execute(one.ends.target, f"INSERT INTO {landing} VALUES {', '.join(literals)}")


def texts(one: Driver, count: int, first: int = 1) -> list[list[Any]]:
    """Rows of accounts as they travel."""
    given = [tuple(row) for row in accounts(first + count)][first - 1 : first - 1 + count]
    order = [list(ACCOUNTS.columns).index(column) for column in columns(one)]
    return [[row[place] for place in order] for row in given]


def found(one: Driver) -> int:
    return len(one.ends.landing.read(one.ends.target, "accounts"))


def test_of_two_attempts_that_both_committed_one_is_published(begun: Driver) -> None:
    """As where an executor is lost after its commit and before it could say so."""
    chunk = Chunk(0, 0, begun.chunks()[0].bounds)
    with paths(begun).staging(begun.job()) as staging:
        landing = staging.land(begun.copies[0])
        for number in (17, 9):
            attempt(begun, landing, 0, "1.1", number, texts(begun, 5), '{"unchanged": 2}')
        loaded = staging.publish(begun.copies[0], chunk, "1.1")
        assert (loaded.rows, loaded.counts, loaded.fresh) == (5, {"unchanged": 2}, True)
        assert loaded.bytes > 0
        again = staging.publish(begun.copies[0], chunk, "1.1")
        assert not again.fresh
        staging.clear(begun.copies[0])
    assert found(begun) == 5
    [state] = begun.target.ledger.tables("run")
    assert (state.rows, state.chunks, state.counts) == (5, frozenset({0}), {"unchanged": 2})


def test_what_an_earlier_try_left_is_not_published_with_the_next(begun: Driver) -> None:
    one, other = (Chunk(0, number, begun.chunks()[0].bounds) for number in (0, 1))
    with paths(begun).staging(begun.job()) as staging:
        landing = staging.land(begun.copies[0])
        attempt(begun, landing, 0, "1.1", 1, texts(begun, 4), "{}")
        attempt(begun, landing, 0, "1.3", 2, texts(begun, 4), "{}")
        attempt(begun, landing, 1, "1.2", 3, texts(begun, 6, first=5), "{}")
        assert staging.publish(begun.copies[0], one, "1.3").rows == 4
        assert staging.publish(begun.copies[0], other, "1.2").rows == 6
    assert found(begun) == 10


def test_an_empty_chunk_is_loaded_with_no_row(begun: Driver) -> None:
    with paths(begun).staging(begun.job()) as staging:
        staging.land(begun.copies[0])
        loaded = staging.publish(begun.copies[0], Chunk(0, 0, begun.chunks()[0].bounds), "1.1")
    assert (loaded.rows, loaded.fresh) == (0, True)
    assert begun.target.ledger.tables("run")[0].chunks == frozenset({0})


def test_a_row_that_the_table_refuses_leaves_nothing_of_its_chunk(begun: Driver) -> None:
    rows = texts(begun, 3)
    rows[2] = list(rows[0])  # the same primary key
    chunk = Chunk(0, 0, begun.chunks()[0].bounds)
    with paths(begun).staging(begun.job()) as staging:
        attempt(begun, staging.land(begun.copies[0]), 0, "1.1", 1, rows, "{}")
        with pytest.raises(ValueRefused):
            staging.publish(begun.copies[0], chunk, "1.1")
    assert found(begun) == 0
    assert begun.target.ledger.tables("run")[0].chunks == frozenset()


def test_a_superseded_driver_publishes_nothing(begun: Driver) -> None:
    chunk = Chunk(0, 0, begun.chunks()[0].bounds)
    job = begun.job()
    with paths(begun).staging(replace(job, target=replace(job.target, application="elsewhere/"))) as staging:
        attempt(begun, staging.land(begun.copies[0]), 0, "1.1", 1, texts(begun, 3), "{}")
        with driver(begun.ends) as second:
            second.lease(["accounts"], holder="two")
            with pytest.raises(LeaseLost):
                staging.publish(begun.copies[0], chunk, "1.1")
    assert found(begun) == 0


def test_a_dead_runs_landing_is_swept_and_a_living_ones_stays(begun: Driver) -> None:
    with paths(begun).staging(begun.job()) as staging:
        staging.land(begun.copies[0])
        begun.target.sweep("another")
        assert staging.publish(begun.copies[0], Chunk(0, 0, begun.chunks()[0].bounds), "1.1").fresh
        begun.target.sweep("run")
        landing = staging.land(begun.copies[0])  # it is gone, or this would add to it
        begun.ends.landing.execute(begun.ends.target, f"DROP TABLE {landing}")
    assert name(0) == "dbagent0"
