"""The ledger in a schema of its own, on a session."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from connectors.contract import RunRecord
from connectors.ledger import Dialect, SqlLedger
from connectors.postgresql.errors import translated
from connectors.postgresql.probe import end_sessions
from connectors.postgresql.session import Connection

LEDGER = Dialect("_dbagent.", "%s", "extract(epoch FROM clock_timestamp())::float8", " FOR KEY SHARE", " FOR UPDATE")
CREATE_SCHEMA = "CREATE SCHEMA IF NOT EXISTS _dbagent"
MISSING = "SELECT to_regnamespace('_dbagent') IS NULL, to_regclass('_dbagent.steps') IS NULL"
LEDGER_PRIVILEGES = """
SELECT n.oid IS NOT NULL, has_database_privilege(current_database(), 'CREATE'),
  coalesce(has_schema_privilege(n.oid, 'USAGE') AND (SELECT bool_and(has_table_privilege(c.oid, p.name))
    FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p (name)
    WHERE c.relnamespace = n.oid AND c.relname IN ('leases', 'runs', 'tables', 'chunks', 'steps')), true),
  coalesce(has_schema_privilege(n.oid, 'CREATE'), true), quote_ident(current_user), quote_ident(current_database())
FROM (SELECT to_regnamespace('_dbagent')::oid) n (oid)
"""
LEDGER_LOCK = 7_234_872_010_561
"""Key of the advisory lock under which the bookkeeping tables are made: two drivers may start at once."""


class LedgerSql:
    """`connectors.ledger.Sql` over a session."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        with translated("the ledger (schema _dbagent)"):
            return self._connection.execute(statement.encode(), values or None).rowcount

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with translated("the ledger (schema _dbagent)"):
            return self._connection.execute(statement.encode(), values or None).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with translated("the ledger (schema _dbagent)"), self._connection.transaction():
            yield


class Ledger(SqlLedger):
    """The ledger in a schema of its own."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(LedgerSql(connection), LEDGER)
        self._connection = connection

    def obstacles(self) -> list[str]:
        [(there, may_make, may_use, may_stage, user, database)] = self._sql.rows(LEDGER_PRIVILEGES)
        if not there and not may_make:
            return [f"our user may not make the ledger's schema: GRANT CREATE ON DATABASE {database} TO {user}"]
        if there and not (may_use and may_stage):
            return [
                "our user may not use the ledger, which another user made: GRANT USAGE, CREATE ON SCHEMA _dbagent"
                f" TO {user}; GRANT ALL ON ALL TABLES IN SCHEMA _dbagent TO {user}"
            ]
        return []

    def acquire(self, run: RunRecord, targets: Sequence[str], holder: str, alive: Callable[[str], bool],
                cancelled: str | None = None, *, inherits: bool = True) -> int:  # fmt: skip
        """A task that hangs keeps its hold on the lease although its driver is gone: its sessions are ended first."""
        for former in self.superseded(targets, holder, alive):
            with translated("the ledger (schema _dbagent)"):
                end_sessions(self._connection, f"dbagent/{former.run_id}/{former.fence}/", timeout=30)
        return super().acquire(run, targets, holder, alive, cancelled, inherits=inherits)

    def create(self) -> None:
        with self._sql.transaction():
            self._sql.rows("SELECT pg_advisory_xact_lock(%s)", (LEDGER_LOCK,))
            [(no_schema, no_steps)] = self._sql.rows(MISSING)
            if no_schema:
                self._sql.run(CREATE_SCHEMA)
            if no_steps:  # the youngest table: versions before it had none
                super().create()
