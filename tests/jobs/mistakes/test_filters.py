"""Mistakes in a filter: anything but one read-only condition on what is there is refused, with its reason."""

from __future__ import annotations

import pytest

from tests.jobs.mistakes.told import Told
from tests.jobs.running.site import Site

EVERYWHERE = {
    "id < 3; DROP TABLE users": "this has a `;`: a filter is one condition",
    "id < 3;": "this has a `;`: a filter is one condition",
    "WHERE id < 3": "this begins with WHERE; a filter is the condition alone",
    "id < 3 ORDER BY id": "this is not one read-only condition",
    "id < 3) OR (1 = 1": "this is not one read-only condition",
    "name = 'x": "this is not one read-only condition",
    "   ": "this is empty",
    "id IN (DELETE FROM users RETURNING id)": "this is not one read-only condition",
    "id IN (WITH x AS (DELETE FROM users RETURNING id) SELECT user_id FROM orders)": "a filter may not use WITH, delete",
    "pg_sleep(10) IS NULL": "a filter may not use pg_sleep",
    "load_extension('x') = 1": "a filter may not use load_extension",
    "id = :x": "a filter may not use placeholder",
    "idd < 3": "has no column 'idd'\n    → did you mean id?",
    "id IN (SELECT user_idd FROM orders)": "no table in it has a column 'user_idd'\n    → did you mean user_id?",
    "id IN (SELECT user_id FROM ordrs)": "did you mean orders?",
    "id IN (SELECT id FROM other.public.users)": "'other.public.users' names another database",
    "count(*) > 1": "does not accept th",
}

IN_STANDARD_SQL = {'name = "somebody"': "text stands in single quotes"}

BY_THE_DATABASE = {
    "id < 'many'": "a value in it has not the form or size of the type it is used as [22P02]",
    "name > 5": "it uses a function or operator that does not exist for these types (cast one side) [42883]",
    "id": "its types do not go together, or it is neither true nor false [42804]",
    "name ~ '('": "a value in it has not the form or size of the type it is used as [2201B]",
}


def refused(site: Site, told: Told, condition: str, expected: str) -> None:
    operation = site.operation(operation_type="copy_filtered", filter={"users": condition})
    said = told(site, 3, "plan", str(operation))
    assert "filter on users: " in said, condition
    assert expected in said, condition
    assert "  → " in said, condition


def test_what_is_not_one_read_only_condition(site: Site, told: Told) -> None:
    site.fill(users=5, orders=5, plain=5)
    standard = {} if site.prod.engine == "mysql" else IN_STANDARD_SQL
    for condition, expected in (EVERYWHERE | standard).items():
        refused(site, told, condition, expected)


def test_what_only_the_database_notices(server_site: Site, told: Told) -> None:
    server_site.fill(users=5, orders=5, plain=5)
    for condition, expected in BY_THE_DATABASE.items():
        refused(server_site, told, condition, expected)


@pytest.mark.usefixtures("no_spark")
def test_what_only_a_row_shows_fails_the_run_and_names_no_value(server_site: Site, told: Told) -> None:
    site = server_site
    site.fill(users=5, orders=5, plain=5)
    operation = str(site.operation(operation_type="copy_filtered", filter={"users": "100 / (id - 3) > 0"}))
    said = told.failed(site, 5, "run", operation)
    assert "[22012]" in said
    assert "public.users" in said
    assert site.rows(site.dev, "users") == []


def test_a_filter_for_a_table_that_is_not_copied(site: Site, told: Told) -> None:
    site.fill(users=5, orders=5, plain=5)
    for table in ("orders", "usres"):
        operation = site.operation(operation_type="copy_filtered", tables=["users"], filter={table: "id < 3"})
        assert f"filter on {table}: this table is not copied" in told(site, 3, "plan", str(operation))
