"""The clock in a filter: every chunk of a copy must see the same moment, so one moment stands in place of the clock.

Each task reads in a transaction of its own, whose `now()` is its own beginning. Calls of the clock become the moment the
snapshot's transaction began; a text that a date type would read as a moment of the clock ('today') is found, for refusal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors.contract import Filter

if TYPE_CHECKING:
    from sqlglot import exp

WORDS = re.compile(r"(?<![a-z])(now|today|tomorrow|yesterday)(?![a-z])", re.IGNORECASE)
"""What PostgreSQL's date, time and range types read as a moment of the clock, alone or beside a time of day."""


def pinned(where: Filter, moment: str, today: str) -> Filter:
    """The filter with the clock stopped at `moment` (a timestamptz's text), which is on the day `today`."""
    from sqlglot import exp

    def stopped(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.CurrentTimestamp) and (node.this is None or node.this.is_int):
            precision = [exp.DataTypeParam(this=node.this.copy())] if node.this else []
            return exp.cast(exp.Literal.string(moment), exp.DataType(this=exp.DType.TIMESTAMPTZ, expressions=precision))
        if isinstance(node, exp.CurrentDate) and node.this is None:
            return exp.cast(exp.Literal.string(today), exp.DType.DATE)
        if isinstance(node, exp.Anonymous) and node.name.lower() == "age" and len(node.expressions) == 1:
            since = exp.cast(exp.Literal.string(today), exp.DType.DATE)  # its meaning of one argument
            return exp.Anonymous(this="age", expressions=[since, node.expressions[0].transform(stopped)])
        return node

    return where.transform(stopped)


def hidden_clock(where: Filter) -> str | None:
    """The first word for a moment of the clock in a text that may become a date: one neither cast to text (and to nothing
    else then) nor a pattern."""
    from sqlglot import exp

    dated = exp.Cast, exp.Date, exp.Timestamp, exp.TsOrDsToDate, exp.TsOrDsToTimestamp
    for literal in where.find_all(exp.Literal):
        found, use = WORDS.search(literal.name) if literal.is_string else None, literal.parent
        is_text = (
            isinstance(use, exp.Cast) and use.to.is_type(*exp.DataType.TEXT_TYPES) and not use.find_ancestor(*dated)
        )
        if found and not is_text and not isinstance(use, (exp.Like, exp.ILike)):
            return found[0].lower()
    return None
