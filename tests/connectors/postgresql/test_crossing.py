"""Crossing: what the reader gives of each type, what the loader makes of it, and that a chunk is loaded once or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.crossing import Field as Filled
from connectors.errors import ConnectorError, SourceChanged, TerminalError, Unsupported, ValueRefused
from connectors.postgresql import connector, ends
from connectors.postgresql.canonical import made
from connectors.postgresql.loader import block
from connectors.postgresql.reader import carrier
from connectors.postgresql.spark import paths
from connectors.postgresql.splice import Field
from connectors.postgresql.testkit import PostgresServer
from connectors.schema import Column
from connectors.types import Canonical, Family
from tests.connectors.postgresql.every import VALUES, fill
from tests.connectors.postgresql.pair import Pair, Reverse, find
from tests.connectors.postgresql.road import Given, Road, road, texts
from tests.connectors.postgresql.test_encodings import database
from tests.connectors.postgresql.test_encodings import fill as encoded

FORMS: Mapping[str, Sequence[tuple[str, str | bytes]]] = {
    "boolean": [("t", "1"), ("f", "0")],
    "smallint": [("-32768", "-32768"), ("0", "0")],
    "integer": [("2147483647", "2147483647")],
    "bigint": [("-9223372036854775808", "-9223372036854775808")],
    "numeric": [("NaN", "NaN"), ("-Infinity", "-Infinity"), ("1.10", "1.10"), ("-1e-20", "-0." + "0" * 19 + "1")],
    "numeric(60,2)": [("9" * 58 + ".99", "9" * 58 + ".99")],
    "real": [("NaN", "NaN"), ("-0", "-0"), ("0.1", "0.1"), ("16777216", "1.6777216e+07")],
    "double precision": [("5e-324", "5e-324"), ("0.1", "0.1"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity")],
    "money": [("-92233720368547758.08", "-92233720368547758.08"), ("12.3", "12.30")],
    "text": [("", ""), ("\\N", "\\N"), ("\t\r\n\\.", "\t\r\n\\."), ("😀 żółć", "😀 żółć"), (" x ", " x ")],
    "varchar(5)": [("ab   ", "ab   ")],
    "char(5)": [("ab", "ab"), ("", ""), (" x", " x")],
    "bytea": [("", b""), ("\\x00ff5c0a", b"\0\xff\\\n")],
    "date": [
        *((same, same) for same in ("2024-02-29", "infinity", "-infinity", "0044-03-15 BC")),
        *((same, same) for same in ("5874897-12-31", "4713-01-01 BC")),
    ],
    "timestamp": [
        *((same, same) for same in ("infinity", "-infinity", "294276-12-31 23:59:59.999999")),
        ("2024-05-17 09:30:00.5", "2024-05-17 09:30:00.500000"),
        ("0001-01-01 00:00:00 BC", "0001-01-01 00:00:00.000000 BC"),
    ],
    "timestamptz": [("2024-02-29 00:00:00+05:30", "2024-02-28 18:30:00.000000"), ("infinity", "infinity")],
    "time": [("24:00:00", "24:00:00"), ("00:00:00.000001", "00:00:00.000001"), ("09:30", "09:30:00")],
    "timetz": [("24:00:00-15:59", "24:00:00-15:59"), ("12:34:56.789+05:30", "12:34:56.789+05:30")],
    "interval": [
        *(("1 year 2 mons 3 days 04:05:06.5", "P1Y2M3DT4H5M6.5S"), ("0", "PT0S")),
        *(("-1 mon -1 day -00:00:00.000001", "P-1M-1DT-0.000001S"), ("178000000 years", "P178000000Y")),
    ],
    "uuid": [("A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")],
    "json": [('{"b":1, "a" : 1.0,"a":2}', '{"b":1, "a" : 1.0,"a":2}')],
    "jsonb": [('{"b": [1.50, null]}', '{"b": [1.50, null]}')],
    "xml": [("<a>&lt;<b/></a>", "<a>&lt;<b/></a>")],
    "bit(5)": [("10101", "10101")],
    "bit varying": [("", ""), ("01", "01")],
    "mood": [("o'k", "o'k")],
    "inet": [("192.168.0.1", "192.168.0.1"), ("192.168.0.1/24", "192.168.0.1/24"), ("::1", "::1")],
    "integer[]": [("[2:3]={7,8}", "[2:3]={7,8}"), ("{{1,NULL},{3,4}}", "{{1,NULL},{3,4}}"), ("{}", "{}")],
    "pair": [("(,)", "(,)"), ('(1,"a b")', '(1,"a b")')],
    "positive": [("7", "7")],
    "oid": [("4294967295", "4294967295")],
    '"char"': [("x", "x"), ("", "")],
    "int4range": [("empty", "empty"), ("(,5]", "(,6)")],
}
"""Each type's values, as the server reads them and as they travel."""


