"""The ledger in the file itself, and the moment in which the file is made."""

from __future__ import annotations

from connectors.contract import Endpoint
from connectors.ledger import SqlLedger
from connectors.sqlite.session import LEDGER, Session, make, open_target


class Ledger(SqlLedger):
    """It is a run's first write, so it makes the file (mode 0600) where there is none: a plan makes nothing."""

    def __init__(self, session: Session, endpoint: Endpoint, promised: bool) -> None:
        super().__init__(session, LEDGER)
        self._session, self._endpoint, self._promised = session, endpoint, promised

    def create(self) -> None:
        self.make()
        super().create()

    def make(self) -> None:
        """The file, where it is only promised."""
        if self._promised:
            make(self._endpoint)
            self._session.close()
            self._session.connection = open_target(self._endpoint)
            self._promised = False
