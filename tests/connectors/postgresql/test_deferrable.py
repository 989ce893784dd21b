"""DEFERRABLE constraints of a target: the server does not check them while foreign keys are suspended, so we do."""

from __future__ import annotations

import pytest

from connectors.errors import ValueRefused
from connectors.postgresql import connector
from connectors.schema import TableName
from tests.connectors.drive import Ends, copy
from tests.connectors.postgresql.pair import Pair, find

TABLE = "(id integer NOT NULL, a integer, b integer, r int4range{})"
TWINS = {
    "PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED": "(1, 1, 1, '[1,2)'), (1, 2, 2, '[2,3)')",
    "UNIQUE (a, b) DEFERRABLE": "(1, 1, 1, '[1,2)'), (2, 1, 2, '[2,3)'), (3, 1, 1, '[3,4)')",
    "UNIQUE NULLS NOT DISTINCT (a) DEFERRABLE": "(1, NULL, 1, '[1,2)'), (2, NULL, 2, '[2,3)')",
    "EXCLUDE USING gist (r WITH &&) WHERE (id > 0) DEFERRABLE": "(1, 1, 1, '[1,5)'), (2, 2, 2, '[4,6)')",
    "EXCLUDE ((a + b) WITH =) DEFERRABLE": "(1, 1, 3, '[1,2)'), (2, 2, 2, '[2,3)')",
    "EXCLUDE USING gist (r WITH &&)": "(1, 1, 1, '[1,5)'), (2, 2, 2, '[4,6)')",
    "UNIQUE (a)": "(1, 1, 1, '[1,5)'), (2, 1, 2, '[4,6)')",
}
APART = "(1, 1, 1, '[1,2)'), (2, 2, 1, '[2,3)'), (3, NULL, 1, NULL), (4, 3, NULL, NULL)"
ALLOWED = {
    "UNIQUE (a, b) DEFERRABLE": ", (5, NULL, 1, NULL)",
    "EXCLUDE USING gist (r WITH &&) WHERE (id > 0) DEFERRABLE": ", (0, 9, 9, '[1,2)')",
}
"""What else these allow: two NULLs, and a row that the constraint is not about."""


def ends(pair: Pair) -> Ends:
    return Ends(connector, pair.server, pair.prod, pair.dev)


@pytest.mark.parametrize(
    ("constraint", "append"), [*((one, False) for one in TWINS), ("UNIQUE (a, b) DEFERRABLE", True)]
)
def test_rows_that_a_constraint_forbids_are_refused(pair: Pair, constraint: str, append: bool) -> None:
    pair.server.execute(pair.prod, f"CREATE TABLE t {TABLE.format('')}; INSERT INTO t VALUES {TWINS[constraint]}")
    pair.server.execute(pair.dev, f"CREATE TABLE t {TABLE.format(f', CONSTRAINT apart {constraint}')}")
    with pytest.raises(ValueRefused, match="apart"):
        copy(ends(pair), "t", append=append)
    if append:
        assert pair.server.rows(pair.dev, "SELECT FROM t") == []


@pytest.mark.parametrize("constraint", TWINS)
def test_rows_that_it_allows_arrive(pair: Pair, constraint: str) -> None:
    rows = APART + ALLOWED.get(constraint, "")
    pair.server.execute(pair.prod, f"CREATE TABLE t {TABLE.format('')}; INSERT INTO t VALUES {rows}")
    pair.server.execute(pair.dev, f"CREATE TABLE t {TABLE.format(f', CONSTRAINT apart {constraint}')}")
    copy(ends(pair), "t")
    assert pair.same("t")


def test_a_constraint_of_one_partition_is_checked_too(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id integer, a integer) PARTITION BY LIST (id)")
    pair.both('CREATE TABLE "T one" PARTITION OF t FOR VALUES IN (1)')
    pair.server.execute(pair.dev, 'ALTER TABLE "T one" ADD CONSTRAINT apart UNIQUE (a) DEFERRABLE')
    pair.server.execute(pair.prod, "INSERT INTO t VALUES (1, 7), (1, 7)")
    with pytest.raises(ValueRefused, match="apart"):
        copy(ends(pair), "t")


@pytest.mark.parametrize("when", ["", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED"])
def test_a_primary_key_is_made_as_it_is_in_the_source(pair: Pair, when: str) -> None:
    pair.server.execute(pair.prod, f"CREATE TABLE t (id integer PRIMARY KEY{when}, a integer)")
    with pair.sessions() as (source, target):
        target.create([find(source, "t")])
        made = target.schema().get(TableName("public", "t"))
    assert made is not None
    assert made.primary_key == ("id",)
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 't_pkey'"
    assert pair.server.rows(pair.dev, query) == [(f"PRIMARY KEY (id){when}",)]
