"""Rows that cross: every value that is let into a file is there unchanged, and what SQLite would change is refused."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Bounds, Chunk, Loaded, TransferJob, connector
from connectors.crossing import crossing
from connectors.errors import SourceChanged, TerminalError, ValueRefused
from connectors.loss import Class, loss
from connectors.schema import Column, Table, TableName
from connectors.sqlite.canonical import types
from connectors.sqlite.ranges import Range
from connectors.sqlite.types import column_type
from connectors.sqlite.values import carried, read_as, stored
from connectors.types import Canonical, Family
from jobs.config.mappings import TableMapping
from jobs.planning.crossing import Projection, Projector, Side
from tests.connectors.drive import Driver, Ends, driver
from tests.connectors.masker import Masker, disguised
from tests.connectors.sqlite.exact import make
from tests.connectors.sqlite.exact import stored as kept

DECLARED = [type_.native for type_ in types.every()] + ["JSON", "STRING", "UNSIGNED BIG INT", "DOUBLE PRECISION"]
NUMBERS = st.integers().map(str) | st.decimals(allow_nan=False).map(str) | st.floats().map(repr)
TEXTS = st.text(max_size=8) | st.text("0123456789.-+eE \n", max_size=8)


def round_trip(declared: str, values: Sequence[str | None], *, consent: bool = False) -> list[str | None]:
    """The values in a column of that type, and read again."""
    column = Column("c", column_type(declared))
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE t (n INTEGER PRIMARY KEY, c {declared})")
        rows = [(value,) for value in stored(pa.array(values, pa.string()), column, consent)]
        connection.executemany("INSERT INTO t (c) VALUES (?)", rows)
        connection.text_factory = bytes
        read = [row[0] for row in connection.execute(f"SELECT {read_as(column, 'c')} FROM t ORDER BY n")]
    found: list[str | None] = carried(read, column).to_pylist()
    return found


def same(one: str | None, other: str | None, family: Family) -> bool:
    """Whether both texts say the same value."""
    if one == other or one is None or other is None:
        return one == other
    try:
        if family is Family.FLOAT:
            return float(one) == float(other)
        return family in (Family.INTEGER, Family.DECIMAL, Family.BOOLEAN) and Decimal(one) == Decimal(other)
    except ArithmeticError:
        return False


@pytest.mark.parametrize("declared", [declared for declared in DECLARED if declared != "BLOB"])
@given(values=st.lists(st.none() | TEXTS | NUMBERS, max_size=4))
def test_what_a_column_takes_it_gives_back(declared: str, values: list[str | None]) -> None:
    family = types.canonical(column_type(declared)).family
    with contextlib.suppress(ValueRefused):
        found = round_trip(declared, values)
        assert [same(*pair, family) for pair in zip(values, found, strict=True)] == [True] * len(values)


ORDINARY = {
    Canonical(Family.BOOLEAN): ["1", "0"],
    Canonical(Family.INTEGER, bits=64): ["0", "-9223372036854775808", "9223372036854775807"],
    Canonical(Family.INTEGER, bits=64, unsigned=True): ["18446744073709551615"],
    Canonical(Family.DECIMAL, precision=15, scale=2): ["1234567890123.45", "-0.01", "12.50"],
    Canonical(Family.DECIMAL, precision=65, scale=30): ["9" * 35 + "." + "9" * 30, "0.1", "1" * 18],
    Canonical(Family.DECIMAL): ["NaN", "1" * 300 + "." + "1" * 300],
    Canonical(Family.FLOAT, bits=64): ["0.1", "1e+22", "5e-324", "1.7976931348623157e+308", "NaN", "Infinity", "-Infinity"],
    Canonical(Family.TEXT): ["007", "1e5", "", " 5 ", "nul\0in", "ä\U0001f600"],
    Canonical(Family.DATE): ["2024-05-17", "0044-03-15 BC", "infinity", "0000-00-00", "20240-01-01"],
    Canonical(Family.TIME): ["09:30:00.5", "24:00:00", "-838:59:59"],
    Canonical(Family.TIMESTAMP): ["2024-05-17 09:30:00.123456", "-infinity"],
    Canonical(Family.INSTANT): ["2024-05-17 09:30:00"],
    Canonical(Family.INTERVAL): ["P1Y2M3DT4H5M6.5S"],
    Canonical(Family.UUID): ["00000000-0000-0000-0000-000000000000", "12345678-1234-1234-1234-123456789012"],
    Canonical(Family.JSON): ["1.0", "1e5", '{"a": 1}', "-0", '"5"', "12"],
    Canonical(Family.BITS, length=5, fixed=True): ["00101"],
    Canonical(Family.ENUM, labels=("1.0", "b")): ["1.0", "b"],
    Canonical(Family.SET, labels=("1", "2")): ["1,2", "1", ""],
    Canonical(Family.OTHER): ["(1,2)", "192.168.0.1", "1.50"],
}  # fmt: skip


@pytest.mark.parametrize(("type_", "values"), ORDINARY.items(), ids=str)
def test_the_type_for_anothers_values_keeps_each_of_them_to_the_letter(type_: Canonical, values: list[str]) -> None:
    native = types.native(type_)
    assert native is not None
    assert loss(type_, types.canonical(native)).kind in (Class.EXACT, Class.EQUIVALENT)
    found = round_trip(native.native, values)
    assert [same(*pair, type_.family) for pair in zip(values, found, strict=True)] == [True] * len(values)


@pytest.mark.parametrize("declared", [declared for declared in DECLARED if declared])
def test_a_declared_type_is_its_own_closest_one(declared: str) -> None:
    type_ = types.canonical(column_type(declared))
    native = types.native(type_)
    assert native is not None
    if type_.family is not Family.OTHER:
        assert types.canonical(native) == type_


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        *(
            ("JSON", "1.0"),
            ("DATE", "20240517.50"),
            ("UUID", "+5"),
            ("STRING", "007"),
            ("DECIMAL", "0.12345678901234567"),
        ),
        *(
            ("DECIMAL", "38874316826668510.5"),
            ("INTEGER", " 12"),
            ("DECIMAL(20,2)", "123456789012345678.01"),
            ("INTEGER", "9223372036854775808.5"),
        ),
        *(("REAL", "1e999"), ("DECIMAL(40,0)", "1" * 30)),
    ],
)
def test_what_sqlite_would_change_is_refused(declared: str, value: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        round_trip(declared, [value])
    assert value not in str(refused.value)


def test_a_whole_number_beyond_a_doubles_digits_keeps_its_own() -> None:
    assert round_trip("DECIMAL", ["3.887431682666851e+16", "9223372036854775807.0"]) == [
        "38874316826668510",
        str(2**63 - 1),
    ]


def test_consent_lets_a_decimal_be_rounded_to_what_a_double_tells() -> None:
    [found] = round_trip("DECIMAL(20,2)", ["123456789012345678.01"], consent=True)
    assert found is not None
    assert math.isclose(float(found), 123456789012345678.01)


def test_types_that_people_name_and_others_that_nobody_knows() -> None:
    assert types.canonical(types.named("numeric( 12 , 2 )") or column_type("")).precision == 12
    assert types.canonical(types.named("double precision") or column_type("")).family is Family.FLOAT
    assert [types.named(text) for text in ("geometry", "TEXT); DROP TABLE t --", "", "INTEGER PRIMARY KEY (", "5")] == [
        None
    ] * 5


class Across(Driver):
    """Copies as between two engines, because of a mapping that changes nothing but a table's name."""

    def _projected(self, table: Table) -> tuple[Table, Projection]:
        prod, dev = (Side(name, connector("sqlite").facts, types) for name in ("PROD", "DEV"))
        mapping = TableMapping(table=f"{table.name.name}_there")
        projector = Projector(prod, dev, self.target.schema(), {table.name: mapping}, frozenset())
        way = projector.project(table)
        assert way is not None
        assert way.crosses
        return table, way

    def transfer(self, chunks: Sequence[Chunk]) -> list[Loaded]:
        with crossing(self.job()) as transfer:
            return [transfer.copy(chunk) for chunk in chunks]


