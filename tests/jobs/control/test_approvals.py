"""Approvals and the audit trail, in both kinds of store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from jobs.config.approvals import Requirement
from jobs.control import approvals as module
from jobs.control.approvals import Permission
from jobs.control.rows import OperationRow
from jobs.control.store import ControlStore, Planned
from jobs.control.tables import operations
from jobs.errors import AwaitingApproval, ConnectionProblem, Exit, UsageError, exit_code

SHA, OTHER = "ab" * 32, "cd" * 32
PEOPLE = {"DBA": frozenset({"anna", "ben"}), "SECURITY": frozenset({"dave"}), "MANAGER": frozenset({"erin"})}
RULE = Requirement(("DBA", "SECURITY"))
DEFINITION: dict[str, Any] = {
    "operation_type": "copy_full", "source_env": "PROD", "target_env": "DEV", "tables": ["*"], "filter": {},
    "anonymize": True, "parallel_workers": 1, "domain_id": None, "scheduled_at": None,
}  # fmt: skip


def request(store: ControlStore, sha: str = SHA, rule: Requirement = RULE, **changes: Any) -> OperationRow:
    planned = Planned(sha, {"approvals": rule.as_json()}, {})
    seen = store.latest(sha, "DEV")
    return store.find_or_create(DEFINITION | changes, planned, requested_by="rita", people=PEOPLE, seen=seen)


def approve(store: ControlStore, row: OperationRow, role: str, person: str, plan: str | None = None) -> OperationRow:
    return decide(store, row, "approved", role, person, plan)


def decide(
    store: ControlStore, row: OperationRow, decided: Any, role: str, person: str, plan: str | None = None
) -> OperationRow:
    plan = plan or row.plan_sha256
    return store.decide(row.id, decided, role=role, person=person, plan=plan, people=PEOPLE, comments="seen")[0]


def run(store: ControlStore, row: OperationRow, rule: Requirement = RULE, **changes: Any) -> OperationRow:
    permission = Permission(row.plan_sha256, rule, PEOPLE, **changes)
    return store.start(store.get(row.id), "run-1", "host:1", permission, workers=1, limits={})


def approved(store: ControlStore, **changes: Any) -> OperationRow:
    row = request(store, **changes)
    approve(store, row, "DBA", "anna")
    return approve(store, row, "SECURITY", "dave")


def test_an_operation_waits_until_every_role_has_approved_and_the_trail_tells_it(store: ControlStore) -> None:
    row = request(store)
    assert row.status == "awaiting_approval"
    assert approve(store, row, "DBA", "anna").status == "awaiting_approval"
    with pytest.raises(AwaitingApproval, match="waits for approval by SECURITY") as waits:
        run(store, row)
    assert exit_code(waits.value) == Exit.AWAITING == 7
    assert "dave" in waits.value.todo
    assert approve(store, row, "SECURITY", "dave", SHA[:12]).status == "approved"
    assert run(store, row).status == "running"
    store.finish(row.id, "host:1", "completed")
    me = store.person()
    assert [(entry.who, entry.event, entry.operation_id, entry.plan_sha256) for entry in store.trail(row.id)] == [
        ("rita", "requested", row.id, SHA),
        ("rita", "submitted", row.id, SHA),
        ("anna", "approved", row.id, SHA),
        ("dave", "approved", row.id, SHA),
        (me, "started", row.id, SHA),
        (me, "completed", row.id, SHA),
    ]
    [first, _] = store.decisions(row)
    assert (first.role, first.approver, first.decision, first.comments) == ("DBA", "anna", "approved", "seen")
    assert first.expires_at - first.decided_at == RULE.lasts


def test_where_nobody_is_asked_an_operation_is_approved_at_once(store: ControlStore) -> None:
    assert request(store, rule=Requirement(())).status == "approved"


@pytest.mark.parametrize(
    ("role", "person", "plan", "told"),
    [
        ("DBA", "zoe", SHA, "zoe may not decide as DBA"),
        ("DBA", "anna", OTHER, "not the hash of its plan as it is now"),
        ("DBA", "anna", SHA[:11], "not the hash of its plan as it is now"),
        ("MANAGER", "erin", SHA, "does not need MANAGER"),
        ("CHIEF", "anna", SHA, "there is no role CHIEF: the roles are DBA, DATA_OWNER, SECURITY, MANAGER"),
    ],
)
def test_a_decision_that_does_not_count_is_refused_and_not_recorded(
    store: ControlStore, role: str, person: str, plan: str, told: str
) -> None:
    row = request(store)
    with pytest.raises(UsageError, match=told):
        approve(store, row, role, person, plan)
    assert store.decisions(row) == []
    assert [entry.event for entry in store.trail(row.id)] == ["requested", "submitted"]


def test_a_role_is_not_filled_twice_and_a_person_fills_one(
    store: ControlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = request(store)
    approve(store, row, "DBA", "anna")
    with pytest.raises(UsageError, match=r"DBA has approved this plan already \(anna\)"):
        approve(store, row, "DBA", "ben")
    monkeypatch.setitem(PEOPLE, "SECURITY", frozenset({"anna", "dave"}))
    with pytest.raises(UsageError, match="one person cannot fill two roles"):
        approve(store, row, "SECURITY", "anna")


def test_an_approval_that_expired_before_the_start_is_void(
    store: ControlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = approved(store)
    assert row.status == "approved"
    later = datetime.now(timezone.utc) + RULE.lasts
    monkeypatch.setattr(module, "now", lambda: later)
    with pytest.raises(AwaitingApproval, match="DBA, SECURITY"):
        run(store, row)
    assert store.get(row.id).status == "awaiting_approval"
    assert store.trail(row.id)[-1].event == "approval void"


def test_who_left_a_role_no_longer_counts_for_it(store: ControlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    row = approved(store)
    monkeypatch.setitem(PEOPLE, "SECURITY", frozenset())
    with pytest.raises(AwaitingApproval, match="waits for approval by SECURITY") as waits:
        run(store, row)
    assert "nobody may" in waits.value.todo


def test_where_nobody_may_approve_anything_the_approvals_file_is_named(store: ControlStore) -> None:
    row = request(store)
    permission = Permission(row.plan_sha256, RULE, {})
    with pytest.raises(AwaitingApproval, match="nobody may give it") as waits:
        store.start(row, "run-1", "host:1", permission, workers=1, limits={})
    assert "DBAGENT_APPROVALS" in waits.value.todo


def test_a_standing_approval_lets_the_same_plan_run_again_and_no_other(store: ControlStore) -> None:
    rule = Requirement(("DBA", "SECURITY"), standing=timedelta(days=30))
    row = approved(store, rule=rule)
    run(store, row, rule)
    store.finish(row.id, "host:1", "completed")
    again = request(store, rule=rule)
    assert (again.id != row.id, again.status) == (True, "approved")
    assert run(store, again, rule).status == "running"
    assert request(store, OTHER, rule).status == "awaiting_approval"


def test_without_a_standing_rule_each_run_is_approved_anew(store: ControlStore) -> None:
    row = approved(store)
    run(store, row)
    store.finish(row.id, "host:1", "completed")
    assert request(store).status == "awaiting_approval"


def test_a_changed_plan_voids_approvals_and_the_trail_says_what_changed(store: ControlStore) -> None:
    row = approved(store)
    planned = Planned(OTHER, {"approvals": RULE.as_json()}, {})
    after = store.replan(row.id, planned, "tables.users.filter", person="rita", people=PEOPLE)
    assert (after.status, after.plan_sha256) == ("awaiting_approval", OTHER)
    with pytest.raises(UsageError, match="the plan of the operation was changed meanwhile"):
        run(store, row)
    with pytest.raises(AwaitingApproval):
        run(store, after)
    entry = store.trail(row.id)[-2]
    assert (entry.event, entry.detail, entry.plan_sha256) == ("plan changed", "tables.users.filter", OTHER)


def test_a_rejection_ends_the_operation_and_what_was_approved_before(store: ControlStore) -> None:
    rule = Requirement(("DBA", "SECURITY"), standing=timedelta(days=30))
    row = approved(store, rule=rule)
    assert decide(store, row, "rejected", "MANAGER", "erin").status == "rejected"
    with pytest.raises(UsageError, match="is rejected and does not run again"):
        run(store, row, rule)
    assert request(store, rule=rule).status == "awaiting_approval"


def test_a_running_operation_is_rejected_until_its_first_row_has_moved(store: ControlStore) -> None:
    row = run(store, approved(store))
    assert decide(store, row, "rejected", "SECURITY", "dave").stop_requested == "reject"
    with pytest.raises(UsageError, match="is rejected already"):
        decide(store, row, "rejected", "DBA", "anna")
    assert store.move(row.id, "host:1") == "reject"
    assert store.request_stop(row.id, "pause").stop_requested == "reject"
    assert store.finish(row.id, "host:1", "rejected").status == "rejected"

    second = run(store, approved(store, sha=OTHER))
    assert store.move(second.id, "host:1") is None
    with pytest.raises(UsageError, match="too late to reject"):
        decide(store, second, "rejected", "SECURITY", "dave")


def test_an_operation_waits_for_its_time_unless_told_not_to(store: ControlStore) -> None:
    moment = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    row = request(store, rule=Requirement(()), scheduled_at=moment)
    with pytest.raises(AwaitingApproval, match="is scheduled for"):
        run(store, row, Requirement(()))
    assert run(store, row, Requirement(()), early=True).status == "running"


def test_values_shown_are_in_the_trail(store: ControlStore) -> None:
    store.note_shown("anna", "PROD: users")
    [entry] = store.trail()
    assert (entry.who, entry.event, entry.detail) == ("anna", "values shown", "PROD: users")


@contextmanager
def as_a_plain_user(store: ControlStore) -> Iterator[ControlStore]:
    """The store as somebody else opens it: on a server a login that may read and write every table."""
    if store.in_a_file:
        yield store
        return
    with store._engine.begin() as connection:
        there = connection.execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = 'control_team'")).first()
        if there is None:
            connection.execute(sa.text("CREATE ROLE control_team LOGIN PASSWORD 'team'"))
        connection.execute(sa.text("GRANT ALL ON ALL TABLES IN SCHEMA public TO control_team"))
        connection.execute(sa.text("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO control_team"))
    with ControlStore(sa.create_engine(store._engine.url.set(username="control_team", password="team"))) as other:
        yield other


@pytest.mark.parametrize("table", ["operation_approvals", "audit_log"])
@pytest.mark.parametrize("change", ["UPDATE {} SET plan_sha256 = 'x'", "DELETE FROM {}"])
def test_the_database_itself_keeps_decisions_and_trail_as_they_were(
    store: ControlStore, table: str, change: str
) -> None:
    row = approved(store)
    before = store.decisions(row), store.trail()
    with suppress(DBAPIError), as_a_plain_user(store) as other, other._engine.begin() as connection:
        connection.execute(sa.text(change.format(table)))
    assert (store.decisions(row), store.trail()) == before


def test_on_a_server_nobody_writes_in_the_name_of_another_login(store: ControlStore) -> None:
    if store.in_a_file:
        assert store.person() not in ("", "anna")
        return
    row = request(store)
    people = {"DBA": frozenset({"control_team"})}
    with as_a_plain_user(store) as other:
        assert other.person() == "control_team"
        with pytest.raises(ConnectionProblem, match="does not allow this"):
            approve(other, row, "DBA", "anna")
        other.decide(row.id, "approved", role="DBA", person="control_team", plan=SHA, people=people, comments=None)
    assert [decision.approver for decision in store.decisions(row)] == ["control_team"]


def test_on_a_server_who_asked_is_what_the_trail_says(store: ControlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    if store.in_a_file:  # there whoever writes can write anything
        return
    monkeypatch.setitem(PEOPLE, "DBA", frozenset({"rita"}))
    row = request(store)
    with store._engine.begin() as connection:
        connection.execute(operations.update().where(operations.c.id == row.id).values(requested_by="nobody"))
    with pytest.raises(UsageError, match="rita asked for this operation"):
        approve(store, row, "DBA", "rita")


def test_a_driver_without_a_permission_for_this_plan_is_not_let_in(store: ControlStore) -> None:
    row = approved(store)
    stale = Permission(OTHER, RULE, PEOPLE)
    with pytest.raises(UsageError, match="was changed meanwhile"):
        store.start(row, "run-1", "host:1", stale, workers=1, limits={})


@pytest.mark.parametrize("ended", ["rejected", "failed", "paused"])
def test_a_driver_that_ends_before_it_has_heard_of_a_rejection_leaves_the_operation_rejected(
    store: ControlStore, ended: Any
) -> None:
    row = run(store, approved(store))
    decide(store, row, "rejected", "SECURITY", "dave")
    assert store.finish(row.id, "host:1", ended).status == "rejected"
    assert [entry.event for entry in store.trail(row.id)][-3:] == ["started", "rejected", "stopped"]


def test_a_rejection_counts_whatever_the_clocks_of_its_machine_say(
    store: ControlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Approved where the clock is an hour ahead, rejected where it is right, run where it is an hour behind."""
    rule = Requirement(("DBA", "SECURITY"), standing=timedelta(days=30))
    real = datetime.now(timezone.utc)
    for machine, decided in ((timedelta(hours=1), "approved"), (timedelta(0), "rejected")):
        monkeypatch.setattr(module, "now", lambda machine=machine: real + machine)
        row = request(store, rule=rule)
        for role, person in (("DBA", "anna"), ("SECURITY", "dave"))[: 2 if decided == "approved" else 1]:
            decide(store, row, decided, role, person)
    monkeypatch.setattr(module, "now", lambda: real - timedelta(hours=1))
    assert request(store, rule=rule).status == "awaiting_approval"


