"""Who keeps a definition waiting: its lock is granted when every transaction that has touched the table is over."""

from __future__ import annotations

from connectors.errors import ConnectorError, Locked
from connectors.mysql.session import Session

SINCE = "date_format(UTC_TIMESTAMP() - INTERVAL p.time SECOND, '%%Y-%%m-%%d %%H:%%i:%%S')"
BY_LOCK = (
    f"SELECT DISTINCT p.id, p.user, {SINCE} FROM information_schema.metadata_lock_info l"
    " JOIN information_schema.processlist p ON p.id = l.thread_id"
    " WHERE l.table_schema = DATABASE() AND l.table_name = %s AND p.id <> CONNECTION_ID() ORDER BY p.time DESC",
    f"SELECT DISTINCT p.id, p.user, {SINCE} FROM performance_schema.metadata_locks l"
    " JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id"
    " JOIN information_schema.processlist p ON p.id = t.processlist_id"
    " WHERE l.object_schema = DATABASE() AND l.object_name = %s AND l.lock_status = 'GRANTED' AND p.id <> CONNECTION_ID()"
    " ORDER BY p.time DESC",
)
"""MariaDB's plugin, which few servers load; the performance schema, which MariaDB has turned off and MySQL on."""
BY_TRANSACTION = (
    f"SELECT DISTINCT p.id, p.user, {SINCE} FROM information_schema.processlist p"
    " LEFT JOIN information_schema.innodb_trx x ON x.trx_mysql_thread_id = p.id"
    " WHERE p.db = DATABASE() AND p.id <> CONNECTION_ID() AND coalesce(p.state, '') NOT LIKE 'Waiting for table%%'"
    " AND (x.trx_id IS NOT NULL OR p.command NOT IN ('Sleep', 'Daemon')) ORDER BY p.time DESC"
)
SHOWN = 3


def named(session: Session, error: Locked, table: str) -> Locked:
    """The error with the sessions that hold the table's lock, or may, as far as our user sees them. Never what they run."""
    found, held = _held(session, table), "held"
    if not found:
        found, held = _rows(session, BY_TRANSACTION, ()), "perhaps held"
    if not found:
        todo = "let our user see who holds it: GRANT PROCESS"
        if session.flavour == "MariaDB":  # who has said LOCK TABLES is in no other list
            todo += ", and INSTALL SONAME 'metadata_lock_info'"
        return Locked(error.what, where=error.where, todo=todo, code=error.code)
    told = [f"session {number} of {user}, busy or idle since {since} UTC" for number, user, since in found[:SHOWN]]
    return Locked(
        f"{error.what}: it is {held} by {'; '.join(told)}",
        where=error.where,
        todo=f"wait until that is through, or KILL {found[0][0]}",
        code=error.code,
    )


def _held(session: Session, table: str) -> list[tuple[object, ...]]:
    return next((found for query in BY_LOCK if (found := _rows(session, query, (table,)))), [])


def _rows(session: Session, query: str, values: tuple[str, ...]) -> list[tuple[object, ...]]:
    """Nothing where the server has no such list, or not for our user."""
    try:
        return session.rows(query if values else query.replace("%%", "%"), values)
    except ConnectorError as error:
        if error.retryable:
            raise
        return []
