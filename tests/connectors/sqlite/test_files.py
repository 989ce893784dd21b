"""Files and their failures: each ends as a connector error that says what, where and what to do."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from connectors.contract import Endpoint
from connectors.errors import (
    Busy,
    ConnectionLost,
    ConnectorError,
    Locked,
    NotFound,
    PermissionMissing,
    TargetFull,
    Unsupported,
    ValueRefused,
)
from connectors.sqlite import connector
from connectors.sqlite.errors import translate
from connectors.sqlite.testkit import connect
from tests.connectors.drive import Ends, copy, driver
from tests.connectors.masker import Masker
from tests.connectors.sqlite.exact import make

SMALL = ("CREATE TABLE t (v TEXT)", "INSERT INTO t VALUES ('a'), ('b')")


def test_a_file_of_ours_is_its_owners_alone(files: Ends) -> None:
    make(files.source, *SMALL)
    mask = os.umask(0)
    try:
        copy(files, "t")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(os.stat(files.target.database).st_mode) == 0o600


def test_a_file_that_is_there_keeps_its_mode_and_journal(files: Ends) -> None:
    make(files.source, *SMALL)
    with connect(files.target) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    os.chmod(files.target.database, 0o640)
    copy(files, "t")
    assert stat.S_IMODE(os.stat(files.target.database).st_mode) == 0o640
    with connect(files.target) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert files.server.digest(files.source, "t") == files.server.digest(files.target, "t")


@pytest.mark.parametrize(
    "name", ["with space?.db", "100%25 & more#x.db", "Größe 日本.db", "it's; --.db", "a=b&mode=rwc"]
)
def test_any_file_name(files: Ends, tmp_path: Path, name: str) -> None:
    ends = replace(
        files,
        source=replace(files.source, database=str(tmp_path / name)),
        target=replace(files.target, database=str(tmp_path / f"dev {name}")),
    )
    make(ends.source, *SMALL)
    copy(ends, "t", anonymize={"t": Masker(("v",))})
    assert len(ends.server.read(ends.target, "t")) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"dev {name}"])


def test_links_lead_to_the_same_identity(files: Ends, tmp_path: Path) -> None:
    make(files.source, *SMALL)
    (tmp_path / "link").symlink_to(files.source.database)
    (tmp_path / "hard").hardlink_to(files.source.database)
    found = set()
    for path in (files.source.database, str(tmp_path / "link"), str(tmp_path / "hard")):
        with closing(connector.source(replace(files.source, database=path))) as source:
            found.add(source.server.identity)
    assert len(found) == 1


def test_a_missing_source_is_not_made(files: Ends) -> None:
    with pytest.raises(NotFound, match="PROD"):
        connector.source(files.source)
    assert not Path(files.source.database).exists()


@pytest.mark.parametrize("database", [":memory:", "", "file::memory:?cache=shared"])
def test_only_files_are_databases(files: Ends, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((NotFound, Unsupported)):
        connector.source(replace(files.source, database=database))


def test_what_is_no_database(files: Ends) -> None:
    Path(files.source.database).write_bytes(b"PK\x03\x04 certainly not a database" * 100)
    with pytest.raises(Unsupported, match="not an SQLite database"):
        connector.source(files.source)


def test_a_folder_is_no_database(files: Ends, tmp_path: Path) -> None:
    for connect_to in (connector.source, connector.target):
        with pytest.raises(Unsupported):
            connect_to(replace(files.source, database=str(tmp_path)))


def test_a_target_in_a_missing_folder(files: Ends, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="folder"):
        connector.target(replace(files.target, database=str(tmp_path / "no" / "such.db")))


def unprivileged(action: str, *paths: str) -> tuple[str, str]:
    """Run the action as `nobody` in a process of its own: root may write anywhere. Returns error class and text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            try:
                getattr(connector, action)(Endpoint("DEV", "sqlite", *paths)).close()
                said = "nothing\n"
            except ConnectorError as error:
                said = f"{type(error).__name__}\n{error}"
            os.write(writer, said.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        kind, _, text = pipe.read().partition("\n")
    os.waitpid(child, 0)
    return kind, text


@pytest.fixture
def shared(tmp_path_factory: pytest.TempPathFactory, files: Ends) -> Path:
    """A folder that other users reach."""
    folder = Path(files.source.database).parent
    for path in (folder, *folder.parents[:-2]):
        path.chmod(path.stat().st_mode | 0o055)
    return folder


def test_missing_permissions(files: Ends, shared: Path) -> None:
    if os.geteuid():
        shared.chmod(0o555)
        with pytest.raises(PermissionMissing):
            connector.target(files.target)
        shared.chmod(0o755)
        return
    make(files.source, *SMALL)
    assert unprivileged("target", files.target.database)[0] == "PermissionMissing"
    os.chmod(files.source.database, 0o644)
    assert unprivileged("source", files.source.database)[0] == "nothing"
    kind, text = unprivileged("target", files.source.database)
    assert kind == "PermissionMissing"
    assert "DEV" in text
    assert "→" in text
    os.chmod(files.source.database, 0o600)
    assert unprivileged("source", files.source.database)[0] == "PermissionMissing"


def test_a_reader_leaves_no_log_that_locks_the_owner_out(files: Ends, shared: Path) -> None:
    with connect(files.source) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    make(files.source, *SMALL)
    os.chmod(files.source.database, 0o644)
    shared.chmod(0o777)
    if os.geteuid() == 0:
        kind, text = unprivileged("source", files.source.database)
        assert kind == "Unsupported"
        assert "owner" in text
        with connect(files.source) as connection:  # opened by its owner, it may be read
            connection.execute("SELECT * FROM t").fetchall()
            assert unprivileged("source", files.source.database)[0] == "nothing"
    connector.source(files.source).close()
    assert {path.stat().st_uid for path in shared.iterdir()} == {os.geteuid()}


def test_a_file_whose_writer_died_says_what_to_do(files: Ends, tmp_path: Path) -> None:
    crashed = replace(files.source, database=str(tmp_path / "crashed.db"))
    make(files.source, "CREATE TABLE t (v)", "INSERT INTO t SELECT zeroblob(100000)")
    with connect(files.source) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("UPDATE t SET v = randomblob(100000)")
        for end in ("", "-journal"):
            Path(crashed.database + end).write_bytes(Path(files.source.database + end).read_bytes())
    with pytest.raises(Unsupported, match="died while it wrote"):
        connector.source(crashed)


def test_a_wal_file_whose_log_cannot_be_opened_says_what_to_do(files: Ends, shared: Path) -> None:
    with connect(files.source) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    make(files.source, *SMALL)
    if os.geteuid() == 0:
        os.chown(files.source.database, 65534, 65534)
        kind, text = unprivileged("source", files.source.database)
        assert kind == "PermissionMissing"
        assert "WAL" in text


def test_a_target_that_another_program_keeps_locked(files: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    make(files.source, *SMALL)
    with driver(files) as one:
        one.lease(["t"])
        one.prepare(["t"])
        chunks, job = one.chunks(), replace(one.job(), stall_timeout=0.2)
        with closing(sqlite3.connect(files.target.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with files.connector.transfer(job) as transfer:
                with pytest.raises(Busy) as busy:
                    transfer.copy(chunks[0])
                assert busy.value.retryable
                other.execute("ROLLBACK")
                assert transfer.copy(chunks[0]).fresh  # the same chunk, the same moment


def test_a_lock_that_is_released_in_time_is_waited_for(files: Ends) -> None:
    make(files.source, *SMALL)
    with driver(files) as one:
        one.lease(["t"])
        one.prepare(["t"])
        chunks = one.chunks()
        with closing(sqlite3.connect(files.target.database, isolation_level=None, check_same_thread=False)) as other:
            other.execute("BEGIN IMMEDIATE")
            release = threading.Timer(0.3, other.execute, ("ROLLBACK",))
            release.start()
            one.transfer(chunks)
            release.join()
    assert len(files.server.read(files.target, "t")) == 2


def grown_beyond(files: Ends, limit: int, anonymize: dict[str, Masker]) -> str:
    """The class of the error a process meets whose files may not grow beyond `limit` bytes."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                copy(files, "t", anonymize=anonymize)
                os.write(writer, b"nothing")
            except ConnectorError as error:
                os.write(writer, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        found = pipe.read()
    os.waitpid(child, 0)
    return found


@pytest.mark.parametrize("anonymize", [{}, {"t": Masker(("v",))}], ids=["unmasked", "masked"])
def test_a_full_disk_is_the_targets_failure_and_can_be_resumed(files: Ends, anonymize: dict[str, Masker]) -> None:
    rows = [("INSERT INTO t VALUES (?, ?)", [f"v{n}", "w" * 1000]) for n in range(4000)]
    make(files.source, "CREATE TABLE t (v TEXT, w TEXT)", *rows)
    assert grown_beyond(files, 1 << 20, anonymize) == "TargetFull"
    copy(files, "t", anonymize=anonymize)
    assert len(files.server.read(files.target, "t")) == 4000


def test_full_has_its_own_error(files: Ends) -> None:
    with connect(files.source) as connection:
        connection.execute("CREATE TABLE t (v)")
        connection.execute("PRAGMA max_page_count = 3")
        with pytest.raises(sqlite3.OperationalError) as full:
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    assert isinstance(translate(full.value), TargetFull)


class Bare(sqlite3.OperationalError):
    """As Python 3.10 raises it: no result code."""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("database is locked", Locked),
        ("database or disk is full", TargetFull),
        ("attempt to write a readonly database", PermissionMissing),
        ("unable to open database file", PermissionMissing),
        ("file is not a database", Unsupported),
        ("no such table: people", NotFound),
        ("no such function: shout", Unsupported),
        ("disk I/O error", TargetFull),
    ],
)
def test_errors_without_a_code_are_told_by_their_words(text: str, kind: type[ConnectorError]) -> None:
    assert type(translate(Bare(text))) is kind


def test_constraints_are_named_without_values() -> None:
    refused = translate(sqlite3.IntegrityError("UNIQUE constraint failed: users.email"))
    assert isinstance(refused, ValueRefused)
    assert "users.email" in str(refused)
    odd = translate(sqlite3.OperationalError("something about 'a secret value'"))
    assert "secret" not in f"{odd} {odd!r}"


def test_a_replaced_source_is_noticed(files: Ends, tmp_path: Path) -> None:
    make(files.source, *SMALL)
    with closing(connector.source(files.source)) as source:
        source.check_alive()
        other = tmp_path / "other"
        other.write_bytes(Path(files.source.database).read_bytes())
        other.replace(files.source.database)
        with pytest.raises(ConnectionLost):
            source.check_alive()


def test_throttled_copies_take_their_time(files: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    make(
        files.source,
        "CREATE TABLE t (v)",
        "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 200)"
        " INSERT INTO t SELECT zeroblob(10000) FROM g",
    )
    slept: list[float] = []
    clock = SimpleNamespace(
        sleep=slept.append, monotonic=time.monotonic
    )  # this module's alone: other threads sleep too
    monkeypatch.setattr("connectors.sqlite.transfer.time", clock)
    with driver(files, budget=500_000) as one:
        one.lease(["t"])
        one.prepare(["t"])
        with files.connector.transfer(replace(one.job(), bytes_per_second=1e6)) as transfer:
            loaded = [transfer.copy(chunk) for chunk in one.chunks()]
    assert 2_000_000 <= sum(chunk.bytes for chunk in loaded) < 2_600_000
    assert 1.5 < sum(slept) < 2.6


def test_foreign_keys_are_checked_where_they_are_not_suspended(files: Ends) -> None:
    make(files.source, "CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE t (p INT)", "INSERT INTO t VALUES (5)")
    make(files.target, "CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE t (p INT REFERENCES p)")
    with driver(files) as one:
        one.lease(["t"])
        one.prepare(["t"])
        with (
            files.connector.transfer(replace(one.job(), suspend_foreign_keys=False)) as transfer,
            pytest.raises(ValueRefused),
        ):
            transfer.copy(one.chunks()[0])
        one.transfer(one.chunks())
    assert files.server.read(files.target, "t") == [(5,)]
