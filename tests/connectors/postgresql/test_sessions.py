"""Sessions: what they may do, how errors read, what the server says about itself."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import psycopg
import pytest
import sqlglot

from connectors.contract import Endpoint, Tls
from connectors.errors import (
    Busy,
    ConnectionLost,
    ConnectorError,
    LoginRefused,
    NotFound,
    PermissionMissing,
    TerminalError,
)
from connectors.postgresql import connector
from connectors.postgresql.errors import refused, translate
from connectors.postgresql.session import Connection, connect, parameters
from tests.connectors.postgresql.pair import Pair, find


@contextmanager
def session(endpoint: Endpoint, *, read_only: bool) -> Iterator[Connection]:
    connection = connect(endpoint, read_only=read_only)
    try:
        yield connection
    finally:
        connection.close()


def test_a_source_session_cannot_write(pair: Pair) -> None:
    with session(pair.prod, read_only=True) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("CREATE TABLE t (a integer)")


def test_a_session_carries_our_settings(pair: Pair) -> None:
    with session(replace(pair.prod, application="dbagent/r/1"), read_only=True) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}".encode()).fetchall()[0][0]
            for name in (
                "application_name",
                "row_security",
                "statement_timeout",
                "lock_timeout",
                "TimeZone",
                "DateStyle",
                "tcp_keepalives_idle",
                "tcp_user_timeout",
            )
        }
    assert shown == {
        "application_name": "dbagent/r/1",
        "row_security": "off",
        "statement_timeout": "0",
        "lock_timeout": "1min",
        "TimeZone": "UTC",
        "DateStyle": "ISO, MDY",
        "tcp_keepalives_idle": "30",
        "tcp_user_timeout": "60000",
    }


def test_two_names_for_one_database_have_one_identity(pair: Pair) -> None:
    with pair.sessions() as (source, target):
        other = connector.target(replace(pair.prod, host="localhost"))
        assert source.server.identity == other.server.identity != target.server.identity
        other.close()
        assert source.server.version.startswith("PostgreSQL ")
        assert source.server.bytes > 1_000_000
        assert target.server.writable
        assert not source.server.pooler


def test_a_database_that_only_reads_is_not_writable(pair: Pair) -> None:
    pair.server.execute(pair.dev, f'ALTER DATABASE "{pair.dev.database}" SET default_transaction_read_only = on')
    with pair.sessions() as (_, target):
        assert not target.server.writable
    pair.server.execute(
        pair.server.endpoint, f'ALTER DATABASE "{pair.dev.database}" RESET default_transaction_read_only'
    )


def test_the_end_of_the_snapshot_is_noticed(pair: Pair) -> None:
    with pair.sessions() as (source, _):
        source.check_alive()
        pair.server.execute(
            pair.prod, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dbagent'"
        )
        with pytest.raises(ConnectionLost):
            source.check_alive()


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"database": "not_there"}, NotFound, "the database does not exist"),
        ({"port": 1}, ConnectionLost, "nothing answers at this host and port"),
        ({"host": "no-such-host.invalid"}, ConnectionLost, "the host's name cannot be resolved"),
        ({"tls": Tls("require")}, LoginRefused, "does not offer TLS"),
        ({"host": "/nowhere"}, ConnectionLost, "no server's socket"),
    ],
)
def test_a_failed_connection_says_what_and_where(
    pair: Pair, change: dict[str, object], kind: type[ConnectorError], words: str
) -> None:
    with pytest.raises(kind, match=words) as failure:
        connector.source(replace(pair.prod, **change))  # type: ignore[arg-type]
    assert "prod (" in str(failure.value)
    assert str(pickle.loads(pickle.dumps(failure.value))) == str(failure.value)
    assert failure.value.__suppress_context__


@pytest.mark.parametrize(
    ("text", "asked", "sent", "kind", "words"),
    [
        ("FATAL:  Passwort-Authentifizierung fehlgeschlagen", False, True, LoginRefused, "refuses the login"),
        ("ВАЖНО:  пользователь не прошёл проверку подлинности", False, True, LoginRefused, "refuses the login"),
        ("ВАЖНО:  в pg_hba.conf нет записи", False, False, LoginRefused, "pg_hba.conf"),
        ("fe_sendauth: no password supplied", True, False, LoginRefused, "asks for a password"),
        ("could not find digest for NID UNDEF", False, True, LoginRefused, "channel_binding: disable"),
        ("Network is unreachable", False, False, ConnectionLost, "cannot be reached"),
    ],
)
def test_a_login_refused_in_another_language_is_one_all_the_same(
    text: str, asked: bool, sent: bool, kind: type[ConnectorError], words: str
) -> None:
    class Foreign(psycopg.OperationalError):
        pgconn = SimpleNamespace(needs_password=asked, used_password=sent)

    error = refused(Foreign(text), "PROD")
    assert type(error) is kind
    assert words in str(error)
    assert text not in str(error)


def test_too_many_connections_is_worth_another_try(pair: Pair) -> None:
    pair.server.execute(pair.prod, f'ALTER DATABASE "{pair.prod.database}" CONNECTION LIMIT 0')
    pair.server.execute(pair.prod, "CREATE ROLE guest LOGIN PASSWORD 'guest'")
    try:
        with pytest.raises(Busy):
            connector.source(replace(pair.prod, user="guest", password="guest"))
    finally:
        pair.server.execute(pair.prod, "DROP ROLE guest")


def test_the_unix_socket_needs_no_tls(pair: Pair) -> None:
    folder = pair.server.rows(pair.prod, "SHOW unix_socket_directories")[0][0]
    with session(replace(pair.prod, host=folder, tls=Tls("verify-full")), read_only=True) as connection:
        assert connection.execute("SELECT inet_server_addr()").fetchall() == [(None,)]


def test_tls_is_verified_against_the_named_authority_or_the_systems() -> None:
    endpoint = Endpoint("e", "postgresql", "d", "h", tls=Tls("verify-full", "/ca.pem"))
    assert {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}.items() <= parameters(endpoint).items()
    found = parameters(replace(endpoint, tls=Tls("verify-ca")))
    assert found["sslmode"] == "verify-ca"
    assert found["sslrootcert"].startswith("/")


@pytest.mark.parametrize(
    ("predicate", "words"),
    [
        ("nothing = 1", "it names a column that does not exist"),
        ("id = ANY(name)", "does not accept the filter"),
        ("name > 7", "a function or operator that does not exist for these types"),
        ("id = 'secret'", "has not the form or size"),
    ],
)
def test_a_filter_the_database_does_not_accept_is_refused(pair: Pair, predicate: str, words: str) -> None:
    pair.server.execute(pair.prod, "CREATE TABLE t (id integer, name text)")
    with pair.sessions() as (source, _):
        table = find(source, "t")
        with pytest.raises(TerminalError, match=words) as refusal:
            source.explain_filter(table, sqlglot.parse_one(predicate, dialect="postgres"))
        assert "secret" not in str(refusal.value)
        source.explain_filter(table, sqlglot.parse_one("id = 1", dialect="postgres"))


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("42501", PermissionMissing, False),
        ("57014", Busy, True),
        ("08006", ConnectionLost, True),
        ("XX000", TerminalError, False),
        ("53300", Busy, True),
    ],
)
def test_a_code_decides_what_an_error_is(code: str, kind: type[ConnectorError], retryable: bool) -> None:
    error = psycopg.errors.lookup(code)("a value: 4711") if code != "XX000" else psycopg.errors.InternalError_("4711")
    found = translate(error, "somewhere")
    assert isinstance(found, kind)
    assert found.retryable is retryable
    assert found.code == code
    assert "4711" not in str(found)
