"""A private MariaDB server for tests, and a plain client that shares no code with the connector.

The server runs Debian's MariaDB as an unprivileged user (the system's `mysql`, else `nobody`, when we are root) on a free
port of 127.0.0.1, its data and its socket in a folder of ours; the system's own service is left alone. It asks for a
password, so that a test with a wrong one is a real test; it never syncs to disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pymysql
from pymysql.connections import Connection

from connectors.contract import Endpoint, Tls
from connectors.testkit import SampleTable, free_port

OWNER = "dba"
"""Whom the tool logs in as; the plain client is `root`, so that sessions of the tool can be told."""
TYPES = {
    "integer": "bigint",
    "text": "longtext",
    "decimal": "decimal(38,10)",
    "date": "date",
    "timestamp": "datetime(6)",
    "uuid": "uuid",
    "binary": "longblob",
}
KEYED = "varchar(200)"
"""What "text" is in a key with an order: the longer types have none."""
OPTIONS = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--local-infile=1",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_unicode_ci",
    "--max-connections=100",
    "--max-allowed-packet=256M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=128M",
    "--innodb-log-file-size=256M",
    "--innodb-flush-method=nosync",
    "--skip-log-bin",
    "--plugin-maturity=unknown",
)
START_SECONDS = 60.0


def identifier(table: str) -> str:
    return "`" + table.replace("`", "``") + "`"


def plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


def exactly(column: str, type_: str) -> str:
    """The column with all its digits: a FLOAT's text shows six of them. An ENUM by number: its text may be '' twice."""
    exact = {"float": " * 1e0", "enum(": " + 0"}
    return identifier(column) + exact.get(type_[:5], "")


