"""The driver's side of a source: it reads what planning needs and holds nothing between its questions.

The snapshot of a copy is the one read transaction of the task (transfer.py). Each question here is a transaction of its own
and a short one: in a rollback journal every reader keeps the database's own writers waiting.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.contract import Bounds, Endpoint, Filter, Snapshot
from connectors.errors import ConnectionLost, ConnectorError, TerminalError
from connectors.facts import Server
from connectors.objects import Objects
from connectors.schema import Schema, Table, quoted
from connectors.sqlite.errors import translated
from connectors.sqlite.filters import condition, local_time, pinned, scanned
from connectors.sqlite.objects import read_objects
from connectors.sqlite.samples import sample
from connectors.sqlite.schema import detail, read_schema
from connectors.sqlite.session import Session, file, identity, open_source, place
from connectors.sqlite.sizes import split

if TYPE_CHECKING:
    import pyarrow as pa

EXACT = "exact: one read transaction, held by the task that copies; every table shows the same moment"
BLOCKS = "its journal mode is '{mode}': writers of the source wait for a copy to end; set PRAGMA journal_mode = WAL"
GROWS = (
    "its log (WAL) grows while a copy reads, by what its writers change meanwhile;"
    " where it was closed, an empty log stays beside it"
)


def describe(session: Session, endpoint: Endpoint, *, source: bool) -> Server:
    """What there is to say about a file, whichever end it is."""
    path = file(endpoint)
    mode = str(session.value("PRAGMA journal_mode")).lower()
    writable = os.access(path.parent, os.W_OK) and (os.access(path, os.W_OK) or not path.exists())
    return Server(
        version=sqlite3.sqlite_version,
        identity=identity(path),
        snapshot=EXACT,
        writable=writable,
        bytes=session.value("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"),
        privileges=(("read the file", True), ("write to the file and to its folder", writable)),
        ignores_case="ascii",
        suspends_foreign_keys=True,
        notes=(GROWS if mode == "wal" else BLOCKS.format(mode=mode),) if source else (),
    )


class SqliteSource:
    """`connectors.contract.SourceSession` of one file."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._session = Session(open_source(endpoint), place(endpoint))
        self.server = describe(self._session, endpoint, source=True)
        self._moment = str(self._session.value("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"))
        self.snapshot = Snapshot(self.server.identity, f"read transaction {secrets.token_hex(4)}", EXACT)

    def schema(self) -> Schema:
        return read_schema(self._session)

    def objects(self) -> Objects:
        return read_objects(self._session)

    def pinned(self, where: Filter) -> Filter:
        return pinned(where, self._moment)

    def explain_filter(self, table: Table, where: Filter) -> None:
        modifier = local_time(where)
        if modifier:
            raise TerminalError(
                f"'{modifier}' depends on the time zone of the machine that reads",
                where=str(table.name),
                todo="shift by a number of hours: datetime('now', '+2 hours')",
            )
        bound = condition(self.pinned(where), "main")
        refused = None
        try:
            self._session.rows(f"EXPLAIN SELECT 1 FROM {quoted(table.name.name)} WHERE {bound.sql}", bound.values)
        except ConnectorError as error:
            refused = error
        if refused and not refused.retryable:
            what = "SQLite does not accept this filter" if type(refused) is TerminalError else refused.what
            raise TerminalError(what, where=str(table.name), todo="write it in SQLite's own SQL", code=refused.code)
        if refused:
            raise refused

    def bounds(self, table: Table, where: Filter | None, budget: int) -> list[Bounds]:
        length = max(1, table.bytes // table.rows) if table.rows else 1
        filtered = scanned(condition(where, "main")) if where is not None else condition(None, "main")
        with self._session.transaction("BEGIN"), translated(str(table.name)):
            return split(self._session, table.name.name, detail(table).addressing, filtered, budget, length)

    def sample(self, table: Table, columns: Sequence[str], rows: int) -> pa.RecordBatch:
        with self._session.transaction("BEGIN"), translated(str(table.name)):
            return sample(self._session, table, columns, rows)

    def check_alive(self) -> None:
        if identity(file(self._endpoint)) != self.server.identity:
            raise ConnectionLost("the file was replaced by another one", where=place(self._endpoint))

    def end_sessions(self, application: str) -> int:
        """A file has no sessions; the end of a task's process ends its transaction."""
        return 0

    def close(self) -> None:
        self._session.close()
