"""Values that one engine holds and another does not: they arrive as they were, or stop their chunk and are told without
themselves. None arrives as something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from connectors.contract import Endpoint
from connectors.testkit import TestServer
from tests.crossing import judge, tables
from tests.crossing.conftest import Copier
from tests.crossing.tables import NAME, Sample, column

HELD: Mapping[str, Mapping[str, Mapping[str, tuple[str, Sequence[Any]]]]] = {
    "postgresql": {
        "sqlite": {
            "numeric": ("decimal", ("NaN", "Infinity", "-Infinity", "9" * 400, "1e-31")),
            "double precision": ("float64", ("NaN", "Infinity", "-Infinity")),
            "real": ("float32", ("NaN", "Infinity", "-Infinity")),
            "date": ("date", ("infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "5874897-12-31")),
            "timestamp": ("timestamp", ("infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999")),
            "timestamptz": ("instant", ("-infinity", "0044-03-15 00:00:00+00 BC", "294276-12-31 23:59:59+00")),
        },
    },
    "mysql": {
        "sqlite": {
            "date": ("date", ("0000-00-00", "2024-05-00", "0000-05-17")),
            "datetime(6)": ("timestamp", ("0000-00-00 00:00:00", "2024-00-17 09:30:00.5")),
            "timestamp": ("instant", ("0000-00-00 00:00:00",)),
            "varchar(200)": ("text", ("a\0b", "\0")),
            "longtext": ("text", ("\0" + "x" * 70_000,)),
        },
    },
    "sqlite": {
        "mysql": {
            "TEXT": ("text", ("a\0b", "\0")),
            "BOOLEAN": ("integer", (2, -5)),
            "UUID": ("text", ("no uuid",)),
            "DATE": ("date", ("0000-00-00", "2024-05-00")),
        },
        "postgresql": {
            "REAL": ("float64", (9e999, -9e999)),
            "DATE": ("date", ("infinity", "0044-03-15 BC", "10000-01-01")),
            "TIME": ("time", ("24:00:00", "23:59:59.999999")),
        },
    },
}
"""Source → target → type → meaning, values."""

STOPPED: Mapping[tuple[str, str], Mapping[str, Sequence[Any]]] = {
    ("postgresql", "mysql"): {
        "numeric": ("NaN", "1" * 36, "1e-31"),
        "double precision": ("NaN", "-Infinity"),
        "real": ("Infinity",),
        "date": ("infinity", "0044-03-15 BC", "10000-01-01"),
        "timestamp": ("infinity", "10000-01-01 00:00:00.5"),
        "timestamptz": ("0044-03-15 00:00:00+00 BC",),
    },
    ("mysql", "postgresql"): {
        "date": ("0000-00-00", "2024-05-00", "0000-05-17"),
        "datetime(6)": ("2024-00-17 09:30:00.5",),
        "timestamp": ("0000-00-00 00:00:00",),
        "varchar(200)": ("hunter2\0",),
    },
    ("sqlite", "postgresql"): {
        "INTEGER": ("hunter2", 1.5, ""),
        "DECIMAL(12,2)": ("hunter2", 12345678901),
        "BOOLEAN": (2, "hunter2"),
        "DATE": ("2020-13-45", "2023-02-29", ""),
        "TIME": ("25:00:00", "noon"),
        "TIMESTAMP": ("2024-05-17 25:00:00",),
        "UUID": ("{12345678-9abc-4def-8123-456789abcdef}",),
        "JSON TEXT": ('{"hunter2"', ""),
        "TEXT": ("hunter2\0",),
    },
    ("sqlite", "mysql"): {
        "INTEGER": ("hunter2",),
        "REAL": ("hunter2", 9e999),
        "BOOLEAN": ("hunter2",),
        "DATE": ("17.5.2024", "infinity"),
        "UUID": ("{12345678-9abc-4def-8123-456789abcdef}",),
        "JSON TEXT": ('{"hunter2"',),
    },
}


def filled(end: Endpoint, samples: Mapping[str, Sample], rows: int) -> judge.Found:
    tables.fill(end, samples, rows)
    return judge.look(end, NAME, tables.meanings(samples))


@pytest.mark.parametrize(("source", "target"), [(source, target) for source in HELD for target in HELD[source]])
def test_what_the_target_holds_arrives(
    source: str, target: str, servers: dict[str, TestServer], copied: Copier
) -> None:
    samples = {
        native: Sample(meaning, values, lambda _: None) for native, (meaning, values) in HELD[source][target].items()
    }
    end = servers[source].database("odd")
    found = filled(end, samples, max(len(sample.extremes) for sample in samples.values()))
    there, _ = copied(end, target)
    assert judge.differences(found, judge.look(there, NAME, tables.meanings(samples))) == []


@pytest.mark.parametrize(("source", "target"), STOPPED)
def test_what_the_target_does_not_hold_stops_the_chunk_and_is_not_shown(
    source: str, target: str, servers: dict[str, TestServer], copied: Copier
) -> None:
    for native, values in STOPPED[source, target].items():
        for value in values:
            end = servers[source].database("odd")
            filled(end, {native: Sample("own", (value,), lambda _: None)}, 1)
            there, said = copied(end, target, code=5)
            assert f"error: column {column(native)} holds " in said, said
            assert "chunk 0" in said
            assert said.count("error: ") == 1, said
            assert "Exception ignored" not in said
            assert "hunter2" not in said
            assert servers[target].read(there, NAME) == []
