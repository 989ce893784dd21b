"""Fixtures for running: a site on each engine that has a testkit, and a stand-in for Spark where Spark is not the point."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.testkit import testkits
from jobs.planning import suspending
from jobs.running import run as run_module
from tests.jobs.running.faults import Launcher
from tests.jobs.running.site import Here, Site

numbers = itertools.count(1)


@pytest.fixture(params=sorted(testkits()))
def site(request: pytest.FixtureRequest, servers: Any, tmp_path: Path) -> Site:
    return Site.make(servers[request.param], tmp_path, f"site{next(numbers)}")


@pytest.fixture
def any_site(request: pytest.FixtureRequest, servers: Any, tmp_path: Path) -> Site:
    """A site on one engine, or between two: what `these_sites` says."""
    source, target = request.param
    elsewhere = None if source == target else servers[target]
    return Site.make(servers[source], tmp_path, f"site{next(numbers)}", elsewhere)


@pytest.fixture
def server_site(servers: Any, tmp_path: Path) -> Site:
    """A site on an engine whose databases have sessions to look at and to end."""
    return Site.make(servers["postgresql"], tmp_path, f"site{next(numbers)}")


@pytest.fixture
def file_site(servers: Any, tmp_path: Path) -> Site:
    """A site on an engine whose databases are files."""
    return Site.make(servers["sqlite"], tmp_path, f"site{next(numbers)}")


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "LeanSpark", Here)


@pytest.fixture
def launch() -> Iterator[Launcher]:
    """Starts commands in processes of their own; none outlives the test."""
    launcher = Launcher()
    try:
        yield launcher
    finally:
        launcher.end_all()


@pytest.fixture
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of tests are small."""
    monkeypatch.setattr(suspending, "WORTH", 0)
