"""What a live server says about itself.

The identity is the cluster's system identifier with the database's number: one database under two host names, through a
pooler or on a replica of the same cluster has one identity, so that nobody copies a database into itself. A physical
clone has its original's identity too, until it is initialised anew. Where the user may not read the system identifier,
the server's own address and start time take its place.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import Any

import psycopg

from connectors.errors import Busy
from connectors.facts import Server
from connectors.postgresql.session import Connection

IDENTITY = "SELECT (pg_control_system()).system_identifier::text"
ADDRESS = """
SELECT concat_ws('/', inet_server_addr(), current_setting('port'), extract(epoch FROM pg_postmaster_start_time()))
"""
FACTS = """
SELECT current_setting('server_version'), d.oid::bigint, pg_is_in_recovery(), pg_backend_pid(),
  has_database_privilege(d.oid, 'CREATE'),
  coalesce((SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user), false),
  pg_encoding_to_char(d.encoding),
  coalesce((SELECT NOT setting::bool FROM pg_settings WHERE name = 'transaction_read_only'), true)
FROM pg_database d WHERE d.datname = current_database()
"""
TABLES = """
SELECT count(*), count(*) FILTER (WHERE has_table_privilege(c.oid, 'SELECT')),
  count(*) FILTER (WHERE has_table_privilege(c.oid, 'INSERT')),
  count(*) FILTER (WHERE has_table_privilege(c.oid, 'TRUNCATE'))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_dbagent')
"""
SNAPSHOT = "one exported snapshot, shared by all readers (REPEATABLE READ)"


def server(connection: Connection, *, source: bool) -> Server:
    """The facts of the server behind a session. Raises psycopg.Error."""
    version, database, replica, pid, may_create, bypasses, encoding, writes = one(connection, FACTS)
    pooler = pid != connection.info.backend_pid
    tables, selectable, insertable, truncatable = one(connection, TABLES)
    size = attempt(connection, "SELECT pg_database_size(current_database())")
    suspends = not source and attempt(connection, "SET LOCAL session_replication_role = replica") is not None
    if source:
        privileges = [
            (f"read all {tables} tables", selectable == tables),
            ("read past row security", bypasses),
        ]
    else:
        privileges = [
            ("create schemas, the ledger's among them", may_create),
            (f"insert into all {tables} tables", insertable == tables),
            (f"truncate all {tables} tables", truncatable == tables),
            ("switch foreign keys off for our sessions", suspends),
        ]
    system = attempt(connection, IDENTITY) or (one(connection, ADDRESS)[0],)
    notes = []
    if pooler:
        notes.append("reached through a pooler, which keeps a server session for each of ours")
    if encoding == "SQL_ASCII" and source:
        notes.append("the database's encoding is SQL_ASCII: a copy stops at the first text that is not UTF-8")
    if replica and source:
        notes.append("a replica: the primary may cancel long reads (max_standby_streaming_delay)")
    return Server(
        version=f"PostgreSQL {version}",
        identity=f"{system[0]}/{database}",
        snapshot=SNAPSHOT,
        replica=replica,
        writable=writes and not replica,
        pooler=pooler,
        bytes=size[0] if size else 0,
        privileges=tuple(privileges),
        suspends_foreign_keys=suspends,
        notes=tuple(notes),
    )


def one(connection: Connection, query: str) -> tuple[Any, ...]:
    return connection.execute(query.encode()).fetchall()[0]


def attempt(connection: Connection, query: str) -> tuple[Any, ...] | None:
    """The first row, or an empty one; None where the user may not ask. Leaves nothing behind."""
    try:
        with connection.transaction(force_rollback=True):
            cursor = connection.execute(query.encode())
            return cursor.fetchall()[0] if cursor.description else ()
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction):
        return None


def end_sessions(connection: Connection, application: str, timeout: float) -> int:
    """End the sessions of this database whose application name starts so, not ours, and wait until they are gone."""
    found = connection.execute(
        b"SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        b" AND pid <> pg_backend_pid() AND starts_with(application_name, %s)",
        [application],
    ).fetchall()
    pids = [row[0] for row in found]
    if pids:
        wait_gone(connection, pids, timeout)
    return len(pids)


def wait_gone(connection: Connection, pids: list[int], timeout: float) -> None:
    deadline = monotonic() + timeout
    while True:
        connection.execute(b"SELECT pg_stat_clear_snapshot()")
        left = connection.execute(b"SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", [pids]).fetchall()[0][0]
        if not left:
            return
        if monotonic() > deadline:
            raise Busy(f"{left} sessions of an earlier run do not end", todo="see pg_stat_activity on the server")
        sleep(0.05)
