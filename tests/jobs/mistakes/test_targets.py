"""Mistakes at the ends: what the source does not let out and what the target does not take is told before a row moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.testkit import SampleTable
from jobs.cli import call
from tests.jobs.mistakes.told import Told
from tests.jobs.running.site import PLAIN, USERS, Site

OTHER_USERS = SampleTable(
    "users", {"id": "text", "name": "text", "extra": "text"}, not_null=("name", "extra"), primary_key=("id",)
)


def test_tables_that_are_none(site: Site, told: Told) -> None:
    site.fill(users=3, orders=3, plain=3)
    site.server.execute(site.prod, "CREATE VIEW all_users AS SELECT * FROM users")
    said = told(site, 3, "plan", str(site.operation(tables=["all_users", "usres", "Users", "orders"])))
    assert "tables: all_users: this is a view, not a table\n    → name the tables it reads" in said
    assert "tables: usres: no such table in PROD\n    → did you mean " in said
    assert "tables: Users: no such table in PROD\n    → did you mean " in said
    said = told(site, 3, "plan", str(site.operation(exclude=["usres"])))
    assert "exclude: usres: no such table in PROD" in said


def test_a_view_in_the_way(site: Site, told: Told) -> None:
    site.fill(users=3, orders=3, plain=3)
    site.landing.execute(site.dev, "CREATE VIEW users AS SELECT 1 AS id")
    said = told(site, 3, "plan", str(site.operation()))
    assert "users: a view of this name is in the way\n    → drop or rename it" in said


@pytest.mark.usefixtures("no_spark")
def test_a_target_that_is_not_empty(site: Site, told: Told) -> None:
    site.fill(users=3, orders=3, plain=3)
    site.landing.create(site.dev, PLAIN, [("x", "y")])
    for command in ("plan", "run"):
        said = told(site, 3, command, str(site.operation()))
        assert "plain: the table is not empty\n    → empty it, or say `if_target_not_empty: truncate`" in said


def test_a_table_that_differs_in_everything(site: Site, told: Told) -> None:
    site.fill(users=3, orders=3, plain=3)
    site.landing.create(site.dev, OTHER_USERS)
    said = told(site, 3, "plan", str(site.operation())).lower()
    for words in ("column id is ", "column name is not null", "column email is missing", "column balance is missing",
                  "column extra is not null"):  # fmt: skip
        assert words in said
    assert said.count("mend this in the target, or drop the table") == 1


def test_what_would_interfere_with_loading(server_site: Site, file_site: Site, told: Told) -> None:
    on_server, on_file = (
        (
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "CREATE TRIGGER stamp BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()",
            "CREATE RULE twice AS ON INSERT TO users DO ALSO SELECT 1",
            "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
        ),
        ("CREATE TRIGGER stamp AFTER INSERT ON users BEGIN SELECT 1; END",),
    )
    for site, hooks in ((server_site, on_server), (file_site, on_file)):
        site.environments({})
        site.fill(users=3, orders=3, plain=3)
        site.landing.create(site.dev, USERS)
        for statement in hooks:
            site.landing.execute(site.dev, statement)
        said = told(site, 3, "plan", str(site.operation()))
        assert "trigger stamp would interfere with loading\n    → drop or disable it for the copy" in said
        if site is server_site:
            assert "rule twice would interfere" in said
            assert "row security would interfere" in said


@pytest.mark.usefixtures("no_spark")
def test_one_database_under_two_names(server_site: Site, told: Told) -> None:
    site = server_site
    site.fill(users=3, orders=3, plain=3)
    folder = site.server.rows(site.prod, "SHOW unix_socket_directories")[0][0]
    for host in ("127.0.0.1", "localhost", folder):
        site.environments({"DEV": {"database": site.prod.database, "host": host}})
        for policy in ("refuse", "truncate", "append"):
            said = told(site, 3, "run", str(site.operation(if_target_not_empty=policy)))
            assert "both names lead to the same database: the copy would overwrite its own source" in said
            assert "not empty" not in said


def test_a_target_that_only_reads(server_site: Site, told: Told) -> None:
    site = server_site
    site.fill(users=3, orders=3, plain=3)
    site.landing.execute(site.dev, f'ALTER DATABASE "{site.dev.database}" SET default_transaction_read_only = on')
    said = told(site, 3, "plan", str(site.operation()))
    assert "DEV: this server takes no writes (a replica, or read-only)" in said


def test_a_type_the_target_does_not_know(server_site: Site, told: Told) -> None:
    server_site.server.execute(server_site.prod, "CREATE EXTENSION hstore")
    server_site.server.execute(server_site.prod, "CREATE TABLE things (tags hstore)")
    said = told(server_site, 3, "plan", str(server_site.operation(anonymize=False, policy=None)))
    assert "DEV: public.things: type public.hstore is missing: CREATE EXTENSION hstore" in said


# Privileges

Grant = Callable[[str], None]


@pytest.fixture
def guest(server_site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A user of the server that may nothing yet."""
    server_site.fill(users=3, orders=3, plain=3)
    for end in ("PROD_PASSWORD", "DEV_PASSWORD"):
        monkeypatch.setenv(end, str(server_site.prod.password))
    server_site.server.execute(server_site.dev, "CREATE ROLE guest LOGIN PASSWORD 'hunter2'")
    yield "guest"
    for end in (server_site.prod, server_site.dev):
        server_site.server.execute(end, "DROP OWNED BY guest")
    server_site.server.execute(server_site.dev, "DROP ROLE guest")


