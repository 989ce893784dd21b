"""The heartbeat keeps the lease while the driver lives: whatever keeps it waiting, and whatever breaks on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from connectors import ledger
from connectors.contract import RunRecord, TableState, TargetSession, connector
from connectors.errors import LeaseHeld, LeaseLost, RetryableError
from jobs.errors import ConnectionProblem
from jobs.running import heart
from jobs.running.heart import Heart, Progress
from tests.jobs.running.faults import until
from tests.jobs.running.site import Site

RUN = "run"


def measure(states: Sequence[TableState]) -> Progress:
    return Progress.of(states, 1, 0)


def alive(holder: str) -> bool:
    return True


@dataclass
class Lease:
    """A lease taken on table `t`, and the heartbeat's sessions, counted."""

    site: Site
    session: TargetSession
    fence: int
    opened: list[TargetSession] = field(default_factory=list)
    refused: bool = False

    def connect(self) -> TargetSession:
        if self.refused:
            raise RetryableError("the server cannot be reached")
        self.opened.append(connector(self.site.dev.engine).target(replace(self.site.dev, patience=heart.PATIENCE)))
        return self.opened[-1]

    def heart(self, show: Callable[[Progress], None] = lambda _: None) -> Heart:
        return Heart(self.connect, RUN, self.fence, measure, show)

    def taken(self) -> bool:
        """Whether another driver gets the lease now."""
        with closing(connector(self.site.dev.engine).target(self.site.dev)) as other:
            try:
                acquire(other, "other")
            except LeaseHeld:
                return False
            return True

    @property
    def closed(self) -> list[bool]:
        """Which of the heartbeat's sessions can be used no more."""
        found = []
        for session in self.opened:
            try:
                session.ledger.runs()
            except Exception:
                found.append(True)
            else:
                found.append(False)
        return found


def acquire(session: TargetSession, run_id: str) -> int:
    record = RunRecord(run_id, "op", "plan", "PROD", "running", 0, None)
    return session.ledger.acquire(record, ["t"], run_id, alive)


@pytest.fixture
def lease(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lease]:
    for name, seconds in {"BEAT": 0.02, "RENEW": 0.1, "PATIENCE": 0.5}.items():
        monkeypatch.setattr(heart, name, seconds)
    with closing(connector(site.dev.engine).target(site.dev)) as session:
        session.ledger.create()
        yield Lease(site, session, acquire(session, RUN))


@contextmanager
def expiry(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "EXPIRY", seconds)
        patch.setattr(heart, "EXPIRY", seconds)
        yield


def test_a_control_store_that_keeps_it_waiting_costs_no_lease(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, go_on = threading.Event(), threading.Event()

    def show(_: Progress) -> None:
        shown.set()
        assert go_on.wait(30)

    with expiry(monkeypatch, 1.0), lease.heart(show):
        assert shown.wait(10)
        time.sleep(1.5)
        assert not lease.taken()
        go_on.set()


def test_without_a_heartbeat_the_lease_expires(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    with expiry(monkeypatch, 0.2):
        time.sleep(0.4)
        assert lease.taken()


def test_a_session_that_fails_is_closed_and_another_one_beats_on(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = "_dbagent.tables" if lease.site.dev.engine == "postgresql" else "_dbagent_tables"
    with expiry(monkeypatch, 60), lease.heart() as beating:
        until(lambda: beating._states is not None, "a beat", 10)
        lease.site.server.execute(lease.site.dev, f"DROP TABLE {tables}")
        until(lambda: len(lease.opened) > 2, "another session", 10)
        beating.check()
    assert all(lease.closed)


def test_a_lock_that_keeps_it_waiting_is_outlived(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever locks the lease keeps everybody from taking it; afterwards the heartbeat goes on in the same session."""
    with expiry(monkeypatch, 1.0), lease.heart() as beating:
        until(lambda: beating._states is not None, "a beat", 10)
        locking: Any = lease.session.ledger
        with locking._sql.transaction():
            locking._run("UPDATE {leases} SET holder = holder")
            time.sleep(1.5)
            beating.check()
        time.sleep(0.5)
        beating.check()
        assert not lease.taken()
        assert len(lease.opened) == 1


def test_a_target_out_of_reach_until_the_lease_expires_is_told(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    lease.refused = True
    with expiry(monkeypatch, 0.5), lease.heart() as beating:
        time.sleep(0.2)
        beating.check()
        time.sleep(0.6)
        with pytest.raises(RetryableError):
            beating.check()


def test_a_control_store_that_is_away_for_a_while_is_outlived(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heart, "AWAY", 0.5)
    away, tried, shown = threading.Event(), threading.Event(), threading.Event()

    def show(_: Progress) -> None:
        if away.is_set():
            tried.set()
            raise ConnectionProblem("gone")
        shown.set()

    with lease.heart(show) as beating:
        for _ in range(2):
            away.set()
            assert tried.wait(10)
            time.sleep(0.3)
            beating.check()
            away.clear()
            shown.clear()
            assert shown.wait(10)
        away.set()
        time.sleep(0.8)
        with pytest.raises(ConnectionProblem):
            beating.check()


def test_a_bug_in_what_is_shown_is_told_at_once(lease: Lease) -> None:
    def broken(_: Progress) -> None:
        raise ZeroDivisionError

    with lease.heart(broken) as beating:
        time.sleep(0.5)
        with pytest.raises(ZeroDivisionError):
            beating.check()


def test_a_lease_that_is_lost_is_told(lease: Lease) -> None:
    lease.session.ledger.release(RUN, lease.fence)
    assert lease.taken()
    with lease.heart() as beating:
        time.sleep(0.5)
        with pytest.raises(LeaseLost):
            beating.check()
