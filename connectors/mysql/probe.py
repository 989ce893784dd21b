"""What a live server says about itself.

The identity is what the server calls itself with the database's name: one database under two host names has one identity,
so that nobody copies a database into itself.
"""

from __future__ import annotations

import hashlib
from time import monotonic, sleep

from connectors.errors import Busy, ConnectorError
from connectors.facts import Server
from connectors.mysql.privileges import grants
from connectors.mysql.session import SLOTS, Session, names

FACTS = """
SELECT @@version, CONNECTION_ID(), @@global.read_only, DATABASE(), @@lower_case_table_names,
  concat_ws('/', @@hostname, @@port, @@datadir, @@server_id)
"""
VARIABLES = """
SHOW GLOBAL VARIABLES
WHERE variable_name IN ('server_uuid', 'server_uid', 'super_read_only', 'innodb_read_only', 'local_infile')
"""
SIZES = """
SELECT coalesce(sum(data_length + index_length), 0), count(*), coalesce(sum(engine <> 'InnoDB'), 0)
FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type <> 'VIEW'
"""
POSITION = "SHOW STATUS WHERE variable_name IN ('Binlog_snapshot_file', 'Binlog_snapshot_position')"
EXECUTED = "SELECT @@global.gtid_executed"
SNAPSHOT = (
    "each reader has a snapshot of its own (REPEATABLE READ), taken when it begins: rows of one reader are of one moment,"
    " those of several may be of several where others write meanwhile; for one moment read a replica whose applier is stopped"
)
PAST_READ_ONLY = frozenset({"ALL PRIVILEGES", "SUPER", "READ_ONLY ADMIN", "READ ONLY ADMIN", "CONNECTION_ADMIN"})
SLOW_LOADS = (
    "local_infile is off: rows are inserted instead of loaded, several times slower; SET GLOBAL local_infile = 1"
)
DDL_WAITS = "ALTER TABLE on a table waits while a copy reads it, and holds up all who come after it"


def server(session: Session, *, source: bool) -> Server:
    """The facts of the server behind a session. Raises ConnectorError."""
    [(version, connection, read_only, database, folds, address)] = session.rows(FACTS)
    variables = {name.lower(): str(value) for name, value in session.rows(VARIABLES)}
    [(size, tables, others)] = session.rows(SIZES)
    granted = grants(session)
    locked = "ON" in (variables.get("super_read_only"), variables.get("innodb_read_only"))
    writable = not locked and (not int(read_only) or granted.server & PAST_READ_ONLY)
    pooler = int(connection) != session.thread
    notes = ["reached through a proxy, which keeps a server session for each of ours"] if pooler else []
    if source:
        privileges = [(f"read all {tables} tables", granted.may("SELECT"))]
        notes.append(DDL_WAITS)
        if others:
            notes.append(f"{others} of its tables are of engines that know no snapshot")
    else:
        wanted = {
            "create tables, the ledger's among them": ("CREATE",),
            "read, insert, change and remove rows": ("SELECT", "INSERT", "UPDATE", "DELETE"),
            "make and drop indexes": ("INDEX", "ALTER"),
            "truncate tables": ("DROP",),
            "see triggers": ("TRIGGER",),
        }
        privileges = [(text, all(map(granted.may, needed))) for text, needed in wanted.items()]
        if variables.get("local_infile") != "ON":
            notes.append(SLOW_LOADS)
    itself = variables.get("server_uuid") or f"{address}/{variables.get('server_uid', '')}"
    digest = hashlib.sha256(itself.encode()).hexdigest()[:16]
    return Server(
        version=f"{session.flavour} {version}",
        dialect=session.flavour,
        identity=f"{digest}/{database.lower() if int(folds) else database}",
        snapshot=SNAPSHOT,
        replica=_applies(session),
        writable=bool(writable),
        pooler=pooler,
        bytes=int(size),
        privileges=tuple(privileges),
        ignores_case="unicode" if int(folds) else None,
        suspends_foreign_keys=True,
        notes=tuple(notes),
    )


def _applies(session: Session) -> bool:
    """Whether the server repeats what another one does; False where our user may not ask."""
    for statement in ("SHOW REPLICA STATUS", "SHOW SLAVE STATUS"):
        try:
            return bool(session.rows(statement))
        except ConnectorError as error:
            if error.retryable:
                raise
    return False


def position(session: Session) -> str:
    """How far the server's log of changes was at the session's snapshot; empty where it keeps none. Two snapshots of one
    position are of one moment."""
    if session.flavour == "MariaDB":
        found = {name.lower(): value for name, value in session.rows(POSITION)}
        file = found.get("binlog_snapshot_file", "")
        return f"{file}:{found['binlog_snapshot_position']}" if file else ""
    return str(session.value(EXECUTED)).replace("\n", "")


def end_sessions(session: Session, application: str, timeout: float) -> int:
    """End the sessions of that application, not ours, and wait until they are gone."""
    mine = int(session.value("SELECT CONNECTION_ID()"))
    found = _holders(session, application) - {mine}
    deadline = monotonic() + timeout
    left = found
    while left:
        for number in left:
            try:
                session.run(f"KILL {number}")
            except ConnectorError as error:
                if error.code != UNKNOWN_THREAD:
                    raise
        left = _holders(session, application) - {mine}
        if left and monotonic() > deadline:
            raise Busy(
                f"{len(left)} sessions of an earlier attempt do not end",
                todo="see what they wait for: SHOW FULL PROCESSLIST",
            )
        sleep(0.02 if left else 0)
    return len(found)


UNKNOWN_THREAD = "1094"


def _holders(session: Session, application: str) -> set[int]:
    """The server's numbers of the sessions that hold a lock of this name."""
    name = names(application)[-1]
    slots = " UNION ALL ".join(f"SELECT IS_USED_LOCK('{name}{slot}')" for slot in range(SLOTS))
    return {int(number) for (number,) in session.rows(slots) if number is not None}
