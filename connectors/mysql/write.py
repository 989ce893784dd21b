"""Loading: columns as text for LOAD DATA LOCAL, or as literals of INSERT, and what must be true afterwards.

LOCAL alone would mean IGNORE: rows left out and values bent to fit, with a warning at most. REPLACE makes it strict, and in
turn would delete rows that are in the way. Therefore every row sent must be a row loaded, with none deleted, none skipped
and no warning, or the chunk rolls back.

One value is never written without a warning: an ENUM's number 0, which stands for what was no member. Strict servers refuse
it, so a table with an ENUM is loaded by a session that is not strict, and must bring just as many warnings as it has zeros.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pymysql.connections import Connection

from connectors.arrays import bitmap, bounds, characters, nulls
from connectors.errors import TerminalError, ValueRefused
from connectors.mysql.session import SQL_MODES, STRICT
from connectors.mysql.types import identifier, loaded, type_of
from connectors.mysql.wire import Outcome, load
from connectors.schema import Column, TableName

FIELD_ESCAPES = ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n"))
LITERAL_ESCAPES = ((b"\\", b"\\\\"), (b"'", b"\\'"))
PACKET = 1 << 20
"""Bytes of one INSERT, where the server's `max_allowed_packet` allows as much."""
HEXADECIMAL = np.array([list(b"%02X" % byte) for byte in range(256)], np.uint8)


class Loader(Protocol):
    """One way to put rows into a table, inside the open transaction."""

    def load(self, batches: Iterable[Sequence[pa.BinaryArray]]) -> int:
        """Returns the rows loaded. Raises unless they are all there, unchanged."""
        ...


def loader(connection: Connection[Any], table: TableName, columns: Sequence[Column]) -> Loader:
    """The fastest way the server allows. `columns`: one for each array of a batch, as they are on the target."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@local_infile, @@max_allowed_packet")
        [(local, packet)] = cursor.fetchall()
    if int(local):
        return LoadData(connection, table, columns)
    return Insert(connection, table, columns, min(PACKET, int(packet) // 2))


@dataclass(frozen=True)
class LoadData:
    """LOAD DATA LOCAL."""

    connection: Connection[Any]
    table: TableName
    columns: Sequence[Column]

    def load(self, batches: Iterable[Sequence[pa.BinaryArray]]) -> int:
        sent = zeros = 0

        def pieces() -> Iterator[memoryview]:
            nonlocal sent, zeros
            for batch in batches:
                sent, zeros = sent + len(batch[0]), zeros + _zeros(batch, self.columns)
                yield lines(_ready(batch, self.columns))

        with lenient(self.connection, self.columns):
            outcome = load(self.connection, self.clauses(), pieces())
        check(outcome, sent, zeros)
        return sent

    def clauses(self) -> str:
        """Where the fields go: to their column, or through a variable where an expression makes the value of it."""
        variables = {column: f"@f{number}" for number, column in enumerate(self.columns)}
        values = {column: loaded(column, variable) for column, variable in variables.items()}
        through = [column for column, value in values.items() if value != variables[column]]
        fields = [variables[column] if column in through else identifier(column.name) for column in self.columns]
        made = ", ".join(f"{identifier(column.name)} = {values[column]}" for column in through)
        return (
            f"REPLACE INTO TABLE {identifier(self.table.name)} CHARACTER SET utf8mb4"
            r" FIELDS TERMINATED BY '\t' ENCLOSED BY '' ESCAPED BY '\\' LINES STARTING BY '' TERMINATED BY '\n'"
            f" ({', '.join(fields)})" + (f" SET {made}" if made else "")
        )


@dataclass(frozen=True)
class Insert:
    """INSERT of many rows: what is left where the server takes no LOAD DATA LOCAL."""

    connection: Connection[Any]
    table: TableName
    columns: Sequence[Column]
    limit: int

    def load(self, batches: Iterable[Sequence[pa.BinaryArray]]) -> int:
        names = ", ".join(identifier(column.name) for column in self.columns)
        head = f"INSERT INTO {identifier(self.table.name)} ({names}) VALUES ".encode()
        around = [_around(column) for column in self.columns]
        total = 0
        with lenient(self.connection, self.columns), self.connection.cursor() as cursor:
            for batch in batches:
                sent = inserted = warnings = 0
                for rows, count in groups(tuples(_ready(batch, self.columns), around), self.limit):
                    sent, inserted = sent + count, inserted + cursor.execute(head + rows)
                    warnings += cursor.warning_count
                check(Outcome(inserted, 0, 0, warnings), sent, _zeros(batch, self.columns))
                total += sent
        return total


@contextmanager
def lenient(connection: Connection[Any], columns: Sequence[Column]) -> Iterator[None]:
    """A session that warns instead of refusing, where there is an ENUM. After an error it is closed."""
    if not any(_is_enum(column) for column in columns):
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = %s", (",".join(mode for mode in SQL_MODES if mode != STRICT),))
        yield
        cursor.execute("SET SESSION sql_mode = %s", (",".join(SQL_MODES),))


def check(outcome: Outcome, sent: int, warnings: int) -> None:
    """Raises unless exactly the rows sent are there as they were sent, with the warnings they had to bring."""
    if outcome.deleted:
        raise ValueRefused(
            "two rows have the same value in a unique key of the target", todo="compare unique keys on both ends"
        )
    if outcome.warnings != warnings:
        raise ValueRefused(
            "the target would have changed a value to make it fit", todo="compare the column types of both ends"
        )
    if outcome.skipped or outcome.records != sent:
        raise TerminalError(
            f"{sent} rows sent, {outcome.records} loaded, {outcome.skipped} skipped: all must be loaded"
        )


def lines(columns: Sequence[pa.BinaryArray]) -> memoryview:
    r"""Rows in the form of LOAD DATA: tabs between fields, a newline after each row, `\N` for NULL."""
    texts = [_replaced(column, FIELD_ESCAPES) for column in columns]
    texts[-1] = _joined([texts[-1], _scalar(b"")], b"\n", rb"\N")
    return _bytes(_joined(texts, b"\t", rb"\N") if len(texts) > 1 else texts[0])


def tuples(columns: Sequence[pa.BinaryArray], around: Sequence[tuple[bytes, bytes]]) -> pa.BinaryArray:
    """Each row as `(literal,…)`; `around` is what stands before and behind a column's literal."""
    texts: list[Any] = []
    for column, (before, behind) in zip(columns, around, strict=True):
        literals = _joined([_scalar(b"'"), _replaced(column, LITERAL_ESCAPES), _scalar(b"'")], b"", None)
        texts.append(_joined([_scalar(before), literals.fill_null(b"NULL"), _scalar(behind)], b"", None))
    return _joined([_scalar(b"("), _joined(texts, b",", None), _scalar(b")")], b"", None)


