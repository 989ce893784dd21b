"""Inside a task: chunks from file to file, each in one transaction of the target, all from one moment of the source.

Two connections: the reader holds ONE read transaction on the source from beginning to end; the writer has the target open
and the source attached. A COMMIT ends what a connection reads as well, so the writer alone would see another state of the
source with every chunk. Therefore both open the source in SQLite's shared cache: connections of one process that share a
file there also share its one pager and with it the reader's transaction, in every journal mode. Each chunk proves it, in
its own transaction: PRAGMA data_version must still be what it was at the beginning.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from connectors.contract import Chunk, Loaded, TableCopy, TransferJob
from connectors.errors import SourceChanged, Unsupported
from connectors.ledger import SqlLedger
from connectors.schema import quoted
from connectors.sqlite.errors import translated
from connectors.sqlite.filters import condition, scanned
from connectors.sqlite.masked import Writer, batches
from connectors.sqlite.ranges import Addressing, Condition
from connectors.sqlite.reader import begin
from connectors.sqlite.rows import uncollected
from connectors.sqlite.schema import UNADDRESSED, detail
from connectors.sqlite.session import (
    CACHE,
    LEDGER,
    PATIENCE,
    Session,
    Turns,
    file,
    open_source,
    open_target,
    place,
    read_only,
)

_reading: set[Path] = set()
_lock = threading.Lock()


@contextlib.contextmanager
def transfer(job: TransferJob) -> Iterator[SqliteTransfer]:
    """Open both ends, begin the read transaction; the end of the block ends it."""
    path = file(job.source)
    with _alone(path), contextlib.ExitStack() as stack:
        reader = stack.enter_context(contextlib.closing(open_source(job.source, shared=True)))
        with translated(place(job.source)):
            _check_shared(reader)
            begin(reader, job)
        patience = min(PATIENCE, job.stall_timeout)
        writer = stack.enter_context(contextlib.closing(open_target(job.target, patience=patience)))
        with translated(place(job.target)):
            writer.execute(f"PRAGMA foreign_keys = {'OFF' if job.suspend_foreign_keys else 'ON'}")
        with translated(place(job.source)):
            writer.execute("ATTACH ? AS source", (read_only(path, shared=True),))
            writer.execute(f"PRAGMA source.cache_size = {CACHE}")
        yield SqliteTransfer(job, reader, Session(writer, place(job.target)))


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """A second transfer of this process would join the first one's transaction and see its older state."""
    with _lock:
        if path in _reading:
            raise Unsupported("this process is reading this file already", where=str(path))
        _reading.add(path)
    try:
        yield
    finally:
        with _lock:
            _reading.discard(path)


def _check_shared(reader: sqlite3.Connection) -> None:
    if reader.execute("SELECT 1 FROM pragma_compile_options WHERE compile_options = 'OMIT_SHARED_CACHE'").fetchone():
        raise Unsupported("this SQLite was built without its shared cache", todo="use the Python of your system")


class SqliteTransfer:
    """`connectors.contract.Transfer` between two files."""

    def __init__(self, job: TransferJob, reader: sqlite3.Connection, target: Session) -> None:
        self._job, self._reader, self._target = job, reader, target
        self._ledger = SqlLedger(target, LEDGER)
        self._turns = Turns()
        self._version = target.value("PRAGMA source.data_version")

    def copy(self, chunk: Chunk) -> Loaded:
        copy, began = self._job.tables[chunk.table_id], time.monotonic()
        self._turns.give()
        where = f"{copy.target.name}, chunk {chunk.number}"
        self._target.where = f"{where}, {place(self._job.target)}"
        with translated(where), uncollected():
            loaded = self._plain(chunk, copy) if copy.anonymize is None else self._masked(chunk, copy)
        if self._job.bytes_per_second:
            time.sleep(max(0.0, loaded.bytes / self._job.bytes_per_second - (time.monotonic() - began)))
        return loaded

    def _plain(self, chunk: Chunk, copy: TableCopy) -> Loaded:
        addressing = detail(copy.source).addressing
        columns = ", ".join(quoted(column.name) for column in copy.source.copied)
        part = _within(addressing, chunk) & condition(copy.where, "source")
        with self._target.transaction():
            if not self._claimed(chunk, copy):
                return Loaded(chunk.table_id, chunk.number, 0, 0, {}, fresh=False)
            size = self._size()
            rows = (
                self._target.run(  # OR ABORT: the table's own ON CONFLICT IGNORE or REPLACE would lose rows in silence
                    f"INSERT OR ABORT INTO main.{quoted(copy.into.name)} ({columns})"
                    f" SELECT {columns} FROM source.{quoted(copy.source.name.name)} WHERE {part.sql}",
                    part.values,
                )
            )
            return self._loaded(chunk, rows, size, {})

    def _masked(self, chunk: Chunk, copy: TableCopy) -> Loaded:
        assert copy.anonymize is not None
        addressing = detail(copy.source).addressing
        if addressing is None:
            raise Unsupported(UNADDRESSED, todo="rename one of its columns, or leave the table out")
        part = _within(addressing, chunk) & scanned(condition(copy.where, "main"))
        with contextlib.closing(batches(self._reader, copy, copy.anonymize, addressing, part)) as found:
            ready = list(itertools.islice(found, 1))  # before BEGIN: nobody waits for us to read and mask
            writer = Writer(self._target.connection, copy, addressing, scanned(condition(copy.where, "source")))
            with self._target.transaction():
                if not self._claimed(chunk, copy):
                    return Loaded(chunk.table_id, chunk.number, 0, 0, {}, fresh=False)
                size, rows, counts = self._size(), 0, Counter[str]()
                for batch in itertools.chain(ready, found):
                    rows += writer.write(batch)
                    counts.update(batch.counts)
                return self._loaded(chunk, rows, size, counts)

    def _claimed(self, chunk: Chunk, copy: TableCopy) -> bool:
        """Whether the chunk is ours to load now, from the moment this transfer began with."""
        if not self._ledger.claim(self._job.run_id, self._job.fence, str(copy.target.name), chunk):
            return False
        self._target.rows("SELECT count(*) FROM source.sqlite_schema")
        if self._target.value("PRAGMA source.data_version") != self._version:
            raise SourceChanged("the read transaction on the source was lost", todo="run again")
        return True

    def _size(self) -> int:
        """Bytes in use in the target."""
        pages, free, size = (
            self._target.value(f"PRAGMA main.{name}") for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _loaded(self, chunk: Chunk, rows: int, before: int, counts: Mapping[str, int]) -> Loaded:
        loaded = Loaded(chunk.table_id, chunk.number, rows, max(0, self._size() - before), counts)
        self._ledger.loaded(self._job.run_id, loaded)
        return loaded


def _within(addressing: Addressing | None, chunk: Chunk) -> Condition:
    return addressing.within(chunk.bounds.token) if addressing else Condition()
