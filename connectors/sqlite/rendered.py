"""Another engine's table in SQLite's terms, as the objects that a file would tell of it: SQLite itself makes it, in memory."""

from __future__ import annotations

import contextlib
import sqlite3

from connectors.objects import SchemaObject
from connectors.schema import Table
from connectors.sqlite.ddl import statements
from connectors.sqlite.objects import read_objects
from connectors.sqlite.session import Session


def rendered(table: Table) -> tuple[SchemaObject, ...]:
    """Raises ConnectorError where SQLite does not take its expressions."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as trial:
        session = Session(trial, str(table.name))
        for statement in statements(table):
            session.run(statement)
        return read_objects(session).made
