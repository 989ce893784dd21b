"""Drivers that were superseded, and runs whose tables another run has had since: neither may vouch for anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
from rich.console import Console

from connectors.contract import RunRecord, TableState, TargetSession, connector
from connectors.errors import LeaseLost
from jobs.errors import RunFailed
from jobs.running.run import run
from tests.jobs.running.site import Site

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
    site.server.execute(site.dev, "CREATE TABLE plain (code text UNIQUE ON CONFLICT IGNORE, label text)")
    file = site.operation(tables=["plain"], anonymize=False, policy=None)
    with pytest.raises(RunFailed):
        run(str(file), environments_path=site.environments({}), control_url=site.control, console=Console(quiet=True))
    assert site.rows(site.dev, "plain") == []
