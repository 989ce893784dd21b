"""Values: whatever SQLite stores arrives with its storage class and bytes, however it contradicts the declared type."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Endpoint
from connectors.sqlite import connector
from connectors.sqlite.testkit import SqliteFolder
from tests.connectors.drive import Ends, copy
from tests.connectors.masker import Masker
from tests.connectors.sqlite.exact import make, stored

TYPES = (
    "INTEGER",
    "TEXT",
    "VARCHAR(3)",
    "REAL",
    "NUMERIC",
    "DECIMAL(4,1)",
    "BLOB",
    "",
    "DATE",
    "BOOLEAN",
    "POINT",
    "ANY",
)

HAZARDS: tuple[Any, ...] = (
    None, 0, -1, 2**63 - 1, -(2**63), 1.5, 1e308, -0.0, 5e-324, math.inf, -math.inf, 0.1 + 0.2, 1e15, 2.0**53, 2.0**63,
    "", "12", " 12 ", "012", "1e3", "1.0", "9223372036854775808", "0x10", "abc", "nul\x00inside", "tab\t'\"\\\n\r\\N", "🦆é日",
    "12345678901234567890.123456789", b"", b"\x00\xff", b"12", b"text", "2020-13-45", "true", "x" * 100_000,
)  # fmt: skip
BROKEN_TEXTS = (b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\x80tail", b"\xf5\x00\x80")


def fill(endpoint: Endpoint, declared: list[str], rows: list[list[Any]], options: str = "") -> list[str]:
    names = [f"c{n}" for n in range(len(declared))]
    columns = ", ".join(f"{name} {type_}" for name, type_ in zip(names, declared, strict=True))
    marks = ", ".join("?" * (len(names) + 1))
    make(
        endpoint,
        f"CREATE TABLE t (n INTEGER PRIMARY KEY, {columns}, secret TEXT DEFAULT 's') {options}",
        *((f"INSERT INTO t (n, {', '.join(names)}) VALUES ({marks})", [n, *row]) for n, row in enumerate(rows)),
    )
    return ["n", *names]


@pytest.mark.parametrize("masker", [{}, {"t": Masker(("secret",))}], ids=["unmasked", "masked beside"])
def test_every_value_in_every_declared_type_arrives_as_it_is_stored(files: Ends, masker: dict[str, Masker]) -> None:
    names = fill(files.source, list(TYPES), [[value] * len(TYPES) for value in HAZARDS])
    broken = ", ".join(["CAST(? AS TEXT)"] * len(TYPES))
    make(
        files.source,
        *((f"INSERT INTO t ({', '.join(names[1:])}) VALUES ({broken})", [raw] * len(TYPES)) for raw in BROKEN_TEXTS),
    )
    copy(files, "t", anonymize=masker)
    assert stored(files.target, "t", *names) == stored(files.source, "t", *names)


values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.binary(max_size=20),
    st.from_regex(r"[ +-]?[0-9]{0,20}\.?[0-9]{0,20}(e[+-]?[0-9]{1,3})? ?", fullmatch=True),
)


@settings(max_examples=40)
@given(data=st.data())
def test_any_value_in_any_declared_type_arrives_as_it_is_stored(data: st.DataObject) -> None:
    declared = data.draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    rows = data.draw(st.lists(st.lists(values, min_size=len(declared), max_size=len(declared)), max_size=20))
    with tempfile.TemporaryDirectory() as name:
        ends = [Endpoint(env, "sqlite", f"{name}/{env}") for env in ("PROD", "DEV")]
        names = fill(ends[0], declared, rows)
        copy(Ends(connector, SqliteFolder(Path(name)), *ends), "t")
        assert stored(ends[1], "t", *names) == stored(ends[0], "t", *names)


def test_strict_tables_stay_strict(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (a ANY, b INT, c TEXT) STRICT",
        ("INSERT INTO t VALUES (?, ?, ?)", ["012", 1, "x"]),
        ("INSERT INTO t VALUES (?, ?, ?)", [b"012", None, "12"]),
    )
    copy(files, "t", append=True)
    assert stored(files.target, "t", "a", "b", "c") == stored(files.source, "t", "a", "b", "c")


def test_generated_columns_are_computed_by_the_target(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (a TEXT, up TEXT GENERATED ALWAYS AS (upper(a || ')') ) STORED, n INT AS (length(a)))",
        "INSERT INTO t (a) VALUES ('x'), ('yy')",
    )
    copy(files, "t", anonymize={"t": Masker(("a",))})
    rows = files.server.read(files.target, "t")
    assert [(up, n) for _, up, n in rows] == [((a + ")").upper(), len(a)) for a, _, _ in rows]
    assert len(rows) == 2


@pytest.mark.parametrize("masker", [{}, {"t": Masker(("secret",))}], ids=["unmasked", "masked beside"])
def test_values_of_five_megabytes(files: Ends, masker: dict[str, Masker]) -> None:
    rows: list[list[Any]] = [["é" * 2_500_000 + str(n), bytes(5_000_000)] for n in range(4)]
    names = fill(files.source, ["TEXT", "BLOB"], rows)
    copy(files, "t", anonymize=masker)
    assert stored(files.target, "t", *names) == stored(files.source, "t", *names)
