"""Sessions: how we connect, what we set, how long we wait.

Every wait of a session is bounded by its `patience`, so that a server that stops answering ends a chunk instead of
holding the other end for ever. libpq calls made here are non-blocking; nothing needs a watching thread.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from connectors.contract import Endpoint
from connectors.errors import ConnectionLost, LoginRefused, Unsupported
from connectors.postgresql import pooler
from connectors.postgresql.errors import refused, translated

OLDEST = 120000
"""The first server version with everything the catalog queries name (generated columns, collation facts)."""

CONNECT = {
    "connect_timeout": "10",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "gssencmode": "disable",
}
"""Our end notices within a minute or so that the server is gone, and so does the server that we are (SETTINGS): its usual
two hours would keep a snapshot open on a source, and a dead task's hold on the lease from the driver that takes over."""
NOWHERE = "/dev/null/none"
"""Where libpq finds no password file: a password comes from the environment's settings or there is none."""
SETTINGS = {
    "client_encoding": "UTF8",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "extra_float_digits": "3",
    "timezone": "UTC",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "default_transaction_isolation": "read committed",
}
READING = {"default_transaction_read_only": "on", "row_security": "off", "lock_timeout": "60s"}
WRITING = {"row_security": "off", "lock_timeout": "20s"}
"""A lock that is waited for keeps everybody else waiting behind it: the driver asks again and again, and says who holds it."""

DRIVER_PATIENCE = 24 * 3600.0
"""Statements of a driver's own session may take long (a truncate that waits, an anti-join); tasks set their own."""

POOLER_PATIENCE = 5.0
"""A session that asks whether a pooler shares ours; in a pool that is used up it would wait for ever."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A driver connection that gives up a wait after `patience` seconds without an answer."""

    patience = DRIVER_PATIENCE
    end = "the server"

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        return super().wait(self._bounded(gen), *args, **options)

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        deadline = time.monotonic() + self.patience
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if time.monotonic() > deadline:
                    raise self.stalled()
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value

    def stalled(self) -> ConnectionLost:
        return ConnectionLost(
            f"{self.end} made no progress for {self.patience:g} s",
            todo="see what its sessions wait for in pg_stat_activity",
        )


def connect(
    endpoint: Endpoint, *, read_only: bool, end: str = "the server", patience: float = DRIVER_PATIENCE
) -> Connection:
    """A session with our settings, in autocommit. Raises ConnectorError."""
    where = f"{endpoint.environment} ({place(endpoint)})"
    connection = plain(endpoint, end, patience)
    try:
        with translated(where):
            if connection.info.server_version < OLDEST:
                raise Unsupported("the server is older than PostgreSQL 12")
            pooler.refuse_shared(connection, lambda: plain(endpoint, end, POOLER_PATIENCE))
            configure(connection, SETTINGS | (READING if read_only else WRITING))
    except BaseException:
        connection.close()
        raise
    return connection


def plain(endpoint: Endpoint, end: str, patience: float) -> Connection:
    """A connection on which nothing is set yet."""
    found = None
    try:
        connection = Connection.connect(autocommit=True, prepare_threshold=None, **parameters(endpoint))
    except psycopg.Error as error:
        found = refused(error, f"{endpoint.environment} ({place(endpoint)})")
    if found:
        raise found from None
    connection.patience, connection.end = patience, end
    return connection


def place(endpoint: Endpoint) -> str:
    user = f"{endpoint.user}@" if endpoint.user else ""
    if endpoint.host is None or endpoint.host.startswith("/"):
        return f"{user}socket {endpoint.host or 'of this machine'}, database {endpoint.database}"
    return f"{user}{endpoint.host}:{endpoint.port or 5432}, database {endpoint.database}"


def parameters(endpoint: Endpoint) -> dict[str, Any]:
    """libpq's connection parameters of an endpoint."""
    given = {
        "host": endpoint.host,
        "port": endpoint.port or 5432,
        "dbname": endpoint.database,
        "user": endpoint.user,
        "password": endpoint.password or "",
        "passfile": NOWHERE,
        "application_name": endpoint.application,
    }
    found: dict[str, Any] = CONNECT | {name: value for name, value in given.items() if value is not None}
    if endpoint.host is None or endpoint.host.startswith("/"):
        return found | {"sslmode": "disable"} | dict(endpoint.options)
    found["sslmode"] = endpoint.tls.mode
    if endpoint.tls.mode.startswith("verify"):
        found["sslrootcert"] = endpoint.tls.ca or authorities(endpoint.environment)
    return found | dict(endpoint.options)


def authorities(environment: str) -> str:
    """The system's own certificate authorities, as a file: the driver's libpq does not know where they are."""
    paths = ssl.get_default_verify_paths()
    usual = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
    for path in (paths.cafile, paths.openssl_cafile, *usual):
        if path and Path(path).is_file():
            return path
    raise LoginRefused(
        "TLS cannot be verified: this machine has no certificate authorities",
        where=environment,
        todo="name the server's authority: tls: {mode: verify-full, ca: FILE}",
    )


def configure(connection: Connection, settings: dict[str, str]) -> None:
    """Set each setting this server knows: some came with later versions."""
    connection.execute(
        "SELECT set_config(s.name, w.value, false) FROM unnest(%s::text[], %s::text[]) w (name, value)"
        " JOIN pg_settings s ON lower(s.name) = w.name",
        [list(settings), list(settings.values())],
    )


def relation(schema: str | None, name: str) -> sql.Identifier:
    return sql.Identifier(schema, name) if schema else sql.Identifier(name)


def close(connection: Connection) -> None:
    """Leave a connection in whatever state it is, ending what it still does on the server."""
    if connection.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
        with contextlib.suppress(psycopg.Error):
            connection.cancel_safe(timeout=5)
    connection.close()
