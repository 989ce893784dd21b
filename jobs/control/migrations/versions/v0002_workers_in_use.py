"""How many workers the driver at work was granted: connections are counted by it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("database_operations", sa.Column("workers", sa.Integer, comment="granted to the driver at work"))
