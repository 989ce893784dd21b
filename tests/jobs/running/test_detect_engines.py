"""`dbagent detect` and plans without a policy on servers: tables nobody may read, enums, a server that is down."""

from __future__ import annotations

import json
import os

import pytest

from jobs.cli import call
from jobs.config.request import load_request
from jobs.running.workbench import open_workbench
from tests.jobs.running.site import Site

Output = pytest.CaptureFixture[str]


def detect(site: Site, *arguments: str) -> int:
    return call(["detect", *arguments, "--environments", str(site.folder / "environments.yaml")])


def test_tables_that_may_not_be_read_are_judged_by_their_names_and_told(
    server_site: Site, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, role = server_site, f"looker_{os.getpid()}"
    for statement in (
        "CREATE TABLE seen (email text, x1 text)",
        "INSERT INTO seen SELECT 'a' || n || '@corp.test', 'b' || n || '@corp.test' FROM generate_series(1, 40) n",
        "CREATE TABLE closed AS TABLE seen",
        "CREATE TABLE half AS TABLE seen",
        "CREATE TABLE rows_hidden AS TABLE seen",
        "ALTER TABLE rows_hidden ENABLE ROW LEVEL SECURITY",
        "CREATE TABLE nothing ()",
        f"CREATE ROLE {role} LOGIN PASSWORD 'looks'",
        f"GRANT SELECT ON seen, rows_hidden, nothing TO {role}",
        f"GRANT SELECT (email) ON half TO {role}",
    ):
        site.server.execute(site.prod, statement)
    site.environments({"PROD": {"user": role, "password": {"secret": "env:LOOKER_PASSWORD"}}})
    monkeypatch.setenv("LOOKER_PASSWORD", "looks")
    assert detect(site, "PROD", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["judged_by_names_alone"] == ["public.closed", "public.half", "public.rows_hidden"]
    named = {(column["table"], column["column"]) for column in found["columns"]}
    assert named == {(f"public.{table}", "email") for table in ("seen", "closed", "half", "rows_hidden")} | {
        ("public.seen", "x1")
    }
    assert detect(site, "PROD") == 0
    assert "public.closed: no values could be read: judged by names alone" in capsys.readouterr().out
    assert detect(site, "PROD", "--format", "policy") == 0
    assert "# public.closed: no values could be read" in capsys.readouterr().out


def test_a_server_that_is_down_is_no_answer(server_site: Site, capsys: Output) -> None:
    server_site.environments({"PROD": {"port": 1}})
    assert detect(server_site, "PROD") == 4
    said = capsys.readouterr()
    assert "PROD" in said.err
    assert said.out == ""


@pytest.fixture
def usual_key(server_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(server_site.folder))
    usual = server_site.folder / ".config" / "dbagent" / "master.key"
    usual.parent.mkdir(parents=True)
    (server_site.folder / "master.key").rename(usual)


@pytest.mark.usefixtures("usual_key")
def test_an_enum_stops_no_plan_and_what_may_hold_anything_does(server_site: Site) -> None:
    site = server_site
    site.server.execute(site.prod, "CREATE TYPE mood AS ENUM ('sad', 'ok')")
    site.server.execute(
        site.prod, "CREATE TABLE t (id int PRIMARY KEY, mood mood NOT NULL, gender mood, city mood, card mood)"
    )
    site.server.execute(site.prod, "INSERT INTO t SELECT n, 'ok', 'sad', 'ok', NULL FROM generate_series(1, 30) n")
    settings = load_request(site.operation(policy=None), site.environments({}))
    with open_workbench(*settings) as bench:
        assert bench.plan.errors == ()
        [table] = bench.plan.tables
        assert {d.column: d.rule and d.rule.strategy for d in table.decisions} == {
            **dict.fromkeys(("id", "mood", "gender", "card")), "city": "null",
        }  # fmt: skip
    site.server.execute(site.prod, "CREATE TABLE u (id int PRIMARY KEY, i inet, m mood[], r int4range, v tsvector)")
    with open_workbench(*settings) as bench:
        [stopped] = bench.plan.errors
        assert [f"public.u.{column} (" in stopped.what for column in "imrv"] == [True] * 4
