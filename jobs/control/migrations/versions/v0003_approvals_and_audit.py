"""Approvals and the audit trail. The database itself keeps their rows as they were written, and on a server lets nobody but
a superuser write a row in another login's name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from jobs.control.database import alone

revision = "0003"
down_revision = "0002"

MOMENT = sa.DateTime(timezone=True)
AUTHORS = {"operation_approvals": "approver", "audit_log": "who"}
"""Table → the column that says whose row it is."""


def upgrade() -> None:
    op.add_column(
        "database_operations",
        sa.Column("plan_how", sa.JSON, comment="what else its approvers see: estimates, warnings, origins"),
    )
    op.add_column(
        "database_operations",
        sa.Column("moving_since", MOMENT, comment="when its first row was about to move: too late to reject it"),
    )
    # planned before there were rules for approving them
    op.execute("UPDATE database_operations SET status = 'cancelled' WHERE status <> 'completed'")
    op.create_table(
        "operation_approvals",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("operation_id", sa.String(40), sa.ForeignKey("database_operations.id"), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("approver", sa.String(200), nullable=False),
        sa.Column("decision", sa.String(20), nullable=False),
        sa.Column("comments", sa.Text),
        sa.Column("plan_sha256", sa.String(64), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False, comment="until then its operation may begin"),
        sa.Column("standing_until", MOMENT, comment="until then later operations with this plan may too"),
    )
    op.create_index("operation_approvals_plan", "operation_approvals", ["plan_sha256"])
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("place", sa.String(200), nullable=False, comment="the machine"),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("operation_id", sa.String(40)),
        sa.Column("plan_sha256", sa.String(64)),
        sa.Column("detail", sa.Text),
    )
    op.create_index("audit_log_operation", "audit_log", ["operation_id"])
    keep = _keep_in_a_file if alone(op.get_bind()) else _keep_on_a_server
    for table, author in AUTHORS.items():
        keep(table, author)


def _keep_in_a_file(table: str, _: str) -> None:
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, 'rows of {table} are only added'); END"
        )


def _keep_on_a_server(table: str, author: str) -> None:
    """Row security with policies for reading and adding alone: nothing else is left to do."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY reading ON {table} FOR SELECT USING (true)")
    op.execute(f"CREATE POLICY adding ON {table} FOR INSERT WITH CHECK ({author} = session_user)")
