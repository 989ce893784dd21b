"""In which order what waited comes back, how much of it at once, and what happens to what cannot."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import TargetSession
from connectors.errors import Busy, ConnectorError, Locked, NotFound, TargetFull
from connectors.objects import ObjectId, ObjectKind, Restored, Step
from connectors.schema import Table, TableName
from jobs.running import locked
from jobs.running.locked import Patience
from jobs.running.restoring import ORDER, TRIES, Job, Restoring

NAMES = [TableName(None, name) for name in "abc"]
A, B, C = NAMES


class Site:
    """What sessions do, in the order in which they do it."""

    def __init__(self, fails: Mapping[str, Sequence[ConnectorError]] = {}) -> None:
        self.done: list[str] = []
        self.most = self.open = self._at_work = 0
        self._fails = {name: list(errors) for name, errors in fails.items()}
        self._lock = threading.Lock()

    def connect(self) -> TargetSession:
        with self._lock:
            self.open += 1
        return cast(TargetSession, Session(self))

    def works(self, name: str) -> None:
        with self._lock:
            self._at_work += 1
            self.most = max(self.most, self._at_work)
        time.sleep(0.001)
        with self._lock:
            self._at_work -= 1
            if self._fails.get(name):
                raise self._fails[name].pop(0)
            self.done.append(name)


class Session:
    """As much of a target's session as restores."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def restore(self, steps: Sequence[Step]) -> list[Restored]:
        for step in steps:
            self._site.works(step.id.name)
        return [Restored(step, 0.0) for step in steps]

    def settle(self, table: Table) -> None:
        self._site.works(f"settled {table.name}")

    def close(self) -> None:
        self._site.open -= 1


def step(kind: ObjectKind, table: TableName, name: str = "") -> Step:
    return Step(ObjectId(kind, table, name or f"{kind.value} of {table}"), table, (), ("back",))


def everything(site: Site, steps: Sequence[Step], most: int = 3, **options: Any) -> tuple[list[Restored], Restoring]:
    """Restore all of them, as a driver does whose tables are loaded one after the other."""
    given = {"together": False, "references": {}, "patience": Patience(), **options}
    restoring = Restoring(site.connect, steps, most=most, **given)
    found: list[Restored] = []
    for name in NAMES:
        restoring.loaded(name, Table(name, ()))
    restoring.all_in()
    while not restoring.over:
        restoring.start(most)
        done, _ = wait(restoring.futures, timeout=5, return_when=FIRST_COMPLETED)
        for future in restoring.futures & done:
            found += restoring.came_home(future)
    restoring.close()
    assert site.open == 0
    return found, restoring


WAITING = [kind for kind in ObjectKind if ORDER.index(kind) >= ORDER.index(ObjectKind.PRIMARY_KEY)]
steps_of_tables = st.lists(st.tuples(st.sampled_from(WAITING), st.sampled_from(NAMES)), max_size=12)


@given(steps_of_tables, st.booleans(), st.integers(1, 4))
def test_every_step_is_restored_once_and_in_its_order(
    chosen: list[tuple[ObjectKind, TableName]], together: bool, most: int
) -> None:
    steps = [step(kind, table, f"{number}") for number, (kind, table) in enumerate(chosen)]
    site = Site()
    found, restoring = everything(site, steps, most, together=together)
    assert sorted(one.step.id.name for one in found) == sorted(one.id.name for one in steps)
    assert restoring.failed == []
    assert site.most <= most
    place = {name: number for number, name in enumerate(site.done)}
    for name in NAMES:
        own = [
            one for one in steps if one.table == name and ORDER.index(one.id.kind) < ORDER.index(ObjectKind.FOREIGN_KEY)
        ]
        assert all(place[one.id.name] < place[f"settled {name}"] for one in own)
        for one in own:
            later = [other for other in own if ORDER.index(one.id.kind) < ORDER.index(other.id.kind)]
            assert all(place[one.id.name] < place[other.id.name] for other in later)
    last = [one for one in steps if ORDER.index(one.id.kind) >= ORDER.index(ObjectKind.FOREIGN_KEY)]
    for one in last:
        assert all(place[f"settled {name}"] < place[one.id.name] for name in NAMES)
        assert all(
            place[one.id.name] < place[other.id.name]
            for other in last
            if ORDER.index(one.id.kind) < ORDER.index(other.id.kind)
        )


