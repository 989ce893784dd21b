"""Runs through `column_mappings`, between every two engines and within each: what arrives is what was asked for."""

from __future__ import annotations

import itertools
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Endpoint, engines
from connectors.testkit import TestServer
from tests.crossing import judge
from tests.crossing.conftest import Copier

PAIRS = list(itertools.product(engines(), repeat=2))
USERS = (
    "CREATE TABLE users (id bigint PRIMARY KEY, email {text}, status {text}, notes {text}, amount {decimal}(14,3),"
    " created {moment})"
)
ORDERS = "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id))"
WORDS = {
    "mysql": {"text": "varchar(90)", "decimal": "decimal", "moment": "datetime"},
    "postgresql": {"text": "text", "decimal": "numeric", "moment": "timestamp"},
    "sqlite": {"text": "TEXT", "decimal": "DECIMAL", "moment": "TIMESTAMP"},
}
ROWS = [
    (1, "a@b.test", "A", "secret", Decimal("10.005"), datetime(2024, 5, 17, 9, 30)),
    (2, "c@d.test", "I", None, Decimal("-10.005"), datetime(1999, 12, 31, 23, 59, 59)),
    (3, None, None, "", Decimal("7"), None),
    (4, "", "", "x", None, datetime(2024, 2, 29)),
]
MEANINGS = {
    "id": "integer",
    "mail": "text",
    "status": "text",
    "amount": "decimal",
    "day": "date",
    "origin": "text",
    "nothing": "integer",
    "one": "integer",
}
NULL = judge.NULL
WANTED = (
    ("10.01", "2024-05-17", "1", "a@b.test", NULL, "1", "PROD", "active"),
    ("-10.01", "1999-12-31", "2", "c@d.test", NULL, "1", "PROD", "inactive"),
    ("7", NULL, "3", NULL, NULL, "1", "PROD", NULL),
    (NULL, "2024-02-29", "4", "", NULL, "1", "PROD", "-"),
)
"""By hand, the columns in the order of their names."""


def asked(target: str, **changes: Any) -> dict[str, Any]:
    """An operation's keys."""
    users = {
        "table": "customers",
        "columns": {
            "email": {"name": "mail"},
            "notes": {"drop": True},
            "status": {"values": {"A": "active", "I": "inactive", "": "-"}},
            "amount": {"type": f"{WORDS[target]['decimal']}(12,2)"},
            "created": {"name": "day", "type": "date"},
        },
        "constants": {
            "origin": {"value": "PROD", "type": "varchar(10)"},
            "nothing": {"value": None, "type": "bigint"},
            "one": {"value": 1, "type": "integer"},
        },
    }
    return {
        "tables": ["*"],
        "column_mappings": {"users": users},
        "allow_lossy": ["users.amount", "users.created"],
        **changes,
    }


def filled(server: TestServer) -> Endpoint:
    end = server.database("mapped")
    server.execute(end, USERS.format(**WORDS[end.engine]))
    server.execute(end, ORDERS)
    server.insert(end, "users", ROWS)
    server.insert(end, "orders", [(1, 1), (2, 3)])
    return end


def found(end: Endpoint) -> tuple[tuple[str, ...], ...]:
    return judge.look(end, "customers", MEANINGS).rows


def wanted() -> tuple[tuple[str, ...], ...]:
    return tuple(sorted(tuple(cell if cell is NULL else f"={cell}" for cell in row) for row in WANTED))


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=map(" to ".join, PAIRS))
def test_what_was_asked_for_arrives(source: str, target: str, servers: dict[str, TestServer], copied: Copier) -> None:
    there, _ = copied(filled(servers[source]), target, **asked(target))
    assert found(there) == wanted()
    orders = judge.look(there, "orders", {"id": "integer", "user_id": "integer"})
    assert orders.rows == (("=1", "=1"), ("=2", "=3"))


@pytest.mark.parametrize("target", engines())
def test_a_value_without_a_meaning_stops_its_chunk_and_is_not_shown(
    target: str, servers: dict[str, TestServer], copied: Copier
) -> None:
    server = servers["postgresql"]
    end = filled(server)
    server.execute(end, "UPDATE users SET status = 'hunter2' WHERE id = 3")
    there, said = copied(end, target, code=5, **asked(target))
    assert "column status holds a value that its mapping does not name" in said
    assert "hunter2" not in said
    assert found(there) == ()


def test_replaced_columns_may_be_renamed_but_not_mapped_and_dropped_ones_need_no_decision(
    servers: dict[str, TestServer], copied: Copier
) -> None:
    end, target = filled(servers["mysql"]), "postgresql"
    keep = dict.fromkeys(("users.id", "users.status", "users.amount", "users.created", "orders.id",
                          "orders.user_id"), "keep")  # fmt: skip
    rules = {**keep, "users.email": {"strategy": "faker", "domain": "email"}}
    there, said = copied(end, target, **asked(target, anonymize=True, policy=copied.policy(rules)))
    assert "no original value of public.customers.mail stands" in " ".join(said.split())
    assert "customers.email" not in said
    mails = [row[3] for row in found(there)]
    assert len(mails) == 4
    assert not set(mails) & {"=a@b.test", "=c@d.test"}
    assert mails.count(NULL) == 1
    assert sum("@" in mail for mail in mails) == 3
    rules["users.status"] = "hash"
    _, said = copied(end, target, code=3, **asked(target, anonymize=True, policy=copied.policy(rules)))
    assert "users.status: its values are replaced, and then mapped" in said
    assert "keep it in the policy, or take `values` out" in said


def test_a_loss_without_consent_and_what_is_not_there_are_told_together(
    servers: dict[str, TestServer], copied: Copier
) -> None:
    wrong = asked("mysql", allow_lossy=["users.amount", "users.gone"])
    wrong["column_mappings"]["users"]["columns"]["mail"] = {"drop": True}
    wrong["column_mappings"]["users"]["columns"]["id"] = {"type": "blurb(3)"}
    wrong["column_mappings"]["accounts"] = {"table": "x"}
    _, said = copied(filled(servers["sqlite"]), "mysql", code=3, **wrong)
    assert "created: TIMESTAMP does not fit date" in said
    assert "allow_lossy: users.gone: there is no such column to copy" in said
    assert "there is no column mail to copy" in said
    assert "has no type blurb(3)" in said
    assert "column_mappings: accounts: this table is not copied" in said


def test_a_table_that_is_there_is_filled_as_it_is(servers: dict[str, TestServer], copied: Copier) -> None:
    """Other types, another order, a column more: what the mapping says finds its place."""

    def prepare(end: Endpoint) -> None:
        servers["postgresql"].execute(
            end,
            "CREATE TABLE customers (one smallint, origin text, added timestamptz DEFAULT now(), day date, nothing bigint,"
            " amount numeric(12,2), status varchar(8), mail varchar(90), id bigint PRIMARY KEY)",
        )

    operation = asked("postgresql")
    columns = operation["column_mappings"]["users"]["columns"]
    columns.pop("amount")
    columns["created"].pop("type")
    there, _ = copied(filled(servers["mysql"]), "postgresql", prepare=prepare, **operation)
    servers["postgresql"].execute(there, "ALTER TABLE customers DROP COLUMN added")
    assert found(there) == wanted()