class MariaServer:
    """`connectors.testkit.TestServer` over one running server; `endpoint` is its owner's, `root` the plain client's."""

    __test__ = False

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def connect(self, endpoint: Endpoint) -> Connection[Any]:
        return pymysql.connect(
            host=endpoint.host,
            port=endpoint.port or 3306,
            user="root",
            password=self.endpoint.password or "",
            database=endpoint.database,
            charset="utf8mb4",
            autocommit=True,
            ssl_disabled=True,
            init_command="SET time_zone = '+00:00'",
        )

    def database(self, name: str) -> Endpoint:
        unique = f"{name}_{secrets.token_hex(4)}"
        self.execute(self.endpoint, f"CREATE DATABASE {identifier(unique)}")
        return replace(self.endpoint, environment=name, database=unique)

    def create(self, endpoint: Endpoint, table: SampleTable, rows: Sequence[Sequence[Any]] = ()) -> None:
        parts, references = [], table.references or {}
        keyed = {*table.primary_key, *references}
        for column, type_ in table.columns.items():
            words = [identifier(column), KEYED if type_ == "text" and column in keyed else TYPES[type_]]
            if column in table.not_null:
                words.append("NOT NULL")
            parts.append(" ".join(words))
        for word, found in (
            ("PRIMARY KEY", [table.primary_key] if table.primary_key else []),
            ("UNIQUE", table.unique),
        ):
            parts += [f"{word} ({', '.join(map(identifier, key))})" for key in found]
        for column, (other, key) in references.items():
            parts.append(f"FOREIGN KEY ({identifier(column)}) REFERENCES {identifier(other)} ({identifier(key)})")
        self.execute(endpoint, f"CREATE TABLE {identifier(table.name)} ({', '.join(parts)})")
        self.insert(endpoint, table.name, rows)

    def insert(self, endpoint: Endpoint, table: str, rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        marks = ", ".join(["%s"] * len(rows[0]))
        with self.connect(endpoint) as connection, connection.cursor() as cursor:
            cursor.execute("START TRANSACTION")
            insert = f"INSERT INTO {identifier(table).replace('%', '%%')} VALUES ({marks})"
            cursor.executemany(insert, [tuple(plain(value) for value in row) for row in rows])
            cursor.execute("COMMIT")
            cursor.execute(f"ANALYZE TABLE {identifier(table)}")  # the server would do so some seconds later

    def read(self, endpoint: Endpoint, table: str) -> list[tuple[Any, ...]]:
        return self.rows(endpoint, f"SELECT * FROM {identifier(table)}")

    def rows(self, endpoint: Endpoint, query: str) -> list[tuple[Any, ...]]:
        with self.connect(endpoint) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def execute(self, endpoint: Endpoint, statement: str) -> None:
        self.rows(endpoint, statement)

    def digest(self, endpoint: Endpoint, table: str) -> tuple[int, str]:
        """Over the bytes of each column's text, those of hidden columns too, columns in the order of their names."""
        count = total = 0
        types = {name: type_ for name, type_, *_ in self.rows(endpoint, f"SHOW COLUMNS FROM {identifier(table)}")}
        exact = ", ".join(f"HEX(CONCAT({exactly(name, types[name])}))" for name in sorted(types))
        for row in self.rows(endpoint, f"SELECT {exact} FROM {identifier(table)}"):
            count += 1
            total += int.from_bytes(hashlib.md5(repr(row).encode(), usedforsecurity=False).digest(), "big")
        return count, f"{total % 2**128:032x}"

    def sessions(self, endpoint: Endpoint) -> int:
        query = "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND user <> 'root'"
        return int(self.rows(endpoint, query)[0][0])

    def end_sessions(self, endpoint: Endpoint) -> None:
        """The tool's, as an administrator would."""
        query = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND user <> 'root'"
        for (number,) in self.rows(endpoint, query):
            with contextlib.suppress(pymysql.OperationalError):  # it has just ended
                self.execute(endpoint, f"KILL {number}")

    @contextlib.contextmanager
    def churn(self, endpoint: Endpoint, table: str) -> Iterator[Callable[[], int]]:
        """`table` has `id`, `name` and `balance`."""
        stop, committed, failed = threading.Event(), [0], []

        def work() -> None:
            try:
                with self.connect(endpoint) as connection:
                    while not stop.is_set():
                        move(connection, identifier(table), committed[0])
                        committed[0] += 1
            except pymysql.Error as error:
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


def move(connection: Connection[Any], table: str, turn: int) -> None:
    """One transaction of another client: insert, update and delete, balances moved but never made."""

    def run(text: str, *values: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(text.format(table), values)
            return list(cursor.fetchall())

    fresh = 1_000_000_000 + turn
    run("START TRANSACTION")
    run("INSERT INTO {0} (id, name, balance) VALUES (%s, %s, 0)", fresh, f"churn {turn}")
    giver = run("SELECT id FROM {0} WHERE id >= %s ORDER BY id LIMIT 1", secrets.randbelow(1 << 20))[0][0]
    if giver != fresh:
        amount = secrets.randbelow(100)
        run("UPDATE {0} SET balance = balance - %s, name = concat(name, '.') WHERE id = %s", amount, giver)
        run("UPDATE {0} SET balance = balance + %s WHERE id = %s", amount, fresh)
        if turn % 3 == 0:
            [(left,)] = run("SELECT balance FROM {0} WHERE id = %s", giver)
            run("DELETE FROM {0} WHERE id = %s", giver)
            run("UPDATE {0} SET balance = balance + %s WHERE id = %s", left, fresh)
    run("COMMIT")


class MysqlTestkit:
    """`connectors.testkit.Testkit` of this engine."""

    __test__ = False
    engine = "mysql"

    @contextlib.contextmanager
    def start(self, folder: Path, *options: str) -> Iterator[MariaServer]:
        user = unprivileged()
        if user:
            shutil.chown(folder, user)
        password, port = secrets.token_urlsafe(16), free_port()
        install(folder / "data", user)
        try:
            with served(folder, port, password, *options):
                yield MariaServer(
                    Endpoint("test", "mysql", "mysql", "127.0.0.1", port, OWNER, password, Tls("disable"))
                )
        finally:
            shutil.rmtree(folder / "data", ignore_errors=True)


@contextlib.contextmanager
def served(folder: Path, port: int, password: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server over the files in `folder`, killed at the end: what it has committed is there for the next one."""
    user = unprivileged()
    command = [program("mariadbd"), "--no-defaults", f"--datadir={folder}/data", f"--socket={folder}/s", f"--port={port}",
               f"--pid-file={folder}/pid", *OPTIONS, *options]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **as_user(user))
    try:
        owned(process, folder, password)
        yield process
    finally:
        process.kill()
        process.wait()


def owned(process: subprocess.Popen[bytes], folder: Path, password: str) -> None:
    """Wait until the server answers, then give it its two users."""
    deadline = time.monotonic() + START_SECONDS
    while not listening(folder / "s"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"mariadbd did not start: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.05)
    connection = pymysql.connect(unix_socket=str(folder / "s"), user="root", ssl_disabled=True)
    with connection, connection.cursor() as cursor:
        for user in (OWNER, "root"):
            name = f"'{user}'@'127.0.0.1'"
            cursor.execute(f"CREATE OR REPLACE USER {name} IDENTIFIED BY %s", (password,))
            cursor.execute(f"GRANT ALL ON *.* TO {name} WITH GRANT OPTION")


def listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def install(data: Path, user: str | None) -> None:
    """The files of an empty server. A server that starts removes every other one's temporary files from a shared folder."""
    command = [program("mariadb-install-db"), "--no-defaults", f"--datadir={data}", f"--tmpdir={data.parent}", "--skip-test-db",
               "--auth-root-authentication-method=normal", "--skip-name-resolve"]  # fmt: skip
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        **as_user(user),
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.decode(errors='replace')}")


def as_user(user: str | None) -> dict[str, Any]:
    if user is None:
        return {"cwd": "/"}
    return {"cwd": "/", "user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def unprivileged() -> str | None:
    """Whom the server runs as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("mysql", "nobody") if name in known)


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise FileNotFoundError(f"{name}: install Debian's package mariadb-server")
    return found


testkit = MysqlTestkit()
