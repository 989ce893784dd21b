"""Copies whose counts differ when all is done: what a resume mends, what nothing can mend, and what people are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from connectors.contract import TableState, connector
from jobs.control.store import ControlStore
from jobs.errors import VerificationFailed
from jobs.running import drive
from jobs.running.run import run
from tests.jobs.running.faults import only_operation
from tests.jobs.running.site import PLAIN, Site

pytestmark = pytest.mark.usefixtures("no_spark")


def go(site: Site, file: Path) -> None:
    environments = site.folder / "environments.yaml"
    run(str(file), environments_path=environments, control_url=site.control, console=Console(quiet=True))


def tables(site: Site) -> dict[str, TableState]:
    """The newest run's, by plain name."""
    with closing(connector(site.dev.engine).target(site.dev)) as target:
        states = target.ledger.tables(target.ledger.runs()[0].run_id)
    return {state.target.rsplit(".", 1)[-1]: state for state in states}


@contextmanager
def meddled(monkeypatch: pytest.MonkeyPatch, site: Site, *statements: str) -> Iterator[None]:
    """Runs inside find the target changed by somebody else between load and proof."""
    verified: Callable[[Any], Any] = drive.Driver._verified

    def meddling(one: drive.Driver) -> Any:
        for statement in statements:
            site.landing.execute(site.dev, statement)
        return verified(one)

    with monkeypatch.context() as patch:
        patch.setattr(drive.Driver, "_verified", meddling)
        yield


def test_a_resume_loads_exactly_the_table_again_that_lost_rows(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fill(users=30, orders=40, plain=20)
    file = site.operation()
    with meddled(monkeypatch, site, "DELETE FROM orders WHERE id < 3"), pytest.raises(VerificationFailed) as failed:
        go(site, file)
    assert "38 rows in the target, 40 expected" in failed.value.what
    assert failed.value.todo == "resuming copies these tables again, each from its first row"
    before = tables(site)
    assert {name: state.state for name, state in before.items()} == {
        "users": "complete",
        "plain": "complete",
        "orders": "prepared",
    }
    go(site, file)
    after = tables(site)
    assert len(site.rows(site.dev, "orders")) == 40
    assert (after["users"], after["plain"]) == (before["users"], before["plain"])
    assert after["orders"].snapshot != before["orders"].snapshot
    assert only_operation(site).status == "completed"


def test_what_references_such_a_table_is_loaded_again_with_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fill(users=30, orders=40, plain=20)
    file = site.operation()
    stranger = "INSERT INTO users (id, email) VALUES (1000, 'stranger@x.test')"
    with meddled(monkeypatch, site, stranger), pytest.raises(VerificationFailed, match="31 rows in the target"):
        go(site, file)
    assert [state.state for name, state in sorted(tables(site).items())] == ["prepared", "complete", "prepared"]
    go(site, file)
    assert (len(site.rows(site.dev, "users")), len(site.rows(site.dev, "orders"))) == (30, 40)
    assert only_operation(site).status == "completed"


def test_rows_that_were_there_before_are_never_emptied_and_the_person_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(users=5, orders=5, plain=5)
    site.landing.create(site.dev, PLAIN)
    site.landing.insert(site.dev, "plain", [("was", "here"), ("was", "too")])
    file = site.operation(if_target_not_empty="append", tables=["plain"], anonymize=False, policy=None)
    with meddled(monkeypatch, site, "DELETE FROM plain WHERE label = 'too'"):
        for _ in range(2):
            with pytest.raises(VerificationFailed) as failed:
                go(site, file)
            assert "6 rows in the target, 7 expected" in failed.value.what
            assert "resuming repairs nothing: all copied rows were added once" in failed.value.todo
    assert len(site.rows(site.dev, "plain")) == 6
    assert tables(site)["plain"].state == "complete"


def test_a_copy_that_was_proven_and_changed_before_that_was_recorded_is_left_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(users=5, orders=5, plain=5)
    file = site.operation()

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ControlStore, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            go(site, file)
    site.landing.execute(site.dev, "DELETE FROM plain WHERE code = 'c1'")
    with pytest.raises(VerificationFailed) as failed:
        go(site, file)
    assert "was complete and proven when it ended, and was changed since" in failed.value.todo
    assert len(site.rows(site.dev, "plain")) == 4
    assert tables(site)["plain"].state == "complete"
