"""A hot standby of a test server: its base backup, started beside it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from connectors.postgresql.testkit import PostgresServer, run, unprivileged
from connectors.testkit import free_port


@contextmanager
def standby(primary: PostgresServer, folder: Path) -> Iterator[PostgresServer]:
    at, port, data, user = primary.endpoint, free_port(), folder / "data", unprivileged()
    if user:
        shutil.chown(folder, user)
    source = f"host={at.host} port={at.port} user={at.user} password={at.password}"
    run(["pg_basebackup", "-d", source, "-D", str(data), "-R", "-X", "stream", "-c", "fast", "--no-sync"], user)
    with (data / "postgresql.conf").open("a") as file:
        file.write(f"port = {port}\nunix_socket_directories = '{folder}'\n")
    run(["pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-w", "start"], user)
    try:
        yield PostgresServer(replace(at, environment="standby", port=port))
    finally:
        run(["pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop"], user)
        shutil.rmtree(data)


def caught_up(primary: PostgresServer, follower: PostgresServer) -> bool:
    """Wait until the standby shows what the primary has committed by now."""
    [(written,)] = primary.rows(primary.endpoint, "SELECT pg_current_wal_lsn()")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if follower.rows(follower.endpoint, f"SELECT pg_last_wal_replay_lsn() >= '{written}'") == [(True,)]:
            return True
        time.sleep(0.02)
    return False
