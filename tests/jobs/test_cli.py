"""The command line: help, results on stdout, and for every mistake one block on stderr and its exit code."""

from __future__ import annotations

import getpass
import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from connectors.contract import RunRecord, TableState, connector
from jobs import cli_live
from jobs.cli import call
from jobs.config.environment import load_environments
from jobs.control.store import ControlStore
from jobs.control.tables import operations
from tests.jobs.commands import Output, printed, refused
from tests.jobs.control.ask import permit

ENVIRONMENTS = """
PROD: {engine: sqlite, database: prod.db}
DEV: {engine: sqlite, database: dev.db, writable: true}
"""

OPERATION = """
operation_type: copy_full
source_env: PROD
target_env: DEV
tables: ["*"]
policy:
  key: {secret: "file:master.key"}
  columns: {users.id: keep, users.email: {strategy: faker, domain: email}}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a user has it: conf/ with every file, a PROD database, no DEV yet, a control store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("DBAGENT_DEBUG", raising=False)
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "environments.yaml").write_text(ENVIRONMENTS)
    (conf / "op.yaml").write_text(OPERATION)
    (conf / "master.key").write_bytes(os.urandom(32))
    (conf / "master.key").chmod(0o600)
    prod = sqlite3.connect(conf / "prod.db")
    prod.executescript("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO users VALUES (1, 'a@b.c')")
    prod.close()
    return conf


@pytest.fixture
def operation(site: Path, capsys: Output) -> str:
    """The ID of an operation waiting in the control store."""
    return str(json.loads(printed(capsys, "create", "conf/op.yaml", "--json"))["id"])


# Mistakes in files


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


Spoil = Callable[[Path], object]

MISTAKES: dict[str, tuple[Spoil, str]] = {
    "no such operation file": (lambda conf: (conf / "op.yaml").unlink(), "conf/op.yaml: there is no such file"),
    "no environments file": (lambda conf: (conf / "environments.yaml").unlink(), "--environments FILE"),
    "bad YAML": (lambda conf: replaced(conf / "op.yaml", '["*"]', '["*"'), "conf/op.yaml: line 6, column 1: "),
    "not UTF-8": (lambda conf: (conf / "op.yaml").write_bytes(b"\xff"), "byte 1 is not UTF-8"),
    "unknown key": (lambda conf: replaced(conf / "op.yaml", "tables", "tabels"), "there is no such key; did you mean tables?"),
    "unknown engine": (lambda conf: replaced(conf / "environments.yaml", "sqlite", "sqlit"), "there is no such engine"),
    "misspelt environment": (lambda conf: replaced(conf / "op.yaml", "PROD", "PRDO"), "did you mean PROD?"),
    "target not writable": (lambda conf: replaced(conf / "environments.yaml", "writable: true", "writable: false"), "writable"),
    "plain password": (lambda conf: replaced(conf / "environments.yaml", "prod.db", "prod.db, password: hunter2"), "env:NAME"),
    "plain key": (lambda conf: replaced(conf / "op.yaml", '{secret: "file:master.key"}', "hunter2"), "env:NAME"),
    "world-readable key": (lambda conf: (conf / "master.key").chmod(0o644), "chmod 600"),
    "no key": (lambda conf: (conf / "master.key").unlink(), "there is no file"),
    "short key": (lambda conf: (conf / "master.key").write_text("hunter2"), "too short"),
    "bad column name": (lambda conf: replaced(conf / "op.yaml", "users.id", "id"), "[schema.]table.column"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("command", [["plan"], ["run", "--dry-run"]], ids=["plan", "run"])
def test_a_mistake_in_a_file_is_one_block(command: list[str], mistake: str, site: Path, capsys: Output) -> None:
    spoil, expected = MISTAKES[mistake]
    spoil(site)
    said = refused(capsys, 2, *command, "conf/op.yaml")
    assert expected in said
    assert "hunter2" not in said


def test_all_problems_of_a_file_are_told_at_once(site: Path, capsys: Output) -> None:
    replaced(site / "op.yaml", "copy_full", "copy_all")
    replaced(site / "op.yaml", "target_env: DEV", "target_env: PROD\nworkers: 4")
    said = refused(capsys, 2, "plan", "conf/op.yaml")
    assert said.splitlines()[0] == "error: 3 problems in the configuration"
    assert all(f"  conf/op.yaml: {key}: " in said for key in ("operation_type", "target_env", "workers"))


# Plans


def test_a_plan_is_shown_and_changes_nothing(site: Path, capsys: Output) -> None:
    assert "users" in printed(capsys, "plan", "conf/op.yaml")
    assert len(json.loads(printed(capsys, "plan", "conf/op.yaml", "--json"))["sha256"]) == 64
    with ControlStore.open() as store:
        assert store.recent() == []


def test_findings_stop_a_plan(site: Path, capsys: Output) -> None:
    replaced(site / "op.yaml", "users.id: keep", "users.idd: keep")
    said = refused(capsys, 3, "plan", "conf/op.yaml", "--json")
    assert "users.idd" in said
    capsys.readouterr()
    call(["plan", "conf/op.yaml", "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {finding["severity"] for finding in findings} >= {"error"}


# Operations


def test_operations_are_listed_and_shown(operation: str, capsys: Output) -> None:
    assert operation in printed(capsys, "list")
    [listed] = json.loads(printed(capsys, "list", "--json"))
    assert (listed["id"], listed["status"], listed["requested_by"]) == (operation, "approved", getpass.getuser())
    with ControlStore.open() as store:
        store.start(store.get(operation), "run-1", "host:1", permit(store.get(operation)), workers=4, limits={})
        store.put_task(operation, "host:1", "users", "copy", "copy_full", "running", source_query="id < [5]")
        store.finish(operation, "host:1", "failed", "disk [full]")
    said = printed(capsys, "show", operation)
    assert "disk [full]" in said
    assert "id < [5]" in said
    assert "email: faker[email]" in said  # the plan, as its approvers see it
    shown = json.loads(printed(capsys, "show", operation[:14], "--json"))
    assert shown["definition"]["tables"] == ["*"]
    assert [task["table_name"] for task in shown["tasks"]] == ["users"]


def test_what_goes_into_a_command_is_in_one_piece_on_a_narrow_terminal(
    operation: str, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with ControlStore.open() as store:
        sha = store.get(operation).plan_sha256
    assert operation in printed(capsys, "list")
    said = printed(capsys, "show", operation)
    assert f"plan: {sha}" in said
    assert f"→ dbagent run {operation}" in said
    assert all(len(line) <= 50 for line in said.splitlines() if line.startswith("┏"))


def test_a_recorded_plan_that_somebody_changed_is_not_shown_as_genuine(operation: str, capsys: Output) -> None:
    with ControlStore.open() as store, store._engine.begin() as connection:
        what = store.get(operation).plan_what
        what["tables"]["users"]["columns"][1]["decision"] = "keep"
        connection.execute(operations.update().values(plan_what=what))
        sha = store.get(operation).plan_sha256
    assert "the recorded plan is not the one of its hash" in refused(capsys, 2, "show", operation)
    assert "approve nothing" in refused(capsys, 2, "approve", operation, "--plan", sha, "--role", "DBA")


def test_an_empty_list_says_how_to_begin(site: Path, capsys: Output) -> None:
    assert "dbagent plan FILE" in printed(capsys, "list")
    assert json.loads(printed(capsys, "list", "--json")) == []


def test_progress_has_the_keys_scripts_read(operation: str, capsys: Output) -> None:
    with ControlStore.open() as store:
        store.start(store.get(operation), "run-1", "host:1", permit(store.get(operation)), workers=4, limits={})
        time.sleep(0.05)
        store.progress(
            operation,
            "host:1",
            tables_total=2,
            rows_total=1000,
            rows_copied=250,
            bytes_transferred=77,
            current_table="users",
        )
    found = json.loads(printed(capsys, "progress", operation, "--json"))
    assert found.pop("eta_seconds") > 0
    assert found == {
        "status": "running",
        "tables_completed": 0,
        "tables_total": 2,
        "rows_copied": 250,
        "rows_total": 1000,
        "current_table": "users",
        "bytes_transferred": 77,
    }
    said = printed(capsys, "progress", operation)
    assert "running · 0 of 2 tables · 250 of ≈ 1,000 rows" in said
    assert "rows/s" in said
    assert "left" in said


def test_progress_is_drawn_on_a_terminal_until_the_end(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_live, "INTERVAL", 0.02)
    screen = StringIO()
    with ControlStore.open() as store:
        store.start(store.get(operation), "run-1", "host:1", permit(store.get(operation)), workers=4, limits={})

        def work() -> None:
            for rows in range(0, 101, 10):
                store.progress(operation, "host:1", rows_total=100, rows_copied=rows)
                time.sleep(0.02)
            store.finish(operation, "host:1", "completed")

        worker = threading.Thread(target=work)
        worker.start()
        row = cli_live.watch(store, store.get(operation), Console(file=screen, force_terminal=True, width=120))
        worker.join()
    assert (row.status, row.rows_copied) == ("completed", 100)
    drawn = screen.getvalue().splitlines()
    assert any(line.count("━") == 50 for line in drawn)
    assert any(f"{operation}: running · 0 of 0 tables · 50 of ≈ 100 rows" in line for line in drawn)


def test_a_stop_is_asked_for(operation: str, capsys: Output) -> None:
    with ControlStore.open() as store:
        store.start(store.get(operation), "run-1", "host:1", permit(store.get(operation)), workers=4, limits={})
    assert printed(capsys, "pause", operation) == f"{operation}: asked its driver (host:1) to pause\n"
    with ControlStore.open() as store:
        assert store.stop_requested(operation) == "pause"
        store.finish(operation, "host:1", "paused")
    assert printed(capsys, "cancel", operation) == f"{operation}: cancelled\n"
    assert "the operation is cancelled: nothing to pause" in refused(capsys, 2, "pause", operation)
    assert "there is nothing to resume" in refused(capsys, 2, "resume", operation)


@pytest.mark.parametrize("command", ["run", "resume", "progress", "show", "pause", "cancel"])
def test_an_operation_that_is_not_there_is_said(command: str, site: Path, capsys: Output) -> None:
    assert "there is no such operation" in refused(capsys, 2, command, "op-19990101-abcdef")


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("nonsense", 2, "write sqlite:///PATH or postgresql://"),
        ("sqlite:////proc/none/c.db", 4, "the control store cannot be opened"),
        ("postgresql://ada:hunter2@127.0.0.1:1/none", 4, "the control store cannot be reached"),
    ],
)
def test_a_control_store_that_cannot_be_used_is_said(
    url: str, code: int, said: str, site: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBAGENT_CONTROL", url)
    block = refused(capsys, code, "list")
    assert said in block
    assert "hunter2" not in block


# Databases


def test_engines_say_what_they_need(capsys: Output) -> None:
    found = {engine["engine"]: engine for engine in json.loads(printed(capsys, "engines", "--json"))}
    assert found["sqlite"]["needs"] == ["database"]
    assert "host" in found["postgresql"]["needs"]
    assert "PostgreSQL" in printed(capsys, "engines")


def test_a_check_shows_the_server_from_both_sides(site: Path, capsys: Output) -> None:
    found = json.loads(printed(capsys, "check", "PROD", "--json"))
    assert found["source"]["tables"] == 1
    assert found["source"]["server"]["version"]
    assert set(found["target"]) == {"note"}
    assert "as target: not writable" in printed(capsys, "check", "PROD")
    sqlite3.connect(site / "dev.db").execute("CREATE TABLE t (a)").connection.close()
    assert json.loads(printed(capsys, "check", "DEV", "--json"))["target"]["tables"] == 1


def test_looking_at_a_database_that_is_not_there_yet_does_not_make_it(site: Path, capsys: Output) -> None:
    assert "the first copy creates it" in printed(capsys, "check", "DEV")
    assert "nothing was copied here yet" in printed(capsys, "status", "DEV")
    assert not (site / "dev.db").exists()
    (site / "prod.db").unlink()
    refused(capsys, 4, "check", "PROD")


def test_status_tells_what_was_copied_last(site: Path, capsys: Output) -> None:
    target = connector("sqlite").target(load_environments()["DEV"].endpoint("DEV"))
    target.ledger.create()

    def state(table: int, name: str) -> TableState:
        return TableState(table, name, "1", "prepared", "snapshot 7", 0, 0, 0, {}, frozenset())

    for number, state_name in ((1, "complete"), (2, "running")):
        run = RunRecord(f"run-{number}", f"op-{number}", "a" * 64, "PROD", "running", 1000.0 * number, None)
        target.ledger.acquire(run, ["users", "orders"], f"h:{number}", lambda _: False)
        target.ledger.prepared(run.run_id, state(0, "users"))
        if state_name == "complete":
            target.ledger.prepared(run.run_id, state(1, "orders"))
            target.ledger.completed(run.run_id, 0)
            target.ledger.completed(run.run_id, 1)
            target.ledger.finished(run.run_id)
    target.close()
    found: dict[str, Any] = json.loads(printed(capsys, "status", "DEV", "--json"))
    assert (found["complete"], found["last_run"]["run_id"]) == (False, "run-2")
    assert [(table["table"], table["state"], table["run_id"]) for table in found["tables"]] == [
        ("orders", "complete", "run-1"),
        ("users", "prepared", "run-2"),
    ]
    head = printed(capsys, "status", "DEV").splitlines()[0]
    assert (head.startswith("DEV: last copy from PROD"), head.endswith(": not complete")) == (True, True)
    assert "not writable" in refused(capsys, 2, "status", "PROD")


# Bugs and the keyboard


def test_a_bug_ends_with_one_and_no_traceback(site: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("ada@example.com")

    monkeypatch.setattr("jobs.control.store.ControlStore.recent", broken)
    said = refused(capsys, 1, "list")
    assert "a bug in dbagent: ZeroDivisionError" in said
    assert "ada@example.com" not in said
    monkeypatch.setenv("DBAGENT_DEBUG", "1")
    assert call(["list"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_keyboard_stops_a_command(site: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("jobs.control.store.ControlStore.recent", interrupted)
    assert call(["list"]) == 6
    assert "stopped by the keyboard" in capsys.readouterr().err
