"""Runs whose constraints wait: what is suspended comes back, what rows break is told, and whoever stops half-way says so."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
from rich.console import Console

from connectors.contract import connector
from connectors.objects import Journaled
from jobs import views_schema
from jobs.cli import call
from jobs.errors import PlanRefused, RunFailed, RunStopped, VerificationFailed
from jobs.running import drive, epoch
from jobs.running.run import resume, run
from tests.jobs.running.faults import asked, once, only_operation, operations, until
from tests.jobs.running.schemas import look
from tests.jobs.running.site import Site
from tests.jobs.running.standing import schema, stand, told, waiting

pytestmark = pytest.mark.usefixtures("no_spark", "worth_it")


def journal(site: Site) -> list[Journaled]:
    with closing(connector(site.dev.engine).target(site.dev)) as target:
        return target.ledger.journal()


def stood(site: Site) -> str:
    stand(site)
    site.fill(users=30, orders=40, plain=20)
    return schema(site)


def test_what_waits_is_suspended_restored_and_reported(site: Site) -> None:
    before = stood(site)
    console = Console(record=True, width=200)
    run(waiting(site), **told(site, console))
    assert schema(site) == before
    assert [len(site.rows(site.dev, table)) for table in ("users", "orders")] == [30, 40]
    report = only_operation(site).report
    assert report is not None
    kinds = [one["object"].rsplit(" of ", 1)[0].rsplit(" ", 1)[0] for one in report["objects"]]
    assert kinds.count("trigger") == 1
    assert kinds.count("index") == 2
    assert kinds.count("foreign key") == (site.dev.engine == "postgresql")
    for one in report["objects"]:
        assert (one["suspended"], one["restored"], one["validated"], one["violations"]) == (True, True, True, 0), one
        assert one["seconds"] is not None
    assert asked(site, "status", "DEV")["open"] == journal(site) == []
    text = console.export_text()
    assert "waited for the rows" in text
    assert f"all {len(kinds)} objects that waited for the rows are back" in text


def test_a_run_that_pauses_leaves_things_aside_and_says_so_and_its_resume_brings_them_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stood(site)
    once(monkeypatch, epoch.Epoch, "_split", stops("pause"))
    with pytest.raises(RunStopped) as stopped:
        run(waiting(site), **told(site))
    assert "until then" in stopped.value.todo
    assert "1 trigger of DEV are set aside" in stopped.value.todo
    assert "dbagent repair DEV" in stopped.value.todo
    assert schema(site) != before
    left = asked(site, "status", "DEV")["open"]
    assert {one["state"] for one in left} == {"suspended"}
    assert "trigger awake" in " ".join(one["object"] for one in left)
    found = look(site)
    assert set(found.aside) == {one["object"] for one in left}
    console = Console(record=True, width=200)
    console.print(views_schema.diff(found))
    assert console.export_text().count("dbagent repair DEV") == len(
        {one.object for one in found.told} & set(found.aside)
    )
    resume(only_operation(site).id, **told(site))
    assert schema(site) == before
    assert only_operation(site).status == "completed"


def stops(what: str) -> Callable[[], None]:
    def happens() -> None:
        raise RunStopped(what)

    return happens


def test_what_references_a_table_that_begins_anew_begins_anew_with_it_while_its_key_is_away(
    server_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are of another snapshot, and the key must hold when it is back."""
    site = server_site
    before = stood(site)
    once(monkeypatch, drive.Driver, "rows_are_in", stops("pause"))
    with pytest.raises(RunStopped):
        run(waiting(site), **told(site))
    assert len(site.rows(site.dev, "orders")) == 40
    site.landing.execute(site.dev, "TRUNCATE users")
    for gone in ("DELETE FROM orders WHERE user_id = 30", "DELETE FROM users WHERE id = 30"):
        site.server.execute(site.prod, gone)
    resume(only_operation(site).id, **told(site))
    assert schema(site) == before
    assert len(site.rows(site.dev, "users")) == 29
    assert len(site.rows(site.dev, "orders")) == len(site.rows(site.prod, "orders"))


def test_a_run_that_is_cancelled_brings_everything_back_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stood(site)
    once(monkeypatch, drive.Driver, "rows_are_in", stops("cancel"))
    with pytest.raises(RunStopped, match="cancelled"):
        run(waiting(site), **told(site))
    assert schema(site) == before
    assert asked(site, "status", "DEV")["open"] == []
    run(waiting(site), **told(site))  # what the cancelled run has loaded is this one's to empty
    assert schema(site) == before
    assert [row.status for row in operations(site)] == ["completed", "cancelled"]


