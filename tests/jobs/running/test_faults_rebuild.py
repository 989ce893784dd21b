"""What can befall a target in the middle of a rebuild: no room is left, the server dies. The rows are there and stay, `repair`
brings the schema back as it was, and the run goes on."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Endpoint
from connectors.mysql.testkit import MariaServer, served
from jobs.cli import call
from jobs.errors import RunFailed
from jobs.running import epoch
from jobs.running.run import resume, run
from tests.connectors.mysql.databases import installed
from tests.jobs.running.faults import only_operation, until
from tests.jobs.running.site import Site
from tests.jobs.running.standing import own, schema, told, waiting

pytestmark = pytest.mark.usefixtures("no_spark", "worth_it")

UNMASKED: dict[str, Any] = {"policy": None, "anonymize": False}
BUILDING = """
SELECT 1 FROM information_schema.processlist WHERE info LIKE 'ALTER TABLE%ADD%' AND state = 'altering table'
"""
ROOM = (16 << 20) + 100
"""How long any file may get: a log's segment is 16 MiB. A page that does not fit to its end is what a full disk looks like."""


def repaired_and_resumed(site: Site, before: str, rows: int) -> None:
    """Rows that are there are not copied a second time."""
    assert len(site.landing.read(site.dev, "t")) == rows
    assert schema(site) != before
    assert call(site.arguments("repair", "DEV")) == 0
    assert schema(site) == before
    resume(only_operation(site).id, **told(site))
    assert schema(site) == before
    assert only_operation(site).status == "completed"
    assert site.server.digest(site.prod, "t") == site.landing.digest(site.dev, "t")


@contextmanager
def little_room(site: Site) -> Iterator[None]:
    """The operating system refuses to let files of new sessions grow; asked by the server's own user, who may."""
    server: Any = site.landing
    [(folder,)] = server.rows(server.endpoint, "SHOW data_directory")
    file = Path(folder, "postmaster.pid")
    process, user = int(file.read_text().split()[0]), pwd.getpwuid(file.stat().st_uid)
    himself: dict[str, Any] = {"user": user.pw_name, "group": user.pw_gid, "extra_groups": []}

    def limit(most: str) -> None:
        command = ["prlimit", f"--pid={process}", f"--fsize={most}:"]
        subprocess.run(command, check=True, cwd="/", timeout=60, **(himself if os.geteuid() == 0 else {}))

    limit(str(ROOM))
    try:
        yield
    finally:
        limit("unlimited")


def test_a_disk_that_is_full_in_the_middle_of_an_index_leaves_the_rows(server_site: Site) -> None:
    site, rows = server_site, 40_000
    own(site)
    for end in (site.prod, site.dev):
        site.server.execute(end, "CREATE TABLE t (id integer PRIMARY KEY, a integer)")
    site.server.execute(site.prod, f"INSERT INTO t SELECT n, n FROM generate_series(1, {rows}) n")
    site.landing.execute(site.dev, "CREATE INDEX small ON t (a)")
    site.landing.execute(site.dev, "CREATE INDEX large ON t (repeat(md5(a::text), 15))")
    before = schema(site)
    with little_room(site), pytest.raises(RunFailed, match=r"restoring index large .*\[53100\]") as failed:
        run(waiting(site, **UNMASKED), **told(site))
    assert "dbagent repair" in failed.value.todo
    repaired_and_resumed(site, before, rows)


@contextmanager
def mortal(folder: Path, endpoint: Endpoint) -> Iterator[subprocess.Popen[bytes]]:
    """A server that keeps what it has committed when it is killed."""
    options = ("--innodb-flush-log-at-trx-commit=1",)
    with served(folder, endpoint.port or 0, endpoint.password or "", *options) as process:
        yield process


@pytest.fixture
def place() -> Iterator[tuple[Path, Endpoint]]:
    with installed() as found:
        yield found


def test_a_server_that_is_killed_in_the_middle_of_a_rebuild_is_repaired_and_the_run_resumes(
    place: tuple[Path, Endpoint], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, (folder, endpoint) = 150_000, place
    server = MariaServer(endpoint)
    monkeypatch.setattr(epoch, "TRIES", 1)
    with ExitStack() as stack:
        process = stack.enter_context(mortal(folder, endpoint))
        site = Site.make(server, tmp_path, "mortal")
        columns = "id int PRIMARY KEY, a varchar(60), b int"
        server.execute(site.prod, f"CREATE TABLE t ({columns})")
        server.execute(site.prod, f"INSERT INTO t SELECT seq, concat(md5(seq), 'and more'), seq FROM seq_1_to_{rows}")
        server.execute(site.dev, f"CREATE TABLE t ({columns}, KEY ka (a), KEY kb (b, a))")
        before = schema(site)

        def killed() -> None:
            with server.connect(endpoint) as other, other.cursor() as cursor:
                until(lambda: cursor.execute(BUILDING), "the middle of the build", pause=0.005)
            process.kill()

        killing = stack.enter_context(ThreadPoolExecutor(1)).submit(killed)
        with pytest.raises(RunFailed) as failed:
            run(waiting(site, **UNMASKED), **told(site))
        killing.result()
    assert "set aside" in failed.value.todo
    with mortal(folder, endpoint):
        repaired_and_resumed(site, before, rows)
