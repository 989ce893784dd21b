"""The ledger in tables of the target's own database, on a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.contract import RunRecord
from connectors.ledger import SqlLedger
from connectors.ledger_tables import TABLES
from connectors.mysql.privileges import grants
from connectors.mysql.probe import end_sessions
from connectors.mysql.session import LEDGER, Session

LEDGER_TABLES = " ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
HELD = "CREATE UNIQUE INDEX held ON _dbagent_leases (target, run_id, fence)"
"""Whoever holds a lease locks its entry here alone: a sign of life changes the row beside it, a takeover the entry."""
IS_HELD = """
SELECT 1 FROM information_schema.statistics
WHERE table_schema = DATABASE() AND table_name = '_dbagent_leases' AND index_name = 'held'
"""
IS_THERE = f"""
SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '_dbagent_steps'
AND EXISTS ({IS_HELD})
"""
"""With the youngest table: versions before it had none."""
LEDGER_NEEDS = ("CREATE", "INDEX", "SELECT", "INSERT", "UPDATE", "DELETE")
LEDGER_LOCK = "concat('dbagent ledger ', md5(DATABASE()))"
"""Under this lock the bookkeeping tables are made: two drivers may start at once."""
LEDGER_PATIENCE = 60


class Ledger(SqlLedger):
    """The ledger in tables of the database itself."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, LEDGER)
        self._session = session

    def obstacles(self) -> list[str]:
        granted = grants(self._session)
        missing = [name for name in LEDGER_NEEDS if not granted.may(name)]
        if not missing:
            return []
        return [f"our user may not keep a ledger: {granted.grant(missing)}"]

    def over(self, session: Session) -> Ledger:
        """The same driver's ledger over another session."""
        other = Ledger(session)
        other._lease = self._lease
        return other

    def acquire(self, run: RunRecord, targets: Sequence[str], holder: str, alive: Callable[[str], bool],
                cancelled: str | None = None, *, inherits: bool = True) -> int:  # fmt: skip
        """A task that hangs keeps its hold on the lease although its driver is gone: its sessions are ended first."""
        for former in self.superseded(targets, holder, alive):
            end_sessions(self._session, f"dbagent/{former.run_id}/{former.fence}/", timeout=30)
        return super().acquire(run, targets, holder, alive, cancelled, inherits=inherits)

    def create(self) -> None:
        if self._session.rows(IS_THERE):
            return
        self._session.rows(f"SELECT GET_LOCK({LEDGER_LOCK}, {LEDGER_PATIENCE})")
        try:
            for statement in TABLES:
                self._session.run(LEDGER.sql(statement) + LEDGER_TABLES)
            if not self._session.rows(IS_HELD):
                self._session.run(HELD)
        finally:
            self._session.rows(f"SELECT RELEASE_LOCK({LEDGER_LOCK})")
