"""A cancel is for good: no later run keeps anything a cancelled one has loaded, and its own rows stop none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from connectors.contract import RunRecord, TableState, connector
from connectors.errors import LeaseHeld
from jobs.control.store import ControlStore
from jobs.errors import PlanRefused, RunFailed, RunStopped
from jobs.running import drive, epoch
from jobs.running.run import run
from jobs.running.session import SparkDied
from tests.jobs.running.faults import asked
from tests.jobs.running.site import PLAIN, Site

pytestmark = pytest.mark.usefixtures("no_spark")


def go(site: Site, file: Path, control: str | None = None) -> None:
    environments = site.folder / "environments.yaml"
    run(str(file), environments_path=environments, control_url=control or site.control, console=Console(quiet=True))


def ledger(site: Site) -> tuple[list[RunRecord], list[TableState]]:
    """All runs, newest first, and the tables of the newest."""
    with closing(connector(site.dev.engine).target(site.dev)) as target:
        runs = target.ledger.runs()
        return runs, target.ledger.tables(runs[0].run_id)


@contextmanager
def stopped_late(monkeypatch: pytest.MonkeyPatch, what: Callable[[], Any]) -> Iterator[None]:
    """Runs inside meet `what` when every table is loaded and nothing is verified."""
    verified = drive.Driver._verified
    with monkeypatch.context() as patch:
        patch.setattr(drive.Driver, "_verified", lambda driver: what() or verified(driver))
        yield


def cancelled_by_its_driver() -> None:
    raise RunStopped("cancel")


def died() -> None:
    raise SparkDied("gone")


def cancel_without_a_driver(site: Site) -> None:
    with ControlStore.open(site.control) as store:
        [row] = store.recent()
        assert store.request_stop(row.id, "cancel").status == "cancelled"


@pytest.fixture
def cancelled(site: Site, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Site:
    """All tables complete and the run cancelled; afterwards the source changes."""
    site.fill(users=30, orders=40, plain=20)
    file = site.operation()
    if request.param == "by its driver":
        with stopped_late(monkeypatch, cancelled_by_its_driver), pytest.raises(RunStopped):
            go(site, file)
    else:
        with stopped_late(monkeypatch, died), pytest.raises(RunFailed):
            go(site, file)
        cancel_without_a_driver(site)
    site.server.execute(site.prod, "DELETE FROM plain WHERE code = 'c3'")
    return site


ways = pytest.mark.parametrize("cancelled", ["by its driver", "without a driver"], indirect=True)


@ways
def test_the_next_run_keeps_nothing_of_a_cancelled_one(cancelled: Site) -> None:
    site = cancelled
    go(site, site.folder / "operation.yaml")
    runs, tables = ledger(site)
    assert [one.state for one in runs] == ["complete", "cancelled"]
    assert len({table.snapshot for table in tables}) == 1
    assert site.server.digest(site.prod, "plain") == site.landing.digest(site.dev, "plain")
    assert len(site.rows(site.dev, "users")) == 30
    assert asked(site, "status", "DEV")["complete"] is True


@ways
def test_neither_does_the_one_after_a_run_that_failed_before_it_emptied_anything(
    cancelled: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = cancelled

    def fails(*_: Any) -> Any:
        raise SparkDied("gone")

    with monkeypatch.context() as patch:
        patch.setattr(epoch, "prepare", fails)
        with pytest.raises(RunFailed):
            go(site, site.folder / "operation.yaml")
    go(site, site.folder / "operation.yaml")
    assert site.server.digest(site.prod, "plain") == site.landing.digest(site.dev, "plain")


@ways
def test_rows_that_another_plan_has_copied_since_are_not_the_cancelled_runs(cancelled: Site) -> None:
    site = cancelled
    go(site, site.operation(if_target_not_empty="truncate", parallel_workers=1))
    with pytest.raises(PlanRefused) as refused:
        go(site, site.operation())
    assert {finding.what for finding in refused.value.findings} == {"the table is not empty"}
    assert len(site.rows(site.dev, "users")) == 30


def test_another_control_store_continues_a_run_that_failed_but_none_that_told_its_cancel(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(users=5, orders=5, plain=5)
    file, elsewhere = site.operation(), f"sqlite:///{site.folder / 'elsewhere.db'}"
    with stopped_late(monkeypatch, died), pytest.raises(RunFailed):
        go(site, file)
    with stopped_late(monkeypatch, cancelled_by_its_driver), pytest.raises(RunStopped):
        go(site, file, elsewhere)
    [only], _ = ledger(site)
    assert only.state == "cancelled"
    go(site, file)
    assert [one.state for one in ledger(site)[0]] == ["complete", "cancelled"]


def test_a_cancelled_append_says_what_it_has_added_already(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fill(users=5, orders=5, plain=5)
    file = site.operation(if_target_not_empty="append", tables=["plain"], anonymize=False, policy=None)
    site.landing.create(site.dev, PLAIN)
    site.landing.insert(site.dev, "plain", [("was", "here")])
    with stopped_late(monkeypatch, cancelled_by_its_driver), pytest.raises(RunStopped):
        go(site, file)
    console = Console(record=True, width=200)
    run(str(file), environments_path=site.folder / "environments.yaml", control_url=site.control, console=console)
    assert "5 rows were appended already before a run was cancelled" in console.export_text()
    assert len(site.rows(site.dev, "plain")) == 11


def test_what_was_appended_is_told_however_many_runs_were_cancelled_since(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(users=5, orders=5, plain=5)
    file = site.operation(if_target_not_empty="append", tables=["plain"], anonymize=False, policy=None)
    with stopped_late(monkeypatch, cancelled_by_its_driver), pytest.raises(RunStopped):
        go(site, file)

    def cancelled_before_it_copies(*_: Any) -> Any:
        raise RunStopped("cancel")

    with monkeypatch.context() as patch:
        patch.setattr(epoch.Epoch, "_split", cancelled_before_it_copies)
        with pytest.raises(RunStopped):
            go(site, file)
    for added in (5, 10):
        console = Console(record=True, width=200)
        environments = site.folder / "environments.yaml"
        with stopped_late(monkeypatch, cancelled_by_its_driver), pytest.raises(RunStopped):
            run(str(file), environments_path=environments, control_url=site.control, console=console)
        assert f"{added} rows were appended already before a run was cancelled" in console.export_text()
    assert len(site.rows(site.dev, "plain")) == 15


def test_a_run_cancelled_in_one_store_goes_on_where_a_driver_of_another_lives(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(users=5, orders=5, plain=5)
    file, elsewhere = site.operation(), f"sqlite:///{site.folder / 'elsewhere.db'}"
    with stopped_late(monkeypatch, died), pytest.raises(RunFailed):
        go(site, file)
    cancel_without_a_driver(site)

    def meanwhile() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(drive, "holder", lambda: "elsewhere:1:1")
            patch.setattr(drive.Driver, "_verified", verified)
            with pytest.raises(LeaseHeld):
                go(site, file)
        assert [one.state for one in ledger(site)[0]] == ["running"]

    verified = drive.Driver._verified
    with stopped_late(monkeypatch, meanwhile):
        go(site, file, elsewhere)
    assert [one.state for one in ledger(site)[0]] == ["complete"]
