"""Restoring beside what else a run does: its connections, a schema that it brings, keys that sessions leave unchecked."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from connectors.errors import Busy
from jobs.cli import call
from jobs.control.store import ControlStore
from jobs.errors import RunStopped
from jobs.running import drive, epoch, repair
from jobs.running.restoring import Restoring
from jobs.running.run import resume, run
from tests.jobs.running.faults import asked, once, only_operation, until
from tests.jobs.running.site import ORDERS, PLAIN, USERS, Site
from tests.jobs.running.standing import own, schema, stand, told

pytestmark = pytest.mark.usefixtures("no_spark", "worth_it")

UNMASKED = {"policy": None, "anonymize": False}
TABLES = [f"t{number}" for number in range(12)]


def test_restoring_stays_within_the_connections_that_copying_may_have(server_site: Site) -> None:
    site = server_site
    own(site)
    server: Any = site.server
    for name in TABLES:
        for end in (site.prod, site.dev):
            server.execute(end, f"CREATE TABLE {name} (id int PRIMARY KEY, a text, b int)")
        server.execute(site.prod, f"INSERT INTO {name} SELECT n, repeat('x', 50), n FROM generate_series(1, 3000) n")
        for column in ("a", "b"):
            server.execute(site.dev, f"CREATE INDEX {name}_{column} ON {name} ({column})")
    before, over, seen = schema(site), threading.Event(), []

    def watch() -> None:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'dbagent/%'"
            f" AND datname = '{site.dev.database}'"
        )
        with server.connect(site.dev) as connection:
            while not over.wait(0.005):
                seen.append(connection.execute(query).fetchall()[0][0])

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        run(str(site.operation(disable_constraints=True, parallel_workers=4, **UNMASKED)), **told(site))
    finally:
        over.set()
        watching.join()
    assert schema(site) == before
    assert all(len(site.rows(site.dev, name)) == 3000 for name in TABLES)
    report = only_operation(site).report
    assert report is not None
    assert sum(one["validated"] for one in report["objects"]) == 24
    assert 2 < max(seen) <= 4 + 2, "four workers and the driver's own two"


def test_keys_that_sessions_leave_unchecked_stay_where_they_are(server_site: Site) -> None:
    site = server_site
    for table in (USERS, ORDERS, PLAIN):
        site.landing.create(site.dev, table)
    site.landing.execute(site.dev, "CREATE INDEX orders_user ON orders (user_id)")
    site.fill(users=30, orders=40, plain=5)
    before = schema(site)
    run(str(site.operation(disable_constraints=True)), **told(site))
    assert schema(site) == before
    report = only_operation(site).report
    assert report is not None
    assert [one["object"] for one in report["objects"]] == ["index orders_user of public.orders"]
    assert [one["orphans"] for one in report["references"]] == [0]


def test_progress_tells_how_far_restoring_is(file_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site = file_site
    stand(site)
    site.fill(users=30, orders=40, plain=5)
    shown: list[str] = []
    real = ControlStore.progress

    def progress(store: ControlStore, *where: Any, **numbers: Any) -> None:
        shown.append(numbers["current_table"])
        real(store, *where, **numbers)

    monkeypatch.setattr(ControlStore, "progress", progress)
    monkeypatch.setattr(Restoring, "__str__", lambda _: "rebuilding 1 of 3")
    once(monkeypatch, epoch.Epoch, "_restore_rest", lambda: until(lambda: "rebuilding 1 of 3" in shown, "a heartbeat"))
    run(str(site.operation(disable_constraints=True)), **told(site))
    assert only_operation(site).status == "completed"


def test_what_a_schema_makes_late_is_repaired_and_resumed_too(
    server_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = server_site
    own(site)
    site.fill(users=30, orders=40, plain=5)
    for statement in (
        "CREATE INDEX orders_user ON orders (user_id) WHERE note <> ''",
        "CREATE VIEW spenders AS SELECT u.name, count(*) AS orders FROM users u JOIN orders o ON o.user_id = u.id GROUP BY 1",
    ):
        site.server.execute(site.prod, statement)
    file = str(site.operation(sync_schema=True))

    def paused() -> None:
        raise RunStopped("pause")

    once(monkeypatch, epoch.Epoch, "_split", paused)
    with pytest.raises(RunStopped) as stopped:
        run(file, **told(site))
    assert "dbagent repair DEV" in stopped.value.todo
    late = {one["object"] for one in asked(site, "status", "DEV")["open"]}
    assert {"index orders_user of public.orders", "view public.spenders"} <= late
    assert any(name.startswith("foreign key") for name in late)
    assert call(site.arguments("repair", "DEV")) == 0
    assert asked(site, "status", "DEV")["open"] == []
    resume(only_operation(site).id, **told(site))
    assert schema(site) == schema(Site(site.server, site.dev, site.prod, site.folder))
    assert asked(site, "status", "DEV")["open"] == []


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_a_cancelled_run_that_could_not_bring_things_back_says_what_does(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand(site)
    site.fill(users=3, orders=3, plain=0)
    before = schema(site)

    def cancelled() -> None:
        raise RunStopped("cancel")

    def refused(*_: object) -> None:
        raise Busy("a lock was not granted in time")

    once(monkeypatch, drive.Driver, "rows_are_in", cancelled)
    with monkeypatch.context() as patched:
        patched.setattr(repair, "bring_back", refused)
        with pytest.raises(RunStopped, match="cancelled") as stopped:
            run(str(site.operation(disable_constraints=True)), **told(site))
    assert "set aside" in stopped.value.todo
    assert "dbagent repair DEV" in stopped.value.todo
    assert call(site.arguments("repair", "DEV")) == 0
    assert schema(site) == before
