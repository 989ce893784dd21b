"""The contract suite's tables and rows, and how a test fills and compares them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.testkit import SampleTable
from tests.connectors.drive import Ends
from tests.connectors.masker import disguised

SOME, MANY = 6_000, 40_000
"""Rows of a table that has several chunks; of one whose chunks have several batches each."""

PEOPLE = SampleTable(
    "people",
    {"id": "integer", "name": "text", "age": "integer", "score": "decimal", "seen": "timestamp", "photo": "binary"},
    primary_key=("id",),
    not_null=("id", "name"),
)
ODD_TEXTS = ("", " ", "tab\tquote'\"\\", "line\nfeed\r\n", "\\N", "Zoë 🦆 日本", "NULL", "x" * 70_000)


def people(count: int) -> list[tuple[Any, ...]]:
    return [
        (
            n * 3 - 50,
            f"{ODD_TEXTS[n % 7]}{n}",
            None if n % 5 == 0 else n % 90,
            None if n % 7 == 0 else Decimal(n) / 4,
            None if n % 11 == 0 else datetime(2024, 1 + n % 12, 1 + n % 28, n % 24, 30),
            None if n % 3 == 0 else bytes([n % 256, 0, 255]),
        )
        for n in range(count)
    ]


ACCOUNTS = SampleTable(
    "accounts", {"id": "integer", "name": "text", "balance": "integer"}, primary_key=("id",), not_null=("id",)
)


def accounts(count: int) -> list[tuple[Any, ...]]:
    return [(n * 13, f"holder {n}", n % 100) for n in range(count)]


def texts(count: int) -> list[tuple[Any, ...]]:
    return [(f"k{n * 7919 % count:06}ä'", n) for n in range(count)]


KEYS = {
    "no key": SampleTable("t", {"k": "text", "n": "integer"}),
    "integer key": SampleTable("t", {"k": "text", "n": "integer"}, primary_key=("n",)),
    "text key": SampleTable("t", {"k": "text", "n": "integer"}, primary_key=("k",)),
    "composite key": SampleTable("t", {"k": "text", "n": "integer"}, primary_key=("k", "n")),
}


def fill(ends: Ends, table: SampleTable, rows: list[tuple[Any, ...]]) -> None:
    ends.server.create(ends.source, table, rows)


def same(ends: Ends, *tables: str) -> bool:
    """Whether both ends have the same rows: exactly the same texts, or, on two engines, equal values."""
    if ends.elsewhere:
        both = ((ends.server.read(ends.source, t), ends.landing.read(ends.target, t)) for t in tables)
        return all(sorted(one) == sorted(other) for one, other in both)
    return all(ends.server.digest(ends.source, t) == ends.landing.digest(ends.target, t) for t in tables)


def expected(count: int) -> set[tuple[Any, ...]]:
    return {(number, disguised(name), balance) for number, name, balance in accounts(count)}


def found(ends: Ends) -> list[tuple[Any, ...]]:
    return ends.landing.read(ends.target, "accounts")


def exactly(ends: Ends, count: int) -> bool:
    rows = found(ends)
    return len(rows) == count and set(rows) == expected(count)
