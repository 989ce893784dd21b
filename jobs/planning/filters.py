"""Filters: a WHERE text becomes one parsed, read-only predicate, or findings that say why not.

Parsed by sqlglot in the source's dialect; every node must be on the list below, so that a filter can compare and compute
but neither call an unknown function nor change anything. Sub-queries may read the source's own tables. Tables are
qualified with their schema, because connectors run with an empty search path.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from connectors.contract import Filter
from connectors.schema import Schema, Table, TableName
from jobs.planning.findings import Finding, error, nearest

ALLOWED: tuple[type, ...] = (
    exp.Connector, exp.Not, exp.Paren, exp.Predicate, exp.Binary, exp.Between, exp.In, exp.Neg, exp.Case, exp.If, exp.Tuple,
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Interval, exp.Var, exp.DataType, exp.DataTypeParam,
    exp.Cast, exp.Alias, exp.TableAlias, exp.Star, exp.Distinct, exp.Collate, exp.HexString, exp.Any, exp.All, exp.Array,
    exp.Subquery, exp.Select, exp.From, exp.Join, exp.Table, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered,
    exp.Limit, exp.Union, exp.Intersect, exp.Except, exp.Exists,
    exp.Coalesce, exp.Nullif, exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Substring, exp.Concat, exp.DPipe, exp.Abs,
    exp.Round, exp.Floor, exp.Ceil, exp.Greatest, exp.Least, exp.Mod, exp.Extract, exp.Date, exp.TimestampTrunc,
    exp.DateTrunc, exp.CurrentDate, exp.CurrentTimestamp, exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.Timestamp,
    exp.Count, exp.Min, exp.Max, exp.Sum, exp.Avg, exp.StrPosition, exp.Replace, exp.Left, exp.Right, exp.StartsWith,
    exp.WithinGroup, exp.Escape,
)  # fmt: skip
"""What a filter may be made of. Deliberately absent: Anonymous (functions sqlglot does not know), commands, DML, INTO."""

ALLOWED_UNKNOWN = frozenset({"date", "datetime", "time", "julianday", "strftime", "char_length", "starts_with", "age"})
"""Functions sqlglot passes through by name that only compute."""


def parse_filter(text: str, table: Table, schema: Schema, dialect: str | None, default_schema: str | None,
                 where: str) -> tuple[Filter | None, list[Finding]]:  # fmt: skip
    """The predicate over `table`, checked and qualified. `where` tells people which filter this is."""
    if dialect is None:
        return None, [error(where, "this engine takes no SQL filters")]
    todo = "write one condition as after WHERE, for example: user_id IN (SELECT id FROM users WHERE country = 'NL')"
    try:
        statements: list[Any] = [
            s for s in parse(f"SELECT 1 FROM t WHERE ({text}\n)", dialect=dialect) if s is not None
        ]
    except (SqlglotError, RecursionError):
        return None, [error(where, "this is not one condition", todo)]
    predicate = _only_condition(statements)
    if predicate is None:
        return None, [error(where, "this is not one read-only condition", todo)]
    findings = _refused(predicate, where) + _qualify(predicate, table, schema, default_schema, where)
    return (None if findings else predicate), findings


def _only_condition(statements: list[Any]) -> exp.Expression | None:
    """The text between our own parentheses, unless it broke out of them."""
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        return None
    select = statements[0]
    extra = {name for name, value in select.args.items() if value} - {"expressions", "from", "from_", "where", "kind"}
    condition = select.args["where"].this if select.args.get("where") else None
    if extra or not isinstance(condition, exp.Paren):
        return None
    for node in condition.walk():
        node.comments = None
    found: exp.Expression = condition.pop()
    return found


def _refused(predicate: exp.Expression, where: str) -> list[Finding]:
    found = []
    for node in predicate.walk():
        name = str(node.this) if isinstance(node, exp.Anonymous) else node.key
        known = isinstance(node, ALLOWED) or name.lower() in ALLOWED_UNKNOWN
        if not known or any(node.args.get(clause) for clause in ("locks", "into", "with", "with_")):
            found.append(
                error(where, f"a filter may not use '{name}'", "only comparisons, plain functions and sub-queries")
            )
    return list(dict.fromkeys(found))


def _qualify(predicate: exp.Expression, table: Table, schema: Schema, default_schema: str | None,
             where: str) -> list[Finding]:  # fmt: skip
    """Give each sub-query's table its schema; every plain column outside sub-queries must be one of the table's."""
    found = []
    for node in predicate.find_all(exp.Table):
        if node.args.get("catalog"):
            found.append(error(where, f"'{node.sql()}' names another database"))
            continue
        name = TableName(node.db or default_schema, node.name)
        if schema.get(name) is None:
            folded = TableName((node.db or default_schema or "").lower() or None, node.name.lower())
            if node.this.args.get("quoted") or schema.get(folded) is None:
                names = [t.name.name for t in schema.tables]
                found.append(error(where, f"there is no table {name} in the source", nearest(node.name, names)))
                continue
            name = folded
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name, quoted=node.this.args.get("quoted"))))
        node.set("this", exp.to_identifier(name.name, quoted=True))
        if name.schema is not None:
            node.set("db", exp.to_identifier(name.schema, quoted=True))
    columns = {column.name.lower() for column in table.columns}
    for column in predicate.find_all(exp.Column):
        inside = column.find_ancestor(exp.Select) is not None
        if not inside and column.name.lower() not in columns:
            found.append(error(where, f"{table.name} has no column '{column.name}'", nearest(column.name, columns)))
    return found
