"""Loading what another engine's rows, or a mapping, have become: carriers into one transaction with the chunk's ledger row.

The server takes '2' for the second label of an ENUM that has no label '2', and 5 for the year 2005, without a warning. So
labels and bits are loaded as their numbers, which are found here, and what a type's canonical form does not say of it is
looked at value by value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import Chunk, Loaded, TableCopy, TransferJob
from connectors.crossing import Batches
from connectors.errors import ConnectorError, ValueRefused
from connectors.ledger import SqlLedger
from connectors.mysql.canonical import labels, numbers
from connectors.mysql.ends import TargetEnd
from connectors.mysql.session import LEDGER, Session
from connectors.mysql.types import type_of
from connectors.mysql.write import loader
from connectors.schema import Column


class Loader:
    """`connectors.crossing.Loader`."""

    def __init__(self, job: TransferJob) -> None:
        self._job, self._target = job, TargetEnd(job)
        self._target.session()

    def load(self, copy: TableCopy, chunk: Chunk, batches: Batches) -> Loaded:
        where = f"{copy.target.name}, chunk {chunk.number}"
        try:
            target = self._target.session()
            target.where = where
            with target.translated():
                return self._load(copy, chunk, batches, target)
        except BaseException as error:
            self.close()
            if isinstance(error, ConnectorError):
                raise error.at(where) from None
            raise

    def close(self) -> None:
        self._target.close()

    def _load(self, copy: TableCopy, chunk: Chunk, batches: Batches, target: Session) -> Loaded:
        ledger, run = SqlLedger(target, LEDGER), self._job.run_id
        with target.transaction():
            if not ledger.claim(run, self._job.fence, str(copy.target.name), chunk):
                return Loaded(chunk.table_id, chunk.number, 0, 0, {}, fresh=False)
            ways = [way(copy.target.column(name)) for name in batches.columns]
            rows = loader(target.connection, copy.into, [one.column for one in ways]).load(ready(batches, ways))
            loaded = Loaded(chunk.table_id, chunk.number, rows, batches.bytes, dict(batches.counts))
            ledger.loaded(run, loaded)
        return loaded


LONGEST = {
    "time": len("09:30:00.123456"),
    **dict.fromkeys(("datetime", "timestamp"), len("2024-05-17 09:30:00.123456")),
}
"""Up to here there are not more than six digits of a second, whatever the value."""
Change = Callable[[pa.Array], pa.Array]


@dataclass(frozen=True)
class Way:
    """One column's way into the table."""

    column: Column
    """As what is loaded of it: a number where its values have become numbers."""
    needed: bool
    """Takes no NULL. Some columns make a value of one instead of refusing it."""
    change: Change | None
    """To what is loaded; NULL where the column cannot hold the value."""

    def __call__(self, values: pa.Array) -> pa.BinaryArray:
        """Raises ValueRefused."""
        if self.needed and values.null_count:
            raise ValueRefused(
                f"column {self.column.name} is NOT NULL and a value is NULL", todo="compare NOT NULL on both ends"
            )
        if self.change is not None:
            changed = self.change(values)
            if changed.null_count != values.null_count:
                raise ValueRefused(
                    f"column {self.column.name} holds a value that the target's type would change",
                    todo="mend these rows in the source, or choose another type for the column (`column_mappings`)",
                )
            values = changed
        return values.cast(pa.binary())


def ready(batches: Batches, ways: Sequence[Way]) -> Iterator[list[pa.BinaryArray]]:
    for batch in batches:
        yield [go(values) for go, values in zip(ways, batch.columns, strict=True)]


def way(column: Column) -> Way:
    """How the carrier of a column's canonical type is loaded."""
    type_ = type_of(column)
    if type_.base in ("enum", "set", "bit"):
        taken = replace(column, type=replace(type_, base="bit", charset=None))
    else:  # whatever its character set, text is sent as text
        taken = replace(column, type=replace(type_, charset=type_.charset and "utf8mb4"))
    return Way(taken, not column.nullable, _change(type_.base, type_.native))


def _change(base: str, native: str) -> Change | None:
    _, second = numbers(native)
    if base == "enum":
        places = {label: str(place) for place, label in enumerate(labels(native), 1)}
        return lambda values: distinct(values, places.get)
    if base == "set":
        members = {label: 1 << place for place, label in enumerate(labels(native))}
        return lambda values: distinct(values, lambda value: _members(value, members))
    if base == "bit":
        return lambda values: distinct(values, lambda value: str(int(value, 2)))
    if base == "year":
        return lambda values: _matching(pc.if_else(pc.equal(values, "0"), "0000", values), r"^\d{4}$")
    if base in LONGEST:
        return lambda values: _without_zeros(values, LONGEST[base])
    if base in ("float", "double") and second is not None:  # FLOAT(7,3) rounds
        return lambda values: _matching(values, rf"^-?\d+(?:\.\d{{0,{second}}}0*)?$")
    if base == "float":  # its largest number, in as many digits as it needs, is too large for the server
        return lambda values: values.cast(pa.float32()).cast(pa.float64()).cast(pa.string())
    return None


def distinct(values: pa.StringArray, meaning: Callable[[str], str | None]) -> pa.StringArray:
    """Each value's meaning, asked once for each."""
    found = values.dictionary_encode()
    meanings = pa.array([meaning(value) for value in found.dictionary.to_pylist()], pa.string())
    return meanings.take(found.indices)


def _members(value: str, members: dict[str, int]) -> str | None:
    chosen = [members.get(label) for label in value.split(",")] if value else []
    known = [bit for bit in chosen if bit is not None]
    return str(sum(known)) if len(set(known)) == len(chosen) else None


def _without_zeros(values: pa.StringArray, longest: int) -> pa.StringArray:
    """Times without what follows the sixth digit of a second, if it says nothing: the server warns of any more."""
    if (pc.max(pc.binary_length(values)).as_py() or 0) <= longest:
        return values
    return pc.replace_substring_regex(values, r"(\.\d{6})0+$", r"\1")


def _matching(values: pa.StringArray, pattern: str) -> pa.StringArray:
    return pc.if_else(pc.match_substring_regex(values, pattern), values, None)
