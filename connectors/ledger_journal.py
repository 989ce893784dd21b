"""The journal for SQL engines: what waits while rows come, remembered in the target before anything is changed there.

Statements are kept as JSON: they are definitions, and hold no value of a cell.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from connectors.errors import NotFound
from connectors.objects import Journaled, ObjectId, ObjectKind, Step, StepState
from connectors.schema import TableName

if TYPE_CHECKING:
    from connectors.ledger import Sql


class SqlJournal(ABC):
    """`objects.Journal`, for the ledger, which runs its statements and holds the leases."""

    _sql: Sql

    @abstractmethod
    def _run(self, statement: str, *values: object) -> int: ...
    @abstractmethod
    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]: ...
    @abstractmethod
    def _check(self, run_id: str, fence: int, target: str) -> None: ...
    @abstractmethod
    def hold(self, targets: Iterable[str]) -> None: ...

    def intend(self, run_id: str, fence: int, steps: Sequence[Step]) -> None:
        with self._sql.transaction():
            for target in sorted({str(step.table) for step in steps}):
                self._check(run_id, fence, target)
            [(last,)] = self._rows("SELECT coalesce(max(number), 0) FROM {steps}")
            for number, step in enumerate(steps, start=int(last) + 1):
                self._run("DELETE FROM {steps} WHERE run_id = ? AND step = ?", run_id, _key(step.id))
                self._run(
                    "INSERT INTO {steps} (run_id, step, number, state, definition) VALUES (?, ?, ?, 'intended', ?)",
                    run_id,
                    _key(step.id),
                    number,
                    _written(step),
                )

    def mark(self, run_id: str, steps: Sequence[Step], state: StepState) -> None:
        with self._sql.transaction():
            self.hold({str(step.table) for step in steps})
            for step in steps:
                self._run("UPDATE {steps} SET state = ? WHERE run_id = ? AND step = ?", state, run_id, _key(step.id))

    def journal(self) -> list[Journaled]:
        try:
            found = self._rows("SELECT run_id, definition, state FROM {steps} ORDER BY number, run_id")
        except NotFound:  # nothing was ever copied here, or by a version that suspended nothing
            return []
        return [Journaled(run_id, _read(definition), state) for run_id, definition, state in found]

    def forget(self, run_id: str) -> None:
        with self._sql.transaction():
            self._run("DELETE FROM {steps} WHERE run_id = ? AND state = 'restored'", run_id)


def _key(step: ObjectId) -> str:
    """What tells a run's steps apart: names may be longer than a key."""
    return hashlib.sha256(json.dumps([step.kind.value, _named(step.table), step.name]).encode()).hexdigest()


def _written(step: Step) -> str:
    return json.dumps(
        {
            "kind": step.id.kind.value,
            "of": _named(step.id.table),
            "name": step.id.name,
            "table": _named(step.table),
            "suspend": step.suspend,
            "restore": step.restore,
        }
    )


def _read(text: str) -> Step:
    given = json.loads(text)
    of = None if given["of"] is None else TableName(*given["of"])
    return Step(
        ObjectId(ObjectKind(given["kind"]), of, given["name"]),
        TableName(*given["table"]),
        tuple(given["suspend"]),
        tuple(given["restore"]),
    )


def _named(table: TableName | None) -> list[str | None] | None:
    return None if table is None else [table.schema, table.name]
