"""One of many processes that ask, approve, reject, run and cancel at random in one control store, and that says what the store
took from it."""

from __future__ import annotations

import json
import random
import sys
from typing import Any

from jobs.config.approvals import Requirement
from jobs.control.approvals import Permission
from jobs.control.rows import OperationRow
from jobs.control.store import ControlStore, Planned
from jobs.errors import AlreadyRunning, AwaitingApproval, UsageError

PLANS = [f"{number:064x}" for number in range(3)]
RULE = Requirement(("DBA", "SECURITY"))
PEOPLE = {"DBA": frozenset({"anna", "ben"}), "SECURITY": frozenset({"ben", "carol"})}
DEFINITION: dict[str, Any] = {
    "operation_type": "copy_full", "source_env": "PROD", "target_env": "DEV", "tables": ["*"], "filter": {},
    "anonymize": True, "parallel_workers": 1, "domain_id": None, "scheduled_at": None,
}  # fmt: skip


class Decider:
    """A process's own random choices."""

    def __init__(self, store: ControlStore, name: str) -> None:
        self.store, self.name, self.rng = store, name, random.Random(name)
        self.taken: list[tuple[str, ...]] = []

    def ask(self) -> OperationRow:
        sha = self.rng.choice(PLANS)
        planned = Planned(sha, {"approvals": RULE.as_json()}, {})
        return self.store.find_or_create(
            DEFINITION, planned, requested_by="rita", people=PEOPLE, seen=self.store.latest(sha, "DEV")
        )

    def decide(self, row: OperationRow, decided: Any) -> None:
        role = self.rng.choice(RULE.roles)
        person = self.rng.choice(sorted(PEOPLE[role]))
        self.store.decide(
            row.id, decided, role=role, person=person, plan=row.plan_sha256, people=PEOPLE, comments=self.name
        )
        self.taken.append((row.id, decided, person, role))

    def run(self, row: OperationRow) -> None:
        """A driver that counts its start in a place that only the one driver may touch."""
        run_id, permission = f"{self.name}-{len(self.taken)}", Permission(row.plan_sha256, RULE, PEOPLE)
        started = self.store.start(row, run_id, self.name, permission, workers=1, limits={})
        self.taken.append((row.id, "started"))
        stop = self.store.move(row.id, self.name)
        self.store.progress(row.id, self.name, rows_copied=started.rows_copied + 1)
        ends = {"reject": "rejected", "cancel": "cancelled", "pause": "paused"}
        ended: Any = ends[stop] if stop else self.rng.choice(["completed", "failed", "paused"])
        self.store.finish(row.id, self.name, ended)

    def cancel(self, row: OperationRow) -> None:
        self.store.request_stop(row.id, "cancel")
        self.taken.append((row.id, "cancel"))

    def act(self) -> None:
        try:
            row = self.ask()
            does = self.rng.choices(["approve", "run", "reject", "cancel"], [8, 5, 1, 0.5])[0]
            if does == "run":
                self.run(row)
            elif does == "cancel":
                self.cancel(row)
            else:
                self.decide(row, "approved" if does == "approve" else "rejected")
        except (AlreadyRunning, AwaitingApproval, UsageError) as refused:
            self.taken.append(("", "refused", type(refused).__name__))


def main() -> None:
    """Arguments: the store's URL, a name, how many acts."""
    url, name, acts = sys.argv[1:]
    with ControlStore.open(url) as store:
        decider = Decider(store, name)
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(int(acts)):
            decider.act()
    print(json.dumps(decider.taken))
