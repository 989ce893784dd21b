"""Mistakes on the way to a server: where it was tried is told, as whom, and what to correct."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.jobs.mistakes.told import Told
from tests.jobs.running.site import Site

ADDRESSES: dict[str, tuple[dict[str, Any], str]] = {
    "no such user": ({"user": "nobody_here"}, "wrong user or password"),
    "no such host": ({"host": "no-such-host.invalid"}, "the host's name cannot be resolved"),
    "no such database": ({"database": "nowhere"}, "the database does not exist"),
    "no such socket": ({"host": "/nowhere"}, "there is no server's socket in this folder"),
    "TLS demanded, not offered": ({"tls": {"mode": "require"}}, "the server does not offer TLS"),
    "TLS by default, not offered": ({"tls": None}, "or set tls: {mode: disable}"),
    "an option's value": ({"options": {"channel_binding": "perhaps"}}, "check the environment's `options`"),
    "an option's number": ({"options": {"connect_timeout": "soon"}}, "check the environment's `options`"),
    "channel binding without TLS": (
        {"options": {"channel_binding": "require"}},
        "the server offers no channel binding",
    ),
    "a standby asked for": ({"options": {"target_session_attrs": "standby"}}, "see `target_session_attrs`"),
    "no password": ({"password": None}, "the server asks for a password and the environment names none"),
}


def test_an_address_that_leads_nowhere(server_site: Site, told: Told) -> None:
    site = server_site
    for name, (change, expected) in ADDRESSES.items():
        for end in ("PROD", "DEV"):
            site.environments({end: change})
            said = told(site, 4, "plan", str(site.operation()))
            assert expected in said, name
            assert f"  {end} (" in said, name
            assert "  → " in said, name


def test_a_wrong_password_names_the_user_and_not_the_password(
    server_site: Site, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROD_PASSWORD", "hunter2")
    for command in (["plan", str(server_site.operation())], ["check", "PROD"]):
        said = told(server_site, 4, *command)
        assert "wrong user or password" in said
        assert f"PROD (dba@127.0.0.1:{server_site.prod.port}, database" in said


def test_a_password_comes_from_nowhere_but_the_environments_file(
    server_site: Site, told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert server_site.prod.password
    monkeypatch.setenv("PGPASSWORD", server_site.prod.password)
    (tmp_path / "passwords").write_text(f"*:*:*:*:{server_site.prod.password}\n")
    (tmp_path / "passwords").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "passwords"))
    server_site.environments({"PROD": {"password": None}})
    assert 'add password: {secret: "env:NAME"}' in told(server_site, 4, "check", "PROD")


@pytest.fixture
def trusting(server_site: Site) -> Iterator[Site]:
    """A server that lets one user of one database in without a password."""
    server: Any = server_site.server
    rules = Path(server.rows(server_site.prod, "SHOW hba_file")[0][0])
    before = rules.read_text()
    rules.write_text(f"host {server_site.prod.database} dba 127.0.0.1/32 trust\n{before}")
    server.execute(server_site.prod, "SELECT pg_reload_conf()")
    try:
        yield server_site
    finally:
        rules.write_text(before)
        server.execute(server_site.dev, "SELECT pg_reload_conf()")


def test_a_login_without_a_password_is_possible(trusting: Site, capsys: pytest.CaptureFixture[str]) -> None:
    trusting.environments({"PROD": {"password": None}})
    assert "as source: PostgreSQL" in trusting.command("check", "PROD").stdout


def test_a_closed_port_and_another_mistake_at_the_other_end_are_told_together(server_site: Site, told: Told) -> None:
    with socket.socket() as taken:  # bound and never listening: nobody else can answer there
        taken.bind(("127.0.0.1", 0))
        server_site.environments({"PROD": {"port": taken.getsockname()[1]}, "DEV": {"database": "nowhere"}})
        said = told(server_site, 4, "plan", str(server_site.operation()))
    assert "nothing answers at this host and port" in said
    assert "is the server running?" in said
    assert "DEV (" in said
    assert "the database does not exist" in said


def test_something_else_that_answers(server_site: Site, told: Told) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        server_site.environments({"PROD": {"port": other.getsockname()[1], "options": {"connect_timeout": 2}}})
        assert "the server does not answer" in told(server_site, 4, "check", "PROD")


def test_a_user_who_may_not_connect(server_site: Site, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    site, server = server_site, server_site.server
    server.execute(site.dev, "CREATE ROLE outsider LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 0")
    try:
        site.environments({"PROD": {"user": "outsider"}})
        monkeypatch.setenv("PROD_PASSWORD", "hunter2")
        assert "no free connection" in told(site, 4, "check", "PROD")
        server.execute(site.dev, "ALTER ROLE outsider CONNECTION LIMIT -1")
        server.execute(site.dev, f'REVOKE CONNECT ON DATABASE "{site.prod.database}" FROM PUBLIC')
        assert "GRANT CONNECT ON DATABASE" in told(site, 4, "check", "PROD")
        server.execute(site.dev, "ALTER ROLE outsider NOLOGIN")
        assert "the server refuses this user" in told(site, 4, "check", "PROD")
        site.environments({})
        monkeypatch.setenv("PROD_PASSWORD", site.prod.password or "")
        server.execute(site.dev, f'ALTER DATABASE "{site.prod.database}" ALLOW_CONNECTIONS false')
        assert "the database takes no connections" in told.failed(site, 4, "check", "PROD")
    finally:
        server.execute(site.dev, "DROP ROLE outsider")


# Certificates


@pytest.fixture
def secured(server_site: Site) -> Iterator[tuple[Site, Path]]:
    """A server with TLS for the name `localhost`, and its authority's certificate."""
    server: Any = server_site.server
    data = Path(server.rows(server_site.prod, "SHOW data_directory")[0][0])
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    authority = server_site.folder / "authority.pem"
    authority.write_bytes(certificate.public_bytes(pem))
    for file, content in ((data / "server.crt", certificate.public_bytes(pem)), (data / "server.key", private)):
        file.write_bytes(content)
        file.chmod(0o600)
        shutil.chown(file, data.owner(), data.group())
    server.execute(server_site.prod, "ALTER SYSTEM SET ssl = on")
    server.execute(server_site.prod, "SELECT pg_reload_conf()")
    try:
        yield server_site, authority
    finally:
        server.execute(server_site.prod, "ALTER SYSTEM RESET ssl")
        server.execute(server_site.prod, "SELECT pg_reload_conf()")


def test_a_certificate_that_proves_nothing(secured: tuple[Site, Path], told: Told) -> None:
    site, authority = secured
    site.environments({"PROD": {"host": "localhost", "tls": {"ca": authority.name}}})
    assert "as source: " in site.command("check", "PROD").stdout
    site.environments({"PROD": {"tls": {"ca": authority.name}}})
    assert "the certificate is not for this host" in told(site, 4, "check", "PROD")
    site.environments({"PROD": {"host": "localhost", "tls": {}}})
    assert "the server's certificate is not trusted" in told(site, 4, "check", "PROD")
    (site.folder / "other.pem").write_text("not a certificate")
    site.environments({"PROD": {"host": "localhost", "tls": {"ca": "other.pem"}}})
    assert "check that `tls: {ca: FILE}` names a PEM file" in told(site, 4, "check", "PROD")
    site.environments({"PROD": {"host": "localhost", "tls": {"ca": "missing.pem"}}})
    assert f"tls.ca: the file {site.folder}/missing.pem is not there" in told(site, 2, "check", "PROD")
