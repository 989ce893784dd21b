"""What a person reads after a mistake, and that nothing happened besides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Endpoint
from jobs.cli import call
from jobs.control.store import ControlStore
from tests.jobs.running.site import POLICY, Site

VALUES = ("@corp", "Näme", "Note, ", "label 1")
"""What stands in the cells of a site's rows, and nowhere else."""

KEY = bytes(range(32)).hex()

TABLES = {
    "mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1",
    "postgresql": "SELECT schemaname || '.' || tablename FROM pg_tables"
    " WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema' ORDER BY 1",
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1",
}


def holds(site: Site, end: Endpoint) -> dict[str, Any] | None:
    """Every table of a database with its rows' digest; None for a file that is not there."""
    if end.host is None and not Path(end.database).is_file():
        return None
    server: Any = site.landing if end is site.dev else site.server
    names = [row[0] for row in server.rows(end, TABLES[end.engine])]
    return {name: server.digest(end, name) for name in names}


def everything(site: Site) -> list[Any]:
    """Both ends, and what the control store knows."""
    with ControlStore.open(site.control) as store:
        known = [(row.id, row.status, row.error) for row in store.recent()]
    return [holds(site, site.prod), holds(site, site.dev), known]


def recorded(site: Site) -> str:
    """All that the control store and the target's ledger hold."""
    server: Any = site.landing
    tables = [name for (name,) in server.rows(site.dev, TABLES[site.dev.engine]) if "_dbagent" in name]
    assert tables
    stored = [path.read_bytes().decode("utf-8", "replace") for path in sorted(site.folder.glob("control.db*"))]
    return "".join([*stored, *(repr(server.read(site.dev, table)) for table in tables)])


def policy(site: Site, changes: dict[str, Any]) -> dict[str, Any]:
    """The site's policy with these rules instead; None removes one."""
    columns = {column: rule for column, rule in (POLICY | changes).items() if rule is not None}
    return {"key": {"secret": f"file:{site.folder / 'master.key'}"}, "columns": columns}


class Told:
    """Runs a command line that must fail; returns its one block on stderr."""

    def __init__(self, output: pytest.CaptureFixture[str]) -> None:
        self._output = output

    def __call__(self, site: Site, code: int, *command: str) -> str:
        """A mistake that is noticed before anything is changed."""
        before = everything(site)
        said = self.failed(site, code, *command)
        assert everything(site) == before
        return said

    def failed(self, site: Site, code: int, *command: str) -> str:
        """A mistake that may have begun something."""
        self._output.readouterr()
        found = call(site.arguments(*command))
        shown, said = self._output.readouterr()
        assert found == code, said
        check_block(said)
        for secret in (*VALUES, KEY, "hunter2", site.prod.password, site.dev.password):
            assert secret is None or secret not in shown + said, said
        return said


def check_block(said: str) -> None:
    """One block that says what, where and what to do, and nothing of the program's inside."""
    assert said.startswith("error: "), said
    assert said.count("error: ") == 1, said
    assert len(said.splitlines()) > 1, said
    for inside in ("Traceback", 'File "', ".py", "a bug in", "psycopg", "sqlalchemy", "sqlite3", "Exception"):
        assert inside not in said, said
