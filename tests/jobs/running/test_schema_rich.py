"""Everything that a database of an engine may hold, brought whole: into an empty target, recreated there, and undone."""

from __future__ import annotations

import pytest

from connectors.mysql.testkit import MariaServer
from tests.connectors.mysql.databases import rich as rich_mysql
from tests.connectors.postgresql.rich import ODD, RICH
from tests.connectors.sqlite.rich import INDEXES, TABLES, VIEWS
from tests.jobs.running.schemas import bring, changes, execute, operations, told
from tests.jobs.running.site import Site
from tests.jobs.running.test_schema_undone import undo

pytestmark = pytest.mark.usefixtures("no_spark")


def fill(site: Site) -> None:
    if site.prod.engine == "postgresql":
        execute(site, site.prod, RICH, ODD)
        execute(site, site.dev, "CREATE EXTENSION citext")
    elif site.prod.engine == "sqlite":
        execute(site, site.prod, *TABLES, *INDEXES, *VIEWS)
    else:
        assert isinstance(site.server, MariaServer)
        rich_mysql(site.server, site.prod)


def test_a_rich_schema_arrives_whole_is_recreated_and_undone(site: Site) -> None:
    fill(site)
    text = bring(site)
    assert told(site) == []
    bring(site)
    again, first = operations(site)
    assert again.plan_sha256 == first.plan_sha256
    assert changes(site, again) == []
    assert "warning" not in text
    bring(site, mode="recreate", confirm="DEV")
    assert told(site) == []
    undo(site, operations(site)[0].id)
    assert told(site) == []
    undo(site, first.id)
    assert {state for state, _ in told(site)} == {"missing"}