def table_of(pair: Pair, columns: str, rows: str = "") -> None:
    pair.server.execute(pair.prod, f"CREATE TABLE t ({columns})")
    if rows:
        pair.server.execute(pair.prod, f"INSERT INTO t {rows}")


def test_every_type_travels_in_its_form(pair: Pair) -> None:
    fill(pair, list(FORMS), {name: [value for value, _ in forms] for name, forms in FORMS.items()})
    columns = [f"c {number}" for number in range(len(FORMS))]
    with road(pair, "Every Type") as way:
        rows = way.read("id", *columns)
        schema = next(iter(read_once(way, columns))).schema
    for number, (name, forms) in enumerate(FORMS.items()):
        found = [row[1 + number] for row in sorted(rows, key=lambda row: int(row[0])) if row[1 + number] is not None]
        assert found == [form for _, form in forms], name
        assert schema.types[number] == (pa.binary() if name == "bytea" else pa.string()), name


def read_once(way: Road, columns: Sequence[str]) -> list[pa.RecordBatch]:
    with connector.reader(way.job) as reader:
        return list(reader.read(way.job.tables[0], way.chunks[0], columns))


def test_every_value_of_every_type_arrives_unchanged(pair: Pair) -> None:
    fill(pair, list(VALUES))
    with road(pair, "Every Type") as way:
        loaded = way.copy()
    assert sum(one.rows for one in loaded) == pair.server.digest(pair.prod, "Every Type")[0] > 100
    assert pair.same("Every Type")


def test_chunks_cover_every_row_and_masked_columns_are_replaced(pair: Pair) -> None:
    table_of(
        pair, "id integer, name text, note text", "SELECT i, 'n' || i, repeat('x', 90) FROM generate_series(1, 2000) i"
    )
    with road(pair, "t", Reverse(("name", "id"), gone=("note",)), budget=1 << 15) as way:
        loaded = way.copy()
        again = way.copy()
    assert len(loaded) > 3
    assert all(one.fresh and one.bytes > one.rows for one in loaded)
    assert [(one.number, one.rows, one.bytes) for one in again] == [(one.number, one.rows, one.bytes) for one in loaded]
    assert not any(one.fresh for one in again)
    assert sorted(pair.server.read(pair.dev, "t")) == sorted((-i, f"n{i}"[::-1], None) for i in range(1, 2001))


def test_rows_without_columns_are_rows_all_the_same(pair: Pair) -> None:
    table_of(pair, "a integer", "SELECT 1 FROM generate_series(1, 5)")
    with road(pair, "t") as way:
        [batch] = read_once(way, [])
        assert (batch.num_rows, batch.num_columns) == (5, 0)


def test_a_null_alone_is_a_row(pair: Pair) -> None:
    names = ("bigint", "boolean", "timestamp", "uuid", "bytea", "text", "inet", "integer[]")
    table_of(pair, ", ".join(f'"{name}" {name}' for name in names), "DEFAULT VALUES")
    with road(pair, "t") as way:
        assert [way.read(name) for name in names] == [[(None,)]] * len(names)


def test_batches_are_bounded(pair: Pair) -> None:
    table_of(
        pair,
        "a integer, b text",
        "SELECT i, CASE WHEN i % 50 = 0 THEN repeat('x', 99999) END FROM generate_series(1, 20000) i",
    )
    with road(pair, "t") as way, connector.reader(way.job) as reader:
        [chunk] = way.chunks
        batches = list(reader.read(way.job.tables[0], chunk, ["b", "a"]))
    assert sum(batch.num_rows for batch in batches) == 20_000
    assert max(batch.num_rows for batch in batches) <= 16_384
    assert max(batch.nbytes for batch in batches) < 4 << 20


