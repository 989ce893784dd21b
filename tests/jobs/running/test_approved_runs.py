"""From a request to a copy: who must approve, what voids approvals, and that nothing moves before."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import TerminalError
from jobs import submit
from jobs.config.approvals import ROLES
from jobs.running import drive, epoch
from jobs.running import run as run_module
from tests.jobs.running.office import Office, once
from tests.jobs.running.site import POLICY, Here, Site

pytestmark = pytest.mark.usefixtures("no_spark")

AGAIN = {"if_target_not_empty": "truncate"}
SMALL = {"tables": ["plain"], **AGAIN}


@pytest.fixture
def office(site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Office:
    site.fill(users=30, orders=40, plain=20)
    return Office(site, monkeypatch, capsys)


@pytest.fixture
def small(file_site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Office:
    """On files alone: where the database makes no difference."""
    file_site.fill(users=30, orders=40, plain=20)
    return Office(file_site, monkeypatch, capsys)


def copied(site: Site) -> bool:
    """Whether the target has exactly what is not replaced; otherwise it must have nothing at all."""
    try:
        there = site.landing.digest(site.dev, "plain")
    except Exception:  # each engine's own way to say that there is no such table
        return False
    assert there[0] in (0, 20)
    return there == site.server.digest(site.prod, "plain")


def test_a_copy_runs_when_its_people_have_approved_it_and_not_before(office: Office) -> None:
    site, file = office.site, str(office.site.operation())
    asked = office.json("rita", "create", file)
    operation = asked["id"]
    assert (asked["status"], asked["requested_by"], asked["approvals"]) == ("awaiting_approval", "rita", [])
    assert asked["approvals_missing"] == ["DBA", "SECURITY"]
    said = office.by("rita", "run", operation, code=7)
    assert "the operation waits for approval by DBA, SECURITY" in said
    assert f"operation {operation}\n" in said
    assert "DBA (anna, ben); SECURITY (dave)" in said
    told = office.decide("approve", operation, "DBA")
    assert told == f"{operation}: approved as DBA; awaiting_approval, waits for SECURITY\n"
    assert "waits for approval by SECURITY\n" in office.by("rita", "run", file, code=7)
    assert office.decide("approve", operation, "SECURITY") == f"{operation}: approved as SECURITY; approved\n"
    assert not copied(site)
    office.by("cron", "run", file)
    assert copied(site)
    assert not {row[2] for row in site.rows(site.prod, "users")} & {row[2] for row in site.rows(site.dev, "users")}
    [listed] = office.json("rita", "list")
    assert (listed["id"], listed["status"]) == (operation, "completed")
    shown = office.json("rita", "show", operation)
    assert [(given["role"], given["approver"]) for given in shown["approvals"]] == [
        ("DBA", "anna"),
        ("SECURITY", "dave"),
    ]
    assert shown["approvals_missing"] == []
    assert "anna" in office.by("rita", "show", operation)
    assert office.events(operation) == [
        ("rita", "requested"), ("rita", "submitted"), ("anna", "approved"), ("dave", "approved"),
        ("cron", "started"), ("cron", "completed"),
    ]  # fmt: skip
    assert "approved" in office.by("rita", "audit")


def test_create_says_what_is_asked_and_whom(small: Office) -> None:
    said = small.by("rita", "create", str(small.site.operation()))
    row = small.row(small.json("rita", "list")[0]["id"])
    assert f"operation {row.id}: awaiting_approval; plan {row.plan_sha256}" in said
    assert "waits for DBA (anna, ben)" in said
    assert f"dbagent approve {row.id} --plan {row.plan_sha256[:12]} --role DBA" in said
    assert "email: faker[email]" in said
    again = small.json("ben", "create", str(small.site.operation()))
    assert (again["id"], again["requested_by"]) == (row.id, "rita")


def test_a_file_runs_night_after_night_while_its_approvals_stand(small: Office) -> None:
    small.rule(lasts="1 day", standing="30 days")
    file = str(small.site.operation(**AGAIN))
    assert "waits for approval by DBA, SECURITY" in small.by("cron", "run", file, code=7)
    [first] = small.json("cron", "list")
    small.approved(first["id"])
    for night in range(1, 4):
        small.late = timedelta(days=night)
        small.by("cron", "run", file)
        assert [row["status"] for row in small.json("cron", "list")] == ["completed"] * night
    newest = small.json("cron", "list")[0]["id"]
    shown = small.by("cron", "show", newest)
    assert first["id"] in shown.replace("\n", "")
    small.late = timedelta(days=30, minutes=1)
    assert "waits for approval by DBA, SECURITY" in small.by("cron", "run", file, code=7)
    assert [row["status"] for row in small.json("cron", "list")] == ["awaiting_approval", *["completed"] * 3]


def test_an_approval_that_has_expired_must_be_given_anew(small: Office) -> None:
    small.rule(lasts="90 minutes")
    row = small.approved(small.asked().id)
    assert row.status == "approved"
    small.late = timedelta(minutes=91)
    assert small.json("rita", "show", row.id)["approvals_missing"] == ["DBA", "SECURITY"]
    assert "waits for approval by DBA, SECURITY" in small.by("rita", "run", row.id, code=7)
    assert small.row(row.id).status == "awaiting_approval"
    assert small.events(row.id)[-1] == ("rita", "approval void")
    assert not copied(small.site)
    assert small.approved(row.id).status == "approved"
    small.by("rita", "run", row.id)


def address(office: Office) -> None:
    office.site.environments({"PROD": {"database": f"{office.site.folder}/../{office.site.folder.name}/moved.db"}})
    shutil.copy(office.site.prod.database, office.site.folder / "moved.db")


def key(office: Office) -> None:
    (office.site.folder / "master.key").write_text(bytes(range(1, 33)).hex())


CHANGES: dict[str, tuple[Any, str]] = {
    "the source's address": (address, "source.database"),
    "the key": (key, "key"),
    "what the pair needs": (lambda office: office.rule(roles=["DBA", "SECURITY", "MANAGER"]), "approvals.roles"),
    "how long approvals last": (lambda office: office.rule(lasts="1 day"), "approvals.lasts"),
    "a new column": (
        lambda office: office.site.server.execute(office.site.prod, "ALTER TABLE plain ADD COLUMN more integer"),
        "tables.plain.columns.more",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_plan_voids_its_approvals_and_says_what_changed(change: str, small: Office) -> None:
    happens, told = CHANGES[change]
    site = small.site
    rules = {"key": {"secret": f"file:{site.folder / 'master.key'}"}, "columns": {**POLICY, "plain.code": "hash"}}
    operation = site.operation(tables=["plain"], policy=rules)
    if change == "a new column":  # decided beforehand: an undecided one would stop the plan
        operation = site.operation(tables=["plain"], policy=None, anonymize=False)
        small.rule(unmasked=True)
    before = small.approved(small.json("rita", "create", str(operation))["id"])
    happens(small)
    said = small.by("cron", "run", before.id, code=7)
    after = small.row(before.id)
    assert (before.status, after.status) == ("approved", "awaiting_approval")
    assert after.plan_sha256 != before.plan_sha256
    assert "waits for approval by DBA, SECURITY" in said
    assert ("cron", "plan changed") in small.events(before.id)
    [entry] = [one for one in small.json("rita", "audit", before.id) if one["event"] == "plan changed"]
    assert told in entry["detail"].split(", ")
    assert not copied(site)
    stale = small.by("ben", "approve", before.id, "--plan", before.plan_sha256, "--role", "DBA", code=2)
    assert "this is not the hash of its plan as it is now" in stale
    small.approved(before.id)
    small.by("cron", "run", before.id)
    assert small.row(before.id).status == "completed"


@pytest.mark.parametrize(
    "changes",
    [
        {"policy": "other"},
        {"operation_type": "copy_filtered", "filter": {"plain": "code <> 'c3'"}},
        {"required_approvers": ["MANAGER"]},
        AGAIN,
    ],
    ids=["policy", "filter", "approvers", "what happens to rows"],
)
def test_a_changed_file_asks_for_another_operation_and_the_approved_one_stays(
    changes: dict[str, Any], small: Office
) -> None:
    site = small.site
    before = small.approved(small.asked().id)
    if "policy" in changes:
        changed = {**POLICY, "plain.label": "hash"}
        changes = {"policy": {"key": {"secret": f"file:{site.folder / 'master.key'}"}, "columns": changed}}
    said = small.by("rita", "run", str(site.operation(**changes)), code=7)
    new, old = small.json("rita", "list")
    assert old["id"] == before.id
    assert (new["status"], old["status"]) == ("awaiting_approval", "approved")
    assert f"operation {new['id']}\n" in said
    small.by("rita", "run", before.id)
    assert copied(site), "what runs is what was approved, not what the file says now"


def test_once_rows_have_moved_a_changed_plan_is_refused(small: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    row = small.approved(small.asked().id)
    with monkeypatch.context() as patch:
        once(patch, drive, "verify", lambda: fails(), after=False)
        small.by("rita", "run", row.id, code=5)
    small.rule(roles=["DBA"])
    for command in ("run", "resume"):
        said = small.by("rita", command, row.id, code=2)
        assert "the operation is no longer what was planned; changed: approvals.roles" in said
    assert small.row(row.id).status == "failed"


def fails() -> None:
    raise TerminalError("the disk is full")


def test_a_resume_needs_approvals_that_are_still_live(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    row = office.approved(office.asked().id)
    with monkeypatch.context() as patch:
        once(patch, drive, "verify", fails, after=False)
        office.by("rita", "run", row.id, code=5)
    office.late = timedelta(days=7)
    for command in ("resume", "run"):
        assert "waits for approval by DBA, SECURITY" in office.by("rita", command, row.id, code=7)
    assert office.row(row.id).status == "failed"
    office.decide("approve", row.id, "DBA")
    assert "waits for approval by SECURITY\n" in office.by("rita", "resume", row.id, code=7)
    office.decide("approve", row.id, "SECURITY", "dave")
    office.by("rita", "resume", row.id)
    assert office.row(row.id).status == "completed"
    assert copied(office.site)
    assert [event for _, event in office.events(row.id)][-2:] == ["resumed", "completed"]


def test_a_driver_that_died_is_followed_by_one_with_live_approvals(
    small: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operation still says that it is running, and can be approved all the same."""
    row = small.approved(small.asked().id)
    with monkeypatch.context() as patch:
        patch.setattr(run_module.ControlStore, "finish", lambda *_: None)
        once(patch, drive, "verify", fails, after=False)
        small.by("rita", "run", row.id, code=5)
    assert small.row(row.id).status == "running"
    assert "there is nothing to approve" in small.decide("approve", row.id, "DBA", code=2)
    small.late = timedelta(days=8)
    small.by("rita", "resume", row.id, code=7)
    small.approved(row.id)
    assert f"approved → dbagent resume {row.id}" in small.by("rita", "show", row.id)
    small.by("rita", "resume", row.id)
    assert small.row(row.id).status == "completed"


