"""What every connector promises, tried on every engine that has a testkit. A new engine only adds its testkit."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Chunk, Endpoint
from connectors.errors import ConnectorError, LeaseHeld, LeaseLost, TerminalError
from connectors.schema import ForeignKey, Kind
from connectors.testkit import SampleTable
from tests.connectors.drive import Driver, Ends, copy, driver
from tests.connectors.masker import Masker, disguised
from tests.connectors.victim import BOUNDARIES

MANY = 40_000
"""Rows of a table that has several chunks, of which each has several batches."""

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


def source_bytes(endpoint: Endpoint) -> str:
    return hashlib.sha256(Path(endpoint.database).read_bytes()).hexdigest()


def same(ends: Ends, *tables: str) -> bool:
    return all(ends.server.digest(ends.source, t) == ends.server.digest(ends.target, t) for t in tables)


@pytest.fixture
def started(ends: Ends) -> Iterator[Driver]:
    """A driver of a masked copy of accounts, prepared, with several chunks to load."""
    fill(ends, ACCOUNTS, accounts(MANY))
    with driver(ends, anonymize={"accounts": Masker(("name",))}) as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        yield one


def expected() -> set[tuple[Any, ...]]:
    return {(number, disguised(name), balance) for number, name, balance in accounts(MANY)}


def found(ends: Ends) -> list[tuple[Any, ...]]:
    return ends.server.read(ends.target, "accounts")


def exactly(ends: Ends) -> bool:
    rows = found(ends)
    return len(rows) == MANY and set(rows) == expected()


# Facts


def test_facts_are_complete(ends: Ends) -> None:
    facts = ends.connector.facts
    assert facts.engine == ends.source.engine
    assert facts.title
    assert facts.ways
    assert facts.address <= {"host", "user", "password"}
    assert facts.snapshot_holder in ("driver", "task")
    assert facts.writers is None or facts.writers >= 1


def test_two_names_for_one_database_are_noticed(ends: Ends) -> None:
    with driver(ends) as one, driver(dataclasses.replace(ends, target=ends.source)) as other:
        assert one.source.server.identity == other.target.server.identity
        assert one.source.server.identity != one.target.server.identity
        assert one.source.server.version
        assert one.source.server.snapshot


# Copies


@pytest.mark.parametrize("count", [0, 1, 3000])
def test_every_value_arrives_unchanged(ends: Ends, count: int) -> None:
    fill(ends, PEOPLE, people(count))
    loaded = copy(ends, "people")
    assert same(ends, "people")
    assert sum(chunk.rows for chunk in loaded) == count
    assert all(chunk.fresh for chunk in loaded)


def test_long_texts_arrive_unchanged_and_masked(ends: Ends) -> None:
    rows = [(n, ODD_TEXTS[-1] * 20 + str(n), n, None, None, b"\x00" * 1_000_000) for n in range(6)]
    fill(ends, PEOPLE, rows)
    copy(ends, "people", anonymize={"people": Masker(("name",))})
    got = {row[0]: (row[1], len(row[5])) for row in ends.server.read(ends.target, "people")}
    assert got == {row[0]: (disguised(row[1]), 1_000_000) for row in rows}


@pytest.mark.parametrize("count", [0, 1, 3000])
def test_masked_columns_and_only_they_are_replaced(ends: Ends, count: int) -> None:
    rows = people(count)
    fill(ends, PEOPLE, rows)
    loaded = copy(ends, "people", anonymize={"people": Masker(("name", "age"), ("seen",))})
    got = {row[0]: row for row in ends.server.read(ends.target, "people")}
    kept = {row[0]: row for row in ends.server.read(ends.source, "people")}
    assert set(got) == set(kept)
    for number, row in kept.items():
        assert got[number] == (number, disguised(row[1]), disguised(row[2]), row[3], None, row[5])
    assert all(set(chunk.unchanged) == {"name", "age", "seen"} for chunk in loaded)


def test_a_column_that_only_becomes_null(ends: Ends) -> None:
    rows = people(500)
    fill(ends, PEOPLE, rows)
    copy(ends, "people", anonymize={"people": Masker((), ("photo", "seen"))})
    got = {(row[0], row[1], row[4], row[5]) for row in ends.server.read(ends.target, "people")}
    assert got == {(row[0], row[1], None, None) for row in rows}


@pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])
@pytest.mark.parametrize("keyed", KEYS)
def test_tables_with_every_kind_of_key(ends: Ends, keyed: str, masked: bool) -> None:
    rows = texts(5000)
    fill(ends, KEYS[keyed], rows)
    copy(ends, "t", budget=20_000, anonymize={"t": Masker(("k",))} if masked else {})
    wanted = [(disguised(k), n) if masked else (k, n) for k, n in rows]
    assert sorted(ends.server.read(ends.target, "t")) == sorted(wanted)


@pytest.mark.parametrize("keyed", KEYS)
def test_parts_cover_every_row_once(ends: Ends, keyed: str) -> None:
    fill(ends, KEYS[keyed], texts(5000))
    with driver(ends, budget=20_000) as one:
        one.lease(["t"])
        one.prepare(["t"])
        chunks = one.chunks()
        loaded = one.transfer(chunks)
    assert len(chunks) > 1
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert sum(chunk.rows for chunk in loaded) == 5000
    assert same(ends, "t")


def test_no_row_is_missed_that_comes_after_the_cuts_were_made(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(5000))
    with driver(ends, budget=20_000) as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        chunks = one.chunks()
        if ends.connector.facts.snapshot_holder == "task":  # its moment is still to come
            ends.server.insert(ends.source, "accounts", [(-7, "first", 0), (6, "between", 0), (10**12, "last", 0)])
        one.transfer(chunks)
    assert same(ends, "accounts")


def test_several_tables_that_reference_each_other(ends: Ends) -> None:
    orders = SampleTable(
        "orders",
        {"id": "integer", "account_id": "integer"},
        primary_key=("id",),
        references={"account_id": ("accounts", "id")},
    )
    fill(ends, ACCOUNTS, accounts(1000))
    fill(ends, orders, [(n, n % 1000 * 13) for n in range(3000)])
    copy(ends, "accounts", "orders")
    assert same(ends, "accounts", "orders")


# Filters


def test_a_filter_with_a_sub_query(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(1000))
    fill(ends, KEYS["integer key"], [(f"k{n}", n) for n in range(1000)])
    where = {"accounts": ends.where("balance < 50 AND id IN (SELECT n FROM t WHERE n < 500)")}
    for masked in ({}, {"accounts": Masker(("name",))}):
        with driver(ends, where=where, anonymize=masked, budget=2000, run_id=f"run {len(masked)}") as one:
            one.copy(["accounts"])
        numbers = {row[0] for row in found(ends)}
        assert numbers == {row[0] for row in accounts(1000) if row[2] < 50 and row[0] < 500}


def test_a_filter_the_database_does_not_take_is_refused(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(3))
    with driver(ends) as one:
        [table] = one.source.schema().tables
        one.source.explain_filter(table, ends.where("balance < 50"))
        with pytest.raises(TerminalError):
            one.source.explain_filter(table, ends.where("accounts.missing = 1"))


# Exactly once


def test_a_chunk_that_is_there_already_is_skipped(ends: Ends, started: Driver) -> None:
    chunks = started.chunks()
    first = started.transfer(chunks)
    second = started.transfer(chunks)
    assert all(chunk.fresh for chunk in first)
    assert not any(chunk.fresh for chunk in second)
    [state] = started.target.ledger.tables("run")
    assert (state.rows, state.chunks) == (MANY, frozenset(range(len(chunks))))
    assert exactly(ends)


def test_twins_load_a_chunk_once(ends: Ends, started: Driver, tmp_path: Path) -> None:
    twins = [started.in_process(tmp_path, started.chunks()) for _ in range(2)]
    assert [twin.wait() for twin in twins] == [0, 0]
    assert exactly(ends)


def killed(one: Driver, folder: Path, chunks: list[Chunk], boundary: str) -> None:
    process = one.in_process(folder, chunks, boundary)
    assert process.wait() == -9


@pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])
@pytest.mark.parametrize("boundary", [*BOUNDARIES, "mid-load"])
def test_a_task_killed_at_any_boundary_is_made_good(ends: Ends, tmp_path: Path, boundary: str, masked: bool) -> None:
    fill(ends, ACCOUNTS, accounts(MANY))
    masker = {"accounts": Masker(("name",))} if masked or boundary == "mid-load" else {}
    with driver(ends, anonymize=masker) as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        chunks = one.chunks()
        if boundary == "mid-load":
            one.copies[0] = dataclasses.replace(one.copies[0], anonymize=Masker(("name",), dies_at=2))
        killed(one, tmp_path, chunks, boundary)
        rows = found(ends)
        assert len(rows) < MANY
        assert (len(rows) > 0) == (boundary == "after commit")

    with driver(ends, anonymize=masker) as second:  # a new driver: a new fence, a new snapshot
        second.copy(["accounts"])
        assert second.fence > one.fence
        [state] = second.target.ledger.tables("run")
        assert (state.state, state.rows) == ("complete", MANY)
    assert exactly(ends) if masker else same(ends, "accounts")


@pytest.mark.parametrize("boundary", [*BOUNDARIES, "mid-load"])
def test_another_task_of_the_same_driver_finishes_what_a_killed_one_began(
    ends: Ends, started: Driver, tmp_path: Path, boundary: str
) -> None:
    chunks, whole = started.chunks(), started.copies[0]
    if boundary == "mid-load":
        started.copies[0] = dataclasses.replace(whole, anonymize=Masker(("name",), dies_at=2))
    killed(started, tmp_path, chunks, boundary)
    started.copies[0] = whole
    loaded = started.transfer(chunks)
    assert [chunk.fresh for chunk in loaded] == [boundary != "after commit", *[True] * (len(chunks) - 1)]
    assert exactly(ends)


def test_a_complete_table_is_kept_by_the_next_driver(ends: Ends, started: Driver) -> None:
    started.transfer(started.chunks())
    started.target.ledger.completed("run", 0)
    with driver(ends, anonymize=started.anonymize) as second:
        assert second.copy(["accounts"]) == []
    assert exactly(ends)


# One runner


def test_a_task_of_a_former_driver_can_load_nothing_more(ends: Ends, started: Driver) -> None:
    chunks = started.chunks()
    with driver(ends) as other:
        other.lease(["accounts"], holder="two")
        with pytest.raises(LeaseLost):
            started.transfer(chunks)
        with pytest.raises(LeaseLost):
            started.target.ledger.renew("run", started.fence)
        other.target.ledger.renew("run", other.fence)
    assert found(ends) == []


def test_a_table_has_one_driver_at_a_time(ends: Ends, started: Driver) -> None:
    with driver(ends, run_id="another run") as other:
        with pytest.raises(LeaseHeld, match="accounts"):
            other.lease(["accounts"], holder="two", alive=lambda holder: holder == "one")
        started.target.ledger.release("run", started.fence)
        other.lease(["accounts"], holder="two", alive=lambda holder: holder == "one")


def test_runs_are_remembered_newest_first(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(3))
    for run_id in ("first", "second"):
        copy(ends, "accounts", run_id=run_id)
        time.sleep(0.01)
    with driver(ends) as one:
        assert [(run.run_id, run.state) for run in one.target.ledger.runs()] == [
            ("second", "complete"),
            ("first", "complete"),
        ]


# Targets


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


@pytest.mark.parametrize("boundary", [*BOUNDARIES, "mid-load"])
def test_an_append_killed_at_any_boundary_adds_every_row_once(ends: Ends, tmp_path: Path, boundary: str) -> None:
    fill(ends, ACCOUNTS, accounts(MANY))
    ends.server.create(ends.target, ACCOUNTS, [(1, "was here", 5)])
    masker = Masker(("name",), dies_at=2 if boundary == "mid-load" else 0)
    with driver(ends, append=True, anonymize={"accounts": masker}) as one:
        one.lease(["accounts"])
        one.prepare(["accounts"])
        killed(one, tmp_path, one.chunks(), boundary)
    assert found(ends) == [(1, "was here", 5)]
    with driver(ends, append=True, anonymize={"accounts": Masker(("name",))}) as second:
        second.copy(["accounts"])
    assert sorted(found(ends)) == sorted({(1, "was here", 5), *expected()})


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
        with pytest.raises(TerminalError):
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


# The source


@pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])
def test_a_copy_shows_one_moment_while_others_write(ends: Ends, masked: bool) -> None:
    second = dataclasses.replace(ACCOUNTS, name="others")
    for table in (ACCOUNTS, second):
        fill(ends, table, accounts(MANY))
    total = sum(row[2] for row in accounts(MANY))
    masker = {"accounts": Masker(("name",)), "others": Masker(("name",))} if masked else {}
    with (
        ends.server.churn(ends.source, "accounts") as committed,
        ends.server.churn(ends.source, "others") as committed_too,
        driver(ends, anonymize=masker) as one,
    ):
        one.lease(["accounts", "others"])
        one.prepare(["accounts", "others"])
        chunks, loaded = one.chunks(), 0
        with ends.connector.transfer(one.job()) as transfer:
            for chunk in chunks:
                before = committed(), committed_too()
                loaded += transfer.copy(chunk).rows
                deadline = time.monotonic() + 20
                while min(committed() - before[0], committed_too() - before[1]) < 3 and time.monotonic() < deadline:
                    time.sleep(0.005)
        assert min(committed(), committed_too()) > 2 * len(chunks)
        one.finish()
    for name in ("accounts", "others"):
        rows = ends.server.read(ends.target, name)
        assert sum(row[2] for row in rows) == total
        assert len({row[0] for row in rows}) == len(rows)
    assert loaded == sum(len(ends.server.read(ends.target, name)) for name in ("accounts", "others"))


def test_the_source_is_never_written(ends: Ends) -> None:
    fill(ends, PEOPLE, people(2000))
    digest = ends.server.digest(ends.source, "people")
    bytes_before = source_bytes(ends.source) if ends.connector.facts.file else ""
    copy(ends, "people", anonymize={"people": Masker(("name",))})
    assert ends.server.digest(ends.source, "people") == digest
    assert bytes_before == (source_bytes(ends.source) if ends.connector.facts.file else "")
    with driver(ends) as one:
        assert [table.name.name for table in one.source.schema().tables] == ["people"]


def test_sessions_end_with_the_copy(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(100))
    copy(ends, "accounts")
    deadline = time.monotonic() + 10
    while (
        left := ends.server.sessions(ends.source) + ends.server.sessions(ends.target)
    ) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == 0


# Errors


def test_a_database_that_is_not_there(ends: Ends) -> None:
    gone = dataclasses.replace(ends.source, database="/nowhere/at all")
    for connect in (ends.connector.source, ends.connector.target):
        with pytest.raises(ConnectorError) as refused:
            connect(gone)
        shown = f"{refused.value} {refused.value!r}"
        assert gone.environment in shown
        assert "Traceback" not in shown
        assert not gone.password or gone.password not in shown


def test_a_wrong_password(ends: Ends) -> None:
    wrong = dataclasses.replace(ends.source, password="not the password")
    if "password" in ends.connector.facts.address:
        with pytest.raises(ConnectorError) as refused:
            ends.connector.source(wrong)
        assert "not the password" not in f"{refused.value} {refused.value!r}"
        assert not refused.value.retryable
    else:
        ends.connector.source(wrong).close()


def test_a_table_that_disappears_is_an_error_not_an_empty_copy(ends: Ends, started: Driver) -> None:
    chunks = started.chunks()
    if ends.connector.facts.snapshot_holder == "task":
        ends.server.execute(ends.source, "DROP TABLE accounts")
        with pytest.raises(ConnectorError):
            started.transfer(chunks)
    else:
        ends.server.execute(ends.target, "DROP TABLE accounts")
        with pytest.raises(ConnectorError):
            started.transfer(chunks)
