"""Databases with a schema of everything, users with few privileges, and a judge that is not ours: mariadb-dump."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from connectors.contract import Endpoint, RunRecord, Tls
from connectors.mysql.target import Target
from connectors.mysql.testkit import OWNER, MariaServer, install, unprivileged
from connectors.testkit import free_port

RICH = (Path(__file__).parent / "rich.sql").read_text()


def rich(server: MariaServer, endpoint: Endpoint) -> None:
    """Everything that MariaDB lets one define."""
    text = "\n".join(line for line in RICH.splitlines() if not line.startswith("--"))
    with server.connect(endpoint) as connection, connection.cursor() as cursor:
        for statement in re.split(r"^//$", text, flags=re.MULTILINE):
            cursor.execute(statement.strip().replace("{db}", endpoint.database))


def user(server: MariaServer, endpoint: Endpoint, *privileges: str) -> Endpoint:
    """A login of its own that has these privileges on the database."""
    name = f"u{endpoint.database[-8:]}"
    server.execute(endpoint, f"CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'secret'")
    for privilege in privileges:
        server.execute(endpoint, f"GRANT {privilege} ON `{endpoint.database}`.* TO '{name}'@'127.0.0.1'")
    return replace(endpoint, user=name, password="secret")


def dumped(endpoint: Endpoint, *options: str, triggers: bool = False) -> list[str]:
    """The schema as its own tool writes it: definers, the order of keys, counters and names of databases left out."""
    program = shutil.which("mariadb-dump")
    assert program, "install Debian's package mariadb-client"
    command = [program, "--no-defaults", "--no-data", "--skip-comments", "--host=127.0.0.1", f"--port={endpoint.port}",
               "--user=root", f"--password={endpoint.password}", *options, "--skip-triggers" * (not triggers) or "--triggers",
               endpoint.database]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True)
    text = done.stdout.decode("utf-8", "surrogateescape").replace(f"`{endpoint.database}`", "`here`")
    text = re.sub(r"DEFINER=`[^`]*`@`[^`]*`", "", re.sub(r" AUTO_INCREMENT=\d+", "", text))
    return sorted(line.rstrip(",") for line in text.splitlines())


def lease(target: Target, *tables: str, run: str = "run") -> int:
    """The ledger made, and the lease of these tables taken from whoever had it; its fence."""
    target.ledger.create()
    record = RunRecord(run, "operation", "0" * 64, "PROD", "running", time.time(), None)
    return target.ledger.acquire(record, tables, "driver", lambda _: False)


@contextmanager
def installed() -> Iterator[tuple[Path, Endpoint]]:
    """The files of a server that a test starts, and kills, by itself, and where it is to answer."""
    folder = Path(tempfile.mkdtemp(prefix="dbagent-"))
    folder.chmod(0o755)
    user = unprivileged()
    if user:
        shutil.chown(folder, user)
    install(folder / "data", user)
    password = secrets.token_urlsafe(16)
    yield folder, Endpoint("test", "mysql", "mysql", "127.0.0.1", free_port(), OWNER, password, Tls("disable"))
    shutil.rmtree(folder, ignore_errors=True)
