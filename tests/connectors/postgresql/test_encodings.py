"""Databases that are not UTF-8: the same characters arrive, or the copy says why they cannot."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from connectors.contract import Endpoint
from connectors.errors import ValueRefused
from connectors.postgresql.testkit import PostgresServer
from tests.connectors.postgresql.pair import Pair, Reverse


def database(server: PostgresServer, encoding: str) -> Endpoint:
    name = f"{encoding.lower()}_{secrets.token_hex(4)}"
    locale = "LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    server.execute(server.endpoint, f"CREATE DATABASE {name} ENCODING '{encoding}' {locale}")
    return replace(server.endpoint, environment=encoding, database=name)


def speaking(server: PostgresServer, end: Endpoint, encoding: str = "UTF8") -> psycopg.Connection[Any]:
    connection = server.connect(end)
    connection.execute("SELECT set_config('client_encoding', %s, false)", [encoding])
    return connection


def fill(server: PostgresServer, end: Endpoint, *texts: bytes) -> None:
    """`texts` as the bytes they are in the database."""
    with speaking(server, end, end.environment) as connection:
        connection.execute("CREATE TABLE t (note text)")
        for text in texts:
            escaped = b"".join(b"\\x%02x" % byte for byte in text)
            connection.execute(b"INSERT INTO t VALUES (E'" + escaped + b"')")


def held(server: PostgresServer, end: Endpoint) -> list[str]:
    """The texts' bytes as the database holds them, in hexadecimal digits."""
    with speaking(server, end) as connection:
        query = "SELECT encode(convert_to(note, current_setting('server_encoding')), 'hex') FROM t ORDER BY 1"
        return [row[0] for row in connection.execute(query).fetchall()]


@pytest.mark.parametrize(
    ("source", "target", "before", "after"),
    [
        ("LATIN1", "UTF8", b"caf\xe9", b"caf\xc3\xa9"),
        ("LATIN1", "LATIN1", b"caf\xe9", b"caf\xe9"),
        ("UTF8", "LATIN1", b"caf\xc3\xa9", b"caf\xe9"),
        ("SQL_ASCII", "UTF8", b"caf\xc3\xa9", b"caf\xc3\xa9"),
        ("SQL_ASCII", "SQL_ASCII", b"caf\xc3\xa9", b"caf\xc3\xa9"),
    ],
)
def test_the_same_characters_arrive(
    server: PostgresServer, source: str, target: str, before: bytes, after: bytes
) -> None:
    prod, dev = database(server, source), database(server, target)
    fill(server, prod, before, b"plain")
    assert sum(part.rows for part in Pair(server, prod, dev).copy("t")) == 2
    assert held(server, dev) == sorted([after.hex(), b"plain".hex()])


def test_masking_sees_characters_not_bytes(server: PostgresServer) -> None:
    prod, dev = database(server, "LATIN1"), database(server, "UTF8")
    fill(server, prod, b"\xe9t\xe9 caf\xe9")
    Pair(server, prod, dev).copy("t", Reverse(("note",)))
    assert held(server, dev) == ["éfac été".encode().hex()]


def test_names_of_things_may_have_such_characters_too(server: PostgresServer) -> None:
    prod, dev = database(server, "LATIN1"), database(server, "UTF8")
    with speaking(server, prod) as connection:
        connection.execute('CREATE TABLE "été" AS SELECT 7 AS "n°"')
    Pair(server, prod, dev).copy("été")
    assert server.rows(dev, 'SELECT "n°" FROM "été"') == [(7,)]


@pytest.mark.parametrize("target", ["UTF8", "SQL_ASCII"])
def test_bytes_of_no_known_encoding_are_announced_and_refused(server: PostgresServer, target: str) -> None:
    prod, dev = database(server, "SQL_ASCII"), database(server, target)
    fill(server, prod, b"caf\xe9")
    pair = Pair(server, prod, dev)
    with pair.sessions() as (source, _):
        assert any("SQL_ASCII" in note for note in source.server.notes)
    with pytest.raises(ValueRefused, match="not valid in its encoding") as refusal:
        pair.copy("t")
    assert "caf" not in str(refusal.value)
    assert server.rows(dev, "SELECT FROM t") == []


def test_a_character_that_the_target_lacks_is_refused(server: PostgresServer) -> None:
    prod, dev = database(server, "UTF8"), database(server, "LATIN1")
    fill(server, prod, "λ".encode())
    with pytest.raises(ValueRefused, match="the encoding of the target database lacks"):
        Pair(server, prod, dev).copy("t")
    assert server.rows(dev, "SELECT FROM t") == []
