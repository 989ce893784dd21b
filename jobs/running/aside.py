"""Setting aside: what is to wait while rows come is written into the target's journal, and only then suspended.

A run that goes on finds its own steps there. What another run had left broken by its rows becomes this run's, whose rows
take the place of those. (What another run had left suspended stops the plan: `leftovers`.)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from connectors.contract import TargetSession
from connectors.objects import Journaled, ObjectId, Step
from connectors.schema import TableName
from jobs.planning.findings import Finding, error
from jobs.planning.plan import Plan
from jobs.planning.suspending import counted


def is_open(entry: Journaled) -> bool:
    """It is suspended, or may be."""
    return entry.state in ("intended", "suspended")


class Aside:
    """What one epoch sets aside."""

    def __init__(self, plan: Plan, target: TargetSession, run_id: str, fence: int) -> None:
        self._plan, self._target, self._run_id, self._fence = plan, target, run_id, fence
        self._journal = target.ledger.journal() if waits(plan) else []
        self.touched = frozenset(entry.step.table for entry in self._journal)
        """Tables whose definition was changed by our own hand: they may still be the same ones."""
        self.steps: list[Step] = []
        """Everything that is to be restored when rows are there."""

    def begin(self, names: Collection[TableName]) -> None:
        """Suspend what the plan says of the tables that are begun anew. Raises ConnectorError; what is suspended then is in
        the journal."""
        self.steps = _waiting(self._plan, self._journal, self._run_id, names)
        if not self.steps:
            return
        ledger = self._target.ledger
        ledger.intend(self._run_id, self._fence, self.steps)
        for entry in _broken(self._plan, self._journal, self._run_id):
            ledger.mark(entry.run_id, [entry.step], "restored")
        for table in dict.fromkeys(step.table for step in self.steps):
            found = [step for step in self.steps if step.table == table and step.suspend]
            if found and table in names:
                ledger.mark(self._run_id, found, "intended")  # it is ours still, however long we slept meanwhile
                self._target.suspend(found)
                ledger.mark(self._run_id, found, "suspended")


def forget(plan: Plan, target: TargetSession, run_id: str) -> None:
    """The run is complete: what it had suspended is history, and so is what runs that are over had of its tables."""
    if not waits(plan):
        return
    over = {run.run_id for run in target.ledger.runs() if run.state != "running"}
    ours = {table.name for table in plan.tables}
    for found in {entry.run_id for entry in target.ledger.journal() if entry.step.table in ours} & {*over, run_id}:
        target.ledger.forget(found)


def waits(plan: Plan) -> bool:
    """Whether anything of the plan may have to wait."""
    return plan.disable_constraints or bool(plan.late) or bool(plan.suspended)


def _waiting(plan: Plan, journal: Sequence[Journaled], run_id: str, begun: Collection[TableName]) -> list[Step]:
    """The steps of the plan and those that the journal knows. Of this run's the journal's words count: it saw the object as
    it was. Of another's the plan's, where they are others: somebody has changed since what that one's rows broke."""
    own = [entry for entry in journal if entry.run_id == run_id]
    done = {entry.step.id for entry in own if entry.state == "restored"}
    steps: dict[ObjectId, Step] = {step.id: step for step in plan.suspended if step.table in begun}
    going = {step.id: step.suspend for step in steps.values()}
    steps |= {step.id: step for step in plan.late if step.table in begun or step.id not in done}
    for entry in _broken(plan, journal, run_id):
        planned = steps.get(entry.step.id)
        if planned is None or planned.restore[:1] == entry.step.restore[:1]:
            steps[entry.step.id] = replace(entry.step, suspend=going.get(entry.step.id, entry.step.suspend))
    steps |= {entry.step.id: entry.step for entry in own if entry.state != "restored"}
    return list(steps.values())


def _broken(plan: Plan, journal: Sequence[Journaled], run_id: str) -> list[Journaled]:
    """What rows of earlier runs break, of tables that this one fills."""
    ours = {table.name for table in plan.tables}
    return [e for e in journal if e.run_id != run_id and e.state == "violated" and e.step.table in ours]


def told(plan: Plan, left: Sequence[Step]) -> str:
    """What a run that stopped has left suspended, for people."""
    if not left:
        return ""
    is_, it = ("is", "it") if len(left) == 1 else ("are", "them")
    return (
        f"until then {', '.join(counted(left))} of {plan.target_env} {is_} set aside: to bring {it} back without the run,"
        f" dbagent repair {plan.target_env}"
    )


def leftovers(plan: Plan, journal: Sequence[Journaled], run_id: str | None) -> list[Finding]:
    """What other runs have suspended on the tables that the plan loads or changes, and not brought back."""
    ours = {table.name for table in plan.tables} | {c.table for c in (plan.schema.changes if plan.schema else ())}
    left = [e for e in journal if e.run_id != run_id and is_open(e) and e.step.table in ours]
    by_run = {(e.step.table, e.run_id): [o.step for o in left if (o.step.table, o.run_id) == (e.step.table, e.run_id)]
              for e in left}  # fmt: skip
    return [
        error(
            f"{plan.target_env}: {table}",
            f"run {other} has set {' and '.join(counted(steps))} of it aside and not brought back"
            f" ({', '.join(step.id.name for step in steps)})",
            f"wait for that run if it is at work, resume it, or bring them back with: dbagent repair {plan.target_env}",
        )
        for (table, other), steps in by_run.items()
    ]
