"""Driver errors become the connector's: reduced to a class and an SQLSTATE, never the driver's own text.

An SQLSTATE decides by its full code, else by its class (the first two characters). A connection that fails before the
login is done has no SQLSTATE in libpq; only there the text is looked at, and thrown away. The server writes it in its own
language, so what the connection itself knows (was a password asked for, was one sent) decides where no word is known.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import psycopg

from connectors.errors import (
    Busy,
    ConnectionLost,
    ConnectorError,
    Locked,
    LoginRefused,
    NotFound,
    PermissionMissing,
    TargetFull,
    TerminalError,
    Unsupported,
    ValueRefused,
    translating,
)

Verdict = tuple[type[ConnectorError], str, str]

CODES: dict[str, Verdict] = {
    "22021": (
        ValueRefused,
        "a text is not valid in its encoding: UTF-8 was expected",
        "a database of encoding SQL_ASCII keeps any bytes: mend such texts there, or leave their rows out by a filter",
    ),
    "22P05": (
        ValueRefused,
        "a text has a character that the encoding of the target database lacks",
        "give the target database the encoding UTF8, or leave such rows out by a filter",
    ),
    "23502": (ValueRefused, "the table refuses a row: NULL in a NOT NULL column", "compare NOT NULL on both ends"),
    "23503": (
        ValueRefused,
        "the table refuses a row: a foreign key has no matching row",
        "copy the referenced table too",
    ),
    "23505": (ValueRefused, "the table refuses a row: a unique key exists already", "compare unique keys on both ends"),
    "23514": (ValueRefused, "the table refuses a row: a CHECK is violated", "compare CHECK constraints on both ends"),
    "23P01": (ValueRefused, "the table refuses a row: an exclusion constraint is violated", ""),
    "25006": (PermissionMissing, "the session may only read", "name a server that accepts writes"),
    "26000": (ConnectionLost, "the session was exchanged under us", "connect past the pooler"),
    "28000": (LoginRefused, "the server refuses this user", "check user, password and pg_hba.conf"),
    "28P01": (LoginRefused, "wrong user or password", "check user and password of the environment"),
    "2BP01": (
        TerminalError,
        "another object depends on what would be dropped",
        "see which with psql: DROP … says so; drop that one first, or leave both",
    ),
    "3D000": (NotFound, "the database does not exist", "check the environment's database"),
    "3F000": (NotFound, "a schema does not exist", ""),
    "40001": (Busy, "the server ended the transaction because of a conflict", ""),
    "40P01": (Busy, "a deadlock was broken", ""),
    "42501": (PermissionMissing, "a privilege is missing", "grant it, or use another user"),
    "42602": (NotFound, "a name is not valid", ""),
    "42710": (TerminalError, "an object of this name is there already", "drop or rename what is in the way"),
    "42P06": (TerminalError, "a schema of this name is there already", "drop or rename what is in the way"),
    "42P07": (TerminalError, "a table or index of this name is there already", "drop or rename what is in the way"),
    "42703": (NotFound, "a column does not exist", ""),
    "42704": (NotFound, "an object does not exist", ""),
    "42830": (
        TerminalError,
        "a foreign key leads to columns that no unique key has",
        "see why that key is not there",
    ),
    "42883": (NotFound, "a function or operator does not exist", ""),
    "42P01": (NotFound, "a table does not exist", ""),
    "53100": (TargetFull, "the server's disk is full", "free space where the server keeps its data"),
    "53200": (Busy, "the server is out of memory", ""),
    "53300": (
        Busy,
        "the server has no free connection",
        "lower parallel_workers, or raise the server's limit (of all, of the user or the database)",
    ),
    "55006": (Busy, "an object is in use", ""),
    "55P03": (Locked, "a lock was not granted in time", "see who holds it in pg_locks"),
    "57014": (Busy, "the statement was cancelled", ""),
    "57P01": (ConnectionLost, "the session was ended by an administrator", ""),
    "57P02": (ConnectionLost, "the server crashed", ""),
    "57P03": (ConnectionLost, "the server is starting or stopping", ""),
}
CLASSES: dict[str, Verdict] = {
    "08": (ConnectionLost, "the connection was lost", ""),
    "0A": (Unsupported, "the server does not support this", ""),
    "22": (ValueRefused, "the table refuses a value", "compare the column types of both ends"),
    "23": (ValueRefused, "the table refuses a row", "compare the constraints of both ends"),
    "28": (LoginRefused, "the server refuses this login", "check user, password and pg_hba.conf"),
    "40": (Busy, "the server rolled the transaction back", ""),
    "42": (TerminalError, "the server does not accept the statement", ""),
    "53": (Busy, "the server is short of resources", ""),
    "54": (
        ValueRefused,
        "a row exceeds a limit of the server",
        "the key of an index takes some 2,700 bytes, a row as it is loaded 1 GB",
    ),
    "55": (Busy, "an object is not in the state needed", ""),
    "57": (ConnectionLost, "the server intervened", ""),
    "58": (ConnectionLost, "the server had a system error", ""),
}
NO_PASSWORD: Verdict = (
    LoginRefused,
    "the server asks for a password and the environment names none",
    'add password: {secret: "env:NAME"} or {secret: "file:PATH"}',
)
OPTION: Verdict = (LoginRefused, "an option has a value the driver does not know", "check the environment's `options`")
KIND: Verdict = (LoginRefused, "no server of the kind asked for is there", "see `target_session_attrs` in the options")
CONNECTING: tuple[tuple[str, Verdict], ...] = (
    ("password authentication failed", CODES["28P01"]),
    ("pg_hba.conf", CODES["28000"]),
    ("is not permitted to log in", CODES["28000"]),
    ("authentication failed", CODES["28000"]),
    ("too many connections", CODES["53300"]),
    ("too many clients", CODES["53300"]),
    ("connection slots are reserved", CODES["53300"]),
    ("not currently accepting", (LoginRefused, "the database takes no connections", "see ALLOW_CONNECTIONS of it")),
    ("database system is", CODES["57P03"]),
    (
        "permission denied for database",
        (PermissionMissing, "our user may not connect to the database", "GRANT CONNECT ON DATABASE"),
    ),
    (
        "does not match host name",
        (LoginRefused, "the certificate is not for this host", "use the name it was made for"),
    ),
    (
        "could not find digest",
        (
            LoginRefused,
            "the server's certificate is signed in a way that channel binding does not know (Ed25519)",
            "give the server a certificate of RSA or ECDSA, or set channel_binding: disable in the options",
        ),
    ),
    (
        "root certificate file",
        (LoginRefused, "the authorities' certificates cannot be used", "check that `tls: {ca: FILE}` names a PEM file"),
    ),
    (
        "certificate file",
        (LoginRefused, "our own certificate cannot be used", "check `sslcert` and `sslkey` in the options"),
    ),
    (
        "private key file",
        (
            LoginRefused,
            "the key of our certificate cannot be used",
            "check `sslkey` in the options; it needs mode 0600",
        ),
    ),
    (
        "certificate",
        (LoginRefused, "the server's certificate is not trusted", "set tls: {mode: verify-full, ca: FILE}"),
    ),
    (
        "does not support SSL",
        (LoginRefused, "the server does not offer TLS", "turn it on there, or set tls: {mode: disable}"),
    ),
    (
        "invalid response to SSL",
        (LoginRefused, "what answers at this host and port is not PostgreSQL", "check host and port"),
    ),
    (
        "expected authentication request",
        (LoginRefused, "what answers at this host and port is not PostgreSQL", "check host and port"),
    ),
    (
        "channel binding",
        (LoginRefused, "the server offers no channel binding", "it takes TLS and SCRAM; see `channel_binding`"),
    ),
    ("channel_binding", OPTION),
    ("target_session_attrs", OPTION),
    ("connection option", OPTION),
    ("bad value for", OPTION),
    ("hot standby mode", KIND),
    ("session is read-only", KIND),
    ("session is not read-only", KIND),
    ("could not translate host name", (ConnectionLost, "the host's name cannot be resolved", "check the host")),
    ("failed to resolve host", (ConnectionLost, "the host's name cannot be resolved", "check the host")),
    (
        "refused",
        (ConnectionLost, "nothing answers at this host and port", "check host and port; is the server running?"),
    ),
    (
        "No such file or directory",
        (ConnectionLost, "there is no server's socket in this folder", "check host and port; is the server running?"),
    ),
    ("timeout", (ConnectionLost, "the server does not answer", "check host, port and the network between")),
    (
        "server closed the connection",
        (ConnectionLost, "the connection was closed before the login", "check that PostgreSQL is what answers there"),
    ),
)


def translate(error: psycopg.Error, where: str = "") -> ConnectorError:
    """What a driver's error means."""
    name = error.diag.constraint_name or error.diag.column_name  # names of things, never values
    return verdict(error.sqlstate or "", where, name or "")


