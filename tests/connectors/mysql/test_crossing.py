"""Crossing: rows in the canonical forms, and what the loader takes and refuses."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pytest

from connectors.contract import Bounds, Chunk, Loaded, TableCopy, TableState
from connectors.crossing import Field, crossing
from connectors.errors import ConnectorError, SourceChanged, ValueRefused
from connectors.mysql import connector
from connectors.mysql.canonical import types
from connectors.mysql.loader import Loader
from connectors.mysql.ranges import Range
from connectors.mysql.reader import Reader
from connectors.mysql.testkit import MariaServer
from connectors.schema import Table, TableName
from tests.connectors.drive import Driver, Ends, driver

VALUES: Mapping[str, Sequence[tuple[str, str | bytes]]] = {
    "tinyint": [("-128", "-128"), ("127", "127")],
    "tinyint(1)": [("5", "5"), ("0", "0")],
    "tinyint unsigned": [("255", "255")],
    "smallint(5) unsigned zerofill": [("42", "42")],
    "mediumint": [("-8388608", "-8388608")],
    "int unsigned": [("4294967295", "4294967295")],
    "bigint": [("-9223372036854775808", "-9223372036854775808")],
    "bigint unsigned": [("18446744073709551615", "18446744073709551615")],
    "year": [("0", "0"), ("1901", "1901"), ("2155", "2155")],
    "decimal(65,30)": [("-0.000000000000000000000000000001", "-0.000000000000000000000000000001")],
    "decimal(8,2) unsigned zerofill": [("1.5", "1.50")],
    "decimal(10)": [("-12", "-12")],
    "float": [("0.1", "0.1"), ("16777217", "16777216"), ("1e-45", "1e-45"), ("3.4028234663852886e38", "3.4028235e+38")],
    "float(7,3)": [("1234.567", "1234.567")],
    "double": [("0.1", "0.1"), ("5e-324", "5e-324"), ("1.7976931348623157e308", "1.7976931348623157e308")],
    "double(12,4)": [("12345678.1234", "12345678.1234")],
    "bit(1)": [("b'1'", "1"), ("b'0'", "0")],
    "bit(13)": [("b'101'", "0000000000101")],
    "bit(64)": [("18446744073709551615", "1" * 64), ("1", "0" * 63 + "1")],
    "char(20)": [("'a  '", "a"), ("''", ""), ("'nul\\0nul'", "nul\0nul"), ("'Zoë 🦆'", "Zoë 🦆")],
    "char(20) character set latin1": [("x'80'", "€"), ("x'818D8F909D'", "\x81\x8d\x8f\x90\x9d"), ("'ÿ'", "ÿ")],
    "varchar(20)": [("'trailing  '", "trailing  "), (r"'\\N\t\n'", "\\N\t\n")],
    "varchar(20) character set utf16": [("'Zoë 🦆'", "Zoë 🦆")],
    "varchar(20) character set utf8mb3": [("'Zoë'", "Zoë")],
    "varchar(20) character set gbk": [("'日本'", "日本")],
    "varchar(20) character set cp1251": [("'Привет'", "Привет")],
    "tinytext": [("'é'", "é")],
    "text character set sjis": [("'日本'", "日本")],
    "longtext": [("repeat('🦆', 100000)", "🦆" * 100_000)],
    "binary(4)": [("x'FF'", b"\xff\0\0\0")],
    "varbinary(30)": [("x'FF0A095C00'", b"\xff\n\t\\\0"), ("''", b"")],
    "longblob": [("repeat(x'FF', 70000)", b"\xff" * 70_000)],
    "date": [("'0000-00-00'", "0000-00-00"), ("'2024-02-31'", "2024-02-31"), ("'9999-12-31'", "9999-12-31")],
    "datetime": [("'0000-00-00'", "0000-00-00 00:00:00"), ("'2024-00-10 01:02:03'", "2024-00-10 01:02:03")],
    "datetime(6)": [("'0001-01-01 00:00:00.000001'", "0001-01-01 00:00:00.000001")],
    "timestamp null": [
        ("'2038-01-19 03:14:07'", "2038-01-19 03:14:07"),
        ("'2024-03-31 02:30:00'", "2024-03-31 02:30:00"),
    ],
    "timestamp(6) null": [("'1970-01-01 00:00:01.5'", "1970-01-01 00:00:01.500000")],
    "time": [("'-838:59:59'", "-838:59:59"), ("'09:30'", "09:30:00"), ("'24:00:00'", "24:00:00")],
    "time(6)": [("'-00:00:00.5'", "-00:00:00.500000"), ("'100:00:00.000001'", "100:00:00.000001")],
    "enum('a','B c','d''e','ü\\\\','2')": [("'B c'", "B c"), (r"'ü\\'", "ü\\"), ("'d''e'", "d'e"), ("'2'", "2")],
    "enum('x','','é') character set latin1": [("''", ""), ("'é'", "é")],
    "set('2','1','c d')": [("'1,2'", "2,1"), ("''", ""), ("'c d'", "c d")],
    "json": [("""'{"b": 1, "a": [1.0, null]}'""", '{"b": 1, "a": [1.0, null]}')],
    "uuid": [("'123E4567-e89b-12d3-a456-426655440000'", "123e4567-e89b-12d3-a456-426655440000")],
    "inet6": [("'::1'", "::1")],
    "point": [
        ("ST_GeomFromText('POINT(1 -2)')", b"\0\0\0\0" + bytes.fromhex("0101000000000000000000F03F00000000000000C0"))
    ],
}
"""Type → each value as SQL, and in its canonical form."""
ROWS = max(map(len, VALUES.values()))
WHOLE = Chunk(0, 0, Bounds(Range(), 0, 0))


@pytest.fixture
def every(ends: Ends, server: MariaServer) -> Ends:
    """A source with one table of every type, its values in the first rows, NULL in the others and in the last one."""
    columns = ", ".join(f"c{number} {type_}" for number, type_ in enumerate(VALUES))
    server.execute(ends.source, f"CREATE TABLE t (n int PRIMARY KEY, {columns}) ROW_FORMAT = DYNAMIC")
    with server.connect(ends.source) as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = 'ALLOW_INVALID_DATES', NAMES utf8mb4")
        for row in range(ROWS + 1):
            cells = [found[row][0] if row < len(found) else "NULL" for found in VALUES.values()]
            cursor.execute(f"INSERT INTO t VALUES ({row}, {', '.join(cells)})")
            assert cursor.warning_count == 0
    return ends


def expected(type_: str) -> list[str | bytes | None]:
    forms = [form for _, form in VALUES[type_]]
    return [*forms, *[None] * (ROWS + 1 - len(forms))]


def begun(one: Driver, source: Table, wanted: Table) -> TableCopy:
    """Lease and table as a run has them before its first chunk; the source's columns fill the target's of their names."""
    one.lease([source.name.name])
    one.target.create([wanted])
    there = one.target.schema().pick([wanted.name])[0]
    fields = tuple(
        Field(c.name, c.name, types.canonical(source.column(c.name).type), types.canonical(c.type))
        for c in there.copied
    )
    identity = one.target.identity(there.name)
    state = TableState(0, str(there.name), identity, "prepared", "snapshot", 0, 0, 0, {}, frozenset())
    one.target.ledger.prepared("run", state)
    one.copies[0] = TableCopy(0, source, there, there.name, None, None, fields)
    return one.copies[0]


def crossed(one: Driver) -> list[Loaded]:
    with crossing(one.job()) as way:
        return [way.copy(chunk) for chunk in one.chunks()]


def read(one: Driver, copy: TableCopy, columns: Sequence[str] | None = None) -> pa.Table:
    with connector.reader(one.job()) as reader:
        names = [c.name for c in copy.source.copied] if columns is None else columns
        return pa.Table.from_batches(list(reader.read(copy, WHOLE, names)))


def test_rows_are_read_in_the_canonical_forms(every: Ends) -> None:
    with driver(every) as one:
        [source] = one.source.schema().tables
        copy = TableCopy(0, source, source, source.name, None, None)
        one.copies[0] = copy
        found = read(one, copy)
        assert read(one, copy, []).num_rows == ROWS + 1
    for number, type_ in enumerate(VALUES):
        assert found[f"c{number}"].to_pylist() == expected(type_), type_
        binary = types.canonical(source.column(f"c{number}").type).carrier == "binary"
        assert found[f"c{number}"].type == (pa.binary() if binary else pa.string())


@pytest.fixture(params=["LOAD DATA", "INSERT"])
def way(request: pytest.FixtureRequest, server: MariaServer) -> Iterator[str]:
    server.execute(server.endpoint, f"SET GLOBAL local_infile = {int(request.param == 'LOAD DATA')}")
    yield request.param
    server.execute(server.endpoint, "SET GLOBAL local_infile = 1")


def test_what_crosses_into_the_same_types_is_the_same(every: Ends, server: MariaServer, way: str) -> None:
    with driver(every) as one:
        [source] = one.source.schema().tables
        begun(one, source, replace(source, detail=None))
        assert sum(loaded.rows for loaded in crossed(one)) == ROWS + 1
        assert all(not loaded.fresh for loaded in crossed(one))
    assert server.digest(every.target, "t") == server.digest(every.source, "t")


def test_what_crosses_into_the_types_that_are_made_reads_the_same(every: Ends) -> None:
    with driver(every) as one:
        [source] = one.source.schema().tables
        columns = [replace(c, type=types.native(types.canonical(c.type)) or c.type) for c in source.columns]
        copy = begun(one, source, Table(source.name, tuple(columns), source.primary_key))
        crossed(one)
        one.copies[0] = replace(copy, source=copy.target)
        one.ends = replace(every, source=every.target)
        found = read(one, one.copies[0])
    for number, type_ in enumerate(VALUES):
        assert found[f"c{number}"].to_pylist() == expected(type_), type_


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("varchar(20)", "X'EDA080'"),
        ("varchar(20) character set utf8mb3", "X'EDA080'"),
        ("varchar(20) character set cp1251", "X'98'"),
        ("enum('a','b')", "0"),
    ],
)
def test_bytes_that_are_no_text_stop_their_chunk(ends: Ends, server: MariaServer, type_: str, value: str) -> None:
    server.execute(ends.source, f"CREATE TABLE t (n int PRIMARY KEY, v {type_})")
    server.execute(ends.source, f"INSERT IGNORE INTO t VALUES (1, {value})")
    with driver(ends) as one:
        [source] = one.source.schema().tables
        begun(one, source, replace(source, detail=None))
        with pytest.raises(ValueRefused, match="column v") as caught:
            crossed(one)
    assert "t" in str(caught.value)
    assert server.rows(ends.target, "SELECT * FROM t") == []


def test_a_table_altered_since_it_was_planned_is_not_read(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.source, "CREATE TABLE t (n int PRIMARY KEY, v varchar(9))")
    with driver(ends) as one:
        [source] = one.source.schema().tables
        copy = one.copies[0] = TableCopy(0, source, source, source.name, None, None)
        server.execute(ends.source, "ALTER TABLE t MODIFY v int")
        with pytest.raises(SourceChanged):
            read(one, copy)
        server.execute(ends.source, "DROP TABLE t")
        with pytest.raises(SourceChanged):
            read(one, copy)


def test_a_reading_that_is_given_up_leaves_nothing_open(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.source, "CREATE TABLE t (n int PRIMARY KEY) AS SELECT seq AS n FROM seq_1_to_40000")
    with driver(ends) as one:
        [source] = one.source.schema().tables
        copy = one.copies[0] = TableCopy(0, source, source, source.name, None, None)
        with connector.reader(one.job()) as reader:
            assert isinstance(reader, Reader)
            part = reader.read(copy, WHOLE, ["n"])
            assert next(iter(part)).num_rows < 40_000
            assert isinstance(part, Generator)
            part.close()
            assert sum(batch.num_rows for batch in reader.read(copy, WHOLE, ["n"])) == 40_000


@dataclass
class Given:
    """`connectors.crossing.Batches` of the values a test gives."""

    values: Mapping[str, Sequence[str | bytes | None]]
    bytes: int = 7
    counts: Mapping[str, int] = field(default_factory=lambda: {"x": 2})
    read: int = 0

    @property
    def columns(self) -> Sequence[str]:
        return tuple(self.values)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        self.read += 1
        yield pa.RecordBatch.from_pydict(dict(self.values))


@contextlib.contextmanager
def loading(ends: Ends, server: MariaServer, columns: str) -> Iterator[tuple[Loader, TableCopy]]:
    """A loader before its first chunk, into a table that is there."""
    server.execute(ends.target, f"CREATE TABLE t ({columns})")
    with driver(ends) as one:
        there = one.target.schema().pick([TableName(None, "t")])[0]
        copy = begun(one, there, there)
        with connector.loader(one.job()) as loader:
            yield loader, copy


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("enum('a','b')", "c"),
        ("enum('a','b')", ""),
        ("enum('a','b')", "A"),
        ("enum('a','b')", "2"),
        ("set('a','b')", "a,c"),
        ("set('a','b')", "a,a"),
        ("set('a','b')", "3"),
        ("year", "5"),
        ("year", "2200"),
        ("varchar(3)", "abcd"),
        ("varchar(3)", "abc "),
        ("varchar(3) character set latin1", "Ā"),
        ("tinyint", "128"),
        ("tinyint unsigned", "-1"),
        ("decimal(3,1)", "1234"),
        ("float", "1e39"),
        ("float(7,3)", "1.2345"),
        ("double(7,3)", "1e-9"),
        ("timestamp null", "2038-01-19 03:14:08"),
        ("timestamp null", "1969-12-31 23:59:59"),
        ("datetime", "2024-13-01 00:00:00"),
        ("time", "839:00:00"),
        ("json", "{"),
        ("uuid", "x"),
        ("bit(3)", "1000"),
        ("point", b"abc"),
        ("varbinary(2)", b"abc"),
        ("int NOT NULL", None),
        ("timestamp NOT NULL", None),
    ],
)
def test_a_value_that_the_column_would_change_stops_its_chunk(
    ends: Ends, server: MariaServer, type_: str, value: str | bytes | None
) -> None:
    with loading(ends, server, f"n int PRIMARY KEY, v {type_}") as (loader, copy):
        with pytest.raises(ConnectorError, match=r"v\)|column v|would have changed|refuses a value") as caught:
            loader.load(
                copy, WHOLE, Given({"n": ["1", "2"], "v": [None if "NOT" not in type_ else "2024-01-01", value]})
            )
        assert not caught.value.retryable
        assert value is None or len(value) < 3 or repr(value).strip("b'") not in str(caught.value)
        assert server.rows(ends.target, "SELECT * FROM t") == []
        good = loader.load(copy, WHOLE, Given({"n": ["1"]} if "NOT" not in type_ else {"n": ["1"], "v": ["20240101"]}))
        assert good.fresh


def test_no_null_becomes_a_number_of_a_counter(ends: Ends, server: MariaServer) -> None:
    with loading(ends, server, "n int PRIMARY KEY AUTO_INCREMENT") as (loader, copy):
        with pytest.raises(ValueRefused, match="column n"):
            loader.load(copy, WHOLE, Given({"n": ["1", None]}))
        loader.load(copy, WHOLE, Given({"n": ["0", "-3"]}))
    assert server.rows(ends.target, "SELECT n FROM t ORDER BY n") == [(-3,), (0,)]


def test_zeros_behind_a_second_say_nothing(ends: Ends, server: MariaServer) -> None:
    with loading(ends, server, "a datetime, b time(3), c datetime(6)") as (loader, copy):
        moment = "2024-05-17 09:30:00"
        loader.load(
            copy, WHOLE, Given({"a": [f"{moment}.00000000"], "b": ["09:30:00.500000000"], "c": [f"{moment}.1234560"]})
        )
    assert server.rows(ends.target, "SELECT CAST(a AS CHAR), CAST(b AS CHAR), CAST(c AS CHAR) FROM t") == [
        (moment, "09:30:00.500", f"{moment}.123456")
    ]


def test_a_chunk_that_was_loaded_is_not_read_again(ends: Ends, server: MariaServer) -> None:
    with loading(ends, server, "n int PRIMARY KEY") as (loader, copy):
        first, second = Given({"n": ["1", "2"]}), Given({"n": ["1", "2"]})
        assert loader.load(copy, WHOLE, first) == Loaded(0, 0, 2, 7, {"x": 2})
        assert not loader.load(copy, WHOLE, second).fresh
    assert (first.read, second.read) == (1, 0)
    assert len(server.rows(ends.target, "SELECT * FROM t")) == 2
