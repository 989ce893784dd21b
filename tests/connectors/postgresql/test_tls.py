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
        deadline = time.monotonic() + 60
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


def named(tls: Tls, folder: Path) -> Tls:
    return replace(tls, ca=str(folder / tls.ca)) if tls.ca else tls


@pytest.mark.parametrize(
    ("host", "tls"),
    [
        ("localhost", Tls("verify-full", "ours.pem")),
        ("127.0.0.1", Tls("verify-ca", "ours.pem")),
        ("127.0.0.1", Tls("require")),
        ("127.0.0.1", Tls("require", "other.pem")),
    ],
)
def test_a_copy_goes_through_tls(authorities: Path, pair: Pair, host: str, tls: Tls) -> None:
    ends = (replace(end, host=host, tls=named(tls, authorities)) for end in (pair.prod, pair.dev))
    safe = Pair(pair.server, *ends)
    pair.server.execute(pair.prod, "CREATE TABLE t AS SELECT n, 'text ' || n AS note FROM generate_series(1, 1000) n")
    assert sum(part.rows for part in safe.copy("t")) == 1000
    assert pair.same("t")


@pytest.mark.parametrize(
    ("host", "tls", "words"),
    [
        ("localhost", Tls("verify-full", "other.pem"), "the server's certificate is not trusted"),
        ("localhost", Tls("verify-ca", "other.pem"), "the server's certificate is not trusted"),
        ("localhost", Tls("verify-full"), "the server's certificate is not trusted"),
        ("127.0.0.1", Tls("verify-full", "ours.pem"), "the certificate is not for this host"),
        ("localhost", Tls("verify-full", "missing.pem"), "the authorities' certificates cannot be used"),
        ("localhost", Tls("verify-full", "ours.key"), "the authorities' certificates cannot be used"),
        ("localhost", Tls("disable"), "pg_hba.conf"),
    ],
)
def test_what_does_not_convince_is_told(authorities: Path, pair: Pair, host: str, tls: Tls, words: str) -> None:
    for opened in (connector.source, connector.target):
        with pytest.raises(LoginRefused, match=words) as refusal:
            opened(replace(pair.prod, host=host, tls=named(tls, authorities)))
        assert "→" in str(refusal.value)
