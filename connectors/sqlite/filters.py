"""Filters as SQLite's SQL: every table a sub-query reads is named together with the file it is in.

One moment stands in place of the clock, which SQLite reads anew for every statement: each chunk would see another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connectors.contract import Filter
from connectors.sqlite.ranges import Condition

if TYPE_CHECKING:
    from sqlglot import exp

DATES = {"date": 0, "datetime": 0, "time": 0, "julianday": 0, "strftime": 1}
"""Date functions a filter may call → which argument is the moment; without one they take the clock's."""


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


def pinned(where: Filter, moment: str) -> Filter:
    """The filter with the clock stopped at `moment`, a UTC text `YYYY-MM-DD HH:MM:SS.SSS`."""
    from sqlglot import exp

    day, second, exact = (exp.Literal.string(text) for text in (moment[:10], moment[:19], moment))

    def stopped(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.CurrentDate) and node.this is None:
            return day.copy()
        if isinstance(node, exp.CurrentTimestamp) and node.this is None:
            return second.copy()
        return node

    found = where.transform(stopped)
    for call, at in _date_calls(found):
        if isinstance(call, exp.Date) and call.this is None:
            call.set("this", exact.copy())
        elif isinstance(call, exp.Anonymous) and len(call.expressions) == at:
            call.append("expressions", exact.copy())
        for literal in list(call.find_all(exp.Literal)):
            if literal.is_string and literal.name.lower() == "now":
                literal.replace(exact.copy())
    return found


def local_time(where: Filter) -> str | None:
    """The first modifier of a date function that asks for the time zone of the machine, if there is one."""
    from sqlglot import exp

    texts = (text.name.lower() for call, _ in _date_calls(where) for text in call.find_all(exp.Literal))
    return next((text for text in texts if text in ("localtime", "utc")), None)


def _date_calls(where: Filter) -> Iterator[tuple[exp.Func, int]]:
    """Each call of a date function, with the place of its moment among its arguments."""
    from sqlglot import exp

    for node in list(where.find_all(exp.Date, exp.TimeToStr, exp.Anonymous)):
        name = node.sql(dialect="sqlite").partition("(")[0].lower()
        if name in DATES:
            yield node, DATES[name]
