"""Filters as SQLite's SQL: every table a sub-query reads is named together with the file it is in."""

from __future__ import annotations

from connectors.contract import Filter
from connectors.sqlite.ranges import Condition


def condition(where: Filter | None, database: str) -> Condition:
    """The filter over tables of `database` (`main`, or the name a file is attached under)."""
    if where is None:
        return Condition()
    from sqlglot import exp

    bound = where.copy()
    for table in bound.find_all(exp.Table):
        table.set("db", exp.to_identifier(database))
    return Condition(f"({bound.sql(dialect='sqlite')})")


def scanned(filtered: Condition) -> Condition:
    """The same condition in a form that no index serves: rows come in the order of their address, without sorting."""
    return Condition(f"CASE WHEN {filtered.sql} THEN TRUE END", filtered.values)
