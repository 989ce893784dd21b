"""A chunk's way from one PostgreSQL to another: one transaction on the target, everything of the chunk in it.

    target   BEGIN · claim the chunk · COPY FROM STDIN ………………………… · write its counts · COMMIT
    source            COPY TO STDOUT, in the snapshot ▸ splice masked fields ▸  · is it still the same table?

A failure anywhere closes both connections, which rolls both back; the next chunk opens them anew.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from connectors.contract import Chunk, Filter, Loaded, TableCopy, TransferJob
from connectors.errors import ConnectionLost, ConnectorError, NotFound, SourceChanged, TerminalError
from connectors.postgresql.copy_binary import BinaryFormat
from connectors.postgresql.copy_text import TextFormat
from connectors.postgresql.errors import translated
from connectors.postgresql.ledger import Ledger
from connectors.postgresql.raw import copy_out as reading
from connectors.postgresql.session import Connection, close, configure, connect
from connectors.postgresql.source import BEGIN
from connectors.postgresql.splice import Format, Splicer
from connectors.postgresql.statements import Leaf, Range, copy_in, copy_out, sql_name, tables_read
from connectors.postgresql.types import PgType
from connectors.postgresql.wire import CopyIn
from connectors.schema import TableName

BINARY_SINCE = 140_000
ROWS = 16_384
PLAIN_BYTES = 1 << 20
MASKED_BYTES = 2 << 20
LOADED = b"""
SELECT row_count, byte_count, counts FROM _dbagent.chunks WHERE run_id = %s AND table_id = %s AND chunk_no = %s
"""
UNTOUCHED = b"""
SELECT relfilenode <> 0 AND relfilenode = pg_relation_filenode(oid) AND oid = to_regclass(%s)
FROM pg_catalog.pg_class WHERE oid = %s
"""
"""Whether a table is what it was when the snapshot was taken: the catalog's row is read as of the snapshot, the two
functions answer as of now. A truncated, rewritten or replaced table would read as empty, without an error."""
TOUCHED = b"""
WITH RECURSIVE family (oid, root) AS (SELECT c.oid, c.oid FROM unnest(%s::text[], %s::text[]) u (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = u.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = u.name
  UNION SELECT i.inhrelid, f.root FROM family f JOIN pg_catalog.pg_inherits i ON i.inhparent = f.oid)
SELECT n.nspname, c.relname FROM family f JOIN pg_catalog.pg_class c ON c.oid = f.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND (c.relfilenode = pg_relation_filenode(c.oid)) IS NOT TRUE
  OR (c.oid = to_regclass(quote_ident(n.nspname) || '.' || quote_ident(c.relname))) IS NOT TRUE
  OR c.relispartition AND pg_partition_root(c.oid) IS DISTINCT FROM f.root ORDER BY c.oid LIMIT 1
"""
"""The same for tables that only a filter reads, and all that a plain SELECT of them reads: the first that changed."""


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
        """Both ends, opened where they are not: the source inside the snapshot, the target ready to load."""
        job = self._job
        try:
            if self._target is None:
                end = f"the target {job.target.environment}"
                self._target = connect(job.target, read_only=False, end=end, patience=job.stall_timeout)
                settings = {"lock_timeout": f"{max(1, round(job.stall_timeout * 1000))}ms"}
                if job.suspend_foreign_keys:
                    settings["session_replication_role"] = "replica"
                with translated(job.target.environment):
                    configure(self._target, settings)
            if self._source is None:
                end = f"the source {job.source.environment}"
                self._source = connect(job.source, read_only=True, end=end, patience=job.stall_timeout)
                join(self._source, job.snapshot.token, job.source.environment)
        except BaseException:
            self.close()
            raise
        return self._source, self._target

    def _copy(self, copy: TableCopy, chunk: Chunk) -> Loaded:
        source, target = self._open()
        ledger = Ledger(target)
        target.execute(b"BEGIN")
        if not ledger.claim(self._job.run_id, self._job.fence, str(copy.target.name), chunk):
            before = target.execute(LOADED, [self._job.run_id, chunk.table_id, chunk.number]).fetchall()
            target.execute(b"ROLLBACK")
            rows, size, counts = before[0] if before else (0, 0, "{}")
            return Loaded(chunk.table_id, chunk.number, rows, size, json.loads(counts), fresh=False)
        loaded = Loaded(chunk.table_id, chunk.number, 0, 0, {})
        if isinstance(chunk.bounds.token, Range):
            loaded = self._load(copy, chunk, chunk.bounds.token, source, target)
        ledger.loaded(self._job.run_id, loaded)
        target.execute(b"COMMIT")
        return loaded

    def _load(self, copy: TableCopy, chunk: Chunk, part: Range, source: Connection, target: Connection) -> Loaded:
        format_ = choose(copy, source, target)
        splicer = Splicer(copy, format_) if copy.anonymize and copy.anonymize.masked else None
        limit = MASKED_BYTES if splicer else PLAIN_BYTES
        with self._reading(copy):
            reader = reading(source, copy_out(copy.source, part, copy.where, format_.option))
        writer = CopyIn(target, copy_in(copy.source, copy.into, format_.option))
        writer.put(format_.header)
        rows = size = 0
        header = format_.header
        counts: Counter[str] = Counter()
        while not reader.ended:
            with self._reading(copy):
                block, length = reader.rows(ROWS, limit)
            if block:
                block, header = strip(block, header, format_.trailer), b""
            if not block:
                continue
            rows, size = rows + len(block), size + length
            self._throttle.take(length)
            if splicer:
                data, more = splicer(block)
                counts.update(more)
                writer.put(data)
            else:
                writer.put(b"".join(block))
        writer.put(format_.trailer)
        with self._reading(copy):
            read = reader.finish()
        with self._reading(copy):
            untouched(source, part.leaf, copy.where, self._job.source.environment)
        written = writer.end()
        if not rows == read == written:
            raise TerminalError(f"{read} rows read, {rows} sent, {written} loaded: they must be equal")
        return Loaded(chunk.table_id, chunk.number, rows, size, counts)

    @contextmanager
    def _reading(self, copy: TableCopy) -> Iterator[None]:
        """Errors of the source. A table or column that planning saw and that is not there now has changed under us."""
        where = f"{self._job.source.environment}: {copy.source.name}"
        try:
            with translated(where):
                yield
        except NotFound as error:
            found = changed(where, error.code)
        else:
            return
        raise found from None


def join(source: Connection, snapshot: str, environment: str) -> None:
    """Enter the driver's snapshot."""
    try:
        source.execute(BEGIN)
        source.execute(psycopg.sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
    except (
        psycopg.errors.InvalidParameterValue,
        psycopg.errors.UndefinedObject,
        psycopg.errors.ObjectNotInPrerequisiteState,
    ):
        pass
    else:
        return
    raise ConnectionLost("the snapshot is gone: the session that held it has ended", where=environment) from None


def choose(copy: TableCopy, source: Connection, target: Connection) -> Format:
    """Binary wherever its bytes mean the same on both ends."""
    targets = {column.name: column.type for column in copy.target.columns}
    columns = [kind for column in copy.source.copied for kind in (column.type, targets[column.name])]
    portable = all(isinstance(kind, PgType) and kind.portable for kind in columns)
    recent = min(source.info.server_version, target.info.server_version) >= BINARY_SINCE
    return BinaryFormat() if portable and recent else TextFormat()


def strip(block: list[memoryview], header: bytes, trailer: bytes) -> list[memoryview]:
    """The rows alone: the server sends the header before the first row and the trailer as a message of its own. No row
    looks like the trailer, which is a count of -1 fields."""
    if header:
        block[0] = block[0][len(header) :]
    if len(block[-1]) == len(trailer) and bytes(block[-1]) == trailer:
        del block[-1]
    return [row for row in block[:1] if len(row)] + block[1:] if header else block


def untouched(source: Connection, leaf: Leaf, where: Filter | None, environment: str) -> None:
    """Raises SourceChanged unless the table, and each that its filter reads, is still the one of the snapshot. They cannot
    change afterwards: reading them has locked them against that until our transaction ends."""
    found = source.execute(UNTOUCHED, [sql_name(leaf.name), leaf.oid]).fetchall()
    if not found or not found[0][0]:
        raise changed(f"{environment}: {leaf.name}")
    read = [] if where is None else tables_read(where)
    if read:
        schemas, names = [name.schema for name in read], [name.name for name in read]
        for schema, name in source.execute(TOUCHED, [schemas, names]).fetchall():
            raise changed(f"{environment}: {TableName(schema, name)}, which the filter reads")


def changed(where: str, code: str = "") -> ConnectorError:
    return SourceChanged(
        "the table was truncated, rewritten, altered or replaced after the snapshot was taken",
        where=where,
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
