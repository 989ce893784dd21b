"""Whose words count where the plan and the journal both know what is to come back."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connectors.contract import TargetSession
from connectors.errors import LeaseLost
from connectors.objects import Journaled, ObjectId, ObjectKind, Step, StepState
from connectors.schema import TableName
from jobs.planning.plan import Plan
from jobs.running.aside import Aside

TABLE = TableName(None, "t")
KEY = ObjectId(ObjectKind.FOREIGN_KEY, TABLE, "k")


class Target:
    """As much of a target as sets aside: its journal in memory."""

    def __init__(self, known: Sequence[Journaled]) -> None:
        self.known = {(one.run_id, one.step.id): one for one in known}
        self.ledger = self
        self.superseded = False
        self.gone: list[Step] = []

    def journal(self) -> list[Journaled]:
        return list(self.known.values())

    def intend(self, run_id: str, _: int, steps: Sequence[Step]) -> None:
        self.known |= {(run_id, step.id): Journaled(run_id, step, "intended") for step in steps}

    def mark(self, run_id: str, steps: Sequence[Step], state: StepState) -> None:
        if self.superseded:
            raise LeaseLost("another driver has taken over this run")
        self.known |= {(run_id, step.id): Journaled(run_id, step, state) for step in steps}

    def suspend(self, steps: Sequence[Step]) -> None:
        self.gone += steps


def key(*restore: str, suspend: tuple[str, ...] = ("drop",)) -> Step:
    return Step(KEY, TABLE, suspend, restore)


def aside(target: Target, *, suspended: tuple[Step, ...] = (), late: tuple[Step, ...] = ()) -> Aside:
    given: dict[str, Any] = {"tables": [SimpleNamespace(name=TABLE)], "suspended": suspended, "late": late}
    plan = cast(Plan, SimpleNamespace(disable_constraints=True, **given))
    return Aside(plan, cast(TargetSession, target), "ours", 1)


def begun(target: Target, **given: tuple[Step, ...]) -> list[Step]:
    found = aside(target, **given)
    found.begin([TABLE])
    return found.steps


@pytest.mark.parametrize("late", [(), (key("add", suspend=()),)])
def test_what_an_earlier_run_s_rows_broke_comes_back_as_that_run_knew_it_and_goes_as_it_is_now(
    late: tuple[Step, ...],
) -> None:
    target = Target([Journaled("theirs", key("add", "prove", suspend=()), "violated")])
    assert begun(target, suspended=(key("add"),), late=late) == [key("add", "prove")]
    assert {one.run_id: one.state for one in target.journal()} == {"theirs": "restored", "ours": "suspended"}


@pytest.mark.parametrize("where", ["suspended", "late"])
def test_what_somebody_has_changed_since_an_earlier_run_comes_back_as_it_is_now(where: str) -> None:
    target = Target([Journaled("theirs", key("add", "prove"), "violated")])
    assert begun(target, **{where: (key("add it otherwise"),)}) == [key("add it otherwise")]


def test_our_own_journal_knows_best() -> None:
    target = Target([Journaled("ours", key("add", "prove"), "suspended")])
    assert begun(target, suspended=(key("add it otherwise"),)) == [key("add", "prove")]


def test_a_driver_that_slept_until_it_was_superseded_takes_nothing_away() -> None:
    target = Target([])
    target.superseded = True
    with pytest.raises(LeaseLost):
        begun(target, suspended=(key("add"),))
    assert target.gone == []