def test_nothing_that_binds_tables_comes_back_before_all_are_in() -> None:
    site = Site()
    restoring = Restoring(
        site.connect, [step(ObjectKind.FOREIGN_KEY, A)], together=False, most=2, references={}, patience=Patience()
    )
    restoring.loaded(A, None)
    restoring.start(2)
    assert restoring.running == 0
    assert restoring.over
    restoring.all_in()
    assert not restoring.over
    restoring.start(2)
    assert restoring.running == 1
    restoring.close()


def test_a_passing_reason_costs_another_try_and_one_of_ours_none() -> None:
    lost = [Busy("held")] * (TRIES - 1)
    found, restoring = everything(Site({"one": lost}), [step(ObjectKind.INDEX, A, "one")])
    assert [len(found), restoring.failed] == [1, []]


def test_what_cannot_be_restored_keeps_nobody_else_from_it() -> None:
    full = TargetFull("no space")
    steps = [step(ObjectKind.INDEX, A, "one"), step(ObjectKind.INDEX, A, "two"), step(ObjectKind.FOREIGN_KEY, B, "key")]
    found, restoring = everything(Site({"one": [full]}), steps)
    assert sorted(one.step.id.name for one in found) == ["key", "two"]
    [(job, problem)] = restoring.failed
    assert ([one.id.name for one in job.steps], problem) == (["one"], full)


def test_whoever_holds_a_lock_is_waited_for_as_long_as_a_run_waits_and_then_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = Locked("held by session 7", where="DEV: restoring index one")
    patience = Patience()
    found, restoring = everything(Site({"one": [held] * 9}), [step(ObjectKind.INDEX, A, "one")], patience=patience)
    assert [len(found), restoring.failed, patience.told] == [1, [], ""]
    monkeypatch.setattr(locked, "WAIT", 0.0)
    found, restoring = everything(Site({"one": [held]}), [step(ObjectKind.INDEX, A, "one")], patience=patience)
    [(_, problem)] = restoring.failed
    assert (found, problem.retryable, problem.what) == ([], False, held.what)


def test_what_is_gone_takes_no_other_step_of_its_job_with_it() -> None:
    steps = [step(ObjectKind.INDEX, A, name) for name in ("one", "two", "three")]
    gone = [NotFound("a column does not exist")] * 2
    found, restoring = everything(Site({"two": gone}), steps, together=True)
    assert sorted(one.step.id.name for one in found) == ["one", "three"]
    [(job, _)] = restoring.failed
    assert [one.id.name for one in job.steps] == ["two"]


def test_what_fails_for_good_is_given_up() -> None:
    found, restoring = everything(Site({"one": [Busy("held")] * 9}), [step(ObjectKind.INDEX, A, "one")], most=1)
    assert found == []
    assert len(restoring.failed) == 1


def key(table: TableName, *references: TableName) -> Job:
    return Job((step(ObjectKind.FOREIGN_KEY, table),), locks=frozenset({table, *references}))


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (key(A, B), key(C, B), True),
        (key(A, B), key(B, C), False),
        (key(A, A), key(B, A), False),
        (key(A, B), Job((step(ObjectKind.INDEX, A),)), True),
    ],
)
def test_keys_that_would_wait_for_each_other_s_locks_do_not_come_at_once(one: Job, other: Job, apart: bool) -> None:
    assert one.apart(other) is other.apart(one) is apart


def test_it_says_how_far_it_is() -> None:
    full = {"view": [TargetFull("no space")]}
    _, restoring = everything(Site(full), [step(ObjectKind.INDEX, A), step(ObjectKind.VIEW, B, "view")])
    assert str(restoring) == "rebuilding 2 of 2"
    _, restoring = everything(Site(), [step(ObjectKind.INDEX, A), step(ObjectKind.VIEW, B)])
    assert str(restoring) == ""
    idle = Restoring(
        Site().connect, [step(ObjectKind.INDEX, A)], together=False, most=1, references={}, patience=Patience()
    )
    assert str(idle) == ""
    idle.close()
