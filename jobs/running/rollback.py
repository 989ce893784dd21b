"""Undoing what an operation has changed in its target's schema: the recorded reverses, newest first. Whatever is undone
already, by hand or by an earlier attempt, is only marked; killed at any moment, the next attempt goes on."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any

from connectors.contract import RunRecord, TargetSession, connector
from connectors.errors import ConnectorError
from connectors.facts import Facts
from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.schema import TableName
from jobs.config.environment import choose, load_environments
from jobs.config.names import parse_table
from jobs.control.changes import ChangeRow
from jobs.control.driving import free
from jobs.control.rows import OperationRow
from jobs.control.store import ControlStore
from jobs.errors import PlanRefused, UsageError
from jobs.planning.findings import Finding, error
from jobs.planning.permitted import Work, unpermitted
from jobs.planning.plan import END, fingerprint
from jobs.planning.schema_plan import clashes
from jobs.running.aside import is_open
from jobs.running.heart import PATIENCE, Heart, Progress
from jobs.running.holder import alive, holder
from jobs.running.unfinished import begun


@dataclass(frozen=True)
class Reverse:
    """One change, and what is left to do about it."""

    change: ChangeRow
    down: tuple[str, ...]
    """Empty: it is undone already."""


@dataclass(frozen=True)
class Undone:
    """What was done about an operation's changes."""

    row: OperationRow
    reverses: Sequence[Reverse] = ()
    told: Sequence[Finding] = ()
    """What did not stand in the way, and whoever asked must know."""


def roll_back(
    reference: str, *, confirm: str | None, environments_path: Path | None, control_url: str | None
) -> Undone:
    """Undo an operation's schema changes. `confirm` names the environment whose rows may go with what is dropped. Raises
    ConnectorError, UsageError, PlanRefused with everything that stands in the way, AlreadyRunning."""
    with ControlStore.open(control_url) as store:
        row = store.get(reference)
        free(row, holder(), alive)
        if confirm not in (None, row.target_env):
            raise UsageError(f"the target is {row.target_env}", f"--confirm {confirm}", "name the target, or nothing")
        [environment] = choose(load_environments(environments_path), {f"operation {row.id}": row.target_env})
        endpoint = environment.endpoint(row.target_env, "dbagent/driver")
        _same_place(row, endpoint, environment.writable)
        if not _standing(row, store):
            return Undone(row)
        try:
            engine = connector(environment.engine)
            with closing(engine.target(endpoint)) as target:
                undoing = Undoing(row, store, target, engine.facts, confirmed=confirm is not None)
                return undoing.execute(lambda: engine.target(replace(endpoint, patience=PATIENCE)))
        except ConnectorError as problem:
            raise problem.at(row.target_env) from None


def _standing(row: OperationRow, store: ControlStore) -> list[ChangeRow]:
    return [change for change in store.schema_changes(row.id) if change.status != "undone"]


def _same_place(row: OperationRow, endpoint: Any, writable: bool) -> None:
    """Raises UsageError where the target's name leads somewhere else by now."""
    planned = row.plan_what.get("target", {})
    if any(planned.get(name) != getattr(endpoint, name) for name in END):
        what = f"{row.target_env} is another database now than the operation's"
        raise UsageError(what, f"operation {row.id}", "name the environments file that it ran with")
    if not writable:
        raise UsageError("the environment is not writable", row.target_env, "set `writable: true` if it may be changed")


@dataclass(frozen=True)
class Undoing:
    """The undoing of one operation."""

    row: OperationRow
    store: ControlStore
    target: TargetSession
    facts: Facts
    _: KW_ONLY
    confirmed: bool
    """Rows may go with what is dropped."""

    def execute(self, connect: Callable[[], TargetSession]) -> Undone:
        """Undo everything, or nothing where something stands in the way. `connect` opens the heartbeat's session."""
        row, ledger = self.row, self.target.ledger
        self._prepare()
        reverses, findings = self._judged()
        tables = sorted({reverse.change.table_name for reverse in reverses if reverse.change.table_name is not None})
        findings += begun(row.target_env, tables, self.target, self.store)
        _refuse(findings)
        sha256 = fingerprint({"rollback": row.id})
        run = RunRecord(uuid.uuid4().hex[:12], row.id, sha256, row.source_env, "running", time.time(), None)
        fence = ledger.acquire(run, tables, holder(), alive, inherits=False)
        try:
            with Heart(connect, run.run_id, fence, lambda states: Progress.of(states, 0, 0), lambda _: None) as heart:
                reverses, more = self._judged()  # nobody else changes anything now; until here somebody may have
                _refuse(more)
                self._apply(reverses, heart)
            ledger.finished(run.run_id)
        except BaseException:
            with suppress(ConnectorError):
                ledger.abandoned(run.run_id)
            raise
        finally:
            with suppress(ConnectorError):
                ledger.release(run.run_id, fence)
        return Undone(row, reverses, findings)

    def _prepare(self) -> None:
        row, ledger = self.row, self.target.ledger
        if obstacles := ledger.obstacles():
            raise PlanRefused([error(row.target_env, what) for what in obstacles])
        ledger.create()
        waiting = [entry for entry in ledger.journal() if entry.run_id == row.run_id and is_open(entry)]
        if waiting:
            what = f"its run has set {len(waiting)} objects aside and not brought back"
            raise UsageError(what, f"operation {row.id}", f"bring them back first: dbagent repair {row.target_env}")

    def _judged(self) -> tuple[list[Reverse], list[Finding]]:
        """What is to be done as things are now, and what stands in the way."""
        row, target = self.row, self.target
        there = {str(found.id): found for found in target.objects().made}
        reverses, findings = reversed_changes(_standing(row, self.store), there, row.target_env, self.facts)
        findings += built_since(reverses, self.store.later(row))
        findings += [] if self.confirmed else _lost(row, reverses, there, target)
        works = [Work(reverse.change.object, reverse.change.table_name, reverse.down) for reverse in reverses]
        return reverses, findings + unpermitted(row.target_env, target, works)

    def _apply(self, reverses: Sequence[Reverse], heart: Heart) -> None:
        for reverse in reverses:
            heart.check()
            if reverse.down:
                self.target.apply(reverse.down, reverse.change.object, reverse.change.table_name)
            self.store.undone(reverse.change)
        done = sum(bool(reverse.down) for reverse in reverses)
        self.store.note_undone(self.row, f"{done} of {len(reverses)} changes")


