"""Filters as this engine's SQL, with one moment in place of the clock: every chunk of a copy must see the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.contract import Filter

if TYPE_CHECKING:
    from sqlglot import exp

DIGITS = 6
"""Of a second's fraction, at most."""


def rendered(where: Filter) -> str:
    return where.sql(dialect="mysql")


def pinned(where: Filter, moment: str) -> Filter:
    """The filter with the clock stopped at `moment`, a UTC text `YYYY-MM-DD HH:MM:SS.ffffff`, as the sessions' clock is."""
    from sqlglot import exp

    def stopped(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.CurrentDate) and node.this is None:
            return exp.cast(exp.Literal.string(moment[:10]), exp.DType.DATE)
        digits = _digits(node)
        if digits is None:
            return node
        text = moment[: 20 + digits] if digits else moment[:19]  # the clock cuts where a cast would round
        precision = [exp.DataTypeParam(this=exp.Literal.number(digits))] if digits else []
        return exp.cast(exp.Literal.string(text), exp.DataType(this=exp.DType.DATETIME, expressions=precision))

    return where.transform(stopped)


def _digits(node: exp.Expression) -> int | None:
    """How many digits of the second's fraction a call of the clock asks for; None for everything else."""
    from sqlglot import exp

    if isinstance(node, exp.CurrentTimestamp):
        given = [node.this] if node.this is not None else []
    elif isinstance(node, exp.Anonymous) and node.name.lower() == "now":
        given = node.expressions
    else:
        return None
    if not given:
        return 0
    return min(DIGITS, int(given[0].name)) if given[0].is_int else None
