"""A private PostgreSQL server for tests, and a plain client that shares no code with the connector.

The server runs Debian's newest PostgreSQL as an unprivileged user (the system's `postgres`, else `nobody`, when we are
root) on a free port of 127.0.0.1, its data and its socket in a folder of ours. It asks for a password, so that a test
with a wrong one is a real test; it never syncs to disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from connectors.contract import Endpoint, Tls
from connectors.testkit import SampleTable, free_port

if TYPE_CHECKING:
    from typing_extensions import LiteralString

OWNER = "dba"
TYPES = {
    "integer": "bigint",
    "text": "text",
    "decimal": "numeric",
    "date": "date",
    "timestamp": "timestamp",
    "uuid": "uuid",
    "binary": "bytea",
}
CONFIGURATION = """
listen_addresses = '127.0.0.1'
fsync = off
full_page_writes = off
max_connections = 100
max_wal_size = 4GB
log_min_messages = fatal
"""


def identifier(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))


class PostgresServer:
    """`connectors.testkit.TestServer` over one running server; `endpoint` leads to its maintenance database."""

    __test__ = False

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def connect(self, endpoint: Endpoint) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=endpoint.host,
            port=endpoint.port,
            dbname=endpoint.database,
            user=endpoint.user,
            password=endpoint.password,
            application_name="test",
            autocommit=True,
            options="-c datestyle=ISO -c timezone=UTC -c intervalstyle=postgres -c extra_float_digits=3",
        )

    def database(self, name: str) -> Endpoint:
        unique = f"{name}_{secrets.token_hex(4)}"
        self.execute(self.endpoint, f'CREATE DATABASE "{unique}"')
        return replace(self.endpoint, environment=name, database=unique)

    def create(self, endpoint: Endpoint, table: SampleTable, rows: Sequence[Sequence[Any]] = ()) -> None:
        parts = []
        for column, type_ in table.columns.items():
            words = [f'"{column}"', TYPES[type_]]
            if column in table.not_null:
                words.append("NOT NULL")
            if table.references and column in table.references:
                other, key = table.references[column]
                words.append(f'REFERENCES "{other}" ("{key}")')
            parts.append(" ".join(words))
        for word, keys in (("PRIMARY KEY", [table.primary_key] if table.primary_key else []), ("UNIQUE", table.unique)):
            parts += [f"{word} ({', '.join(chr(34) + column + chr(34) for column in key)})" for key in keys]
        self.execute(endpoint, f'CREATE TABLE "{table.name}" ({", ".join(parts)})')
        self.insert(endpoint, table.name, rows)

    def insert(self, endpoint: Endpoint, table: str, rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        fill = sql.SQL("COPY {} FROM STDIN").format(identifier(table))
        with self.connect(endpoint) as connection, connection.cursor() as cursor, cursor.copy(fill) as copy:
            for row in rows:
                copy.write_row(row)

    def read(self, endpoint: Endpoint, table: str) -> list[tuple[Any, ...]]:
        with self.connect(endpoint) as connection:
            return connection.execute(sql.SQL("SELECT * FROM {}").format(identifier(table))).fetchall()

    def rows(self, endpoint: Endpoint, query: str) -> list[tuple[Any, ...]]:
        with self.connect(endpoint) as connection:
            return connection.execute(query.encode()).fetchall()

    def execute(self, endpoint: Endpoint, statement: str) -> None:
        """Again where the server itself was just writing the same row of its catalog: autovacuum does so at any time, in
        `pg_database` too, and then an ALTER gives up (SQLSTATE XX000) where an UPDATE would wait."""
        with self.connect(endpoint) as connection:
            for attempt in range(20):
                try:
                    connection.execute(statement.encode())
                    return
                except psycopg.errors.InternalError_ as problem:
                    if "tuple concurrently updated" not in str(problem) or attempt == 19:
                        raise
                    time.sleep(0.1)

    def digest(self, endpoint: Endpoint, table: str) -> tuple[int, str]:
        """Columns in the order of their names, so that two tables may list them differently."""
        count = total = 0
        with self.connect(endpoint) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(identifier(table)))
            names = sorted(column.name for column in cursor.description or ())
            columns = sql.SQL(", ").join(map(sql.Identifier, names))
            with cursor.copy(sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(columns, identifier(table))) as copy:
                for row in copy:
                    count += 1
                    total += int.from_bytes(hashlib.md5(row, usedforsecurity=False).digest(), "big")
        return count, f"{total % 2**128:032x}"

    def sessions(self, endpoint: Endpoint) -> int:
        with self.connect(endpoint) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'dbagent%'"
            ).fetchone()
        return int(row[0]) if row else 0

    def end_sessions(self, endpoint: Endpoint) -> None:
        """The tool's, as an administrator would."""
        self.execute(
            endpoint,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'dbagent/%'",
        )

    @contextlib.contextmanager
    def churn(self, endpoint: Endpoint, table: str) -> Iterator[Callable[[], int]]:
        """`table` has `id`, `name` and `balance`."""
        stop, committed, failed = threading.Event(), [0], []

        def work() -> None:
            try:
                with self.connect(endpoint) as connection:
                    while not stop.is_set():
                        with connection.transaction():
                            move(connection, identifier(table), committed[0])
                        committed[0] += 1
            except psycopg.Error as error:
                failed.append(error)

        thread = threading.Thread(target=work, name="churn")
        thread.start()
        try:
            yield lambda: committed[0]
        finally:
            stop.set()
            thread.join()
        if failed:
            raise failed[0]