def test_another_time_or_more_workers_are_no_other_plan(store: ControlStore) -> None:
    row = request(store, scheduled_at="2999-01-01T00:00:00+00:00")
    after = request(store, scheduled_at=None, parallel_workers=7)
    assert (after.id, after.scheduled_at, after.parallel_workers) == (row.id, None, 7)
    assert after == store.get(row.id)


def test_whose_approval_is_needed_is_for_the_driver_to_say_not_for_the_recorded_plan(store: ControlStore) -> None:
    row = request(store)
    nobody = {"approvals": Requirement(roles=()).as_json()}
    with store._writing() as connection:  # as anybody may who can write the store
        connection.execute(operations.update().where(operations.c.id == row.id).values(plan_what=nobody))
    with pytest.raises(AwaitingApproval, match="DBA, SECURITY"):
        run(store, row)
    with store._writing() as connection:
        connection.execute(operations.update().where(operations.c.id == row.id).values(status="approved"))
    with pytest.raises(AwaitingApproval, match="DBA, SECURITY"):
        run(store, row)


def test_who_gave_an_operation_another_plan_cannot_approve_that_plan(store: ControlStore) -> None:
    row = request(store)
    planned = Planned(OTHER, {"approvals": RULE.as_json()}, {})
    row = store.replan(row.id, planned, "target.host", person="anna", people=PEOPLE)
    with pytest.raises(UsageError, match="anna asked for this operation"):
        approve(store, row, "DBA", "anna")
    approve(store, row, "DBA", "ben")
    assert approve(store, row, "SECURITY", "dave").status == "approved"


@pytest.mark.parametrize("forged", [{"plan_sha256": OTHER}, {"id": "op-20261121-000000"}])
def test_a_plan_that_the_trail_knows_no_request_of_is_neither_approved_nor_run(
    store: ControlStore, forged: dict[str, str]
) -> None:
    row = request(store, rule=Requirement(("DBA",)))
    with store._engine.begin() as connection:
        connection.execute(operations.update().where(operations.c.id == row.id).values(**forged))
    row = store.get(forged.get("id", row.id))
    with pytest.raises(UsageError, match="the audit trail knows nobody who asked for this plan"):
        approve(store, row, "DBA", "anna")
    with pytest.raises(UsageError, match="the audit trail knows nobody who asked for this plan"):
        run(store, row, Requirement(()))
