"""Filters: one read-only predicate gets through, anything else is refused with a reason."""

from __future__ import annotations

import re

import pytest
from sqlglot import exp

from jobs.planning.filters import parse_filter
from tests.jobs.planning.sample import ORDERS, SCHEMA, USERS

GOOD = [
    "user_id IN (SELECT id FROM users WHERE status = 'active')",
    "id BETWEEN 1 AND 5 AND NOT (user_id IS NULL)",
    "EXISTS (SELECT 1 FROM public.users u WHERE u.id = orders.user_id AND u.status LIKE 'a%')",
    "id % 10 = 3 OR coalesce(user_id, 0) > 7",
    "(id, user_id) > (1, 2)",
    "user_id IN (SELECT q.one FROM (SELECT id AS one FROM users) q WHERE q.one > orders.id)",
    "note IS NOT NULL AND id < (SELECT max(id) FROM orders)",
    "CASE WHEN user_id IS NULL THEN 1 ELSE 2 END = 2",
]
BAD = {
    "id > 5; DROP TABLE users": "has a `;`",
    "id > 5;": "has a `;`",
    "id > 5) OR (1 = 1": "not one",
    "1 = 1) UNION SELECT (2": "not one",
    " ": "empty",
    "SELECT 1": "begins with SELECT",
    "where id > 5": "begins with WHERE",
    "id >": "not one",
    "id > 5 ORDER BY id": "see line 1, column 15",
    "id > 5\n  ORDER BY id": "see line 2, column 10",
    "(" * 2000 + "id > 5" + ")" * 2000: "not one|nested",
    "pg_sleep(10) IS NULL": "pg_sleep",
    "nextval('s') = 1": "nextval",
    "id IN (DELETE FROM users RETURNING id)": "not one",
    "id IN (WITH x AS (DELETE FROM users RETURNING id) SELECT id FROM users)": "may not use WITH, delete",
    "user_id IN (SELECT id FROM users FOR UPDATE)": "FOR UPDATE",
    "user_id IN (SELECT id INTO x FROM users)": "INTO",
    "id = $1": "parameter",
    "note > clock_timestamp()": "may not use clock_timestamp",
    "note > statement_timestamp()": "may not use statement_timestamp",
    "note > transaction_timestamp()": "may not use transaction_timestamp",
    "note > timeofday()": "may not use timeofday",
    "note > LOCALTIMESTAMP": "may not use localtimestamp",
    "note > LOCALTIME": "may not use localtime",
    "note > CURRENT_TIME": "may not use current_time",
    "note > random()": "may not use random",
    "idd = 4": "no column 'idd'",
    'note = "hello"': "no column 'hello'",
    "user_id IN (SELECT idd FROM users)": "no table in it has a column 'idd'",
    "user_id IN (SELECT id FROM user)": "no table",
    "user_id IN (SELECT id FROM other.public.users)": "another database",
}


@pytest.mark.parametrize("text", GOOD)
@pytest.mark.parametrize("dialect", ["postgres", "sqlite"])
def test_one_read_only_predicate_is_accepted_and_says_the_same(text: str, dialect: str) -> None:
    parsed, findings = parse_filter(text, ORDERS, SCHEMA, dialect, "public", "filter")
    assert findings == []
    assert parsed is not None
    assert all(table.db == "public" for table in parsed.find_all(exp.Table)), "every sub-query's table has its schema"


@pytest.mark.parametrize(("text", "why"), BAD.items())
def test_anything_else_is_refused_with_the_reason(text: str, why: str) -> None:
    parsed, findings = parse_filter(text, ORDERS, SCHEMA, "postgres", "public", "filter on orders")
    assert parsed is None
    assert [finding.what for finding in findings if re.search(why, finding.what)], findings
    assert all(finding.where == "filter on orders" for finding in findings)


@pytest.mark.parametrize(
    "text", ["note > now()", "note > CURRENT_DATE", "note < CURRENT_TIMESTAMP", "age(note) > age(id)"]
)
def test_the_snapshots_clock_may_be_asked(text: str) -> None:
    assert parse_filter(text, ORDERS, SCHEMA, "postgres", "public", "filter")[1] == []


def test_a_function_is_known_by_its_name_in_the_dialect() -> None:
    assert parse_filter("note > strftime('%Y', 'now')", ORDERS, SCHEMA, "sqlite", "public", "filter")[1] == []
    assert parse_filter("note > now() - INTERVAL 1 DAY", ORDERS, SCHEMA, "mysql", "public", "filter")[1] == []
    refused = parse_filter("note > to_char(id, '9')", ORDERS, SCHEMA, "postgres", "public", "filter")[1]
    assert [finding.what for finding in refused] == ["a filter may not use to_char"]


def test_a_misspelt_table_gets_a_hint() -> None:
    _, findings = parse_filter("id IN (SELECT id FROM usrs)", USERS, SCHEMA, "postgres", "public", "filter")
    assert "users" in findings[0].todo


def test_comments_do_not_travel() -> None:
    parsed, _ = parse_filter("id = 1 -- secret", USERS, SCHEMA, "postgres", "public", "filter")
    assert parsed is not None
    assert "secret" not in parsed.sql(dialect="postgres")


def test_an_engine_without_sql_takes_no_filter() -> None:
    assert parse_filter("id = 1", USERS, SCHEMA, None, None, "filter")[1]
