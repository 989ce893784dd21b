"""Crossing: a chunk's way between two engines, or through a mapping: reader ▸ anonymize ▸ map and guard ▸ loader.

    reader    one source session in the snapshot; gives the columns asked for as carriers (`connectors.types`)
    passage   what becomes of them: replaced, mapped, guarded; pure, the same whatever reads and loads
    loader    one target session; claims the chunk, loads the batches, keeps the ledger: ONE transaction

Two ends of one engine have a shorter way (`Connector.transfer`) while no mapping is asked for.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from connectors import dates
from connectors.arrays import record_batch
from connectors.errors import ConnectorError, TerminalError, Unsupported, ValueRefused
from connectors.guards import GIVEN, Guard, guard
from connectors.types import Canonical, Family

if TYPE_CHECKING:
    from connectors.contract import Anonymize, Chunk, Loaded, TableCopy, TransferJob


@dataclass(frozen=True)
class Field:
    """One column of the target, and what fills it."""

    target: str
    source: str | None
    """The source's column; None: a constant."""
    given: Canonical
    """What the source's values are; of a constant: what the target's are."""
    wanted: Canonical
    """What the target's column takes."""
    consent: bool = False
    """`allow_lossy` names it."""
    constant: str | None = None
    """In the form of the target's family; None where there is a source: also NULL."""
    values: Mapping[str, str | None] | None = None
    """What each value becomes; others stop the chunk."""


