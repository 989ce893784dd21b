"""The README tells the truth: its commands exist and run, its files load, its tables are what the code declares."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from anonymizers.contract import strategies
from connectors.contract import connector, engines
from connectors.testkit import SampleTable, TestServer
from jobs.config.environment import load_environments
from jobs.config.operation import load_operation, load_policy
from jobs.errors import MEANINGS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

PEOPLE = SampleTable(
    "users",
    {
        "id": "integer",
        "full_name": "text",
        "email": "text",
        "phone": "text",
        "notes": "text",
        "created_at": "timestamp",
    },
    primary_key=("id",),
    unique=(("email",),),
)
ORDERS = SampleTable(
    "orders",
    {"id": "integer", "user_id": "integer", "contact_email": "text", "card_number": "text", "total": "decimal"},
    primary_key=("id",),
    references={"user_id": ("users", "id")},
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without its head."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def example_files(folder: Path) -> Path:
    """The example's files, as the README names them."""
    (folder / "conf").mkdir()
    for block in blocks("yaml"):
        name = block.split("\n", 1)[0].removeprefix("# ")
        (folder / name).write_text(block)
    return folder / "conf"


def run(command: list[str], folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HOME": str(folder), "XDG_STATE_HOME": str(folder), **settings}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_every_runnable_block_is_run_by_a_test() -> None:
    """A block added to the README fails here until something below runs it."""
    two_commands, example = blocks("bash")
    commands = [line.split()[0] for line in two_commands.splitlines()]
    assert commands == ["scripts/demo", "scripts/test"]  # test_the_demo_proves_its_copy; .ci/run
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith('/scripts/test"')
    assert "dbagent run conf/operation.yaml" in example  # test_the_example_runs_as_written


def test_the_example_files_load(tmp_path: Path) -> None:
    conf = example_files(tmp_path)
    assert set(load_environments(conf / "environments.yaml")) == {"PROD", "DEV"}
    assert load_operation(conf / "operation.yaml").filters == {"orders": "total >= 10"}


def test_the_examples_in_conf_load() -> None:
    conf = ROOT / "conf"
    environments = load_environments(conf / "environments.example.yaml")
    operation = load_operation(conf / "operation.example.yaml")
    assert {operation.source_env, operation.target_env} <= set(environments)
    assert load_policy(conf / "policy.example.yaml").columns


def test_the_example_runs_as_written(servers: dict[str, TestServer], tmp_path: Path) -> None:
    server = servers["postgresql"]
    prod, dev = server.database("prod"), server.database("dev")
    people = [
        (i, f"Name {i}", f"user{i}@mail.test", f"+999 {i:06}", None, "2024-01-01 00:00:00") for i in range(1, 101)
    ]
    orders = [(i, i, f"user{i}@mail.test", f"9999{i:012}", i) for i in range(1, 101)]
    server.create(prod, PEOPLE, people)
    server.create(prod, ORDERS, orders)
    conf = example_files(tmp_path)
    environments = yaml.safe_load((conf / "environments.yaml").read_text())
    for name, end in {"PROD": prod, "DEV": dev}.items():
        here = {
            "host": end.host,
            "port": end.port,
            "database": end.database,
            "user": end.user,
            "tls": {"mode": end.tls.mode},
        }
        environments[name].update(here)
    (conf / "environments.yaml").write_text(yaml.safe_dump(environments))
    passwords = {"PROD_PASSWORD": prod.password or "", "DEV_PASSWORD": dev.password or ""}

    done = run(["bash", "-euc", blocks("bash")[1]], tmp_path, **passwords)

    assert done.returncode == 0, done.stdout + done.stderr
    copied = {row[0]: row for row in server.read(dev, "users")}
    assert len(copied) == 100
    assert not {row[2] for row in copied.values()} & {row[2] for row in people}
    moved = {(row[5] - datetime(2024, 1, 1)).days for row in copied.values()}
    assert all(1 <= abs(days) <= 365 for days in moved)
    assert len(moved) > 50
    kept = server.read(dev, "orders")
    assert sorted(row[0] for row in kept) == list(range(10, 101))
    assert all(row[2] == copied[row[1]][2] for row in kept)


def test_the_demo_proves_its_copy(tmp_path: Path) -> None:
    done = run([sys.executable, str(ROOT / "scripts" / "_demo.py")], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT PROVEN" not in done.stdout
    assert "0 orphans" in done.stdout


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"dbagent ([a-z]+)", README)) | {"show", "progress", "pause", "cancel"})
)
def test_every_command_exists_and_shows_an_example(command: str, tmp_path: Path) -> None:
    done = run(["dbagent", command, "--help"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"dbagent {command}" in done.stdout.replace("Usage: dbagent", "")


def test_exit_codes_are_those_of_the_code() -> None:
    assert {int(code): meaning for code, meaning in table("Exit codes")} == {
        int(c): text for c, text in MEANINGS.items()
    }


def test_strategies_are_those_of_the_code() -> None:
    told = {name.strip("`"): set(takes.split(", ")) for name, takes, _ in table("Strategies")}
    assert told == {name: set(strategy.accepts) for name, strategy in strategies().items()}


def test_engines_are_those_of_the_code() -> None:
    facts = [connector(engine).facts for engine in engines()]
    told = {row[0]: row[1:] for row in table("Engines")}
    assert set(told) == {fact.title for fact in facts}
    for column, title in enumerate(told):
        assert told[title][column] != "later"
