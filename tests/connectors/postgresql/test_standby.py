"""A hot standby: a source like any other that says what it is, and never a target."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from connectors.postgresql import connector
from connectors.postgresql.testkit import PostgresServer, testkit
from jobs.errors import PlanRefused
from jobs.running.run import run
from tests.connectors.drive import Ends, driver
from tests.connectors.masker import Masker
from tests.connectors.postgresql.standby import caught_up, standby
from tests.connectors.samples import ACCOUNTS, accounts
from tests.jobs.running.site import Site


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary and its standby."""
    with tempfile.TemporaryDirectory(prefix="dbagent-standby-") as folder:
        first, second = Path(folder, "primary"), Path(folder, "standby")
        for one in (Path(folder), first, second):
            one.mkdir(exist_ok=True)
            one.chmod(0o755)
        with testkit.start(first) as primary, standby(primary, second) as follower:
            yield primary, follower


@pytest.mark.parametrize("masked", [(), ("name",)])
def test_a_standby_is_a_source(two: tuple[PostgresServer, PostgresServer], masked: tuple[str, ...]) -> None:
    primary, follower = two
    prod, dev = primary.database("prod"), primary.database("dev")
    primary.create(prod, ACCOUNTS, accounts(400))
    assert caught_up(primary, follower)
    reading = replace(prod, port=follower.endpoint.port)
    anonymize = {"accounts": Masker(masked)} if masked else {}
    with driver(Ends(connector, primary, reading, dev), anonymize=anonymize) as one:
        assert one.source.server.replica
        assert any("replica" in note for note in one.source.server.notes)
        loaded = one.copy(["accounts"])
        primary.execute(prod, "DELETE FROM accounts")
    assert len(loaded) > 1
    assert sum(part.rows for part in loaded) == 400
    assert len(primary.read(dev, "accounts")) == 400


def test_a_standby_is_its_primary_by_another_name_and_takes_no_rows(two: tuple[PostgresServer, PostgresServer]) -> None:
    primary, follower = two
    prod = primary.database("prod")
    assert caught_up(primary, follower)
    same = replace(prod, port=follower.endpoint.port)
    source, target = connector.source(prod), connector.target(same)
    try:
        assert source.server.identity == target.server.identity
        assert (target.server.replica, target.server.writable) == (True, False)
    finally:
        source.close()
        target.close()


def test_a_plan_into_a_standby_is_refused(
    two: tuple[PostgresServer, PostgresServer], server: PostgresServer, tmp_path: Path
) -> None:
    primary, follower = two
    prod, dev = server.database("prod"), primary.database("dev")
    server.create(prod, ACCOUNTS, accounts(4))
    assert caught_up(primary, follower)
    site = Site(server, prod, replace(dev, port=follower.endpoint.port), tmp_path)
    operation = str(site.operation(anonymize=False, policy=None))
    with pytest.raises(PlanRefused) as refused:
        run(
            operation,
            environments_path=site.environments({}),
            control_url=site.control,
            console=Console(file=StringIO()),
        )
    assert [(f.where, f.what) for f in refused.value.findings if f.severity == "error"] == [
        ("DEV", "this server takes no writes (a replica, or read-only)")
    ]
