"""What every connector promises of tables in its target, tried on every engine that has a testkit."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from connectors.errors import RowsChanged, TerminalError
from connectors.schema import ForeignKey, Kind
from connectors.testkit import SampleTable
from tests.connectors.drive import Ends, copy, driver
from tests.connectors.samples import (
    ACCOUNTS,
    KEYS,
    PEOPLE,
    accounts,
    fill,
    found,
    people,
)


def test_rows_are_appended_behind_those_that_are_there(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(2000))
    ends.server.create(ends.target, ACCOUNTS, [(1, "was here", 5)])
    with driver(ends, append=True, budget=20_000) as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        one.transfer(one.chunks())
        assert found(ends) == [(1, "was here", 5)]
        one.finish()
    assert set(found(ends)) == {(1, "was here", 5), *accounts(2000)}
    with driver(ends) as one:
        [state] = one.target.ledger.tables("run")
        assert (state.state, state.rows, state.rows_before) == ("complete", 2000, 1)
        assert [table.name.name for table in one.target.schema().tables] == ["accounts"]


def test_publishing_is_all_or_nothing(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(10))
    ends.server.create(ends.target, ACCOUNTS, [(13, "in the way", 0)])
    with driver(ends, append=True) as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        one.transfer(one.chunks())
        with pytest.raises(TerminalError):
            one.finish()
        [state] = one.target.ledger.tables("run")
        assert state.state == "prepared"
    assert found(ends) == [(13, "in the way", 0)]


def test_emptying_removes_rows_and_never_cascades(ends: Ends) -> None:
    orders = SampleTable(
        "orders",
        {"id": "integer", "account_id": "integer"},
        primary_key=("id",),
        references={"account_id": ("accounts", "id")},
    )
    ends.server.create(ends.target, ACCOUNTS, accounts(5))
    ends.server.create(ends.target, orders, [(1, 13)])
    with driver(ends) as one:
        one.lease(["accounts", "orders"])
        with pytest.raises(TerminalError, match="reference"):
            one.target.empty([ends.name("accounts")])
        assert one.target.count(ends.name("orders")) == 1
        assert not one.target.is_empty(ends.name("accounts"))
        one.target.empty([ends.name("accounts"), ends.name("orders")])
        assert one.target.is_empty(ends.name("accounts"))
        assert one.target.count(ends.name("orders")) == 0


def test_a_created_table_is_like_the_source(ends: Ends) -> None:
    wide = SampleTable("Odd Name", {"select": "integer", "Größe": "text", "c": "text"}, ("select", "c"), ("c",))
    for table in (PEOPLE, wide, KEYS["no key"], ACCOUNTS):
        ends.server.create(ends.source, dataclasses.replace(table, name=table.name))
    with driver(ends) as one:
        tables = one.source.schema().tables
        assert [table.name.name for table in tables] == sorted(["Odd Name", "accounts", "people", "t"])
        assert [one.target.creatable(table) for table in tables] == [[]] * 4
        one.target.create(tables)
        one.target.create(tables)  # a table that is there is left alone
        for table, made in zip(tables, one.target.schema().tables, strict=True):
            assert (made.name, made.columns, made.primary_key) == (table.name, table.columns, table.primary_key)
            assert one.target.mismatches(table, made) == []
            assert one.target.identity(made.name) == one.target.identity(made.name)


def test_the_schema_is_told_in_neutral_words(ends: Ends) -> None:
    orders = SampleTable(
        "orders",
        {"id": "integer", "account_id": "integer", "code": "text"},
        primary_key=("id",),
        unique=(("code",),),
        references={"account_id": ("accounts", "id")},
    )
    fill(ends, PEOPLE, people(10))
    fill(ends, ACCOUNTS, accounts(10))
    fill(ends, orders, [])
    with driver(ends) as one:
        schema = one.source.schema()
    people_table, orders_table = (found for name in ("people", "orders") if (found := schema.get(ends.name(name))))
    assert [column.type.kind for column in people_table.columns] == [
        Kind.INTEGER, Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.TIMESTAMP, Kind.BINARY
    ]  # fmt: skip
    assert [column.nullable for column in people_table.columns] == [False, False, True, True, True, True]
    assert people_table.primary_key == ("id",)
    assert [key.columns for key in orders_table.uniques] == [("code",)]
    [key] = orders_table.foreign_keys
    assert (key.columns, key.referenced, key.referenced_columns) == (("account_id",), ends.name("accounts"), ("id",))
    assert pickle.loads(pickle.dumps(schema)) == schema


def test_a_target_that_does_not_match_says_why(ends: Ends) -> None:
    ends.server.create(ends.source, ACCOUNTS)
    other = SampleTable("accounts", {"id": "integer", "name": "binary", "extra": "text"}, not_null=("extra",))
    ends.server.create(ends.target, other)
    with driver(ends) as one:
        [source], [target] = one.source.schema().tables, one.target.schema().tables
        reasons = one.target.mismatches(source, target)
    assert len(reasons) == 3
    assert all(any(column in reason for reason in reasons) for column in ("name", "balance", "extra"))


def test_recreating_a_table_differently_changes_its_identity(ends: Ends) -> None:
    ends.server.create(ends.target, ACCOUNTS)
    with driver(ends) as one:
        before = one.target.identity(ends.name("accounts"))
        ends.server.execute(ends.target, "DROP TABLE accounts")
        ends.server.create(ends.target, dataclasses.replace(ACCOUNTS, not_null=("name",)))
        assert one.target.identity(ends.name("accounts")) != before


KNOWN = {
    "postgresql": "SELECT reltuples::integer FROM pg_class WHERE relname = 'accounts'",
    "mysql": "SELECT n_rows FROM mysql.innodb_table_stats WHERE database_name = DATABASE() AND table_name = 'accounts'",
    "sqlite": "SELECT CAST(stat AS integer) FROM sqlite_stat1 WHERE tbl = 'accounts'",
}
"""How many rows the statistics tell of."""


def test_the_statistics_of_a_copied_table_know_its_rows(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(100))
    copy(ends, "accounts")
    assert ends.server.rows(ends.target, KNOWN[ends.target.engine]) == [(100,)]


def test_orphans_are_counted(ends: Ends) -> None:
    ends.server.create(ends.target, ACCOUNTS, accounts(5))
    loose = SampleTable("orders", {"id": "integer", "account_id": "integer"})
    ends.server.create(ends.target, loose, [(1, 13), (2, 14), (3, None), (4, 15)])
    key = ForeignKey("k", ends.name("orders"), ("account_id",), ends.name("accounts"), ("id",))
    with driver(ends) as one:
        assert one.target.orphans(key) == 2


def test_a_row_the_target_refuses_is_an_error_without_its_value(ends: Ends) -> None:
    fill(ends, dataclasses.replace(ACCOUNTS, primary_key=()), [(1, "secret value", 1), (1, "secret value", 2)])
    ends.server.create(ends.target, dataclasses.replace(ACCOUNTS, unique=(("name",),)))
    with driver(ends, budget=1 << 40) as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        with pytest.raises(TerminalError) as refused:
            one.transfer(one.chunks())
    assert "secret value" not in f"{refused.value!r} {refused.value}"
    assert "accounts" in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert found(ends) == []


def test_a_run_s_own_rows_go_only_while_they_are_alone(ends: Ends) -> None:
    for name, rows in (("accounts", 5), ("people", 3)):
        ends.server.create(ends.target, dataclasses.replace(ACCOUNTS, name=name), accounts(rows))
    tables = [ends.name("accounts"), ends.name("people")]
    with driver(ends) as one:
        one.lease(["accounts", "people"])
        with pytest.raises(RowsChanged, match="3 are there, and 2 are this run's"):
            one.target.empty(tables, dict(zip(tables, (5, 2), strict=True)))
        assert [one.target.count(name) for name in tables] == [5, 3]
        one.target.empty(tables, dict(zip(tables, (5, 3), strict=True)))
        assert [one.target.count(name) for name in tables] == [0, 0]
        one.target.empty(tables, dict(zip(tables, (5, 3), strict=True)))  # nothing can go that is gone