class Reader(Protocol):
    """Inside a task: one source session in the snapshot."""

    def read(self, copy: TableCopy, chunk: Chunk, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The chunk's rows: these columns, in this order, as strings in the form of their canonical family
        (`connectors.types.FORMS`) or as binary; at most 16,384 rows or about 2 MB a batch, whatever is reached first. With
        no column asked for, batches have rows all the same. Raises ConnectorError, SourceChanged where the table is not
        the planned one any more; nothing of an abandoned iteration stays open."""
        ...


class Loader(Protocol):
    """Inside a task: one target session."""

    def load(self, copy: TableCopy, chunk: Chunk, batches: Batches) -> Loaded:
        """Claim the chunk in the ledger, load all batches into `copy.into`, write the ledger row with the batches' counts,
        commit: one transaction. A chunk that the ledger has already is not read. Raises ConnectorError; then nothing of
        the chunk is in the target."""
        ...


class Batches(Protocol):
    """What a loader loads: iterate once; afterwards it tells what was read."""

    @property
    def columns(self) -> Sequence[str]:
        """The target's columns, in the order of each batch."""
        ...

    @property
    def bytes(self) -> int:
        """Bytes of the rows as they travelled."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """What the anonymizer counted."""
        ...

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """n rows of `columns`, strings and binary; never an empty batch."""
        ...


class Crossing:
    """`connectors.contract.Transfer` between a reader and a loader."""

    def __init__(self, job: TransferJob, reader: Reader, loader: Loader) -> None:
        self._job, self._reader, self._loader = job, reader, loader
        self._throttle = Throttle(job.bytes_per_second)

    def copy(self, chunk: Chunk) -> Loaded:
        copy = self._job.tables[chunk.table_id]
        try:
            passage = Passage(copy)
            # A chunk that stops half-way leaves nothing open in the source, whoever still holds its traceback.
            with closing(self._throttled(self._reader.read(copy, chunk, passage.reads))) as read:
                return self._loader.load(copy, chunk, Travelling(passage, read))
        except ConnectorError as error:
            raise error.at(f"{copy.target.name}, chunk {chunk.number}") from None

    def _throttled(self, batches: Iterator[pa.RecordBatch]) -> Generator[pa.RecordBatch, None, None]:
        for batch in batches:
            self._throttle.take(batch.nbytes)
            yield batch


@contextmanager
def crossing(job: TransferJob) -> Iterator[Crossing]:
    """Both ends opened inside a task. Raises ConnectorError."""
    from connectors.contract import connector

    with ExitStack() as stack:
        reader = stack.enter_context(connector(job.source.engine).reader(job))
        loader = stack.enter_context(connector(job.target.engine).loader(job))
        yield Crossing(job, reader, loader)


class Travelling:
    """`Batches` of a passage over what a reader reads."""

    def __init__(self, passage: Passage, read: Iterable[pa.RecordBatch]) -> None:
        self._passage, self._read = passage, read
        self.columns = passage.columns
        self.bytes = 0

    @property
    def counts(self) -> Mapping[str, int]:
        return self._passage.counts

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._read:
            if batch.num_rows:
                self.bytes += batch.nbytes
                yield self._passage(batch)


class Passage:
    """A table's columns from the source's carriers to the target's."""

    def __init__(self, copy: TableCopy) -> None:
        self._copy, self._anonymize = copy, copy.anonymize
        self._masked = copy.anonymize.masked if copy.anonymize else ()
        self._seen = copy.anonymize.columns if copy.anonymize else ()
        self._given = {field.source: field.given for field in copy.fields if field.source is not None} | dict(copy.sees)
        kept = [f.source for f in copy.fields if f.source is not None and f.source not in self._masked]
        self.reads = tuple(dict.fromkeys([*kept, *self._seen]))
        """The source's columns that are read."""
        self.columns = tuple(field.target for field in copy.fields)
        self._guards = [self._guard(field) for field in copy.fields]
        self.counts: Counter[str] = Counter()

    def leaves(self, field: Field) -> bool:
        """Whether nothing happens to the field's values, and nothing needs to look at them."""
        same = field.source is not None and field.source not in self._masked and field.values is None
        return same and field.given.carrier == field.wanted.carrier and self._guard(field) is None

    def _guard(self, field: Field) -> Guard | None:
        given = field.given
        if field.source is None:
            given = GIVEN
        elif field.values is not None or field.source in self._masked:
            given = _anything(given if field.values is None else field.wanted)
        return guard(given, field.wanted, field.consent)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """n rows of `reads` in, n rows of `columns` out. Raises ValueRefused, TerminalError."""
        found = dict(zip(self.reads, batch.columns, strict=True))
        replaced = self._replaced(found, batch.num_rows, self._anonymize) if self._anonymize else {}
        found.update(replaced)
        filled = []
        for field, check in zip(self._copy.fields, self._guards, strict=True):
            values = self._filled(field, found, batch.num_rows)
            filled.append(check(values, field.target) if check is not None else values)
        return pa.RecordBatch.from_arrays(filled, names=list(self.columns))

    def _filled(self, field: Field, found: Mapping[str, pa.Array], rows: int) -> pa.Array:
        carrier = pa.binary() if field.wanted.carrier == "binary" else pa.string()
        if field.source is None:
            return pa.array([field.constant] * rows, pa.string()).cast(carrier)
        values = found[field.source]
        if field.given.carrier == "binary" and (field.wanted.carrier == "string" or field.values is not None):
            values = hexadecimal(values)
        return values if field.values is None else mapped(values, field).cast(carrier)

    def _replaced(self, found: Mapping[str, pa.Array], rows: int, anonymize: Anonymize) -> dict[str, pa.Array]:
        shown = {name: seen(found[name], self._given[name], name) for name in self._seen}
        masked, counts = anonymize(record_batch(list(shown.values()), self._seen, rows))
        if masked.num_rows != rows or tuple(masked.schema.names) != anonymize.masked:
            raise TerminalError("the anonymizer returned other rows or columns than it was asked for")
        self.counts.update(counts)
        replaced = {}
        for name, values in zip(anonymize.masked, masked.columns, strict=True):
            given = self._given.get(name)
            if given is None:  # the mapping drops the column
                continue
            if name in shown and dates.is_date(given):
                values = dates.written(values, shown[name], found[name], name)
            carrier = pa.binary() if given.carrier == "binary" else pa.string()
            replaced[name] = values.cast(pa.string()).cast(carrier)
        return replaced


def _anything(type_: Canonical) -> Canonical:
    """Of replacements nothing is promised but their family: each is looked at."""
    if type_.family is Family.TEXT:
        return replace(GIVEN, fixed=type_.fixed)
    return replace(type_, odd=type_.odd | {"anything"})


def seen(values: pa.Array, given: Canonical, column: str) -> pa.Array:
    """What an anonymizer sees: integers, dates and times as such, everything else that it may see as text."""
    if given.family is Family.INTEGER:
        return _integers(values, column)
    if dates.is_date(given):
        return dates.parsed(values, given, column)
    if given.carrier != "string":
        raise Unsupported(f"column {column}: no strategy can see values of type {given}")
    return values


def _integers(values: pa.Array, column: str) -> pa.Array:
    if not pc.all(pc.match_substring_regex(values, r"^-?\d+$"), min_count=0).as_py():
        raise ValueRefused(
            f"column {column} holds what is no integer where its type says integer",
            todo="mend these rows in the source, or mask the column with null",
        )
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid:
        raise Unsupported(f"column {column}: no strategy can see integers beyond 64 bits") from None


def mapped(values: pa.Array, field: Field) -> pa.Array:
    """Each value's meaning. Raises ValueRefused where a value has none."""
    meaning = field.values or {}
    if field.given.fixed and field.given.family is Family.TEXT:
        values = pc.utf8_rtrim(values, " ")
    places = pc.index_in(values, pa.array(list(meaning), pa.string()))
    if places.null_count != values.null_count:
        raise ValueRefused(
            f"column {field.source} holds a value that its mapping does not name",
            todo="add it to `values` of the column in `column_mappings`",
        )
    return pa.array(list(meaning.values()), pa.string()).take(places)


def hexadecimal(values: pa.Array) -> pa.Array:
    """Bytes as lower-case hexadecimal digits."""
    return pa.array([None if value is None else value.hex() for value in values.to_pylist()], pa.string())


class Throttle:
    """Spends at most so many bytes a second."""

    def __init__(self, rate: float | None) -> None:
        self._rate, self._free_at = rate, 0.0

    def take(self, size: int) -> None:
        if self._rate is None:
            return
        now = time.monotonic()
        self._free_at = max(now, self._free_at) + size / self._rate
        time.sleep(self._free_at - now)
