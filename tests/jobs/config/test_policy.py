"""Policies: short and long form, every problem at once, stored and restored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.config.policy import Policy, PolicyRule
from jobs.config.strict import checked
from jobs.errors import ConfigError


def policy(columns: Any, key: Any = None) -> Policy:
    given = {"key": key or {"secret": "env:KEY"}, "columns": columns}
    found: Policy = checked(Policy, given, Path("p.yaml"))
    return found


def problems(columns: Any, key: Any = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        policy(columns, key)
    return [problem.removeprefix("p.yaml: ") for problem in caught.value.problems]


def test_rules_keep_what_was_written() -> None:
    found = policy(
        {
            "users.email": {"strategy": "faker", "domain": "email"},
            'public."Odd.Name".notes': "null",
            "users.status": "keep",
            "users.phone": {"strategy": "mask", "characters": 2, "loud": True},
            "users.id": {"strategy": "keep"},
        }
    )
    assert found.rules == [
        PolicyRule("users.email", (None, "users", "email"), "faker", "email"),
        PolicyRule('public."Odd.Name".notes', ("public", "Odd.Name", "notes"), "null", None),
        PolicyRule("users.status", (None, "users", "status"), None, None),
        PolicyRule("users.phone", (None, "users", "phone"), "mask", None, {"characters": 2, "loud": True}),
        PolicyRule("users.id", (None, "users", "id"), None, None),
    ]


def test_a_stored_policy_comes_back() -> None:
    found = policy({"a.b": {"strategy": "mask", "n": 1}, "a.c": "keep"})
    assert Policy.model_validate(found.model_dump(mode="json")) == found


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        {
            "users.notes": None,
            "users": "keep",
            "a.b": {"strategy": None},
            "a.c": {"domain": "email"},
            "a.d": 7,
            "a.e": {"strategy": "keep", "domain": "email"},
            "a.f": {"strategy": "mask", "option": [1]},
            "a.g": {"strategy": "faker", "domain": ""},
        },
        key="file:/key",
    )
    assert [problem.split(": ")[0] for problem in found] == [
        "key",
        "columns.users.notes",
        "columns.users",
        "columns.a.b.strategy",
        "columns.a.c.strategy",
        "columns.a.d",
        "columns.a.e.domain",
        "columns.a.f.option",
        "columns.a.g.domain",
    ]
    assert '"null" in quotes' in found[1]


def test_two_rules_for_one_column_are_refused_however_they_are_quoted() -> None:
    assert problems({"users.email": "keep", '"users"."email"': "hash"}) == [
        'columns: users.email and "users"."email" are the same column: keep one of the two rules'
    ]
    policy({"users.email": "keep", "Users.email": "keep", "public.users.email": "keep"})


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"p.yaml: colums: there is no such key; did you mean columns\?"):
        checked(Policy, {"key": {"secret": "env:K"}, "colums": {}, "columns": {}}, Path("p.yaml"))
