"""What the control store's rows look like to the rest of the program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa

from jobs.control.states import OperationStatus, Stop, TaskStatus

LIVE = timedelta(seconds=60)
"""A driver that was not heard of for so long counts as dead."""


@dataclass(frozen=True)
class OperationRow:
    """One operation, as `database_operations` has it."""

    id: str
    operation_type: str
    source_env: str
    target_env: str
    tables: Any
    filter_conditions: dict[str, str]
    anonymize: bool
    parallel_workers: int
    disable_constraints: bool | None
    column_mappings: dict[str, Any] | None
    domain_id: str | None
    definition: dict[str, Any]
    plan_sha256: str
    plan_what: dict[str, Any]
    plan_how: dict[str, Any] | None
    requested_by: str
    status: OperationStatus
    run_id: str | None
    holder: str | None
    workers: int | None
    heartbeat_at: datetime | None
    stop_requested: Stop | None
    tables_completed: int
    tables_total: int
    rows_copied: int
    rows_before: int
    rows_total: int
    bytes_transferred: int
    current_table: str | None
    created_at: datetime
    scheduled_at: datetime | None
    started_at: datetime | None
    moving_since: datetime | None
    completed_at: datetime | None
    error: str | None
    report: dict[str, Any] | None

    @classmethod
    def of(cls, row: sa.Row[Any]) -> OperationRow:
        return cls(**row._mapping)

    @property
    def live(self) -> bool:
        """Its driver was heard of lately."""
        return self.status == "running" and self.heartbeat_at is not None and now() - self.heartbeat_at < LIVE


@dataclass(frozen=True)
class TaskRow:
    """One phase of one table, as `migration_control` has it."""

    id: int
    operation_id: str
    table_name: str
    phase: str
    operation: str
    status: TaskStatus
    records_processed: int
    total_records: int
    batch_size: int | None
    worker_id: str | None
    source_query: str | None
    started_at: datetime | None
    completed_at: datetime | None
    error_message: str | None

    @classmethod
    def of(cls, row: sa.Row[Any]) -> TaskRow:
        return cls(**row._mapping)


def now() -> datetime:
    return datetime.now(timezone.utc)
