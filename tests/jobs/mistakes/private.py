"""A MariaDB server that only some tests know: what is set on it, how many may log in and whether it lives is theirs to say.

Its server-wide sql_mode is empty, as sites with old applications have it; what it has committed is on disk.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pymysql
from pymysql.connections import Connection

from connectors.contract import Endpoint
from connectors.mysql.testkit import MariaServer, as_user, listening, testkit, unprivileged
from tests.jobs.running.faults import until

OPTIONS = ("--sql-mode=", "--innodb-flush-log-at-trx-commit=1")
GUEST = "guest"
"""A user without administrator's rights, with the password of all others."""
USUAL = "SET GLOBAL read_only = 0, GLOBAL local_infile = 1, GLOBAL max_connections = 100, GLOBAL sql_mode = ''"


class Private:
    """The server, its folder and the process it runs in now."""

    def __init__(self, server: MariaServer, folder: Path) -> None:
        self.server, self._folder = server, folder
        self._pid = int((folder / "pid").read_text())
        self._command = Path(f"/proc/{self._pid}/cmdline").read_text().split("\0")[:-1]
        self._again: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """SIGKILL, and wait until its files are free."""
        if self._again is not None:
            self._again.kill()
            self._again.wait(60)
        else:
            os.kill(self._pid, signal.SIGKILL)
            os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)  # the testkit wants to see its end too

    def start(self) -> None:
        """Once more, over the same files and on the same port."""
        user = unprivileged()
        with (self._folder / "log").open("ab") as log:
            self._again = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **as_user(user)
            )
        until(lambda: listening(self._folder / "s"), "the server's start")

    def restart(self) -> None:
        self.kill()
        self.start()

    def set(self, statement: str) -> None:
        self.server.execute(self.server.endpoint, statement)

    def usual(self) -> None:
        """As a test finds it, whatever the last one left."""
        if not listening(self._folder / "s"):
            self.start()
        self.set(USUAL)
        self.set(f"DROP USER IF EXISTS '{GUEST}'@'127.0.0.1'")

    def guest(self, *limits: str) -> dict[str, str]:
        """Make that user, who may do everything with tables; what an environment says of it."""
        password = self.server.endpoint.password
        self.set(f"CREATE USER '{GUEST}'@'127.0.0.1' IDENTIFIED BY '{password}' {' '.join(limits)}")
        rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, REFERENCES, TRIGGER, LOCK TABLES"
        self.set(f"GRANT {rights} ON *.* TO '{GUEST}'@'127.0.0.1'")
        return {"user": GUEST}

    @contextmanager
    def crowded(self, end: Endpoint) -> Iterator[None]:
        """Other clients hold every connection that there is for ordinary users; nobody is about to leave."""
        others = "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user IN ('root', 'dba')"
        with ExitStack() as crowd:
            keeper = crowd.enter_context(self.login(end)).cursor()
            until(lambda: not keeper.execute(others), "the end of earlier sessions")
            keeper.execute("SET GLOBAL max_connections = 10")
            for _ in range(9):
                crowd.enter_context(until(lambda: self._room(end), "a place of an earlier session"))
            yield

    def _room(self, end: Endpoint) -> Connection[Any] | None:
        try:
            return self.login(end, GUEST)
        except pymysql.OperationalError:
            return None

    def login(self, end: Endpoint, user: str = "root") -> Connection[Any]:
        """A plain client's session."""
        given = {"host": end.host, "port": end.port or 3306, "database": end.database}
        return pymysql.connect(
            **given, user=user, password=self.server.endpoint.password or "", autocommit=True, ssl_disabled=True
        )


@contextmanager
def private_server(folder: Path) -> Iterator[Private]:
    folder.chmod(0o755)
    with testkit.start(folder, *OPTIONS) as server:
        private = Private(server, folder)
        try:
            yield private
        finally:
            private.kill()
