"""Sessions: what they may do, what is set in them, how they are found and ended, how errors read."""

from __future__ import annotations

import contextlib
import pickle
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Endpoint
from connectors.errors import (
    Busy,
    ConnectionLost,
    ConnectorError,
    LoginRefused,
    NotFound,
    PermissionMissing,
    ValueRefused,
)
from connectors.mysql import connector
from connectors.mysql.errors import translate
from connectors.mysql.privileges import parsed
from connectors.mysql.session import Session, connect, flavour, names
from connectors.mysql.testkit import MariaServer
from connectors.testkit import free_port
from tests.connectors.drive import Ends
from tests.connectors.mysql.databases import user


@contextlib.contextmanager
def session(endpoint: Endpoint, *, read_only: bool = False, patience: float = 60) -> Iterator[Session]:
    opened = connect(endpoint, read_only=read_only, patience=patience)
    try:
        yield opened
    finally:
        opened.close()


def test_a_source_session_cannot_write(ends: Ends) -> None:
    with session(ends.source, read_only=True) as one, pytest.raises(PermissionMissing, match="may only read"):
        one.run("CREATE TABLE t (a int)")


def test_a_session_carries_our_settings_whatever_the_server_says(server: MariaServer, ends: Ends) -> None:
    server.execute(ends.source, "SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_ZERO_DATE,NO_BACKSLASH_ESCAPES'")
    server.execute(ends.source, "SET GLOBAL time_zone = '+09:00'")
    try:
        with session(ends.source) as one:
            assert one.rows("SELECT @@time_zone, @@character_set_results, @@tx_isolation, @@unique_checks") == [
                ("+00:00", "utf8mb4", "READ-COMMITTED", 1)
            ]
            modes = set(one.value("SELECT @@sql_mode").split(","))
            assert "STRICT_ALL_TABLES" in modes
            assert not modes & {"ANSI_QUOTES", "NO_ZERO_DATE", "NO_ZERO_IN_DATE", "NO_BACKSLASH_ESCAPES"}
            assert one.value("SELECT 'a\\\\b'") == "a\\b"
    finally:
        server.execute(ends.source, "SET GLOBAL sql_mode = DEFAULT")
        server.execute(ends.source, "SET GLOBAL time_zone = DEFAULT")


def test_a_transaction_is_all_or_nothing(ends: Ends) -> None:
    with session(ends.target) as one:
        one.run("CREATE TABLE t (a int)")
        with contextlib.suppress(ZeroDivisionError), one.transaction():
            assert one.run("INSERT INTO t VALUES (1)") == 1
            raise ZeroDivisionError
        assert one.rows("SELECT a FROM t") == []


def test_a_wait_ends_with_our_patience(ends: Ends) -> None:
    began = time.monotonic()
    with session(ends.target, patience=0.5) as one, pytest.raises(ConnectionLost, match=r"made no progress for 0\.5 s"):
        one.rows("SELECT SLEEP(200)")
    assert time.monotonic() - began < 100


# Who is who


def test_sessions_are_ended_by_the_name_of_their_run(ends: Ends) -> None:
    ours, others = (replace(ends.target, application=f"dbagent/{run}/3/") for run in ("r1", "r2"))
    with session(ours) as one, session(ours) as two, session(others) as other, session(ends.target) as driver:
        target = connector.target(ends.target)
        with contextlib.closing(target):
            assert target.end_sessions("dbagent/r1/") == 2
            assert target.end_sessions("dbagent/r1/") == 0
        for gone in (one, two):
            with pytest.raises(ConnectionLost):
                gone.rows("SELECT 1")
        assert other.value("SELECT 1") == driver.value("SELECT 1") == 1


