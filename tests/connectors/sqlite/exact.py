"""What is in a file, exactly: storage class and bytes of every value, by plain sqlite3."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from connectors.contract import Endpoint
from connectors.sqlite.testkit import connect


def make(endpoint: Endpoint, *statements: str | tuple[str, Sequence[Any]]) -> None:
    """Run statements in one transaction."""
    with connect(endpoint) as connection:
        connection.execute("BEGIN")
        for statement in statements:
            text, values = (statement, ()) if isinstance(statement, str) else statement
            connection.execute(text, values)
        connection.execute("COMMIT")


def stored(endpoint: Endpoint, table: str, *columns: str) -> list[tuple[str, ...]]:
    """Rows as (storage class, exact text or hex of the bytes) per column, sorted."""
    names = ", ".join(f"typeof({c}), CASE typeof({c}) WHEN 'real' THEN quote({c}) ELSE hex({c}) END" for c in columns)
    with closing(sqlite3.connect(endpoint.database)) as connection:
        return sorted(connection.execute(f"SELECT {names} FROM {table}").fetchall())