def _refuse(findings: Sequence[Finding]) -> None:
    if errors := [finding for finding in findings if finding.severity == "error"]:
        raise PlanRefused(errors)


def reversed_changes(changes: Sequence[ChangeRow], there: Mapping[str, SchemaObject], where: str, facts: Facts
                     ) -> tuple[list[Reverse], list[Finding]]:  # fmt: skip
    """What is to be done about each change, newest first, and which of them somebody has built upon since. Pure.

    now                           made        altered     dropped
    as before it                  is undone   is undone   is undone
    as after it                   dropped     altered     made
    as before an earlier change   is undone   is undone   is undone
    anything else                 a finding   a finding   a finding
    """
    standing = {name: found.definition for name, found in there.items()}
    found, findings, coming = [], [], []
    for number, change in reversed(list(enumerate(changes))):
        now = standing.get(change.object)
        earlier = {other.before for other in changes[:number] if other.object == change.object}
        if now == change.before or (now not in _ours(change) and now in earlier):
            found.append(Reverse(change, ()))
            continue
        if now not in _ours(change):
            findings.append(error(f"{where}: {change.object}", *_built_upon(change, now)))
            continue
        found.append(Reverse(change, tuple(change.down)))
        if change.before is not None:
            standing[change.object] = change.before
            coming += [_again(change)] if change.action == "drop" else []
            continue
        standing.pop(change.object, None)
        if change.kind == ObjectKind.TABLE.value:
            gone = {name for name, one in there.items() if str(one.id.table) == change.table_name}
            standing = {name: definition for name, definition in standing.items() if name not in gone}
    staying = [one for name, one in there.items() if name in standing]
    return found, findings + clashes(where, coming, staying, facts)


def _ours(change: ChangeRow) -> set[str | None]:
    """What the object is called after the change: as it was wanted, or as the target told it."""
    return {None} if change.after is None else {change.after, change.found or change.after}


def _built_upon(change: ChangeRow, now: str | None) -> tuple[str, str]:
    """What somebody has done to it since, and what to do."""
    if change.action == "drop":
        return "its name is another's now, made after the operation", "drop or rename that one if this shall come back"
    if now is None:
        return "it was dropped after the operation", "make it as it was before by hand: dbagent schema changes lists it"
    listed = "dbagent schema changes lists what the operation did"
    return (
        "it was changed after the operation: undoing would lose that",
        f"drop or undo it by hand if that is meant: {listed}",
    )


def _again(change: ChangeRow) -> SchemaObject:
    """What was dropped, to be made again."""
    kind = ObjectKind(change.kind)
    table = None if change.table_name is None else TableName(*parse_table(change.table_name))
    name = change.object.removeprefix(f"{kind.value} ").removesuffix(f" of {change.table_name}")
    return SchemaObject(ObjectId(kind, table, name), change.before or "", tuple(change.down), tuple(change.up))


def built_since(reverses: Sequence[Reverse], later: Sequence[ChangeRow]) -> list[Finding]:
    """What other operations have done since to what would be undone, or within a table that would go."""

    def touches(reverse: Reverse, other: ChangeRow) -> bool:
        mine = reverse.change
        within = mine.kind == ObjectKind.TABLE.value and mine.table_name == other.table_name
        return bool(reverse.down) and other.id > mine.id and (mine.object == other.object or within)

    since = {(r.change.object, o.operation_id): None for r in reverses for o in later if touches(r, o)}
    return [
        error(object_, f"operation {other} has changed it since", f"undo that first: dbagent schema rollback {other}")
        for object_, other in since
    ]


def _lost(row: OperationRow, reverses: Sequence[Reverse], there: dict[str, SchemaObject], target: TargetSession
          ) -> list[Finding]:  # fmt: skip
    """What holds rows and would go."""
    findings = []
    for reverse in reverses:
        found = there.get(reverse.change.object)
        drops = reverse.change.action == "make" and reverse.change.kind in (
            ObjectKind.TABLE.value,
            ObjectKind.COLUMN.value,
        )
        if drops and reverse.down and found is not None and found.id.table is not None:
            if target.is_empty(found.id.table):
                continue
            what = "it holds rows, which would be lost"
            todo = f"if that is meant: dbagent schema rollback {row.id} --confirm {row.target_env}"
            findings.append(error(found.id, what, todo))
    return findings
