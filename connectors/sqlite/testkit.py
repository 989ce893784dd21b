"""Files for tests, and a plain client that shares no code with the connector."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from connectors.contract import Endpoint
from connectors.testkit import SampleTable

TYPES = {
    "integer": "INTEGER",
    "text": "TEXT",
    "decimal": "DECIMAL",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "uuid": "UUID",
    "binary": "BLOB",
}


def connect(endpoint: Endpoint) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(endpoint.database, timeout=60, isolation_level=None))


def name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def plain(value: Any) -> Any:
    """What sqlite3 takes: it has no decimals, dates, times or UUIDs."""
    return str(value) if isinstance(value, (Decimal, date, UUID)) else value


class SqliteFolder:
    """`connectors.testkit.TestServer` over a folder of files, which writers may change while they are read (WAL)."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def database(self, name: str) -> Endpoint:
        endpoint = Endpoint(name, "sqlite", str(self.folder / f"{name} {secrets.token_hex(4)}.db"))
        self.execute(endpoint, "PRAGMA journal_mode = WAL")
        return endpoint

    def create(self, endpoint: Endpoint, table: SampleTable, rows: Sequence[Sequence[Any]] = ()) -> None:
        parts = []
        for column, type_ in table.columns.items():
            words = [name(column), TYPES[type_]]
            if column in table.not_null:
                words.append("NOT NULL")
            if table.references and column in table.references:
                other, key = table.references[column]
                words.append(f"REFERENCES {name(other)} ({name(key)})")
            parts.append(" ".join(words))
        for word, keys in (("PRIMARY KEY", [table.primary_key] if table.primary_key else []), ("UNIQUE", table.unique)):
            parts += [f"{word} ({', '.join(map(name, key))})" for key in keys]
        self.execute(endpoint, f"CREATE TABLE {name(table.name)} ({', '.join(parts)})")
        self.insert(endpoint, table.name, rows)

    def insert(self, endpoint: Endpoint, table: str, rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        marks = ", ".join("?" * len(rows[0]))
        with connect(endpoint) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                f"INSERT INTO {name(table)} VALUES ({marks})", ([plain(value) for value in row] for row in rows)
            )
            connection.execute("COMMIT")

    def read(self, endpoint: Endpoint, table: str) -> list[tuple[Any, ...]]:
        return self.rows(endpoint, f"SELECT * FROM {name(table)}")

    def rows(self, endpoint: Endpoint, query: str) -> list[tuple[Any, ...]]:
        with connect(endpoint) as connection:
            return connection.execute(query).fetchall()

    def execute(self, endpoint: Endpoint, statement: str) -> None:
        with connect(endpoint) as connection:
            connection.execute(statement)

    def digest(self, endpoint: Endpoint, table: str) -> tuple[int, str]:
        """Over storage class and bytes, columns in the order of their names."""
        count = total = 0
        with connect(endpoint) as connection:
            connection.text_factory = bytes
            names = sorted(
                column[0] for column in connection.execute(f"SELECT * FROM {name(table)} LIMIT 0").description
            )
            exact = ", ".join(f"typeof({name(c)}), CASE typeof({name(c)}) WHEN 'real' THEN quote({name(c)})"
                              f" ELSE CAST({name(c)} AS BLOB) END" for c in names)  # fmt: skip
            for row in connection.execute(f"SELECT {exact} FROM {name(table)}"):
                count += 1
                total += int.from_bytes(hashlib.md5(repr(row).encode(), usedforsecurity=False).digest(), "big")
        return count, f"{total % 2**128:032x}"

    def sessions(self, endpoint: Endpoint) -> int:
        return 0

    @contextlib.contextmanager
    def churn(self, endpoint: Endpoint, table: str) -> Iterator[Callable[[], int]]:
        """`table` has `id`, `name` and `balance`. The other client is another process, as locks of files need it."""
        progress = self.folder / f"churn {secrets.token_hex(4)}"
        progress.write_text("0")
        command = [sys.executable, "-m", __name__, endpoint.database, table, str(progress)]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            try:
                while progress.read_text() == "0" and process.poll() is None:
                    time.sleep(0.01)
                yield lambda: next(int(text) for text in iter(progress.read_text, None) if text)
            finally:
                process.communicate()  # the end of its standard input ends it
        if process.returncode:
            raise RuntimeError("the other client failed")


def churn(database: str, table: str, progress: Path) -> None:
    """Commit `move` after `move` until standard input ends; say how many in the file `progress`."""
    import select

    turn = 0
    with connect(Endpoint("", "", database)) as connection:
        connection.execute("PRAGMA busy_timeout = 50")
        while not select.select([sys.stdin], [], [], 0)[0]:
            try:
                connection.execute("BEGIN IMMEDIATE")
                move(connection, name(table), turn)
                connection.execute("COMMIT")
            except sqlite3.OperationalError:  # in a rollback journal readers keep writers out
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                continue
            turn += 1
            progress.write_text(str(turn))


def move(connection: sqlite3.Connection, table: str, turn: int) -> None:
    """One transaction of another client: insert, update and delete, balances moved but never made."""

    def pick() -> int:
        query = f"SELECT id FROM {table} WHERE id >= ? ORDER BY id LIMIT 1"
        found = connection.execute(query, (secrets.randbelow(1 << 20),)).fetchone()
        return int((found or connection.execute(query, (-1 << 62,)).fetchone())[0])

    fresh = 1_000_000_000 + turn
    connection.execute(f"INSERT INTO {table} (id, name, balance) VALUES (?, ?, 0)", (fresh, f"churn {turn}"))
    giver = pick()
    if giver == fresh:
        return
    amount = secrets.randbelow(100)
    change = f"UPDATE {table} SET balance = balance + ?, name = name || '.' WHERE id = ?"
    connection.execute(change, (-amount, giver))
    connection.execute(change, (amount, fresh))
    if turn % 3 == 0:
        [(left,)] = connection.execute(f"SELECT balance FROM {table} WHERE id = ?", (giver,)).fetchall()
        connection.execute(f"DELETE FROM {table} WHERE id = ?", (giver,))
        connection.execute(change, (left, fresh))


class SqliteTestkit:
    """`connectors.testkit.Testkit` of this engine."""

    __test__ = False
    engine = "sqlite"

    @contextlib.contextmanager
    def start(self, folder: Path) -> Iterator[SqliteFolder]:
        yield SqliteFolder(folder)


testkit = SqliteTestkit()

if __name__ == "__main__":
    churn(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