def groups(rows: pa.BinaryArray, limit: int) -> Iterator[tuple[bytes, int]]:
    """The rows between commas, in parts of at most `limit` bytes or one row, with how many each has."""
    starts = bounds(rows) + np.arange(len(rows) + 1)
    at = 0
    while at < len(rows):
        end = max(at + 1, int(np.searchsorted(starts, starts[at] + limit, "right")) - 1)
        yield b",".join(rows[at:end].to_pylist()), end - at
        at = end


def _is_enum(column: Column) -> bool:
    return type_of(column).base == "enum"


def _zeros(batch: Sequence[pa.BinaryArray], columns: Sequence[Column]) -> int:
    """How many values of the batch are an ENUM's number 0."""
    found = (pc.sum(pc.equal(values, _scalar(b"0"))) for values, c in zip(batch, columns, strict=True) if _is_enum(c))
    return sum(count.as_py() or 0 for count in found)


def _around(column: Column) -> tuple[bytes, bytes]:
    before, _, behind = loaded(column, "\0").partition("\0")
    return before.encode(), behind.encode()


def _ready(batch: Sequence[pa.BinaryArray], columns: Sequence[Column]) -> list[pa.BinaryArray]:
    """Bytes as hexadecimal digits, everything else as it is."""
    return [
        hexadecimal(values) if type_of(column).as_bytes else values
        for values, column in zip(batch, columns, strict=True)
    ]


def hexadecimal(values: pa.BinaryArray) -> pa.BinaryArray:
    ends, digits = bounds(values), HEXADECIMAL[characters(values)]
    buffers = [bitmap(nulls(values)), pa.py_buffer((ends - ends[0]) * np.int32(2)), pa.py_buffer(digits)]
    return pa.BinaryArray.from_buffers(pa.binary(), len(values), buffers)


def _replaced(values: pa.BinaryArray, escapes: Sequence[tuple[bytes, bytes]]) -> pa.BinaryArray:
    """The values escaped; most columns have nothing to escape, and looking is much cheaper than replacing."""
    data = values.buffers()[2]
    data = data.to_pybytes() if data else b""
    for character, escape in escapes:
        if character in data:
            values = pc.replace_substring(values, character, escape)
    return values


def _joined(parts: Sequence[Any], between: bytes, null: bytes | None) -> pa.BinaryArray:
    """The parts of each row as one; a row with a NULL is NULL unless `null` says how to write one."""
    if null is None:
        return pc.binary_join_element_wise(*parts, _scalar(between))
    return pc.binary_join_element_wise(*parts, _scalar(between), null_handling="replace", null_replacement=null)


def _scalar(value: bytes) -> pa.BinaryScalar:
    return pa.scalar(value, pa.binary())


def _bytes(values: pa.BinaryArray) -> memoryview:
    """All values, one behind the other."""
    offsets = np.frombuffer(values.buffers()[1], np.int32)
    first, last = offsets[values.offset], offsets[values.offset + len(values)]
    return memoryview(values.buffers()[2])[first:last]
