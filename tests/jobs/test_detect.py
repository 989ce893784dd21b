"""`dbagent detect`: what it lists, the policy it writes, that values are shown only where the trail says to whom."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.schema import Column, ColumnType, ForeignKey, Kind, Schema, Table, TableName
from jobs import views_detect
from jobs.cli import call
from jobs.config.files import read, yaml_text
from jobs.config.policy import Policy
from jobs.control.store import ControlStore
from jobs.planning.decisions import decide
from jobs.planning.detected import surveyed

Output = pytest.CaptureFixture[str]

SHOP = """
CREATE TABLE users (id INTEGER PRIMARY KEY, e_mail TEXT NOT NULL UNIQUE, full_name TEXT, dob DATE, status TEXT,
  "Odd ""name" TEXT, preferences JSON);
CREATE TABLE orders (id INTEGER PRIMARY KEY, sender TEXT REFERENCES users (e_mail), total INTEGER, notes TEXT);
CREATE TABLE "select" ("null" INTEGER PRIMARY KEY, "phone no" TEXT)
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with environments and a database with people in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "environments.yaml").write_text(
        "PROD: {engine: sqlite, database: prod.db}\nDEV: {engine: sqlite, database: dev.db, writable: true}\n"
        "GONE: {engine: sqlite, database: gone.db}\nEMPTY: {engine: sqlite, database: empty.db}\n"
    )
    (conf / "master.key").write_text(bytes(range(32)).hex())
    (conf / "master.key").chmod(0o600)
    with closing(sqlite3.connect(conf / "empty.db")) as empty:
        empty.execute("VACUUM")
    with closing(sqlite3.connect(conf / "prod.db")) as prod:
        prod.executescript(SHOP)
        people = [
            (n, f"canary{n}@corp.test", f"Mary Canary{n}", f"19{n:02}-02-03", "new", "x", "{}") for n in range(60)
        ]
        prod.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)", people)
        prod.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)", [(n, f"canary{n}@corp.test", n, "call") for n in range(60)]
        )
        prod.commit()
    return conf


def detect(*arguments: str) -> int:
    return call(["detect", *arguments])


def test_what_looks_personal_is_listed_with_what_would_be_done_and_why(shop: Path, capsys: Output) -> None:
    assert detect("PROD") == 0
    text = capsys.readouterr().out
    assert "PROD: 6 of 13 columns in 3 tables look personal, 1 of them a person must decide" in text
    rows = [[cell.strip() for cell in line.split("│")[1:4]] for line in text.splitlines() if line.count("│") > 3]
    assert rows == [
        ["orders", "sender", "email"],
        ["select", "phone no", "phone"],
        ["users", "e_mail", "email"],
        ["users", "full_name", "person"],
        ["users", "dob", "birth_date"],
        ["users", "preferences", "json"],
    ]
    assert max(map(len, text.splitlines())) <= 200
    assert "100 % of 60 sampled values look like e-mail addresses" in text
    assert "canary" not in text.lower()


def test_scripts_read_the_same_as_json(shop: Path, capsys: Output) -> None:
    assert detect("PROD", "--json") == 0
    out = capsys.readouterr().out
    found = json.loads(out)
    assert [(column["table"], column["column"], column["proposal"]) for column in found["columns"]] == [
        ("orders", "sender", "faker"),
        ("select", "phone no", "mask"),
        ("users", "e_mail", "faker"),
        ("users", "full_name", "faker"),
        ("users", "dob", "date_shift"),
        ("users", "preferences", None),
    ]
    assert found["judged_by_names_alone"] == []
    assert "canary" not in out.lower()


def test_only_the_tables_asked_for_are_listed(shop: Path, capsys: Output) -> None:
    assert detect("PROD", "orders", '"select"') == 0
    text = capsys.readouterr().out
    assert "in 2 tables" in text
    assert "users" not in text


def test_the_policy_decides_every_column(shop: Path, capsys: Output) -> None:
    assert detect("PROD", "--format", "policy") == 0
    text = capsys.readouterr().out
    assert "canary" not in text.lower()
    (shop / "policy.yaml").write_text(f"key: {{secret: 'file:master.key'}}\n{text}")
    (shop / "op.yaml").write_text(
        "operation_type: copy_full\nsource_env: PROD\ntarget_env: DEV\ntables: ['*']\npolicy: policy.yaml\n"
    )
    assert call(["plan", "conf/op.yaml", "--json"]) == 0
    by_policy = json.loads(capsys.readouterr().out)
    (shop / "policy.yaml").write_text((shop / "policy.yaml").read_text().replace("  users.status: keep\n", ""))
    assert call(["plan", "conf/op.yaml"]) == 3
    assert "one column is not decided: users.status" in capsys.readouterr().err
    assert len(by_policy["tables"]) == 3