def test_what_another_run_has_left_aside_stops_the_plan_until_it_is_repaired(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stood(site)
    once(monkeypatch, epoch.Epoch, "_split", stops("pause"))
    with pytest.raises(RunStopped):
        run(waiting(site), **told(site))
    run_id = journal(site)[0].run_id
    with pytest.raises(PlanRefused) as refused:
        run(str(site.operation(if_target_not_empty="truncate")), **told(site))
    [users] = [found for found in refused.value.findings if found.where.endswith("users")]
    assert f"run {run_id} has set 1 index of it aside" in users.what
    assert "dbagent repair DEV" in users.todo
    assert call(site.arguments("repair", "DEV", "--json")) == 0
    assert schema(site) == before
    assert call(site.arguments("repair", "DEV")) == 0
    run(str(site.operation(if_target_not_empty="truncate", tables=["plain"])), **told(site))


def test_what_a_dropped_table_had_needs_no_repair(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    stood(site)
    once(monkeypatch, epoch.Epoch, "_split", stops("pause"))
    with pytest.raises(RunStopped):
        run(waiting(site), **told(site))
    site.landing.execute(site.dev, "DROP TABLE orders")
    outcomes = {one["object"]: one["outcome"] for one in asked(site, "repair", "DEV")["objects"]}
    assert {outcome for name, outcome in outcomes.items() if name.endswith("orders")} == {"its table is gone"}
    assert {outcome for name, outcome in outcomes.items() if name.endswith("users")} == {"restored"}
    assert asked(site, "status", "DEV")["open"] == []


def test_what_belonged_to_a_table_that_is_gone_is_missed_by_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    stood(site)
    once(monkeypatch, epoch.Epoch, "_split", stops("pause"))
    with pytest.raises(RunStopped):
        run(waiting(site), **told(site))
    site.landing.execute(site.dev, "DROP TABLE orders")
    assert call(site.arguments("repair", "DEV")) == 0
    assert asked(site, "status", "DEV")["open"] == []
    assert "users_name" in schema(site)


def test_repair_refuses_while_a_driver_is_at_work(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = stood(site)
    codes = []

    def repaired_meanwhile() -> None:
        with monkeypatch.context() as patch:
            patch.setattr("jobs.running.repair.holder", lambda: "elsewhere:1:1")
            codes.append(call(site.arguments("repair", "DEV")))

    once(monkeypatch, epoch.Epoch, "_split", repaired_meanwhile)
    run(waiting(site), **told(site))
    assert codes == [9]
    said = capsys.readouterr()
    assert f"run {only_operation(site).run_id} is at work here" in said.err
    assert "nothing is set aside" not in said.out
    assert schema(site) == before


def orphaned(site: Site) -> None:
    """A source whose orders reference users that are not there."""
    site.fill(users=30, orders=40, plain=20)
    site.server.execute(site.prod, "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey")
    site.server.execute(site.prod, "DELETE FROM users WHERE id > 28")


@pytest.mark.parametrize("on_violation", ["fail", "report"])
def test_orphans_are_counted_and_shown_and_their_key_is_not_trusted(server_site: Site, on_violation: str) -> None:
    site = server_site
    stand(site)
    orphaned(site)
    before = schema(site)
    file = waiting(site, on_violation=on_violation)
    if on_violation == "fail":
        with pytest.raises(VerificationFailed) as failed:
            run(file, **told(site))
        said = failed.value.what
    else:
        console = Console(record=True, width=400)
        run(file, **told(site, console))
        said = console.export_text()
        assert only_operation(site).status == "completed"
    assert "2 rows break foreign key orders_user_id_fkey of public.orders" in said
    server: Any = site.landing
    query = said.split("foreign key orders_user_id_fkey of public.orders; see them with: ")[1].split("\n")[0].strip()
    assert sorted(row[1] for row in server.rows(site.dev, query)) == [29, 30]
    assert server.rows(site.dev, "SELECT convalidated FROM pg_constraint WHERE conname = 'orders_user_id_fkey'") == [
        (False,)
    ]
    assert [one["state"] for one in asked(site, "status", "DEV")["open"]] == ["violated"]
    assert call(site.arguments("repair", "DEV")) == 8
    site.landing.execute(site.dev, "ALTER TABLE orders DISABLE TRIGGER awake")
    site.landing.execute(site.dev, "DELETE FROM orders WHERE user_id > 28")
    site.landing.execute(site.dev, "ALTER TABLE orders ENABLE ALWAYS TRIGGER awake")
    assert call(site.arguments("repair", "DEV")) == 0
    assert schema(site) == before


def test_the_next_run_takes_over_what_the_rows_of_an_earlier_one_break(server_site: Site) -> None:
    site = server_site
    stand(site)
    before = schema(site)
    orphaned(site)
    run(waiting(site, on_violation="report"), **told(site))
    assert schema(site) != before
    site.server.execute(site.prod, "DELETE FROM orders WHERE user_id > 28")
    run(waiting(site, if_target_not_empty="truncate"), **told(site))
    assert schema(site) == before
    assert journal(site) == []


def test_without_privileges_constraints_stay_on_and_the_plan_says_so(server_site: Site) -> None:
    site = server_site
    stand(site)
    site.fill(users=30, orders=40, plain=20)
    owner, grantee = site.dev, f"{site.dev.user}_guest"
    server: Any = site.landing
    for statement in (
        f"CREATE ROLE {grantee} LOGIN PASSWORD 'owns' CREATEDB",
        f"GRANT CREATE ON DATABASE {owner.database} TO {grantee}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {grantee}",
        f"GRANT USAGE ON SCHEMA public TO {grantee}",
    ):
        server.execute(server.endpoint if "ROLE" in statement else owner, statement)
    site.environments({"DEV": {"user": grantee}})
    with pytest.raises(PlanRefused) as refused:
        run(waiting(site), **told(site))
    [finding] = [one for one in refused.value.findings if one.severity == "error"]
    assert "trigger awake would interfere with loading, and our user may not set it aside" in str(finding)
    site.landing.execute(owner, "DROP TRIGGER awake ON orders")
    before = schema(site)
    console = Console(record=True, width=250)
    run(waiting(site), **told(site, console))
    assert schema(site) == before
    said = console.export_text()
    assert "foreign keys: on: by load order" in said
    assert (
        "constraints: public.orders: index orders_user stays: a key or an object needs it, or our user may not" in said
    )
    assert only_operation(site).status == "completed"


def test_small_tables_keep_their_indexes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    stand(site)
    site.fill(users=30, orders=40, plain=20)
    how = asked(site, "plan", waiting(site))["how"]["constraints"]
    orders = next(found for name, found in how.items() if name.endswith("orders"))
    assert not any(name.startswith("index") for name in orders["waits"])
    assert any(name.startswith("trigger") for name in orders["waits"])
    assert "1 index stays" in orders["told"]


def test_a_server_that_dies_while_it_builds_an_index_is_repaired_and_the_run_resumes(
    server_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = server_site
    stand(site)
    site.fill(users=30, orders=40, plain=20)
    for statement in (
        "CREATE FUNCTION gate(bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN $1; END $$",
        "CREATE INDEX users_gate ON users (public.gate(id))",
    ):
        site.landing.execute(site.dev, statement)
    before = schema(site)
    monkeypatch.setattr(epoch, "TRIES", 1)
    server: Any = site.landing
    with ThreadPoolExecutor(1) as pool, server.connect(site.dev) as other:

        def killed() -> None:
            building = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE '%users_gate%'"
            [(pid,)] = until(lambda: other.execute(building).fetchall(), "the middle of the build")
            os.kill(pid, signal.SIGKILL)  # with which the server ends all sessions, and recovers

        other.execute("SELECT pg_advisory_lock(7)")
        killing = pool.submit(killed)
        with pytest.raises(RunFailed) as failed:
            run(waiting(site), **told(site))
        killing.result()
        other.close()
    assert "set aside" in failed.value.todo
    until(lambda: answers(site), "a server that answers again")
    assert schema(site) != before
    assert call(site.arguments("repair", "DEV")) == 0
    assert schema(site) == before
    resume(only_operation(site).id, **told(site))
    assert schema(site) == before
    assert len(site.rows(site.dev, "users")) == 30


def answers(site: Site) -> bool:
    try:
        site.landing.execute(site.dev, "SELECT 1")
    except psycopg.Error:
        return False
    return True
