"""The control store's tables: operations, their table tasks, what they changed in schemas, approvals and the audit trail. None
holds a cell value, a key bound or a secret.

The alembic migrations in `migrations/versions` create them; a test compares the two.
"""

from __future__ import annotations

from datetime import datetime, timezone

import sqlalchemy as sa

HEAD = "0005"
"""The newest migration. A store at this version is opened without loading alembic."""


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment in UTC, whether or not the database knows time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


metadata = sa.MetaData()

operations = sa.Table(
    "database_operations",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("operation_type", sa.String(40), nullable=False),
    sa.Column("source_env", sa.String(200), nullable=False),
    sa.Column("target_env", sa.String(200), nullable=False),
    sa.Column("tables", sa.JSON, nullable=False),
    sa.Column("filter_conditions", sa.JSON, nullable=False),
    sa.Column("anonymize", sa.Boolean, nullable=False),
    sa.Column("parallel_workers", sa.Integer, nullable=False),
    sa.Column("disable_constraints", sa.Boolean),
    sa.Column("column_mappings", sa.JSON(none_as_null=True)),
    sa.Column("domain_id", sa.String(200)),
    sa.Column("definition", sa.JSON, nullable=False, comment="the whole operation; secrets as references"),
    sa.Column("plan_sha256", sa.String(64), nullable=False),
    sa.Column("plan_what", sa.JSON, nullable=False, comment="what plan_sha256 is the hash of"),
    sa.Column(
        "plan_how", sa.JSON(none_as_null=True), comment="what else its approvers see: estimates, warnings, origins"
    ),
    sa.Column("requested_by", sa.String(200), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("run_id", sa.String(40)),
    sa.Column("holder", sa.String(200), comment="the driver at work"),
    sa.Column("workers", sa.Integer, comment="granted to the driver at work"),
    sa.Column("heartbeat_at", UtcDateTime, comment="its last sign of life"),
    sa.Column("stop_requested", sa.String(20), comment="pause or cancel: the driver looks here"),
    sa.Column("tables_completed", sa.Integer, nullable=False, default=0),
    sa.Column("tables_total", sa.Integer, nullable=False, default=0),
    sa.Column("rows_copied", sa.BigInteger, nullable=False, default=0),
    sa.Column("rows_before", sa.BigInteger, nullable=False, default=0, comment="rows_copied when this attempt began"),
    sa.Column("rows_total", sa.BigInteger, nullable=False, default=0, comment="from the source's statistics"),
    sa.Column("bytes_transferred", sa.BigInteger, nullable=False, default=0),
    sa.Column("current_table", sa.String(400)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("scheduled_at", UtcDateTime),
    sa.Column("started_at", UtcDateTime, comment="when this attempt began"),
    sa.Column("moving_since", UtcDateTime, comment="when its first row was about to move: too late to reject it"),
    sa.Column("completed_at", UtcDateTime, comment="when it ended, however it ended"),
    sa.Column("error", sa.Text),
    sa.Column("report", sa.JSON(none_as_null=True), comment="tables, rows, and what was proven"),
    sa.Index("database_operations_plan", "plan_sha256", "target_env"),
    sa.Index("database_operations_status", "status"),
)

tasks = sa.Table(
    "migration_control",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("operation_id", sa.String(40), sa.ForeignKey("database_operations.id"), nullable=False),
    sa.Column("table_name", sa.String(400), nullable=False),
    sa.Column("phase", sa.String(40), nullable=False),
    sa.Column("operation", sa.String(40), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("records_processed", sa.BigInteger, nullable=False, default=0),
    sa.Column("total_records", sa.BigInteger, nullable=False, default=0),
    sa.Column("batch_size", sa.BigInteger),  # bytes of a chunk, about; NULL: not split, or not by this driver
    sa.Column("worker_id", sa.String(200)),
    sa.Column("source_query", sa.Text, comment="filters, never key values"),
    sa.Column("started_at", UtcDateTime),
    sa.Column("completed_at", UtcDateTime),
    sa.Column("error_message", sa.Text),
    sa.UniqueConstraint("operation_id", "table_name", "phase", name="migration_control_task"),
)

schema_changes = sa.Table(
    "schema_changes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("operation_id", sa.String(40), sa.ForeignKey("database_operations.id"), nullable=False),
    sa.Column("target_env", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("table_name", sa.String(400)),
    sa.Column("action", sa.String(20), nullable=False),
    sa.Column("up", sa.JSON, nullable=False, comment="the statements that made it"),
    sa.Column("down", sa.JSON, nullable=False, comment="those that undo it"),
    sa.Column("before", sa.Text, comment="its definition; NULL: it was not there"),
    sa.Column("after", sa.Text, comment="its definition; NULL: it is gone"),
    sa.Column("found", sa.Text, comment="its definition as the target told it afterwards"),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("intended_at", UtcDateTime, nullable=False, comment="before anything was done"),
    sa.Column("applied_at", UtcDateTime),
    sa.Column("undone_at", UtcDateTime),
    sa.Index("schema_changes_operation", "operation_id"),
    sa.Index("schema_changes_target", "target_env", "status"),
)

approvals = sa.Table(
    "operation_approvals",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("operation_id", sa.String(40), sa.ForeignKey("database_operations.id"), nullable=False),
    sa.Column("role", sa.String(40), nullable=False),
    sa.Column("approver", sa.String(200), nullable=False),
    sa.Column("decision", sa.String(20), nullable=False),
    sa.Column("comments", sa.Text),
    sa.Column("plan_sha256", sa.String(64), nullable=False),
    sa.Column("decided_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, comment="until then its operation may begin"),
    sa.Column("standing_until", UtcDateTime, comment="until then later operations with this plan may too"),
    sa.Index("operation_approvals_plan", "plan_sha256"),
)
"""Rows are only added: the database itself refuses changes."""

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("place", sa.String(200), nullable=False, comment="the machine"),
    sa.Column("event", sa.String(40), nullable=False),
    sa.Column("operation_id", sa.String(40)),
    sa.Column("plan_sha256", sa.String(64)),
    sa.Column("detail", sa.Text),
    sa.Index("audit_log_operation", "operation_id"),
)
"""Rows are only added: the database itself refuses changes."""
