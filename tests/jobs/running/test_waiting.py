"""Runs whose constraints wait: what is suspended comes back, what rows break is told, and the plan says what waits."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from jobs.planning import suspending
from jobs.running import run as run_module
from tests.jobs.running.faults import asked, only_operation
from tests.jobs.running.site import Site
from tests.jobs.running.standing import schema, stand

pytestmark = pytest.mark.usefixtures("no_spark", "worth_it")


@pytest.fixture
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of tests are small."""
    monkeypatch.setattr(suspending, "WORTH", 0)


def go(site: Site, **changes: Any) -> str:
    console = Console(record=True, width=200)
    run_module.run(
        str(site.operation(disable_constraints=True, **changes)),
        environments_path=site.folder / "environments.yaml",
        control_url=site.control,
        console=console,
    )
    return console.export_text()


def test_what_waits_is_suspended_restored_and_reported(site: Site) -> None:
    stand(site)
    site.fill(users=30, orders=40, plain=20)
    before = schema(site)
    said = go(site)
    assert schema(site) == before
    assert [len(site.rows(site.dev, table)) for table in ("users", "orders")] == [30, 40]
    row = only_operation(site)
    assert row.report is not None
    objects = {one["object"]: one for one in row.report["objects"]}
    assert "rebuilding" not in said
    assert {name.split()[0] for name in objects} >= {"index", "trigger"}
    for one in objects.values():
        assert one["suspended"], one
        assert one["restored"], one
        assert one["validated"], one
        assert one["seconds"] is not None
    assert asked(site, "status", "DEV")["open"] == []
    assert "waited for the rows" in said
