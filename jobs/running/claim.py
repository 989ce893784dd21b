"""Which operation a request is about: the one named, an unfinished one with the same plan, or a new one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from jobs.config.approvals import People
from jobs.config.request import load_request
from jobs.control.driving import free
from jobs.control.rows import OperationRow
from jobs.control.states import OVER, WAITING
from jobs.control.store import ControlStore, Planned
from jobs.errors import PlanRefused, UsageError
from jobs.planning.plan import Plan, changed
from jobs.planning.render import shown
from jobs.planning.render import table as plan_table
from jobs.running.holder import alive, holder
from jobs.running.workbench import Workbench, open_workbench


class Claim:
    """The operation to work on, from before the plan looks at the target until a driver holds it: no other driver may work
    on it in between, or the plan may be wrong."""

    def __init__(self, store: ControlStore, named: OperationRow | None) -> None:
        self._store = store
        self._seen = None if named is None or named.status in OVER else named
        self._named = self._seen is not None

    def look(self, plan: Plan) -> str | None:
        """The run of the operation named, or of the unfinished one with this plan."""
        if not self._named:
            self._seen = self._store.latest(plan.sha256, plan.target_env)
        return self._seen.run_id if self._seen and self._seen.status not in OVER else None

    def look_alone(self, plan: Plan) -> str | None:
        """The same. Raises AlreadyRunning where another driver is at work on it."""
        found = self.look(plan)
        if self._seen is not None:
            free(self._seen, holder(), alive)
        return found

    def hold_to(self, plan: Plan) -> None:
        """Raises UsageError where the operation named has run under another plan than this: what it may do is what its own
        says."""
        if not self._named or self._seen is None or self._seen.status in WAITING:
            return
        if self._seen.plan_sha256 != plan.sha256:
            raise UsageError(
                f"the operation is no longer what was planned; changed: {_differs(self._seen, plan)}",
                f"operation {self._seen.id}",
                "run the operation's file: that makes a new operation with the new plan; what this one has loaded goes"
                " with `if_target_not_empty: truncate`",
            )

    def stake(self, bench: Workbench, people: People, console: Console) -> OperationRow:
        """The operation to work on: the one named, the unfinished one of this very plan, or a new one that waits for
        approval. Raises AlreadyRunning where another driver has run it since the first look, UsageError."""
        plan = bench.plan
        planned = Planned(plan.sha256, plan.what, shown(plan))
        if self._seen is None or not self._named:
            definition = bench.operation.model_dump(mode="json")
            row = self._store.find_or_create(
                definition, planned, requested_by=self._store.person(), people=people, seen=self._seen
            )
            self._tell_what_changed(row, console)
            return row
        if self._seen.plan_sha256 == plan.sha256:
            return self._seen
        self.hold_to(plan)
        differs = _differs(self._seen, plan)
        console.print(f"the plan is not the one that was requested, only its own approvals count; changed: {differs}")
        return self._store.replan(self._seen.id, planned, differs, person=self._store.person(), people=people)

    def _tell_what_changed(self, row: OperationRow, console: Console) -> None:
        """Of a request that was made before, and approved perhaps, under another plan."""
        others = (other for other in self._store.recent(RECENT) if other.definition == row.definition)
        before = next((other for other in others if other.id != row.id), None)
        if before is not None and row.status in WAITING and before.plan_sha256 != row.plan_sha256:
            differs = ", ".join(changed(before.plan_what, row.plan_what))
            console.print(f"the plan is not that of operation {before.id}; changed: {differs}", markup=False)


RECENT = 200
"""So many operations back an earlier one of the same request is looked for."""


def _differs(row: OperationRow, plan: Plan) -> str:
    return ", ".join(changed(row.plan_what, plan.what)) or "the plan"


def look(file: Path, environments_path: Path | None, control_url: str | None) -> Plan:
    """The plan of what a file asks for, as `create` and `run` would make it now. Nothing is written anywhere. Raises what
    jobs.errors maps."""
    operation, settings = load_request(file, environments_path)
    with ExitStack() as opened:
        store = ControlStore.look(control_url)
        if store is None:
            return opened.enter_context(open_workbench(operation, settings)).plan
        opened.enter_context(store)
        return opened.enter_context(open_workbench(operation, settings, Claim(store, None).look, store=store)).plan


def create(file: Path, *, environments_path: Path | None, store: ControlStore, console: Console
           ) -> tuple[OperationRow, People]:  # fmt: skip
    """Plan what a file asks for and record it, to be approved. Returns the operation, and who may fill which role. Raises
    what jobs.errors maps."""
    operation, settings = load_request(file, environments_path)
    claim = Claim(store, None)
    with open_workbench(operation, settings, claim.look, store=store) as bench:
        console.print(plan_table(bench.plan))
        if bench.plan.errors:
            raise PlanRefused(bench.plan.errors)
        return claim.stake(bench, settings.approvals.people, console), settings.approvals.people
