"""Drivers that were superseded, and runs whose tables another run has had since: neither may vouch for anything."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

import pytest
from rich.console import Console

from connectors.contract import RunRecord, TableState, TargetSession, connector
from connectors.errors import LeaseLost
from jobs.errors import RunFailed
from jobs.running.run import run
from tests.jobs.running.faults import ENGINES
from tests.jobs.running.site import PLAIN, Site

WITHOUT_SPARK = (
    "from jobs.running import run; from tests.jobs.running.site import Here; run.LeanSpark = Here;"
    " from jobs.cli import main; main()"
)
STATE = TableState(0, "t", "1", "prepared", "s", 0, 0, 0, {}, frozenset())


@contextmanager
def drivers(site: Site, count: int) -> Iterator[list[TargetSession]]:
    with ExitStack() as stack:
        sessions = [stack.enter_context(closing(connector(site.dev.engine).target(site.dev))) for _ in range(count)]
        sessions[0].ledger.create()
        yield sessions


def acquire(session: TargetSession, run_id: str, holder: str) -> int:
    record = RunRecord(run_id, "op", "plan", "PROD", "running", time.time(), None)
    return session.ledger.acquire(record, ["t"], holder, lambda other: False)


def test_a_superseded_driver_can_neither_prepare_nor_complete_a_table(site: Site) -> None:
    with drivers(site, 2) as (former, latter):
        acquire(former, "run", "former")
        former.ledger.prepared("run", STATE)
        fence = acquire(latter, "run", "latter")
        latter.ledger.prepared("run", STATE)
        with pytest.raises(LeaseLost):
            former.ledger.prepared("run", STATE)
        with pytest.raises(LeaseLost):
            former.ledger.completed("run", 0)
        latter.ledger.renew("run", fence)
        latter.ledger.completed("run", 0)
        assert [table.state for table in latter.ledger.tables("run")] == ["complete"]


def test_a_run_forgets_tables_that_another_run_has_had_since(site: Site) -> None:
    with drivers(site, 1) as [session]:
        acquire(session, "older", "a")
        session.ledger.prepared("older", STATE)
        acquire(session, "newer", "b")
        session.ledger.prepared("newer", STATE)
        acquire(session, "older", "c")
        assert session.ledger.tables("older") == []
        assert len(session.ledger.tables("newer")) == 1


@pytest.mark.usefixtures("no_spark")
def test_a_target_that_would_skip_rows_in_silence_fails_instead(file_site: Site) -> None:
    site = file_site
    site.fill(users=5, orders=5, plain=3)
    site.server.insert(site.prod, "plain", [("c1", "again")])
    site.landing.execute(site.dev, "CREATE TABLE plain (code text UNIQUE ON CONFLICT IGNORE, label text)")
    file = site.operation(tables=["plain"], anonymize=False, policy=None)
    with pytest.raises(RunFailed):
        run(str(file), environments_path=site.environments({}), control_url=site.control, console=Console(quiet=True))
    assert site.rows(site.dev, "plain") == []


@pytest.mark.parametrize(
    ("site", "stores"),
    [("sqlite", "one store"), *((engine, "two stores") for engine in ENGINES)],  # one store decides it on no target
    indirect=["site"],
)
def test_of_two_runs_that_append_started_at_once_one_appends(site: Site, stores: str) -> None:
    site.fill(users=5, orders=5, plain=4000)
    site.landing.create(site.dev, PLAIN)
    site.landing.insert(site.dev, "plain", [("was", "here")])
    file = site.operation(if_target_not_empty="append", tables=["plain"], anonymize=False, policy=None)
    sites = [site, site if stores == "one store" else replace(site, folder=site.folder / "elsewhere")]
    sites[1].folder.mkdir(exist_ok=True)
    for each in sites:
        each.environments({"PROD": {"max_mb_per_second": 0.012}})
    commands = [[sys.executable, "-c", WITHOUT_SPARK, *each.arguments("run", str(file))] for each in sites]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for command in commands]
    said = [process.communicate(timeout=240)[0].decode() for process in both]
    assert sorted(process.returncode for process in both) == [0, 9], said
    assert len(site.rows(site.dev, "plain")) == 4001
