"""The heartbeat keeps the lease while the driver lives: whatever keeps it waiting, and whatever breaks on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from connectors import ledger
from connectors.contract import RunRecord, TableState, TargetSession, connector
from connectors.errors import Busy, LeaseHeld, LeaseLost, RetryableError
from connectors.ledger import SqlLedger
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


class Clock:
    """The heartbeat's, which goes on when a test says so: what a slow machine does to time changes nothing here."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Lease:
    """A lease taken on table `t`, and the heartbeat's sessions, counted, as is what became of its renewals."""

    site: Site
    session: TargetSession
    fence: int
    clock: Clock
    opened: list[TargetSession] = field(default_factory=list)
    refused: bool = False
    refusals: int = 0
    renewals: int = 0
    waits: int = 0

    def connect(self) -> TargetSession:
        if self.refused:
            self.refusals += 1
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
    clock = Clock()
    for name, value in {"BEAT": 0.02, "PATIENCE": 0.5, "time": clock}.items():
        monkeypatch.setattr(heart, name, value)
    with closing(connector(site.dev.engine).target(site.dev)) as session:
        session.ledger.create()
        one = Lease(site, session, acquire(session, RUN), clock)
        renew = SqlLedger.renew

        def counted(ledger: SqlLedger, run_id: str, fence: int) -> None:
            try:
                renew(ledger, run_id, fence)
            except Busy:
                one.waits += 1
                raise
            one.renewals += 1

        monkeypatch.setattr(SqlLedger, "renew", counted)
        yield one


def renewed(lease: Lease) -> None:
    """When it is time for it, the heartbeat renews the lease."""
    before = lease.renewals
    lease.clock.now += heart.RENEW + 1
    until(lambda: lease.renewals > before, "a renewal")


def told(beating: Heart, kind: type[Exception]) -> None:
    def problem() -> bool:
        try:
            beating.check()
        except kind:
            return True
        return False

    until(problem, kind.__name__)


def test_a_control_store_that_keeps_it_waiting_costs_no_lease(lease: Lease) -> None:
    shown, go_on = threading.Event(), threading.Event()

    def show(_: Progress) -> None:
        shown.set()
        assert go_on.wait(240)

    with lease.heart(show) as beating:
        assert shown.wait(60)
        for _ in range(7):  # together longer than the lease lasts
            renewed(lease)
        beating.check()
        assert not lease.taken()
        go_on.set()


def test_without_a_heartbeat_the_lease_expires(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "EXPIRY", 0.2)
    time.sleep(0.4)
    assert lease.taken()


def test_a_session_that_fails_is_closed_and_another_one_beats_on(lease: Lease) -> None:
    tables = "_dbagent.tables" if lease.site.dev.engine == "postgresql" else "_dbagent_tables"
    with lease.heart() as beating:
        until(lambda: beating._states is not None, "a beat")
        lease.site.server.execute(lease.site.dev, f"DROP TABLE {tables}")
        until(lambda: len(lease.opened) > 2, "another session")
        beating.check()
    assert all(lease.closed)


def test_a_lock_that_keeps_it_waiting_is_outlived(lease: Lease) -> None:
    """Whoever locks the lease keeps everybody from taking it; afterwards the heartbeat goes on in the same session."""
    with lease.heart() as beating:
        until(lambda: beating._states is not None, "a beat")
        locking: Any = lease.session.ledger
        with locking._sql.transaction():
            locking._run("UPDATE {leases} SET holder = holder")
            lease.clock.now += ledger.EXPIRY + 1
            until(lambda: lease.waits >= 2, "two vain renewals")
            beating.check()
        renewed(lease)
        beating.check()
        assert not lease.taken()
        assert len(lease.opened) == 1


def test_a_target_out_of_reach_until_the_lease_expires_is_told(lease: Lease) -> None:
    def tries() -> None:
        before = lease.refusals
        until(lambda: lease.refusals > before + 1, "two more tries")

    lease.refused = True
    with lease.heart() as beating:
        tries()
        lease.clock.now += ledger.EXPIRY - 1
        tries()
        beating.check()
        lease.clock.now += 2
        told(beating, RetryableError)


def test_a_control_store_that_is_away_for_a_while_is_outlived(lease: Lease) -> None:
    away, shown, tried = threading.Event(), threading.Event(), [0]

    def show(_: Progress) -> None:
        if away.is_set():
            tried[0] += 1
            raise ConnectionProblem("gone")
        shown.set()

    def tries() -> None:
        before = tried[0]
        until(lambda: tried[0] > before + 1, "two more tries")

    with lease.heart(show) as beating:
        for _ in range(2):
            away.set()
            tries()
            lease.clock.now += heart.AWAY - 1
            tries()
            beating.check()
            away.clear()
            shown.clear()
            assert shown.wait(60)
        away.set()
        tries()
        lease.clock.now += heart.AWAY + 1
        told(beating, ConnectionProblem)


def test_a_bug_in_what_is_shown_is_told_at_once(lease: Lease) -> None:
    def broken(_: Progress) -> None:
        raise ZeroDivisionError

    with lease.heart(broken) as beating:
        told(beating, ZeroDivisionError)


def test_a_lease_that_is_lost_is_told(lease: Lease) -> None:
    lease.session.ledger.release(RUN, lease.fence)
    assert lease.taken()
    with lease.heart() as beating:
        until(lambda: beating._states is not None, "a beat")
        lease.clock.now += heart.RENEW + 1
        told(beating, LeaseLost)
