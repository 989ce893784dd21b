"""The same rows in every engine, and plain clients that ask each server what it thinks of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import psycopg
import pymysql
import pytest

from connectors.contract import Endpoint, connector
from connectors.expressions import Term, Terms
from connectors.grammar import Grammar
from connectors.schema import Table, TableName
from tests.crossing import clients

ENGINES = ("mysql", "postgresql", "sqlite")
EXACT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "postgresql": {"a": "integer", "b": "integer", "s": "smallint", "p": "numeric(12,2)", "v": "varchar(20)", "t": "text",
                   "c": "char(5)", "d": "date", "e": "date", "m": "timestamp", "f": "double precision", "k": "boolean"},
    "mysql": {"a": "int", "b": "int", "s": "smallint", "p": "decimal(12,2)", "v": f"varchar(20) {EXACT}",
              "t": f"longtext {EXACT}", "c": f"char(5) {EXACT}", "d": "date", "e": "date", "m": "datetime(6)", "f": "double",
              "k": "tinyint(1)"},
    "sqlite": {"a": "INTEGER", "b": "INTEGER", "s": "INTEGER", "p": "DECIMAL(12,2)", "v": "VARCHAR(20)", "t": "TEXT",
               "c": "CHAR(5)", "d": "DATE", "e": "DATE", "m": "TIMESTAMP", "f": "REAL", "k": "BOOLEAN"},
}  # fmt: skip
WHOLE = (0, 1, -1, 5, 100, 2**31 - 1, -(2**31), None)
TEXTS = ("", "a", "A", "a ", " a", "é", "👩", "x'y\\z\"", "%", "ab", None)
DATES = ("2000-01-01", "1970-06-30", "9999-12-31", "0001-01-01", None)


def _rows() -> list[tuple[Any, ...]]:
    """Every two whole numbers meet, and everything else in turn."""
    found = []
    for number, (a, b) in enumerate(product(WHOLE, WHOLE)):
        small = (0, 3, -32768, 32767, None)[number % 5]
        decimal = ("0", "0.01", "-3.50", "9999999999.99", None, "10.10")[number % 6]
        text, other = TEXTS[number % 11], TEXTS[(number * 3 + number // 11) % 11]
        fixed = None if other is None else other.strip()[:5]
        date, end = DATES[number % 5], DATES[(number // 3) % 5]
        moment = ("2000-01-01 00:00:00", "2024-05-17 09:30:00.5", "1999-12-31 23:59:59.999999", None)[number % 4]
        ratio = (0.5, -0.25, 1e300, 0.1, None)[number % 5]
        found.append(
            (number, a, b, small, decimal, text, other, fixed, date, end, moment, ratio, (1, 0, None)[number % 3])
        )
    return found


ROWS = _rows()
SOURCE_ONLY = "w"
"""A column of MySQL's whose texts are equal where they differ in blanks at their end, beside the same in other engines."""


def grammar(engine: str) -> Grammar:
    found = connector(engine).facts.grammar
    assert found is not None
    return found


@dataclass
class Side:
    """The same rows in one engine, and a plain client to ask it with."""

    engine: str
    table: Table = field(repr=False)
    run: Callable[[str], Sequence[Sequence[Any]]] = field(repr=False)
    known: dict[str, Mapping[int, int | None]] = field(default_factory=dict, repr=False)

    @property
    def grammar(self) -> Grammar:
        return grammar(self.engine)

    def told(self, text: str) -> Mapping[int, int | None]:
        """What a condition says of every row: 1, 0 or nothing; what the server refuses to tell is 0, as a CHECK has it."""
        if text not in self.known:
            query = f"SELECT id, CASE WHEN ({text}) THEN 1 WHEN NOT ({text}) THEN 0 END FROM t"
            try:
                rows = self.run(query)
            except (psycopg.Error, pymysql.Error):
                rows = [self._one(query, row[0]) for row in ROWS]
            self.known[text] = {int(number): None if said is None else int(said) for number, said in rows}
        return self.known[text]

    def refuses(self, text: str) -> set[int]:
        """The rows that a CHECK would not let in."""
        return {row for row, said in self.told(text).items() if said == 0}

    def _one(self, query: str, number: int) -> Sequence[Any]:
        try:
            return self.run(f"{query} WHERE id = {number}")[0]
        except (psycopg.Error, pymysql.Error):
            return (number, 0)


def _client(end: Endpoint) -> tuple[Any, Callable[[str], Sequence[Sequence[Any]]]]:
    opened: Any = {"postgresql": clients.postgresql, "mysql": clients.mysql, "sqlite": clients.sqlite}[end.engine](end)
    if end.engine == "postgresql":
        opened.autocommit = True
        opened.prepare_threshold = None

    def run(statement: str) -> Sequence[Sequence[Any]]:
        cursor = opened.cursor()
        cursor.execute(statement.encode() if end.engine == "postgresql" else statement)
        return list(cursor.fetchall()) if cursor.description else []

    return opened, run


def _filled(end: Endpoint) -> None:
    opened: Any = {"postgresql": clients.postgresql, "mysql": clients.mysql, "sqlite": clients.sqlite}[end.engine](end)
    padded = "varchar(20) COLLATE utf8mb4_bin" if end.engine == "mysql" else "varchar(20)"
    columns = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS[end.engine].items())
    mark = "?" if end.engine == "sqlite" else "%s"
    marks = ", ".join([mark] * (len(ROWS[0]) + 1))
    rows = [(*row, row[5]) for row in ROWS]
    if end.engine == "postgresql":
        rows = [(*row[:-2], None if row[-2] is None else bool(row[-2]), row[-1]) for row in rows]
    with closing(opened):
        cursor = opened.cursor()
        cursor.execute(f"CREATE TABLE t (id integer PRIMARY KEY, {columns}, {SOURCE_ONLY} {padded})")
        cursor.executemany(f"INSERT INTO t VALUES ({marks})", rows)
        opened.commit()


@pytest.fixture(scope="module")
def sides(servers: Any) -> Iterator[dict[str, Side]]:
    found, opened = {}, []
    for engine in ENGINES:
        end = servers[engine].database("expressions")
        _filled(end)
        with closing(connector(engine).source(end)) as session:
            schema = session.schema()
        table = schema.get(TableName(connector(engine).facts.default_schema, "t"))
        assert table is not None
        connection, run = _client(end)
        opened.append(connection)
        found[engine] = Side(engine, table, run)
    yield found
    for connection in opened:
        with suppress(Exception):
            connection.close()


def terms(source: Side, target: Side) -> Terms:
    ours, theirs = connector(source.engine).types, connector(target.engine).types
    found = {}
    for column in source.table.columns:
        there = target.table.column(column.name)
        found[column.name] = Term(
            column.name,
            ours.canonical(column.type),
            theirs.canonical(there.type),
            "other" if column.ignores_case else ours.equality(column.type),
            "other" if there.ignores_case else theirs.equality(there.type),
        )
    return found
