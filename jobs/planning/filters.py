"""Filters: a WHERE text becomes one parsed, read-only predicate, or findings that say why not.

Parsed by sqlglot in the source's dialect; every node must be on the list below, so that a filter can compare and compute
but neither call an unknown function nor change anything. Sub-queries may read the source's own tables. Tables are
qualified with their schema, because connectors run with an empty search path.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp, parse
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError

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

CLAUSES = {"locks": "FOR UPDATE", "into": "INTO", "with": "WITH", "with_": "WITH"}
"""Clauses of a sub-query that are not allowed → what people call them."""

ALLOWED_UNKNOWN = frozenset(
    {"date", "datetime", "time", "julianday", "strftime", "char_length", "starts_with", "age", "now"}
)
"""Functions sqlglot passes through by name that only compute."""


HEAD = "SELECT 1 FROM t WHERE ("
EXAMPLE = "write one condition as after WHERE, for example: user_id IN (SELECT id FROM users WHERE country = 'NL')"


def parse_filter(text: str, table: Table, schema: Schema, dialect: str | None, default_schema: str | None,
                 where: str) -> tuple[Filter | None, list[Finding]]:  # fmt: skip
    """The predicate over `table`, checked and qualified. `where` tells people which filter this is."""
    if dialect is None:
        return None, [error(where, "this engine takes no SQL filters")]
    try:
        statements: list[Any] = [s for s in parse(f"{HEAD}{text}\n)", dialect=dialect) if s is not None]
    except SqlglotError as problem:
        return None, [error(where, _unreadable(text, problem), EXAMPLE)]
    except RecursionError:
        return None, [error(where, "this is nested too deeply", EXAMPLE)]
    predicate = _only_condition(statements)
    if predicate is None:
        return None, [error(where, _unreadable(text), EXAMPLE)]
    findings = _refused(predicate, dialect, where) + _qualify(predicate, table, schema, default_schema, where)
    return (None if findings else predicate), findings


def _unreadable(text: str, problem: SqlglotError | None = None) -> str:
    """Why a text is not one condition; where it stops being one is told by its place, never quoted."""
    if not text.strip():
        return "this is empty"
    if text.split()[0].upper() in ("WHERE", "SELECT"):
        return f"this begins with {text.split()[0].upper()}; a filter is the condition alone"
    if ";" in text:
        return "this has a `;`: a filter is one condition, and no statement follows it"
    place = problem.errors[0] if isinstance(problem, ParseError) and problem.errors else {}
    line, column = place.get("line"), place.get("col")
    if line == 1 and column:
        column -= len(HEAD)
    if not line or not column or line > len(text.splitlines()):
        return "this is not one read-only condition"
    return f"this is not one read-only condition: see line {line}, column {column}"


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


def _refused(predicate: exp.Expression, dialect: str, where: str) -> list[Finding]:
    """One finding for everything in the predicate that is not allowed."""
    names = []
    for node in predicate.walk():
        if isinstance(node, (exp.With, exp.CTE, exp.Returning)):
            continue  # part of what is named
        if not isinstance(node, ALLOWED):
            name = _called(node, dialect) if isinstance(node, exp.Func) else node.key
            names += [name] if name not in ALLOWED_UNKNOWN else []
        names += [word for clause, word in CLAUSES.items() if node.args.get(clause)]
    if not names:
        return []
    todo = "compare and compute with plain functions and sub-queries; a filter only reads"
    return [error(where, f"a filter may not use {', '.join(dict.fromkeys(names))}", todo)]


def _called(function: exp.Func, dialect: str) -> str:
    """The function's name in the dialect, whatever the parser calls it."""
    if isinstance(function, exp.Anonymous):
        return function.name.lower()
    return str(function.sql(dialect, unsupported_level=ErrorLevel.IGNORE)).partition("(")[0].lower()


def _qualify(predicate: exp.Expression, table: Table, schema: Schema, default_schema: str | None,
             where: str) -> list[Finding]:  # fmt: skip
    """Give each sub-query's table its schema; every plain column outside sub-queries must be one of the table's."""
    found = []
    for node in predicate.find_all(exp.Table):
        if node.args.get("catalog"):
            what = f"'{node.sql()}' names another database"
            found.append(error(where, what, "a filter reads the source's own tables: [schema.]table"))
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
    return found + _unknown_columns(predicate, table, schema, where)


def _unknown_columns(predicate: exp.Expression, table: Table, schema: Schema, where: str) -> list[Finding]:
    """Outside sub-queries a column must be one of the table's, inside one of any table read; the database knows more."""
    columns = {column.name.lower(): column.name for column in table.columns}
    inside = dict(columns)
    for read in predicate.find_all(exp.Table):
        other = schema.get(TableName(read.db or None, read.name))
        inside |= {column.name.lower(): column.name for column in (other.columns if other else ())}
    named = {alias.alias.lower() for alias in predicate.find_all(exp.Alias)}
    found = []
    for column in predicate.find_all(exp.Column):
        name = column.name.lower()
        todo = "text stands in single quotes" if column.this.args.get("quoted") else ""
        if column.find_ancestor(exp.Select) is None and name not in columns:
            found.append(
                error(where, f"{table.name} has no column '{column.name}'", nearest(name, columns.values()) or todo)
            )
        elif name not in inside and name not in named and not isinstance(column.this, exp.Star):
            what = f"no table in it has a column '{column.name}'"
            found.append(error(where, what, nearest(name, inside.values()) or todo))
    return list(dict.fromkeys(found))