def test_an_abandoned_reading_leaves_nothing_behind(pair: Pair) -> None:
    table_of(pair, "a integer, b text", "SELECT i, repeat('x', 500) FROM generate_series(1, 40000) i")
    with road(pair, "t") as way, connector.reader(way.job) as reader:
        [chunk] = way.chunks
        half = reader.read(way.job.tables[0], chunk, ["a", "b"])
        next(half)
        assert sum(batch.num_rows for batch in reader.read(way.job.tables[0], chunk, ["a"])) == 40_000
        half.close()
        assert sum(batch.num_rows for batch in reader.read(way.job.tables[0], chunk, ["a"])) == 40_000
        assert pair.server.sessions(pair.prod) == 2


def test_a_table_changed_under_the_snapshot_is_never_read_as_empty(pair: Pair) -> None:
    table_of(pair, "a integer", "SELECT 1")
    with road(pair, "t") as way:
        pair.server.execute(pair.prod, "TRUNCATE t")
        with pytest.raises(SourceChanged):
            way.copy()
        pair.server.execute(pair.prod, "ALTER TABLE t RENAME a TO b")
        with pytest.raises(SourceChanged):
            way.copy()
    assert pair.server.read(pair.dev, "t") == []


def test_a_claimed_chunk_is_not_read(pair: Pair) -> None:
    table_of(pair, "a integer", "SELECT 1")
    with road(pair, "t") as way:
        first, second = texts(a=["7", None]), texts(a=["8"])
        assert way.load(first).fresh
        again = way.load(second)
    assert (again.fresh, again.rows, second.asked) == (False, 2, 0)
    assert pair.server.read(pair.dev, "t") == [(7,), (None,)]


def test_null_is_not_empty_and_nothing_is_taken_for_a_separator(pair: Pair) -> None:
    hard = [None, "", "\\N", "\\.", "NULL", "\t", "\n", "\r", "\r\n", "\\", '"', "'", "😀", "\b\f\v\x7f", "a\\tb", " "]
    bytes_ = [None, b"", b"\\N", b"\0", b"\xff" * 3, b"\n", *[b"x"] * (len(hard) - 6)]
    table_of(pair, "i integer, a text, b bytea", "SELECT 1")
    with road(pair, "t") as way:
        given_ = texts(i=[str(number) for number in range(len(hard))], b=bytes_, a=hard)
        # As a slice of a longer array, whose buffers begin elsewhere.
        longer = pa.Table.from_batches([*given_.batches, *given_.batches]).combine_chunks().to_batches()[0]
        given_.batches = [longer.slice(len(hard), 5), longer.slice(5, len(hard) - 5)]
        assert way.load(given_).rows == len(hard)
    assert sorted(pair.server.read(pair.dev, "t")) == [
        (number, text, value) for number, (text, value) in enumerate(zip(hard, bytes_, strict=True))
    ]


@given(st.lists(st.tuples(*[st.none() | st.text(st.characters(exclude_categories=["Cs"]))] * 2), min_size=1))
def test_a_block_is_what_copy_reads(rows: list[tuple[str | None, str | None]]) -> None:
    arrays = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    lines = bytes(block(pa.RecordBatch.from_arrays(arrays, ["a", "b"]))).decode().split("\n")
    escapes = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})
    plain = ["\t".join("\\N" if value is None else value.translate(escapes) for value in row) for row in rows]
    assert lines == [*plain, ""]


REFUSED = [
    ("integer", "secret", "22P02"),
    ("integer", "99999999999", "22003"),
    ("varchar(3)", "secret", "22001"),
    ("numeric(3,1)", "1234567", "22003"),
    ("date", "2023-02-30", "22008"),
    ("date", "0000-00-00", "22008"),
    ("text", "nul\0secret", "22021"),
    ("integer NOT NULL", None, "23502"),
    ("integer CHECK (a < 5)", "12345", "23514"),
    ("mood", "secret", "22P02"),
    ("text PRIMARY KEY", "secret" + "".join(map(chr, range(0x4E00, 0x4E00 + 9_000))), "54000"),
]
"""Values, the columns that cannot hold them, and the server's code for that."""


