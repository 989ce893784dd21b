"""The README tells the truth: its commands exist and run, its files load, its tables are what the code declares."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml

from anonymizers.contract import strategies
from connectors.contract import Endpoint, connector, engines
from connectors.testkit import SampleTable, TestServer
from jobs.config.approvals import load_approvals
from jobs.config.environment import load_environments
from jobs.config.operation import load_operation, load_policy
from jobs.errors import MEANINGS, Exit

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
    """A command as a person starts it who has set nothing, in a home of its own."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    mine = {"PATH": path, "HOME": str(folder), "XDG_STATE_HOME": str(folder), **settings}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DBAGENT_")} | mine
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@dataclass
class Example:
    """The example's databases and files, where its commands are run."""

    server: TestServer
    folder: Path
    prod: Endpoint
    dev: Endpoint

    def run(self, script: str, settings: Mapping[str, str] = MappingProxyType({}), expected: int = Exit.DONE) -> str:
        passwords = {"PROD_PASSWORD": self.prod.password or "", "DEV_PASSWORD": self.dev.password or ""}
        done = run(["bash", "-euc", script], self.folder, **passwords, **settings)
        assert done.returncode == expected, done.stdout + done.stderr
        return done.stdout

    def check_copy(self) -> None:
        copied = {row[0]: row for row in self.server.read(self.dev, "users")}
        assert len(copied) == 100
        assert not {row[2] for row in copied.values()} & {row[2] for row in self.server.read(self.prod, "users")}
        moved = {(row[5] - datetime(2024, 1, 1)).days for row in copied.values()}
        assert all(1 <= abs(days) <= 365 for days in moved)
        assert len(moved) > 50
        kept = self.server.read(self.dev, "orders")
        assert sorted(row[0] for row in kept) == list(range(10, 101))
        assert all(row[2] == copied[row[1]][2] for row in kept)


@pytest.fixture
def example(servers: dict[str, TestServer], tmp_path: Path) -> Example:
    server = servers["postgresql"]
    prod, dev = server.database("prod"), server.database("dev")
    people = [
        (i, f"Name {i}", f"user{i}@mail.test", f"+999 {i:06}", None, "2024-01-01 00:00:00") for i in range(1, 101)
    ]
    server.create(prod, PEOPLE, people)
    server.create(prod, ORDERS, [(i, i, f"user{i}@mail.test", f"9999{i:012}", i) for i in range(1, 101)])
    file = example_files(tmp_path) / "environments.yaml"
    environments = yaml.safe_load(file.read_text())
    for name, end in {"PROD": prod, "DEV": dev}.items():
        here = {key: getattr(end, key) for key in ("host", "port", "database", "user")}
        environments[name].update(here, tls={"mode": end.tls.mode})
    file.write_text(yaml.safe_dump(environments))
    return Example(server, tmp_path, prod, dev)


@pytest.fixture
def team(example: Example) -> Iterator[dict[str, str]]:
    """A control store on the server, as the README has its administrator make it: what leads its people there."""
    server, control = example.server, example.server.database("control")
    place, people = f"{control.host}:{control.port}/{control.database}", ("zoe", "anna", "carol")
    logins = {str(control.user): str(control.password)} | {name: f"secret of {name}" for name in people}
    passwords = example.folder / ".pgpass"
    passwords.write_text("".join(f"*:*:*:{name}:{password}\n" for name, password in logins.items()))
    passwords.chmod(0o600)
    settings = {"PGPASSFILE": str(passwords), "DBAGENT_CONTROL": f"postgresql://{control.user}@{place}"}
    example.run("dbagent list", settings)
    for name in people:
        server.execute(control, f"CREATE ROLE {name} LOGIN PASSWORD 'secret of {name}'")
    [grants] = blocks("sql")
    server.execute(control, grants)
    yield {**settings, "place": place}
    for name in people:
        server.execute(control, f"DROP OWNED BY {name}")
        server.execute(control, f"DROP ROLE {name}")


def rules(policy: Path) -> dict[str, tuple[str | None, str | None]]:
    """Column → strategy and domain. The domain of an emptied column says nothing."""
    found = {}
    for rule in load_policy(policy).rules:
        _, table, column = rule.name
        found[f"{table}.{column}"] = rule.strategy, None if rule.strategy == "null" else rule.domain
    return found


def test_every_runnable_block_is_run_by_a_test() -> None:
    """A block added to the README fails here until something below runs it."""
    two_commands, *example, cluster, schema = blocks("bash")
    commands = [line.split()[0] for line in two_commands.splitlines()]
    assert commands == ["scripts/demo", "scripts/test"]  # test_the_demo_proves_its_copy; .ci/run
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith('/scripts/test"')
    assert len(example) == 4  # test_the_example_runs_as_written
    assert cluster.startswith("spark-submit --master spark://")  # tests/jobs/running/test_standalone.py
    assert schema.startswith("dbagent run conf/schema.yaml")  # test_the_schema_travels_as_the_text_says
    assert len(blocks("sql")) == 1  # team


