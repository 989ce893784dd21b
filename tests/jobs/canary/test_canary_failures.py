"""No marker is anywhere but where it belongs, after a copy that succeeded and after everything that can stop one.

Spark is not the thing here: tasks run in the driver's own threads (test_canary_spark.py watches the real processes).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Endpoint
from jobs.running import run as run_module
from tests.jobs.canary.failures import FAILURES, suffer
from tests.jobs.canary.land import Land, look_at_database, make_land
from tests.jobs.canary.markers import KEPT, MASKED, MASTER_KEY, SCHEMA, SECRET, Search, patterns
from tests.jobs.running.site import Here

LOUD = ("log_min_messages = 'error'", "log_statement = 'all'", "log_min_duration_statement = 0",
        "log_line_prefix = '@@%a@%d@ '")  # fmt: skip
"""The server tells everything it knows of our sessions."""
ITS_OWN = re.compile(r"\s*(DETAIL|CONTEXT|(LOG:  statement|STATEMENT):\s+CREATE (TYPE|DOMAIN|TABLE) )")


@dataclass
class Suffered:
    """A land after all of it."""

    land: Land
    ends: dict[str, tuple[int, str]]
    targets: list[Endpoint]
    log: Path
    keys: list[bytes]

    def search(self) -> Search:
        return Search(patterns(self.keys))


@pytest.fixture(scope="module")
def suffered(own_server: tuple[Any, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suffered]:
    server, log = own_server
    with pytest.MonkeyPatch.context() as patch:
        land = make_land(server, tmp_path_factory.mktemp("canary"), rows=40)
        settings(land, patch)
        handler = logging.FileHandler(land.said / "every logger.txt")
        logging.basicConfig(level=logging.DEBUG, handlers=[handler], force=True)
        quiet_no_more(server)
        targets, ends = [land.dev], {}
        succeed(land)
        keys = land.derived_keys(target_env="DEV", if_target_not_empty="truncate")
        for name, failure in FAILURES.items():
            ends[name] = suffer(land, name, failure)
            assert land.lab is not None
            targets.append(land.lab)
        ask_about_all(land)
        yield Suffered(land, ends, targets, log, keys)
        logging.basicConfig(level=logging.WARNING, handlers=[logging.NullHandler()], force=True)


def settings(land: Land, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run_module, "LeanSpark", Here)
    patch.setenv("DBAGENT_APPROVALS", str(land.given / "approvals.yaml"))
    patch.setenv("DBAGENT_CONTROL", str(land.store))
    patch.setenv("HOME", str(land.given))
    (land.given / ".config" / "dbagent").mkdir(parents=True)
    key = land.given / ".config" / "dbagent" / "master.key"
    key.write_bytes(MASTER_KEY)
    key.chmod(0o600)


def quiet_no_more(server: Any) -> None:
    for setting in LOUD:
        server.execute(server.endpoint, f"ALTER SYSTEM SET {setting}")
    server.execute(server.endpoint, "SELECT pg_reload_conf()")


def succeed(land: Land) -> None:
    """Ask, look, approve and run; every command once for people and once for scripts."""
    operation = str(land.operation(target_env="DEV"))
    unwritten = land.folder / "unwritten.yaml"
    unwritten.write_text(
        Path(operation).read_text().split("policy:")[0] + "source_env: PROD\ntarget_env: DEV\ntables: ['*']\n"
    )
    for command in (["detect", "PROD"], ["check", "PROD"], ["check", "DEV"], ["plan", operation], ["status", "DEV"]):
        for form in ((), ("--json",)):
            code, words = land.say(" ".join((*command[:1], *form)), *command, *form)
            assert code == 0, words
    land.say("detect as policy", "detect", "PROD", "--format", "policy")
    code, words = land.say("plan without policy", "plan", str(unwritten))
    assert "a person to decide" in words
    code, words = land.say("password in an argument", "list", "--control", str(land.store))
    assert code == 2, words
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Land, "said", land.given)  # values are what was asked for
        code, words = land.say("values", "detect", "PROD", "--show-values")
        assert code == 0, words
        assert MASKED in words
    land.say("dry run", "run", operation, "--dry-run")
    code, words = land.say("create", "create", operation, "--json")
    assert code == 0, words
    asked = json.loads(words)
    code, words = land.say("run too early", "run", operation)
    assert code == 7, words
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBAGENT_CONTROL", str(land.store).replace("asker", "judge"))
        decision = ["--plan", asked["plan_sha256"], "--role", "DBA", "--comments", "as agreed"]
        code, words = land.say("approve", "approve", asked["id"], *decision)
        assert code == 0, words
    code, words = land.say("run", "run", operation)
    assert code == 0, words
    assert land.say("resume", "resume", asked["id"])[0] == 2
    land.say_all("success", asked["id"], "DEV")


def ask_about_all(land: Land) -> None:
    _, listed = land.say("list all", "list", "--limit", "100", "--json")
    for row in json.loads(listed):
        land.say(f"show {row['id']}", "show", row["id"], "--json")
    land.say("audit all", "audit", "--json", "--limit", "1000")


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_was_the_one_meant(suffered: Suffered, name: str) -> None:
    code, words = suffered.ends[name]
    assert code == FAILURES[name].code, words
    assert re.search(FAILURES[name].said, words), words


def test_what_is_said_and_logged_holds_no_marker(suffered: Suffered) -> None:
    search = suffered.search()
    search.tree(suffered.land.said)
    assert len(search.looked_at) > 80
    search.assert_nothing()


def test_the_control_store_holds_no_marker(suffered: Suffered) -> None:
    land, search = suffered.land, suffered.search()
    look_at_database(search, land.server, replace(land.prod, database=str(land.store).rsplit("/", 1)[-1]))
    assert any(place.endswith("audit_log") for place in search.looked_at)
    search.assert_nothing()


def test_targets_hold_nothing_but_what_is_kept(suffered: Suffered) -> None:
    land, search = suffered.land, suffered.search()
    for target in suffered.targets:
        look_at_database(search, land.server, target, allowed=(KEPT,))
    assert any("_dbagent.tables" in place for place in search.looked_at)
    search.assert_nothing()


def test_the_server_is_told_no_value_of_a_row(suffered: Suffered) -> None:
    """No statement and no parameter of ours holds one, but for definitions of what a target lacks. Where a target refuses
    a row, its own log may say which: a row as it was to be there."""
    search, entries = suffered.search(), 0
    for entry in re.split(r"(?m)^@@", suffered.log.read_text(errors="replace")):
        application, database, text = (*entry.split("@", 2), "", "")[:3]
        if application == "test":
            continue
        entries += 1
        its_own = database.startswith(("dev_", "lab_")) and ITS_OWN.match(text) is not None
        search.bytes(text.encode(), f"server's log, {application}, {database}", allowed=(KEPT,) if its_own else ())
    assert entries > 1000
    search.assert_nothing()


def test_a_marker_that_is_written_down_is_found(suffered: Suffered) -> None:
    for core in (MASKED, KEPT, SCHEMA, SECRET):
        search = suffered.search()
        leak = suffered.land.said / "leak.txt"
        leak.write_text(f"error: the value {core} 7 is refused")
        search.tree(suffered.land.said)
        leak.unlink()
        with pytest.raises(AssertionError, match=core):
            search.assert_nothing()
        assert len(search.found) == 1
    search = suffered.search()
    search.tree(suffered.land.given)
    assert search.forms >= {(SECRET, "as it is"), (SECRET, "hex"), (MASKED, "as it is")}


def test_the_source_is_seen_to_be_full_of_markers(suffered: Suffered) -> None:
    """The same search that finds none in a target finds them in the files it was copied from."""
    search = suffered.search()
    look_at_database(search, suffered.land.server, suffered.land.prod)
    for core in (MASKED, KEPT):
        for form in ("as it is", "backwards", "digits", "groups of digits"):
            assert (core, form) in search.forms
    assert (SCHEMA, "as it is") in search.forms
    assert not any(core == SECRET for core, _ in search.forms)
