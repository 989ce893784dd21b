"""This engine's types in every engine's words, the types made of those, and tables made of what another engine has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Staged
from connectors.loss import Class, loss
from connectors.postgresql import connector
from connectors.postgresql.canonical import made, types
from connectors.postgresql.types import PgType
from connectors.schema import Column, ColumnType, Kind, Table, TableName
from connectors.types import Canonical, Family
from tests.connectors.postgresql.pair import RUN, Pair, find

NO_LOSS = (Class.EXACT, Class.EQUIVALENT)
NAN, DATES = frozenset({"nan"}), frozenset({"infinity", "bc", "late"})

CANONICAL = {
    "smallint": Canonical(Family.INTEGER, bits=16),
    "bigint": Canonical(Family.INTEGER, bits=64),
    "numeric": Canonical(Family.DECIMAL, odd=NAN),
    "numeric(12,2)": Canonical(Family.DECIMAL, precision=12, scale=2, odd=NAN),
    "numeric(7)": Canonical(Family.DECIMAL, precision=7, scale=0, odd=NAN),
    "numeric(3,5)": Canonical(Family.DECIMAL, precision=5, scale=5, odd=NAN),
    "numeric(2,-3)": Canonical(Family.OTHER),
    "money": Canonical(Family.DECIMAL, precision=19, scale=2),
    "real": Canonical(Family.FLOAT, bits=32, odd=NAN),
    "boolean": Canonical(Family.BOOLEAN),
    "varchar": Canonical(Family.TEXT),
    "varchar(20)": Canonical(Family.TEXT, length=20),
    "char(5)": Canonical(Family.TEXT, length=5, fixed=True),
    "name": Canonical(Family.TEXT, octets=63),
    "citext": Canonical(Family.TEXT),
    "bytea": Canonical(Family.BINARY),
    "date": Canonical(Family.DATE, odd=DATES),
    "time(3)": Canonical(Family.TIME, digits=3, odd=frozenset({"midnight"})),
    "timetz": Canonical(Family.OTHER),
    "timestamp": Canonical(Family.TIMESTAMP, odd=DATES),
    "timestamptz(0)": Canonical(Family.INSTANT, digits=0, odd=DATES),
    "interval": Canonical(Family.INTERVAL),
    "interval day to second(2)": Canonical(Family.INTERVAL, digits=2),
    "interval year to month": Canonical(Family.OTHER),
    "uuid": Canonical(Family.UUID),
    "jsonb": Canonical(Family.JSON),
    "xml": Canonical(Family.OTHER),
    "mood": Canonical(Family.ENUM, labels=("sad", "o'k", "a\\b")),
    "mine": Canonical(Family.ENUM, labels=("sad", "o'k", "a\\b")),
    "bit(5)": Canonical(Family.BITS, length=5, fixed=True),
    "varbit": Canonical(Family.BITS),
    "inet": Canonical(Family.OTHER),
    "integer[]": Canonical(Family.OTHER),
    "pair": Canonical(Family.OTHER),
    "cents": Canonical(Family.DECIMAL, precision=10, scale=2, odd=NAN),
    "code": Canonical(Family.TEXT, length=7),
    '"date"."date"': Canonical(Family.OTHER),
}
DEFINITIONS = """
CREATE EXTENSION citext; CREATE SCHEMA "date";
CREATE TYPE mood AS ENUM ('sad', 'o''k', E'a\\\\b'); CREATE DOMAIN mine AS mood; CREATE TYPE pair AS (a integer, b text);
CREATE TYPE "date"."date" AS (a integer); CREATE DOMAIN short AS varchar(7); CREATE DOMAIN code AS short;
CREATE DOMAIN cents AS numeric(10,2) CHECK (VALUE >= 0)
"""


def test_every_type_of_a_catalog_has_its_canonical_one(pair: Pair) -> None:
    columns = ", ".join(f"c{number} {name}" for number, name in enumerate(CANONICAL))
    pair.server.execute(pair.prod, f"{DEFINITIONS}; CREATE TABLE t ({columns})")
    with pair.sessions() as (source, _):
        found = [types.canonical(column.type) for column in find(source, "t").columns]
    assert dict(zip(CANONICAL, found, strict=True)) == CANONICAL


def test_types_of_no_catalog_are_other() -> None:
    assert types.canonical(ColumnType("whatever", Kind.TEXT)) == Canonical(Family.OTHER)


def test_types_are_described_as_the_catalog_describes_them(pair: Pair) -> None:
    every = types.every()
    assert len({type_.native for type_ in every}) == len(every) > 45
    columns = ", ".join(f"c{number} {type_.native}" for number, type_ in enumerate(every))
    pair.server.execute(pair.prod, f"CREATE TABLE t ({columns})")
    with pair.sessions() as (source, _):
        found = [column.type for column in find(source, "t").columns]
    assert [replace(type_, portable=True) for type_ in found if isinstance(type_, PgType)] == list(every)


@pytest.mark.parametrize("type_", types.every(), ids=lambda type_: type_.native)
def test_what_is_made_of_a_type_loses_nothing_of_it(type_: PgType) -> None:
    given_ = types.canonical(type_)
    there = types.native(given_)
    assert loss(given_, types.canonical(there)).kind in NO_LOSS
    assert not loss(given_, types.canonical(there)).stops
    assert types.named(there.native) == there
    assert types.named(type_.native) == type_


def integers() -> st.SearchStrategy[Canonical]:
    return st.builds(
        Canonical, st.just(Family.INTEGER), bits=st.sampled_from([8, 16, 24, 32, 64]), unsigned=st.booleans()
    )


def limited() -> st.SearchStrategy[Canonical]:
    most = st.none() | st.integers(1, 1 << 31)
    texts = st.builds(Canonical, st.just(Family.TEXT), length=most, octets=most, fixed=st.booleans())
    return texts | st.builds(Canonical, st.sampled_from([Family.BINARY, Family.BITS]), length=most, fixed=st.booleans())


def decimals() -> st.SearchStrategy[Canonical]:
    return st.tuples(st.integers(1, 1200), st.integers(0, 1200)).map(
        lambda both: Canonical(Family.DECIMAL, precision=max(both), scale=both[1])
    )


def timed() -> st.SearchStrategy[Canonical]:
    families = st.sampled_from([Family.TIME, Family.TIMESTAMP, Family.INSTANT, Family.INTERVAL])
    odd = st.sampled_from([frozenset[str](), frozenset({"long"})])
    return st.builds(Canonical, families, digits=st.integers(0, 9), odd=odd)


def listed() -> st.SearchStrategy[Canonical]:
    labels = st.lists(st.text(), unique=True).map(tuple)
    plain = st.sampled_from([Family.BOOLEAN, Family.FLOAT, Family.DATE, Family.UUID, Family.JSON, Family.OTHER])
    return st.builds(Canonical, st.sampled_from([Family.ENUM, Family.SET]), labels=labels) | plain.map(Canonical)


@given(integers() | limited() | decimals() | timed() | listed())
def test_every_canonical_type_has_a_type_that_loses_nothing(type_: Canonical) -> None:
    there = types.canonical(types.native(type_))
    assert loss(type_, there).kind in NO_LOSS
    if type_.family is not Family.OTHER:
        assert types.named(types.native(type_).native) == types.native(type_)


@pytest.mark.parametrize(
    ("text", "native"),
    [
        ("NUMERIC( 12 , 2 )", "numeric(12,2)"),
        ("decimal(7)", "numeric(7,0)"),
        ("Varchar (20)", "character varying(20)"),
        ("char", "character(1)"),
        ("bit", "bit(1)"),
        ("bit  varying(3)", "bit varying(3)"),
        ("timestamp (3) WITH time zone", "timestamp(3) with time zone"),
        ("timestamp with time zone", "timestamp with time zone"),
        ("time", "time without time zone"),
        ("int8", "bigint"),
        ("double precision", "double precision"),
        ("text[][]", "text[]"),
    ],
)
def test_people_name_types_in_many_ways(text: str, native: str) -> None:
    found = types.named(text)
    assert found is not None
    assert found.native == native


NO_TYPES = (
    *("", "texts", "text(4)", "numeric(0)", "numeric(3,5)", "numeric(1001)", "varchar(0)", "timestamp(7)", "float8(3)"),
    *("varchar(1,2)", "integer unsigned", "text; DROP TABLE t", "varchar(99999999999)", "date with time zone", "[]"),
    *("varchar(3)[]", "timetz(3)"),  # limits that nobody would check
)


@pytest.mark.parametrize("text", NO_TYPES)
def test_what_is_no_type_is_not_named(text: str) -> None:
    assert types.named(text) is None


def columns(*given_: tuple[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, type_) for name, text in given_ if (type_ := types.named(text)))


def test_a_table_of_another_engine_is_made_and_counts_on(pair: Pair) -> None:
    """Its schema too; a column of 64 bits unsigned is a numeric here, and is numbered all the same."""
    id_, note = columns(("Id", "numeric(20,0)"), ("note", "varchar(5)"))
    name = TableName("sales", "Order lines")
    wide = Table(name, (replace(id_, nullable=False, counter=types.counter), note), ("Id",))
    small = replace(wide, name=TableName("sales", "small"), columns=(replace(wide.columns[0], type=made("int2")), note))
    with pair.sessions() as (_, target):
        assert target.creatable(wide) == target.creatable(small) == []
        target.create([wide, small])
        for table in (wide, small):
            there = target.schema().get(table.name)
            assert there is not None
            assert [(c.name, c.type, c.nullable) for c in there.columns] == [
                (c.name, c.type, c.nullable) for c in table.columns
            ]
            assert there.primary_key == ("Id",)
            pair.server.execute(pair.dev, f"""INSERT INTO sales."{table.name.name}" VALUES (7, 'a'), (41, 'b')""")
            target.settle(there)
            pair.server.execute(pair.dev, f"""INSERT INTO sales."{table.name.name}" (note) VALUES ('c')""")
            assert pair.server.rows(pair.dev, f'SELECT max("Id") FROM sales."{table.name.name}"') == [(42,)]


def test_only_the_columns_that_are_filled_go_through_staging(pair: Pair) -> None:
    pair.server.execute(pair.dev, "CREATE TABLE t (id integer PRIMARY KEY, a text, made text NOT NULL DEFAULT 'here')")
    name = TableName("public", "t")
    with pair.sessions() as (_, target):
        pair.lease(target, name)
        filled = replace(find(target, "t"), columns=find(target, "t").columns[:2])
        stage = target.stage(RUN, 0, filled)
        pair.server.execute(pair.dev, f"INSERT INTO {stage} VALUES (1, 'x')")
        target.publish(RUN, [Staged(0, stage, filled)])
    assert pair.server.read(pair.dev, "t") == [(1, "x", "here")]


def test_names_that_the_server_would_cut_or_keep_are_told(pair: Pair) -> None:
    long = "ö" * 32
    table = Table(TableName("public", long), columns((long, "text"), ("ctid", "text"), ("a" * 63, "text")))
    with pair.sessions() as (_, target):
        found = target.creatable(table)
    assert [long in sentence for sentence in found] == [True, True, False]
    assert "ctid" in found[2]


def test_the_connector_offers_them() -> None:
    assert connector.types.counter == "identity by default"
    assert connector.types is types
