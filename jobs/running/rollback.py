"""Undoing what an operation has changed in its target's schema: the recorded reverses, newest first. Whatever is undone
already, by hand or by an earlier attempt, is only marked; killed at any moment, the next attempt goes on."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.contract import RunRecord, TargetSession, connector
from connectors.errors import ConnectorError
from connectors.objects import ObjectKind, SchemaObject
from jobs.config.environment import choose, load_environments
from jobs.control.changes import ChangeRow
from jobs.control.driving import free
from jobs.control.rows import OperationRow
from jobs.control.store import ControlStore
from jobs.errors import PlanRefused, UsageError
from jobs.planning.findings import Finding, error
from jobs.planning.plan import END, fingerprint
from jobs.running.aside import is_open
from jobs.running.holder import alive, holder


@dataclass(frozen=True)
class Reverse:
    """One change, and what is left to do about it."""

    change: ChangeRow
    down: tuple[str, ...]
    """Empty: it is undone already."""


def roll_back(reference: str, *, confirm: str | None, environments_path: Path | None, control_url: str | None
              ) -> tuple[OperationRow, list[Reverse]]:  # fmt: skip
    """Undo an operation's schema changes. `confirm` names the environment whose rows may go with what is dropped. Returns
    what was done. Raises ConnectorError, UsageError, PlanRefused with everything that stands in the way, AlreadyRunning."""
    with ControlStore.open(control_url) as store:
        row = store.get(reference)
        free(row, holder(), alive)
        if confirm not in (None, row.target_env):
            raise UsageError(f"the target is {row.target_env}", f"--confirm {confirm}", "name the target, or nothing")
        changes = [change for change in store.schema_changes(row.id) if change.status != "undone"]
        [environment] = choose(load_environments(environments_path), {f"operation {row.id}": row.target_env})
        endpoint = environment.endpoint(row.target_env, "dbagent/driver")
        _same_place(row, endpoint, environment.writable)
        if not changes:
            return row, []
        try:
            with closing(connector(environment.engine).target(endpoint)) as target:
                return row, _undo(row, changes, target, store, confirmed=confirm is not None)
        except ConnectorError as problem:
            raise problem.at(row.target_env) from None


def _same_place(row: OperationRow, endpoint: Any, writable: bool) -> None:
    """Raises UsageError where the target's name leads somewhere else by now."""
    planned = row.plan_what.get("target", {})
    if any(planned.get(name) != getattr(endpoint, name) for name in END):
        what = f"{row.target_env} is another database now than the operation's"
        raise UsageError(what, f"operation {row.id}", "name the environments file that it ran with")
    if not writable:
        raise UsageError("the environment is not writable", row.target_env, "set `writable: true` if it may be changed")


def _undo(row: OperationRow, changes: Sequence[ChangeRow], target: TargetSession, store: ControlStore, *, confirmed: bool
          ) -> list[Reverse]:  # fmt: skip
    ledger = target.ledger
    ledger.create()
    waiting = [entry for entry in ledger.journal() if entry.run_id == row.run_id and is_open(entry)]
    if waiting:
        what = f"its run has set {len(waiting)} objects aside and not brought back"
        raise UsageError(what, f"operation {row.id}", f"bring them back first: dbagent repair {row.target_env}")
    there = {str(found.id): found for found in target.objects().made}
    reverses, findings = reversed_changes(changes, there)
    findings += [] if confirmed else _lost(row, reverses, there, target)
    if findings:
        raise PlanRefused(findings)
    sha256 = fingerprint({"rollback": row.id})
    run = RunRecord(uuid.uuid4().hex[:12], row.id, sha256, row.source_env, "running", time.time(), None)
    tables = sorted({change.table_name for change in changes if change.table_name is not None})
    fence = ledger.acquire(run, tables, holder(), alive, inherits=False)
    try:
        for reverse in reverses:
            ledger.renew(run.run_id, fence)
            if reverse.down:
                target.apply(reverse.down, reverse.change.object)
            store.undone(reverse.change)
        store.note_undone(row, f"{sum(bool(reverse.down) for reverse in reverses)} of {len(changes)} changes")
        ledger.finished(run.run_id)
    except BaseException:
        with suppress(ConnectorError):
            ledger.abandoned(run.run_id)
        raise
    finally:
        ledger.release(run.run_id, fence)
    return reverses


def reversed_changes(
    changes: Sequence[ChangeRow], there: dict[str, SchemaObject]
) -> tuple[list[Reverse], list[Finding]]:
    """What is to be done about each change, newest first, and which of them somebody has built upon since. Pure."""
    standing = {name: found.definition for name, found in there.items()}
    found, findings = [], []
    for change in reversed(changes):
        now = standing.get(change.object)
        if now == change.before:  # as it was before
            found.append(Reverse(change, ()))
            continue
        if now != change.after and change.action == "alter":
            what = "it was changed after the operation: undoing would lose that"
            findings.append(error(change.object, what, "undo by hand what is meant: dbagent schema changes lists it"))
            continue
        found.append(Reverse(change, tuple(change.down)))
        if change.before is None:
            standing.pop(change.object, None)
            if change.kind == ObjectKind.TABLE.value:
                gone = {name for name, one in there.items() if str(one.id.table) == change.table_name}
                standing = {name: definition for name, definition in standing.items() if name not in gone}
        else:
            standing[change.object] = change.before
    return found, findings


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
            if not target.is_empty(found.id.table):
                what = "it holds rows, which would be lost"
                todo = f"if that is meant: dbagent schema rollback {row.id} --confirm {row.target_env}"
                findings.append(error(found.id, what, todo))
            elif found.definition != reverse.change.after:
                what = "it was changed after the operation"
                todo = f"if it may go all the same: dbagent schema rollback {row.id} --confirm {row.target_env}"
                findings.append(error(found.id, what, todo))
    return findings
