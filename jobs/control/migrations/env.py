"""What alembic runs: the steps that are missing, on the connection and in the transaction it is given."""

from __future__ import annotations

from alembic import context

from jobs.control.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
context.run_migrations()
