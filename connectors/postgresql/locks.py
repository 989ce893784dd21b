"""Locks on tables that another session holds: who, and since when its query runs.

The server tells a session that gave up waiting nothing about whom it waited for, and cannot be asked later; so the tables
that the statements name are looked up, and who holds locks there that would be in the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import psycopg

from connectors.errors import Locked
from connectors.postgresql.definitions import QUALIFIED
from connectors.postgresql.errors import translated
from connectors.postgresql.session import Connection

WRITERS: Sequence[str] = (
    "RowExclusive",
    "ShareUpdateExclusive",
    "Share",
    "ShareRowExclusive",
    "Exclusive",
    "AccessExclusive",
)
LOADING = re.compile(r"COPY ")
"""What stands beside those who write, but not beside those who keep others from writing."""
FORBIDDING: Sequence[str] = ("Share", "ShareRowExclusive", "Exclusive", "AccessExclusive")
EVERYBODY: Sequence[str] = ("AccessShare", "RowShare", *WRITERS)
BESIDE_READERS = re.compile(
    r"CREATE (UNIQUE )?INDEX|CREATE STATISTICS|COMMENT|ANALYZE"
    r"|ALTER TABLE (?s:.)+ (ADD CONSTRAINT (?s:.)+ FOREIGN KEY|VALIDATE|ENABLE|DISABLE)"
)
"""What only those are in the way of who write."""
DEADLOCKS = 10
"""Of so many the last is told: two foreign keys that are declared at once lock the same two tables."""
Result = TypeVar("Result")
HOLDERS = b"""
WITH RECURSIVE named (oid) AS (SELECT to_regclass(n) FROM unnest(%s::text[]) n),
family (oid) AS (SELECT oid FROM named UNION SELECT i.indrelid FROM named n JOIN pg_index i ON i.indexrelid = n.oid
  UNION SELECT h.inhrelid FROM family f JOIN pg_inherits h ON h.inhparent = f.oid)
SELECT DISTINCT a.pid, to_char(a.query_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), a.application_name
FROM family f JOIN pg_locks l ON l.locktype = 'relation' AND l.relation = f.oid AND l.granted
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND a.pid <> pg_backend_pid() AND l.mode = ANY(%s::text[]) ORDER BY 1
"""


@dataclass(frozen=True)
class Holder:
    pid: int
    since: str | None
    ours: bool
    """A session of the same run."""

    def __str__(self) -> str:
        return f"{self.pid} (its query began {self.since} UTC)" if self.since else f"{self.pid}"


def holders(connection: Connection, statements: Sequence[str]) -> list[Holder]:
    """Who holds locks that these statements have to wait for."""
    names = {name for statement in statements for name in re.findall(QUALIFIED, statement)}
    ways = ((BESIDE_READERS, WRITERS), (LOADING, FORBIDDING))
    modes = next((modes for shape, modes in ways if all(map(shape.match, statements))), EVERYBODY)
    found = connection.execute(HOLDERS, [sorted(names), [f"{mode}Lock" for mode in modes]])
    application = connection.info.parameter_status("application_name") or ""
    run = "/".join(application.split("/")[:2]) + "/" if application.count("/") > 1 else None
    return [
        Holder(pid, since, run is not None and (name or "").startswith(run)) for pid, since, name in found.fetchall()
    ]


@contextmanager
def told(connection: Connection, where: str, statements: Sequence[str]) -> Iterator[None]:
    """`translated`; a lock that was not granted is told with its holders. The block leaves no transaction open."""
    try:
        with translated(where):
            yield
    except Locked as error:
        locked = error
    else:
        return
    with translated(where):
        found = named(connection, locked, statements)
    raise found


def named(connection: Connection, error: Locked, statements: Sequence[str]) -> Locked:
    """The error with those that these statements have to wait for, as far as there are any now."""
    found = ", ".join(str(holder) for holder in holders(connection, statements) if not holder.ours)
    if not found:
        return Locked(error.what, where=error.where, todo="try again", code=error.code)
    return Locked(
        f"{error.what}: held by session {found}",
        where=error.where,
        todo="wait for that session or end it (pg_terminate_backend), then try again",
        code=error.code,
    )


def behind_our_own(connection: Connection, statements: Sequence[str], work: Callable[[], Result]) -> Result:
    """Do it, however long sessions of our own run are in the way: several of them build and prove at once, and each waits
    for those on its table. `work` is done again from the start. Raises psycopg.Error."""
    deadlocks = 0
    while True:
        try:
            return work()
        except psycopg.errors.DeadlockDetected:
            deadlocks += 1
            if deadlocks == DEADLOCKS:
                raise
        except psycopg.errors.LockNotAvailable:
            found = holders(connection, statements)
            if not found or not all(holder.ours for holder in found):
                raise
