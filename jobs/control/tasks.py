"""Table tasks in the control store: where each phase of each table stands."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from jobs.control.base import Base
from jobs.control.rows import TaskRow, now
from jobs.control.states import TASK, TaskStatus, step
from jobs.control.tables import tasks


class TaskStore(Base):
    """Table tasks."""

    def tasks(self, operation_id: str) -> list[TaskRow]:
        """Every phase of every table, in the order they were put."""
        query = tasks.select().where(tasks.c.operation_id == operation_id).order_by(tasks.c.id)
        with self._reading() as connection:
            return [TaskRow.of(row) for row in connection.execute(query)]

    def add_tasks(
        self, operation_id: str, holder: str, phase: str, operation: str, tables: Mapping[str, tuple[int, str | None]]
    ) -> None:
        """Record one phase of many tables (name → rows there are about, filter) as pending, where nothing is recorded yet.
        Only the holder's word counts."""
        mine = sa.and_(tasks.c.operation_id == operation_id, tasks.c.phase == phase)
        fixed = {"operation_id": operation_id, "phase": phase, "operation": operation, "status": "pending"}
        with self._writing() as connection:
            if self._hold(connection, operation_id).holder != holder:
                return
            known = set(connection.execute(sa.select(tasks.c.table_name).where(mine)).scalars())
            new = [
                {**fixed, "table_name": name, "total_records": total, "source_query": query}
                for name, (total, query) in tables.items()
                if name not in known
            ]
            if new:
                connection.execute(tasks.insert(), new)

    def put_task(
        self,
        operation_id: str,
        holder: str,
        table_name: str,
        phase: str,
        operation: str,
        status: TaskStatus,
        *,
        records_processed: int = 0,
        total_records: int = 0,
        batch_size: int | None = None,
        worker_id: str | None = None,
        source_query: str | None = None,
        error_message: str | None = None,
    ) -> None:
        """Record where one phase of one table stands, all of it: what is not given is empty. Only the holder's word counts.
        Raises ImpossibleTransition."""
        values: dict[str, object] = {
            "operation": operation,
            "status": status,
            "records_processed": records_processed,
            "total_records": total_records,
            "batch_size": batch_size,
            "worker_id": worker_id,
            "source_query": source_query,
            "error_message": error_message,
        }
        key = {"operation_id": operation_id, "table_name": table_name, "phase": phase}
        mine = sa.and_(*(tasks.c[name] == value for name, value in key.items()))
        with self._writing() as connection:
            if self._hold(connection, operation_id).holder != holder:
                return
            before = connection.execute(sa.select(tasks.c.status).where(mine)).scalar()
            if status != (before or "pending"):
                step(TASK, f"table {table_name}, {phase}", before or "pending", status)
                values["completed_at"] = None if status == "running" else now()
                if status == "running":
                    values["started_at"] = now()
            change = tasks.insert().values(**key) if before is None else tasks.update().where(mine)
            connection.execute(change.values(values))
