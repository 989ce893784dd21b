"""One runner: whoever was superseded changes nothing any more, whoever's lease lives is left alone, and a cancelled run is
never continued; on every engine that has a testkit."""

from __future__ import annotations

import time

import pytest

from connectors import ledger
from connectors.contract import Staged
from connectors.errors import LeaseHeld, LeaseLost
from tests.connectors.drive import Driver, Ends, copy, driver
from tests.connectors.samples import ACCOUNTS, accounts, fill, found

FEW = 300
HOUR = 3600.0


def alive(holder: str) -> bool:
    return True


@pytest.fixture
def filled(ends: Ends) -> Ends:
    fill(ends, ACCOUNTS, accounts(FEW))
    return ends


@pytest.mark.parametrize("skew", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_driver_whose_clock_is_wrong_takes_no_lease_that_lives(
    filled: Ends, monkeypatch: pytest.MonkeyPatch, skew: float
) -> None:
    with driver(filled) as one, driver(filled, run_id="another run") as other:
        one.lease(["accounts"])
        right = time.time
        monkeypatch.setattr(time, "time", lambda: right() + skew)
        with pytest.raises(LeaseHeld):
            other.lease(["accounts"], holder="two", alive=alive)


@pytest.mark.parametrize("skew", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_driver_whose_clock_is_wrong_takes_a_lease_that_has_expired(
    filled: Ends, monkeypatch: pytest.MonkeyPatch, skew: float
) -> None:
    right = time.time
    with driver(filled) as one, driver(filled, run_id="another run") as other:
        with monkeypatch.context() as wrong:
            wrong.setattr(time, "time", lambda: right() - skew)
            one.lease(["accounts"])
        monkeypatch.setattr(ledger, "EXPIRY", 0.2)
        time.sleep(0.4)
        other.lease(["accounts"], holder="two", alive=alive)
        with pytest.raises(LeaseLost):
            one.target.ledger.renew("run", one.fence)


def test_a_superseded_driver_neither_empties_nor_stages(filled: Ends) -> None:
    with driver(filled) as one, driver(filled) as other:
        one.lease(["accounts"])
        other.lease(["accounts"], holder="two")
        other.prepare(["accounts"])
        other.transfer(other.chunks())
        with pytest.raises(LeaseLost):
            one.target.empty([filled.name("accounts")])
        with pytest.raises(LeaseLost):
            one.target.stage("run", 0, other.copies[0].target)
        other.finish()
    assert len(found(filled)) == FEW


@pytest.mark.parametrize("second", ["run", "another run"])
def test_two_that_append_at_once_add_every_row_once(filled: Ends, second: str) -> None:
    filled.server.create(filled.target, ACCOUNTS, [(1, "was here", 5)])
    with driver(filled, append=True) as one, driver(filled, append=True, run_id=second) as other:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        one.transfer(one.chunks())
        with pytest.raises(LeaseHeld):
            other.lease(["accounts"], holder="two", alive=alive)
        other.lease(["accounts"], holder="two")  # the first one seemed dead
        with pytest.raises(LeaseLost):
            one.finish()
        other.prepare(["accounts"])
        with pytest.raises(LeaseLost):
            one.transfer(one.chunks())
        other.transfer(other.chunks())
        with pytest.raises(LeaseLost):
            one.finish()
        assert found(filled) == [(1, "was here", 5)]
        other.finish()
    assert sorted(found(filled)) == sorted([(1, "was here", 5), *accounts(FEW)])


def test_what_a_cancelled_run_left_belongs_to_the_next_one_of_its_plan(filled: Ends) -> None:
    with driver(filled, run_id="cancelled") as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        one.transfer(one.chunks())
        one.target.ledger.completed("cancelled", 0)
        one.target.ledger.abandoned("cancelled")
        assert one.target.ledger.held("cancelled") == {str(filled.name("accounts"))}
    with driver(filled, run_id="next") as other:
        other.lease(["accounts"])
        [state] = other.target.ledger.tables("next")
        assert (state.state, state.rows, state.identity) == (
            "prepared",
            FEW,
            other.target.identity(filled.name("accounts")),
        )
        assert other.target.ledger.tables("cancelled") == []
        assert other.target.ledger.held("cancelled") == frozenset()
        runs = {run.run_id: run.state for run in other.target.ledger.runs()}
        assert runs == {"cancelled": "cancelled", "next": "running"}


def test_a_run_that_is_complete_cannot_be_cancelled_and_leaves_nothing(filled: Ends) -> None:
    copy(filled, "accounts")
    with driver(filled, run_id="next") as other:
        other.lease(["accounts"], cancelled="run")
        assert other.target.ledger.tables("next") == []
        assert [run.state for run in other.target.ledger.runs()] == ["running", "complete"]


def states(one: Driver) -> dict[str, str]:
    return {run.run_id: run.state for run in one.target.ledger.runs()}


def test_a_run_said_to_be_cancelled_is_not_while_its_driver_lives(filled: Ends) -> None:
    with driver(filled) as one, driver(filled, run_id="next") as other:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        with pytest.raises(LeaseHeld):
            other.lease(["accounts"], holder="two", alive=alive, cancelled="run")
        assert states(one) == {"run": "running"}
        other.lease(["accounts"], holder="two", cancelled="run")
        assert states(one) == {"run": "cancelled", "next": "running"}
        assert [table.state for table in other.target.ledger.tables("next")] == ["prepared"]


def test_what_a_cancelled_run_appended_stays_its_own(filled: Ends) -> None:
    with driver(filled, append=True) as one, driver(filled, append=True, run_id="next") as other:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        one.transfer(one.chunks())
        one.target.publish("run", [Staged(0, one.copies[0].into, one.copies[0].target)])
        other.lease(["accounts"], holder="two", cancelled="run", inherits=False)
        assert [(table.state, table.rows) for table in other.target.ledger.tables("run")] == [("complete", FEW)]
        assert other.target.ledger.tables("next") == []


def test_a_superseded_driver_neither_finishes_nor_cancels_its_run(filled: Ends) -> None:
    with driver(filled) as one, driver(filled) as other:
        one.lease(["accounts"])
        other.lease(["accounts"], holder="two")
        with pytest.raises(LeaseLost):
            one.target.ledger.finished("run")
        with pytest.raises(LeaseLost):
            one.target.ledger.abandoned("run")
        assert states(other) == {"run": "running"}
        other.target.ledger.finished("run")
        assert states(other) == {"run": "complete"}


def test_a_driver_ends_no_run_that_it_has_not_taken(filled: Ends) -> None:
    with driver(filled) as one, driver(filled, run_id="next") as other:
        one.lease(["accounts"])
        other.lease(["people"])
        for ends in (other.target.ledger.finished, other.target.ledger.abandoned):
            with pytest.raises(LeaseLost):
                ends("run")
        assert states(one) == {"run": "running", "next": "running"}
