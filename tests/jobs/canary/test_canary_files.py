"""The same between two files: no marker where it does not belong, with text keys as bounds of chunks, after a success and
after what can go wrong with files."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.sqlite import masked, transfer
from connectors.testkit import testkits as kits
from jobs.running import drive, epoch
from jobs.running import run as run_module
from tests.jobs.canary.failures import LEAK
from tests.jobs.canary.land import Land
from tests.jobs.canary.markers import KEPT, MASKED, MASKED_DAY, MASKED_NUMBER, SCHEMA, Search, patterns
from tests.jobs.running.site import Here

PROD = f"""
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT CHECK (name <> '{SCHEMA} check'), email TEXT UNIQUE,
  phone TEXT DEFAULT '{SCHEMA} default', ssn INTEGER, born DATE, notes JSON /* {SCHEMA} comment */, photo BLOB);
CREATE TABLE codes (code TEXT PRIMARY KEY, body TEXT, CHECK (body <> '{SCHEMA} check')) WITHOUT ROWID;
CREATE TABLE kept (slug TEXT PRIMARY KEY, label TEXT, wide TEXT) WITHOUT ROWID;
"""
COLUMNS: dict[str, Any] = {
    "people.id": "keep",
    "people.name": {"strategy": "faker", "domain": "person"},
    "people.email": {"strategy": "faker", "domain": "email"},
    "people.phone": "mask",
    "people.ssn": "tokenize",
    "people.born": "date_shift",
    "people.notes": "null",
    "people.photo": "null",
    "codes.code": "tokenize",
    "codes.body": "scramble",
    "kept.slug": "keep",
    "kept.label": "keep",
    "kept.wide": "keep",
}
ROWS = 400
ROOM = 400_000
"""Bytes a file may have where the disk is full: less than the target needs, more than the control store does."""

Happens = Callable[[Land, pytest.MonkeyPatch], Any]


def new_land(folder: Path, server: Any) -> Land:
    land = Land(server, server.database("prod"), server.database("dev"), folder)
    with closing(sqlite3.connect(land.prod.database)) as file:
        file.executescript(PROD)
        people = [
            (n, f"{MASKED} {n}", f"{MASKED}{n}@{MASKED}.test", f"{MASKED} {n}", MASKED_NUMBER + n, MASKED_DAY,
             f'{{"who": "{MASKED}"}}', MASKED.encode()) for n in range(ROWS)
        ]  # fmt: skip
        file.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?)", people)
        codes = [(f"{MASKED} {n:04}", f"{MASKED} body {n} " + "long " * 200) for n in range(ROWS)]
        file.executemany("INSERT INTO codes VALUES (?, ?)", codes)
        file.executemany(
            "INSERT INTO kept VALUES (?, ?, ?)", [(f"{KEPT} {n:04}", KEPT, "wide " * 200) for n in range(ROWS)]
        )
        file.commit()
    land.write()
    return land


def sql(of: str, statement: str) -> Happens:
    """Somebody changes a file before the run."""
    return lambda land, _: land.server.execute(getattr(land, of), statement)


def altered(land: Land, patch: pytest.MonkeyPatch) -> None:
    """Somebody alters the source after the plan."""
    real = epoch.prepare

    def then(*given: Any) -> Any:
        found = real(*given)
        land.server.execute(land.prod, f"ALTER TABLE codes ADD COLUMN more TEXT DEFAULT '{SCHEMA} default'")
        return found

    patch.setattr(epoch, "prepare", then)
    patch.setattr(epoch, "TRIES", 1)


@contextmanager
def little_room() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def locked(land: Land, patch: pytest.MonkeyPatch) -> Any:
    """Another program writes to the target, and our wait for it is short here."""
    other = sqlite3.connect(land.dev.database, isolation_level=None, check_same_thread=False)
    real = epoch.copy_chunks

    def then(*given: Any) -> Any:
        other.execute("BEGIN IMMEDIATE")
        try:
            return real(*given)
        finally:
            other.execute("ROLLBACK")

    patch.setattr(transfer, "PATIENCE", 0.3)
    patch.setattr(epoch, "copy_chunks", then)
    patch.setattr(epoch, "TRIES", 1)
    return closing(other)


def no_database(land: Land, _: pytest.MonkeyPatch) -> None:
    Path(land.prod.database).write_bytes(f"{MASKED} ".encode() * 500)


def raising(where: Any, name: str) -> Happens:
    """A bug, with values in its text."""

    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError(LEAK)

    return lambda _, patch: patch.setattr(where, name, fails)


def raising_inside(_: Land, patch: pytest.MonkeyPatch) -> None:
    """The same, in a function that the database calls."""

    def fails(*_: Any) -> Any:
        raise RuntimeError(LEAK)

    patch.setattr(masked, "_in_order", lambda _, columns: [fails for _ in columns])


FAILURES: dict[str, tuple[int, str, Happens]] = {
    "bad date": (5, "no ISO date", sql("prod", f"UPDATE people SET born = '{MASKED} today' WHERE id = 9")),
    "text for a number": (5, "where its type says integer", sql("prod", f"UPDATE people SET ssn = '{MASKED}' WHERE id = 9")),
    "unique": (5, "SQLITE_CONSTRAINT_UNIQUE", sql("dev", "CREATE TABLE kept (slug TEXT PRIMARY KEY, label TEXT UNIQUE,"
                                                          " wide TEXT) WITHOUT ROWID")),
    "check": (5, "SQLITE_CONSTRAINT_CHECK", sql("dev", "CREATE TABLE kept (slug TEXT PRIMARY KEY, label TEXT, wide TEXT,"
                                                        f" CHECK (slug <> '{KEPT} 0007')) WITHOUT ROWID")),
    "full disk": (5, "make room on its disk", lambda *_: little_room()),
    "altered": (5, "altered or dropped", altered),
    "locked": (5, "locked by another program", locked),
    "no database": (4, "not an SQLite database", no_database),
    "no file": (4, "no such file", lambda land, _: Path(land.prod.database).unlink()),
    "bug in a task": (5, "unexpected RuntimeError", raising(masked.Writer, "write")),
    "bug in a function": (5, "SQLite refuses a statement", raising_inside),
    "bug in the driver": (1, "a bug in dbagent: RuntimeError", raising(drive, "verify")),
}  # fmt: skip


@pytest.fixture(params=["nothing", *FAILURES])
def land(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Land]:
    """After one of these has befallen a run."""
    monkeypatch.setattr(run_module, "LeanSpark", Here)
    monkeypatch.setattr(epoch, "CHUNK_BYTES", (1 << 16, 1 << 16))  # many chunks, text keys between them
    (tmp_path / "files").mkdir()
    with kits()["sqlite"].start(tmp_path / "files") as server, ExitStack() as stack:
        land = new_land(tmp_path, server)
        monkeypatch.setenv("DBAGENT_APPROVALS", str(land.given / "approvals.yaml"))
        (land.given / "approvals.yaml").write_text(
            "roles: {}\npairs: {PROD -> LAB: {roles: []}, PROD -> DEV: {roles: []}}\n"
        )
        policy = {"key": {"secret": f"file:{land.given / 'master.key'}"}, "columns": COLUMNS}
        operation = str(land.operation(policy=policy))
        code, said, happens = FAILURES.get(request.param, (0, "complete", lambda *_: None))
        around = happens(land, monkeypatch)
        if around is not None:
            stack.enter_context(around)
        found, words = land.say("run", "run", operation)
        stack.close()
        assert (found, said in words) == (code, True), words
        yield land


def test_no_marker_is_where_it_does_not_belong(land: Land) -> None:
    land.say("list", "list")
    search = Search(patterns())
    search.tree(land.said, land.folder / "control")
    for path in (land.folder / "files").iterdir():
        if not path.name.startswith("prod"):
            search.bytes(path.read_bytes(), str(path), allowed=(KEPT,))
    assert any("control.db" in place for place in search.looked_at)
    search.assert_nothing()
    look_at_ledger(search, land)
    search.assert_nothing()


def look_at_ledger(search: Search, land: Land) -> None:
    with closing(sqlite3.connect(land.dev.database)) as file:
        for (name,) in file.execute(
            "SELECT name FROM sqlite_schema WHERE name LIKE '~_dbagent%' ESCAPE '~'"
        ).fetchall():
            search.bytes(repr(file.execute(f"SELECT * FROM {name}").fetchall()).encode(), name)