def test_what_the_server_refuses_is_told_without_its_value(pair: Pair) -> None:
    pair.both("CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (a integer)")
    with road(pair, "t") as way, connector.loader(way.job) as loader:
        for type_, value, code in REFUSED:
            pair.server.execute(pair.dev, f"DROP TABLE t; CREATE TABLE t (a {type_})")
            with pytest.raises(ValueRefused) as refused:
                loader.load(way.job.tables[0], way.chunks[0], texts(a=[value]))
            assert refused.value.code == code
            assert not value or value not in str(refused.value)
            assert "public.t, chunk 0" in str(refused.value)
        assert loader.load(way.job.tables[0], way.chunks[0], texts(a=["sad"])).fresh
    assert pair.server.read(pair.dev, "t") == [("sad",)]


def test_bytes_of_no_known_encoding_are_never_read_as_text(server: PostgresServer) -> None:
    prod, dev = database(server, "SQL_ASCII"), database(server, "UTF8")
    encoded(server, prod, b"caf\xe9")
    with road(Pair(server, prod, dev), "t") as way:
        with pytest.raises(ValueRefused, match=r"SQL_ASCII: public\.t: a text is not valid in its encoding") as refusal:
            way.copy()
        assert "caf" not in str(refusal.value)
    assert server.rows(dev, "SELECT FROM t") == []


def test_a_byte_that_is_no_character_is_never_read_as_one() -> None:
    """As servers before 15 write a "char" beyond ASCII."""
    found = Field(np.array([0]), np.array([5]), np.array([False]))
    with pytest.raises(ValueRefused, match="column b holds a text that is not valid UTF-8"):
        carrier(np.frombuffer(b"\0\0\0\1\xe9", np.uint8), found, Column("b", made("char")))


def test_limits_that_nobody_checks_are_not_rounded_to(pair: Pair) -> None:
    limited = ("numeric(9,2)[]", "timetz(0)", "interval year to month", "numeric(2,-3)")
    columns = ", ".join(f'"{name}" {name}' for name in limited)
    table_of(pair, columns, "VALUES ('{1.25}', '09:30:00+01', '1 year', 12000)")
    with road(pair, "t") as way:
        assert way.copy()[0].rows == 1
    assert pair.same("t")
    pair.server.execute(pair.prod, "CREATE TABLE wide (a numeric[], b timetz, c text, d text)")
    pair.server.execute(pair.prod, "INSERT INTO wide VALUES ('{1.255}', '09:30:00.5+01', 'P1Y2M3D', '12345')")
    for name, limit in zip("abcd", limited, strict=True):
        pair.server.execute(pair.dev, "DROP TABLE IF EXISTS wide; CREATE TABLE wide (a text, b text, c text, d text)")
        pair.server.execute(pair.dev, f"ALTER TABLE wide DROP {name}, ADD {name} {limit}")
        with road(pair, "wide") as way, pytest.raises(Unsupported, match=f"column {name} .*shortens what it takes"):
            way.copy()
        with road(pair, "wide") as way, pytest.raises(Unsupported, match=f"column {name} .*shortens what it takes"):
            way.land()


