"""A database with everything its engine may hold is copied with its rows, by the owner of the target, two nights in a row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.postgresql.testkit import PostgresServer
from jobs.errors import PlanRefused
from jobs.planning import suspending
from tests.connectors.postgresql.rich import ODD, RICH, dump
from tests.jobs.running.schemas import bring, execute, told
from tests.jobs.running.site import Site

ROWS = """
INSERT INTO crm.users (email, nick, chief, state, worth, home, tags)
  SELECT 'a@x' || n, 'n' || n, CASE WHEN n > 5 THEN 60 END, 'new', n, ROW('s', 'z', 'new')::crm.address, ARRAY['x']
  FROM generate_series(1, 50) n;
INSERT INTO crm.events (id, region, day, kind, amount, who)
  SELECT n, (ARRAY['eu', 'us', 'e''u'])[n % 3 + 1], '2019-12-01'::date + n, 'new', n, 60 FROM generate_series(1, 300) n;
INSERT INTO crm.parts
  SELECT n, '2019-12-01'::date + n, (ARRAY['eu', 'us', 'e''u'])[n % 3 + 1], n FROM generate_series(1, 300) n;
INSERT INTO scratch SELECT n, 'b' FROM generate_series(1, 10) n;
INSERT INTO bounds VALUES ('2020-01-01', 1), (NULL, 3);
INSERT INTO hashed SELECT n, 'a', 'x' || n FROM generate_series(1, 20) n;
REFRESH MATERIALIZED VIEW crm.totals
"""
FILLED = ("crm.users", "crm.events", "crm.parts", "scratch", "bounds", "hashed", "crm.totals")
HOOK = """
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''fired''; END';
CREATE TRIGGER audit BEFORE INSERT ON crm.events FOR EACH ROW EXECUTE FUNCTION audit()
"""
COUNTERS = "SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE schemaname <> '_dbagent' ORDER BY 1, 2"


NEEDY = """
CREATE TABLE sales (id integer PRIMARY KEY, net integer DEFAULT tax(1), CONSTRAINT sane CHECK (tax(net) > 0));
CREATE INDEX by_tax ON sales (tax(net));
CREATE VIEW taxes AS SELECT tax(net) AS tax FROM sales
"""
TAX = "CREATE FUNCTION tax(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1'"


@pytest.mark.usefixtures("no_spark")
def test_what_expressions_need_and_is_not_there_is_told_before_anything_is_made(server_site: Site) -> None:
    execute(server_site, server_site.prod, TAX, NEEDY)
    with pytest.raises(PlanRefused) as refusal:
        bring(server_site)
    assert {finding.where.partition(": ")[2] for finding in refusal.value.findings} == {
        "table public.sales",
        "check sane of public.sales",
        "index by_tax of public.sales",
        "view public.taxes",
    }
    assert all("function public.tax(integer)" in finding.what for finding in refusal.value.findings)
    execute(server_site, server_site.dev, TAX)
    bring(server_site)
    assert told(server_site) == []


@pytest.mark.usefixtures("no_spark")
def test_a_rich_database_arrives_with_its_rows_and_again_the_next_night(
    server_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, admin = server_site, server_site.dev
    monkeypatch.setattr(suspending, "WORTH", 0)
    execute(site, site.prod, RICH, ODD, ROWS)
    execute(site, admin, "CREATE EXTENSION citext; CREATE ROLE tenant LOGIN PASSWORD 'tenant'")
    execute(site, admin, f'ALTER DATABASE "{admin.database}" OWNER TO tenant; ALTER SCHEMA public OWNER TO tenant')
    try:
        site.dev = replace(admin, user="tenant", password="tenant")
        night = {"operation_type": "copy_full", "sync_schema": True, "anonymize": False, "disable_constraints": True}
        bring(site, **night)
        assert told(site) == []
        assert dump(admin) == dump(site.prod)
        assert isinstance(site.server, PostgresServer)
        assert site.server.rows(admin, COUNTERS) == site.server.rows(site.prod, COUNTERS)
        execute(site, admin, HOOK)
        before = dump(admin)
        text = bring(site, **night, if_target_not_empty="truncate")
        assert "all 26 objects that waited for the rows are back" in text
        assert dump(admin) == before
        for name in FILLED:
            assert site.server.digest(admin, name) == site.server.digest(site.prod, name), name
    finally:
        site.dev = admin
        execute(site, admin, "REASSIGN OWNED BY tenant TO dba; DROP OWNED BY tenant; DROP ROLE tenant")
