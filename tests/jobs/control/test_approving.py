"""When an operation may run: each way an approval does not count."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from jobs.config.approvals import Requirement
from jobs.control.approving import Decided, Decision, Request, missing, refusal

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PEOPLE = {
    "DBA": frozenset({"anna", "ben"}),
    "SECURITY": frozenset({"anna", "dave"}),
    "MANAGER": frozenset({"erin"}),
}
WANTED = Request("op-1", "sha", frozenset({"rita"}), Requirement(("DBA", "SECURITY")))


def approval(role: str, approver: str, **changes: object) -> Decision:
    given: dict[str, Any] = {
        "operation_id": "op-1", "decision": "approved", "comments": None, "plan_sha256": "sha",
        "decided_at": NOON - HOUR, "expires_at": NOON + DAY, "standing_until": None, **changes,
    }  # fmt: skip
    return Decision(role=role, approver=approver, **given)


def test_every_role_by_a_person_of_its_own_lets_it_run() -> None:
    assert missing(WANTED, [], PEOPLE, NOON) == ("DBA", "SECURITY")
    assert missing(WANTED, [approval("DBA", "ben")], PEOPLE, NOON) == ("SECURITY",)
    assert missing(WANTED, [approval("DBA", "ben"), approval("SECURITY", "dave")], PEOPLE, NOON) == ()


@pytest.mark.parametrize(
    "changes",
    {
        "of another hash": {"plan_sha256": "other"},
        "of another operation": {"operation_id": "op-0"},
        "expired": {"expires_at": NOON},
        "a rejection": {"decision": "rejected"},
        "by one who may not": {"approver": "zoe"},
        "by the requester": {"approver": "rita"},
        "by one who fills another role": {"approver": "anna"},
    }.values(),
)
def test_an_approval_does_not_count_when_it_is(changes: dict[str, object]) -> None:
    people = {**PEOPLE, "SECURITY": PEOPLE["SECURITY"] | {"rita"}}
    second = approval("SECURITY", str(changes.pop("approver", "dave")), **changes)
    assert missing(WANTED, [approval("DBA", "anna"), second], people, NOON) != ()


def test_a_standing_approval_covers_later_operations_of_the_same_hash_only_and_until_a_rejection() -> None:
    rule = replace(WANTED.requirement, standing=60 * DAY)
    later = Request("op-2", "sha", frozenset({"cron"}), rule)
    standing = [
        approval("DBA", "ben", standing_until=NOON + 30 * DAY),
        approval("SECURITY", "dave", standing_until=NOON + 30 * DAY),
    ]
    assert missing(later, standing, PEOPLE, NOON) == ()
    assert missing(later, standing, PEOPLE, NOON + 30 * DAY) == ("DBA", "SECURITY")
    assert missing(Request("op-2", "new", frozenset({"cron"}), rule), standing, PEOPLE, NOON) == (
        "DBA",
        "SECURITY",
    )
    rejected = approval("MANAGER", "erin", decision="rejected", operation_id="op-9", decided_at=NOON)
    assert missing(later, [*standing, rejected], PEOPLE, NOON) == ("DBA", "SECURITY")
    assert missing(Request("op-2", "sha", frozenset({"ben"}), rule), standing, PEOPLE, NOON) == ("DBA",)


def test_an_approval_lasts_no_longer_than_the_rule_allows_whatever_its_row_says() -> None:
    generous = [approval("DBA", "ben", expires_at=NOON + 999 * DAY, standing_until=NOON + 999 * DAY)]
    only = replace(WANTED, requirement=Requirement(("DBA",), lasts=DAY, standing=2 * DAY))
    assert missing(only, generous, PEOPLE, NOON + DAY) == ()
    assert missing(only, generous, PEOPLE, NOON + 2 * DAY) == ("DBA",)
    once = replace(WANTED, requirement=Requirement(("DBA",), lasts=DAY))
    assert missing(once, generous, PEOPLE, NOON + DAY) == ("DBA",)


def test_people_are_matched_to_roles_so_that_as_many_as_possible_are_filled() -> None:
    both = [approval("DBA", "anna", standing_until=NOON + DAY), approval("SECURITY", "anna"), approval("DBA", "ben")]
    assert missing(WANTED, both, PEOPLE, NOON) == ()


@pytest.mark.parametrize(
    ("role", "approver", "decided", "told"),
    [
        ("DBA", "zoe", "approved", "zoe may not decide as DBA"),
        ("MANAGER", "zoe", "rejected", "zoe may not decide as MANAGER"),
        ("MANAGER", "erin", "approved", "does not need MANAGER; it needs DBA, SECURITY"),
        ("SECURITY", "anna", "approved", "anna has approved this plan as DBA already"),
        ("DBA", "ben", "approved", "DBA has approved this plan already (anna)"),
        ("DBA", "rita", "approved", "rita asked for this operation and cannot approve it"),
        ("SECURITY", "dave", "approved", None),
        ("MANAGER", "erin", "rejected", None),
    ],
)
def test_who_may_not_decide_is_told_why(role: str, approver: str, decided: Decided, told: str | None) -> None:
    people = {**PEOPLE, "DBA": PEOPLE["DBA"] | {"rita"}}
    why = refusal(WANTED, role, approver, decided, [approval("DBA", "anna")], people, NOON)
    assert why is None if told is None else told in (why or "")
