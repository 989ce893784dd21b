"""Mistakes with the control store: what stands at its URL is told, never a password in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.testkit import TestServer
from jobs import submit
from jobs.cli import call
from jobs.control import database
from tests.jobs.mistakes.told import check_block
from tests.jobs.running.site import Site

Output = pytest.CaptureFixture[str]


def refused(output: Output, code: int, url: str) -> str:
    output.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBAGENT_CONTROL", url)
        found = call(["list"])
    said = output.readouterr().err
    assert found == code, said
    check_block(said)
    assert "hunter2" not in said
    return said


@pytest.mark.parametrize(
    ("url", "code", "expected"),
    [
        ("control.db", 2, "write sqlite:///PATH or postgresql://"),
        ("sqlite://", 2, "write sqlite:///PATH or postgresql://"),
        ("mysql://u:hunter2@h/d", 2, "write sqlite:///PATH or postgresql://"),
        ("postgresql://u:hunter2@h:port/d", 2, "this is not a URL of a control store"),
        ("postgresql://u:hunter2@127.0.0.1:1/d", 4, "check host, port and network"),
        ("postgresql://u@127.0.0.1:1/d?password=hunter2", 4, "check host, port and network"),
        ("postgresql://u:hunter2@127.0.0.1:1/d?nonsense=1", 4, "correct what follows the `?`"),
        ("postgresql://u:hunter2@no-such-host.invalid/d", 4, "check host, port and network"),
        ("sqlite:////dev/null/control.db", 4, "cannot be opened: its folder is a file"),
        ("sqlite:////tmp", 4, "cannot be opened: is a directory"),
        ("sqlite:////proc/control.db", 4, "cannot be opened: no such file"),
        (f"sqlite:////tmp/{'x' * 300}", 4, "cannot be opened: file name too long"),
    ],
)
def test_a_url_that_leads_to_no_store(url: str, code: int, expected: str, capsys: Output) -> None:
    said = refused(capsys, code, url)
    assert expected in said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@h/d",
        "postgresql://u:hunter2%20@h",
        "postgresql+psycopg://:hunter2@h/d",
        "postgresql://u@h/d?password=hunter2",
        "postgresql://u@h/d?connect_timeout=3&sslpassword=hunter2",
        "mysql://u:hunter2@h/d",
    ],
)
def test_a_password_on_the_command_line_is_refused(url: str, file_site: Site, capsys: Output) -> None:
    operation = str(file_site.operation())
    commands = [["list"], ["run", operation], ["resume", "op-1"], ["show", "op-1"], ["cancel", "op-1"]]
    for run, arguments in [(call, command) for command in commands] + [(submit.main, ["--operation", operation])]:
        capsys.readouterr()
        code = run([*arguments, "--control", url])
        said = capsys.readouterr().err
        assert code == 2, said
        check_block(said)
        assert "hunter2" not in said
        assert "the list of processes shows" in said
        assert "export DBAGENT_CONTROL" in said


def test_a_url_without_a_password_may_stand_on_the_command_line(capsys: Output) -> None:
    assert call(["list", "--control", "postgresql://u@127.0.0.1:1/d?connect_timeout=3"]) == 4
    assert "cannot be reached" in capsys.readouterr().err


def made(path: Path, *statements: str) -> str:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return f"sqlite:///{path}"


def test_a_file_that_is_no_store(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "letter").write_text("not a database, but long enough to be looked at as if it were one\n" * 9)
    assert "is not a database file" in refused(capsys, 4, f"sqlite:///{tmp_path}/letter")
    version = "CREATE TABLE alembic_version (version_num text)"
    newer = made(tmp_path / "newer", version, "INSERT INTO alembic_version VALUES ('9999')")
    said = refused(capsys, 4, newer)
    assert "has version 9999, made by a newer dbagent; this one knows" in said
    assert "use the newer dbagent, or another store" in said
    foreign = made(tmp_path / "foreign", "CREATE TABLE database_operations (a)")
    assert "has other tables than this program makes" in refused(capsys, 4, foreign)
    half = made(tmp_path / "half", version, f"INSERT INTO alembic_version VALUES ('{database.HEAD}')")
    assert "or not all of them" in refused(capsys, 4, half)


def test_a_damaged_store(tmp_path: Path, capsys: Output) -> None:
    url = f"sqlite:///{tmp_path}/control.db"
    assert call(["list", "--control", url]) == 0
    whole = (tmp_path / "control.db").read_bytes()
    (tmp_path / "control.db").write_bytes(whole[: len(whole) // 4])
    assert "is damaged" in refused(capsys, 4, url)


def test_a_store_that_another_process_has_locked(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.2)
    with closing(sqlite3.connect(tmp_path / "control.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = refused(capsys, 4, f"sqlite:///{tmp_path}/control.db")
    assert "is locked by another process" in said
    assert "try again when that process has ended" in said


def test_a_servers_store_that_refuses_the_login(servers: dict[str, TestServer], capsys: Output) -> None:
    end = servers["postgresql"].database("store")
    place = f"{end.host}:{end.port}/{end.database}"
    assert "refuses user or password" in refused(capsys, 4, f"postgresql://dba:hunter2@{place}")
    assert "asks for a password" in refused(capsys, 4, f"postgresql://dba@{place}")
    assert "has no such database" in refused(capsys, 4, f"postgresql://dba:{end.password}@{end.host}:{end.port}/no")
    servers["postgresql"].execute(end, "CREATE TABLE database_operations (a integer)")
    assert "has other tables" in refused(capsys, 4, f"postgresql://dba:{end.password}@{place}")


@pytest.mark.parametrize("sent", [True, False], ids=["a password sent", "nothing sent"])
def test_a_login_refused_in_another_language_is_told_by_what_the_driver_knows(
    sent: bool, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """The server's words are not known here; whether a password was sent is."""

    class Failed:
        needs_password, used_password = False, sent

    class Refused(Exception):
        sqlstate, pgconn = None, Failed()

    def create_engine(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("connect", {}, Refused("Passwort-Authentifizierung für »ada« fehlgeschlagen"))

    monkeypatch.setattr(sa, "create_engine", create_engine)
    said = refused(capsys, 4, "postgresql://ada:hunter2@h/d")
    assert ("refuses user, password or database" if sent else "cannot be reached") in said