def verdict(code: str, where: str, name: str = "") -> ConnectorError:
    """What an SQLSTATE means; `name` is the constraint's or the column's."""
    if not code:
        return ConnectionLost("the connection was lost", where=where)
    kind, what, todo = CODES.get(code) or CLASSES.get(code[:2]) or (TerminalError, "the server reports an error", "")
    what += f" ({name})" if name and kind is ValueRefused else ""
    return kind(what, where=where, todo=todo, code=code)


def refused(error: psycopg.Error, where: str) -> ConnectorError:
    """Why a connection could not be made."""
    if error.sqlstate:
        return translate(error, where)
    text, state = str(error), error.pgconn
    if state is not None and state.needs_password:
        kind, what, todo = NO_PASSWORD
    elif 'database "' in text and "does not exist" in text:
        kind, what, todo = CODES["3D000"]
    elif 'role "' in text and "does not exist" in text:
        kind, what, todo = CODES["28P01"]
    else:
        answered = "FATAL" in text or (state is not None and state.used_password)
        fallback: Verdict = (
            (LoginRefused, "the server refuses the login", "check user, password and database; see the server's log")
            if answered
            else (ConnectionLost, "the server cannot be reached", "check host, port and the network between")
        )
        kind, what, todo = next((verdict for words, verdict in CONNECTING if words in text), fallback)
    return kind(what, where=where, todo=todo)


def translated(where: str = "") -> AbstractContextManager[None]:
    """Driver errors inside the block leave it as connector errors that name `where`."""
    return translating(psycopg.Error, translate, where)
