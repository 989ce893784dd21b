"""What servers do to a copy: they are lenient, full, locked, read-only or gone. It ends clearly, can be resumed, and then
every row is there once.

The server is private to these tests; SQLite is at the other end where that tells as much.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connectors.contract import Chunk, Loaded, TransferJob
from connectors.mysql import session
from jobs.cli import call
from jobs.running import chunk, epoch, locked
from tests.jobs.mistakes.private import GUEST, Private, private_server
from tests.jobs.mistakes.told import VALUES, Told, everything, recorded
from tests.jobs.running.faults import only_operation
from tests.jobs.running.site import Site

pytestmark = pytest.mark.usefixtures("no_spark")

WAYS = [("mysql", "mysql"), ("sqlite", "mysql"), ("mysql", "sqlite")]
"""Where the private server is source, target or both."""
ways = pytest.mark.parametrize("way", WAYS, ids=map(" to ".join, WAYS))
to_mysql = pytest.mark.parametrize("way", WAYS[:2], ids=map(" to ".join, WAYS[:2]))
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Private]:
    # pytest's own temporary folders are closed to other users, and a server started by root runs as another one.
    with tempfile.TemporaryDirectory(prefix="dbagent-private-") as folder, private_server(Path(folder)) as private:
        yield private


@pytest.fixture
def private(running: Private) -> Iterator[Private]:
    running.usual()
    yield running
    running.usual()


@pytest.fixture
def site(way: tuple[str, str], private: Private, servers: Any, tmp_path: Path) -> Site:
    source, target = (private.server if engine == "mysql" else servers[engine] for engine in way)
    made = Site.make(source, tmp_path, f"private{next(numbers)}", None if source is target else target)
    made.fill(users=60, orders=200, plain=20)
    return made


class Meeting:
    """When a task is about to copy the next chunk but so many, its sessions open, something happens, once."""

    def __init__(self, patch: pytest.MonkeyPatch, happens: Callable[[], object], after: int = 2) -> None:
        self._happens, self._after, self._begun = happens, after, itertools.count()
        self.met = False
        self._real = chunk._transfer
        patch.setattr(chunk, "_transfer", self._opened)

    @contextmanager
    def _opened(self, job: TransferJob) -> Iterator[Any]:
        with self._real(job) as transfer:

            def copy(one: Chunk) -> Loaded:
                if next(self._begun) == self._after:
                    self._happens()
                    self.met = True
                return transfer.copy(one)

            yield SimpleNamespace(copy=copy)


def exact(site: Site) -> None:
    """Every row is there once; what is kept is equal, what is replaced is not."""
    assert only_operation(site).status == "completed"
    assert site.rows(site.dev, "plain") == site.rows(site.prod, "plain")
    for table in ("users", "orders"):
        assert [row[0] for row in site.rows(site.dev, table)] == [row[0] for row in site.rows(site.prod, table)]
    assert "@corp" not in repr(site.rows(site.dev, "users"))


def failed(site: Site) -> str:
    """The only operation failed, and what is known of it holds no value."""
    row = only_operation(site)
    assert row.status == "failed"
    held = recorded(site)
    assert not [value for value in VALUES if value in held]
    return row.id


def resumes(site: Site) -> None:
    assert call(site.arguments("resume", failed(site))) == 0
    exact(site)


# Servers that are gone


@ways
def test_a_server_killed_and_started_again_costs_an_epoch_but_not_the_run(
    site: Site, private: Private, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = Meeting(monkeypatch, private.restart)
    assert call(site.arguments("run", str(site.operation()))) == 0
    assert meeting.met
    exact(site)


@ways
def test_a_server_that_does_not_come_back_leaves_a_run_to_resume(
    site: Site, private: Private, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        meeting = Meeting(patch, private.kill)
        said = told.failed(site, 5, "run", str(site.operation()))
    assert meeting.met
    assert "nothing answers at this host and port" in said
    assert "is the server running?" in said
    assert f"dbagent resume {only_operation(site).id}\n" in said
    private.start()
    resumes(site)


# Servers that are full


@to_mysql
def test_a_server_without_a_free_connection_is_told_before_anything(site: Site, private: Private, told: Told) -> None:
    site.environments({"DEV": private.guest()})
    before = everything(site)
    with private.crowded(site.dev):
        said = told.failed(site, 4, "run", str(site.operation()))
    assert "the server has no free connection" in said
    assert "lower parallel_workers, or raise max_connections" in said
    assert everything(site) == before


@to_mysql
def test_connections_that_run_out_in_the_middle_leave_a_run_to_resume(
    site: Site, private: Private, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver's session finds room, a task's does not."""
    monkeypatch.setattr(epoch, "TRIES", 2)
    site.environments({"DEV": private.guest("WITH MAX_USER_CONNECTIONS 1")})
    said = told.failed(site, 5, "run", str(site.operation()))
    assert "the server has no free connection" in said
    assert "lower parallel_workers, or raise max_connections" in said
    private.set(f"GRANT USAGE ON *.* TO '{GUEST}'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0")
    resumes(site)


# Servers that keep us waiting


