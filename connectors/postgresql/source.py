"""The driver's session on a source: holds the snapshot, reads the catalog inside it, splits tables.

Everything here only reads: the transaction is READ ONLY and so is the session's default.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import psycopg

from connectors.contract import Bounds, Endpoint, Filter, Snapshot
from connectors.errors import ConnectionLost, ConnectorError, PermissionMissing, TerminalError
from connectors.objects import Objects
from connectors.postgresql import catalog, objects, probe, samples
from connectors.postgresql.errors import translate, translated
from connectors.postgresql.filters import hidden_clock, pinned
from connectors.postgresql.session import close, connect
from connectors.postgresql.statements import Leaf, Range, rendered, sql_name
from connectors.schema import Schema, Table, quoted

if TYPE_CHECKING:
    import pyarrow as pa

BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
MOMENT = b"SELECT now()::text, current_date::text"
SPLITS = 140_000
"""The first version that reads a range of pages without reading the whole table."""
FILTERS = {
    "22": "a value in it has not the form or size of the type it is used as",
    "42501": "it uses a table or function that our user may not use",
    "42601": "it is not a condition of PostgreSQL's SQL",
    "42703": "it names a column that does not exist",
    "42702": "it names a column that more than one of its tables has",
    "42803": "it aggregates outside a sub-query",
    "42804": "its types do not go together, or it is neither true nor false",
    "42883": "it uses a function or operator that does not exist for these types (cast one side)",
    "42P18": "a type in it cannot be told",
}
"""SQLSTATE or its class → what is wrong with a filter."""


class Source:
    """`connectors.contract.SourceSession`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._where = endpoint.environment
        self._connection = connect(endpoint, read_only=True, end=f"the source {endpoint.environment}")
        try:
            with translated(self._where):
                self._connection.execute(BEGIN)
                name = self._connection.execute(b"SELECT pg_export_snapshot()").fetchall()[0][0]
                self.snapshot = Snapshot(name, name, probe.SNAPSHOT)
                [self._moment] = self._connection.execute(MOMENT).fetchall()
                self.server = probe.server(self._connection, source=True)
        except BaseException:
            self.close()
            raise

    def schema(self) -> Schema:
        with translated(self._where):
            return catalog.introspect(self._connection)

    def objects(self) -> Objects:
        with translated(self._where):
            return objects.read(self._connection)

    def pinned(self, where: Filter) -> Filter:
        return pinned(where, *self._moment)

    def explain_filter(self, table: Table, where: Filter) -> None:
        self._readable(table)
        word = hidden_clock(where)
        if word:
            raise TerminalError(
                f"'{word}' in it may be a moment of the clock, and that differs from chunk to chunk",
                where=str(table.name),
                todo=f"write now() or CURRENT_DATE, or, where it is a plain text, '{word}'::text",
            )
        only = "" if catalog.detail(table).partitioned else "ONLY "
        query = f"SELECT FROM {only}{sql_name(table.name)} AS {quoted(table.name.name)} WHERE ({rendered(self.pinned(where))})"
        refusal: ConnectorError | None = None
        try:
            with self._connection.transaction(force_rollback=True):
                self._connection.execute(f"EXPLAIN {query}".encode())
        except psycopg.Error as error:
            refusal = translate(error, f"filter of {table.name}")
        if refusal is None:
            return
        if refusal.retryable:
            raise refusal
        reason = FILTERS.get(refusal.code) or FILTERS.get(refusal.code[:2]) or refusal.what
        raise TerminalError(
            f"the database does not accept the filter: {reason}",
            where=str(table.name),
            todo=f"try it with psql: SELECT count(*) FROM {sql_name(table.name)} WHERE …",
            code=refusal.code,
        )

    def bounds(self, table: Table, where: Filter | None, budget: int) -> list[Bounds]:
        """One bound at least, also for an empty table. Pages come in equal parts of the table's whole size, long values
        included; where pages cannot be read by range, each leaf is one part."""
        self._readable(table)
        splits = self._connection.info.server_version >= SPLITS
        return [part for leaf in catalog.detail(table).leaves for part in parts(leaf, budget if splits else None)] or [
            Bounds(None, 0, 0)
        ]

    def sample(self, table: Table, columns: Sequence[str], rows: int) -> pa.RecordBatch:
        self._readable(table)
        with translated(f"the sample of {table.name}"):
            return samples.read(self._connection, table, columns, rows)

    def check_alive(self) -> None:
        with translated(self._where):
            self._connection.execute(b"SELECT 1")
        if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.INTRANS:
            raise ConnectionLost("the snapshot is gone", where=self._where)

    def end_sessions(self, application: str) -> int:
        with translated(self._where):
            return probe.end_sessions(self._connection, application, timeout=30)

    def close(self) -> None:
        close(self._connection)

    def _readable(self, table: Table) -> None:
        for name in catalog.detail(table).unreadable:
            raise PermissionMissing(
                "our user may not read this table",
                where=f"{self._where}: {name}",
                todo=f"GRANT SELECT ON {sql_name(name)} (and USAGE on its schema) to the environment's user",
            )


def parts(leaf: Leaf, budget: int | None) -> list[Bounds]:
    """A leaf's pages, in order, first and last open-ended so that no page is left out whatever the table's size is."""
    count = 1 if budget is None else max(1, min(ceil(leaf.bytes / max(budget, 1)), leaf.blocks))
    edges = [round(leaf.blocks * part / count) for part in range(1, count)]
    return [
        Bounds(Range(leaf, low, high), leaf.rows // count, leaf.bytes // count)
        for low, high in zip([None, *edges], [*edges, None], strict=True)
    ]
