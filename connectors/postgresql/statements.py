"""SQL texts of a copy: which rows of a table one chunk is, how they are read, how they are loaded.

Names and numbers only are put into the texts here; a filter arrives parsed and is rendered by sqlglot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.contract import Filter
from connectors.schema import Column, Table, TableName, quoted


@dataclass(frozen=True)
class Leaf:
    """What really holds rows: an ordinary table, or one partition of a partitioned one."""

    oid: int
    name: TableName
    rows: int = 0
    blocks: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Range:
    """A chunk's rows: pages `low` (inclusive) to `high` (exclusive) of one leaf; None is open-ended."""

    leaf: Leaf
    low: int | None = None
    high: int | None = None

    @property
    def predicates(self) -> list[str]:
        found = [] if self.low is None else [f"ctid >= '({self.low},0)'::pg_catalog.tid"]
        return found if self.high is None else [*found, f"ctid < '({self.high},0)'::pg_catalog.tid"]


def sql_name(name: TableName) -> str:
    return quoted(name.name) if name.schema is None else f"{quoted(name.schema)}.{quoted(name.name)}"


def names(columns: Iterable[Column]) -> str:
    return ", ".join(quoted(column.name) for column in columns)


def rendered(where: Filter) -> str:
    """The predicate as PostgreSQL reads it. Columns lose their schema: a leaf is read under its root's name."""
    from sqlglot import exp

    def bare(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and node.args.get("db"):
            return exp.column(node.this.copy(), table=node.args["table"].copy())
        return node

    return where.copy().transform(bare).sql(dialect="postgres")


def tables_read(where: Filter) -> list[TableName]:
    """The tables that the predicate's sub-queries read."""
    from sqlglot import exp

    return [TableName(table.db or "public", table.name) for table in where.find_all(exp.Table)]


def copy_out(table: Table, selected: str, part: Range, where: Filter | None, option: str) -> bytes:
    """The leaf is read alone and under the table's own name, so that a filter may name it."""
    predicates = part.predicates + ([] if where is None else [f"({rendered(where)})"])
    condition = f" WHERE {' AND '.join(predicates)}" if predicates else ""
    query = f"SELECT {selected} FROM ONLY {sql_name(part.leaf.name)} AS {quoted(table.name.name)}{condition}"
    return f"COPY ({query}) TO STDOUT {option}".encode()


def copy_in(into: TableName, columns: str, option: str) -> bytes:
    """Columns are matched by name: the target may list them in another order."""
    return f"COPY {sql_name(into)}{f' ({columns})' if columns else ''} FROM STDIN {option}".encode()
