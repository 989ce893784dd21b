"""The same person gets the same replacement wherever a copy comes from and wherever it goes.

Domains are named, for a column's own name begins with its schema; texts are in lower case, for MySQL's columns ignore it.
"""

from __future__ import annotations

import itertools
from datetime import date, datetime

from connectors.contract import engines
from connectors.testkit import TestServer
from tests.crossing import judge
from tests.crossing.conftest import Copier

TABLE = (
    "CREATE TABLE people (id bigint PRIMARY KEY, name varchar(80), email varchar(80), phone varchar(40), number bigint,"
    " born date, seen {moment}, code varchar(64), note varchar(80))"
)
MOMENTS = {"mysql": "datetime(6)", "postgresql": "timestamp", "sqlite": "TIMESTAMP"}
ROWS = [
    (
        row,
        f"näme {row}",
        None if row % 7 == 0 else f"user{row % 40}@corp{row % 5}.test",
        f"+999 {row:06}",
        row * 7919,
        date(1970 + row % 40, 1 + row % 12, 1 + row % 28),
        datetime(2024, 1 + row % 12, 1 + row % 28, row % 24, 30, 15, row),
        f"ab-{row:05}",
        "" if row % 3 else f"note {row} 👩",
    )
    for row in range(1, 301)
]
POLICY = {
    "people.id": "keep",
    "people.name": {"strategy": "faker", "domain": "person"},
    "people.email": {"strategy": "faker", "domain": "email"},
    "people.phone": {"strategy": "mask", "domain": "phone"},
    "people.number": {"strategy": "tokenize", "domain": "number"},
    "people.born": {"strategy": "date_shift", "domain": "days"},
    "people.seen": {"strategy": "date_shift", "domain": "days"},
    "people.code": {"strategy": "hash", "domain": "code"},
    "people.note": {"strategy": "scramble", "domain": "note"},
}
MEANINGS = {
    "id": "integer",
    "name": "text",
    "email": "text",
    "phone": "text",
    "number": "integer",
    "born": "date",
    "seen": "timestamp",
    "code": "text",
    "note": "text",
}


def test_replacements_are_the_same_between_all_engines(servers: dict[str, TestServer], copied: Copier) -> None:
    found = {}
    for source, target in itertools.product(engines(), repeat=2):
        end = servers[source].database("masked")
        servers[source].execute(end, TABLE.format(moment=MOMENTS[source]))
        servers[source].insert(end, "people", ROWS)
        there, _ = copied(end, target, tables=["*"], anonymize=True, policy=copied.policy(POLICY))
        found[source, target] = judge.look(there, "people", MEANINGS)
    first, *others = found.values()
    for pair, other in zip(list(found)[1:], others, strict=True):
        assert judge.differences(first, other) == [], pair
    given = judge.look(end, "people", MEANINGS)
    columns = zip(first.columns, zip(*given.rows, strict=True), zip(*first.rows, strict=True), strict=True)
    for name, before, after in columns:
        common = set(before) & set(after) - {judge.NULL, "="}
        assert (common == set(before)) if name == "id" else (len(common) < 9), name