def test_a_session_at_work_is_ended_too_and_never_the_one_that_asks(ends: Ends) -> None:
    endpoint = replace(ends.target, application="dbagent/r/1/")
    with session(endpoint) as one:
        one.run("CREATE TABLE t (a int PRIMARY KEY)")
        one.run("START TRANSACTION")
        one.run("INSERT INTO t VALUES (1)")
        with contextlib.closing(connector.target(endpoint)) as target:
            assert target.end_sessions("dbagent/r/") == 1
            assert target.server.version
        with session(ends.target) as other:
            other.run("INSERT INTO t VALUES (1)")


def test_an_application_is_found_by_each_of_its_prefixes() -> None:
    assert set(names("dbagent/run/")) <= set(names("dbagent/run/7/")) == set(names("dbagent/run/7"))
    assert not set(names("dbagent/other/")) & set(names("dbagent/run/7/"))
    assert all(len(name) + 3 <= 64 for name in names("dbagent/" + "x" * 500 + "/1/"))


# Errors


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"password": "not the password"}, LoginRefused, "wrong user or password"),
        ({"user": "nobody of that name"}, LoginRefused, "wrong user or password"),
        ({"database": "nowhere"}, NotFound, "the database does not exist"),
        ({"host": "host.invalid"}, ConnectionLost, "name cannot be resolved"),
        ({"host": "/nowhere/socket"}, ConnectionLost, "no server's socket"),
    ],
)
def test_why_there_is_no_session(ends: Ends, change: dict[str, Any], kind: type, words: str) -> None:
    with pytest.raises(kind, match=words) as refusal:
        connector.source(replace(ends.source, **change))
    shown = f"{refusal.value} {refusal.value!r}"
    assert "prod" in shown
    assert "not the password" not in shown
    assert refusal.value.__cause__ is None


def test_a_port_where_nothing_or_something_else_answers(ends: Ends) -> None:
    with pytest.raises(ConnectionLost, match="nothing answers"):
        connector.source(replace(ends.source, port=free_port()))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = replace(ends.source, port=silent.getsockname()[1], options={"connect_timeout": "1"})
        with pytest.raises(ConnectorError):
            connect(endpoint, read_only=True, patience=1)


def test_too_many_connections_is_busy(server: MariaServer, ends: Ends) -> None:
    endpoint = user(server, ends.source, "SELECT")
    server.execute(ends.source, f"GRANT USAGE ON *.* TO '{endpoint.user}'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
    with session(endpoint), pytest.raises(Busy, match="no free connection"):
        connect(endpoint, read_only=True)


@pytest.mark.parametrize(
    ("number", "text", "kind", "name"),
    [
        (1062, "Duplicate entry 'anna@example.com' for key 'people.email'", ValueRefused, "people.email"),
        (1062, "Duplicate entry 'for key 'x'' for key 'k'", ValueRefused, "k"),
        (1048, "Column 'born' cannot be null", ValueRefused, "born"),
        (1366, "Incorrect string value: 'anna' for column `d`.`t`.`note` at row 1", ValueRefused, "note"),
        (1406, "Data too long for column 'note' at row 7", ValueRefused, "note"),
        (4025, "CONSTRAINT `adult` failed for `d`.`t`", ValueRefused, "adult"),
        (1213, "Deadlock found", Busy, ""),
        (9999, "anna@example.com", ConnectorError, ""),
    ],
)
def test_errors_name_things_and_never_values(number: int, text: str, kind: type, name: str) -> None:
    found = translate(pymysql.OperationalError(number, text), "here")
    assert isinstance(found, kind)
    assert f"({name})" in str(found) or not name
    assert "anna" not in f"{found} {found!r}"
    assert pickle.loads(pickle.dumps(found)).code == str(number)


@given(st.text(max_size=40), st.sampled_from([1062, 1048, 1264, 1265, 1292, 1366, 1406, 1451, 3819, 4025]))
def test_no_value_passes_for_a_name(value: str, number: int) -> None:
    text = f"Incorrect value: '{value}|secret|' for column `d`.`t`.`c` at row 1"
    assert "|secret|" not in str(translate(pymysql.DataError(number, text)))


# What the server says


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5.5.5-10.11.19-MariaDB-0+deb12u1", ("MariaDB", (10, 11, 19))),
        ("11.4.5-MariaDB", ("MariaDB", (11, 4, 5))),
        ("8.0.36", ("MySQL", (8, 0, 36))),
        ("8.4.0-commercial", ("MySQL", (8, 4, 0))),
    ],
)
def test_flavour_and_version(text: str, expected: tuple[str, tuple[int, ...]]) -> None:
    assert flavour(text) == expected


