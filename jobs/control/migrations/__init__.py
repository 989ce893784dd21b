"""The control store's history, run by alembic."""
