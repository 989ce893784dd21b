"""TLS for the shared test server: an authority of our own, a certificate for `localhost`, and a server that insists on it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.postgresql.testkit import PostgresServer, unprivileged

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
SETTINGS = ("ssl", "ssl_cert_file", "ssl_key_file")


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def authority(folder: Path, name: str) -> Path:
    """A self-made certificate authority: `<name>.pem`, its key beside it."""
    files = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
    openssl("req", "-x509", *KEY, "-subj", f"/CN={name}", "-days", 2, *files)
    return folder / f"{name}.pem"


def certificate(ca: Path, host: str) -> tuple[Path, Path]:
    """A certificate for `host` by that authority, and its key."""
    folder = ca.parent
    request, made, key, names = (folder / f"server.{end}" for end in ("csr", "crt", "key", "ext"))
    names.write_text(f"subjectAltName=DNS:{host}")
    openssl("req", *KEY, "-subj", f"/CN={host}", "-keyout", key, "-out", request)
    signer = ("-CA", ca, "-CAkey", ca.with_suffix(".key"), "-CAcreateserial")
    openssl("x509", "-req", "-in", request, *signer, "-extfile", names, "-days", 2, "-out", made)
    return made, key


@contextmanager
def offered(server: PostgresServer) -> Iterator[Path]:
    """Inside the block the server takes TLS alone over the network; yields the folder of its authority, `ours.pem`, and of
    another one, `other.pem`."""
    [(data,)] = server.rows(server.endpoint, "SHOW data_directory")
    folder, access = Path(data) / "tls", Path(data) / "pg_hba.conf"
    folder.mkdir()
    cert, key = certificate(authority(folder, "ours"), "localhost")
    authority(folder, "other")
    user = unprivileged()
    for path in (folder, cert, key):
        if user:
            shutil.chown(path, user)
    before = access.read_text()
    try:
        for name, value in zip(SETTINGS, ("on", cert, key), strict=True):
            server.execute(server.endpoint, f"ALTER SYSTEM SET {name} = '{value}'")
        access.write_text(f"hostnossl all all all reject\n{before}")
        server.execute(server.endpoint, "SELECT pg_reload_conf()")
        yield folder
    finally:
        access.write_text(before)
        for name in SETTINGS:
            server.execute(server.endpoint, f"ALTER SYSTEM RESET {name}")
        server.execute(server.endpoint, "SELECT pg_reload_conf()")
        shutil.rmtree(folder)
