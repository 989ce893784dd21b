"""Mistakes in the files people write: the file, the place in it and what to write instead; all of them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs import submit
from tests.jobs.mistakes.told import KEY, Told
from tests.jobs.running.site import Site

Output = pytest.CaptureFixture[str]

OPERATIONS: dict[str, tuple[str | bytes, str]] = {
    "a tab": ("operation_type: copy_full\n\tsource_env: PROD\n", "line 2, column 1: a tab stands here"),
    "a key twice": ("tables: [a]\ntables: [b]\n", "line 2, column 1: this key stands here twice"),
    "a list": ("- users\n", "must be a mapping (key: value)"),
    "nothing": ("", "is empty"),
    "only a comment": ("# later\n", "is empty"),
    "a word": ("hello\n", "must be a mapping (key: value)"),
    "no text": (bytes(range(256)), "byte 129 is not UTF-8 text"),
    "UTF-16": ("tables: [a]\n".encode("utf-16"), "byte 1 is not UTF-8 text"),
    "two documents": ("tables: [a]\n---\ntables: [b]\n", "a second document begins here"),
    "a tag": ("tables: !!python/object/apply:os.system [ls]\n", "YAML tags (!) and aliases (*) are not used here"),
    "an alias": ("tables: &x [a]\nexclude: *x\n", "line 2, column 10: YAML tags"),
    "a colon too many": ("source_env: PROD: x\n", "put text with `: ` in quotes"),
    "an open quote": ("source_env: 'PROD\n", "line 1, column 13: the quotes opened here are not closed"),
    "no colon": ("source_env: PROD\ntarget_env\n", "a `:` is missing before this"),
    "a control character": ("source_env: PR\x07OD\n", "line 1, column 15: a control character stands here"),
    "a number of 5000 digits": ("parallel_workers: " + "9" * 5000, "has a number that YAML does not know"),
    "deeply nested": ("[" * 500 + "]" * 500, "is nested too deeply"),
}

FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"tabels": ["users"]}, "tabels: there is no such key; did you mean tables?"),
    "an unknown type": ({"operation_type": "copy"}, "must be 'copy_full', 'copy_filtered' or 'sync_schema'"),
    "a schema with rows' settings": ({"operation_type": "sync_schema"}, "parallel_workers: is about rows"),
    "one table as text": ({"tables": "users"}, "tables: must be a list, as in [users, orders]"),
    "no table": ({"tables": []}, "tables: must not be empty"),
    "the star and more": ({"tables": ["*", "users"]}, '"*" means every table'),
    "a table twice": ({"tables": ["users", '"users"']}, "are the same table"),
    "a table in and out": ({"tables": ["users"], "exclude": ["users"]}, "named in `tables` too"),
    "a misspelt environment": ({"source_env": "PRDO"}, "there is no environment 'PRDO'; did you mean PROD?"),
    "an environment in other letters": ({"source_env": "prod"}, "did you mean PROD?"),
    "one environment twice": ({"target_env": "PROD"}, "an environment is not copied onto itself"),
    "a word for a number": ({"parallel_workers": "4"}, "parallel_workers: must be a whole number"),
    "a filter and copy_full": ({"filter": {"users": "id < 3"}}, "use operation_type: copy_filtered"),
    "no filter and copy_filtered": ({"operation_type": "copy_filtered"}, "needs a WHERE for at least one table"),
    "two filters for one table": (
        {"operation_type": "copy_filtered", "tables": {"users": "id < 3"}, "filter": {"users": "id > 1"}},
        "users: has a WHERE in `tables` too; keep one of them",
    ),
    "a filter that is a number": ({"operation_type": "copy_filtered", "filter": {"users": 5}}, "must be text"),
    "a policy for nothing": ({"anonymize": False}, "has no use with anonymize: false"),
    "no policy and no key": ({"policy": None}, "the master key: there is no file"),
    "a mapping's unknown key": (
        {"column_mappings": {"users": {"columns": {"email": {"rename": "mail"}}}}},
        "column_mappings.users.columns.email.rename: there is no such key; did you mean name?",
    ),
    "a mapping that says nothing": ({"column_mappings": {"users": {}}}, "users: says nothing: give it table, columns"),
    "a dropped column with a name": (
        {"column_mappings": {"users": {"columns": {"email": {"drop": True, "name": "mail"}}}}},
        "a dropped column is not copied: remove name",
    ),
    "two columns into one": (
        {"column_mappings": {"users": {"columns": {"email": {"name": "name"}, "name": {"type": "text"}}}}},
        "two columns would become name in the target",
    ),
    "a constant that is rounded": (
        {"column_mappings": {"users": {"constants": {"rate": {"value": 1.1}}}}},
        "constants.rate.value: write it in quotes",
    ),
    "a value that is a truth value": (
        {"column_mappings": {"users": {"columns": {"name": {"values": {"hunter2": True}}}}}},
        "name.values: entry 1: true, false, yes, no",
    ),
    "a loss allowed for a table": ({"allow_lossy": ["users"]}, "a column is written [schema.]table.column"),
    "an approver twice": ({"required_approvers": ["DBA", "DBA"]}, "required_approvers: names a role twice"),
    "an unknown approver": ({"required_approvers": ["CTO"]}, "must be 'DBA', 'DATA_OWNER', 'SECURITY' or 'MANAGER'"),
    "a time without its zone": ({"scheduled_at": "2026-12-01T02:00:00"}, "must be a moment with its zone"),
    "a policy that is not there": ({"policy": "no/policy.yaml"}, "no/policy.yaml: there is no such file"),
    "a policy that is a folder": ({"policy": "."}, "cannot be read: is a directory"),
    "a policy's unknown key": (
        {"policy": {"key": {"secret": "env:K"}, "columms": {}}},
        "policy.columms: there is no such key; did you mean columns?",
    ),
    "a rule that says nothing": (
        {"policy": {"key": {"secret": "env:K"}, "columns": {"users.email": None}}},
        'write keep, a strategy, or "null" in quotes',
    ),
    "rules by table": (
        {"policy": {"key": {"secret": "env:K"}, "columns": {"users": {"email": "keep"}}}},
        "a column is written [schema.]table.column",
    ),
    "the key itself": ({"policy": {"key": KEY, "columns": {}}}, "policy.key: a secret never stands here itself"),
    "the key as a reference": ({"policy": {"key": {"secret": KEY}, "columns": {}}}, "names no secret store"),
}

ENVIRONMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"writeable": True}, "writeable: there is no such key; did you mean writable?"),
    "a misspelt engine": ({"engine": "postgres"}, "there is no such engine; did you mean postgresql?"),
    "a URL": ({"database": "postgresql://u:hunter2@h/d"}, "must be a plain name, not a URL"),
    "nothing": ({"database": ""}, "database: must not be empty"),
    "a character nobody sees": ({"database": "a\0b"}, "has a character that cannot be seen"),
    "the password itself": ({"password": "hunter2"}, "password: a secret never stands here itself"),
    "a switch in quotes": ({"writable": "true"}, "writable: must be true or false"),
    "too few connections": ({"max_connections": 2}, "max_connections: must be at least 3"),
}

SERVERS: dict[str, tuple[dict[str, Any], str]] = {
    "a port in the host": ({"host": "db1:5432"}, "must be a host's name or address alone"),
    "a password in the host": ({"host": "reader:hunter2@db1"}, "must be a host's name or address alone"),
    "no user": ({"user": None}, "user: is missing: PostgreSQL needs host, user"),
    "a port in quotes": ({"port": "5432"}, "port: must be a whole number"),
    "a driver's option not ours": ({"options": {"sslmode": "disable"}}, "sslmode: not an option of PostgreSQL"),
    "TLS as a switch": ({"tls": True}, "tls: must be a mapping"),
}


@pytest.mark.parametrize("mistake", OPERATIONS)
def test_a_broken_operation_file(mistake: str, file_site: Site, told: Told) -> None:
    content, expected = OPERATIONS[mistake]
    file = file_site.folder / "broken.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    assert f"{file}: " in (said := told(file_site, 2, "plan", str(file)))
    assert expected in said


@pytest.mark.parametrize("mistake", FIELDS)
def test_a_wrong_operation(mistake: str, file_site: Site, told: Told) -> None:
    changes, expected = FIELDS[mistake]
    assert expected in told(file_site, 2, "plan", str(file_site.operation(**changes)))


def test_wrong_environments(file_site: Site, server_site: Site, told: Told) -> None:
    for site, mistakes in ((file_site, ENVIRONMENTS), (server_site, SERVERS)):
        for name, (change, expected) in mistakes.items():
            site.environments({"PROD": change})
            said = told(site, 2, "plan", str(site.operation()))
            assert expected in said, name
            assert f"{site.folder}/environments.yaml: PROD" in said, name


def test_several_mistakes_are_told_at_once(file_site: Site, told: Told) -> None:
    wrong = {"tabels": [], "parallel_workers": 0, "if_target_not_empty": "overwrite", "policy": "none.yaml"}
    said = told(file_site, 2, "plan", str(file_site.operation(**wrong)))
    assert said.startswith("error: 4 problems in the configuration\n")
    assert all(word in said for word in ("tabels", "parallel_workers", "if_target_not_empty", "none.yaml"))


@pytest.mark.usefixtures("no_spark")
def test_mistakes_in_all_three_files_are_told_at_once(file_site: Site, told: Told, capsys: Output) -> None:
    site = file_site
    environments = site.environments({"PROD": {"writeable": True}, "DEV": {"engine": "nosuch"}})
    (site.folder / "policy.yaml").write_text("{key: {secret: 'nowhere'}, columms: {}}")
    operation = str(site.operation(policy="policy.yaml", parallel_workers=0))
    submitted = ["--operation", operation, "--environments", str(environments), "--control", site.control]
    said = [told(site, 2, "plan", operation), told(site, 2, "run", operation)]
    said += [told(site, 2, "run", "--dry-run", operation)]
    assert submit.main(submitted) == 2
    for one in [*said, capsys.readouterr().err]:
        assert one.startswith("error: 6 problems in the configuration\n")
        assert "operation.yaml: parallel_workers: must be at least 1" in one
        assert "policy.yaml: key.secret: names no secret store" in one
        assert "policy.yaml: columms: there is no such key" in one
        assert "environments.yaml: PROD.writeable: there is no such key" in one
        assert "environments.yaml: DEV.engine: there is no such engine" in one


def test_an_operation_and_environments_that_are_both_not_there(
    file_site: Site, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file_site.folder)
    (file_site.folder / "environments.yaml").unlink()
    said = told(file_site, 2, "plan", "no.yaml")
    assert "no.yaml: there is no such file" in said
    assert "environments.yaml: there is no such file" in said
    assert "→ name it with --environments FILE or DBAGENT_ENVIRONMENTS" in said


def test_what_is_missing_at_both_ends_is_told_at_once(
    server_site: Site, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = server_site
    operation = str(site.operation())
    monkeypatch.delenv("PROD_PASSWORD")
    monkeypatch.delenv("DEV_PASSWORD")
    (site.folder / "master.key").chmod(0o644)
    said = told(site, 2, "plan", operation)
    assert said.startswith("error: 3 problems in the configuration\n")
    assert "environment PROD: password: the environment variable PROD_PASSWORD is not set" in said
    assert "environment DEV: password: the environment variable DEV_PASSWORD is not set" in said
    assert f"chmod 600 {site.folder / 'master.key'}" in said


def test_a_key_that_is_no_key(file_site: Site, told: Told) -> None:
    file, operation = file_site.folder / "master.key", str(file_site.operation())
    for content, expected in (
        (b"", "the master key is empty"),
        (b"hunter2", "the master key is too short (7 bytes)"),
        (b"hunter2!" * 4, "is 32 characters of text"),
        (b"g" * 64, "are not all hexadecimal"),
        (b"00" * 32, "all bytes of the master key are equal"),
    ):
        file.write_bytes(content)
        said = told(file_site, 2, "plan", operation)
        assert expected in said
        assert "policy: key: " in said
        assert "dbagent key new" in said
    file.unlink()
    assert f"there is no file {file}" in told(file_site, 2, "plan", operation)
    file.mkdir(mode=0o700)
    assert f"{file} cannot be read: is a directory" in told(file_site, 2, "plan", operation)


def test_an_environments_file_that_is_not_there(file_site: Site, told: Told) -> None:
    operation = str(file_site.operation())
    (file_site.folder / "environments.yaml").unlink()
    assert "name it with --environments FILE or DBAGENT_ENVIRONMENTS" in told(file_site, 2, "plan", operation)
    (file_site.folder / "environments.yaml").mkdir()
    assert "cannot be read: is a directory" in told(file_site, 2, "plan", operation)


def test_a_device_named_as_settings_is_not_read_to_its_end(file_site: Site, told: Told) -> None:
    assert Path("/dev/zero").exists()
    assert "is larger than 16 MiB: this is no settings file" in told(file_site, 2, "plan", "/dev/zero")


def test_a_target_is_only_what_is_called_writable(site: Site, told: Told) -> None:
    site.environments({"DEV": {"writable": None}})
    said = told(site, 2, "plan", str(site.operation()))
    assert "DEV is not writable: an environment is a target only with `writable: true`" in said
