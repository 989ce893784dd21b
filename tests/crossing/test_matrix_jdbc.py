"""Every type, extremes first, arrives by Spark's JDBC source and writer as it does without them: in real Spark, judged by
plain drivers. One run takes the table on every path, a table of the same rows for each."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crossing import judge, tables
from tests.crossing.conftest import ROWS, SAMPLES, Full
from tests.jobs.running.site import Site

pytestmark = pytest.mark.timeout(900)

ENGINES = ("postgresql", "mysql")
PATHS = {tables.NAME: ("jdbc", "bulk"), "staged": ("jdbc", "jdbc"), "landed": ("native", "jdbc")}
"""Table → how it is read, how it is written."""
LIKE = {
    "postgresql": "CREATE TABLE {new} (LIKE {old} INCLUDING ALL)",
    "mysql": "CREATE TABLE {new} LIKE {old}",
}


@pytest.fixture(scope="module")
def thrice(servers: Any) -> Callable[[str], Full]:
    known: dict[str, Full] = {}

    def made(engine: str) -> Full:
        if engine not in known:
            server, samples = servers[engine], SAMPLES[engine]
            end = server.database("thrice")
            tables.fill(end, samples, ROWS)
            for new in list(PATHS)[1:]:
                server.execute(end, LIKE[engine].format(new=new, old=tables.NAME))
                server.execute(end, f"INSERT INTO {new} SELECT * FROM {tables.NAME}")
            meanings = tables.meanings(samples)
            known[engine] = Full(end, meanings, judge.look(end, tables.NAME, meanings))
        return known[engine]

    return made


PAIRS = [
    pytest.param(*pair, marks=pytest.mark.full if pair[0] == pair[1] else ())
    for pair in itertools.product(ENGINES, repeat=2)
]
"""To another engine each time the suite runs; to its own with the long ones: a run takes half a minute."""


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_type_arrives_on_every_path(
    source: str, target: str, thrice: Callable[[str], Full], servers: Any, downloaded: None, tmp_path: Path
) -> None:
    given = thrice(source)
    site = Site(servers[target], given.end, servers[target].database("copy"), tmp_path)
    site.environments({})
    read = {table: read for table, (read, _) in PATHS.items()}
    write = {table: write for table, (_, write) in PATHS.items()}
    copied(site, tables=list(PATHS), read=read, write=write)
    for table in PATHS:
        found = judge.look(site.dev, table, given.meanings)
        assert judge.differences(given.found, found) == [], table


@pytest.mark.parametrize("source", ["mysql", pytest.param("postgresql", marks=pytest.mark.full)])
def test_every_type_that_spark_reads_arrives_in_a_file(
    source: str, thrice: Callable[[str], Full], servers: Any, downloaded: None, tmp_path: Path
) -> None:
    given = thrice(source)
    site = Site(servers["sqlite"], given.end, servers["sqlite"].database("copy"), tmp_path)
    site.environments({})
    copied(site, tables=[tables.NAME], read="jdbc")
    found = judge.look(site.dev, tables.NAME, given.meanings)
    assert judge.differences(given.found, found) == []


def copied(site: Site, **operation: Any) -> None:
    file = site.operation(**operation, anonymize=False, policy=None)
    done = site.command("run", str(file), check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
