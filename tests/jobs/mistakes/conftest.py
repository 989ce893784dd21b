"""Fixtures for mistakes: the test sites of a run, and `told`, which makes one and hands back what the person reads."""

from __future__ import annotations

import pytest

from tests.jobs.mistakes.told import Told
from tests.jobs.running.conftest import file_site, no_spark, server_site, site

__all__ = ["file_site", "no_spark", "server_site", "site"]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.delenv("DBAGENT_DEBUG", raising=False)
    return Told(capsys)
