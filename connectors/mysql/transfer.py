"""A chunk's way from one server to another: one transaction on the target, everything of the chunk in it.

    target   BEGIN · claim the chunk · LOAD DATA LOCAL ……………………… · write its counts · COMMIT
    source            SELECT, in the reader's snapshot ▸ replace masked fields ▸  · is it still the same table?

A failure anywhere closes both connections, which rolls both back; the next chunk opens them anew, in a new snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from connectors.contract import Chunk, Loaded, TableCopy, TransferJob
from connectors.crossing import Throttle
from connectors.errors import ConnectorError
from connectors.ledger import SqlLedger
from connectors.mysql.ends import SourceEnd, TargetEnd
from connectors.mysql.filters import rendered
from connectors.mysql.masked import Passage
from connectors.mysql.read import batches, statement
from connectors.mysql.session import LEDGER, Session
from connectors.mysql.write import loader


class Transfer:
    """`connectors.contract.Transfer`."""

    def __init__(self, job: TransferJob) -> None:
        self._job = job
        self._source, self._target = SourceEnd(job), TargetEnd(job)
        self._throttle = Throttle(job.bytes_per_second)
        self._open()

    def copy(self, chunk: Chunk) -> Loaded:
        copy = self._job.tables[chunk.table_id]
        where = f"{copy.target.name}, chunk {chunk.number}"
        try:
            target = self._open()
            target.where = where
            with target.translated():
                return self._copy(copy, chunk, target)
        except ConnectorError as error:
            self.close()
            raise error.at(where) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._source.close()
        self._target.close()

    def _open(self) -> Session:
        """Both ends, opened where they are not; returns the target's."""
        try:
            target = self._target.session()
            self._source.session()
        except BaseException:
            self.close()
            raise
        return target

    def _copy(self, copy: TableCopy, chunk: Chunk, target: Session) -> Loaded:
        ledger = SqlLedger(target, LEDGER)
        with target.transaction():
            if not ledger.claim(self._job.run_id, self._job.fence, str(copy.target.name), chunk):
                return Loaded(chunk.table_id, chunk.number, 0, 0, {}, fresh=False)
            passage = Passage(copy)
            reading = Reading(self._source, self._throttle, copy, chunk, passage)
            rows = loader(target.connection, copy.into, passage.columns).load(reading)
            self._source.same_table(copy)
            loaded = Loaded(chunk.table_id, chunk.number, rows, reading.bytes, dict(passage.counts))
            ledger.loaded(self._job.run_id, loaded)
        return loaded


class Reading:
    """The batches of one chunk, ready to load; counts the bytes that were read for them."""

    def __init__(self, source: SourceEnd, throttle: Throttle, copy: TableCopy, chunk: Chunk, passage: Passage) -> None:
        self._source, self._throttle, self._copy, self._chunk, self._passage = source, throttle, copy, chunk, passage
        where = None if copy.where is None else rendered(copy.where)
        self._query = statement(copy.source, passage.expressions, chunk.bounds.token, where)
        self.bytes = 0

    def __iter__(self) -> Iterator[list[pa.BinaryArray]]:
        expressions, connection = self._passage.expressions, self._source.session().connection
        with self._source.reading(self._copy, self._chunk):
            for fields, rows, size in batches(connection, self._query, len(expressions)):
                self.bytes += size
                self._throttle.take(size)
                yield self._passage(fields, rows)
