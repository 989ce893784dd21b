"""Schemas that are brought between two ends of one engine: alone, before a copy's rows, the next night, after a change."""

from __future__ import annotations

import pytest

from jobs.control.rows import OperationRow
from jobs.errors import PlanRefused, UsageError
from jobs.planning.plan import changed
from tests.jobs.running.schemas import COPY, ORPHANS, bring, changes, execute, look, operations, shop, told
from tests.jobs.running.site import Site

pytestmark = pytest.mark.usefixtures("no_spark")

WIDER = {
    "postgresql": ["ALTER TABLE customers ALTER email TYPE varchar(120)"],
    "mysql": ["ALTER TABLE customers MODIFY email varchar(120) NOT NULL"],
    "sqlite": ["DROP INDEX by_customer", "CREATE INDEX by_customer ON purchases (customer_id, note)"],
}
"""What loses nothing. SQLite alters no column."""
NARROWER = {
    "postgresql": ["ALTER TABLE customers ALTER status TYPE varchar(5)"],
    "mysql": ["ALTER TABLE customers MODIFY status varchar(5) NOT NULL DEFAULT 'new'"],
    "sqlite": [
        "DROP TABLE customers",
        "CREATE TABLE customers (id integer PRIMARY KEY, email varchar(10) NOT NULL, status varchar(10) DEFAULT 'new' NOT NULL,"
        " balance decimal(12,2) DEFAULT 0, CONSTRAINT email_once UNIQUE (email),"
        " CONSTRAINT known_status CHECK (status IN ('new', 'old')))",
    ],
}
"""What could refuse rows that are there."""


def test_a_schema_arrives_whole_and_the_next_night_nothing_is_left_to_do(site: Site) -> None:
    shop(site)
    assert ("missing", "table customers") in told(site)
    text = bring(site)
    assert told(site) == []
    assert "objects of the schema are there as wanted" in text
    assert "holds" in text
    assert site.rows(site.dev, "customers") == []
    bring(site)
    second, first = operations(site)
    assert first.plan_sha256 == second.plan_sha256
    assert (first.status, second.status) == ("completed", "completed")
    assert {change.status for change in changes(site, first)} == {"applied"}
    assert changes(site, second) == []


def test_a_copy_brings_the_schema_first_and_what_waits_for_rows_after_them(site: Site) -> None:
    shop(site)
    bring(site, **COPY)
    assert told(site) == []
    for table in ("customers", "purchases", "words"):
        assert site.server.digest(site.prod, table) == site.landing.digest(site.dev, table)
    bring(site, **COPY, if_target_not_empty="truncate")
    text = bring(site, **COPY, if_target_not_empty="truncate")
    last, again, first = operations(site)
    assert last.plan_sha256 == again.plan_sha256 != first.plan_sha256  # refuse, and then truncate
    assert last.plan_what["schema"] == first.plan_what["schema"]
    assert {change.status for change in changes(site, first)} == {"applied"}
    assert changes(site, last) == []
    assert "0 of them changed for it" in text


def test_what_is_missing_in_a_table_that_is_there_is_added_and_its_rows_stay(site: Site) -> None:
    shop(site)
    bring(site, **COPY)
    execute(site, site.prod, "ALTER TABLE customers ADD nick varchar(20) DEFAULT 'none'",
            "CREATE INDEX by_nick ON customers (nick)")  # fmt: skip
    execute(site, site.dev, "DROP INDEX by_note" + (" ON purchases" if site.prod.engine == "mysql" else ""))
    bring(site, include_indexes=False)
    waiting = [("missing", "index by_nick of customers"), ("missing", "index by_note of purchases")]
    if site.prod.engine == "mysql":  # there a unique index is a key, and comes with the constraints
        waiting.pop()
    assert sorted(told(site)) == waiting
    bring(site)
    assert told(site) == []
    assert [row[-1] for row in site.rows(site.dev, "customers")] == ["none", "none"]


def test_only_update_alters_and_the_next_night_is_the_same_plan(site: Site) -> None:
    shop(site)
    bring(site)
    execute(site, site.prod, *WIDER[site.prod.engine])
    with pytest.raises(PlanRefused) as refused:
        bring(site)
    [finding] = refused.value.findings
    assert finding.where.endswith(("customers", "purchases"))
    assert "mode: update" in finding.todo
    text = bring(site, mode="update")
    assert told(site) == []
    assert "alter" in text
    bring(site, mode="update")
    again, altered, _ = operations(site)
    assert again.plan_sha256 == altered.plan_sha256
    [change] = changes(site, altered)
    assert (change.action, change.status) == ("alter", "applied")
    assert changes(site, again) == []


