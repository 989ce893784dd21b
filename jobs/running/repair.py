"""Repair: bring back what runs that ended have left suspended in a target, after a crash at any point, as often as asked.

What a run has loaded only in part may break a foreign key that comes back. Such rows are no copy of anything and the
first thing a resume removes, so they go: the target is then as it was before the run, but for its rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import suppress
from dataclasses import dataclass, replace

from connectors.contract import Connector, Endpoint, RunRecord, TargetSession
from connectors.errors import ConnectorError, LeaseHeld, NotFound, RowsChanged
from connectors.objects import ObjectKind, Restored, Step
from connectors.schema import ForeignKey, TableName
from jobs.running.heart import PATIENCE, Heart, Progress
from jobs.running.holder import alive, holder
from jobs.running.locked import Patience
from jobs.running.restoring import Restoring

SESSIONS = 4
"""How many objects are restored at once where no operation says how many connections it may use."""
POLL = 0.25
QUIET = 5.0
"""Seconds after which it says how far it is."""


@dataclass(frozen=True)
class Repaired:
    """What became of one object."""

    run_id: str
    step: Step
    restored: Restored | None
    """None: it is not back."""
    problem: str = ""
    """Why not."""
    gone: bool = False
    """It went with what it was made of: there is nothing to bring back."""

    @property
    def outcome(self) -> str:
        if self.gone:
            return self.problem
        if self.restored is None:
            return "not restored"
        return "violated" if self.restored.violations else "restored"


Tell = Callable[[str], None]
"""Told what is going on: for whose lock we wait, else how much is back; an empty text when there is nothing to say."""


def repair(connector: Connector, endpoint: Endpoint, tell: Tell, run: str | None = None
           ) -> tuple[list[Repaired], LeaseHeld | None]:  # fmt: skip
    """Bring back what runs that are over, or whose drivers are dead, have left; or one `run` of them. Second, who is at work
    on tables of which there would be more. Raises ConnectorError; what was repaired until then is."""
    target = connector.target(endpoint)
    try:
        ledger = target.ledger
        left = [e for e in ledger.journal() if e.state != "restored" and run in (None, e.run_id)]
        runs = {run.run_id: run for run in ledger.runs()}
        # A table's newest run is the one that goes on with it: its lease must not become an older one's.
        owners = {name: run for run in runs.values() for name in ledger.held(run.run_id)} if left else {}
        groups: dict[tuple[str, str], list[Step]] = {}
        for entry in left:
            owner = owners.get(str(entry.step.table), runs[entry.run_id])
            groups.setdefault((owner.run_id, entry.run_id), []).append(entry.step)
        found: list[Repaired] = []
        busy: LeaseHeld | None = None
        for (owner_id, run_id), steps in groups.items():
            try:
                found += _repaired(connector, endpoint, target, runs[owner_id], run_id, steps, tell)
            except LeaseHeld as problem:
                busy = problem
        return found, busy
    finally:
        with suppress(ConnectorError):
            target.close()


def _repaired(connector: Connector, endpoint: Endpoint, target: TargetSession, owner: RunRecord, run_id: str,
              steps: Sequence[Step], tell: Tell) -> list[Repaired]:  # fmt: skip
    """The steps of one run, under the lease of the run that goes on with their tables."""
    ledger = target.ledger
    held = ledger.held(owner.run_id)
    ours = {state.target for state in ledger.tables(owner.run_id) if state.target in held}
    fence = ledger.acquire(owner, sorted(ours | {str(step.table) for step in steps}), holder(), alive)

    def connect() -> TargetSession:
        return connector.target(replace(endpoint, application=f"dbagent/{owner.run_id}/{fence}/"))

    def brief() -> TargetSession:
        return connector.target(replace(endpoint, patience=PATIENCE))

    try:
        target.end_sessions(f"dbagent/{owner.run_id}/")
        with Heart(brief, owner.run_id, fence, lambda states: Progress.of(states, 0, 0), lambda _: None) as heart:
            back = Back(connect, SESSIONS, connector.facts.restores_together, heart.check, tell)
            return bring_back(target, run_id, steps, back)
    finally:
        with suppress(ConnectorError):
            ledger.release(owner.run_id, fence)


@dataclass(frozen=True)
class Back:
    """How things are brought back."""

    connect: Callable[[], TargetSession]
    sessions: int
    together: bool
    check: Callable[[], None] = lambda: None
    tell: Tell = lambda _: None


def bring_back(target: TargetSession, run_id: str, steps: Sequence[Step], back: Back) -> list[Repaired]:
    """Restore these steps of a run; we hold the leases of its tables. Raises ConnectorError where the target itself
    fails."""
    schema = target.schema()
    gone = [
        Repaired(run_id, step, None, "its table is gone", gone=True) for step in steps if schema.get(step.table) is None
    ]
    alone = {one.step.id for one in gone}
    found = _restored(target, run_id, [step for step in steps if step.id not in alone], back)
    broken = [one.step for one in found if one.restored and one.restored.violations and _is_key(one.step)]
    if broken and _emptied(target, run_id, broken):
        again = _restored(target, run_id, broken, back)
        found = [one for one in found if one.step not in broken] + again
    found += gone
    if over := [one.step for one in found if one.gone]:
        target.ledger.mark(run_id, over, "restored")
    return found


def _restored(target: TargetSession, run_id: str, steps: Sequence[Step], back: Back) -> list[Repaired]:
    """All of them, several at once."""
    references = referenced(key for table in target.schema().tables for key in table.foreign_keys)
    patience = Patience()
    restoring = Restoring(back.connect, steps, together=back.together, most=back.sessions, references=references,
                          patience=patience)  # fmt: skip
    for name in dict.fromkeys(step.table for step in steps):
        restoring.loaded(name, None)
    restoring.all_in()
    found: list[Repaired] = []
    began = time.monotonic()
    try:
        while not restoring.over:
            restoring.start(back.sessions)
            done, _ = wait(restoring.futures, timeout=POLL, return_when=FIRST_COMPLETED)
            for future in restoring.futures & done:
                restored = restoring.came_home(future)
                remember(target, run_id, restored)
                found += [Repaired(run_id, one.step, one) for one in restored]
            back.check()
            back.tell(patience.told or (str(restoring) if time.monotonic() - began >= QUIET else ""))
    finally:
        restoring.close()
    return found + [_not_back(run_id, s, problem) for job, problem in restoring.failed for s in job.steps]


def _not_back(run_id: str, step: Step, problem: ConnectorError) -> Repaired:
    """What is not there any more, the server itself says: a column, the table that a key leads to."""
    if isinstance(problem, NotFound):
        return Repaired(run_id, step, None, f"gone: {problem.what}", gone=True)
    code = f" [{problem.code}]" if problem.code else ""
    return Repaired(run_id, step, None, f"{problem.what}{code}" + (f"; {problem.todo}" if problem.todo else ""))


def remember(target: TargetSession, run_id: str, found: Sequence[Restored]) -> None:
    """Mark in the journal what is back."""
    whole = [one.step for one in found if not one.violations]
    broken = [one.step for one in found if one.violations]
    if whole:
        target.ledger.mark(run_id, whole, "restored")
    if broken:
        target.ledger.mark(run_id, broken, "violated")


def _emptied(target: TargetSession, run_id: str, broken: Sequence[Step]) -> bool:
    """Whether rows went: those of tables that the run has loaded in part, with those that reference them, as far as they
    hold the run's own rows and no others. What another run has had since is that one's."""
    ledger, schema = target.ledger, target.schema()
    states = {state.target: state for state in ledger.tables(run_id)}
    names = {name for name in (table.name for table in schema.tables) if str(name) in states}
    going = {name for name in names if states[str(name)].state == "prepared"}
    keys = [key for table in schema.tables for key in table.foreign_keys]
    for _ in names:  # as far as references reach
        going |= {key.table for key in keys if key.referenced in going} & names
    if not any(step.table in going for step in broken) or not {str(name) for name in going} <= ledger.held(run_id):
        return False
    if any(states[str(name)].rows_before for name in going):
        return False
    try:
        target.empty(sorted(going), {name: states[str(name)].rows for name in going})
    except RowsChanged:
        return False
    for name in going:
        ledger.prepared(run_id, replace(states[str(name)], state="prepared", rows=0))
    return True


def referenced(keys: Iterable[ForeignKey]) -> Mapping[TableName, frozenset[TableName]]:
    """Table → the tables it references."""
    found: dict[TableName, frozenset[TableName]] = {}
    for key in keys:
        found[key.table] = found.get(key.table, frozenset()) | {key.referenced}
    return found


def _is_key(step: Step) -> bool:
    return step.id.kind is ObjectKind.FOREIGN_KEY
