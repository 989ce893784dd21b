"""What a run has set aside and nobody goes on with: what cannot come back any more, and what a cancel brings back."""

from __future__ import annotations

import pytest

from connectors.contract import connector
from connectors.sqlite.target import SqliteTarget
from jobs.cli import call
from jobs.errors import RunStopped
from jobs.running import epoch, repair
from jobs.running.run import run
from tests.jobs.running.faults import asked, once, only_operation, until
from tests.jobs.running.office import Office
from tests.jobs.running.site import Site
from tests.jobs.running.standing import schema, stand, told, waiting

pytestmark = pytest.mark.usefixtures("no_spark", "worth_it")


def stops() -> None:
    raise RunStopped("pause")


def paused(site: Site, patch: pytest.MonkeyPatch, *extra: str) -> str:
    """A run that stops when everything is set aside; the schema as it was before."""
    stand(site)
    for statement in extra:
        site.landing.execute(site.dev, statement)
    site.fill(users=30, orders=40, plain=20)
    before = schema(site)
    once(patch, epoch.Epoch, "_split", stops)
    with pytest.raises(RunStopped):
        run(waiting(site), **told(site))
    assert schema(site) != before
    return before


def outcomes(site: Site) -> dict[str, str]:
    objects = asked(site, "repair", "DEV")["objects"]
    return {one["object"].split(" of ")[0]: one["outcome"] for one in objects}


def test_an_index_whose_column_is_gone_keeps_no_other_from_coming_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused(site, monkeypatch, "CREATE INDEX users_balance ON users (balance)")
    site.landing.execute(site.dev, "ALTER TABLE users DROP COLUMN name")
    [gone] = [one for one in asked(site, "repair", "DEV")["objects"] if one["outcome"] != "restored"]
    assert gone["object"].startswith("index users_name of")
    assert gone["outcome"].startswith("gone: ")
    assert "name" in gone["statements"][0]
    assert "users_balance" in schema(site)
    assert outcomes(site) == {}
    assert asked(site, "status", "DEV")["open"] == []


def test_a_key_whose_parent_is_gone_and_an_object_that_is_in_the_way(
    server_site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = server_site
    paused(site, monkeypatch)
    site.landing.execute(site.dev, "DROP TABLE users")
    site.landing.execute(site.dev, "CREATE VIEW orders_user AS SELECT 1 AS one")
    assert call(site.arguments("repair", "DEV")) == 5
    said = capsys.readouterr()
    assert "foreign key orders_user_id_fkey of public.orders was: ALTER TABLE" in said.out
    assert "gone: a table does not exist" in said.out
    assert said.err.count("orders_user of public.orders") == 1
    assert "[42P07]" in said.err
    site.landing.execute(site.dev, "DROP VIEW orders_user")
    assert outcomes(site) == {"index orders_user": "restored"}


def test_a_repair_that_lasts_says_how_far_it_is(file_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site, said = file_site, list[str]()
    before = paused(site, monkeypatch)
    monkeypatch.setattr(repair, "QUIET", 0.0)
    once(monkeypatch, SqliteTarget, "restore", lambda: until(lambda: any(said), "a word"))
    repair.repair(connector(site.dev.engine), site.dev, said.append)
    assert next(filter(None, said)).startswith("rebuilding ")
    assert schema(site) == before


def test_an_operation_that_is_cancelled_when_no_driver_is_there_gets_everything_back(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = paused(site, monkeypatch)
    assert call(site.arguments("cancel", only_operation(site).id)) == 0
    assert "1 trigger of DEV that it had set aside are back" in capsys.readouterr().out
    assert only_operation(site).status == "cancelled"
    assert schema(site) == before
    assert outcomes(site) == {}


def test_where_the_target_cannot_be_reached_a_cancel_says_what_brings_things_back(
    server_site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = server_site
    before = paused(site, monkeypatch)
    site.environments({"DEV": {"port": 1}})
    assert call(site.arguments("cancel", only_operation(site).id)) == 0
    said = capsys.readouterr().out
    assert "what it has set aside comes back with: dbagent repair DEV; not now: DEV" in said
    assert "nothing answers at this host and port" in said
    site.environments({})
    assert call(site.arguments("repair", "DEV")) == 0
    assert schema(site) == before


def test_so_does_one_that_is_rejected_before_a_row_has_moved(
    file_site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = file_site
    stand(site)
    site.fill(users=30, orders=40, plain=20)
    before = schema(site)
    office = Office(site, monkeypatch, capsys)
    row = office.approved(office.asked(disable_constraints=True).id)
    once(monkeypatch, epoch.Epoch, "_split", stops)
    office.by("rita", "run", row.id, code=6)
    assert schema(site) != before
    said = office.decide("reject", row.id, "DBA")
    assert "1 trigger of DEV that it had set aside are back" in said
    assert schema(site) == before
