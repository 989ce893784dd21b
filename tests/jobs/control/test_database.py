"""Opening the control store: where it is, who may read it, how it grows older, and what is said when it cannot be used."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from connectors.objects import ObjectId, ObjectKind
from connectors.schema import TableName
from jobs.control import database
from jobs.control.database import locate
from jobs.control.store import ControlStore
from jobs.control.tables import HEAD, metadata
from jobs.errors import ConfigError, ConnectionProblem, Exit, exit_code
from jobs.planning.schema_plan import Change
from tests.jobs.control.ask import ask
from tests.jobs.control.conftest import start

DEFINITION = {
    "operation_type": "copy_full",
    "source_env": "PROD",
    "target_env": "DEV",
    "tables": ["*"],
    "filter": {},
    "anonymize": False,
    "parallel_workers": 4,
    "domain_id": None,
    "scheduled_at": None,
}


def test_the_migrations_make_the_tables_of_the_code(store: ControlStore) -> None:
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_store_at_the_newest_version_is_opened_without_alembic(url: str) -> None:
    ControlStore.open(url).close()
    code = """
import sys
from jobs.control.store import ControlStore
ControlStore.open(sys.argv[1]).recent()
print("alembic" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_store_from_the_future_is_left_alone(url: str) -> None:
    with ControlStore.open(url) as store, store._engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConnectionProblem, match="has version 9999, made by a newer dbagent") as caught:
        ControlStore.open(url)
    assert exit_code(caught.value) == Exit.CONNECTION


def test_who_only_looks_makes_no_store_and_writes_into_none(url: str, tmp_path: Path) -> None:
    if url.startswith("sqlite"):  # a server's database is there before its tables
        assert ControlStore.look(url) is None
        assert list(tmp_path.iterdir()) == []
    with ControlStore.open(url) as store:
        made = ask(store, DEFINITION, "a" * 64, None)
    files = {file: file.read_bytes() for file in tmp_path.rglob("*.db*")}
    looked = ControlStore.look(url)
    assert looked is not None
    with looked:
        assert looked.get(made.id) == made
        assert looked.applied("DEV") == []
        with pytest.raises(ConnectionProblem):
            looked.request_stop(made.id, "cancel")
    assert {file: file.read_bytes() for file in tmp_path.rglob("*.db*")} == files


