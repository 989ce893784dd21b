"""Every type, extremes first, arrives by Spark's JDBC source and writer as it does without them: in real Spark, judged by
plain drivers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crossing import judge, tables
from tests.crossing.conftest import Full
from tests.jobs.running.site import Site

pytestmark = pytest.mark.timeout(600)

POSTGRESQL, MYSQL, SQLITE = "postgresql", "mysql", "sqlite"
WAYS = [
    *((one, other, "jdbc", "jdbc") for one in (POSTGRESQL, MYSQL) for other in (POSTGRESQL, MYSQL)),
    *((one, other, "jdbc", "bulk") for one in (POSTGRESQL, MYSQL) for other in (POSTGRESQL, MYSQL, SQLITE)),
    (POSTGRESQL, MYSQL, "native", "jdbc"),
    (MYSQL, POSTGRESQL, "native", "jdbc"),
]


@pytest.mark.parametrize(("source", "target", "read", "write"), WAYS, ids=[" ".join(way) for way in WAYS])
def test_every_type_arrives(
    source: str, target: str, read: str, write: str, full: Callable[[str], Full], servers: Any, downloaded: None,
    tmp_path: Path,
) -> None:  # fmt: skip
    given = full(source)
    site = Site(servers[target], given.end, servers[target].database("copy"), tmp_path)
    site.environments({})
    file = site.operation(tables=[tables.NAME], anonymize=False, policy=None, read=read, write=write)
    done = site.command("run", str(file), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert judge.differences(given.found, judge.look(site.dev, tables.NAME, given.meanings)) == []
