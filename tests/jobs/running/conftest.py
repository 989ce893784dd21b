"""Fixtures for running: a site on each engine that has a testkit, and a stand-in for Spark where Spark is not the point."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.testkit import testkits
from jobs.running import run as run_module
from tests.jobs.running.site import Site

numbers = itertools.count(1)


@pytest.fixture(params=sorted(testkits()))
def site(request: pytest.FixtureRequest, servers: Any, tmp_path: Path) -> Site:
    return Site.make(servers[request.param], tmp_path, f"site{next(numbers)}")


class Here:
    """LeanSpark's face without Spark: tasks run in the driver's own threads."""

    def __init__(self, workers: int, **_: Any) -> None:
        self.workers = workers

    def start(self) -> None: ...

    def submit(self, function: Callable[[Any], Any], given: Any) -> Any:
        return function(given)

    def cancel(self) -> None: ...

    def stop(self) -> None: ...


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "LeanSpark", Here)