def test_who_looks_sees_the_store_that_the_url_leads_to(server: str) -> None:
    engine = sa.create_engine(sa.make_url(server).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA elsewhere"))
    engine.dispose()
    url = server + "?options=-c%20search_path%3Delsewhere"
    with ControlStore.open(url) as store:
        made = ask(store, DEFINITION, "a" * 64, None)
    looked = ControlStore.look(url)
    assert looked is not None
    with looked:
        assert looked.recent() == [made]


def test_a_store_of_another_version_is_not_looked_at(url: str) -> None:
    with ControlStore.open(url) as store, store._engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0003'"))
    assert ControlStore.look(url) is None
    assert ControlStore.look("postgresql://nobody@127.0.0.1:1/none") is None


def test_the_file_is_in_the_state_folder_and_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("DBAGENT_CONTROL", raising=False)
    former = os.umask(0)
    try:
        with ControlStore.open() as store:
            store.recent()
            folder = tmp_path / "state" / "dbagent"
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    finally:
        os.umask(former)
    assert "control.db" in modes
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_store_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("DBAGENT_CONTROL", raising=False)
    monkeypatch.setenv("HOME", "/home/ada")
    assert str(locate()) == "sqlite:////home/ada/.local/state/dbagent/control.db"
    monkeypatch.setenv("DBAGENT_CONTROL", "sqlite:///~/c.db")
    assert str(locate()) == "sqlite:////home/ada/c.db"
    assert (
        str(locate("postgresql://u@h/d")) == str(locate("postgresql+psycopg://u@h/d")) == "postgresql+psycopg://u@h/d"
    )


@pytest.mark.parametrize(
    "url",
    [
        "control.db",
        "mysql://u:hunter2@h/d",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///x?uri=hunter2",
        "://hunter2",
        "x:y",
    ],
)
def test_what_is_no_control_store_is_refused_with_the_forms(url: str) -> None:
    with pytest.raises(ConfigError, match=r"write sqlite:///PATH or postgresql://") as caught:
        ControlStore.open(url)
    assert "hunter2" not in str(caught.value)


def refused(url: str) -> ConnectionProblem:
    with pytest.raises(ConnectionProblem) as caught:
        ControlStore.open(url)
    assert caught.value.where
    assert caught.value.todo
    assert caught.value.__cause__ is None
    assert "hunter2" not in str(caught.value)
    return caught.value


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_text("hunter2 " * 1000)
    assert refused(f"sqlite:///{tmp_path}/c.db").what == "the control store is not a database file"


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refused(f"sqlite:///{tmp_path}/file/c.db").what.startswith("the control store cannot be opened: ")
    (tmp_path / "folder").mkdir()
    assert "is a directory" in refused(f"sqlite:///{tmp_path}/folder").what


def test_a_locked_file_is_said_after_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.1)
    url = f"sqlite:///{tmp_path}/c.db"
    with ControlStore.open(url) as store:
        waiting = ask(store, DEFINITION, "a", None)
    other = sqlite3.connect(tmp_path / "c.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with ControlStore.open(url) as store:
        assert store.recent() == [waiting]  # reading goes on beside a writer
        with pytest.raises(ConnectionProblem, match="is locked by another process"):
            store.request_stop(waiting.id, "cancel")
    other.close()


def test_a_read_only_server_is_said(server: str) -> None:
    ControlStore.open(server).close()
    with ControlStore.open(server + "?options=-c%20default_transaction_read_only%3Don") as store:
        assert store.recent() == []
        with pytest.raises(ConnectionProblem, match="is read-only"):
            ask(store, DEFINITION, "a", None)


def test_a_server_that_refuses_is_said(server: str) -> None:
    url = sa.make_url(server)

    def said(changed: sa.URL) -> str:
        return refused(changed.render_as_string(hide_password=False)).what

    assert said(url.set(password="hunter2")) == "the control store refuses user or password"
    assert said(url.set(database="none")) == "the control store has no such database"
    assert said(url.set(host="127.0.0.1", port=1)) == "the control store cannot be reached"


def test_a_user_who_may_not_create_tables_is_told_what_to_grant(server: str) -> None:
    url = sa.make_url(server).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE ROLE control_looker LOGIN PASSWORD 'looker'"))
    engine.dispose()
    looker = url.set(username="control_looker", password="looker")
    problem = refused(looker.render_as_string(hide_password=False))
    assert problem.what == "the control store does not allow this"
    assert "grant" in problem.todo


def test_many_processes_open_a_new_store_at_once(url: str) -> None:
    code = (
        "import sys; from jobs.control.store import ControlStore; print(len(ControlStore.open(sys.argv[1]).recent()))"
    )
    command = [sys.executable, "-c", code, url]
    opened = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate() for process in opened] == [("0\n", "")] * 4


def test_a_store_of_an_older_version_keeps_what_is_completed_and_cancels_what_no_rule_was_asked_for(url: str) -> None:
    with ControlStore.open(url) as store:
        ids = [ask(store, DEFINITION, sha, None).id for sha in ("a", "b")]
        start(store, ids[0])
        done = store.finish(ids[0], "host:1", "completed")
        with store._engine.begin() as connection:
            for table in ("operation_approvals", "audit_log", "schema_changes"):
                connection.execute(sa.text(f"DROP TABLE {table}"))
            for column in ("workers", "plan_how", "moving_since"):
                connection.execute(sa.text(f"ALTER TABLE database_operations DROP COLUMN {column}"))
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    with ControlStore.open(url) as store:
        assert store.get(ids[0]) == replace(done, workers=None, plan_how=None)
        assert store.get(ids[1]).status == "cancelled"


def test_a_store_that_did_not_ask_targets_for_their_words_keeps_its_changes_and_asks_from_now_on(url: str) -> None:
    made = Change(ObjectId(ObjectKind.INDEX, TableName(None, "t"), "i"), "make", ("up",), ("down",), None, "wanted")
    with ControlStore.open(url) as store:
        operation = ask(store, DEFINITION, "a", None).id
        start(store, operation)
        store.intend(operation, "host:1", [made])
        store.made(operation, "host:1", [made])
        [before] = store.schema_changes(operation)
        with store._engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE schema_changes DROP COLUMN found"))
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '0004'"))
    with ControlStore.open(url) as store:
        assert store.schema_changes(operation) == [before]
        name = str(made.id)
        store.recognise(operation, "host:1", {name: "as told"}, {name}, last=True)
        assert store.schema_changes(operation) == [replace(before, found="as told")]