def move(connection: psycopg.Connection[Any], table: sql.Identifier, turn: int) -> None:
    """One transaction of another client: insert, update and delete, balances moved but never made."""

    def run(text: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
        cursor = connection.execute(sql.SQL(text).format(table), values)
        return cursor.fetchall() if cursor.description else []

    def pick() -> int | None:
        found = run("SELECT id FROM {0} WHERE id >= %s ORDER BY id LIMIT 1", secrets.randbelow(1 << 20))
        found = found or run("SELECT id FROM {0} ORDER BY id LIMIT 1")
        return found[0][0] if found else None

    fresh = 1_000_000_000 + turn
    run("INSERT INTO {0} (id, name, balance) VALUES (%s, %s, 0)", fresh, f"churn {turn}")
    giver = pick()
    if giver is None or giver == fresh:
        return
    amount = secrets.randbelow(100)
    run("UPDATE {0} SET balance = balance - %s, name = name || '.' WHERE id = %s", amount, giver)
    run("UPDATE {0} SET balance = balance + %s WHERE id = %s", amount, fresh)
    if turn % 3 == 0:
        gone = run("DELETE FROM {0} WHERE id = %s RETURNING balance", giver)
        run("UPDATE {0} SET balance = balance + %s WHERE id = %s", gone[0][0], fresh)


class PostgresTestkit:
    """`connectors.testkit.Testkit` of this engine."""

    __test__ = False
    engine = "postgresql"

    @contextlib.contextmanager
    def start(self, folder: Path) -> Iterator[PostgresServer]:
        user = unprivileged()
        if user:
            shutil.chown(folder, user)
        password, port, data = secrets.token_urlsafe(16), free_port(), folder / "data"
        secret = folder / "password"
        secret.write_text(password)
        if user:
            shutil.chown(secret, user)
        initdb = ["initdb", "-D", str(data), "-U", OWNER, "-A", "scram-sha-256", f"--pwfile={secret}"]
        run([*initdb, "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"], user)
        secret.unlink()
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"{CONFIGURATION}port = {port}\nunix_socket_directories = '{folder}'\n")
        run(["pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-w", "start"], user)
        try:
            yield PostgresServer(
                Endpoint("test", "postgresql", "postgres", "127.0.0.1", port, OWNER, password, Tls("disable"))
            )
        finally:
            run(["pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop"], user)
            shutil.rmtree(data)


def unprivileged() -> str | None:
    """Whom the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def run(command: list[str], user: str | None) -> None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    program = shutil.which(command[0], path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")]))
    if program is None:
        raise FileNotFoundError(f"{command[0]}: install Debian's package postgresql")
    group = pwd.getpwnam(user).pw_gid if user else None
    done = subprocess.run(
        [program, *command[1:]],
        user=user,
        group=group,
        extra_groups=[] if user else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.decode(errors='replace')}")


testkit = PostgresTestkit()
