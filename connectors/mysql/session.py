"""Sessions: how we connect, what we set, how long we wait, and the adapter the ledger runs on.

Neither server shows what a client calls itself to an ordinary user, and many keep no such list at all. What every user may
do is take and look up named locks: a session holds one for its application, so that others find and end it.
"""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pymysql
from pymysql.connections import Connection

from connectors.contract import Endpoint
from connectors.errors import ConnectionLost, LoginRefused, Unsupported
from connectors.ledger import Dialect
from connectors.mysql.errors import refused, translated

OLDEST = {"MySQL": (5, 7), "MariaDB": (10, 2)}
"""The first versions with generated columns, microseconds and keys of 3072 bytes by default."""

DRIVER_PATIENCE = 24 * 3600.0
"""Statements of a driver's own session may take long (a truncate that waits, an anti-join); tasks set their own."""

LEDGER = Dialect(
    "_dbagent_",
    "%s",
    "UNIX_TIMESTAMP(SYSDATE(6))",
    hold=" LOCK IN SHARE MODE",
    seize=" FOR UPDATE",
    held=" FORCE INDEX (held)",
    text="mediumtext",
    keep=" ON DUPLICATE KEY UPDATE run_id = run_id",
)

STRICT = "STRICT_ALL_TABLES"
SQL_MODES = (STRICT, "NO_ENGINE_SUBSTITUTION", "NO_AUTO_VALUE_ON_ZERO", "ALLOW_INVALID_DATES")
"""Nothing is cut or rounded to fit, and whatever a source holds fits: zero dates, the 31st of every month, counters at 0."""

SETTINGS: Mapping[str, str | int] = {
    "sql_mode": ",".join(SQL_MODES),
    "time_zone": "+00:00",
    "sql_auto_is_null": 0,
    "sql_safe_updates": 0,
    "sql_big_selects": 1,
    "sql_select_limit": 2**64 - 1,
    "completion_type": 0,
    "unique_checks": 1,
    "div_precision_increment": 4,
    "group_concat_max_len": 1 << 20,
    "sql_quote_show_create": 1,
    "net_read_timeout": 3600,
    "net_write_timeout": 3600,
    "wait_timeout": 30 * 86400,
    "idle_transaction_timeout": 0,
    "idle_readonly_transaction_timeout": 0,
    "idle_write_transaction_timeout": 0,
    "max_statement_time": 0,
    "max_execution_time": 0,
    "innodb_strict_mode": 1,
}
READING: Mapping[str, str | int] = {"lock_wait_timeout": 60, "innodb_lock_wait_timeout": 60}
WRITING: Mapping[str, str | int] = {"lock_wait_timeout": 20, "innodb_lock_wait_timeout": 20}
"""A lock that is waited for keeps everybody else waiting behind it: the driver asks again and again, and says who holds it."""

SLOTS = 256
"""How many sessions of one application can be told apart."""


class Session:
    """`connectors.ledger.Sql` on one connection, which a driver's threads may share: a transaction is one thread's."""

    def __init__(self, connection: Connection[Any], where: str, patience: float, end: str) -> None:
        self.connection, self.where = connection, where
        server: Any = connection
        self.flavour, self.version = flavour(server.get_server_info())
        self.thread = int(server.thread_id())
        """The session's number as the one who answered our call told it."""
        self._stalled = f"{end} made no progress for {patience:g} s"
        self._lock = threading.RLock()

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Rows affected. A row that already was as it should become does not count. `%` is doubled where there are values."""
        with self._lock, self.translated(), self.connection.cursor() as cursor:
            return int(cursor.execute(statement, values or None))

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._lock, self.translated(), self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def value(self, statement: str, values: Sequence[object] = ()) -> Any:
        """The first column of the only row."""
        [(found, *_)] = self.rows(statement, values)
        return found

    def shown(self, statement: str) -> str:
        """The text of a SHOW CREATE TABLE. Defaults of bytes stand in it as they are: those that are no text are escaped as
        Python does with the names of files."""
        driver: Any = self.connection
        with self._lock:
            driver.use_unicode = False
            try:
                [(_, text, *_)] = self.rows(statement)
            finally:
                driver.use_unicode = True
        return str(text, "utf-8", "surrogateescape")

    @contextlib.contextmanager
    def transaction(self, begin: str = "START TRANSACTION") -> Iterator[None]:
        with self._lock:
            self.run(begin)
            try:
                yield
                self.run("COMMIT")
            except BaseException:
                with contextlib.suppress(pymysql.Error):  # a lost session is rolled back by its server
                    self.connection.rollback()
                raise

    def translated(self, where: str = "") -> contextlib.AbstractContextManager[None]:
        """Driver errors inside the block leave it as connector errors."""
        return translated(where or self.where, self._stalled)

    def close(self) -> None:
        close(self.connection)


def connect(
    endpoint: Endpoint,
    *,
    read_only: bool,
    end: str = "the server",
    patience: float = DRIVER_PATIENCE,
    driver: type[Connection[Any]] = Connection,
) -> Session:
    """A session with our settings, in autocommit. Raises ConnectorError."""
    where = f"{endpoint.environment} ({place(endpoint)})"
    given = parameters(endpoint, patience)
    if _socket(endpoint) and not Path(endpoint.host or "").is_socket():
        raise ConnectionLost(
            "there is no server's socket at this path", where=where, todo="check the host; is the server running?"
        )
    found = None
    try:
        connection = driver(**given)
    except (pymysql.Error, OSError) as error:
        found = refused(error, where)
    if found:
        raise found from None
    try:
        session = Session(connection, where, patience, end)
        _refuse_old(session)
        with session.translated():
            _configure(connection, {**SETTINGS, **(READING if read_only else WRITING)})
            session.run(
                f"SET SESSION TRANSACTION ISOLATION LEVEL {'REPEATABLE READ' if read_only else 'READ COMMITTED'}"
            )
            session.run(f"SET SESSION TRANSACTION {'READ ONLY' if read_only else 'READ WRITE'}")
            _call_ourselves(connection, endpoint.application)
    except BaseException:
        close(connection)
        raise
    return session


def place(endpoint: Endpoint) -> str:
    user = f"{endpoint.user}@" if endpoint.user else ""
    if _socket(endpoint):
        return f"{user}socket {endpoint.host}, database {endpoint.database}"
    return f"{user}{endpoint.host}:{endpoint.port or 3306}, database {endpoint.database}"


def parameters(endpoint: Endpoint, patience: float) -> dict[str, Any]:
    """The driver's parameters of an endpoint."""
    found: dict[str, Any] = {
        "user": endpoint.user,
        "password": (endpoint.password or "").encode(),
        "database": endpoint.database,
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": float(endpoint.options.get("connect_timeout", 10)),
        "read_timeout": patience,
        "write_timeout": patience,
        "program_name": endpoint.application,
    }
    if _socket(endpoint):
        return found | {"unix_socket": endpoint.host, "ssl_disabled": True}
    found |= {"host": endpoint.host, "port": endpoint.port or 3306}
    if endpoint.tls.mode == "disable":
        return found | {"ssl_disabled": True}
    return found | {"ssl": _tls(endpoint)}


