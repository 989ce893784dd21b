"""Mistakes with databases that are files: what stands at the path is told, and nothing is made there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.sqlite import session
from jobs.cli import call
from tests.jobs.mistakes.told import Told
from tests.jobs.running.site import Site

PATHS: dict[str, tuple[dict[str, Any], str]] = {
    "source missing": ({"PROD": {"database": "nope.db"}}, "there is no such file"),
    "source in memory": ({"PROD": {"database": ":memory:"}}, "there is no such file"),
    "source of nobody": ({"PROD": {"database": "~nobody-here/x.db"}}, "there is no such file"),
    "source a folder": ({"PROD": {"database": "."}}, "this is not a file"),
    "source a device": ({"PROD": {"database": "/dev/null"}}, "this is not a file"),
    "source no database": ({"PROD": {"database": "operation.yaml"}}, "this is not an SQLite database"),
    "source a circle of links": ({"PROD": {"database": "circle"}}, "the file cannot be reached [ELOOP]"),
    "source with a long name": ({"PROD": {"database": "x" * 300}}, "the file cannot be reached [ENAMETOOLONG]"),
    "source cut short": ({"PROD": {"database": "short.db"}}, "the file is damaged"),
    "target folder missing": ({"DEV": {"database": "no/such/dev.db"}}, "make it: mkdir -p '"),
    "target below a file": ({"DEV": {"database": "operation.yaml/dev.db"}}, "the folder of the file is not there"),
    "target a folder": ({"DEV": {"database": "."}}, "this is not a file"),
    "target no database": ({"DEV": {"database": "operation.yaml"}}, "this is not an SQLite database"),
    "target with a long name": ({"DEV": {"database": "x" * 300}}, "the file cannot be reached [ENAMETOOLONG]"),
}


def test_a_path_that_leads_to_no_database(file_site: Site, told: Told) -> None:
    site = file_site
    site.fill(users=200, orders=200, plain=5)
    (site.folder / "circle").symlink_to("circle")
    with sqlite3.connect(site.prod.database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole = Path(site.prod.database).read_bytes()
    (site.folder / "short.db").write_bytes(whole[: len(whole) // 2])
    for name, (changes, expected) in PATHS.items():
        site.environments(changes)
        said = told(site, 4, "plan", str(site.operation()))
        [end] = changes
        assert expected in said, name
        assert f"{end} (/" in said, name
        assert "  → " in said, name
    assert not (site.folder / "no").exists()


def test_both_paths_wrong_are_told_together(file_site: Site, told: Told) -> None:
    file_site.environments({"PROD": {"database": "nope.db"}, "DEV": {"database": "no/dev.db"}})
    said = told(file_site, 4, "plan", str(file_site.operation()))
    assert "there is no such file" in said
    assert "the folder of the file is not there" in said


@pytest.mark.usefixtures("no_spark")
def test_a_plan_that_is_refused_makes_no_target_file(file_site: Site, told: Told) -> None:
    file_site.environments({"DEV": {"database": "new.db"}})
    told(file_site, 3, "plan", str(file_site.operation()))
    told(file_site, 3, "run", str(file_site.operation()))
    assert not (file_site.folder / "new.db").exists()
    file_site.fill(users=3, orders=3, plain=3)
    assert call(file_site.arguments("run", "--dry-run", str(file_site.operation()))) == 0
    assert not (file_site.folder / "new.db").exists()


def test_one_file_under_two_names_is_one_database(file_site: Site, told: Told) -> None:
    site = file_site
    site.fill(users=3, orders=3, plain=3)
    (site.folder / "link.db").symlink_to(site.prod.database)
    os.link(site.prod.database, site.folder / "second.db")
    for name in (site.prod.database, "link.db", "second.db"):
        site.environments({"DEV": {"database": name}})
        for policy in ("refuse", "truncate", "append"):
            said = told(site, 3, "plan", str(site.operation(if_target_not_empty=policy)))
            assert "both names lead to the same database" in said
            assert "not empty" not in said


@pytest.mark.usefixtures("no_spark")
def test_a_file_that_another_program_has_locked(file_site: Site, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    site = file_site
    site.fill(users=3, orders=3, plain=3)
    monkeypatch.setattr(session.open_target, "__kwdefaults__", {"patience": 0.3})
    program = f"""
import sqlite3, sys
connection = sqlite3.connect({site.dev.database!r}, isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        said = told.failed(site, 5, "run", str(site.operation()))
        other.communicate()
    assert "the file is locked by another program" in said
    assert "end that program's transaction; then continue with: dbagent resume op-" in said
    assert call(site.arguments("resume", said.split()[-1])) == 0
    assert len(site.rows(site.dev, "users")) == 3