@pytest.mark.usefixtures("no_spark")
def test_a_source_that_may_not_be_read_whole(
    server_site: Site, guest: str, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = server_site
    site.server.execute(site.prod, f"GRANT SELECT ON users, plain TO {guest}")
    site.environments({"PROD": {"user": guest}})
    monkeypatch.setenv("PROD_PASSWORD", "hunter2")
    for command in ("plan", "run"):
        said = told(site, 3, command, str(site.operation()))
        assert (
            "public.orders: the user may not read this table\n    → grant SELECT on it, or add it to `exclude`" in said
        )
    filtered = site.operation(
        operation_type="copy_filtered", tables=["users"], filter={"users": "id IN (SELECT user_id FROM orders)"}
    )
    assert "it uses a table or function that our user may not use [42501]" in told(site, 3, "plan", str(filtered))


@pytest.mark.usefixtures("no_spark")
def test_each_grant_that_a_target_lacks_is_named_and_helps(
    server_site: Site, guest: str, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statements in the findings, run one after the other as they are told, end in a copy."""
    site = server_site
    site.landing.create(site.dev, USERS)
    site.landing.execute(site.dev, "CREATE TABLE counted (id bigserial, v text)")
    site.server.execute(site.prod, "CREATE TABLE counted (id bigserial, v text)")
    site.server.execute(site.prod, "INSERT INTO counted (v) VALUES ('a'), ('b')")
    site.environments({"DEV": {"user": guest}})
    monkeypatch.setenv("DEV_PASSWORD", "hunter2")
    operation = str(site.operation(anonymize=False, policy=None))
    said = told(site, 3, "plan", operation)
    grants = {line.split(": ")[-1] for line in said.splitlines() if ": GRANT " in line}
    assert grants == {
        f'GRANT CREATE ON DATABASE {site.dev.database} TO guest',
        'GRANT CREATE ON SCHEMA "public" TO "guest"',
        'GRANT SELECT, INSERT, TRUNCATE ON "public"."users" TO "guest"',
        'GRANT SELECT, INSERT, TRUNCATE ON "public"."counted" TO "guest"',
        'GRANT SELECT, UPDATE ON SEQUENCE counted_id_seq TO "guest"',
    }  # fmt: skip
    for grant in grants:
        site.landing.execute(site.dev, grant)
    assert call(site.arguments("run", operation)) == 0
    assert site.rows(site.dev, "counted") == site.rows(site.prod, "counted")


def test_a_ledger_of_another_user(server_site: Site, guest: str, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    site = server_site
    for statement in ("CREATE SCHEMA _dbagent", "CREATE TABLE _dbagent.runs (x int)",
                      f"GRANT CREATE ON SCHEMA public TO {guest}"):  # fmt: skip
        site.landing.execute(site.dev, statement)
    site.environments({"DEV": {"user": guest}})
    monkeypatch.setenv("DEV_PASSWORD", "hunter2")
    said = told(site, 3, "plan", str(site.operation()))
    assert (
        "DEV: our user may not use the ledger, which another user made: GRANT USAGE, CREATE ON SCHEMA _dbagent" in said
    )