@pytest.mark.parametrize("approvals", [0, 1, 2])
def test_a_rejection_before_the_run_ends_the_operation_and_the_plans_approvals(approvals: int, small: Office) -> None:
    small.rule(standing="30 days")
    row = small.asked()
    small.approved(row.id, *("DBA", "SECURITY")[:approvals])
    assert small.decide("reject", row.id, "MANAGER") == f"{row.id}: rejected as MANAGER; rejected\n"
    assert "there is nothing to resume" in small.by("rita", "resume", row.id, code=2)
    assert "rejected already" in small.decide("reject", row.id, "DBA", code=2)
    assert "rejected already" in small.decide("approve", row.id, "DBA", code=2)
    assert f"operation {row.id}\n" not in small.by("rita", "run", row.id, code=7), "a new one, which waits again"
    assert "waits for approval by DBA, SECURITY" in small.by("rita", "run", str(small.site.operation()), code=7)
    assert not copied(small.site)


@pytest.mark.parametrize("moment", ["before it prepares the target", "before its first row"])
def test_a_rejection_between_start_and_first_row_stops_the_driver(
    moment: str, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, row = office.site, office.approved(office.asked().id)

    def rejected() -> None:
        office.decide("reject", row.id, "SECURITY")

    once(monkeypatch, epoch, "prepare", rejected, after=moment == "before its first row")
    said = office.by("rita", "run", row.id, code=6)
    assert "the operation was rejected before a row had moved" in said
    after = office.row(row.id)
    assert (after.status, after.rows_copied, after.moving_since) == ("rejected", 0, None)
    assert not copied(site)
    assert [len(site.rows(site.dev, table)) for table in ("users", "orders", "plain")] == [0, 0, 0]
    assert [event for _, event in office.events(row.id)][-3:] == ["started", "rejected", "stopped"]
    assert office.asked().status == "awaiting_approval"


def test_when_the_first_row_moves_it_is_too_late_to_reject(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    row = office.approved(office.asked().id)
    said: list[str] = []
    once(monkeypatch, Here, "submit", lambda: said.append(office.decide("reject", row.id, "DBA", code=2)), after=False)
    office.by("rita", "run", row.id)
    assert "the operation is running and rows have moved: too late to reject it" in said[0]
    assert f"dbagent cancel {row.id}" in said[0]
    assert office.row(row.id).status == "completed"
    assert "the operation is completed: there is nothing to reject" in office.decide("reject", row.id, "DBA", code=2)
    assert ("anna", "rejected") not in office.events(row.id)


def test_a_rejection_finds_a_driver_that_only_seemed_dead(small: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    row = small.approved(small.asked().id)

    def rejected() -> None:
        small.late = timedelta(minutes=2)
        assert small.decide("reject", row.id, "DBA") == f"{row.id}: rejected as DBA; rejected\n"

    once(monkeypatch, epoch, "prepare", rejected, after=True)
    small.by("rita", "run", row.id, code=6)
    assert small.row(row.id).status == "rejected"
    assert not copied(small.site)


def test_an_operation_waits_for_its_time_unless_told_not_to(small: Office) -> None:
    file = str(small.site.operation(scheduled_at="2999-01-01T00:00:00Z"))
    row = small.approved(small.json("rita", "create", file)["id"])
    for reference in (file, row.id):
        said = small.by("rita", "run", reference, code=7)
        assert "the operation is scheduled for 2999-01-01 00:00 UTC" in said
        assert f"dbagent run --now {row.id}" in said
    assert not copied(small.site)
    small.by("rita", "run", "--now", row.id)
    assert copied(small.site)


def test_without_its_approvals_now_is_not_now(small: Office) -> None:
    file = str(small.site.operation(scheduled_at="2999-01-01T00:00:00Z"))
    assert "waits for approval" in small.by("rita", "run", "--now", file, code=7)


def test_another_time_in_the_file_is_the_operations_new_time(small: Office) -> None:
    row = small.approved(
        small.json("rita", "create", str(small.site.operation(scheduled_at="2999-01-01T00:00:00Z")))["id"]
    )
    small.by("rita", "run", str(small.site.operation(scheduled_at="2000-01-01T00:00:00Z")))
    assert small.row(row.id).status == "completed"


def test_what_has_begun_before_its_time_is_resumed_before_it(small: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    row = small.approved(
        small.json("rita", "create", str(small.site.operation(scheduled_at="2999-01-01T00:00:00Z")))["id"]
    )
    with monkeypatch.context() as patch:
        once(patch, drive, "verify", fails, after=False)
        small.by("rita", "run", "--now", row.id, code=5)
    small.by("rita", "resume", row.id)
    assert small.row(row.id).status == "completed"


def test_an_operation_adds_roles_and_takes_none_away(small: Office) -> None:
    row = small.asked(required_approvers=["MANAGER", "DBA"])
    assert small.json("rita", "show", row.id)["approvals_missing"] == ["DBA", "SECURITY", "MANAGER"]
    small.approved(row.id, "DBA", "SECURITY")
    assert "waits for approval by MANAGER\n" in small.by("rita", "run", row.id, code=7)
    small.approved(row.id, "MANAGER")
    small.by("rita", "run", row.id)


def test_a_pair_that_nobody_named_needs_all_four(small: Office) -> None:
    small.rule("PROD -> TEST", roles=[])
    assert small.json("rita", "show", small.asked().id)["approvals_missing"] == list(ROLES)


def test_what_was_detected_at_the_request_is_what_runs_when_the_sample_has_changed(office: Office) -> None:
    site = office.site
    office.by("rita", "key", "new", str(site.folder / ".config" / "dbagent" / "master.key"))
    change = "UPDATE plain SET label = "
    site.server.execute(site.prod, f"{change} replace('?@corp.test', '?', code)")
    office.rule(standing="30 days")
    row = office.approved(office.asked(tables=["plain"], policy=None, **AGAIN).id)
    [column] = [
        c for c in row.plan_what["tables"][next(iter(row.plan_what["tables"]))]["columns"] if c["name"] == "label"
    ]
    assert column["decision"]["strategy"] == "faker"
    office.by("rita", "run", row.id)
    assert not any("@corp.test" in label for _, label in site.rows(site.dev, "plain"))
    site.server.execute(site.prod, f"{change} 'x'")
    office.by("cron", "run", row.id)
    first, second = office.json("rita", "list")
    assert (first["plan_sha256"], first["status"], second["id"]) == (row.plan_sha256, "completed", row.id)
    assert "x" not in {label for _, label in site.rows(site.dev, "plain")}


def test_spark_submit_says_that_approvals_are_missing(small: Office, capsys: pytest.CaptureFixture[str]) -> None:
    site, file = small.site, str(small.site.operation())
    small.by("rita", "list")
    given = ["--environments", str(site.folder / "environments.yaml"), "--control", site.control]
    assert submit.main(["--operation", file, *given]) == 7
    assert "waits for approval by DBA, SECURITY" in capsys.readouterr().err
    row = small.approved(small.json("rita", "list")[0]["id"])
    small.by("cron", "list")
    assert submit.main(["--operation", row.id, *given]) == 0
    assert copied(site)
