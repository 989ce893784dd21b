"""The approvals file: who may fill which role, and what a pair of environments needs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.config.approvals import ROLES, Requirement, load_approvals
from jobs.config.environment import Environment
from jobs.errors import ConfigError

PEOPLE = {"DBA": ["anna", "ben"], "SECURITY": ["dave"]}


def written(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "approvals.yaml"
    path.write_text(yaml.safe_dump({"roles": PEOPLE, **changes}))
    return path


def environments(**databases: str) -> dict[str, Environment]:
    return {
        name: Environment.model_validate({"engine": "sqlite", "database": path}) for name, path in databases.items()
    }


PLACES = environments(PROD="/data/prod.db", DEV="/data/dev.db", ALIAS="/data/../data/prod.db")


def test_a_pair_that_is_not_named_needs_all_four_roles_and_copies_nothing_unmasked(tmp_path: Path) -> None:
    found = load_approvals(written(tmp_path)).requirement("PROD", "DEV", PLACES)
    assert found == Requirement(ROLES, unmasked=False, lasts=timedelta(days=7), standing=None)


def test_a_named_pair_needs_its_roles_and_an_operation_only_adds(tmp_path: Path) -> None:
    rule = {"roles": ["SECURITY", "DBA"], "unmasked": True, "lasts": "12 hours", "standing": "30 days"}
    approvals = load_approvals(written(tmp_path, pairs={"PROD->DEV": rule}))
    expected = Requirement(("DBA", "SECURITY"), True, timedelta(hours=12), timedelta(days=30))
    assert approvals.requirement("PROD", "DEV", PLACES) == expected
    assert approvals.requirement("PROD", "DEV", PLACES, ["MANAGER"]).roles == ("DBA", "SECURITY", "MANAGER")
    assert approvals.requirement("DEV", "PROD", PLACES).roles == ROLES


def test_another_name_for_the_same_database_loosens_nothing(tmp_path: Path) -> None:
    pairs: dict[str, Any] = {
        "PROD -> DEV": {"roles": ["DBA", "SECURITY"], "lasts": "1 day"},
        "ALIAS -> DEV": {"roles": [], "unmasked": True, "standing": "30 days"},
    }
    strict = Requirement(("DBA", "SECURITY"), False, timedelta(days=1), None)
    approvals = load_approvals(written(tmp_path, pairs=pairs))
    assert approvals.requirement("ALIAS", "DEV", PLACES) == strict
    assert approvals.requirement("PROD", "DEV", PLACES) == strict
    del pairs["PROD -> DEV"]
    assert load_approvals(written(tmp_path, pairs=pairs)).requirement("PROD", "DEV", PLACES).roles == ROLES


def test_a_pair_means_the_addresses_of_the_file_that_the_approvals_name(tmp_path: Path) -> None:
    (tmp_path / "meant.yaml").write_text(
        "PROD: {engine: sqlite, database: /data/prod.db}\nSANDBOX: {engine: sqlite, database: /data/sandbox.db}\n"
        "DEV: {engine: sqlite, database: /data/dev.db}\n"
    )
    pairs = {"SANDBOX -> DEV": {"roles": [], "unmasked": True}, "PROD -> DEV": {"roles": ["DBA"]}}
    approvals = load_approvals(written(tmp_path, pairs=pairs, environments="meant.yaml"))
    honest = environments(PROD="/data/prod.db", SANDBOX="/data/sandbox.db", DEV="/data/dev.db")
    assert approvals.requirement("SANDBOX", "DEV", honest).roles == ()
    assert approvals.requirement("PROD", "DEV", honest).roles == ("DBA",)
    renamed = environments(SANDBOX="/data/prod.db", DEV="/data/dev.db")
    assert approvals.requirement("SANDBOX", "DEV", renamed) == Requirement()
    assert approvals.requirement("OTHER", "DEV", honest | environments(OTHER="/data/prod.db")) == Requirement()


def test_a_requirement_comes_back_from_its_json() -> None:
    for standing in (None, timedelta(days=30)):
        given = Requirement(("DBA",), True, timedelta(hours=3), standing)
        assert Requirement.of(given.as_json()) == given


@pytest.mark.parametrize(
    ("changes", "told"),
    {
        "no such role": ({"roles": {"CHIEF": ["anna"]}}, "roles.CHIEF: must be 'DBA', 'DATA_OWNER', 'SECURITY' or 'MANAGER'"),
        "a person twice": ({"roles": {"DBA": ["anna", "anna"]}}, "DBA names a person twice"),
        "a role twice": ({"pairs": {"A -> B": {"roles": ["DBA", "DBA"]}}}, "pairs.A -> B.roles: names a role twice"),
        "no pair": ({"pairs": {"PROD to DEV": {"roles": []}}}, "a pair is written SOURCE -> TARGET"),
        "a pair twice": ({"pairs": {"A -> B": {"roles": ["DBA"]}, "A->B": {"roles": []}}}, "A -> B is there twice"),
        "no time": ({"pairs": {"A -> B": {"roles": [], "lasts": "soon"}}}, "lasts: must be a time such as 30 days"),
        "an unknown key": ({"pairs": {"A -> B": {"roles": [], "mask": 1}}}, "there is no such key"),
    }.values(),
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as problem:
        load_approvals(written(tmp_path, **changes))
    assert told in str(problem.value)


def test_without_a_file_nobody_may_allow_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DBAGENT_APPROVALS", raising=False)
    found = load_approvals()
    assert found.requirement("PROD", "DEV", PLACES).roles == ROLES
    assert not any(found.people.values())


def test_a_file_that_was_named_must_be_there_and_not_be_for_anybody_to_change(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_approvals(tmp_path / "nowhere.yaml")
    path = written(tmp_path)
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="chmod o-w"):
        load_approvals(path)
