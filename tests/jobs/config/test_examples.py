"""The examples in conf/ are what they show: files that work."""

from __future__ import annotations

from pathlib import Path

from jobs.config.approvals import load_approvals
from jobs.config.environment import load_environments
from jobs.config.operation import load_operation, load_policy
from jobs.config.policy import Policy

CONF = Path(__file__).parents[3] / "conf"


def test_the_example_operation_fits_the_example_environments_and_policy() -> None:
    environments = load_environments(CONF / "environments.example.yaml")
    operation = load_operation(CONF / "operation.example.yaml")
    assert {operation.source_env, operation.target_env} <= set(environments)
    assert not environments[operation.source_env].writable
    assert environments[operation.target_env].writable
    assert operation.policy is not None
    assert {rule.strategy for rule in operation.policy.rules} >= {None, "faker", "mask", "null", "scramble", "tokenize"}
    assert set(operation.filters) == {"users", "orders"}


def test_what_the_example_operation_only_mentions_works_too(tmp_path: Path) -> None:
    text = (
        (CONF / "operation.example.yaml").read_text().replace("policy.example.yaml", str(CONF / "policy.example.yaml"))
    )
    for setting in ("required_approvers", "scheduled_at", "column_mappings", "allow_lossy", "sync_schema"):
        assert f"\n# {setting}: " in text
        text = text.replace(f"\n# {setting}: ", f"\n{setting}: ")
    (tmp_path / "operation.yaml").write_text(text)
    operation = load_operation(tmp_path / "operation.yaml")
    assert operation.required_approvers == ["SECURITY"]
    assert operation.scheduled_at == "2026-12-01T01:00:00+00:00"
    assert operation.column_mappings["users"].target == (None, "customers")
    assert operation.allow_lossy == ["orders.total"]
    assert operation.carries_schema


def test_the_key_of_the_example_policy_is_the_one_a_policy_without_one_has() -> None:
    policy = load_policy(CONF / "policy.example.yaml")
    assert policy.key == Policy(columns={}).key


def test_the_example_approvals_fit_the_example_environments() -> None:
    environments = load_environments(CONF / "environments.example.yaml")
    approvals = load_approvals(CONF / "approvals.example.yaml")
    assert approvals.environments == str(CONF / "environments.yaml")
    approvals = approvals.model_copy(update={"environments": str(CONF / "environments.example.yaml")})
    assert {name for pair in approvals.pairs for name in pair.split(" -> ")} <= set(environments)
    assert approvals.requirement("PROD", "DEV", environments).roles == ("DBA", "DATA_OWNER")


def test_every_example_is_tried_here() -> None:
    assert {path.name for path in CONF.glob("*.example.*")} == {
        "approvals.example.yaml",
        "environments.example.yaml",
        "operation.example.yaml",
        "policy.example.yaml",
    }
