"""A chunk's way between two engines: what is read, replaced, mapped and guarded, without any engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from connectors.contract import Bounds, Chunk, Endpoint, Loaded, Snapshot, TableCopy, TransferJob
from connectors.crossing import Batches, Crossing, Field, Passage, Travelling, crossing
from connectors.errors import ConnectionLost, ConnectorError, TerminalError, Unsupported, ValueRefused
from connectors.schema import Table, TableName
from connectors.types import Canonical, Family

TEXT, SHORT = Canonical(Family.TEXT), Canonical(Family.TEXT, length=5)
INTEGER, TINY = Canonical(Family.INTEGER, bits=64), Canonical(Family.INTEGER, bits=8)
BINARY, DATE = Canonical(Family.BINARY), Canonical(Family.DATE, odd=frozenset({"infinity"}))
TABLE = Table(TableName(None, "t"), ())


@dataclass
class Replaces:
    """An anonymizer that replaces its columns by what a function makes of them."""

    columns: tuple[str, ...]
    by: Callable[[pa.Array], pa.Array]
    masked: tuple[str, ...] = ()
    saw: Any = None

    def __post_init__(self) -> None:
        self.masked = self.masked or self.columns

    def __call__(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Mapping[str, int]]:
        self.saw = batch
        made = [
            self.by(batch.column(name) if name in self.columns else pa.nulls(batch.num_rows)) for name in self.masked
        ]
        return pa.RecordBatch.from_arrays(made, names=list(self.masked)), {"replaced": batch.num_rows}


def table(*fields: Field, anonymize: Any = None, sees: Mapping[str, Canonical] | None = None) -> TableCopy:
    return TableCopy(0, TABLE, TABLE, TABLE.name, None, anonymize, fields, sees or {})


def passed(copy: TableCopy, **columns: Sequence[Any]) -> dict[str, list[Any]]:
    """What a passage makes of these values of the source."""
    passage = Passage(copy)
    assert set(passage.reads) == set(columns)
    arrays = [pa.array(columns[name], pa.binary() if _binary(columns[name]) else pa.string()) for name in passage.reads]
    read = pa.RecordBatch.from_arrays(arrays, names=list(passage.reads))
    found = passage(read)
    assert tuple(found.schema.names) == passage.columns
    kept: dict[str, list[Any]] = found.to_pydict()
    return kept


def _binary(values: Sequence[Any]) -> bool:
    return any(isinstance(value, bytes) for value in values)


def test_columns_arrive_under_their_new_names_in_the_targets_order() -> None:
    copy = table(
        Field("b", "one", TEXT, TEXT), Field("a", "other", INTEGER, INTEGER), Field("again", "one", TEXT, TEXT)
    )
    assert passed(copy, one=["x", None], other=["1", "2"]) == {"b": ["x", None], "a": ["1", "2"], "again": ["x", None]}


def test_a_constant_is_in_every_row_and_must_be_a_value_of_its_column() -> None:
    given, wanted = Field("n", "n", INTEGER, INTEGER), replace(TINY, odd=frozenset({"anything"}))
    constants = [Field("c", None, TEXT, SHORT, constant="PROD"), Field("none", None, TINY, TINY)]
    bytes_ = Field("b", None, BINARY, BINARY, constant="ab")
    assert passed(table(given, *constants, bytes_), n=["1", "2"]) == {
        "n": ["1", "2"],
        "c": ["PROD"] * 2,
        "none": [None] * 2,
        "b": [b"ab"] * 2,
    }
    for constant, type_ in (("longer", SHORT), ("one", TINY), ("128", TINY), ("128", wanted), ("2023-02-29", DATE)):
        with pytest.raises(ValueRefused, match="column c"):
            passed(table(given, Field("c", None, type_, type_, constant=constant)), n=["1"])


def test_values_become_what_they_mean_and_others_stop_the_chunk() -> None:
    field = Field("status", "s", Canonical(Family.TEXT, length=3, fixed=True), SHORT, values={"A": "on", "I": None})
    assert passed(table(field), s=["A", "I  ", None, "A  "]) == {"status": ["on", None, None, "on"]}
    with pytest.raises(ValueRefused, match="column s holds a value that its mapping does not name") as refused:
        passed(table(field), s=["A", "canary"])
    assert "canary" not in str(refused.value)
    with pytest.raises(ValueRefused, match="column status"):
        passed(table(replace(field, values={"A": "too long"})), s=["A"])


def test_bytes_are_mapped_by_their_hexadecimal_digits_and_read_so_as_text() -> None:
    assert passed(table(Field("t", "b", BINARY, TEXT)), b=[b"\x00\xff", None]) == {"t": ["00ff", None]}
    assert passed(table(Field("t", "b", BINARY, TEXT, values={"00ff": "end"})), b=[b"\x00\xff", None]) == {
        "t": ["end", None]
    }
    assert passed(table(Field("t", "b", TEXT, BINARY, values={"end": "\x00"})), b=["end"]) == {"t": [b"\x00"]}


def test_only_what_is_replaced_by_others_or_kept_is_read() -> None:
    mask = Replaces(("name",), lambda values: pa.array(["new"] * len(values)), masked=("name", "gone", "dropped"))
    copy = table(
        *(Field(name, name, TEXT, TEXT) for name in ("name", "gone", "kept")), anonymize=mask, sees={"name": TEXT}
    )
    assert passed(copy, name=["old"], kept=["x"]) == {"name": ["new"], "gone": ["new"], "kept": ["x"]}


def test_a_column_that_is_seen_and_dropped_is_read_all_the_same() -> None:
    mask = Replaces(("name", "salt"), lambda values: values, masked=("name",))
    copy = table(Field("name", "name", TEXT, TEXT), anonymize=mask, sees={"name": TEXT, "salt": INTEGER})
    assert passed(copy, name=["x"], salt=["5"]) == {"name": ["x"]}
    assert mask.saw.schema.types == [pa.string(), pa.int64()]


@pytest.mark.parametrize(
    ("made", "type_"),
    [
        ("longer", SHORT),
        ("128", TINY),
        ("nul\0", TEXT),
        ("x", Canonical(Family.UUID)),
        ("12.345", Canonical(Family.DECIMAL, precision=5, scale=2)),
    ],
)
def test_replacements_are_looked_at_as_if_nobody_had_promised_anything(made: str, type_: Canonical) -> None:
    mask = Replaces((), lambda values: pa.array([made] * len(values)), masked=("c",))
    with pytest.raises(ValueRefused, match="column c"):
        passed(table(Field("n", "n", TEXT, TEXT), Field("c", "c", type_, type_), anonymize=mask), n=["1"])


def test_days_are_replaced_and_the_rest_of_a_moment_stays() -> None:
    moment = Canonical(Family.TIMESTAMP, digits=9, odd=frozenset({"infinity"}))

    def later(values: pa.Array) -> pa.Array:
        return pa.array([None if v is None else v.replace(year=2001) for v in values.to_pylist()], values.type)

    copy = table(Field("at", "at", moment, moment), anonymize=Replaces(("at",), later), sees={"at": moment})
    given = ["2024-05-17 09:30:00.123456789", "infinity", None, "2024-05-17T09:30"]
    assert passed(copy, at=given) == {"at": ["2001-05-17 09:30:00.123456789", "infinity", None, "2001-05-17T09:30"]}


@pytest.mark.parametrize(
    ("given", "values", "kind"),
    [
        (INTEGER, ["0x10"], ValueRefused),
        (INTEGER, ["1", "one"], ValueRefused),
        (INTEGER, ["18446744073709551615"], Unsupported),
        (BINARY, [b"x"], Unsupported),
        (DATE, ["2023-02-29"], ValueRefused),
    ],
)
def test_what_no_strategy_can_see_stops_the_chunk(
    given: Canonical, values: list[Any], kind: type[ConnectorError]
) -> None:
    copy = table(Field("c", "c", given, given), anonymize=Replaces(("c",), lambda values: values), sees={"c": given})
    with pytest.raises(kind, match="column c"):
        passed(copy, c=values)


def test_an_anonymizer_that_loses_rows_is_found_out() -> None:
    mask = Replaces(("c",), lambda values: values[:1])
    with pytest.raises(TerminalError, match="other rows"):
        passed(table(Field("c", "c", TEXT, TEXT), anonymize=mask, sees={"c": TEXT}), c=["1", "2"])


def test_batches_tell_what_was_read_and_counted_and_are_never_empty() -> None:
    mask = Replaces(("c",), lambda values: values)
    batches = [pa.record_batch([pa.array(values, pa.string())], names=["c"]) for values in (["a"], [], ["b", "c"])]
    passage = Passage(table(Field("c", "c", TEXT, TEXT), anonymize=mask, sees={"c": TEXT}))
    travelling = Travelling(passage, batches)
    assert [batch.num_rows for batch in travelling] == [1, 2]
    assert travelling.bytes == batches[0].nbytes + batches[2].nbytes
    assert travelling.counts == {"replaced": 3}


class Here:
    """Reads and loads in memory."""

    def __init__(self, *batches: pa.RecordBatch, lost: bool = False) -> None:
        self.batches, self.lost, self.loaded = batches, lost, list[Any]()

    def read(self, copy: TableCopy, chunk: Chunk, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from self.batches
        if self.lost:
            raise ConnectionLost("the session ended")

    def load(self, copy: TableCopy, chunk: Chunk, batches: Batches) -> Loaded:
        self.loaded = [batch.to_pydict() for batch in batches]
        return Loaded(chunk.table_id, chunk.number, len(self.loaded), batches.bytes, batches.counts)


def job(copy: TableCopy, rate: float | None = None) -> TransferJob:
    source, target = Endpoint("PROD", "none", "one"), Endpoint("DEV", "none", "other")
    return TransferJob("run", 1, source, target, Snapshot(None, "s", "none"), {0: copy}, True, rate)


CHUNK = Chunk(0, 3, Bounds(None, 1, 1))


def test_a_chunk_goes_from_the_reader_to_the_loader() -> None:
    here = Here(pa.record_batch([pa.array(["1"], pa.string())], names=["c"]))
    loaded = Crossing(job(table(Field("d", "c", TEXT, TEXT))), here, here).copy(CHUNK)
    assert (loaded.number, here.loaded) == (3, [{"d": ["1"]}])


def test_an_error_names_the_table_and_the_chunk() -> None:
    here = Here(lost=True)
    with pytest.raises(ConnectionLost, match="t, chunk 3: the session ended"):
        Crossing(job(table(Field("d", "c", TEXT, TEXT))), here, here).copy(CHUNK)


def test_what_is_read_is_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    clock = SimpleNamespace(
        sleep=slept.append, monotonic=lambda: 0.0
    )  # this module's alone: other threads have clocks too
    monkeypatch.setattr("connectors.crossing.time", clock)
    batch = pa.record_batch([pa.array(["1" * 1000], pa.string())], names=["c"])
    here = Here(batch, batch)
    Crossing(job(table(Field("d", "c", TEXT, TEXT)), rate=float(batch.nbytes)), here, here).copy(CHUNK)
    assert slept == [1.0, 2.0]


def test_an_engine_that_is_not_there_opens_nothing() -> None:
    with pytest.raises(KeyError), crossing(job(table())):
        pass
