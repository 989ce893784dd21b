"""Whole runs that something happens to: `dbagent` as a process to watch, to slow down and to kill, and what must be true
of the target afterwards.

Exact means: every table of the target has the digest of an undisturbed copy of the same source with the same key, made
without Spark into a database of its own; a table that another client changes all the while is one state of the source.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from connectors.contract import connector
from connectors.testkit import SampleTable, testkits
from jobs.cli import call
from jobs.control.rows import OperationRow
from jobs.control.store import ControlStore
from jobs.running import run as run_module
from jobs.running.run import run
from tests.jobs.running.site import Here, Site

CHUNK = 1 << 16
"""Bytes of a chunk: small, so that quick runs have many."""
SMALL_CHUNKS = f"from jobs.running import epoch; epoch.CHUNK_BYTES = ({CHUNK}, {CHUNK}); "
COMMAND = SMALL_CHUNKS + "from jobs.cli import main; main()"
SUBMITTED = SMALL_CHUNKS + "import sys; from jobs.submit import main; sys.exit(main())"

ACCOUNTS = SampleTable("accounts", {"id": "integer", "name": "text", "balance": "integer"}, primary_key=("id",))
"""What `TestServer.churn` changes."""
OWNERS = SampleTable(
    "owners",
    {"id": "integer", "email": "text", "name": "text"},
    primary_key=("id",),
    not_null=("email",),
    unique=(("email",),),
)
LETTERS = SampleTable(
    "letters",
    {"id": "integer", "owner_id": "integer", "body": "text"},
    primary_key=("id",),
    references={"owner_id": ("owners", "id")},
)
QUIET = ("owners", "letters")
TABLES = ("accounts", *QUIET)
POLICY: dict[str, Any] = {
    "accounts.id": "keep",
    "accounts.name": "keep",
    "accounts.balance": "keep",
    "owners.id": "keep",
    "owners.email": {"strategy": "faker", "domain": "email"},
    "owners.name": {"strategy": "faker", "domain": "person"},
    "letters.id": "keep",
    "letters.owner_id": "keep",
    "letters.body": "scramble",
}
ENGINES = sorted(testkits())
BETWEEN = [*zip(ENGINES, ENGINES, strict=True), *zip(ENGINES, [*ENGINES[1:], ENGINES[0]], strict=True)]
"""Each engine to itself; and each once as source and once as target of another."""
two_engines = pytest.mark.parametrize(
    "site", ["postgresql", "sqlite", pytest.param("mysql", marks=pytest.mark.full)], indirect=True
)
"""A server and a file, where an engine's own ways are tried elsewhere; every one of them with `scripts/test --full`."""
ACCOUNT_IDS = 500
"""How far apart accounts lie: churn looks for some in the first million numbers."""


def fill(site: Site, accounts: int = 1200, letters: int = 1200) -> None:
    """About a megabyte in wide rows: some fifteen chunks. The balances' sum is the number of accounts."""
    rows = [(n * ACCOUNT_IDS, f"account {n} " + "wide " * 70, 1) for n in range(1, accounts + 1)]
    site.server.create(site.prod, ACCOUNTS, rows)
    owners = [(n, f"owner{n}@corp{n % 7}.test", f"Öwner {n}" if n % 5 else None) for n in range(1, 201)]
    site.server.create(site.prod, OWNERS, owners)
    bodies = [
        (n, n % 200 + 1 if n % 9 else None, f"Dear {n}, " + "long " * 70 if n % 4 else "") for n in range(letters)
    ]
    site.server.create(site.prod, LETTERS, bodies)


def masked(site: Site, **changes: Any) -> str:
    """The operation's file: everything, personal data replaced."""
    key = {"secret": f"file:{site.folder / 'master.key'}"}
    return str(site.operation(**({"policy": {"key": key, "columns": POLICY}} | changes)))


def slow(site: Site, rate: float, **prod: Any) -> None:
    """Read at so many MB a second: a run lasts long enough to be met in its middle."""
    site.environments({"PROD": {"max_mb_per_second": rate, **prod}})


def full_speed(site: Site) -> None:
    site.environments({})


@dataclass
class Launched:
    """A command at work in a process of its own."""

    process: subprocess.Popen[bytes]
    said: Path
    began: float = field(default_factory=time.monotonic)

    def ended(self, timeout: float = 200) -> int:
        """Wait for the end; the exit code."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still at work after {timeout} s:\n{self.text}") from None

    def succeeds(self) -> None:
        assert self.ended() == 0, self.text

    @property
    def text(self) -> str:
        return self.said.read_text(errors="replace")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def spark_workers(self) -> list[int]:
        """The Python processes that run tasks: children of Spark's daemon."""
        family = descendants(self.process.pid)
        daemons = {pid for pid in family if "running.daemon" in command_line(pid)}
        return [pid for pid in family if parent(pid) in daemons]

    def jvms(self, main_class: str) -> list[int]:
        return [pid for pid in descendants(self.process.pid) if main_class in command_line(pid)]


