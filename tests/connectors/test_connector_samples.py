"""What every connector promises of a sample: few rows from all over the table, as short texts, the same each time."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pytest

from connectors.contract import SourceSession
from connectors.samples import SAMPLED
from tests.connectors.drive import Ends
from tests.connectors.samples import ACCOUNTS, KEYS, MANY, PEOPLE, accounts, fill, people, texts


@contextlib.contextmanager
def source_of(ends: Ends) -> Iterator[SourceSession]:
    with contextlib.closing(ends.connector.source(ends.source)) as source:
        yield source


def sampled(ends: Ends, table: str, columns: Sequence[str], rows: int) -> pa.RecordBatch:
    with source_of(ends) as source:
        [found] = source.schema().pick([ends.name(table)])
        return source.sample(found, columns, rows)


def rows_of(batch: pa.RecordBatch) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def test_a_small_table_is_seen_whole_and_once(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(20))
    found = sampled(ends, "accounts", ["name", "id"], 200)
    assert found.schema == pa.schema([("name", pa.string()), ("id", pa.string())])
    assert sorted(rows_of(found)) == sorted((name, str(number)) for number, name, _ in accounts(20))


def test_an_empty_table_gives_no_row_but_its_columns(ends: Ends) -> None:
    fill(ends, PEOPLE, [])
    found = sampled(ends, "people", ["name", "photo"], 200)
    assert found.num_rows == 0
    assert found.schema.names == ["name", "photo"]


def test_a_large_table_is_seen_from_end_to_end_and_no_row_twice(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(MANY))
    numbers = [int(text) // 13 for text in sampled(ends, "accounts", ["id"], 200).column(0).to_pylist()]
    assert 100 < len(numbers) <= 200
    assert len(set(numbers)) == len(numbers)
    assert {number * 8 // MANY for number in numbers} == set(range(8))


def test_a_sample_is_the_same_each_time(ends: Ends) -> None:
    fill(ends, ACCOUNTS, accounts(5000))
    assert sampled(ends, "accounts", ["id", "name"], 100).equals(sampled(ends, "accounts", ["id", "name"], 100))


def test_rows_far_apart_are_found_all_the_same(ends: Ends) -> None:
    fill(ends, ACCOUNTS, [*accounts(50), (10**15, "far", 0)])
    found = rows_of(sampled(ends, "accounts", ["name"], 200))
    assert sorted(found) == sorted([*((name,) for _, name, _ in accounts(50)), ("far",)])


@pytest.mark.parametrize("keyed", KEYS)
def test_tables_with_every_kind_of_key(ends: Ends, keyed: str) -> None:
    fill(ends, KEYS[keyed], texts(500))
    found = rows_of(sampled(ends, "t", ["k", "n"], 50))
    assert 0 < len(found) <= 50
    assert set(found) <= {(k, str(n)) for k, n in texts(500)}


def test_values_come_as_short_texts_and_nulls_stay(ends: Ends) -> None:
    fill(ends, PEOPLE, people(40))
    found = sampled(ends, "people", ["id", "name", "age", "photo"], 100)
    by_id = {int(row[0]): row for row in rows_of(found)}
    for number, name, age, *_ in people(40):
        assert by_id[number][1] == name[:SAMPLED]
        assert by_id[number][2] == (None if age is None else str(age))
    assert found.column("photo").null_count == found.num_rows


def test_no_large_value_leaves_the_database(ends: Ends) -> None:
    fill(ends, ACCOUNTS, [(n, "é" * 1_000_000, 0) for n in range(3)])
    assert sampled(ends, "accounts", ["name"], 10).column(0).to_pylist() == ["é" * SAMPLED] * 3


def test_names_that_need_quotes(ends: Ends) -> None:
    odd = dataclasses.replace(ACCOUNTS, name="sel ect %s", columns={"id": "integer", "ord'er %s {}": "text"})
    ends.server.create(ends.source, odd)
    assert sampled(ends, "sel ect %s", ["ord'er %s {}"], 10).schema.names == ["ord'er %s {}"]
