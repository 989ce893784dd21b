"""The two ends of a chunk's way, inside a task: how they are opened, and what each of them makes sure of.

source   in the driver's snapshot; still the same table when its rows are read
target   ready to load; a chunk's transaction begins with the claim, so that nothing is loaded twice
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg
import pyarrow as pa

from connectors.arrays import shortened
from connectors.contract import Chunk, Filter, Loaded, TableCopy, TransferJob
from connectors.errors import ConnectionLost, ConnectorError, NotFound, SourceChanged, TerminalError, Unsupported
from connectors.postgresql.errors import translated
from connectors.postgresql.ledger import Ledger
from connectors.postgresql.raw import copy_out as opened
from connectors.postgresql.session import Connection, configure, connect
from connectors.postgresql.source import BEGIN
from connectors.postgresql.splice import Format
from connectors.postgresql.statements import Leaf, Range, copy_out, sql_name, tables_read
from connectors.postgresql.types import PgType
from connectors.schema import Column, TableName

ROWS = 16_384
"""A block's, at most."""
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

CENTS = b"""
SELECT scale(0::money::numeric)
FROM set_config('lc_monetary', (SELECT reset_val FROM pg_settings WHERE name = 'lc_monetary'), true)
"""
"""How many digits behind the point an amount of money has in this database: its locale says so, no type does."""


def open_target(job: TransferJob) -> Connection:
    """A session ready to load."""
    end = f"the target {job.target.environment}"
    target = connect(job.target, read_only=False, end=end, patience=job.stall_timeout)
    settings = {"session_replication_role": "replica"} if job.suspend_foreign_keys else {}
    try:
        with translated(job.target.environment):
            configure(target, settings)
    except BaseException:
        target.close()
        raise
    return target


def open_source(job: TransferJob) -> Connection:
    """A session inside the snapshot."""
    end = f"the source {job.source.environment}"
    source = connect(job.source, read_only=True, end=end, patience=job.stall_timeout)
    try:
        join(source, job.snapshot.token, job.source.environment)
    except BaseException:
        source.close()
        raise
    return source


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


def count_cents(connection: Connection, columns: Iterable[Column]) -> None:
    """Between engines an amount of money is a number with two digits behind the point. Raises Unsupported where the
    database counts otherwise. A session of ours has another locale: what it reads or loads is the same everywhere."""
    found = [column.name for column in columns if isinstance(column.type, PgType) and column.type.base == "money"]
    if found and connection.execute(CENTS).fetchall()[0][0] != 2:
        raise Unsupported(
            f"column {found[0]} is of type money, and this database's lc_monetary has not two digits behind the point",
            todo="make it numeric, or leave the column out (`column_mappings`)",
        )


def claim(target: Connection, job: TransferJob, chunk: Chunk) -> Loaded | None:
    """Begin the chunk's transaction. What an earlier one has loaded, where the ledger has the chunk already; then the
    transaction is over."""
    target.execute(b"BEGIN")
    if Ledger(target).claim(job.run_id, job.fence, str(job.tables[chunk.table_id].target.name), chunk):
        return None
    before = target.execute(LOADED, [job.run_id, chunk.table_id, chunk.number]).fetchall()
    target.execute(b"ROLLBACK")
    rows, size, counts = before[0] if before else (0, 0, "{}")
    return Loaded(chunk.table_id, chunk.number, rows, size, json.loads(counts), fresh=False)


def commit(target: Connection, job: TransferJob, loaded: Loaded) -> None:
    """The ledger row says what is loaded, and the chunk's transaction ends."""
    Ledger(target).loaded(job.run_id, loaded)
    target.execute(b"COMMIT")


@contextmanager
def reading(job: TransferJob, copy: TableCopy) -> Iterator[None]:
    """Errors of the source. A table or column that planning saw and that is not there now has changed under us."""
    where = f"{job.source.environment}: {copy.source.name}"
    try:
        with translated(where):
            yield
    except NotFound as error:
        found = changed(where, error.code)
    else:
        return
    raise found from None


def blocks(
    job: TransferJob, copy: TableCopy, chunk: Chunk, source: Connection, selected: str, format_: Format, limit: int
) -> Iterator[pa.BinaryArray]:
    """The chunk's rows, a string each, in blocks of about `limit` bytes, none of them empty. After the last it is certain
    that they are all, and the snapshot's."""
    part = chunk.bounds.token
    if not isinstance(part, Range):
        return
    with reading(job, copy):
        out = opened(source, copy_out(copy.source, selected, part, copy.where, format_.option))
    rows, header = 0, format_.header
    while not out.ended:
        with reading(job, copy):
            block = out.rows(ROWS, limit)
        if len(block):
            block, header = strip(block, header, format_.trailer), b""
        if len(block):
            rows += len(block)
            yield block
    with reading(job, copy):
        sent = out.finish()
    if rows != sent:
        raise TerminalError(f"{sent} rows were sent, {rows} have arrived: they must be equal")
    with reading(job, copy):
        untouched(source, part.leaf, copy.where, job.source.environment)


def strip(block: pa.BinaryArray, header: bytes, trailer: bytes) -> pa.BinaryArray:
    """The rows alone: the server sends the header before the first row, and the trailer as a message of its own, or right
    behind the header where there are no rows. No row looks like the trailer, which is a count of -1 fields."""
    if header:
        block = shortened(block, len(header))
        block = block if block[0].as_buffer().size else block[1:]
    ended = trailer and len(block) and block[-1].as_buffer().equals(pa.py_buffer(trailer))
    return block[:-1] if ended else block


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
