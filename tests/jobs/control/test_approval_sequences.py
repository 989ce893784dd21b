"""Ten thousand random histories: nothing ever runs without every required role's live approval of that very plan, given by
distinct, entitled people other than the requester; and what has them all does run.

What must hold is judged by code of its own, from a list of what happened. A rejection counts until the first row moves,
and then none is taken.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.config.approvals import ROLES, Requirement
from jobs.control import approvals, audit, driving, rows, store
from jobs.control.approvals import Permission
from jobs.control.store import ControlStore, Planned
from jobs.errors import AwaitingApproval, UsageError
from jobs.planning.plan import fingerprint

SEQUENCES, STEPS = 10_000, 10
SHARES = 10
"""Tests that share them, so that the processes that share the tests can."""
PEOPLE = ("ann", "bob", "cat", "dan", "eve")
PARTS = ("policy", "filter", "schema", "address", "key", "consent", "dictionary")
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DEFINITION = {
    "operation_type": "copy_full", "source_env": "PROD", "target_env": "DEV", "tables": ["*"], "filter": {},
    "anonymize": True, "parallel_workers": 1, "domain_id": None, "scheduled_at": None,
}  # fmt: skip


class Clock:
    """What time it is everywhere in the control store."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        for module in (approvals, audit, driving, rows, store):
            monkeypatch.setattr(module, "now", lambda: self.now)


@dataclass
class Happened:
    """One decision, as the judge remembers it."""

    operation: str
    sha: str
    role: str
    person: str
    approved: bool
    at: datetime


@dataclass
class History:
    """One random sequence over one plan that keeps changing, and the judge's memory of it."""

    store: ControlStore
    clock: Clock
    rng: random.Random
    number: int
    what: dict[str, Any] = field(default_factory=dict)
    decisions: list[Happened] = field(default_factory=list)
    requesters: dict[str, str] = field(default_factory=dict)
    planners: set[tuple[str, str, str]] = field(default_factory=set)
    operation: str | None = None
    started: int = 0
    refused: int = 0

    def begin(self) -> None:
        roles = tuple(role for role in ROLES if self.rng.random() < 0.4)
        standing = self.rng.choice([None, timedelta(days=2), timedelta(days=30)])
        self.rule = Requirement(roles, False, timedelta(days=self.rng.choice([1, 7])), standing)
        self.people = {role: frozenset(p for p in PEOPLE if self.rng.random() < 0.6) for role in ROLES}
        self.what = dict.fromkeys(PARTS, 0) | {"number": self.number, "approvals": self.rule.as_json()}
        self.create()

    @property
    def sha(self) -> str:
        return fingerprint(self.what)

    @property
    def planned(self) -> Planned:
        return Planned(self.sha, dict(self.what), {})

    def create(self) -> None:
        by = self.rng.choice(PEOPLE)
        seen = self.store.latest(self.sha, "DEV")
        row = self.store.find_or_create(DEFINITION, self.planned, requested_by=by, people=self.people, seen=seen)
        self.requesters.setdefault(row.id, by)
        self.operation = row.id

    def change(self) -> None:
        part = self.rng.choice(PARTS)
        before, by = self.what[part], self.rng.choice(PEOPLE)
        self.what[part] = self.rng.choice([before + 1, before + 1, 0])
        try:
            self.store.replan(self.id, self.planned, part, person=by, people=self.people)
            self.planners.add((self.id, self.sha, by))
        except UsageError:  # it has run: its plan stays
            self.what[part] = before

    def decide(self, approved: bool) -> bool:
        """Whether the store took the decision."""
        role, person = self.rng.choice((*ROLES, *self.rule.roles * 3)), self.rng.choice(PEOPLE)
        sha = self.sha if self.rng.random() < 0.9 else fingerprint({"stale": self.number})
        decided: Any = "approved" if approved else "rejected"
        try:
            self.store.decide(self.id, decided, role=role, person=person, plan=sha, people=self.people, comments=None)
        except UsageError:
            return False
        self.decisions.append(Happened(self.id, sha, role, person, approved, self.clock.now))
        return True

    def forget(self) -> None:
        role = self.rng.choice(ROLES)
        self.people = {**self.people, role: frozenset(p for p in PEOPLE if self.rng.random() < 0.6)}

    def expire(self) -> None:
        self.clock.now += timedelta(days=self.rng.choice([0.5, 1, 7, 30]))

    def run(self) -> None:
        row = self.store.get(self.id)
        if row.status in ("completed", "cancelled", "rejected"):
            self.create()
            row = self.store.get(self.id)
        may = self.allowed(self.id)
        try:
            self.store.start(row, "run", "host:1", Permission(self.sha, self.rule, self.people), workers=1, limits={})
        except AwaitingApproval:
            self.refused += 1
            assert not may, "refused, though everything was approved"
            return
        assert may, "started without the approvals it needs"
        self.started += 1
        rejected = self.rng.random() < 0.2 and self.decide(False)
        assert (self.store.move(self.id, "host:1") == "reject") == rejected, "rejected, and rows move all the same"
        ended: Any = self.rng.choice(["failed", "paused", *([] if rejected else ["completed"])])
        assert rejected or not self.decide(False), "rejected after rows had moved"
        after = self.store.finish(self.id, "host:1", ended)
        assert after.status == ("rejected" if rejected else ended)

    @property
    def id(self) -> str:
        assert self.operation is not None
        return self.operation

    def allowed(self, operation: str) -> bool:
        """The judge: is there for every required role a person of its own whose approval counts now?"""
        now = self.clock.now
        asked = {self.requesters[operation], *(p for o, sha, p in self.planners if (o, sha) == (operation, self.sha))}
        rejections = [d.at for d in self.decisions if d.sha == self.sha and not d.approved]

        def counts(role: str, person: str) -> bool:
            for d in self.decisions:
                if (d.role, d.person, d.sha, d.approved) != (role, person, self.sha, True):
                    continue
                lasts = self.rule.lasts if d.operation == operation else timedelta(0)
                until = d.at + max(lasts, self.rule.standing or timedelta(0))
                if now < until and not any(at >= d.at for at in rejections):
                    return True
            return False

        return any(
            all(counts(role, person) and person not in asked and person in self.people[role]
                for role, person in zip(self.rule.roles, some, strict=True))
            for some in permutations(PEOPLE, len(self.rule.roles))
        )  # fmt: skip

    def step(self) -> None:
        does = self.rng.choices(
            [lambda: self.decide(True), self.run, self.change, self.expire, self.forget, self.create,
             lambda: self.decide(False)],
            [12, 4, 1, 1, 1, 1, 0.5],
        )[0]  # fmt: skip
        self.clock.now += timedelta(seconds=1)
        does()


