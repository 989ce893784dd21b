"""Is a pooler between us and the server, and does it keep a server session for each client?

One that lends its sessions by transaction mixes what clients set and loses snapshots and locks. Ours would also leave its
settings (read-only, time zone) to the next client, so this is asked before anything is set.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg

from connectors.errors import ConnectionLost, Unsupported

Connection = psycopg.Connection[tuple[Any, ...]]


def refuse_shared(connection: Connection, another: Callable[[], Connection]) -> None:
    """Raises Unsupported where another client's statements meet the server process that serves us. `another` connects as
    we did, with a short patience: where it has to wait for a free server session, ours is our own."""
    mine = server_process(connection)
    if mine == connection.info.backend_pid:
        return
    with closing(another()) as other:
        try:
            shared = server_process(other) == mine
        except ConnectionLost:
            shared = False
    if shared or server_process(connection) != mine:
        raise Unsupported(
            "a pooler that shares server sessions between its clients is in between",
            todo="name the server itself, or a pool in session mode (PgBouncer: pool_mode = session)",
        )


def server_process(connection: Connection) -> int:
    found: int = connection.execute(b"SELECT pg_backend_pid()").fetchall()[0][0]
    return found
