"""Environments: checked against what their engine says of itself, all problems at once, secrets only when connecting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from connectors.contract import Tls
from connectors.facts import Facts
from jobs.config import environment as module
from jobs.config.environment import Environment, choose, load_environments
from jobs.errors import ConfigError

SERVER = Facts(
    engine="server",
    title="A server",
    address=frozenset({"host", "user", "password"}),
    default_port=4711,
    default_schema="public",
    filter_dialect=None,
    options=frozenset({"timeout", "compress"}),
    snapshot_holder="driver",
    writers=None,
    file=False,
    ways=(),
)
FILE = replace(
    SERVER, engine="file", title="A file", address=frozenset(), default_port=None, options=frozenset(), file=True
)


@pytest.fixture(autouse=True)
def two_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules are about facts, so engines of every kind are made up here."""
    known = {"server": SimpleNamespace(facts=SERVER), "file": SimpleNamespace(facts=FILE)}
    monkeypatch.setattr(module, "connector", known.__getitem__)
    monkeypatch.setattr(module, "engines", lambda: tuple(sorted(known)))


def load(folder: Path, text: str) -> dict[str, Environment]:
    file = folder / "environments.yaml"
    file.write_text(text)
    return load_environments(file)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [problem.removeprefix(f"{folder}/environments.yaml: ") for problem in caught.value.problems]


def test_a_full_environment_becomes_an_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROD_PASSWORD", "s3cret")
    (tmp_path / "ca.pem").touch()
    found = load(
        tmp_path,
        """
        PROD:
          engine: server
          host: db1
          database: shop
          user: reader
          password: {secret: "env:PROD_PASSWORD"}
          tls: {mode: verify-ca, ca: ca.pem}
          max_connections: 8
          max_mb_per_second: 100
          max_snapshot_hours: 1.5
          options: {timeout: 10, compress: yes}
        """,
    )["PROD"]
    endpoint = found.endpoint("PROD", "dbagent/7/1")
    assert (endpoint.environment, endpoint.engine, endpoint.host, endpoint.port) == ("PROD", "server", "db1", 4711)
    assert (endpoint.database, endpoint.user, endpoint.password) == ("shop", "reader", "s3cret")
    assert endpoint.tls == Tls("verify-ca", str(tmp_path / "ca.pem"))
    assert endpoint.options == {"timeout": "10", "compress": "true"}
    assert endpoint.application == "dbagent/7/1"
    assert not found.writable
    assert "s3cret" not in repr(found) + repr(endpoint)


def test_a_file_is_found_from_the_folder_of_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    found = load(
        tmp_path, "DEV: {engine: file, database: ../dev.db, writable: true}\nMINE: {engine: file, database: ~/x.db}\n"
    )
    assert found["DEV"].endpoint("DEV").database == str(tmp_path.parent / "dev.db")
    assert found["MINE"].endpoint("MINE").database == "/home/ada/x.db"


def test_a_secret_is_looked_up_only_when_connecting(tmp_path: Path) -> None:
    found = load(tmp_path, "A: {engine: server, database: d, host: h, user: u, password: {secret: 'env:NOT_SET'}}")["A"]
    with pytest.raises(ConfigError, match="environment A: password: the environment variable NOT_SET is not set"):
        found.endpoint("A")


