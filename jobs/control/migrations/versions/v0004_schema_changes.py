"""What operations have changed in the schemas of their targets, and how each change is undone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "schema_changes",
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
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("intended_at", MOMENT, nullable=False, comment="before anything was done"),
        sa.Column("applied_at", MOMENT),
        sa.Column("undone_at", MOMENT),
    )
    op.create_index("schema_changes_operation", "schema_changes", ["operation_id"])
    op.create_index("schema_changes_target", "schema_changes", ["target_env", "status"])