@pytest.mark.parametrize(
    ("way", "end"), [(WAYS[0], "prod"), (WAYS[0], "dev"), (WAYS[1], "dev"), (WAYS[2], "prod")], ids=str
)
def test_a_lock_that_others_keep_ends_the_wait_and_leaves_a_run_to_resume(
    end: str, site: Site, private: Private, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoch, "TRIES", 1)
    monkeypatch.setattr(locked, "WAIT", 0.0)
    for patience in (session.READING, session.WRITING):
        for name in patience:
            monkeypatch.setitem(cast("dict[str, int]", patience), name, 1)
    with private.login(getattr(site, end)) as other, monkeypatch.context() as patch:
        meeting = Meeting(patch, lambda: other.query("LOCK TABLES orders WRITE, plain WRITE, users WRITE"))
        said = told.failed(site, 5, "run", str(site.operation()))
    assert meeting.met
    assert "a lock was not granted in time" in said
    resumes(site)


# Servers that only read


@to_mysql
def test_a_target_that_only_reads_is_told_before_anything(site: Site, private: Private, told: Told) -> None:
    site.environments({"DEV": private.guest()})
    private.set("SET GLOBAL read_only = 1")
    for command in ("plan", "run"):
        said = told(site, 3, command, str(site.operation()))
        assert "DEV: this server takes no writes (a replica, or read-only)" in said


@to_mysql
def test_a_target_that_becomes_a_replica_in_the_middle_leaves_a_run_to_resume(
    site: Site, private: Private, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.environments({"DEV": private.guest()})
    with monkeypatch.context() as patch:
        meeting = Meeting(patch, lambda: private.set("SET GLOBAL read_only = 1"))
        said = told.failed(site, 5, "run", str(site.operation()))
    assert meeting.met
    assert "the session may only read" in said
    assert "name a server that accepts writes" in said
    private.set("SET GLOBAL read_only = 0")
    resumes(site)


# Servers that are lenient


@to_mysql
@pytest.mark.parametrize("local_infile", [1, 0])
def test_a_server_that_shortens_what_does_not_fit_is_not_let_to(
    local_infile: int, site: Site, private: Private, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    private.set(f"SET GLOBAL local_infile = {local_infile}")
    assert private.server.rows(site.dev, "SELECT @@global.sql_mode, @@sql_mode") == [("", "")]
    real = epoch.prepare

    def narrowed(*given: Any) -> Any:
        prepared = real(*given)
        site.landing.execute(site.dev, "ALTER TABLE plain MODIFY label varchar(7)")
        return prepared

    with monkeypatch.context() as patch:
        patch.setattr(epoch, "prepare", narrowed)
        said = told.failed(site, 5, "run", str(site.operation()))
    assert "plain, chunk 0" in said
    assert "compare the column types of both ends" in said
    assert site.rows(site.dev, "plain") == []
    site.landing.execute(site.dev, "ALTER TABLE plain MODIFY label longtext")
    resumes(site)


# Bytes that are no text


def bytes_of(site: Site, charset: str) -> str:
    """A table with a row for every byte; the operation's file."""
    site.server.execute(site.prod, f"CREATE TABLE old (id int PRIMARY KEY, v varchar(3) CHARACTER SET {charset})")
    site.server.execute(site.prod, "INSERT INTO old SELECT seq, concat('a', char(seq), 'z') FROM seq_1_to_127")
    bytes_ = "concat(0x61, unhex(hex(seq)), 0x7A)"
    site.server.execute(site.prod, f"INSERT INTO old SELECT seq, {bytes_} FROM seq_128_to_255")
    return str(site.operation(tables=["old"], anonymize=False, policy=None))


@pytest.mark.parametrize("charset", ["latin1", "cp1251"])
@pytest.mark.parametrize("way", WAYS[:1], ids=str)
def test_between_servers_of_one_kind_bytes_of_every_value_stay(charset: str, site: Site) -> None:
    assert call(site.arguments("run", bytes_of(site, charset))) == 0
    assert site.server.digest(site.dev, "old") == site.server.digest(site.prod, "old")
    assert len(site.rows(site.dev, "old")) == 255


@pytest.mark.parametrize("way", WAYS[2:], ids=str)
def test_every_byte_of_a_latin1_table_arrives_as_the_letter_it_is_to_its_server(site: Site) -> None:
    """Those too that no letter has, like 0x81, and the letters of UTF-8 that an old client put in byte by byte."""
    operation = bytes_of(site, "latin1")
    site.server.execute(site.prod, "INSERT INTO old VALUES (300, 0xC3A4)")
    assert call(site.arguments("run", operation)) == 0
    letters = [(*row,) for row in site.server.rows(site.prod, "SELECT id, CONVERT(v USING utf8mb4) FROM old")]
    assert site.rows(site.dev, "old") == sorted(letters, key=repr)
    assert (300, "\u00c3\u00a4") in letters
    assert (0x81, "a\x81z") in letters


@pytest.mark.parametrize("way", WAYS[2:], ids=str)
def test_a_byte_that_is_no_letter_stops_its_chunk_until_it_is_mended(site: Site, told: Told) -> None:
    said = told.failed(site, 5, "run", bytes_of(site, "cp1251"))
    assert "column v" in said
    assert "old, chunk 0" in said
    operation = failed(site)
    assert site.rows(site.dev, "old") == []
    site.server.execute(site.prod, "UPDATE old SET v = NULL WHERE id = 0x98")
    assert call(site.arguments("resume", operation)) == 0
    assert len(site.rows(site.dev, "old")) == 255
