"""Fixtures of the crossing tests: each engine's table of everything, filled once and read once by the judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Endpoint
from jobs.cli import call
from tests.crossing import judge, samples_mysql, samples_postgresql, samples_sqlite, tables
from tests.jobs.running.conftest import no_spark
from tests.jobs.running.site import Site

__all__ = ["no_spark"]

ROWS = 10_000
SAMPLES = {
    "mysql": samples_mysql.SAMPLES,
    "postgresql": samples_postgresql.SAMPLES,
    "sqlite": samples_sqlite.SAMPLES,
}


@dataclass(frozen=True)
class Full:
    """A database with the table of everything, and what the judge found in it."""

    end: Endpoint
    meanings: dict[str, str]
    found: judge.Found


@pytest.fixture(scope="session")
def full(servers: Any) -> Callable[[str], Full]:
    known: dict[str, Full] = {}

    def made(engine: str) -> Full:
        if engine not in known:
            end, samples = servers[engine].database("everything"), SAMPLES[engine]
            tables.fill(end, samples, ROWS)
            meanings = tables.meanings(samples)
            known[engine] = Full(end, meanings, judge.look(end, tables.NAME, meanings))
        return known[engine]

    return made


class Copier:
    """Runs copies between any two databases, unmasked."""

    def __init__(self, servers: Any, folder: Path, output: pytest.CaptureFixture[str]) -> None:
        self._servers, self._folder, self._output = servers, folder, output
        self._count = 0

    def policy(self, rules: Mapping[str, Any]) -> dict[str, Any]:
        """A policy with a key of its own."""
        key = self._folder / "master.key"
        if not key.exists():
            key.write_text(bytes(range(32)).hex())
            key.chmod(0o600)
        return {"key": {"secret": f"file:{key}"}, "columns": dict(rules)}

    def __call__(self, source: Endpoint, engine: str, code: int = 0, prepare: Callable[[Endpoint], None] | None = None,
                 **operation: Any) -> tuple[Endpoint, str]:  # fmt: skip
        """Copy into a new, prepared database of that engine; the run must end with this code. Returns it and what was said."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        site = Site(self._servers[engine], source, self._servers[engine].database("copy"), folder)
        site.environments({})
        if prepare is not None:
            prepare(site.dev)
        file = site.operation(**{"tables": [tables.NAME], "anonymize": False, "policy": None, **operation})
        self._output.readouterr()
        ended = call(site.arguments("run", str(file)))
        said = "".join(self._output.readouterr())
        assert ended == code, said
        return site.dev, said


@pytest.fixture
def copied(servers: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], no_spark: None) -> Copier:
    return Copier(servers, tmp_path, capsys)
