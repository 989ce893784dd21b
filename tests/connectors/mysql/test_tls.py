"""TLS with a live server that insists on it: sessions under each mode, and what is said where the certificate does not
convince."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.contract import Endpoint, Tls
from connectors.errors import LoginRefused
from connectors.mysql.session import connect
from connectors.mysql.testkit import testkit
from tests.connectors.drive import Ends

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Two authorities, and a certificate for `localhost` by the first."""
    made = Path(tempfile.mkdtemp(prefix="dbagent-tls-"))
    made.chmod(0o755)
    for name in ("ours", "other"):
        files = ("-keyout", made / f"{name}.key", "-out", made / f"{name}.pem")
        openssl("req", "-x509", *KEY, "-subj", f"/CN={name}", "-days", 2, *files)
    names = made / "names"
    names.write_text("subjectAltName=DNS:localhost")
    openssl("req", *KEY, "-subj", "/CN=localhost", "-keyout", made / "server.key", "-out", made / "server.csr")
    signer = ("-CA", made / "ours.pem", "-CAkey", made / "ours.key", "-CAcreateserial")
    openssl(
        "x509", "-req", "-in", made / "server.csr", *signer, "-extfile", names, "-days", 2, "-out", made / "server.crt"
    )
    (made / "server.key").chmod(0o644)  # the server runs as another user
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def insists(folder: Path) -> Iterator[Endpoint]:
    options = (f"--ssl-cert={folder}/server.crt", f"--ssl-key={folder}/server.key", f"--ssl-ca={folder}/ours.pem")
    data = folder / "server"
    data.mkdir()
    with testkit.start(data, *options) as server:
        endpoint = server.database("prod")
        server.execute(endpoint, f"ALTER USER '{endpoint.user}'@'127.0.0.1' REQUIRE SSL")
        yield endpoint


def named(endpoint: Endpoint, host: str, tls: Tls, folder: Path) -> Endpoint:
    return replace(endpoint, host=host, tls=replace(tls, ca=str(folder / tls.ca)) if tls.ca else tls)


@pytest.mark.parametrize(
    ("host", "tls"),
    [
        ("localhost", Tls("verify-full", "ours.pem")),
        ("127.0.0.1", Tls("verify-ca", "ours.pem")),
        ("127.0.0.1", Tls("require")),
    ],
)
def test_a_session_goes_through_tls(insists: Endpoint, folder: Path, host: str, tls: Tls) -> None:
    with closing(connect(named(insists, host, tls, folder), read_only=True)) as session:
        [(_, cipher)] = session.rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    assert cipher


@pytest.mark.parametrize(
    ("host", "tls", "words"),
    [
        ("localhost", Tls("verify-full", "other.pem"), "the server's certificate is not trusted"),
        ("localhost", Tls("verify-ca", "other.pem"), "the server's certificate is not trusted"),
        ("localhost", Tls("verify-full"), "the server's certificate is not trusted"),
        ("127.0.0.1", Tls("verify-full", "ours.pem"), "the certificate is not for this host"),
        ("localhost", Tls("verify-full", "missing.pem"), "the authorities' certificates cannot be used"),
        ("localhost", Tls("verify-full", "ours.key"), "the authorities' certificates cannot be used"),
        ("127.0.0.1", Tls("disable"), "wrong user or password"),
    ],
)
def test_what_does_not_convince_is_told(insists: Endpoint, folder: Path, host: str, tls: Tls, words: str) -> None:
    with pytest.raises(LoginRefused, match=words) as refusal:
        connect(named(insists, host, tls, folder), read_only=True)
    assert "→" in str(refusal.value)


def test_a_server_without_tls_gets_no_password(ends: Ends) -> None:
    with pytest.raises(LoginRefused, match="the server does not offer TLS"):
        connect(replace(ends.source, tls=Tls("require")), read_only=True)
