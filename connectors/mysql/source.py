"""The driver's session on a source: it reads what planning needs, splits tables, and holds nothing between its questions.

Each reader has a snapshot of its own, so one of the driver would be nobody's; held for the time of a copy it would keep
ALTER TABLE waiting and former rows from being removed. Everything here only reads, and so does the session by default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.contract import Bounds, Endpoint, Filter, Snapshot
from connectors.errors import ConnectorError, PermissionMissing, TerminalError
from connectors.mysql import catalog, probe, ranges, samples
from connectors.mysql.filters import pinned, rendered
from connectors.mysql.objects import objects
from connectors.mysql.session import connect
from connectors.mysql.types import identifier
from connectors.objects import Objects
from connectors.schema import Schema, Table

if TYPE_CHECKING:
    import pyarrow as pa

BEGIN = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
NAMED = 120
"""Characters of a position that a snapshot's name shows."""
FILTERS = {
    "1054": "it names a column that does not exist",
    "1052": "it names a column that more than one of its tables has",
    "1064": "it is not a condition of this server's SQL",
    "1111": "it aggregates outside a sub-query",
    "1142": "it uses a table that our user may not read",
    "1143": "it uses a column that our user may not read",
    "1241": "a sub-query in it has more than one column",
    "1267": "it compares texts of collations that do not go together",
    "1305": "it uses a function that does not exist",
    "1582": "it calls a function with the wrong number of values",
}
"""Error number → what is wrong with a filter."""


class Source:
    """`connectors.contract.SourceSession`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._where = endpoint.environment
        self._session = connect(endpoint, read_only=True, end=f"the source {endpoint.environment}")
        try:
            self.server = probe.server(self._session, source=True)
            with self._session.transaction(BEGIN):
                self._moment = str(self._session.value("SELECT CAST(NOW(6) AS CHAR)"))
                position = probe.position(self._session)
            name = f"from {self._moment} UTC on" + (f", log at {position[:NAMED]}" if position else "")
            self.snapshot = Snapshot(position, name, probe.SNAPSHOT)
        except BaseException:
            self.close()
            raise

    def schema(self) -> Schema:
        return catalog.introspect(self._session)

    def objects(self) -> Objects:
        return objects(self._session)

    def pinned(self, where: Filter) -> Filter:
        return pinned(where, self._moment)

    def explain_filter(self, table: Table, where: Filter) -> None:
        self._readable(table)
        name = identifier(table.name.name)
        refusal: ConnectorError | None = None
        try:
            self._session.rows(f"EXPLAIN SELECT 1 FROM {name} AS {name} WHERE ({rendered(self.pinned(where))})")
        except ConnectorError as error:
            refusal = error
        if refusal is None:
            return
        if refusal.retryable:
            raise refusal
        raise TerminalError(
            f"the database does not accept the filter: {FILTERS.get(refusal.code) or refusal.what}",
            where=str(table.name),
            todo=f"try it on the server: SELECT count(*) FROM {name} WHERE …",
            code=refusal.code,
        )

    def bounds(self, table: Table, where: Filter | None, budget: int) -> list[Bounds]:
        self._readable(table)
        return ranges.split(self._session, table, None if where is None else rendered(where), budget)

    def sample(self, table: Table, columns: Sequence[str], rows: int) -> pa.RecordBatch:
        self._readable(table)
        return samples.read(self._session, table, columns, rows)

    def check_alive(self) -> None:
        self._session.rows("SELECT 1")

    def end_sessions(self, application: str) -> int:
        return probe.end_sessions(self._session, application, timeout=30)

    def close(self) -> None:
        self._session.close()

    def _readable(self, table: Table) -> None:
        if not table.readable:
            raise PermissionMissing(
                "our user may not read every column of the table",
                where=f"{self._where}: {table.name}",
                todo=f"GRANT SELECT ON {identifier(table.name.name)} TO our user",
            )
