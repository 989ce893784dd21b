"""Something dies in the middle of a run: the run recovers by itself, or `run` and `resume` continue it, and every row is
there once."""

from __future__ import annotations

from tests.jobs.running.faults import (
    QUIET,
    Launcher,
    assert_completed,
    assert_exact,
    assert_one_state,
    changing,
    end,
    fill,
    full_speed,
    masked,
    only_operation,
    operations,
    planned,
    slow,
    these_sites,
    under_way,
    until,
)
from tests.jobs.running.site import Site


@these_sites("postgresql to postgresql", "mysql to postgresql", "sqlite to mysql")
def test_a_killed_worker_is_replaced_and_the_run_completes(any_site: Site, launch: Launcher) -> None:
    site = any_site
    fill(site)
    slow(site, 0.3)
    running = launch(site, "run", masked(site))
    under_way(site, running, "accounts")
    killed = until(running.spark_workers, "a worker")
    for worker in killed:
        end(worker)
    running.succeeds()
    assert_completed(site)
    assert_exact(site)


@these_sites("mysql to mysql", "sqlite to sqlite", "postgresql to sqlite")
def test_a_killed_driver_and_a_killed_jvm_leave_a_run_that_continues(any_site: Site, launch: Launcher) -> None:
    site = any_site
    fill(site, letters=2400)
    slow(site, 0.3)
    operation = masked(site)
    first = launch(site, "run", operation)
    planned(first)
    with changing(site):
        under_way(site, first)
        first.kill()
        assert only_operation(site).status == "running"

        second = launch(site, "run", operation)
        until(lambda: "continuing its unfinished run" in second.text, "the second driver")
        until(second.spark_workers, "a worker")
        for jvm in second.jvms("org.apache.spark.deploy.SparkSubmit"):
            end(jvm)
        assert second.ended() == 5, second.text
        assert only_operation(site).status == "failed"

        full_speed(site)
        launch(site, "resume", only_operation(site).id).succeeds()
    assert_one_state(site)
    assert_completed(site)
    assert len(operations(site)) == 1
    assert_exact(site, *QUIET)
