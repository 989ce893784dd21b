"""Sessions: how a file is opened, what is set, how long we wait, and the adapter the ledger runs on."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from connectors.contract import Endpoint
from connectors.errors import Busy, Locked, NotFound, PermissionMissing, Unsupported
from connectors.ledger import Dialect
from connectors.sqlite.errors import translated
from connectors.sqlite.locks import holders

PATIENCE = 60.0
"""Seconds a session waits for another program's lock. A chunk's transaction takes a few."""
OLDEST = (3, 37, 0)
"""The first SQLite that lists tables with their kind, and knows STRICT."""
BREATH, TURN = 4.0, 0.12
"""Seconds of work between two turns for other writers, and how long a turn is (the busy handler looks every 0.1 s)."""
LEDGER = Dialect("main._dbagent_", "?", "(julianday('now') - 2440587.5) * 86400.0")

CACHE = "-16384"
"""16 MiB per file: enough for the upper pages of every index in use, whatever the size of the table."""
SETTINGS = ("temp_store = MEMORY",)
"""Sorting and statement journals stay in memory: rows that are not masked yet never reach the disk. (`trusted_schema = OFF`
would make files unreadable whose CHECKs or indexes use JSON, and keep out nothing: SQLite itself lets no schema call what
is dangerous.)"""


def place(endpoint: Endpoint) -> str:
    return f"{endpoint.environment} ({endpoint.database})"


def file(endpoint: Endpoint) -> Path:
    """The file itself, links resolved, whether it is there or not."""
    return Path(os.path.realpath(endpoint.database))


def identity(path: Path) -> str:
    """Equal exactly when two names lead to the same file."""
    try:
        found = path.stat()
    except OSError:
        return str(path)
    return f"{found.st_dev}:{found.st_ino}"


def read_only(path: Path, *, shared: bool = False) -> str:
    """The URI that opens a file without ever writing to it."""
    return f"{path.as_uri()}?mode=ro" + ("&cache=shared" if shared else "")


def open_source(endpoint: Endpoint, *, shared: bool = False) -> sqlite3.Connection:
    """Read an existing file. Raises ConnectorError."""
    path = _existing(endpoint)
    _refuse_to_leave_a_log(path, place(endpoint))
    return _connect(read_only(path, shared=shared), place(endpoint), ("query_only = ON",))


def open_target(endpoint: Endpoint, *, patience: float | None = None) -> sqlite3.Connection:
    """Write to an existing file. Raises ConnectorError."""
    path = _existing(endpoint)
    if not os.access(path, os.W_OK):
        raise PermissionMissing(
            "the file cannot be written", where=place(endpoint), todo="allow the user to write to it"
        )
    # Each commit is on the disk before the ledger's reader can believe it, in both journal modes.
    settings = ("synchronous = FULL", "foreign_keys = OFF", f"cache_size = {CACHE}")
    return _connect(f"{path.as_uri()}?mode=rw", place(endpoint), settings, patience or endpoint.patience or PATIENCE)


def exists(endpoint: Endpoint) -> bool:
    """Whether the file is there. Raises NotFound where that cannot be told: a name too long, a link that leads in circles."""
    try:
        file(endpoint).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise NotFound(
            "the file cannot be reached", where=place(endpoint), todo="check `database` of the environment",
            code=errno.errorcode.get(error.errno or 0, ""),
        ) from None  # fmt: skip
    return True


def promise(endpoint: Endpoint) -> sqlite3.Connection:
    """Stands for a file that `make` will make: empty, in memory. Raises ConnectorError where it could not be made."""
    folder = file(endpoint).parent
    if not folder.is_dir():
        raise NotFound(
            "the folder of the file is not there", where=place(endpoint), todo=f"make it: mkdir -p '{folder}'"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionMissing(
            "the file cannot be made", where=place(endpoint), todo="allow the user to write to its folder"
        )
    return _connect("file::memory:", place(endpoint), ())


def make(endpoint: Endpoint) -> None:
    """An empty file that only its owner may read, unless there is one."""
    try:
        os.close(os.open(file(endpoint), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise PermissionMissing(
            "the file cannot be made", where=place(endpoint), todo="allow the user to write to its folder",
            code=errno.errorcode.get(error.errno or 0, ""),
        ) from None  # fmt: skip


def _existing(endpoint: Endpoint) -> Path:
    path = file(endpoint)
    if not exists(endpoint):
        raise NotFound("there is no such file", where=place(endpoint), todo="check `database` of the environment")
    if not path.is_file():
        raise Unsupported("this is not a file", where=place(endpoint), todo="check `database` of the environment")
    if not os.access(path, os.R_OK):
        raise PermissionMissing("the file cannot be read", where=place(endpoint), todo="allow the user to read it")
    return path


def _refuse_to_leave_a_log(path: Path, where: str) -> None:
    """Whoever opens a closed WAL database makes its log, readers too, and only a writer can remove it again. A log that
    belongs to us would keep the owner of the database from writing. (SQLite itself gives root's log to the owner.)"""
    with path.open("rb") as opened:
        header = opened.read(20)
    in_wal_mode = header[18:20] == b"\x02\x02"
    if in_wal_mode and not Path(f"{path}-wal").exists() and os.geteuid() not in (0, path.stat().st_uid):
        raise Unsupported(
            "the database is closed, and reading it would leave a log (WAL) beside it that its owner cannot write",
            where=where,
            todo="read it as its owner, or while a program of its owner has it open",
        )


def _connect(uri: str, where: str, settings: Sequence[str], patience: float = PATIENCE) -> sqlite3.Connection:
    if sqlite3.sqlite_version_info < OLDEST:
        raise Unsupported(f"SQLite {sqlite3.sqlite_version} is older than 3.37", where=where, todo="use a newer Python")
    with translated(where):
        connection = sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)
        try:
            for setting in (*SETTINGS, *settings):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except BaseException:
            connection.close()
            raise
    return connection