def test_money_that_is_not_counted_in_cents_does_not_travel(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under a Japanese locale, which a test server does not always have."""
    table_of(pair, "id integer, price money", "VALUES (1, '7')")
    with road(pair, "t") as way:
        monkeypatch.setattr(ends, "CENTS", b"SELECT 0")
        checked = partial(paths.check, way.job, way.job.tables[0], way.chunks[0])
        loads = (lambda: way.load(texts(id=["1"], price=["7"])), way.land)
        for what in (*loads, lambda: way.read("price"), checked):
            with pytest.raises(Unsupported, match="column price is of type money"):
                what()
        assert way.read("id") == [("1",)]
        monkeypatch.undo()
        assert way.copy()[0].fresh
    assert pair.server.rows(pair.dev, "SELECT price::numeric FROM t") == [(Decimal("7.00"),)]


def test_a_row_that_the_target_drops_is_noticed(pair: Pair) -> None:
    pair.both("CREATE TABLE t (a integer)")
    pair.server.execute(
        pair.dev,
        """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN NEW.a > 1 THEN NEW END; END $$;
        CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()""",
    )
    with road(pair, "t") as way:
        with pytest.raises(TerminalError, match="2 rows sent, 1 loaded"):
            way.load(texts(a=["1", "2"]))
        assert pair.server.read(pair.dev, "t") == []
        assert way.load(texts(a=["2"])).rows == 1


def test_a_failure_on_the_way_leaves_nothing_of_the_chunk(pair: Pair) -> None:
    class Broken(Given):
        def __iter__(self) -> Iterator[pa.RecordBatch]:
            yield from self.batches
            raise ValueRefused("a guard found something")

    pair.both("CREATE TABLE t (a integer)")
    with road(pair, "t") as way, connector.loader(way.job) as loader:
        [copy], [chunk] = way.job.tables.values(), way.chunks
        good = texts(a=["1"])
        with pytest.raises(ConnectorError, match="a guard found something"):
            loader.load(copy, chunk, Broken(good.columns, good.batches))
        assert pair.server.read(pair.dev, "t") == []
        assert loader.load(copy, chunk, good).fresh


def test_the_database_numbers_and_computes_what_it_must(pair: Pair) -> None:
    """Explicit values for GENERATED ALWAYS, none for stored expressions and for columns that have a default."""
    pair.both(
        """CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY, a integer, twice integer GENERATED ALWAYS AS (a * 2)
        STORED, note text DEFAULT 'here')"""
    )
    with road(pair, "t") as way:
        way.load(texts(id=["9"], a=["4"]))
    assert pair.server.read(pair.dev, "t") == [(9, 4, 8, "here")]


def test_foreign_keys_rest_where_they_are_suspended(pair: Pair) -> None:
    pair.both("CREATE TABLE p (a integer PRIMARY KEY); CREATE TABLE t (a integer REFERENCES p)")
    with road(pair, "t") as way:
        with pytest.raises(ValueRefused):
            way.load(texts(a=["1"]))
        way.job = replace(way.job, suspend_foreign_keys=True)
        assert way.load(texts(a=["1"])).rows == 1


def test_texts_of_other_forms_are_read_as_what_they_say(pair: Pair) -> None:
    """What other engines' readers give for this engine's types."""
    given_: dict[str, tuple[str, str, Any]] = {
        "flag": ("boolean", "1", True),
        "low": ("numeric(65,30)", "-0.000000000000000000000000000001", "-0.000000000000000000000000000001"),
        "real": ("double precision", "1.5e+300", 1.5e300),
        "at": ("timestamptz", "2024-05-17 09:30:00.5", "2024-05-17 09:30:00.5+00"),
        "day": ("timestamp", "2024-05-17", "2024-05-17 00:00:00"),
        "time": ("time", "9:30:00.500", "09:30:00.5"),
        "for": ("interval", "P1Y2M3DT4H5M6.5S", "1 year 2 mons 3 days 04:05:06.5"),
        "bits": ("bit(5)", "00101", "00101"),
        "total": ("money", "1234.56", "$1,234.56"),
    }
    table_of(pair, ", ".join(f'"{name}" {type_}' for name, (type_, _, _) in given_.items()))
    with road(pair, "t") as way:
        way.load(texts(**{name: [text] for name, (_, text, _) in given_.items()}))
    selected = ", ".join(
        f'"{name}"' + ("" if type_ in ("boolean", "double precision") else "::text")
        for name, (type_, _, _) in given_.items()
    )
    assert pair.server.rows(pair.dev, f"SELECT {selected} FROM t") == [tuple(value for _, _, value in given_.values())]


def test_a_mapped_table_is_filled_by_other_columns(pair: Pair) -> None:
    pair.server.execute(
        pair.prod, "CREATE TABLE t (a integer, b text, c text); INSERT INTO t VALUES (1, 'A', 'x'), (2, 'I', NULL)"
    )
    pair.server.execute(pair.dev, "CREATE TABLE t (nr bigint, state text, kind varchar(5), more text DEFAULT 'd')")
    words = {"A": "active", "I": "inactive"}
    text = Canonical(Family.TEXT)
    fields = (
        Filled("state", "b", text, text, values=words),
        Filled("nr", "a", Canonical(Family.INTEGER, bits=32), Canonical(Family.INTEGER, bits=64)),
        Filled("kind", None, replace(text, length=5), replace(text, length=5), constant="k"),
    )
    with pair.sessions() as (source, target):
        table = find(source, "t")
        job = pair.start(source, target, table)
        job = replace(job, tables={0: replace(job.tables[0], fields=fields)})
        Road(pair, source, target, job, pair.chunks(source, table)).copy()
    assert sorted(pair.server.read(pair.dev, "t")) == [(1, "active", "k", "d"), (2, "inactive", "k", "d")]
