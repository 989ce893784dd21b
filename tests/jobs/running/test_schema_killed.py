"""A driver that dies while it brings a schema: wherever that is, the next one goes on, and every change is known afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from jobs.control.changes import ChangeStore
from jobs.control.store import ControlStore
from jobs.errors import RunStopped
from jobs.running import drive, schema
from jobs.running.run import resume
from tests.jobs.running.schemas import COPY, bring, changes, execute, operations, shop, told
from tests.jobs.running.site import Site

pytestmark = pytest.mark.usefixtures("no_spark")


class Killed(BaseException):
    """The process is gone."""


class Deaths:
    """Lets the driver die at one of its steps, without a last word."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def at(self, owner: Any, name: str, number: int, *, done: bool) -> None:
        """At the call of that number, after the work was done or before it began."""
        work: Callable[..., Any] = getattr(owner, name)
        last_word, calls = ControlStore.finish, 0

        def dying(*given: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number and not done:
                raise Killed
            found = work(*given, **named)
            if calls == number:
                raise Killed
            return found

        self._patch.setattr(owner, name, dying)
        self._patch.setattr(
            ControlStore, "finish", lambda *given, **named: None if calls >= number else last_word(*given, **named)
        )


@pytest.fixture
def killed(site: Site) -> Callable[..., bool]:
    """Runs until the driver dies; returns whether it did."""

    def until_it_dies(owner: Any, name: str, number: int, *, done: bool, **operation: Any) -> bool:
        with pytest.MonkeyPatch.context() as patch:
            Deaths(patch).at(owner, name, number, done=done)
            try:
                bring(site, **operation)
            except Killed:
                return True
        return False

    return until_it_dies


def test_killed_at_every_change_in_turn_it_ends_as_if_it_had_not_been(site: Site, killed: Callable[..., bool]) -> None:
    shop(site)
    assert killed(ChangeStore, "intend", 1, done=True)
    died, number = 0, 1
    while killed(
        ChangeStore, "made", number, done=bool(died % 2)
    ):  # the change is made, and recorded every second time
        died += 1
        assert died < 30
    assert died > 3
    bring(site)
    assert told(site) == []
    *_, first = operations(site)
    known = changes(site, first)
    assert {change.status for change in known} == {"applied"}
    assert len({(change.object, change.action) for change in known}) == len(known)


def test_recreating_goes_on_where_it_was_and_drops_nothing_twice(site: Site, killed: Callable[..., bool]) -> None:
    shop(site)
    bring(site, **COPY)
    again: dict[str, Any] = {"mode": "recreate", "confirm": "DEV"}
    assert killed(ChangeStore, "made", 2, done=False, **again)  # dropped, and not recorded
    drops = sum(change.action == "drop" for change in changes(site, operations(site)[0]))
    assert killed(ChangeStore, "made", drops, done=True, **again)  # something is made again
    [first, *_] = operations(site)
    bring(site, **again)
    assert operations(site)[0].id == first.id
    assert told(site) == []
    known = changes(site, first)
    assert {change.status for change in known} == {"applied"}
    assert len({(change.object, change.action) for change in known}) == len(known)


def test_a_copy_killed_between_its_schema_and_its_rows_goes_on_with_both(
    site: Site, killed: Callable[..., bool]
) -> None:
    shop(site)
    assert killed(ChangeStore, "made", 2, done=True, **COPY)
    assert killed(drive, "bring", 1, done=True, **COPY)
    bring(site, **COPY)
    assert told(site) == []
    for table in ("customers", "purchases", "words"):
        assert site.server.digest(site.prod, table) == site.landing.digest(site.dev, table)
    *_, first = operations(site)
    assert {change.status for change in changes(site, first)} == {"applied"}


def test_paused_between_two_changes_it_is_resumed_by_its_id(file_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    shop(file_site)
    made = ChangeStore.made

    def pausing(self: ControlStore, operation: str, *rest: Any) -> None:
        made(self, operation, *rest)
        self.request_stop(operation, "pause")

    with monkeypatch.context() as patch:
        patch.setattr(ChangeStore, "made", pausing)
        with pytest.raises(RunStopped, match="paused"):
            bring(file_site)
    [operation] = operations(file_site)
    assert operation.status == "paused"
    assert [change.status for change in changes(file_site, operation)].count("applied") == 1
    environments = file_site.environments({})
    resume(operation.id, environments_path=environments, control_url=file_site.control, console=Console(quiet=True))
    assert told(file_site) == []
    assert operations(file_site)[0].status == "completed"
    assert file_site.json("status", "DEV")["last_run"] is None  # no row was copied


def test_a_target_that_was_changed_between_plan_and_run_is_left_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(site)
    begin = schema.bring

    def late(*given: Any, **named: Any) -> None:
        execute(site, site.dev, "CREATE TABLE words (word varchar(30) PRIMARY KEY, meaning varchar(100))")
        begin(*given, **named)

    monkeypatch.setattr(schema, "bring", late)
    with pytest.raises(Exception, match="changed after it was planned"):
        bring(site)
    assert ("missing", "table customers") in told(site)
