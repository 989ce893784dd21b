"""Where engines differ: keys that ignore case, names, character sets, counters, types of people's own, columns that are there
already. Each hazard is a case with what must come of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Endpoint
from connectors.testkit import TestServer
from tests.crossing.conftest import Copier


class Bench:
    """Tables of one engine, copied into another."""

    def __init__(self, servers: dict[str, TestServer], copied: Copier) -> None:
        self._servers, self._copied = servers, copied

    def __call__(self, source: str, target: str, *statements: str, there: Sequence[str] = (), code: int = 0,
                 **operation: Any) -> tuple[Endpoint, str]:  # fmt: skip
        """Make tables by these statements, and `there` in the target; copy all. Returns the target and what was said."""
        end = self._servers[source].database("hazard")
        for statement in statements:
            self._servers[source].execute(end, statement)

        def prepare(into: Endpoint) -> None:
            for statement in there:
                self._servers[target].execute(into, statement)

        return self._copied(end, target, code=code, prepare=prepare, **{"tables": ["*"], **operation})

    def rows(self, end: Endpoint, table: str) -> list[tuple[Any, ...]]:
        return sorted(self._servers[end.engine].read(end, table), key=repr)

    def execute(self, end: Endpoint, statement: str) -> None:
        self._servers[end.engine].execute(end, statement)


@pytest.fixture
def bench(servers: dict[str, TestServer], copied: Copier) -> Bench:
    return Bench(servers, copied)


KEYS = (
    "CREATE TABLE t (k varchar(40) PRIMARY KEY, v int)",
    "INSERT INTO t VALUES ('a', 1), ('A', 2), ('a ', 3), ('é', 4), ('e', 5)",
)


@pytest.mark.parametrize("target", ["mysql", "sqlite"])
def test_keys_that_differ_in_case_or_blanks_stay_apart(target: str, bench: Bench) -> None:
    there, _ = bench("postgresql", target, *KEYS)
    assert bench.rows(there, "t") == [("A", 2), ("a ", 3), ("a", 1), ("e", 5), ("é", 4)]


@pytest.mark.parametrize(
    ("target", "table"),
    [
        ("mysql", "CREATE TABLE t (k varchar(40) COLLATE utf8mb4_general_ci PRIMARY KEY, v int)"),
        ("sqlite", "CREATE TABLE t (k varchar(40) COLLATE NOCASE PRIMARY KEY, v int)"),
    ],
)
def test_no_row_takes_the_place_of_another_where_a_key_ignores_case(target: str, table: str, bench: Bench) -> None:
    there, said = bench("postgresql", target, *KEYS, there=[table], code=5)
    assert "two rows have the same value" in said
    assert "t, chunk 0" in said
    assert bench.rows(there, "t") == []


CHARSETS = {
    "latin1": "é€ÿ",
    "koi8r": "привет",
    "cp1250": "żółć",
    "sjis": "日本",
    "ucs2": "日本",
    "utf16": "👩",
    "utf8mb3": "日",
}


@pytest.mark.parametrize("target", ["postgresql", "sqlite"])
def test_texts_of_every_character_set_arrive_as_texts(target: str, bench: Bench) -> None:
    columns = ", ".join(f"c_{name} varchar(9) CHARACTER SET {name}" for name in CHARSETS)
    values = ", ".join(f"'{text}'" for text in CHARSETS.values())
    there, _ = bench("mysql", target, f"CREATE TABLE t ({columns})", f"INSERT INTO t VALUES ({values})")
    assert bench.rows(there, "t") == [tuple(CHARSETS.values())]


def test_a_character_that_a_column_has_not_stops_the_chunk_under_consent_too(bench: Bench) -> None:
    given = ("CREATE TABLE t (id int PRIMARY KEY, v varchar(9))", "INSERT INTO t VALUES (1, 'é'), (2, '日')")
    latin = "CREATE TABLE t (id int PRIMARY KEY, v varchar(9) CHARACTER SET latin1)"
    there, said = bench("postgresql", "mysql", *given, there=[latin], code=5, allow_lossy=["t.v"])
    assert "a text has a character that the target's column lacks (v)" in said
    assert bench.rows(there, "t") == []


@pytest.mark.parametrize("target", ["mysql", "sqlite"])
def test_any_name_is_a_name(target: str, bench: Bench) -> None:
    there, _ = bench(
        "postgresql",
        target,
        'CREATE TABLE "order" ("select" int PRIMARY KEY, "a`b" text, "a""b" text, "p%s" text, "ÄÖ" text, "two words" text)',
        """INSERT INTO "order" VALUES (1, 'x', 'y', 'z', 'u', 'w')""",
    )
    assert bench.rows(there, "order") == [(1, "x", "y", "z", "u", "w")]


@pytest.mark.parametrize(
    ("source", "target", "statement", "told"),
    [
        ("mysql", "postgresql", f"CREATE TABLE t (id int PRIMARY KEY, {'x' * 64} int)", "is longer than 63 bytes"),
        ("mysql", "postgresql", f"CREATE TABLE {'ü' * 40} (id int PRIMARY KEY)", "is longer than 63 bytes"),
        ("postgresql", "mysql", 'CREATE TABLE t (a int, "A" int)', "letter case says nothing"),
        ("postgresql", "sqlite", 'CREATE TABLE t (a int, "A" int)', "differ in the case of letters only"),
        ("postgresql", "mysql", "CREATE TABLE t (k text PRIMARY KEY)", "name a type that ends"),
    ],
)
def test_what_the_target_cannot_make_stops_the_plan(
    source: str, target: str, statement: str, told: str, bench: Bench
) -> None:
    _, said = bench(source, target, statement, code=3)
    assert told in said


@pytest.mark.parametrize(
    ("source", "target", "statement"),
    [
        ("postgresql", "mysql", "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int)"),
        ("postgresql", "sqlite", "CREATE TABLE t (id serial PRIMARY KEY, v int)"),
        ("mysql", "postgresql", "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v int)"),
        ("mysql", "sqlite", "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v int)"),
        ("sqlite", "postgresql", "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v int)"),
        ("sqlite", "mysql", "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v int)"),
    ],
)
def test_a_counter_continues_behind_the_highest_row(source: str, target: str, statement: str, bench: Bench) -> None:
    there, _ = bench(source, target, statement, "INSERT INTO t (v) VALUES (5), (6)")
    bench.execute(there, "INSERT INTO t (v) VALUES (7)")
    assert bench.rows(there, "t") == [(1, 5), (2, 6), (3, 7)]


@pytest.mark.parametrize("target", ["mysql", "sqlite"])
def test_types_of_peoples_own_arrive_as_their_texts(target: str, bench: Bench) -> None:
    there, _ = bench(
        "postgresql",
        target,
        "CREATE TYPE mood AS ENUM ('sad', 'o''k')",
        "CREATE DOMAIN few AS integer CHECK (VALUE > 0)",
        "CREATE TYPE duo AS (a integer, b text)",
        "CREATE TABLE t (id int PRIMARY KEY, m mood, f few, d duo, ms mood[], r int4multirange)",
        """INSERT INTO t VALUES (1, 'o''k', 7, '(1,"x,y")', '{sad,o''k}', '{[1,3),[5,7)}')""",
        "INSERT INTO t VALUES (2)",
    )
    assert bench.rows(there, "t") == [
        (1, "o'k", 7, '(1,"x,y")', "{sad,o'k}", "{[1,3),[5,7)}"),
        (2, None, None, None, None, None),
    ]


@pytest.mark.parametrize("target", ["postgresql", "sqlite"])
def test_an_enums_empty_value_is_not_null(target: str, bench: Bench) -> None:
    """A value that is no label is number 0 there, and shows as an empty text."""
    there, _ = bench(
        "mysql",
        target,
        "CREATE TABLE t (id int PRIMARY KEY, e enum('a', 'b'), f enum('', 'a'), s set('a', 'b'))",
        "INSERT IGNORE INTO t VALUES (1, 'zzz', 'zzz', ''), (2, 'a', '', 'a,b'), (3, NULL, NULL, NULL)",
    )
    assert bench.rows(there, "t") == [(1, "", "", ""), (2, "a", "", "a,b"), (3, None, None, None)]


def test_hidden_columns_travel_and_computed_ones_are_left_out(bench: Bench) -> None:
    there, _ = bench(
        "mysql",
        "postgresql",
        "CREATE TABLE t (id bigint unsigned PRIMARY KEY, a int, g int AS (a * 2) STORED, v int AS (a * 3) VIRTUAL, h int"
        " INVISIBLE DEFAULT 9)",
        "INSERT INTO t (id, a) VALUES (18446744073709551615, 1)",
    )
    assert [tuple(map(int, row)) for row in bench.rows(there, "t")] == [(18446744073709551615, 1, 9)]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("'text in bytes', NULL", "column b holds what is no binary data"),
        ("NULL, x'41'", "column t holds binary data"),
        ("NULL, CAST(x'ff' AS TEXT)", "column t holds a text that is no valid Unicode"),
    ],
)
def test_what_a_file_keeps_against_its_types_is_told_with_its_table(value: str, told: str, bench: Bench) -> None:
    there, said = bench(
        "sqlite", "postgresql", "CREATE TABLE kept (b BLOB, t TEXT)", f"INSERT INTO kept VALUES ({value})", code=5
    )
    assert told in said
    assert "public.kept, chunk 0" in said
    assert bench.rows(there, "kept") == []


@pytest.mark.parametrize(
    ("source", "target", "type_"),
    [("postgresql", "mysql", "int"), ("mysql", "postgresql", "numeric"), ("mysql", "sqlite", "INTEGER")],
)
def test_a_text_with_leading_zeros_is_no_number(source: str, target: str, type_: str, bench: Bench) -> None:
    create, into = "CREATE TABLE t (v varchar(9))", [f"CREATE TABLE t (v {type_})"]
    there, _ = bench(source, target, create, "INSERT INTO t VALUES ('70'), ('-7'), ('0')", there=into)
    assert {int(row[0]) for row in bench.rows(there, "t")} == {70, -7, 0}
    there, said = bench(source, target, create, "INSERT INTO t VALUES ('007')", there=into, code=5)
    assert "column v holds a text that is no " in said
    assert bench.rows(there, "t") == []


NARROW = "CREATE TABLE t (id int PRIMARY KEY, k varchar(5), n decimal(10,2), u int unsigned)"
WIDE = "CREATE TABLE t (id int PRIMARY KEY, k text, n numeric(10,4), u int)"
CONSENT = ["t.k", "t.n", "t.u"]


def test_under_consent_numbers_are_rounded_and_texts_never_cut(bench: Bench) -> None:
    def copy(row: str, code: int) -> tuple[list[tuple[Any, ...]], str]:
        given = (WIDE, f"INSERT INTO t VALUES (1, {row})")
        there, said = bench("postgresql", "mysql", *given, there=[NARROW], code=code, allow_lossy=CONSENT)
        return bench.rows(there, "t"), said

    [row], _ = copy("'abcde', 1.2350, 7", 0)
    assert row == (1, "abcde", Decimal("1.24"), 7)
    for values, column in (("'abcdef', 1, 7", "k"), ("'a', 1, -7", "u")):
        rows, said = copy(values, 5)
        assert f"column {column} holds " in said
        assert rows == []


def test_rows_that_reference_nothing_are_told_between_engines_too(bench: Bench) -> None:
    _, said = bench(
        "sqlite",
        "mysql",
        "CREATE TABLE p (id INTEGER PRIMARY KEY)",
        "CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p)",
        "INSERT INTO c VALUES (1, 77)",
        code=8,
    )
    assert "c: 1 rows reference no row of p (p → id)" in said
