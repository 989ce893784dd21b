"""Types in every engine's words, what people call them, and the tables that are made for another engine's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Staged
from connectors.errors import ConnectorError
from connectors.loss import Class, loss
from connectors.mysql.canonical import labels, quoted, types
from connectors.mysql.testkit import MariaServer
from connectors.schema import Column, Table, TableName
from connectors.types import Canonical, Family
from tests.connectors.drive import Ends, driver


@pytest.mark.parametrize("type_", types.every(), ids=lambda type_: type_.native)
def test_a_type_finds_one_that_loses_nothing(type_: Any) -> None:
    canonical = types.canonical(type_)
    native = types.native(canonical)
    assert native is not None
    found = loss(canonical, types.canonical(native))
    assert found.kind in (Class.EXACT, Class.EQUIVALENT)
    assert found.stops == ()
    assert types.named(type_.native) == type_
    assert native.base not in ("text", "timestamp")


LIMITS = st.none() | st.integers(1, 100_000)
OTHERS = st.one_of(
    st.builds(Canonical, st.just(Family.TEXT), length=LIMITS, octets=LIMITS, fixed=st.booleans()),
    st.builds(Canonical, st.just(Family.BINARY), length=LIMITS),
    st.builds(Canonical, st.just(Family.BINARY), length=st.integers(1, 100_000), fixed=st.just(True)),
    st.builds(Canonical, st.just(Family.BITS), length=LIMITS, fixed=st.booleans()),
    st.builds(Canonical, st.sampled_from([Family.TIME, Family.TIMESTAMP, Family.INSTANT]), digits=st.integers(0, 9)),
    st.builds(Canonical, st.just(Family.INTEGER), bits=st.sampled_from([8, 16, 24, 32, 64]), unsigned=st.booleans()),
    st.builds(Canonical, st.just(Family.DECIMAL), precision=st.integers(1, 1000), scale=st.integers(-1000, 1000)),
    st.builds(
        Canonical,
        st.sampled_from([Family.ENUM, Family.SET]),
        labels=st.lists(st.text(max_size=3), min_size=1).map(tuple),
    ),
    st.builds(
        Canonical,
        st.sampled_from([Family.BOOLEAN, Family.DATE, Family.UUID, Family.JSON, Family.INTERVAL, Family.OTHER]),
    ),
)


@given(OTHERS)
def test_what_others_hold_finds_a_type_that_loses_nothing(canonical: Canonical) -> None:
    native = types.native(canonical)
    assert native is not None
    there = types.canonical(native)
    assert loss(canonical, there).kind in (Class.EXACT, Class.EQUIVALENT)
    assert types.named(native.native) == native
    if there.family in (Family.ENUM, Family.SET):
        assert there.labels == canonical.labels


@given(st.lists(st.text()))
def test_labels_come_back_as_they_were(given_labels: list[str]) -> None:
    assert list(labels(f"enum({','.join(map(quoted, given_labels))})")) == given_labels


@pytest.mark.parametrize(
    "text",
    ["varchar", "varchar(0)", "varchar(20000)", "int(x)", "text unsigned", "decimal(2,5)", "decimal(66)", "datetime(7)",
     "float(7,3)", "enum", "enum('a','a ')", "enum('a','a')", "enum('a' 'b')", "enum(a)", "set('a,b')", "int; drop table t",
     "serial", ""],
)  # fmt: skip
def test_what_is_no_type_is_none(text: str) -> None:
    assert types.named(text) is None


@pytest.mark.parametrize(
    ("text", "native"),
    [("INTEGER", "int"), ("Numeric(12, 2)", "decimal(12,2)"), ("bool", "tinyint(1)"), ("double  precision", "double"),
     ("int(11) UNSIGNED", "int unsigned"), ("ENUM('a', 'B''c')", "enum('a','B''c')"), ("decimal", "decimal(10,0)"),
     ("bit", "bit(1)")],
)  # fmt: skip
def test_people_name_types_in_several_ways(text: str, native: str) -> None:
    found = types.named(text)
    assert found is not None
    assert found.native == native


def test_every_type_can_be_made_and_is_what_was_made(ends: Ends) -> None:
    made = [*types.every(), *filter(None, map(types.native, map(types.canonical, types.every())))]
    columns = tuple(Column(f"c{number}", type_) for number, type_ in enumerate(made))
    with driver(ends) as one:
        table = Table(TableName(None, "t"), columns)
        assert one.target.creatable(table) == []
        one.target.create([table])
        there = one.target.schema().pick([table.name])[0]
    assert [(c.type.native, types.canonical(c.type)) for c in there.columns] == [
        (type_.native, types.canonical(type_)) for type_ in made
    ]


def table(columns: Mapping[str, str], key: tuple[str, ...] = (), name: str = "t") -> Table:
    """A table as planning makes it of another engine's."""
    made = []
    for column, text in columns.items():
        type_ = types.named(text)
        assert type_ is not None
        made.append(Column(column, type_))
    return Table(TableName(None, name), tuple(made), key)


