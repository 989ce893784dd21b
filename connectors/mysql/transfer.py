"""A chunk's way from one server to another: one transaction on the target, everything of the chunk in it.

    target   BEGIN · claim the chunk · LOAD DATA LOCAL ……………………… · write its counts · COMMIT
    source            SELECT, in the reader's snapshot ▸ replace masked fields ▸  · is it still the same table?

A failure anywhere closes both connections, which rolls both back; the next chunk opens them anew, in a new snapshot.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from connectors.contract import Chunk, Loaded, TableCopy, TransferJob
from connectors.errors import ConnectorError, NotFound, SourceChanged
from connectors.ledger import SqlLedger
from connectors.mysql.filters import rendered
from connectors.mysql.masked import Passage
from connectors.mysql.ranges import Range
from connectors.mysql.read import batches, statement
from connectors.mysql.session import LEDGER, Session, connect
from connectors.mysql.source import BEGIN
from connectors.mysql.types import declared_so, type_of
from connectors.mysql.wire import Loading
from connectors.mysql.write import loader

COLUMNS = """
SELECT column_name, column_type FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s
"""


class Transfer:
    """`connectors.contract.Transfer`."""

    def __init__(self, job: TransferJob) -> None:
        self._job = job
        self._source: Session | None = None
        self._target: Session | None = None
        self._checked: set[int] = set()
        self._throttle = Throttle(job.bytes_per_second)
        self._open()

    def copy(self, chunk: Chunk) -> Loaded:
        copy = self._job.tables[chunk.table_id]
        where = f"{copy.target.name}, chunk {chunk.number}"
        try:
            source, target = self._open()
            target.where = where
            with target.translated():
                return self._copy(copy, chunk, source, target)
        except ConnectorError as error:
            self.close()
            raise error.at(where) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for session in (self._source, self._target):
            if session is not None:
                session.close()
        self._source = self._target = None
        self._checked.clear()

    def _open(self) -> tuple[Session, Session]:
        """Both ends, opened where they are not: the source in a snapshot of its own, the target ready to load."""
        job, patience = self._job, self._job.stall_timeout
        try:
            if self._target is None:
                end = f"the target {job.target.environment}"
                self._target = connect(job.target, read_only=False, end=end, patience=patience, driver=Loading)
                wait = max(1, round(patience))
                checks = 0 if job.suspend_foreign_keys else 1
                self._target.run(
                    f"SET SESSION innodb_lock_wait_timeout = {wait}, SESSION lock_wait_timeout = {wait},"
                    f" SESSION foreign_key_checks = {checks}"
                )
            if self._source is None:
                end = f"the source {job.source.environment}"
                self._source = connect(job.source, read_only=True, end=end, patience=patience)
                self._source.run(BEGIN)
        except BaseException:
            self.close()
            raise
        return self._source, self._target

    def _copy(self, copy: TableCopy, chunk: Chunk, source: Session, target: Session) -> Loaded:
        ledger = SqlLedger(target, LEDGER)
        with target.transaction():
            if not ledger.claim(self._job.run_id, self._job.fence, str(copy.target.name), chunk):
                return Loaded(chunk.table_id, chunk.number, 0, 0, {}, fresh=False)
            passage = Passage(copy)
            reading = Reading(self, copy, chunk.bounds.token, passage, source)
            rows = loader(target.connection, copy.into, passage.columns).load(reading)
            self._same_table(copy, source)
            loaded = Loaded(chunk.table_id, chunk.number, rows, reading.bytes, dict(passage.counts))
            ledger.loaded(self._job.run_id, loaded)
        return loaded

    def _same_table(self, copy: TableCopy, source: Session) -> None:
        """Raises SourceChanged unless the table has the columns that were planned. Having read it, we keep everybody from
        altering it until our transaction ends."""
        if copy.table_id in self._checked:
            return
        with self.reading(copy, source):
            found = dict(source.rows(COLUMNS, (copy.source.name.name,)))
        planned = copy.source.columns
        if len(found) != len(planned) or not all(declared_so(type_of(c), found.get(c.name, "")) for c in planned):
            raise changed(f"{self._job.source.environment}: {copy.source.name}")
        self._checked.add(copy.table_id)

    @contextmanager
    def reading(self, copy: TableCopy, source: Session) -> Iterator[None]:
        """Errors of the source. A table or column that planning saw and that is not there now has changed under us."""
        where = f"{self._job.source.environment}: {copy.source.name}"
        try:
            with source.translated(where):
                yield
        except NotFound as error:
            found = changed(where, error.code)
        else:
            return
        raise found from None

    def take(self, size: int) -> None:
        self._throttle.take(size)


class Reading:
    """The batches of one chunk, ready to load; counts the bytes that were read for them."""

    def __init__(self, transfer: Transfer, copy: TableCopy, part: Range, passage: Passage, source: Session) -> None:
        self._transfer, self._copy, self._passage, self._source = transfer, copy, passage, source
        where = None if copy.where is None else rendered(copy.where)
        self._query = statement(copy.source, passage.expressions, part, where)
        self.bytes = 0

    def __iter__(self) -> Iterator[list[pa.BinaryArray]]:
        with self._transfer.reading(self._copy, self._source):
            for fields, rows, size in batches(self._source.connection, self._query, len(self._passage.expressions)):
                self.bytes += size
                self._transfer.take(size)
                yield self._passage(fields, rows)


def changed(where: str, code: str = "") -> ConnectorError:
    return SourceChanged(
        "the table was truncated, rewritten, altered or dropped since it was planned",
        where=where,
        todo="run again",
        code=code,
    )


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
