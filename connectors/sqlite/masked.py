"""Masked rows: read the masked columns in batches, have them replaced, and hand the replacements to SQLite by address.

Only replacements leave the reading connection. The other columns of a row never pass through Python: SQLite copies them
itself, and asks for the replacement of each masked field with the address of the row it is at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connectors.arrays import record_batch
from connectors.contract import Anonymize, TableCopy
from connectors.errors import TerminalError, ValueRefused
from connectors.schema import Column, Kind, quoted
from connectors.sqlite import dates
from connectors.sqlite.ranges import Address, Addressing, Condition
from connectors.sqlite.rows import walk
from connectors.sqlite.types import affinity


@dataclass(frozen=True)
class Batch:
    """Consecutive rows: their addresses, and per masked column the replacements (None: NULL in every row)."""

    addresses: Sequence[Any]
    """Row numbers, or the addresses of a key."""
    replacements: Mapping[str, list[Any] | None]
    counts: Mapping[str, int]


def batches(
    source: sqlite3.Connection, copy: TableCopy, anonymize: Anonymize, addressing: Addressing, part: Condition
) -> Generator[Batch, None, None]:
    """The rows of a range, masked. `source` returns texts as bytes; they may be no valid Unicode. To be closed before it."""
    width = len(anonymize.columns)
    selected = [*(_selected(copy.source.column(name)) for name in anonymize.columns), *addressing.selected()]
    with closing(walk(source, copy.source, selected, anonymize.columns, addressing, part)) as found:
        for rows in found:
            columns = list(zip(*rows, strict=True))
            given = {name: _array(copy, name, columns[at]) for at, name in enumerate(anonymize.columns)}
            shown = {name: _shown(copy.source.column(name), array) for name, array in given.items()}
            masked, counts = anonymize(record_batch(list(shown.values()), anonymize.columns, len(rows)))
            if masked.num_rows != len(rows) or tuple(masked.schema.names) != anonymize.masked:
                raise TerminalError("the anonymizer returned other rows or columns than it was asked for")
            for_target = {name: masked.column(at) for at, name in enumerate(anonymize.masked)}
            for name in for_target.keys() & given.keys():
                column = copy.source.column(name)
                if dates.is_date(column):
                    for_target[name] = dates.written(for_target[name], shown[name], given[name], column)
            replacements = {name: _values(array) for name, array in for_target.items()}
            addresses = list(zip(*columns[width:-1], strict=True)) if addressing.key else columns[width]
            yield Batch(addresses, replacements, counts)


def _selected(column: Column) -> str:
    """Everything but integers is read as text. A column of TEXT affinity holds nothing that is not bytes already."""
    if column.type.kind is Kind.INTEGER or affinity(column.type.native) == "TEXT":
        return quoted(column.name)
    return f"CAST({quoted(column.name)} AS TEXT)"


def _array(copy: TableCopy, name: str, values: Sequence[Any]) -> pa.Array:
    if copy.source.column(name).type.kind is not Kind.INTEGER:
        return _strings(values)
    strange = {type(value) for value in values} - {int, type(None)}
    if strange:
        words = {float: "a fraction", bytes: "text or binary data"}
        raise ValueRefused(
            f"column {name} holds {' and '.join(sorted(words[kind] for kind in strange))} where its type says integer",
            where=str(copy.source.name),
            todo="mend these rows in the source, or mask the column with null",
        )
    return pa.array(values, pa.int64())


def _shown(column: Column, values: pa.Array) -> pa.Array:
    """What the anonymizer sees of the values read."""
    return dates.parsed(values, column) if dates.is_date(column) else values


def _strings(values: Sequence[bytes | None]) -> pa.Array:
    """Texts; one that is no valid Unicode is told apart in ASCII escapes, so that it is masked like any other."""
    try:
        return pa.array(values, pa.string())
    except pa.ArrowInvalid:
        return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1").encode("unicode_escape").decode("ascii")


def _values(array: pa.Array) -> list[Any] | None:
    if pa.types.is_null(array.type):
        return None
    # For texts numpy's way is three times as fast as to_pylist; integers with NULLs would become floats in it.
    values: list[Any] = (
        array.to_pylist() if pa.types.is_integer(array.type) else array.to_numpy(zero_copy_only=False).tolist()
    )
    return values


class Writer:
    """Inserts rows of one table into another file, masked fields taken from a batch.

    SQLite meets row numbers in their order, so replacements are handed out one after the other and only the row number is
    compared, once per row. Keys may be met in another order than they compare in (DESC), so there each field is looked up.
    """

    def __init__(
        self, target: sqlite3.Connection, copy: TableCopy, addressing: Addressing, filtered: Condition
    ) -> None:
        self._target, self._copy, self._addressing, self._filtered = target, copy, addressing, filtered

    def write(self, batch: Batch) -> int:
        """Returns the rows inserted: all of the batch's, or the batch is refused."""
        fields = self._offer(batch)
        columns = [column.name for column in self._copy.source.copied]
        ends = [end if self._addressing.key else (end,) for end in (batch.addresses[0], batch.addresses[-1])]
        between = self._addressing.between(*ends) & self._filtered
        ordered = "" if self._addressing.key else f"ORDER BY {self._addressing.order()}"
        written = self._target.execute(
            f"INSERT OR ABORT INTO main.{quoted(self._copy.into.name)} ({', '.join(map(quoted, columns))})"
            f" SELECT {', '.join(fields.get(name) or quoted(name) for name in columns)}"
            f" FROM source.{quoted(self._copy.source.name.name)} {self._addressing.hint} WHERE {between.sql} {ordered}",
            between.values,
        ).rowcount
        if written != len(batch.addresses):
            raise TerminalError("not every row of a batch was found again", todo="please report this")
        return written

    def _offer(self, batch: Batch) -> dict[str, str]:
        """Make the replacements callable from SQL; returns the SQL of each masked column."""
        given = {name: values for name, values in batch.replacements.items() if values is not None}
        offered = _by_key if self._addressing.key else _in_order
        functions = offered(batch.addresses, list(given.values()))
        fields = dict.fromkeys(batch.replacements, "NULL")
        for number, (name, function) in enumerate(zip(given, functions, strict=True)):
            arguments = self._addressing.selected() if self._addressing.key or number == 0 else ()
            self._target.create_function(f"dbagent_{number}", len(arguments), function)
            fields[name] = f"dbagent_{number}({', '.join(arguments)})"
        return fields


def _in_order(numbers: Sequence[int], columns: list[list[Any]]) -> list[Callable[..., Any]]:
    """Replacements one after the other. The first column's function is told the row number; another one raises."""
    if not columns:
        return []
    expected, value = iter(numbers).__next__, iter(columns[0]).__next__

    def first(number: int) -> Any:
        if number != expected():
            raise LookupError
        return value()

    return [first, *(iter(values).__next__ for values in columns[1:])]


def _by_key(addresses: Sequence[Address], columns: list[list[Any]]) -> list[Callable[..., Any]]:
    """Replacements by address; any other address raises, and the chunk rolls back."""

    def lookup(values: list[Any]) -> Callable[..., Any]:
        found = dict(zip(addresses, values, strict=True))
        return lambda *address: found[address]

    return [lookup(values) for values in columns]