def test_what_cannot_be_added_without_a_loss_is_told_all_at_once_and_nothing_is_changed(site: Site) -> None:
    shop(site)
    bring(site)
    before = look(site).told
    execute(site, site.prod, "ALTER TABLE words ADD place integer", *NARROWER[site.prod.engine])
    execute(site, site.dev, "DROP VIEW big_spenders", "CREATE TABLE big_spenders (id integer)")
    with pytest.raises(PlanRefused) as refused:
        bring(site, mode="update")
    where = " ".join(finding.where for finding in refused.value.findings)
    assert "customers" in where
    assert "big_spenders" in where
    assert before == ()
    assert ("missing", "column place of words") in told(site)


def test_a_table_that_only_the_target_has_is_nobodys_business_and_a_column_is(site: Site) -> None:
    shop(site)
    bring(site)
    bring(site)
    execute(site, site.dev, "CREATE TABLE own (id integer)")
    bring(site)
    last, before, _ = operations(site)
    assert last.plan_sha256 == before.plan_sha256
    execute(site, site.dev, "ALTER TABLE words ADD own integer")
    text = bring(site)
    assert "only the target has" in text
    [changed, *_] = operations(site)
    assert changed.plan_sha256 != last.plan_sha256
    assert told(site) == [("extra", "table own"), ("extra", "column own of words")]


def test_a_plain_copy_stops_too_when_its_target_has_another_column_since(site: Site) -> None:
    shop(site)
    plain = COPY | {"sync_schema": False, "if_target_not_empty": "truncate"}
    bring(site, **plain)
    bring(site, **plain)
    second, first = operations(site)
    assert first.plan_sha256 == second.plan_sha256
    execute(site, site.dev, "ALTER TABLE words ADD own integer")
    text = bring(site, **plain)
    [third, *_] = operations(site)
    assert third.plan_sha256 != second.plan_sha256
    assert changed(second.plan_what, third.plan_what) == [f"tables.{third_table(third)}.deviates"]
    assert "the target has another column than the copy would make: own" in text


def third_table(row: OperationRow) -> str:
    return next(str(name) for name in row.plan_what["tables"] if name.endswith("words"))


def test_recreating_drops_with_all_rows_once_somebody_has_said_so(site: Site) -> None:
    shop(site)
    bring(site, **COPY)
    execute(site, site.dev, "ALTER TABLE words ADD own integer")
    with pytest.raises(UsageError, match="drops tables of DEV"):
        bring(site, mode="recreate")
    with pytest.raises(UsageError, match="the target is DEV"):
        bring(site, mode="recreate", confirm="PROD")
    assert len(site.rows(site.dev, "words")) == 1
    bring(site, mode="recreate", confirm="DEV")
    assert told(site) == []
    assert site.rows(site.dev, "words") == []
    bring(site, mode="recreate", confirm="DEV")
    again, first, _ = operations(site)
    assert again.plan_sha256 == first.plan_sha256


def test_tables_are_not_dropped_from_under_others(site: Site) -> None:
    shop(site)
    bring(site)
    with pytest.raises(PlanRefused) as refused:
        bring(site, mode="recreate", confirm="DEV", tables=["customers"])
    where = [finding.where for finding in refused.value.findings]
    assert any("purchases" in one for one in where)
    assert any("spenders" in one for one in where)
    bring(site, mode="recreate", confirm="DEV", tables=["words"])
    assert told(site) == []


def test_a_key_that_leads_to_a_table_that_is_not_there_is_left_out_and_told(site: Site) -> None:
    shop(site)
    text = bring(site, tables=["purchases"])
    assert told(site, "purchases") == []
    if site.prod.engine != "sqlite":  # there a key is a word of its table
        assert "leads to" in text


def test_a_key_that_rows_break_night_after_night_is_tried_again_each_time(site: Site) -> None:
    shop(site)
    bring(site, **ORPHANS)
    text = bring(site, **ORPHANS)
    last, first = operations(site)
    assert last.plan_sha256 == first.plan_sha256
    assert "reference no row" in text
    unproven = {"postgresql": ["! foreign key bought_by of public.purchases is not there as wanted"]}
    assert [line for line in text.splitlines() if "is not there as wanted" in line] == unproven.get(
        site.prod.engine, []
    )
    execute(site, site.prod, "DELETE FROM purchases WHERE customer_id = 2")
    assert "all" in bring(site, **ORPHANS)
    assert told(site) == []