def test_all_problems_of_all_environments_are_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
        PROD:
          engine: server
          database: shop
          port: 70000
          pasword: x
          tls: {mode: maybe, cert: x}
          writable: "yes"
          max_connections: 0
          max_mb_per_second: .inf
          options: {trust: all, timeout: 1}
        DEV: {engine: file, database: d.db, host: h, port: 1}
        TEST: {engine: servre, database: d}
        "A B": {engine: file, database: d}
        NONE:
        """,
    )
    assert found == [
        "PROD.host: is missing: A server needs host, password, user",
        "PROD.port: must be at most 65535",
        "PROD.user: is missing: A server needs host, password, user",
        "PROD.password: is missing: A server needs host, password, user",
        "PROD.tls.mode: must be 'disable', 'require', 'verify-ca' or 'verify-full'",
        "PROD.tls.cert: there is no such key (valid: ca, mode)",
        "PROD.writable: must be true or false",
        "PROD.max_connections: must be at least 3",
        "PROD.max_mb_per_second: must be a number",
        "PROD.options: trust: not an option of A server (its options: compress, timeout)",
        "PROD.pasword: there is no such key; did you mean password? (valid: database, engine, host, jars_dir, max_connections, "
        "max_mb_per_second, max_snapshot_hours, options, password, port, tls, user, writable)",
        "DEV.host: does not belong here: A file is a file, `database` is its path",
        "DEV.port: does not belong here: A file is a file, `database` is its path",
        "TEST.engine: there is no such engine; did you mean server? (there are file, server)",
        "A B: an environment's name has letters, digits, `_`, `.` and `-` only",
        "NONE: must be a mapping (key: value)",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "password: hunter2",
        "password: {secret: hunter2}",
        "password: {secret: 'env:hunter2!'}",
        "password: {value: hunter2}",
        "host: 'server://u:hunter2@h/d'",
        "options: {timeout: [hunter2]}",
        "port: hunter2",
        "tls: hunter2",
    ],
)
def test_a_password_in_the_wrong_place_is_refused_and_not_repeated(tmp_path: Path, line: str) -> None:
    found = problems(tmp_path, f"A:\n  engine: server\n  database: d\n  user: u\n  {line}\n")
    assert found
    assert "hunter2" not in "".join(found)


def test_the_form_to_use_is_said_for_a_plain_password(tmp_path: Path) -> None:
    found = problems(tmp_path, "A: {engine: server, database: d, host: h, user: u, password: hunter2}")
    assert found == [
        'A.password: a secret never stands here itself: write {secret: "env:NAME"} or {secret: "file:PATH"}'
    ]


@pytest.mark.parametrize("text", ["", "{}", "# nothing yet"])
def test_a_file_without_environments_is_refused(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == ["names no environment"]


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, "[PROD]") == ["must be a mapping (key: value)"]


def test_the_file_comes_from_the_option_the_setting_or_the_usual_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("given", "setting", "conf/environments"):
        file = tmp_path / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{Path(name).name}: {{engine: file, database: d}}")
    monkeypatch.chdir(tmp_path)
    assert list(load_environments()) == ["environments"]
    monkeypatch.setenv("DBAGENT_ENVIRONMENTS", "setting.yaml")
    assert list(load_environments()) == ["setting"]
    assert list(load_environments("given.yaml")) == ["given"]


def test_a_missing_file_says_how_to_name_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"conf/environments.yaml: there is no such file") as caught:
        load_environments()
    assert "--environments" in caught.value.todo


def test_every_misspelt_name_is_told_with_what_was_probably_meant(tmp_path: Path) -> None:
    found = load(tmp_path, "PROD: {engine: file, database: p}\nDEV: {engine: file, database: d}")
    assert choose(found, {"source_env": "PROD", "target_env": "DEV"}) == [found["PROD"], found["DEV"]]
    with pytest.raises(ConfigError) as caught:
        choose(found, {"source_env": "PRDO", "target_env": "X"})
    assert caught.value.problems == (
        "source_env: there is no environment 'PRDO'; did you mean PROD? (known: PROD, DEV)",
        "target_env: there is no environment 'X' (known: PROD, DEV)",
    )


def test_everything_that_is_not_there_when_connecting_is_told_at_once(tmp_path: Path) -> None:
    text = "A: {engine: server, database: d, host: h, user: u, password: {secret: 'env:NOT_SET'}, tls: {ca: no.pem}}"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)["A"].endpoint("A")
    assert caught.value.problems == (
        "environment A: password: the environment variable NOT_SET is not set: export NOT_SET=…",
        f"environment A: tls.ca: the file {tmp_path}/no.pem is not there",
    )


@pytest.mark.parametrize(
    "host", ["db1", "db-1.example.com", "10.0.0.1", "::1", "fe80::1", "a,b", "/run/server", "dé.example"]
)
def test_a_host_is_a_name_an_address_or_the_folder_of_a_socket(tmp_path: Path, host: str) -> None:
    text = f"A: {{engine: server, database: d, host: '{host}', user: u, password: {{secret: 'env:X'}}}}"
    assert load(tmp_path, text)["A"].host == host


@pytest.mark.parametrize("host", ["db1:5432", "u:hunter2@db1", "db 1", "db1/shop", "a,u@b", "a,"])
def test_a_host_with_more_than_a_name_is_refused_and_not_repeated(tmp_path: Path, host: str) -> None:
    text = f"A: {{engine: server, database: d, host: '{host}', user: u, password: {{secret: 'env:X'}}}}"
    said = "must be a host's name or address alone: port, user and password have keys of their own"
    assert problems(tmp_path, text) == [f"A.host: {said}"]
