"""What can befall a run whose ends are files: no space left, and a task thought dead that comes back."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from connectors.errors import LeaseLost
from jobs.running import run as run_module
from jobs.running.chunk import Outcome
from jobs.running.run import run
from jobs.running.session import WorkerDied
from tests.jobs.running.faults import Launcher, assert_completed, assert_exact, fill, masked, only_operation
from tests.jobs.running.site import Here, Site

ROOM = 600_000
"""Bytes a file may have: less than the target needs, more than anything else in a run."""


def test_a_full_disk_at_the_target_fails_clearly_and_resumes_when_there_is_room(
    file_site: Site, launch: Launcher
) -> None:
    site = file_site
    fill(site)

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))

    running = launch(site, "run", masked(site), preexec_fn=little_room)
    assert running.ended() == 5, running.text
    assert "make room on its disk; then continue with: dbagent resume" in running.text
    assert only_operation(site).status == "failed"
    assert Path(site.dev.database).stat().st_size <= ROOM
    launch(site, "resume", only_operation(site).id).succeeds()
    assert_completed(site)
    assert_exact(site)


def test_a_task_that_was_given_up_loads_nothing_into_the_next_epoch(
    file_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = file_site
    fill(site, accounts=50, letters=50)
    ghosts: list[Any] = []
    outcomes: list[Outcome] = []

    class Haunted(Here):
        def submit(self, function: Callable[[Any], Any], given: Any) -> Any:
            if not ghosts:
                ghosts.append(given)
                raise WorkerDied("the task's process is gone")
            outcomes.append(function(ghosts[0]))
            return function(given)

    monkeypatch.setattr(run_module, "LeanSpark", Haunted)
    run(masked(site), environments_path=site.environments({}), control_url=site.control, console=Console(quiet=True))
    [ghost] = outcomes
    assert ghost.loaded == ()
    assert ghost.failed is not None
    assert isinstance(ghost.failed.error, LeaseLost)
    assert_completed(site)
    assert_exact(site)