LONG = "n" * 65


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        (table({"a": "int"}, name=LONG), "longer than 64 characters"),
        (table({LONG: "int"}), "longer than 64 characters"),
        (table({"a ": "int"}), "nothing can be named"),
        (table({"a🦆": "int"}), "nothing can be named"),
        (table({"Id": "int", "ID": "int"}), "2 columns are named id here"),
        (table({"a": "longtext", "b": "int"}, ("b", "a")), "column a is part of the primary key"),
        (table({"a": "json"}, ("a",)), "column a is part of the primary key"),
        (table({"a": "varchar(768)", "b": "int"}, ("a", "b")), "the primary key takes 3,076 bytes"),
        (table({"a": "varchar(769)"}, ("a",)), "the primary key takes 3,076 bytes"),
        (table({f"c{n}": "int" for n in range(17)}, tuple(f"c{n}" for n in range(17))), "has 17 columns"),
        (table({f"c{n}": "varchar(768)" for n in range(22)}), "a row may take"),
        (table({f"c{n}": "int" for n in range(1018)}), "it has 1,018 columns"),
    ],
)  # fmt: skip
def test_a_table_beyond_the_limits_is_told_before_and_refused_then(
    ends: Ends, server: MariaServer, wanted: Table, what: str
) -> None:
    with driver(ends) as one:
        [sentence] = one.target.creatable(wanted)
        assert what in sentence
        made = False
        if "17 columns" not in what:  # a newer server takes more
            try:
                one.target.create([wanted])
                made = True
            except ConnectorError:
                pass
    assert not made


def test_a_table_numbers_one_column_at_most(ends: Ends) -> None:
    plain = table({"a": "int", "b": "int"}, ("a",))
    both = replace(plain, columns=tuple(replace(column, counter="auto_increment") for column in plain.columns))
    with driver(ends) as one:
        assert ["columns a, b are numbered by the source" in what for what in one.target.creatable(both)] == [True]


def test_the_widest_that_is_taken_can_be_made(ends: Ends) -> None:
    wide = {f"c{n}": "varchar(768)" for n in range(21)} | {f"l{n}": "longtext" for n in range(20)}
    for wanted in (table({"a": "varchar(768)"}, ("a",), "key"), table(wide, name="row")):
        with driver(ends) as one:
            assert one.target.creatable(wanted) == []
            one.target.create([wanted])


def test_a_table_of_another_engine_tells_all_texts_apart_and_goes_on_numbering(ends: Ends, server: MariaServer) -> None:
    columns = table({"name": "varchar(20)", "kind": "enum('a','A')", "n": "bigint"}, ("name",)).columns
    wanted = Table(TableName(None, "t"), (*columns[:2], replace(columns[2], counter="auto_increment")), ("name",))
    with driver(ends) as one:
        assert one.target.creatable(wanted) == []
        one.target.create([wanted])
        one.target.create([wanted])
        for number, name in enumerate(("a", "A", "a ", "á", "")):
            server.execute(ends.target, f"INSERT INTO t VALUES ('{name}', 'A', {number + 40})")
        one.target.settle(wanted)
        there = one.target.schema().pick([wanted.name])[0]
        one.lease(["t"])
        stage = one.target.stage("run", 0, there)
        server.execute(ends.target, f"INSERT INTO `{stage.name}` VALUES ('staged', 'a', NULL)")
        one.target.publish("run", [Staged(0, stage, there)])
    assert server.rows(ends.target, "SELECT name, CAST(kind AS CHAR), n FROM t WHERE name = 'staged'") == [
        ("staged", "a", 45)
    ]
    assert there.primary_key == ("name",)
    assert [column.ignores_case for column in there.columns] == [None, None, None]
    assert [column.nullable for column in there.columns] == [False, True, False]