@contextlib.contextmanager
def across(files: Ends, **settings: Any) -> Iterator[Across]:
    with driver(files, **settings) as plain:
        one = Across(files, plain.source, plain.target, **settings)
        one.lease(["t_there"])
        yield one


def copied(files: Ends, **settings: Any) -> list[Loaded]:
    with across(files, **settings) as one:
        one.prepare(["t"])
        loaded = one.transfer(one.chunks())
        one.finish()
        return loaded


def test_values_that_contradict_their_column_cross_as_they_are(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (n INTEGER PRIMARY KEY, i INT, d DECIMAL(9,2), r REAL, v VARCHAR(5), day DATE, j JSON, free, b BLOB)",
        (
            "INSERT INTO t VALUES (1,?,?,?,?,?,?,?,?)",
            [1, 1.25, 1.0, "long text", "2024-05-17", "[1]", "5", b"\x00\xff"],
        ),
        ("INSERT INTO t VALUES (2,?,?,?,?,?,?,?,?)", ["one", "n/a", "NaN", "nul\0", 2460000.5, 1.5, "", b""]),
        ("INSERT INTO t VALUES (3,?,?,?,?,?,?,?,?)", [1.5, 0.1 + 0.2, 1e300, "007", 1715904000, 12, "x", None]),
        ("INSERT INTO t VALUES (4,?,?,?,?,?,?,?,?)", [2**63 - 1, 10**17, 9e999, "", "May", "{}", None, b"5"]),
        ("INSERT INTO t VALUES (5,?,?,?,?,?,?,?,?)", [None] * 8),
    )
    columns = ("n", "i", "d", "r", "v", "day", "j", "free", "b")
    loaded = copied(files)
    assert sum(one.rows for one in loaded) == 5
    assert sum(one.bytes for one in loaded) > 0
    assert kept(files.target, "t_there", *columns) == kept(files.source, "t", *columns)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("v TEXT", "CAST(x'ff' AS TEXT)", "no valid Unicode"),
        ("v TEXT", "x'00'", "binary data"),
        ("v INTEGER", "x'00'", "binary data"),
        ("v BLOB", "'text'", "no binary data"),
        ("v BLOB", "5", "no binary data"),
    ],
)
def test_what_has_no_form_stops_its_chunk_and_leaves_nothing(files: Ends, column: str, value: str, says: str) -> None:
    make(files.source, f"CREATE TABLE t ({column})", "INSERT INTO t VALUES (NULL)", f"INSERT INTO t VALUES ({value})")
    with pytest.raises(ValueRefused, match=f"column v holds .*{says}"):
        copied(files, budget=1 << 40)
    assert files.server.read(files.target, "t_there") == []
    assert files.server.read(files.target, "_dbagent_chunks") == []


