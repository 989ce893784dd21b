"""What can befall a run whose ends are servers: sessions ended, tables changed under the snapshot, a full disk, a lost
executor."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from connectors.contract import Endpoint
from tests.jobs.running.faults import (
    ACCOUNTS,
    QUIET,
    Launched,
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
    planned,
    slow,
    under_way,
    until,
)
from tests.jobs.running.site import Site


def ask(site: Site, end_: Endpoint, query: str) -> list[tuple[Any, ...]]:
    server: Any = site.server
    found: list[tuple[Any, ...]] = server.rows(end_, query)
    return found


def end_sessions(site: Site, end_: Endpoint, application: str) -> int:
    return len(
        ask(
            site,
            end_,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = current_database() AND application_name LIKE '{application}'",
        )
    )


def test_ended_sessions_are_opened_anew_and_a_lost_snapshot_begins_another(server_site: Site, launch: Launcher) -> None:
    site = server_site
    fill(site)
    slow(site, 0.5)
    running = launch(site, "run", masked(site))
    planned(running)
    with changing(site):
        under_way(site, running, "accounts")
        until(lambda: end_sessions(site, site.dev, "dbagent/%/%/"), "a task's session at the target")
        until(lambda: end_sessions(site, site.prod, "dbagent/%/%/"), "a task's session at the source")
        assert end_sessions(site, site.prod, "dbagent/driver") == 1
        running.succeeds()
    assert_one_state(site)
    assert_completed(site)
    assert_exact(site, *QUIET)
    assert site.server.sessions(site.prod) == site.server.sessions(site.dev) == 0


def refused_as_changed(launched: Launched, table: str) -> None:
    assert launched.ended() == 5, launched.text
    assert f"public.{table}" in launched.text
    assert "was truncated, rewritten, altered or replaced" in launched.text


REPLACED = """
BEGIN;
CREATE TABLE again (LIKE letters INCLUDING ALL);
ALTER TABLE again ADD CONSTRAINT letters_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES owners;
DROP TABLE letters;
ALTER TABLE again RENAME TO letters;
COMMIT
"""


def test_a_table_changed_under_the_snapshot_is_never_copied_as_empty(server_site: Site, launch: Launcher) -> None:
    site = server_site
    fill(site)
    slow(site, 0.5)
    operation = masked(site)
    for change in ("VACUUM FULL letters", "TRUNCATE letters", REPLACED):
        running = launch(site, "run", operation)
        planned(running)
        site.server.execute(site.prod, change)
        refused_as_changed(running, "letters")
        assert only_operation(site).status == "failed"
        if change.startswith("TRUNCATE"):
            rows = [(number, None, "new letters " * 60) for number in range(500)]
            site.server.insert(site.prod, "letters", rows)
    full_speed(site)
    launch(site, "resume", only_operation(site).id).succeeds()
    assert_completed(site)
    assert site.server.read(site.dev, "letters") == []
    assert_exact(site)


def test_a_full_disk_at_the_target_fails_clearly_and_resumes_when_there_is_room(
    server_site: Site, launch: Launcher
) -> None:
    site = server_site
    fill(site)
    site.server.create(site.dev, ACCOUNTS)
    folder, name = ask(site, site.dev, "SELECT current_setting('data_directory'), pg_relation_filepath('accounts')")[0]
    file = Path(folder, name)
    owner = file.stat().st_uid
    file.unlink()
    file.symlink_to("/dev/full")
    running = launch(site, "run", masked(site))
    assert running.ended() == 5, running.text
    assert "free space where the server keeps its data; then continue with: dbagent resume" in running.text
    assert only_operation(site).status == "failed"
    file.unlink()
    file.touch(0o600)
    shutil.chown(file, owner)
    launch(site, "resume", only_operation(site).id).succeeds()
    assert_completed(site)
    assert_exact(site)


def test_a_lost_executor_costs_a_chunk_not_the_run(server_site: Site, launch: Launcher) -> None:
    site = server_site
    fill(site)
    slow(site, 0.3)
    running = launch.submit(site, masked(site), "--master", "local-cluster[2,1,1024]")
    under_way(site, running)
    [first, *_] = until(lambda: running.jvms("CoarseGrainedExecutorBackend"), "an executor")
    end(first)
    running.succeeds()
    assert_completed(site)
    assert_exact(site)
