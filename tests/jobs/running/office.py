"""People around a site: those who ask for copies, those who approve them, and what time it is for all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import yaml

from jobs.cli import call
from jobs.control import approvals, audit, driving, rows, store, tasks
from jobs.control.rows import OperationRow
from jobs.control.store import ControlStore
from jobs.running import jvm
from tests.jobs.running.site import Site

PEOPLE = {"DBA": ["anna", "ben"], "DATA_OWNER": ["carol"], "SECURITY": ["dave"], "MANAGER": ["erin"]}
APPROVERS = {"DBA": "anna", "DATA_OWNER": "carol", "SECURITY": "dave", "MANAGER": "erin"}
"""Who approves here in which role."""


class Office:
    """Two people must allow a copy of this site's PROD to its DEV. Commands are given by somebody, in this process."""

    def __init__(self, site: Site, patch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]) -> None:
        self.site, self._patch, self._output = site, patch, output
        self.late = timedelta(0)
        patch.setenv("DBAGENT_APPROVALS", str(site.folder / "approvals.yaml"))
        patch.setenv("HOME", str(site.folder))
        patch.setattr(jvm, "launch", lambda: None)  # Spark is not the point
        for module in (approvals, audit, driving, rows, store, tasks):
            patch.setattr(module, "now", lambda: datetime.now(timezone.utc) + self.late)
        self.rule()

    def rule(self, pair: str = "PROD -> DEV", **changes: Any) -> None:
        """Write the approvals file with one pair."""
        rule = {"roles": ["DBA", "SECURITY"], **changes}
        (self.site.folder / "approvals.yaml").write_text(yaml.safe_dump({"roles": PEOPLE, "pairs": {pair: rule}}))

    def by(self, person: str, *command: str, code: int = 0) -> str:
        """What `person` reads after this command; where it fails, what it is told."""
        self._output.readouterr()
        self._patch.setattr(ControlStore, "person", lambda _: person)
        found = call(self.site.arguments(*command))
        said = self._output.readouterr()
        assert found == code, said.out + said.err
        return said.err if code else said.out

    def json(self, person: str, *command: str) -> Any:
        return json.loads(self.by(person, *command, "--json"))

    def asked(self, **changes: Any) -> OperationRow:
        """An operation that rita has asked for."""
        return self.row(self.json("rita", "create", str(self.site.operation(**changes)))["id"])

    def row(self, operation: str) -> OperationRow:
        with ControlStore.open(self.site.control) as opened:
            return opened.get(operation)

    def decide(self, what: str, operation: str, role: str, person: str | None = None, code: int = 0) -> str:
        plan = self.row(operation).plan_sha256
        return self.by(person or APPROVERS[role], what, operation, "--plan", plan, "--role", role, code=code)

    def approved(self, operation: str, *roles: str) -> OperationRow:
        """The operation with these approvals: all it lacks, when none is named."""
        for role in roles or self.json("rita", "show", operation)["approvals_missing"]:
            self.decide("approve", operation, role)
        return self.row(operation)

    def events(self, operation: str) -> list[tuple[str, str]]:
        """Who did what."""
        return [(entry["who"], entry["event"]) for entry in self.json("rita", "audit", operation)]


def once(patch: pytest.MonkeyPatch, whose: Any, name: str, happens: Callable[[], None], *, after: bool) -> None:
    """Let something happen before or after the first call of a function."""
    real = getattr(whose, name)

    def patched(*given: Any, **how: Any) -> Any:
        patch.setattr(whose, name, real)
        if not after:
            happens()
        result = real(*given, **how)
        if after:
            happens()
        return result

    patch.setattr(whose, name, patched)
