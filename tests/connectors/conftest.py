"""Every engine that has a testkit, one after the other: `ends` is a pair of new databases of each."""

from __future__ import annotations

import pytest

from connectors.contract import connector
from connectors.testkit import testkits
from tests.connectors.drive import Ends


@pytest.fixture(params=sorted(testkits()))
def ends(request: pytest.FixtureRequest) -> Ends:
    engine: str = request.param
    server = request.getfixturevalue("servers")[engine]
    return Ends(connector(engine), server, server.database("prod"), server.database("dev"))
