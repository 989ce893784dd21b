"""Inside a task: chunks of a file as carriers (`connectors.crossing.Reader`), all from one read transaction.

The connection stands alone: nothing is attached and nothing is shared, so the transaction it begins with is the moment
every chunk shows.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pyarrow as pa

from connectors.arrays import record_batch
from connectors.contract import Chunk, TableCopy, TransferJob
from connectors.errors import SourceChanged, ValueRefused
from connectors.schema import Column, quoted
from connectors.sqlite.canonical import types
from connectors.sqlite.errors import translated
from connectors.sqlite.filters import condition, scanned
from connectors.sqlite.ranges import Condition
from connectors.sqlite.rows import uncollected, walk
from connectors.sqlite.schema import detail, digest
from connectors.sqlite.session import file, identity, open_source, place
from connectors.sqlite.values import MEND, carried, keeps_classes, read_as, read_with_class
from connectors.types import Family


def begin(connection: sqlite3.Connection, job: TransferJob) -> None:
    """Take the snapshot, and see that it shows what was planned. From now on texts are read as bytes."""
    if job.snapshot.token != identity(file(job.source)):
        raise SourceChanged("the file was replaced by another one", todo="run again")
    connection.execute("BEGIN")
    for copy in job.tables.values():
        found = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (copy.source.name.name,)
        ).fetchone()
        if found is None or digest(found[0]) != detail(copy.source).statement:
            raise SourceChanged("the table was altered or dropped", where=str(copy.source.name), todo="run again")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    connection.text_factory = bytes


@contextlib.contextmanager
def reader(job: TransferJob) -> Iterator[SqliteReader]:
    """Open the source, begin the read transaction; the end of the block ends it."""
    with contextlib.closing(open_source(job.source)) as connection:
        with translated(place(job.source)):
            begin(connection, job)
        yield SqliteReader(job, connection)


class SqliteReader:
    """`connectors.crossing.Reader` of one file."""

    def __init__(self, job: TransferJob, connection: sqlite3.Connection) -> None:
        self._job, self._connection, self._where = job, connection, place(job.source)

    def read(self, copy: TableCopy, chunk: Chunk, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        addressing = detail(copy.source).addressing
        part = addressing.within(chunk.bounds.token) if addressing else Condition()
        part &= scanned(condition(copy.where, "main")) if copy.where is not None else Condition()
        whole = {field.source for field in copy.fields if keeps_classes(self._job, copy, field)}
        selected = [
            read_with_class(quoted(name)) if name in whole else read_as(copy.source.column(name), quoted(name))
            for name in columns
        ]
        strange = _strange(copy, columns, whole)
        batches = walk(self._connection, copy.source, [*selected, strange], columns, addressing, part)
        with translated(self._where), contextlib.closing(batches):
            for rows in batches:
                try:
                    batch = _batch(copy, columns, rows)
                except ValueRefused as error:
                    raise error.at(f"{copy.target.name}, chunk {chunk.number}") from None
                yield batch


def _batch(copy: TableCopy, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    with uncollected():
        *values, strange, _ = zip(*rows, strict=True)
        found = next((number for number in strange if number is not None), None)
        if found is not None:
            raise _refused(copy.source.column(columns[found]))
        arrays = [carried(read, copy.source.column(name)) for name, read in zip(columns, values, strict=True)]
        return record_batch(arrays, columns, len(rows))


def _strange(copy: TableCopy, columns: Sequence[str], whole: Collection[str | None]) -> str:
    """SQL that gives the place of a column that holds what has no form in its family; NULL where there is none."""
    untyped = {field.source for field in copy.fields if field.wanted.family is Family.OTHER}
    cases = []
    for number, name in enumerate(columns):
        if name in whole:
            continue
        family = types.canonical(copy.source.column(name).type).family
        of = f"typeof({quoted(name)})"
        found = f"{of} = 'blob'"
        if family is Family.BINARY:
            found = f"{of} NOT IN ('blob', 'null')"
        elif family is Family.OTHER and name in untyped:  # there a number and its digits are two values
            found = f"{of} NOT IN ('text', 'null')"
        cases.append(f"WHEN {found} THEN {number}")
    return f"CASE {' '.join(cases)} END" if cases else "NULL"


def _refused(column: Column) -> ValueRefused:
    family, declared = types.canonical(column.type).family, column.type.native
    what = "binary data"
    if family in (Family.BINARY, Family.OTHER):
        what = "what is no binary data" if family is Family.BINARY else "numbers or binary data"
    says = f"its type says {declared}" if declared else "it has no type"
    return ValueRefused(f"column {column.name} holds {what}, and {says}", todo=MEND)