class Session:
    """`connectors.ledger.Sql` on one connection, which a driver's threads may share: a transaction is one thread's."""

    def __init__(self, connection: sqlite3.Connection, where: str) -> None:
        self.connection, self.where = connection, where
        self._lock = threading.RLock()

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        with self._lock, translated(self.where):
            return self.connection.execute(statement, values).rowcount

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock, translated(self.where):
            return self.connection.execute(statement, values).fetchall()

    def value(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """The first column of the only row."""
        [(found, *_)] = self.rows(statement, values)
        return found

    @contextlib.contextmanager
    def named(self, what: str) -> Iterator[None]:
        """Errors inside the block say what it was about."""
        with self._lock:
            before, self.where = self.where, f"{what}, {self.where}"
            try:
                yield
            finally:
                self.where = before

    @contextlib.contextmanager
    def transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
        with self._lock:
            with self._telling():
                self.run(begin)
            try:
                yield
                with self._telling():
                    self.run("COMMIT")
            except BaseException:
                if self.connection.in_transaction:  # SQLite itself rolls back on a full disk and the like
                    self.connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """A lock inside the block is told with whoever holds it."""
        try:
            yield
        except Busy as error:
            [(_, _, database)] = self.connection.execute("PRAGMA database_list").fetchall()[:1]
            found = holders(database)
            if not found:
                raise
            locked = Locked(f"{error.what}: {found}", where=error.where, todo=error.todo, code=error.code)
        else:
            return
        raise locked from None

    def close(self) -> None:
        with self._lock:
            self.connection.close()


class Turns:
    """Now and then leaves the target alone for longer than SQLite's busy handler sleeps: the driver waits its turn."""

    def __init__(self) -> None:
        self._given = time.monotonic()

    def give(self) -> None:
        if time.monotonic() - self._given > BREATH:
            time.sleep(TURN)
            self._given = time.monotonic()
