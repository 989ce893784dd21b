"""The first two tables: operations and their table tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "database_operations",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("operation_type", sa.String(40), nullable=False),
        sa.Column("source_env", sa.String(200), nullable=False),
        sa.Column("target_env", sa.String(200), nullable=False),
        sa.Column("tables", sa.JSON, nullable=False),
        sa.Column("filter_conditions", sa.JSON, nullable=False),
        sa.Column("anonymize", sa.Boolean, nullable=False),
        sa.Column("parallel_workers", sa.Integer, nullable=False),
        sa.Column("disable_constraints", sa.Boolean),
        sa.Column("column_mappings", sa.JSON),
        sa.Column("domain_id", sa.String(200)),
        sa.Column("definition", sa.JSON, nullable=False, comment="the whole operation; secrets as references"),
        sa.Column("plan_sha256", sa.String(64), nullable=False),
        sa.Column("plan_what", sa.JSON, nullable=False, comment="what plan_sha256 is the hash of"),
        sa.Column("requested_by", sa.String(200), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("run_id", sa.String(40)),
        sa.Column("holder", sa.String(200), comment="the driver at work"),
        sa.Column("heartbeat_at", MOMENT, comment="its last sign of life"),
        sa.Column("stop_requested", sa.String(20), comment="pause or cancel: the driver looks here"),
        sa.Column("tables_completed", sa.Integer, nullable=False),
        sa.Column("tables_total", sa.Integer, nullable=False),
        sa.Column("rows_copied", sa.BigInteger, nullable=False),
        sa.Column("rows_before", sa.BigInteger, nullable=False, comment="rows_copied when this attempt began"),
        sa.Column("rows_total", sa.BigInteger, nullable=False, comment="from the source's statistics"),
        sa.Column("bytes_transferred", sa.BigInteger, nullable=False),
        sa.Column("current_table", sa.String(400)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("scheduled_at", MOMENT),
        sa.Column("started_at", MOMENT, comment="when this attempt began"),
        sa.Column("completed_at", MOMENT, comment="when it ended, however it ended"),
        sa.Column("error", sa.Text),
        sa.Column("report", sa.JSON, comment="tables, rows, and what was proven"),
    )
    op.create_index("database_operations_plan", "database_operations", ["plan_sha256", "target_env"])
    op.create_index("database_operations_status", "database_operations", ["status"])
    op.create_table(
        "migration_control",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("operation_id", sa.String(40), sa.ForeignKey("database_operations.id"), nullable=False),
        sa.Column("table_name", sa.String(400), nullable=False),
        sa.Column("phase", sa.String(40), nullable=False),
        sa.Column("operation", sa.String(40), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("records_processed", sa.BigInteger, nullable=False),
        sa.Column("total_records", sa.BigInteger, nullable=False),
        sa.Column("batch_size", sa.BigInteger),
        sa.Column("worker_id", sa.String(200)),
        sa.Column("source_query", sa.Text, comment="filters, never key values"),
        sa.Column("started_at", MOMENT),
        sa.Column("completed_at", MOMENT),
        sa.Column("error_message", sa.Text),
        sa.UniqueConstraint("operation_id", "table_name", "phase", name="migration_control_task"),
    )
