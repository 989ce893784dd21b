"""Schemas of everything that each engine knows cross into the others: what cannot come is told, and the next night finds
nothing to do."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from connectors.testkit import TestServer
from tests.connectors.mysql.databases import rich
from tests.connectors.postgresql.rich import ODD, RICH
from tests.connectors.sqlite.rich import INDEXES, TABLES, VIEWS, build
from tests.crossing.test_schema_crossing import Night, night, no_spark, opened
from tests.jobs.running.site import Site

__all__ = ["night", "no_spark"]

ALONE = {"operation_type": "sync_schema", "sync_schema": None, "anonymize": None, "if_target_not_empty": None,
         "parallel_workers": None}  # fmt: skip
NAMED = {"column_mappings": {
    '"Odd Schema"."Order ""Lines"" 1"': {"table": "lines"}, "crm.events": {"table": "events"},
    "crm.parts": {"table": "parts"}, "crm.users": {"table": "users"},
}}  # fmt: skip
"""Names for tables whose schemas the target has not."""
ONLY_THERE = {
    "exclude": ["emptyt", "ser2"],
    "column_mappings": {'"Odd.Schema ""x"."Ren.amed"': {"table": "renamed"}},
}
"""Also without a table of no columns, and one that numbers two."""


def filled(servers: dict[str, TestServer], site: Site, text: str) -> None:
    server: Any = servers[site.prod.engine]
    if site.prod.engine == "mysql":
        rich(server, site.prod)
    elif site.prod.engine == "sqlite":
        build(site.prod, *TABLES, *INDEXES, *VIEWS)
    else:
        with closing(opened(site.prod)) as client:
            client.execute(text.encode())


@pytest.mark.parametrize(
    ("source", "target", "text", "operation"),
    [
        pytest.param("postgresql", "sqlite", RICH, NAMED, id="postgresql-sqlite"),
        pytest.param("postgresql", "mysql", ODD, ONLY_THERE, id="postgresql-mysql"),
        pytest.param("mysql", "postgresql", "", {}, id="mysql-postgresql"),
        pytest.param("mysql", "sqlite", "", {}, id="mysql-sqlite"),
        pytest.param("sqlite", "postgresql", "", {}, id="sqlite-postgresql"),
        pytest.param("sqlite", "mysql", "", {}, id="sqlite-mysql"),
    ],
)
def test_a_schema_of_everything_is_brought_once_and_is_the_same_the_next_night(
    source: str, target: str, text: str, operation: dict[str, Any], night: Night, servers: dict[str, TestServer]
) -> None:
    site = night.site(source, target)
    filled(servers, site, text)
    before = night.plan(site, **ALONE, **operation)
    night.run(site, **ALONE, **operation)
    after = night.plan(site, **ALONE, **operation)
    assert after["how"]["schema"]["changes"] == []
    assert after["sha256"] == before["sha256"]
    assert all(one["severity"] == "warning" for one in before["findings"])
