"""A run that is asked to stop stops soon, holds nothing any more, and continues where that was meant."""

from __future__ import annotations

import os
import signal

from jobs.cli import call
from tests.jobs.running.faults import (
    Launched,
    Launcher,
    asked,
    assert_completed,
    assert_exact,
    fill,
    full_speed,
    masked,
    only_operation,
    operations,
    slow,
    two_engines,
    under_way,
    until,
)
from tests.jobs.running.site import Site

CRAWL = 0.05
"""Megabytes a second: no run of these ends by itself in time."""


def stopped(site: Site, launched: Launched, status: str) -> None:
    """It ended as one that was stopped, soon, and no session of ours is left."""
    assert launched.ended() == 6, launched.text
    assert only_operation(site).status == status
    until(lambda: site.server.sessions(site.prod) == site.landing.sessions(site.dev) == 0, "no session left")


@two_engines
def test_a_paused_or_interrupted_run_continues(site: Site, launch: Launcher) -> None:
    fill(site)
    slow(site, CRAWL)
    running = launch(site, "run", masked(site))
    under_way(site, running, "accounts")
    assert call(site.arguments("pause", only_operation(site).id)) == 0
    stopped(site, running, "paused")
    for number, whom in ((signal.SIGTERM, os.kill), (signal.SIGINT, os.killpg)):  # a terminal's Ctrl-C meets everybody
        running = launch(site, "resume", only_operation(site).id, start_new_session=True)
        until(lambda: only_operation(site).status == "running", "the driver")
        until(running.spark_workers, "a worker")
        whom(running.process.pid, number)
        stopped(site, running, "paused")
    full_speed(site)
    launch(site, "resume", only_operation(site).id).succeeds()
    assert_completed(site)
    assert_exact(site)


def test_a_cancelled_run_is_over_and_its_file_runs_anew_under_one_snapshot(site: Site, launch: Launcher) -> None:
    fill(site, accounts=400)  # complete soon, unlike the letters
    slow(site, CRAWL)
    operation = masked(site)
    running = launch(site, "run", operation)
    under_way(site, running)
    cancelled = only_operation(site).id
    assert call(site.arguments("cancel", cancelled)) == 0
    stopped(site, running, "cancelled")
    assert asked(site, "status", "DEV")["last_run"]["state"] == "cancelled"
    site.server.execute(site.prod, "DELETE FROM accounts WHERE id = 500")  # complete under the old snapshot by then
    full_speed(site)
    refused = launch(site, "resume", cancelled)
    assert refused.ended() == 2, refused.text
    assert "cancelled" in refused.text
    launch(site, "run", operation).succeeds()
    assert [row.status for row in operations(site)] == ["completed", "cancelled"]
    assert len({table["snapshot"] for table in asked(site, "status", "DEV")["tables"]}) == 1
    assert_completed(site)
    assert_exact(site)
