"""What every part of the control store stands on: its transactions, and the operations in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from jobs.control.database import in_a_file, shown, told
from jobs.control.rows import OperationRow
from jobs.control.tables import operations
from jobs.errors import UsageError

_THIS = operations.c.id == sa.bindparam("reference")
_HOLD = operations.select().where(_THIS).with_for_update()
_CHANGE = operations.update().where(_THIS)


class Base:
    """The open store. Threads may share one."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.place = shown(engine.url)
        self.in_a_file = in_a_file(engine.url)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with told(self.place), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with told(self.place), self._engine.connect().execution_options(reading=True) as connection, connection.begin():
            yield connection

    def get(self, reference: str) -> OperationRow:
        """The operation of this ID, or of the only one that begins so, with or without its date: `op-20261121-3f9a2c`,
        `3f9a`. Raises UsageError."""
        with self._reading() as connection:
            return self._find(connection, reference)

    def _find(self, connection: sa.Connection, reference: str) -> OperationRow:
        found: list[OperationRow] = []
        if re.fullmatch(r"[0-9a-z-]+", reference):
            found = self._which(connection, operations.c.id == reference) or self._which(
                connection, sa.or_(*(operations.c.id.like(f"{head}{reference}%") for head in ("", "op-________-")))
            )
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(sorted(row.id for row in found))
            raise UsageError("more than one operation begins so", reference, f"write more of it: {names}")
        raise UsageError("there is no such operation", reference, "see the operations there are with: dbagent list")

    def _which(self, connection: sa.Connection, condition: sa.ColumnElement[bool]) -> list[OperationRow]:
        return [OperationRow.of(row) for row in connection.execute(operations.select().where(condition).limit(20))]

    def _hold(self, connection: sa.Connection, reference: str) -> OperationRow:
        """The operation, locked until this transaction ends. Raises UsageError."""
        row = connection.execute(_HOLD, {"reference": reference}).first()
        if row is None:
            row = connection.execute(_HOLD, {"reference": self._find(connection, reference).id}).one()
        return OperationRow.of(row)

    def _change(self, connection: sa.Connection, row: OperationRow, **changes: Any) -> OperationRow:
        """The operation, which this transaction holds, with these changes."""
        connection.execute(_CHANGE, {"reference": row.id, **changes})
        return replace(row, **changes)
