"""What can befall a run whose ends are servers: sessions ended, tables changed under the snapshot, a full disk, a lost
executor."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from connectors.contract import Endpoint
from jobs.errors import RunFailed, exit_code
from jobs.running.run import resume, run
from tests.jobs.running.faults import (
    ACCOUNTS,
    QUIET,
    Launcher,
    assert_completed,
    assert_exact,
    assert_one_state,
    changing,
    end,
    fill,
    masked,
    once,
    only_operation,
    planned,
    slow,
    under_way,
    until,
)
from tests.jobs.running.site import Here, Site


def told(site: Site) -> dict[str, Any]:
    """What a run in this process is told."""
    environments = site.folder / "environments.yaml"
    return {"environments_path": environments, "control_url": site.control, "console": Console(quiet=True)}


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
    slow(site, 0.25)
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
    assert site.server.sessions(site.prod) == site.landing.sessions(site.dev) == 0


REPLACED = """
BEGIN;
CREATE TABLE again (LIKE letters INCLUDING ALL);
ALTER TABLE again ADD CONSTRAINT letters_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES owners;
DROP TABLE letters;
ALTER TABLE again RENAME TO letters;
COMMIT
"""


def test_a_table_changed_under_the_snapshot_is_never_copied_as_empty(
    server_site: Site, no_spark: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = server_site
    fill(site)
    for change in ("VACUUM FULL letters", "TRUNCATE letters", REPLACED):
        once(monkeypatch, Here, "submit", partial(site.server.execute, site.prod, change))
        with pytest.raises(RunFailed) as failed:
            run(masked(site), **told(site))
        assert exit_code(failed.value) == 5
        assert "public.letters" in str(failed.value)
        assert "was truncated, rewritten, altered or replaced" in str(failed.value)
        assert only_operation(site).status == "failed"
        if change.startswith("TRUNCATE"):
            rows = [(number, None, "new letters " * 60) for number in range(500)]
            site.server.insert(site.prod, "letters", rows)
    resume(only_operation(site).id, **told(site))
    assert_completed(site)
    assert site.landing.read(site.dev, "letters") == []
    assert_exact(site)


def test_a_full_disk_at_the_target_fails_clearly_and_resumes_when_there_is_room(
    server_site: Site, no_spark: None
) -> None:
    site = server_site
    fill(site)
    site.landing.create(site.dev, ACCOUNTS)
    folder, name = ask(site, site.dev, "SELECT current_setting('data_directory'), pg_relation_filepath('accounts')")[0]
    file = Path(folder, name)
    owner = file.stat().st_uid
    file.unlink()
    file.symlink_to("/dev/full")
    with pytest.raises(RunFailed) as failed:
        run(masked(site), **told(site))
    assert exit_code(failed.value) == 5
    assert "free space where the server keeps its data; then continue with: dbagent resume" in failed.value.todo
    assert only_operation(site).status == "failed"
    file.unlink()
    file.touch(0o600)
    shutil.chown(file, owner)
    resume(only_operation(site).id, **told(site))
    assert_completed(site)
    assert_exact(site)


def test_a_lost_executor_costs_a_chunk_not_the_run(server_site: Site, launch: Launcher) -> None:
    site = server_site
    fill(site)
    slow(site, 0.2)
    running = launch.submit(site, masked(site), "--master", "local-cluster[2,1,1024]")
    under_way(site, running, "accounts")
    [first, *_] = until(lambda: running.jvms("CoarseGrainedExecutorBackend"), "an executor")
    end(first)
    running.succeeds()
    assert_completed(site)
    assert_exact(site)
