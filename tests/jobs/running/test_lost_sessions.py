"""Sessions of the driver itself that are lost, and passing trouble between epochs: the run goes on, in another epoch."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import URL

from connectors.contract import Endpoint
from connectors.errors import Busy
from connectors.ledger import SqlLedger
from jobs.control.store import ControlStore
from jobs.running import drive, epoch
from jobs.running.run import run
from tests.jobs.running.faults import once, until
from tests.jobs.running.site import Here, Site

pytestmark = pytest.mark.usefixtures("no_spark")

END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"


def go(site: Site, control: str | None = None) -> None:
    run(
        str(site.operation()),
        environments_path=site.folder / "environments.yaml",
        control_url=control or site.control,
        console=Console(quiet=True),
    )


@pytest.mark.parametrize(
    ("whose", "method"),
    [(drive.Driver, "_take_over"), (epoch.Epoch, "load"), (epoch.Epoch, "_finish"), (drive.Driver, "rows_are_in")],
    ids=["before the lease", "before it prepares", "when a table is complete", "when all is loaded"],
)
def test_a_target_session_that_the_driver_loses_costs_an_epoch_but_not_the_run(
    server_site: Site, monkeypatch: pytest.MonkeyPatch, whose: type, method: str
) -> None:
    site = server_site
    site.fill(users=30, orders=40, plain=20)
    once(monkeypatch, whose, method, lambda: site.landing.execute(site.dev, END.format(site.dev.database)))
    go(site)
    assert site.server.digest(site.prod, "plain") == site.landing.digest(site.dev, "plain")
    assert [len(site.rows(site.dev, table)) for table in ("users", "orders")] == [30, 40]
    assert site.landing.sessions(site.dev) == site.server.sessions(site.prod) == 0


def test_a_lease_that_is_busy_for_a_moment_is_taken_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy() -> None:
        raise Busy("a lock was not granted in time")

    site.fill(users=30, orders=40, plain=20)
    once(monkeypatch, SqlLedger, "acquire", busy)
    go(site)
    assert site.server.digest(site.prod, "plain") == site.landing.digest(site.dev, "plain")


def address(endpoint: Endpoint) -> str:
    url = URL.create("postgresql", endpoint.user, endpoint.password, endpoint.host, endpoint.port, endpoint.database)
    return url.render_as_string(hide_password=False)


def test_a_control_store_that_restarts_ends_no_run(server_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site = server_site
    site.fill(users=30, orders=40, plain=4000)
    control = site.server.database(f"{site.dev.database}_control")
    refused: list[Exception] = []
    polled = ControlStore.stop_requested

    def poll(store: ControlStore, operation_id: str) -> Any:
        try:
            return polled(store, operation_id)
        except Exception as problem:
            refused.append(problem)
            raise

    def away() -> None:
        site.landing.execute(site.dev, f"ALTER DATABASE {control.database} ALLOW_CONNECTIONS false")
        site.landing.execute(site.dev, END.format(control.database))
        until(lambda: len(refused) > 1, "questions in vain")
        site.landing.execute(site.dev, f"ALTER DATABASE {control.database} ALLOW_CONNECTIONS true")

    monkeypatch.setattr(ControlStore, "stop_requested", poll)
    once(monkeypatch, Here, "submit", away)
    go(site, address(control))
    with ControlStore.open(address(control)) as store:
        [row] = store.recent()
    assert (row.status, row.rows_copied) == ("completed", 4070)