def test_the_example_files_load(tmp_path: Path) -> None:
    conf = example_files(tmp_path)
    environments = load_environments(conf / "environments.yaml")
    assert set(environments) == {"PROD", "DEV"}
    assert load_operation(conf / "operation.yaml").filters == {"orders": "total >= 10"}
    users = load_operation(conf / "move.yaml").column_mappings["users"]
    assert set(users.by_column) < set(PEOPLE.columns)
    assert load_approvals(conf / "approvals.yaml").requirement("PROD", "DEV", environments).standing is not None


def test_the_example_runs_as_written(example: Example, team: dict[str, str]) -> None:
    look, ask, allow, go = blocks("bash")[1:5]
    place = team.pop("place")
    policy = example.folder / "conf" / "policy.yaml"
    changed = policy.read_text()

    assert "personal" in example.run(look)
    detected = rules(policy)
    policy.write_text(changed)
    edited = rules(policy)
    assert edited.keys() == detected.keys()
    by_hand = {line.split(":")[0].strip() for line in changed.splitlines() if "# by hand" in line}
    assert {name for name in edited if edited[name] != detected[name]} == by_hand

    asked = example.run(ask.replace("control.example.com/dbagent", place), team)
    [(operation, plan)] = re.findall(r"operation (op-\S+): awaiting_approval; plan (\w{64})", asked)
    assert "waits for DBA (anna, ben)" in asked

    def now(block: str) -> str:
        ids = block.replace("op-20261121-3f9a2c", operation).replace("5f2e9c01ab77", plan[:12])
        return ids.replace("control.example.com/dbagent", place)

    team["DBAGENT_CONTROL"] = f"postgresql://zoe@{place}"  # as `ask` has exported it
    example.run("dbagent run conf/operation.yaml", team, Exit.AWAITING)
    assert "approved as DATA_OWNER; approved" in example.run(now(allow), team)
    trail = example.run(now(go), team)
    example.check_copy()
    for who, what in (("zoe", "requested"), ("anna", "approved"), ("carol", "approved"), ("zoe", "completed")):
        assert re.search(rf"{who} .*{what}", trail), trail


def test_one_person_alone_runs_the_example_without_asking_anybody(example: Example) -> None:
    [pair] = re.findall(r"\*\*Alone\?\*\* With `(.+?)`", README)
    (example.folder / "conf" / "approvals.yaml").write_text(f"roles: {{}}\npairs:\n  {pair}\n")
    example.run("dbagent key new; dbagent run conf/operation.yaml")
    example.check_copy()


def test_the_mappings_of_the_text_fit_the_example(example: Example) -> None:
    example.server.execute(example.prod, "CREATE TABLE tickets (id integer PRIMARY KEY, status text)")
    (example.folder / "conf" / "approvals.yaml").write_text("roles: {}\npairs: {PROD -> DEV: {roles: []}}\n")
    plan = example.run("dbagent key new; dbagent plan conf/move.yaml")
    assert "public.users → public.customers" in plan
    assert "public.users.created_at timestamp without time zone → date, lossy: the time of day is dropped" in plan


def test_the_schema_travels_as_the_text_says(example: Example) -> None:
    (example.folder / "conf" / "approvals.yaml").write_text("roles: {}\npairs: {PROD -> DEV: {roles: []}}\n")
    bring, *rest = blocks("bash")[-1].splitlines()
    assert "objects of the schema are there as wanted" in example.run(bring)
    [operation] = re.findall(r"op-\d{8}-\w+", example.run("dbagent list"))
    said = example.run("\n".join(rest).replace("op-20261121-3f9a2c", operation))
    assert "PROD and DEV: the same schema" in said
    assert "CREATE TABLE" in said
    assert "0 were undone already" in said
    assert "missing" in example.run("dbagent diff PROD DEV", expected=Exit.DIFFERENT)
    recreate = (example.folder / "conf" / "schema.yaml").read_text().replace("mode: create ", "mode: recreate ")
    (example.folder / "conf" / "schema.yaml").write_text(recreate)
    example.run("dbagent run conf/schema.yaml", expected=Exit.USAGE)
    example.run("dbagent run conf/schema.yaml --confirm DEV")


def test_the_schedule_in_the_text_is_one_an_operation_takes(tmp_path: Path) -> None:
    [schedule] = re.findall(r"`(scheduled_at: .+?)`", README)
    file = example_files(tmp_path) / "operation.yaml"
    file.write_text(file.read_text() + schedule + "\n")
    assert load_operation(file).scheduled_at == "2026-12-01T01:00:00+00:00"


def test_the_demo_proves_its_copy(tmp_path: Path) -> None:
    done = run([sys.executable, str(ROOT / "scripts" / "_demo.py")], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT PROVEN" not in done.stdout
    assert "0 orphans" in done.stdout
    assert "approved as MANAGER; approved" in done.stdout
    assert len(re.findall(r"│ (anna|carol|dave|erin) .*│ approved ", done.stdout)) == 4


def test_nobody_decides_as_somebody_else_outside_the_demo(tmp_path: Path) -> None:
    for command in (["approve", "op-1", "--plan", "0" * 12, "--role", "DBA"], ["run", "op-1"], ["audit"]):
        done = run(["dbagent", *command, "--as", "anna"], tmp_path)
        assert done.returncode == Exit.USAGE
        assert "No such option: --as" in done.stderr


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
