"""A chunk's way from one PostgreSQL to another: one transaction on the target, everything of the chunk in it.

    target   BEGIN · claim the chunk · COPY FROM STDIN ………………………… · write its counts · COMMIT
    source            COPY TO STDOUT, in the snapshot ▸ splice masked fields ▸  · is it still the same table?

A failure anywhere closes both connections, which rolls both back; the next chunk opens them anew.
"""

from __future__ import annotations

from collections import Counter

from connectors.arrays import characters
from connectors.contract import Chunk, Loaded, TableCopy, TransferJob
from connectors.crossing import Throttle
from connectors.errors import TerminalError
from connectors.postgresql.copy_binary import BinaryFormat
from connectors.postgresql.copy_text import TextFormat
from connectors.postgresql.ends import blocks, claim, commit, open_source, open_target
from connectors.postgresql.errors import translated
from connectors.postgresql.session import Connection, close
from connectors.postgresql.splice import Format, Splicer
from connectors.postgresql.statements import copy_in, names
from connectors.postgresql.types import PgType
from connectors.postgresql.wire import CopyIn

BINARY_SINCE = 140_000
PLAIN_BYTES = 1 << 20
MASKED_BYTES = 2 << 20


class Transfer:
    """`connectors.contract.Transfer`."""

    def __init__(self, job: TransferJob) -> None:
        self._job = job
        self._source: Connection | None = None
        self._target: Connection | None = None
        self._throttle = Throttle(job.bytes_per_second)
        self._open()

    def copy(self, chunk: Chunk) -> Loaded:
        copy = self._job.tables[chunk.table_id]
        try:
            with translated(f"{copy.target.name}, chunk {chunk.number}"):
                return self._copy(copy, chunk)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for connection in (self._source, self._target):
            if connection is not None:
                close(connection)
        self._source = self._target = None

    def _open(self) -> tuple[Connection, Connection]:
        """Both ends, opened where they are not."""
        try:
            self._target = self._target or open_target(self._job)
            self._source = self._source or open_source(self._job)
        except BaseException:
            self.close()
            raise
        return self._source, self._target

    def _copy(self, copy: TableCopy, chunk: Chunk) -> Loaded:
        source, target = self._open()
        before = claim(target, self._job, chunk)
        if before:
            return before
        loaded = self._load(copy, chunk, source, target)
        commit(target, self._job, loaded)
        return loaded

    def _load(self, copy: TableCopy, chunk: Chunk, source: Connection, target: Connection) -> Loaded:
        format_ = choose(copy, source, target)
        columns = names(copy.source.copied)
        splicer = Splicer(copy, format_) if copy.anonymize and copy.anonymize.masked else None
        limit = MASKED_BYTES if splicer else PLAIN_BYTES
        writer = CopyIn(target, copy_in(copy.into, columns, format_.option))
        writer.put(format_.header)
        rows = size = 0
        counts: Counter[str] = Counter()
        for block in blocks(self._job, copy, chunk, source, columns, format_, limit):
            data = characters(block)
            rows, size = rows + len(block), size + len(data)
            self._throttle.take(len(data))
            if splicer:
                spliced, more = splicer(block)
                counts.update(more)
                writer.put(spliced)
            else:
                writer.put(data)
        writer.put(format_.trailer)
        written = writer.end()
        if rows != written:
            raise TerminalError(f"{rows} rows sent, {written} loaded: they must be equal")
        return Loaded(chunk.table_id, chunk.number, rows, size, counts)


def choose(copy: TableCopy, source: Connection, target: Connection) -> Format:
    """Binary wherever its bytes mean the same on both ends."""
    targets = {column.name: column.type for column in copy.target.columns}
    columns = [kind for column in copy.source.copied for kind in (column.type, targets[column.name])]
    portable = all(isinstance(kind, PgType) and kind.portable for kind in columns)
    recent = min(source.info.server_version, target.info.server_version) >= BINARY_SINCE
    return BinaryFormat() if portable and recent else TextFormat()
