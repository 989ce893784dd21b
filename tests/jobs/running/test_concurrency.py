"""Several at once: drivers on one target, tasks on one source, and limits that hold for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from jobs.control.rows import OperationRow
from jobs.control.store import ControlStore
from jobs.errors import AlreadyRunning, PlanRefused, RunFailed, RunStopped
from jobs.running import epoch
from jobs.running import run as run_module
from jobs.running.run import run
from jobs.running.session import SparkDied
from tests.jobs.running.faults import (
    CHUNK,
    Launched,
    Launcher,
    assert_completed,
    assert_exact,
    fill,
    masked,
    only_operation,
    operations,
    slow,
    two_engines,
)
from tests.jobs.running.site import Here, Site


def sampled(site: Site, launched: Launched) -> list[int]:
    """Our sessions at the source, looked at again and again until the run ends."""
    found = []
    while launched.process.poll() is None:
        found.append(site.server.sessions(site.prod))
        time.sleep(0.02)
    return found


@two_engines
def test_of_several_runs_started_at_once_one_copies(site: Site, launch: Launcher) -> None:
    fill(site)
    slow(site, 0.15)
    operation = masked(site)
    same_store = [launch(site, "run", operation) for _ in range(2)]
    elsewhere = replace(site, folder=site.folder / "elsewhere")
    elsewhere.folder.mkdir()
    slow(elsewhere, 0.15)
    other_store = launch(elsewhere, "run", operation)
    all_three = [*same_store, other_store]
    codes = sorted(launched.ended() for launched in all_three)
    assert codes == [0, 9, 9], [launched.text for launched in all_three]
    assert_exact(site)


def test_a_driver_that_comes_late_leaves_what_another_has_finished_meanwhile(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(site, accounts=50, letters=50)
    operation, elsewhere = masked(site), f"sqlite:///{site.folder / 'elsewhere.db'}"

    def go(control: str) -> None:
        path = site.folder / "environments.yaml"
        run(operation, environments_path=path, control_url=control, console=Console(quiet=True))

    class Broken(Here):
        def submit(self, function: Callable[[Any], Any], given: Any) -> Any:
            raise SparkDied("gone")

    monkeypatch.setattr(run_module, "LeanSpark", Broken)
    with pytest.raises(RunFailed):
        go(elsewhere)
    monkeypatch.setattr(run_module, "LeanSpark", Here)
    start = ControlStore.start

    def slowly(*given: Any, **how: Any) -> OperationRow:
        """Between this driver's plan and its lease, another one does it all."""
        monkeypatch.setattr(ControlStore, "start", start)
        go(elsewhere)
        site.landing.execute(site.dev, "DELETE FROM letters WHERE id = 1")  # would come back if it were copied again
        return start(*given, **how)

    monkeypatch.setattr(ControlStore, "start", slowly)
    with pytest.raises(AlreadyRunning, match="finished this run meanwhile"):
        go(site.control)
    assert len(site.landing.read(site.dev, "letters")) == 49


def test_a_driver_that_dies_before_it_can_say_it_is_done_is_believed_by_the_next(
    site: Site, no_spark: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(site, accounts=50, letters=50)

    def go() -> None:
        path = site.folder / "environments.yaml"
        run(masked(site), environments_path=path, control_url=site.control, console=Console(quiet=True))

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ControlStore, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            go()
    assert only_operation(site).status == "running"
    go()
    assert_completed(site)
    assert only_operation(site).report is not None
    assert_exact(site)
    with pytest.raises(PlanRefused):  # and now it is over: another run is a new one
        go()


def test_more_task_slots_than_workers_bring_no_more_sessions(server_site: Site, launch: Launcher) -> None:
    site = server_site
    fill(site)
    slow(site, 0.4)
    running = launch.submit(site, masked(site, parallel_workers=2), "--master", "local[8]")
    seen = sampled(site, running)
    running.succeeds()
    assert 3 <= max(seen) <= 4, "both workers and the driver; one more may be on its way out"
    assert_completed(site)
    assert_exact(site)


def test_max_connections_leaves_fewer_workers(server_site: Site, launch: Launcher) -> None:
    site = server_site
    fill(site)
    slow(site, 0.4, max_connections=3)
    running = launch(site, "run", masked(site, parallel_workers=4))
    seen = sampled(site, running)
    running.succeeds()
    assert 2 <= max(seen) <= 3, "one worker and the driver; one more may be on its way out"


def test_a_snapshot_older_than_allowed_ends_the_run_resumably(
    site: Site, no_spark: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(site)
    monkeypatch.setattr(epoch, "CHUNK_BYTES", (CHUNK, CHUNK))

    def go() -> None:
        path = site.folder / "environments.yaml"
        run(masked(site), environments_path=path, control_url=site.control, console=Console(quiet=True))

    slow(site, 10, max_snapshot_hours=1e-9)
    with pytest.raises(RunStopped, match="max_snapshot_hours of PROD"):
        go()
    assert only_operation(site).status == "paused"
    site.environments({})
    go()
    assert [row.status for row in operations(site)] == ["completed"]
    assert_exact(site)