@pytest.mark.parametrize("declared", ["", "STRING"])
def test_a_column_of_no_known_type_keeps_numbers_texts_and_bytes_apart(files: Ends, declared: str) -> None:
    given_ = [5, "5a", 0.1, 0.1 + 0.2, 9e999, -(2**63), b"", b"\x00\xff5", "", "nul\0in", "ä", None, 1e22, 5e-324]
    given_ += ["5", "1.0"] if not declared else []
    make(
        files.source,
        f"CREATE TABLE t (n INTEGER PRIMARY KEY, v {declared})",
        *(("INSERT INTO t (v) VALUES (?)", [value]) for value in given_),
    )
    copied(files)
    assert kept(files.target, "t_there", "n", "v") == kept(files.source, "t", "n", "v")


def test_a_text_of_no_type_is_no_number_in_a_column_that_makes_it_one(files: Ends) -> None:
    make(files.source, "CREATE TABLE t (v)", "INSERT INTO t VALUES ('007')")
    make(files.target, "CREATE TABLE t_there (v STRING)")
    with pytest.raises(ValueRefused, match="column v would make a number"):
        copied(files)


def test_a_masked_table_with_a_key_of_texts_arrives_in_several_chunks(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (k TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID",
        *(("INSERT INTO t VALUES (?, ?)", [f"{n:05}", f"name {n}"]) for n in range(2000)),
    )
    assert len(copied(files, anonymize={"t_there": Masker(("name",))}, budget=8000)) > 2
    assert files.server.read(files.target, "t_there") == [(f"{n:05}", disguised(f"name {n}")) for n in range(2000)]


def test_rows_go_through_staging_into_a_table_that_has_some(files: Ends) -> None:
    make(files.source, "CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT)", "INSERT INTO t VALUES (2, '2')")
    make(files.target, "CREATE TABLE t_there (n INTEGER PRIMARY KEY, v TEXT)", "INSERT INTO t_there VALUES (1, '1')")
    copied(files, append=True)
    assert files.server.read(files.target, "t_there") == [(1, "1"), (2, "2")]


def test_all_chunks_show_the_moment_the_reader_began(files: Ends) -> None:
    make(files.source, "PRAGMA journal_mode", "CREATE TABLE t (n INTEGER PRIMARY KEY)")
    files.server.execute(files.source, "PRAGMA journal_mode = WAL")
    files.server.insert(files.source, "t", [[n] for n in range(100)])
    with across(files) as one:
        one.prepare(["t"])
        job, copy = one.job(), one.copies[0]
        with connector("sqlite").reader(job) as reader:
            files.server.execute(files.source, "DELETE FROM t")
            chunk = Chunk(0, 0, Bounds(Range(), 100, 100))
            assert sum(batch.num_rows for batch in reader.read(copy, chunk, ())) == 100
        files.server.execute(files.source, "ALTER TABLE t ADD COLUMN more")
        with pytest.raises(SourceChanged, match="altered"), connector("sqlite").reader(job):
            pass


class Given:
    """Batches of one column `n` that a test made itself."""

    columns, bytes, counts = ("n",), 8, {"masked": 1}

    def __init__(self, *values: str, before: Any = None) -> None:
        self._values, self._before = values, before

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if self._before:
            self._before()
        yield pa.record_batch([pa.array(self._values, pa.string())], names=["n"])


CHUNK = Chunk(0, 0, Bounds(Range(), 1, 1))


@pytest.fixture
def prepared(files: Ends) -> Iterator[Across]:
    make(files.source, "CREATE TABLE t (n INTEGER PRIMARY KEY)")
    with across(files) as one:
        one.prepare(["t"])
        yield one


def load(job: TransferJob, batches: Given) -> Loaded:
    with connector("sqlite").loader(job) as loader:
        return loader.load(job.tables[0], CHUNK, batches)


def test_a_chunk_that_is_loaded_is_not_read_again(prepared: Across) -> None:
    def fail() -> None:
        raise AssertionError("read")

    assert load(prepared.job(), Given("1", "2")) == Loaded(0, 0, 2, 8, {"masked": 1})
    assert not load(prepared.job(), Given("3", before=fail)).fresh
    [state] = prepared.target.ledger.tables("run")
    assert (state.rows, state.bytes, state.counts) == (2, 8, {"masked": 1})


def test_others_may_write_to_the_target_until_the_first_batch_is_ready(prepared: Across) -> None:
    def write() -> None:
        with contextlib.closing(sqlite3.connect(prepared.ends.target.database, timeout=0)) as connection:
            connection.execute("CREATE TABLE another (n)")

    assert load(prepared.job(), Given("1", before=write)).rows == 1


def test_a_row_that_a_key_refuses_takes_its_whole_chunk_back(prepared: Across) -> None:
    with pytest.raises(ValueRefused, match="same value in a unique column"):
        load(prepared.job(), Given("1", "1"))
    assert prepared.target.count(TableName(None, "t_there")) == 0
    assert load(prepared.job(), Given("1")).fresh


def test_a_table_of_another_engine_is_made_with_its_key_and_its_counter(files: Ends) -> None:
    def column(name: str, family: Family, **settings: Any) -> Column:
        type_ = types.native(Canonical(family))
        assert type_ is not None
        return Column(name, type_, **settings)

    name = TableName(None, "orders")
    numbered = Table(
        name,
        (column("id", Family.INTEGER, nullable=False, counter=types.counter), column("note", Family.TEXT)),
        primary_key=("id",),
    )
    composite = Table(
        TableName(None, "lines"),
        (column("order", Family.INTEGER), column("at", Family.TIMESTAMP, nullable=False), column("x", Family.OTHER)),
        primary_key=("order", "at"),
    )
    with contextlib.closing(connector("sqlite").target(files.target)) as target:
        target.ledger.create()
        assert [target.creatable(table) for table in (numbered, composite)] == [[], []]
        target.create([numbered, composite])
        lines, orders = target.schema().pick([name, composite.name])
    assert (orders.primary_key, orders.column("id").counter) == (("id",), "autoincrement")
    assert lines.primary_key == ("order", "at")
    assert [column.nullable for column in lines.columns] == [False, False, True]
    assert [(c.name, c.type) for c in orders.columns] == [(c.name, c.type) for c in numbered.columns]


def test_names_that_only_letter_case_tells_apart_are_one_here(files: Ends) -> None:
    def table(name: str, *columns: str) -> Table:
        return Table(TableName(None, name), tuple(Column(column, column_type("TEXT")) for column in columns))

    with contextlib.closing(connector("sqlite").target(files.target)) as target:
        [found] = target.creatable(table("t", "a", "A"))
        assert found.startswith("columns a and A: their names differ in the case of letters only")
        assert target.creatable(table("SQLite_t", "a")) == ["names that begin with sqlite_ belong to SQLite itself"]
        assert target.creatable(table("t", "ä", "Ä")) == []
        target.ledger.create()
        with pytest.raises(TerminalError, match="tables t and T: their names differ"):
            target.create([table("t", "a"), table("T", "a")])
        assert target.schema().tables == ()