def _socket(endpoint: Endpoint) -> bool:
    return (endpoint.host or "").startswith("/")


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    where, mode = endpoint.environment, endpoint.tls.mode
    ca, certificate = endpoint.tls.ca, endpoint.options.get("sslcert")
    if ca is not None and not Path(ca).is_file():
        raise LoginRefused("the authorities' certificates cannot be used", where=where, todo="check `tls: {ca: FILE}`")
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError:
        context = None
    if context is None:
        raise LoginRefused(
            "the authorities' certificates cannot be used",
            where=where,
            todo="check that `tls: {ca: FILE}` is a PEM file",
        )
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the servers' own generated certificates are not that strict
    context.check_hostname = mode == "verify-full"
    context.verify_mode = ssl.CERT_REQUIRED if mode.startswith("verify") else ssl.CERT_NONE
    if certificate:
        try:
            context.load_cert_chain(certificate, endpoint.options.get("sslkey"))
        except OSError:
            raise LoginRefused(
                "our own certificate cannot be used", where=where, todo="check `sslcert` and `sslkey` in the options"
            ) from None
    return context


def flavour(text: str) -> tuple[str, tuple[int, ...]]:
    """The flavour and version in what a server calls its version: `5.5.5-10.11.19-MariaDB`, `8.0.36`."""
    maria = "mariadb" in text.lower()
    numbers = text.removeprefix("5.5.5-" if maria else "").split("-")[0].split(".")
    return "MariaDB" if maria else "MySQL", tuple(int(number) for number in numbers if number.isdigit())


def _refuse_old(session: Session) -> None:
    oldest = OLDEST[session.flavour]
    if session.version < oldest:
        raise Unsupported(
            f"the server is older than {session.flavour} {'.'.join(map(str, oldest))}", where=session.where
        )


def _configure(connection: Connection[Any], settings: Mapping[str, str | int]) -> None:
    """Set each setting this server knows: some came with later versions, some one flavour has alone."""
    marks = ", ".join(["%s"] * len(settings))
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW SESSION VARIABLES WHERE variable_name IN ({marks})", tuple(settings))
        known = [str(name, "ascii") if isinstance(name, bytes) else name for name, _ in cursor.fetchall()]
        assignments = ", ".join(f"SESSION {name} = %s" for name in known)
        cursor.execute(f"SET {assignments}", [settings[name] for name in known])


def _call_ourselves(connection: Connection[Any], application: str) -> None:
    """Hold the first free lock of each name under which somebody may look for this session."""
    with connection.cursor() as cursor:
        for name in names(application):
            for slot in range(SLOTS):
                cursor.execute("SELECT GET_LOCK(%s, 0)", (f"{name}{slot}",))
                [(taken,)] = cursor.fetchall()
                if int(taken or 0):
                    break


def names(application: str) -> list[str]:
    """What the locks of an application start with: one for each of its prefixes (`dbagent/`, `dbagent/<run>/` …), as a
    digest, for the servers allow 64 characters."""
    parts = application.split("/")
    prefixes = ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]
    return [
        f"dbagent {hashlib.sha256(text.encode()).hexdigest()[:40]} "
        for text in dict.fromkeys([*prefixes[1:], application.rstrip("/") + "/"])
    ]


def close(connection: Connection[Any]) -> None:
    """Leave a connection in whatever state it is. One with an answer left unread is dropped: its rest may be long."""
    driver: Any = connection
    if driver.open and driver._result is not None and driver._result.unbuffered_active:
        driver._force_close()
    elif driver.open:
        driver.close()