class Launcher:
    """Starts commands on a site; whatever still runs when the test ends is killed."""

    def __init__(self) -> None:
        self._launched: list[Launched] = []

    def __call__(self, site: Site, *command: str, **options: Any) -> Launched:
        """`dbagent …` with small chunks."""
        return self._start(site, [sys.executable, "-c", COMMAND, *site.arguments(*command)], **options)

    def submit(self, site: Site, operation: str, *spark: str, **options: Any) -> Launched:
        """`spark-submit … jobs/submit.py` with small chunks."""
        script = site.folder / "submit.py"
        script.write_text(SUBMITTED)
        given = ["--operation", operation, "--environments", str(site.folder / "environments.yaml")]
        command = [str(Path(sys.executable).with_name("spark-submit")), *spark, str(script), *given]
        environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        return self._start(site, [*command, "--control", site.control], env=environment, **options)

    def line(self, site: Site, line: str, **options: Any) -> Launched:
        """What a person types into a shell."""
        return self._start(site, ["bash", "-euc", line], **options)

    def _start(self, site: Site, command: list[str], **options: Any) -> Launched:
        said = site.folder / f"said-{len(self._launched)}.txt"
        with said.open("wb") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, **options
            )
        self._launched.append(Launched(process, said))
        return self._launched[-1]

    def end_all(self) -> None:
        for launched in self._launched:
            if launched.process.poll() is None:
                for pid in (*descendants(launched.process.pid), launched.process.pid):
                    end(pid)
                launched.process.wait(30)


# Sites


def these_sites(*names: str) -> pytest.MarkDecorator:
    """`any_site` is each of these, and each one of BETWEEN with `scripts/test --full`."""
    given = {" to ".join(pair): pair for pair in BETWEEN}
    assert set(names) <= set(given)
    marks = {name: [] if name in names else [pytest.mark.full] for name in given}
    found = [pytest.param(pair, id=name, marks=marks[name]) for name, pair in given.items()]
    return pytest.mark.parametrize("any_site", found, indirect=True)


# Processes


def parent(pid: int) -> int:
    """0 when there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            children.setdefault(parent(int(entry.name)), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        todo += (mine := children.get(todo.pop(), []))
        found += mine
    return found


def end(pid: int) -> None:
    """SIGKILL; a process that is gone is fine."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def until(true: Callable[[], Any], what: str, timeout: float = 200, pause: float = 0.05) -> Any:
    """Wait for it; its value."""
    deadline = time.monotonic() + timeout
    while not (found := true()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(pause)
    return found


def once(patch: pytest.MonkeyPatch, whose: type, method: str, happens: Callable[[], None]) -> None:
    """Let something happen before the next call of a method."""
    real = getattr(whose, method)

    def patched(*given: Any, **how: Any) -> Any:
        patch.setattr(whose, method, real)
        happens()
        return real(*given, **how)

    patch.setattr(whose, method, patched)


# What is there


def operations(site: Site) -> list[OperationRow]:
    """What the control store knows, newest first."""
    with ControlStore.open(site.control) as store:
        return store.recent()


def asked(site: Site, *command: str) -> Any:
    """What a command answers as JSON, asked in this process: quicker than one of its own."""
    answer = io.StringIO()
    with redirect_stdout(answer):
        code = call(site.arguments(*command, "--json"))
    assert code == 0, command
    return json.loads(answer.getvalue())


def only_operation(site: Site) -> OperationRow:
    [row] = operations(site)
    return row


def arrived(site: Site, table: str) -> int:
    """Rows in the target now; 0 while there is no such table."""
    server: Any = site.landing
    try:
        return int(server.rows(site.dev, f"SELECT count(*) FROM {table}")[0][0])
    except Exception as problem:
        if any(words in str(problem) for words in ("no such table", "does not exist", "doesn't exist")):
            return 0
        raise


def planned(launched: Launched) -> None:
    """Wait until the plan is made: from now on the source may change, as others see it."""
    until(lambda: launched.process.poll() is not None or "operation op-" in launched.text, "the plan")


def under_way(site: Site, launched: Launched, table: str = "letters") -> None:
    """Wait until some rows of a table are in the target: the last one, if no other is named."""

    def some() -> bool:
        assert launched.process.poll() is None, f"ended too early:\n{launched.text}"
        return arrived(site, table) > 0

    until(some, f"rows of {table}")


def undisturbed(site: Site, operation: Mapping[str, Any] | None = None) -> Site:
    """The same source and key, copied in this process into a database of its own."""
    folder = site.folder / "undisturbed"
    folder.mkdir()
    shutil.copy(site.folder / "master.key", folder)
    other = Site(site.server, site.prod, site.landing.database("undisturbed"), folder, site.elsewhere)
    other.environments({})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "LeanSpark", Here)
        run(
            masked(other, **(operation or {})),
            environments_path=folder / "environments.yaml",
            control_url=other.control,
            console=Console(quiet=True),
        )
    site.environments({})  # both sites name their passwords in the same variables
    return other


def assert_exact(site: Site, *tables: str) -> None:
    """These tables (all, without names) equal an undisturbed copy's."""
    other = undisturbed(site)
    for table in tables or TABLES:
        assert site.landing.digest(site.dev, table) == site.landing.digest(other.dev, table), table


def assert_one_state(site: Site, accounts: int = 1200) -> None:
    """`accounts`, changed by another client all the while, is the state after one of its transactions: each keeps the sum.
    Where readers have a moment each, it may be several states, but never a row twice."""
    rows = site.landing.read(site.dev, "accounts")
    if connector(site.prod.engine).facts.one_moment:
        assert sum(balance for _, _, balance in rows) == accounts
    assert len({number for number, _, _ in rows}) == len(rows)


def assert_completed(site: Site) -> None:
    """The newest operation is complete in the control store, and so is the copy in the target's own memory."""
    assert operations(site)[0].status == "completed"
    assert asked(site, "status", "DEV")["complete"] is True


@contextmanager
def changing(site: Site) -> Iterator[Callable[[], int]]:
    """Another client inserts, updates and deletes accounts until the block ends, and does get work done."""
    with site.server.churn(site.prod, "accounts") as committed:
        yield committed
        assert committed() > 0
