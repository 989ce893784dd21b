"""What every connector promises of a copy and its source, tried on every engine that has a testkit."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from pathlib import Path

import pytest

from connectors.contract import Endpoint
from connectors.errors import ConnectorError, TerminalError
from connectors.testkit import SampleTable
from tests.connectors.drive import Driver, Ends, copy, driver
from tests.connectors.masker import Masker, disguised
from tests.connectors.samples import (
    ACCOUNTS,
    KEYS,
    MANY,
    ODD_TEXTS,
    PEOPLE,
    accounts,
    fill,
    found,
    people,
    same,
    texts,
)


def source_bytes(endpoint: Endpoint) -> str:
    return hashlib.sha256(Path(endpoint.database).read_bytes()).hexdigest()


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
    copy(ends, "people", anonymize={"people": Masker(("name", "age"), ("seen",))})
    got = {row[0]: row for row in ends.server.read(ends.target, "people")}
    kept = {row[0]: row for row in ends.server.read(ends.source, "people")}
    assert set(got) == set(kept)
    for number, row in kept.items():
        assert got[number] == (number, disguised(row[1]), disguised(row[2]), row[3], None, row[5])


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
    assert len(chunks) > 1 or keyed == "no key"  # some engines tell rows apart by nothing else
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
                deadline = time.monotonic() + 60
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
    deadline = time.monotonic() + 60
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
    if ends.source.password is not None:
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