def test_a_server_tells_what_our_user_may(server: MariaServer, ends: Ends) -> None:
    endpoint = user(server, ends.source, "SELECT")
    with contextlib.closing(connector.source(endpoint)) as source:
        assert all(there for _, there in source.server.privileges)
        assert source.server.version.startswith("MariaDB 10.")
        assert not source.server.pooler
        assert not source.server.replica
    with contextlib.closing(connector.target(endpoint)) as target:
        assert not any(there for name, there in target.server.privileges)
        [obstacle] = target.ledger.obstacles()
        assert obstacle.startswith("our user may not keep a ledger: GRANT CREATE, INDEX, INSERT, UPDATE, DELETE ON")


def test_a_server_that_only_reads_is_no_target(server: MariaServer, ends: Ends) -> None:
    endpoint = user(server, ends.target, "ALL")
    server.execute(ends.target, "SET GLOBAL read_only = 1")
    try:
        with contextlib.closing(connector.target(endpoint)) as target:
            assert not target.server.writable
            with pytest.raises(PermissionMissing, match="may only read"):
                target.ledger.create()
    finally:
        server.execute(ends.target, "SET GLOBAL read_only = 0")


def test_what_makes_loads_slow_is_told(server: MariaServer, ends: Ends) -> None:
    server.execute(ends.target, "SET GLOBAL local_infile = 0")
    try:
        with contextlib.closing(connector.target(ends.target)) as target:
            assert any("local_infile is off" in note for note in target.server.notes)
    finally:
        server.execute(ends.target, "SET GLOBAL local_infile = 1")


def test_grants_are_read_as_the_server_means_them() -> None:
    lines = [
        "GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*A4'",
        "GRANT PROCESS ON *.* TO `u`@`%`",
        "GRANT SELECT, INSERT (`a`, `b`), CREATE ON `prod\\_a`.* TO `u`@`%`",
        "GRANT DROP ON `prod_`.* TO `u`@`%`",
        "GRANT ALL PRIVILEGES ON `other`.* TO `u`@`%`",
        "GRANT DELETE ON `prod_a`.`one` TO `u`@`%`",
    ]
    found = parsed(lines, "prod_a", "u@%")
    assert (found.server, found.database) == ({"PROCESS"}, {"PROCESS", "SELECT", "CREATE"})
    assert (found.may("DELETE"), found.may("DELETE", "one"), found.may("DROP")) == (False, True, False)
    assert found.user == "'u'@'%'"
    assert parsed(lines, "prodXa", "u@%").database == {"PROCESS"}
    assert parsed(lines, "prodX", "u@%").may("DROP")
    assert parsed(lines, "other", "u@%").may("TRIGGER", "t")
    assert [parsed(lines, name, "u@%").pattern for name in ("prod_a", "prodX", "none")] == [
        "`prod\\_a`",
        "`prod_`",
        "`none`",
    ]
    assert parsed(lines, "prod_a", "other@%").pattern == "`prod_a`"
    assert parsed([*lines, "GRANT DROP ON `prod_a`.* TO `role`"], "prod_a", "u@%").may("DROP")
    revoked = [*lines, "REVOKE CREATE ON `prod\\_a`.* FROM `u`@`%`"]
    assert not parsed(revoked, "prod_a", "u@%").may("CREATE")