def histories(store: ControlStore, numbers: Iterable[int]) -> tuple[int, int]:
    """How many runs started and how many were refused in these sequences."""
    started = refused = 0
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock(patch)
        for number in numbers:
            history = History(store, clock, random.Random(number), number)
            try:
                history.begin()
                for _ in range(STEPS):
                    history.step()
            except AssertionError as wrong:
                raise AssertionError(f"sequence {number}: {wrong}; {history.decisions}") from None
            started, refused = started + history.started, refused + history.refused
    return started, refused


def in_a_file(path: Path, numbers: range) -> tuple[int, int]:
    """The same in a store that does not wait for the disk and keeps its pages in memory."""

    def fast(connection: Any, _: object) -> None:
        for setting in ("synchronous=OFF", "locking_mode=EXCLUSIVE", "journal_mode=MEMORY"):
            connection.execute(f"PRAGMA {setting}")

    with ControlStore.open(f"sqlite:///{path}") as opened:
        opened._engine.dispose()
        sa.event.listen(opened._engine, "connect", fast)
        return histories(opened, numbers)


@pytest.mark.parametrize("share", range(SHARES))
def test_nothing_runs_without_live_approvals_and_what_has_them_runs(tmp_path: Path, share: int) -> None:
    counted = in_a_file(tmp_path / "control.db", range(share, SEQUENCES, SHARES))
    assert min(counted) > SEQUENCES / SHARES / 10  # runs that started, and such as were refused


def test_the_same_holds_in_each_kind_of_store_as_it_is_used(store: ControlStore) -> None:
    assert min(histories(store, range(SEQUENCES, SEQUENCES + 40))) > 4
