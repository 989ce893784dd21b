"""How targets themselves tell of what operations have changed in them: in other words, perhaps, than those wanted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    found = sa.Column("found", sa.Text, comment="its definition as the target told it afterwards")
    op.add_column("schema_changes", found)
