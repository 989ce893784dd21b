"""`alter: any`: an update that alters also what rows or programs could need as it is, because somebody has asked for that."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from jobs import views_schema
from jobs.errors import PlanRefused, RunFailed
from jobs.running.run import resume
from tests.jobs.running.schemas import COPY, bring, changes, execute, look, operations, shop, told
from tests.jobs.running.site import Site
from tests.jobs.running.test_schema_undone import undo

pytestmark = pytest.mark.usefixtures("no_spark")

ANY = {"mode": "update", "alter": "any"}
OTHERWISE = {
    "postgresql": [
        "ALTER TABLE customers ALTER status TYPE varchar(5), ALTER status SET DEFAULT 'old'",
        "ALTER TABLE purchases ALTER customer_id SET NOT NULL",
        "ALTER TABLE customers DROP CONSTRAINT known_status, ADD CONSTRAINT known_status CHECK (status <> 'none')",
        "ALTER TABLE customers DROP CONSTRAINT email_once, ADD CONSTRAINT email_once UNIQUE (email, status)",
        "DROP VIEW big_spenders",
        "CREATE VIEW big_spenders AS SELECT id FROM spenders WHERE id > 200",
    ],
    "mysql": [
        "ALTER TABLE purchases DROP FOREIGN KEY bought_by, MODIFY customer_id int(11) NOT NULL",
        "ALTER TABLE purchases ADD CONSTRAINT bought_by FOREIGN KEY (customer_id) REFERENCES customers (id)",
        "ALTER TABLE customers MODIFY status varchar(5) NOT NULL DEFAULT 'old'",
        "ALTER TABLE customers DROP CONSTRAINT known_status",
        "ALTER TABLE customers ADD CONSTRAINT known_status CHECK (status <> 'none')",
        "ALTER TABLE customers DROP KEY email_once, ADD UNIQUE KEY email_once (email, status)",
        "DROP VIEW big_spenders",
        "CREATE VIEW big_spenders AS SELECT id FROM spenders WHERE id > 200",
    ],
    "sqlite": [
        "DROP INDEX by_note",
        "CREATE UNIQUE INDEX by_note ON purchases (note, customer_id)",
        "DROP VIEW big_spenders",
        "CREATE VIEW big_spenders AS SELECT id FROM spenders WHERE id > 200",
    ],
}
"""What is not additive and these rows do not mind. SQLite alters no column and no CHECK."""


def test_what_differs_is_altered_because_somebody_asks_and_undone(site: Site) -> None:
    shop(site)
    bring(site, **COPY)
    execute(site, site.prod, *OTHERWISE[site.prod.engine])
    differing = look(site).told
    with pytest.raises(PlanRefused) as refused:
        bring(site, mode="update")
    assert len(refused.value.findings) == len(differing)
    assert all("say `alter: any`" in finding.todo for finding in refused.value.findings)
    found = look(site)
    assert found.told == differing
    assert {one.mended for one in differing} == {"alter: any"}
    assert views_schema.sql(found).count("only `alter: any` runs this") == 2 * len(differing)
    text = bring(site, **ANY)
    assert " ".join(text.split()).count("programs or rows could need it as it is") == len(differing)
    assert "schema: mode update, alter any" in text
    assert told(site) == []
    assert len(site.rows(site.dev, "purchases")) == 2
    bring(site, **ANY)
    again, altered, _ = operations(site)
    assert again.plan_sha256 == altered.plan_sha256
    assert {(change.action, change.status) for change in changes(site, altered)} == {("alter", "applied")}
    assert changes(site, again) == []
    undo(site, altered.id)
    assert look(site).told == differing


STRICTER: dict[str, tuple[list[str], str, str, str]] = {
    "postgresql": (
        ["ALTER TABLE customers ALTER email TYPE varchar(8)", "ALTER TABLE words ALTER meaning SET NOT NULL"],
        "customers", "UPDATE customers SET email = 'longer@x.test' WHERE id = 1",
        "UPDATE customers SET email = 'a@x' WHERE id = 1",
    ),
    "mysql": (
        ["ALTER TABLE customers MODIFY email varchar(8) NOT NULL", "ALTER TABLE words MODIFY meaning varchar(100) NOT NULL"],
        "customers", "UPDATE customers SET email = 'longer@x.test' WHERE id = 1",
        "UPDATE customers SET email = 'a@x' WHERE id = 1",
    ),
    "sqlite": (
        ["DROP INDEX by_note", "CREATE UNIQUE INDEX by_note ON purchases (customer_id)",
         "CREATE INDEX by_meaning ON words (meaning)"],
        "by_note", "UPDATE purchases SET customer_id = 1", "UPDATE purchases SET customer_id = id",
    ),
}  # fmt: skip


def test_what_rows_refuse_is_told_at_its_object_and_all_else_is_done(site: Site) -> None:
    shop(site)
    bring(site, **COPY)
    stricter, where, breaks, mends = STRICTER[site.prod.engine]
    execute(site, site.prod, *stricter)
    execute(site, site.dev, breaks)
    before = site.rows(site.dev, "customers")
    with pytest.raises(RunFailed) as failed:
        bring(site, **ANY)
    assert where in failed.value.where
    assert len(told(site)) == 1
    assert site.rows(site.dev, "customers") == before
    [operation, _] = operations(site)
    assert operation.status == "failed"
    assert sorted(change.status for change in changes(site, operation)) == ["applied", "intended"]
    execute(site, site.dev, mends)
    environments = site.environments({})
    resume(operation.id, environments_path=environments, control_url=site.control, console=Console(quiet=True))
    assert told(site) == []
    assert {change.status for change in changes(site, operation)} == {"applied"}


@pytest.mark.parametrize("any_site", [("mysql", "mysql")], indirect=True)
def test_where_every_statement_is_committed_what_rows_refuse_leaves_what_is_there(any_site: Site) -> None:
    shop(any_site)
    bring(any_site, **COPY)
    execute(any_site, any_site.prod, "UPDATE customers SET status = 'new'",
            "ALTER TABLE customers DROP CONSTRAINT known_status",
            "ALTER TABLE customers ADD CONSTRAINT known_status CHECK (status = 'new')")  # fmt: skip
    with pytest.raises(RunFailed, match="CHECK is violated"):
        bring(any_site, **ANY)
    assert told(any_site) == [("different", "check known_status of customers")]


ROUNDED = {
    "postgresql": "ALTER TABLE customers ALTER balance TYPE decimal(12,1)",
    "mysql": "ALTER TABLE customers MODIFY balance decimal(12,1) DEFAULT 0",
}


@pytest.mark.parametrize("any_site", [(one, one) for one in ROUNDED], indirect=True)
def test_no_value_is_rounded_or_cut_without_a_word(any_site: Site) -> None:
    shop(any_site)
    execute(any_site, any_site.prod, "UPDATE customers SET balance = 1.25")
    bring(any_site, **COPY)
    before = any_site.rows(any_site.dev, "customers")
    execute(any_site, any_site.prod, ROUNDED[any_site.prod.engine])
    stops: Any = (RunFailed, PlanRefused)
    with pytest.raises(stops):
        bring(any_site, **ANY)
    assert any_site.rows(any_site.dev, "customers") == before


def test_undoing_a_wider_type_cuts_nothing_that_came_since(server_site: Site) -> None:
    shop(server_site)
    bring(server_site, **COPY)
    execute(server_site, server_site.prod, "ALTER TABLE customers ALTER email TYPE varchar(120)")
    bring(server_site, mode="update")
    execute(server_site, server_site.dev, f"UPDATE customers SET email = '{'x' * 100}' WHERE id = 1")
    before = server_site.rows(server_site.dev, "customers")
    with pytest.raises(Exception, match="refuses a value"):
        undo(server_site, operations(server_site)[0].id)
    assert server_site.rows(server_site.dev, "customers") == before


def test_whose_grants_go_with_a_view_stands_in_the_plan(server_site: Site) -> None:
    shop(server_site)
    bring(server_site)
    execute(server_site, server_site.dev, "GRANT SELECT ON big_spenders, words TO pg_monitor")
    execute(server_site, server_site.prod, "DROP VIEW big_spenders",
            "CREATE VIEW big_spenders AS SELECT note FROM spenders")  # fmt: skip
    text = " ".join(bring(server_site, **ANY).split())
    assert "its grants go with it: SELECT to pg_monitor" in text
    assert told(server_site) == []
    text = " ".join(bring(server_site, mode="recreate", confirm="DEV", tables=["words"]).split())
    assert "words: its grants go with it, and are not made again" in text
