"""Every engine that has a testkit, one after the other: `ends` is a pair of new databases of each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.contract import connector
from connectors.testkit import testkits
from tests.connectors.drive import Driver, Ends, driver
from tests.connectors.masker import Masker
from tests.connectors.samples import ACCOUNTS, SOME, accounts, fill


@pytest.fixture(params=sorted(testkits()))
def ends(request: pytest.FixtureRequest) -> Ends:
    return between(request, request.param, request.param)


def between(request: pytest.FixtureRequest, source: str, target: str) -> Ends:
    """A new database of each of two engines."""
    servers = request.getfixturevalue("servers")
    one, other = servers[source], servers[target]
    elsewhere = (connector(target), other) if source != target else None
    return Ends(connector(source), one, one.database("prod"), other.database("dev"), elsewhere)


@pytest.fixture
def rows() -> int:
    """How many accounts are to be copied, where a test does not say it."""
    return SOME


@pytest.fixture
def started(ends: Ends, rows: int) -> Iterator[Driver]:
    """A driver of a masked copy of accounts, prepared, with several chunks to load."""
    fill(ends, ACCOUNTS, accounts(rows))
    with driver(ends, anonymize={"accounts": Masker(("name",))}) as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        yield one
