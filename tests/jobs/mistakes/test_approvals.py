"""Mistakes with approvals: each is told in a line with its exit code, and nothing is recorded or started."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.testkit import TestServer
from jobs.cli import call
from jobs.control import database
from jobs.control.store import ControlStore, Planned
from jobs.planning.plan import fingerprint
from tests.jobs.control.ask import FREE
from tests.jobs.control.test_approvals import DEFINITION
from tests.jobs.mistakes.told import check_block, everything
from tests.jobs.running.office import PEOPLE, Office

pytestmark = pytest.mark.usefixtures("no_spark")


@pytest.fixture
def office(file_site: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Office:
    file_site.fill(users=5, orders=5, plain=5)
    return Office(file_site, monkeypatch, capsys)


def known(office: Office) -> list[Any]:
    """Both databases, and every decision and entry there is."""
    with ControlStore.open(office.site.control) as store:
        decisions = [store.decisions(row) for row in store.recent()]
        return [*everything(office.site), decisions, store.trail()]


def refused(office: Office, code: int, person: str, *command: str) -> str:
    before = known(office)
    said = office.by(person, *command, code=code)
    check_block(said)
    assert known(office) == before
    return said


DECISIONS: dict[str, tuple[str, str, str, str]] = {
    "who is not in conf": ("zoe", "DBA", "", "zoe may not decide as DBA: the approvals file does not name zoe there"),
    "who has another role": ("carol", "DBA", "", "carol may not decide as DBA"),
    "no role": ("anna", "CHIEF", "", "there is no role CHIEF: the roles are DBA, DATA_OWNER, SECURITY, MANAGER"),
    "a role in other letters": ("anna", "dba", "", "there is no role dba: the roles are DBA"),
    "a role it does not need": ("erin", "MANAGER", "", "this operation does not need MANAGER; it needs DBA, SECURITY"),
    "another hash": ("anna", "DBA", "0" * 64, "this is not the hash of its plan as it is now"),
    "too little of the hash": ("anna", "DBA", "7", "this is not the hash of its plan as it is now"),
    "more than the hash": ("anna", "DBA", "{sha}0", "this is not the hash of its plan as it is now"),
    "no hash": ("anna", "DBA", " ", "this is not the hash of its plan as it is now"),
}


@pytest.mark.parametrize("mistake", DECISIONS)
@pytest.mark.parametrize("what", ["approve", "reject"])
def test_a_decision_that_does_not_count(what: str, mistake: str, office: Office) -> None:
    if (what, mistake) == ("reject", "a role it does not need"):
        return  # everybody with a role may reject
    person, role, plan, expected = DECISIONS[mistake]
    row = office.asked()
    plan = (plan or "{sha}").format(sha=row.plan_sha256)
    said = refused(office, 2, person, what, row.id, "--plan", plan, "--role", role)
    assert expected in said
    assert f"dbagent show {row.id}" in said


def test_the_requester_and_a_second_role_and_a_role_twice(office: Office) -> None:
    row = office.asked()
    others = {"DBA": [*PEOPLE["DBA"], "rita"], "SECURITY": ["dave", "anna"]}
    path = office.site.folder / "approvals.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"roles": others}))
    given = (row.id, "--plan", row.plan_sha256, "--role")
    assert "rita asked for this operation" in refused(office, 2, "rita", "approve", *given, "DBA")
    office.decide("approve", row.id, "DBA", "anna")
    assert "DBA has approved this plan already (you)" in refused(office, 2, "anna", "approve", *given, "DBA")
    assert "DBA has approved this plan already (anna)" in refused(office, 2, "ben", "approve", *given, "DBA")
    assert "one person cannot fill two roles" in refused(office, 2, "anna", "approve", *given, "SECURITY")


def test_a_decision_without_its_hash_or_role_is_no_command(office: Office) -> None:
    row = office.asked()
    for missing in (["--role", "DBA"], ["--plan", row.plan_sha256]):
        assert "Missing option" in refused(office, 2, "anna", "approve", row.id, *missing)
    assert "No such option" in refused(office, 2, "anna", "approve", row.id, "--as", "ben")


@pytest.mark.parametrize("reference", ["op-nope", "op-", "%", ""])
def test_a_decision_about_no_operation(reference: str, office: Office) -> None:
    for command in ("approve", "reject"):
        said = refused(office, 2, "anna", command, reference, "--plan", "0" * 64, "--role", "DBA")
        assert "there is no such operation" in said
    assert "there is no such operation" in refused(office, 2, "anna", "audit", reference or "x")


def test_an_approval_that_has_expired_starts_nothing(office: Office) -> None:
    row = office.approved(office.asked().id)
    office.late = timedelta(days=7)
    before = everything(office.site)[:2]
    check_block(said := office.by("rita", "run", row.id, code=7))
    assert "waits for approval by DBA, SECURITY" in said
    assert everything(office.site)[:2] == before


@pytest.mark.parametrize("alias", ["OTHER_WORDS", "LINK"])
def test_another_name_for_the_same_database_loosens_no_rule(alias: str, office: Office) -> None:
    """Two names for one database are one environment, and only PROD -> DEV was named."""
    site = office.site
    office.rule(roles=["DBA"], unmasked=True, standing="30 days")
    link = site.folder / "link.db"
    link.symlink_to(site.prod.database)
    places = {"OTHER_WORDS": f"{Path(site.prod.database).parent}/./{Path(site.prod.database).name}", "LINK": str(link)}
    file = site.environments({})
    file.write_text(file.read_text() + yaml.safe_dump({alias: {"engine": site.prod.engine, "database": places[alias]}}))
    row = office.asked(source_env=alias)
    assert office.json("rita", "show", row.id)["approvals_missing"] == ["DBA", "DATA_OWNER", "SECURITY", "MANAGER"]
    path = site.folder / "approvals.yaml"
    pairs = {"PROD -> DEV": {"roles": ["DBA", "SECURITY"]}, f"{alias} -> DEV": {"roles": [], "unmasked": True}}
    path.write_text(yaml.safe_dump({"roles": PEOPLE, "pairs": pairs}))
    row = office.asked(source_env=alias)
    assert office.json("rita", "show", row.id)["approvals_missing"] == ["DBA", "SECURITY"]
    unmasked = str(site.operation(source_env=alias, anonymize=False, policy=None))
    assert "copies unmasked, which is not allowed" in refused(office, 3, "rita", "run", unmasked)


def test_an_unmasked_copy_that_no_pair_allows(office: Office) -> None:
    file = str(office.site.operation(anonymize=False, policy=None))
    for command in ("plan", "create", "run"):
        said = refused(office, 3, "rita", command, file)
        assert "PROD -> DEV: copies unmasked, which is not allowed between these two (anonymize: false)" in said
    office.rule(unmasked=True)
    office.by("rita", "create", file)


FILES: dict[str, tuple[str, str]] = {
    "an unknown role": ("roles: {CHIEF: [anna]}", "roles.CHIEF: must be 'DBA', 'DATA_OWNER', 'SECURITY' or 'MANAGER'"),
    "a role twice": ("roles: {}\npairs: {PROD -> DEV: {roles: [DBA, DBA]}}", "names a role twice"),
    "a role's name twice": ("roles: {DBA: [anna], DBA: [ben]}", "this key stands here twice"),
    "one person as text": ("roles: {DBA: anna}", "roles.DBA: must be a list"),
    "a pair that is none": ("roles: {}\npairs: {PROD: {roles: []}}", "a pair is written SOURCE -> TARGET"),
    "no time": ("roles: {}\npairs: {A -> B: {roles: [], lasts: forever}}", "must be a time such as 30 days"),
    "nothing": ("", "is empty"),
}


@pytest.mark.parametrize("mistake", FILES)
def test_a_broken_approvals_file(mistake: str, office: Office) -> None:
    row = office.approved(office.asked().id)
    content, expected = FILES[mistake]
    file = office.site.folder / "approvals.yaml"
    file.write_text(content)
    decision = ("approve", row.id, "--plan", row.plan_sha256, "--role", "DBA")
    for command in (("run", row.id), ("create", str(office.site.operation())), decision, ("show", row.id)):
        said = refused(office, 2, "anna", *command)
        assert expected in said
        assert f"{file}: " in said


def test_an_approvals_file_that_is_not_there_or_for_everybody_to_change(office: Office) -> None:
    row = office.approved(office.asked().id)
    file = office.site.folder / "approvals.yaml"
    file.chmod(0o666)
    assert f"chmod o-w {file}" in refused(office, 2, "rita", "run", row.id)
    file.unlink()
    assert f"{file}: there is no such file" in refused(office, 2, "rita", "run", row.id)


def test_a_key_that_was_made_unreadable_or_short_after_the_approval(office: Office) -> None:
    row, key = office.approved(office.asked().id), office.site.folder / "master.key"
    for spoil, expected in (
        (lambda: key.chmod(0o644), f"chmod 600 {key}"),
        (lambda: (key.chmod(0o600), key.write_text("hunter2")), "the master key is too short (7 bytes)"),
        (key.unlink, f"there is no file {key}"),
    ):
        spoil()
        said = refused(office, 2, "rita", "run", row.id)
        assert expected in said
        assert "hunter2" not in said
    assert office.row(row.id).status == "approved"


def test_a_plan_that_is_refused_is_not_asked_for(office: Office) -> None:
    rules = {"key": {"secret": f"file:{office.site.folder / 'master.key'}"}, "columns": {"users.email": "mask"}}
    file = str(office.site.operation(tables=["users"], policy=rules))
    for command in (["create", file], ["create", file, "--json"], ["run", file]):
        said = refused(office, 3, "rita", *command)
        assert "users.email: mask may give two rows the same value but the column is unique" in said
    assert office.json("rita", "list") == []


# The control store


COMMANDS: dict[str, Callable[[str, str, str], list[str]]] = {
    "create": lambda file, _, __: ["create", file],
    "run": lambda _, row, __: ["run", row],
    "approve": lambda _, row, sha: ["approve", row, "--plan", sha, "--role", "DBA"],
    "reject": lambda _, row, sha: ["reject", row, "--plan", sha, "--role", "DBA"],
    "cancel": lambda _, row, __: ["cancel", row],
}


@contextmanager
def newer(path: Path) -> Iterator[None]:
    def version(number: str) -> str:
        with closing(sqlite3.connect(path)) as connection, connection:
            [(before,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            connection.execute("UPDATE alembic_version SET version_num = ?", (number,))
        return str(before)

    former = version("9999")
    yield
    version(former)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """As a disk that is mounted read-only answers, also to root."""
    real = database.os.open

    def refuse(name: Any, flags: int, *mode: int) -> int:
        if str(name) == str(path):
            raise OSError(30, "Read-only file system", str(name))
        return int(real(name, flags, *mode))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database.os, "open", refuse)
        yield


STORES = {
    "newer": (newer, "has version 9999, made by a newer dbagent"),
    "locked": (locked, "is locked by another process"),
    "read-only": (read_only, "cannot be opened: read-only file system"),
}


@pytest.mark.parametrize("state", STORES)
def test_a_control_store_that_takes_no_decision(state: str, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.2)
    row, file = office.approved(office.asked().id), str(office.site.operation(required_approvers=["MANAGER"]))
    becomes, expected = STORES[state]
    before = known(office)
    for command in COMMANDS.values():
        with becomes(office.site.folder / "control.db"):
            said = office.by("ben", *command(file, row.id, row.plan_sha256), code=4)
        assert f"the control store {expected}" in said
        check_block(said)
    assert known(office) == before


def test_a_servers_control_store_that_is_read_only(
    servers: dict[str, TestServer], office: Office, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    end = servers["postgresql"].database("store")
    url = f"postgresql://{end.user}:{end.password}@{end.host}:{end.port}/{end.database}"
    monkeypatch.setenv("DBAGENT_CONTROL", url)
    what = {"approvals": FREE.as_json()}
    with ControlStore.open() as store:
        planned = Planned(fingerprint(what), what, {})
        row = store.find_or_create(DEFINITION, planned, requested_by="rita", people={}, seen=None)
    servers["postgresql"].execute(end, f'ALTER DATABASE "{end.database}" SET default_transaction_read_only = on')
    capsys.readouterr()
    office.site.folder.joinpath("approvals.yaml").write_text(f"roles: {{DBA: [{end.user}]}}")
    for command in (["reject", row.id, "--plan", row.plan_sha256, "--role", "DBA"], ["cancel", row.id]):
        assert call(command) == 4
        said = capsys.readouterr().err
        check_block(said)
        assert "the control store is read-only" in said
        assert "name the primary server, or a user who may write" in said
