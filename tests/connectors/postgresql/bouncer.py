"""A PgBouncer of our own in front of a test server."""

from __future__ import annotations

import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.contract import Endpoint
from connectors.postgresql.testkit import unprivileged
from connectors.testkit import free_port

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@contextmanager
def bouncer(server: Endpoint, folder: Path, mode: str, size: int = 20) -> Iterator[int]:
    """Yields its port."""
    assert PROGRAM, "install Debian's package pgbouncer"
    port, user, settings, users = free_port(), unprivileged(), folder / "pgbouncer.ini", folder / "users"
    users.write_text(f'"{server.user}" "{server.password}"\n')
    settings.write_text(f"""
[databases]
* = host={server.host} port={server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = {mode}
default_pool_size = {size}
logfile = {folder / "log"}
""")
    for path in (folder, settings, users):
        if user:
            shutil.chown(path, user)
    group = pwd.getpwnam(user).pw_gid if user else None
    process = subprocess.Popen(
        [PROGRAM, "-q", str(settings)],
        user=user,
        group=group,
        extra_groups=[] if user else None,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=120)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