def test_values_are_shown_only_after_the_trail_says_to_whom(shop: Path, capsys: Output) -> None:
    assert detect("PROD", "users", "--show-values") == 0
    text = capsys.readouterr().out
    assert "'canary0@corp.test'" in text
    assert "'canary3@corp.test'" not in text
    with ControlStore.open() as store:
        [entry] = store.trail()
        assert (entry.event, entry.who, entry.detail) == ("values shown", store.person(), "PROD: users")


def test_nothing_is_shown_where_the_trail_cannot_be_written(shop: Path, capsys: Output) -> None:
    (shop / "folder").mkdir()
    assert detect("PROD", "--show-values", "--control", f"sqlite:///{shop / 'folder'}") != 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "canary" not in told.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["PROD", "user"], 2, "no such table in PROD\n  user\n  → did you mean users?"),
        (["PROD", "a.b.c"], 2, "has 3 parts"),
        (["NOPE"], 2, "there is no environment 'NOPE'"),
        (["EMPTY"], 2, "this database has no tables"),
        (["GONE"], 4, "there is no such file"),
        (["PROD", "--show-values", "--json"], 2, "values are shown in the table only"),
        (["PROD", "--show-values", "--format", "policy"], 2, "values are shown in the table only"),
        (["PROD", "--json", "--format", "policy"], 2, "a policy is YAML"),
        (["PROD", "--format", "xml"], 2, "xml"),
        ([], 2, "'environment'"),
    ],
)
def test_mistakes_are_told(shop: Path, capsys: Output, arguments: list[str], code: int, told: str) -> None:
    assert detect(*arguments) == code
    said = capsys.readouterr()
    assert told in said.err
    assert said.out == ""


def test_letters_that_terminals_and_yaml_do_not_take_are_escaped(shop: Path, capsys: Output) -> None:
    with closing(sqlite3.connect(shop / "prod.db")) as prod:
        prod.execute('CREATE TABLE "a\x1b[31m\nb" ("e-mail\n\x07" TEXT)')
    assert detect("PROD", '"a\x1b[31m\nb"', "--show-values") == 0
    assert detect("PROD", '"a\x1b[31m\nb"', "--format", "policy") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out


names = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=80)
kinds = st.sampled_from([kind for kind in Kind if kind is not Kind.OTHER])


@given(schema=st.none() | names, table=names, columns=st.dictionaries(names, kinds, min_size=1, max_size=4))
def test_any_name_survives_the_policys_text(
    tmp_path_factory: pytest.TempPathFactory, schema: str | None, table: str, columns: dict[str, Kind]
) -> None:
    found = Table(
        TableName(schema, table),
        tuple(Column(name, ColumnType(kind.value, kind)) for name, kind in columns.items()),
        primary_key=tuple(columns)[:1],
    )
    path = tmp_path_factory.getbasetemp() / "policy.yaml"
    seen = surveyed("PROD", [found], Schema((found,)), lambda table, columns: {}, schema)
    path.write_text(views_detect.policy(seen))
    policy = Policy.model_validate(read(path))
    assert [rule.name for rule in policy.rules] == [(schema, table, column) for column in columns]
    _, findings = decide([found], Schema((found,)), {}, policy.rules, schema)
    assert [finding for finding in findings if finding.severity == "error"] == []


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_a_settings_file(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "text.yaml"
    written = yaml_text(text)
    path.write_text(f"{written}: {{one: {written}, two: 2}}    # a comment\n")
    assert read(path) == {text: {"one": text, "two": 2}}
    assert len(written.splitlines()) == 1


def test_a_reference_to_what_nobody_can_judge_is_for_a_person_too() -> None:
    bodies = Table(TableName(None, "bodies"), (Column("body", ColumnType("text", Kind.TEXT), False),), ("body",))
    marks = Table(
        TableName(None, "marks"), (Column("of", ColumnType("text", Kind.TEXT)),),
        foreign_keys=(ForeignKey("f", TableName(None, "marks"), ("of",), bodies.name, ("body",)),),
    )  # fmt: skip
    seen = surveyed("PROD", [marks], Schema((bodies, marks)), lambda table, columns: {}, None)
    assert list(seen.undecided) == [(marks.name, "of")]
    assert 'marks.of: "null"    # DECIDE' in views_detect.policy(seen)
