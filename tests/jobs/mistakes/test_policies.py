"""Mistakes in a policy: every column that is not decided and every rule that fits nothing is told before a row moves."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.jobs.mistakes.told import Told, policy
from tests.jobs.running.site import POLICY, Site

RULES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a misspelt column": (
        {"users.emial": "hash", "users.email": None},
        ["policy rule users.emial: ", "users has no such column", "did you mean email?", "one column is not decided"],
    ),
    "a misspelt table": (
        {"user.email": "hash", "users.email": None},
        ["policy rule user.email: there is no such table in the source", "users?"],
    ),
    "other letters": (
        {"users.EMAIL": "hash", "users.email": None},
        ["users has no such column", "did you mean email?"],
    ),
    "undecided columns": (
        {"users.email": None, "orders.note": None, "plain.code": None},
        ["3 columns are not decided", "users.email: keep\n", "orders.note: keep\n", "plain.code: keep\n"],
    ),
    "another type": (
        {"users.balance": {"strategy": "faker", "domain": "email"}},
        ["users.balance: faker does not take integer columns; null, tokenize or keep would"],
    ),
    "mask on a unique column": (
        {"users.email": "mask"},
        ["users.email: mask may give two rows the same value but the column is unique; hash, tokenize, keep would not"],
    ),
    "null on NOT NULL": ({"users.email": "null"}, ["users.email: null gives NULL but the column is NOT NULL"]),
    "an unknown strategy": (
        {"users.name": "shuffle"},
        ["there is no strategy 'shuffle': use one of date_shift, faker, hash, mask"],
    ),
    "an unknown domain": (
        {"users.email": {"strategy": "faker", "domain": "emial"}},
        ["users.email: faker needs a domain, one of city, company, email"],
    ),
    "an unknown option": (
        {"users.name": {"strategy": "mask", "show": 3}},
        ["mask has no option 'show' (it takes none)"],
    ),
    "a key replaced, its reference kept": (
        {"users.id": "tokenize"},
        [
            "orders.user_id: references",
            "which is decided otherwise",
            "leave this column out of the policy: it inherits",
        ],
    ),
    "several at once": (
        {"users.emial": "keep", "users.email": "mask", "user.x": "keep", "plain.code": None, "users.balance": "mask"},
        [
            "5 findings stop this plan",
            "users.emial",
            "user.x",
            "users.email: mask",
            "users.balance: mask",
            "plain.code",
        ],
    ),
}


@pytest.mark.usefixtures("no_spark")
def test_a_rule_that_fits_nothing(site: Site, told: Told) -> None:
    site.fill(users=5, orders=5, plain=15)
    for name, (changes, expected) in RULES.items():
        operation = str(site.operation(policy=policy(site, changes)))
        said = told(site, 3, "plan", operation)
        assert [words for words in expected if words not in said] == [], (name, said)
    assert told(site, 3, "run", operation) == said


def test_a_column_too_short_for_its_replacement(server_site: Site, told: Told) -> None:
    server_site.server.execute(server_site.prod, "CREATE TABLE short (a varchar(5), b char(3), c varchar(20))")
    rules = {"short.a": {"strategy": "faker", "domain": "email"}, "short.b": "tokenize", "short.c": "hash"}
    said = told(server_site, 3, "plan", str(server_site.operation(tables=["short"], policy=policy(server_site, rules))))
    assert "public.short.a: faker gives up to 43 characters but the column takes 5" in said
    assert "public.short.b: tokenize gives up to 24 characters but the column takes 3" in said
    assert "public.short.c: hash gives up to 32 characters but the column takes 20" in said


def test_two_rules_for_one_column(server_site: Site, told: Told) -> None:
    server_site.fill(users=3, orders=3, plain=3)
    rules = policy(server_site, {"public.users.name": "hash"})
    said = told(server_site, 3, "plan", str(server_site.operation(policy=rules)))
    assert "there is another rule for this column" in said


def test_the_lines_for_undecided_columns_can_be_pasted(
    site: Site, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = ", ".join(f"{site.name(name)} text" for name in ("a.b", "it's: #1", "null"))
    odd = site.name('Odd "Name"')
    site.server.execute(site.prod, f"CREATE TABLE {odd} ({columns})")
    said = told(site, 3, "plan", str(site.operation()))
    pasted = "\n".join(line.strip() for line in said.splitlines() if line.endswith(": keep"))
    rules = yaml.safe_load(pasted)
    assert len(rules) == 3
    given = {"key": policy(site, {})["key"], "columns": rules}
    capsys.readouterr()
    site.command("plan", str(site.operation(policy=given)))


@pytest.mark.usefixtures("no_spark")
def test_one_policy_serves_an_operation_with_fewer_tables(site: Site, told: Told) -> None:
    site.fill(users=5, orders=5, plain=5)
    site.command("plan", str(site.operation(tables=["plain"])))
    said = told(site, 3, "plan", str(site.operation(tables=["plain"], policy=policy(site, {"users.emial": "keep"}))))
    assert "policy rule users.emial: " in said


def test_an_empty_database_is_told_once(site: Site, told: Told) -> None:
    said = told(site, 3, "plan", str(site.operation()))
    assert "PROD: this database has no tables" in said
    assert not any(column in said for column in POLICY)
