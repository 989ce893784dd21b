"""Inside a task: carriers into a file (`connectors.crossing.Loader`), each chunk in one transaction of the only writer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from connectors.contract import Chunk, Loaded, TableCopy, TransferJob
from connectors.crossing import Batches
from connectors.errors import TerminalError
from connectors.ledger import SqlLedger
from connectors.schema import Column, quoted
from connectors.sqlite.errors import translated
from connectors.sqlite.rows import uncollected
from connectors.sqlite.session import LEDGER, PATIENCE, Session, Turns, open_target, place
from connectors.sqlite.values import keeps_classes, stored, stored_with_class

HAS = (
    "SELECT 1 FROM {chunks} WHERE run_id = ? AND table_id = ? AND chunk_no = ?"
    " UNION ALL SELECT 1 FROM {tables} WHERE run_id = ? AND table_id = ? AND state = 'complete'"
)


@contextlib.contextmanager
def loader(job: TransferJob) -> Iterator[SqliteLoader]:
    """Open the target; the end of the block closes it."""
    patience = min(PATIENCE, job.stall_timeout)
    with contextlib.closing(open_target(job.target, patience=patience)) as connection:
        session = Session(connection, place(job.target))
        session.run(f"PRAGMA foreign_keys = {'OFF' if job.suspend_foreign_keys else 'ON'}")
        yield SqliteLoader(job, session)


class SqliteLoader:
    """`connectors.crossing.Loader` of one file."""

    def __init__(self, job: TransferJob, session: Session) -> None:
        self._job, self._session = job, session
        self._ledger, self._turns = SqlLedger(session, LEDGER), Turns()

    def load(self, copy: TableCopy, chunk: Chunk, batches: Batches) -> Loaded:
        self._turns.give()
        where = f"{copy.target.name}, chunk {chunk.number}"
        self._session.where = f"{where}, {place(self._job.target)}"
        skipped = Loaded(chunk.table_id, chunk.number, 0, 0, {}, fresh=False)
        with translated(where), uncollected():
            if self._has(chunk):
                return skipped
            found = iter(batches)
            ready = list(islice(found, 1))  # before BEGIN: nobody waits for us to read and replace
            insert = Insert(self._session, self._job, copy, batches.columns)
            with self._session.transaction():
                if not self._ledger.claim(self._job.run_id, self._job.fence, str(copy.target.name), chunk):
                    return skipped
                rows = sum(map(insert, chain(ready, found)))
                loaded = Loaded(chunk.table_id, chunk.number, rows, batches.bytes, dict(batches.counts))
                self._ledger.loaded(self._job.run_id, loaded)
                return loaded

    def _has(self, chunk: Chunk) -> bool:
        table = (self._job.run_id, chunk.table_id)
        return bool(self._session.rows(LEDGER.sql(HAS), (*table, chunk.number, *table)))


class Insert:
    """Inserts batches into one table, and counts that every row arrived."""

    def __init__(self, session: Session, job: TransferJob, copy: TableCopy, columns: Sequence[str]) -> None:
        self._session = session
        self._columns: list[Column] = [copy.target.column(name) for name in columns]
        self._consents = {field.target for field in copy.fields if field.consent}
        self._whole = {field.target for field in copy.fields if keeps_classes(job, copy, field)}
        names, marks = ", ".join(map(quoted, columns)), ", ".join("?" * len(columns))
        # OR ABORT: the table's own ON CONFLICT IGNORE or REPLACE would lose rows in silence
        self._statement = f"INSERT OR ABORT INTO main.{quoted(copy.into.name)} ({names}) VALUES ({marks})"

    def __call__(self, batch: pa.RecordBatch) -> int:
        values = [self._stored(*pair) for pair in zip(batch.columns, self._columns, strict=True)]
        written = self._session.connection.executemany(self._statement, zip(*values, strict=True)).rowcount
        if written != batch.num_rows:
            raise TerminalError("not every row of a batch was inserted", todo="please report this")
        return written

    def _stored(self, values: pa.Array, column: Column) -> list[Any]:
        if column.name in self._whole:
            return stored_with_class(values, column)
        return stored(values, column, column.name in self._consents)
