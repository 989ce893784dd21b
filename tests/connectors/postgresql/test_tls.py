"""TLS with a live server: whole copies under each mode, and what is said where the certificate does not convince."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.contract import Endpoint, Tls
from connectors.errors import ConnectorError, LoginRefused
from connectors.postgresql import connector
from connectors.postgresql.testkit import PostgresServer
from tests.connectors.postgresql.pair import Pair
from tests.connectors.postgresql.tls import offered


@pytest.fixture(scope="module")
def authorities(servers: dict[str, PostgresServer]) -> Iterator[Path]:
    server = servers["postgresql"]
    with offered(server) as folder:
        deadline = time.monotonic() + 10
        while not refuses_plain(server.endpoint):
            assert time.monotonic() < deadline, "the server does not insist on TLS"
            time.sleep(0.05)
        yield folder


def refuses_plain(endpoint: Endpoint) -> bool:
    try:
        connector.source(endpoint).close()
    except ConnectorError:
        return True
    return False


@pytest.mark.parametrize(
    ("host", "mode", "ca"),
    [
        ("localhost", "verify-full", "ours.pem"),
        ("127.0.0.1", "verify-ca", "ours.pem"),
        ("127.0.0.1", "require", None),
        ("127.0.0.1", "require", "other.pem"),
    ],
)
def test_a_copy_goes_through_tls(authorities: Path, pair: Pair, host: str, mode: str, ca: str | None) -> None:
    tls = Tls(mode, str(authorities / ca) if ca else None)  # type: ignore[arg-type]
    safe = Pair(pair.server, *(replace(end, host=host, tls=tls) for end in (pair.prod, pair.dev)))
    pair.server.execute(pair.prod, "CREATE TABLE t AS SELECT n, 'text ' || n AS note FROM generate_series(1, 1000) n")
    assert sum(part.rows for part in safe.copy("t")) == 1000
    assert pair.same("t")


@pytest.mark.parametrize(
    ("host", "tls", "words"),
    [
        ("localhost", ("verify-full", "other.pem"), "the server's certificate is not trusted"),
        ("localhost", ("verify-ca", "other.pem"), "the server's certificate is not trusted"),
        ("localhost", ("verify-full", None), "the server's certificate is not trusted"),
        ("127.0.0.1", ("verify-full", "ours.pem"), "the certificate is not for this host"),
        ("localhost", ("verify-full", "missing.pem"), "the authorities' certificates cannot be used"),
        ("localhost", ("verify-full", "ours.key"), "the authorities' certificates cannot be used"),
        ("localhost", ("disable", None), "pg_hba.conf"),
    ],
)
def test_what_does_not_convince_is_told(
    authorities: Path, pair: Pair, host: str, tls: tuple[str, str | None], words: str
) -> None:
    mode, ca = tls
    named = Tls(mode, str(authorities / ca) if ca else None)  # type: ignore[arg-type]
    for opened in (connector.source, connector.target):
        with pytest.raises(LoginRefused, match=words) as refusal:
            opened(replace(pair.prod, host=host, tls=named))
        assert "→" in str(refusal.value)
