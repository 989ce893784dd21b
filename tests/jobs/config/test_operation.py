"""Operations: one file says everything, every contradiction is told at once, and a stored one comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.config.operation import Operation, load_operation
from jobs.errors import ConfigError

BASE = {"operation_type": "copy_full", "source_env": "PROD", "target_env": "DEV", "tables": ["*"], "anonymize": False}
POLICY = {"key": {"secret": "file:master.key"}, "columns": {"users.email": {"strategy": "faker", "domain": "email"}}}


def load(folder: Path, **changes: Any) -> Operation:
    file = folder / "op.json"
    file.write_text(json.dumps({name: value for name, value in {**BASE, **changes}.items() if value != "absent"}))
    return load_operation(file)


def problems(folder: Path, **changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, **changes)
    return [problem.removeprefix(f"{folder}/op.json: ") for problem in caught.value.problems]


def test_the_smallest_operation_copies_every_table(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert (found.wanted, found.filters, found.parallel_workers) == (None, {}, 4)
    assert (found.if_target_not_empty, found.on_violation) == ("refuse", "fail")


def test_paths_are_named_for_all_tables_or_table_by_table(tmp_path: Path) -> None:
    assert (load(tmp_path).read, load(tmp_path).write) == ("auto", "auto")
    assert load(tmp_path).through_spark == (False, False)
    found = load(tmp_path, read="jdbc", write={"users": "bulk", "public.orders": "auto"})
    assert found.through_spark == (True, False)
    assert load(tmp_path, write={"users": "jdbc"}).through_spark == (False, True)
    assert Operation.model_validate(found.model_dump(mode="json")) == found


def test_paths_that_are_none_are_told_with_those_there_are(tmp_path: Path) -> None:
    one, other = problems(tmp_path, read="bulk", write={"users": "native"})
    assert one.startswith("read")
    assert "'native'" in one
    assert other.startswith("write")
    assert "users" in other


def test_filters_come_from_both_places(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        operation_type="copy_filtered",
        tables={"users": "id < 5", "orders": None, "public.items": None},
        filter={"orders": "total > 1"},
    )
    assert found.wanted == ["users", "orders", "public.items"]
    assert found.filters == {"users": "id < 5", "orders": "total > 1"}


def test_every_table_can_be_named_beside_a_filter_and_an_exclusion(tmp_path: Path) -> None:
    found = load(tmp_path, operation_type="copy_filtered", exclude=["log"], filter={"users": "id < 5"})
    assert (found.wanted, found.exclude, found.filters) == (None, ["log"], {"users": "id < 5"})


@pytest.mark.parametrize("inline", [True, False])
def test_a_stored_operation_is_self_contained_and_comes_back(
    tmp_path: Path, inline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "p.json").write_text(json.dumps(POLICY))
    found = load(tmp_path, anonymize=True, policy=POLICY if inline else "policies/p.json", domain_id="nightly")
    stored = json.loads(json.dumps(found.model_dump(mode="json")))
    monkeypatch.chdir("/")
    restored = Operation.model_validate(stored)
    assert restored == found
    assert restored.policy is not None
    key = tmp_path / "master.key" if inline else tmp_path / "policies" / "master.key"
    assert restored.policy.key.secret == f"file:{key}"
    assert restored.policy.rules == found.policy.rules if found.policy else None


def test_a_policy_is_looked_for_beside_the_operation_then_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    (here / "p.json").write_text(json.dumps({**POLICY, "columns": {"here.x": "keep"}}))
    first = load(there, anonymize=True, policy="p.json").policy
    (there / "p.json").write_text(json.dumps({**POLICY, "columns": {"there.x": "keep"}}))
    second = load(there, anonymize=True, policy="p.json").policy
    assert first is not None
    assert list(first.columns) == ["here.x"]
    assert second is not None
    assert list(second.columns) == ["there.x"]


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "op.yaml"
    file.write_text('operation_type: copy_full\nsource_env: PROD\ntarget_env: DEV\ntables: ["*"]\nanonymize: no\n')
    assert load_operation(file) == load(tmp_path)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        operation_type="copy_fulll",
        target_env="PROD",
        tables=["users", "a b", '"users"'],
        exclude="log",
        anonymize="yes",
        parallel_workers=65,
        if_target_not_empty="drop",
        on_violation=1,
        paralel_workers=4,
        domain_id=7,
    )
    assert [problem.split(": ")[0] for problem in found] == [
        "operation_type",
        "target_env",
        "tables.1",
        "exclude",
        "anonymize",
        "parallel_workers",
        "if_target_not_empty",
        "on_violation",
        "domain_id",
        "paralel_workers",
    ]
    assert found[0] == "operation_type: must be 'copy_full', 'copy_filtered' or 'sync_schema'"
    assert found[5] == "parallel_workers: must be at most 64"
    assert found[-1].startswith(
        "paralel_workers: there is no such key; did you mean parallel_workers? (valid: allow_lossy, alter, anonymize, "
    )


def test_the_problems_of_a_policy_file_are_told_beside_the_operations(tmp_path: Path) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text("key: hunter2\ncolumns: {users: keep}\n")
    found = problems(tmp_path, anonymize=True, policy="p.yaml", tables=[])
    assert [problem.removeprefix(str(tmp_path)) for problem in found] == [
        "tables: must not be empty",
        '/p.yaml: key: a secret never stands here itself: write {secret: "env:NAME"} or {secret: "file:PATH"}',
        "/p.yaml: columns.users: 'users' has one part: a column is written [schema.]table.column",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"operation_type": "copy_filtered"}, "filter: is missing: copy_filtered needs a WHERE"),
        ({"tables": {"users": "id < 5"}}, "filter: copy_full copies every row: use operation_type: copy_filtered"),
        ({"filter": {"users": "id < 5"}}, "filter: copy_full copies every row: use operation_type: copy_filtered"),
        (
            {"operation_type": "copy_filtered", "tables": {"users": "a"}, "filter": {'"users"': "b"}},
            'filter: "users": has a WHERE in `tables` too',
        ),
        ({"operation_type": "copy_filtered", "filter": {"users": ""}}, "filter.users: must not be empty"),
        ({"operation_type": "copy_filtered", "tables": {"users": 5}}, "tables.users: must be text"),
        ({"operation_type": "copy_filtered", "filter": {"a": "x", '"a"': "y"}}, 'filter: a and "a" are the same table'),
        ({"tables": ["*", "users"]}, 'tables: "*" means every table'),
        ({"tables": {"*": None}}, "tables.*: '*' is not a name"),
        ({"tables": "users"}, "tables: must be a list"),
        ({"tables": ["users", "users"]}, "tables: users and users are the same table"),
        ({"tables": ["users"], "exclude": ['"users"']}, 'exclude: "users": named in `tables` too'),
        ({"target_env": "PROD"}, "target_env: is also source_env"),
        ({"source_env": "absent"}, "source_env: is missing"),
        ({"policy": POLICY}, "policy: has no use with anonymize: false"),
        ({"anonymize": True, "policy": 7}, "policy: must be a mapping"),
        ({"anonymize": True, "policy": {}}, "policy.columns: is missing"),
        (
            {"required_approvers": ["CHIEF"]},
            "required_approvers.0: must be 'DBA', 'DATA_OWNER', 'SECURITY' or 'MANAGER'",
        ),
        ({"required_approvers": ["DBA", "DBA"]}, "required_approvers: names a role twice"),
        ({"scheduled_at": "tomorrow"}, "scheduled_at: must be a moment with its zone"),
        ({"scheduled_at": "2026-12-01T02:00:00"}, "scheduled_at: must be a moment with its zone"),
        ({"parallel_workers": 0}, "parallel_workers: must be at least 1"),
        ({"parallel_workers": True}, "parallel_workers: must be a whole number"),
    ],
)
def test_a_contradiction_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert problems(tmp_path, **changes)[0].startswith(said)


def test_a_missing_policy_file_is_told_by_its_path(tmp_path: Path) -> None:
    assert problems(tmp_path, anonymize=True, policy="none.yaml") == [f"{tmp_path}/none.yaml: there is no such file"]


@pytest.mark.parametrize("text", ["", "[]", "copy everything", "null"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "op.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"op.yaml: (must be a mapping|is empty)"):
        load_operation(file)


def test_a_schema_is_an_operation_or_the_first_phase_of_a_copy(tmp_path: Path) -> None:
    alone = load(tmp_path, operation_type="sync_schema", anonymize="absent", mode="recreate", include_indexes=False)
    assert (alone.moves_rows, alone.carries_schema, alone.mode) == (False, True, "recreate")
    first = load(tmp_path, sync_schema=True, mode="update", alter="any", include_constraints=False)
    assert (first.moves_rows, first.carries_schema, first.mode, first.alter) == (True, True, "update", "any")
    assert not load(tmp_path).carries_schema
    assert Operation.model_validate(alone.model_dump(mode="json")) == alone
    assert Operation.model_validate(first.model_dump(mode="json")) == first


def test_what_is_about_rows_has_no_place_beside_a_schema_alone(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        operation_type="sync_schema",
        sync_schema=True,
        tables={"users": "id < 5"},
        anonymize=False,
        policy=POLICY,
        read="jdbc",
        write="bulk",
        parallel_workers=2,
        if_target_not_empty="append",
        on_violation="report",
        disable_constraints=True,
    )
    assert [problem.split(":")[0] for problem in found] == [
        "sync_schema", "filter", "anonymize", "policy", "read", "write", "parallel_workers", "if_target_not_empty",
        "on_violation", "disable_constraints",
    ]  # fmt: skip
    assert found[2] == "anonymize: is about rows, and sync_schema moves none; remove it"


def test_what_is_about_a_schema_has_no_place_in_a_copy_without_one(tmp_path: Path) -> None:
    found = problems(tmp_path, mode="update", alter="any", include_indexes=False, include_constraints=False)
    assert [problem.split(":")[0] for problem in found] == ["mode", "alter", "include_indexes", "include_constraints"]
    assert all("has no use without sync_schema: true" in problem for problem in found)
    assert problems(tmp_path, sync_schema=True, alter="any") == ["alter: has no use without mode: update"]
    [recreate] = problems(tmp_path, sync_schema=True, mode="recreate")
    assert "operation_type: sync_schema" in recreate
