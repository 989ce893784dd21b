"""The commands that benchmarks of copying compare, each under a clock: ours, and the usual Spark ways.

Of our own command this also tells how much memory its workers took at most, and how much CPU everything took that had a hand
in copying: the processes it started and the servers, from the first chunk's start to the last commit.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from connectors.contract import Endpoint

DBAGENT = str(Path(sys.executable).with_name("dbagent"))
SPARK_WAYS = str(Path(__file__).with_name("_spark_ways.py"))
TICKS = os.sysconf("SC_CLK_TCK")
EVERY = 0.2
"""Seconds between two looks at the processes."""


@dataclass(frozen=True)
class Run:
    """What one `dbagent run` took, in seconds and MiB."""

    whole: float
    start: float
    """Until its first chunk."""
    net: float
    """From its first chunk's start to its last commit."""
    rebuilt: float
    """The same to the moment when the last index or key was back that had waited for rows."""
    cpu: float
    """Of all processes in that time."""
    mib: float
    """The highest resident set among its workers."""


@dataclass
class Measured:
    """Everything that a benchmark has measured so far."""

    measured: dict[str, list[float]] = field(default_factory=dict, kw_only=True)
    """Seconds, a list for each thing."""
    rss: dict[str, float] = field(default_factory=dict, kw_only=True)
    """Way → the most MiB a worker took in any of its runs."""

    def record(self, **values: float) -> None:
        for name, value in values.items():
            self.measured.setdefault(name, []).append(round(value, 3))
            print(f"    {name:<22}{value:9.2f} s", flush=True)

    def grew(self, way: str, mib: float) -> None:
        self.rss[way] = max(self.rss.get(way, 0.0), mib)

    def median(self, name: str) -> float:
        return statistics.median(self.measured[name])

    def forget(self) -> None:
        """What was run without a clock, so that everything is warm."""
        self.measured.clear()
        self.rss.clear()


@dataclass(frozen=True)
class Process:
    """A line of the system's list."""

    parent: int
    name: str
    cpu: float
    """Seconds, those of its ended children with them."""


def processes() -> dict[int, Process]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name, rest = (entry / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
            except OSError:
                continue
            words = rest.split()
            found[int(entry.name)] = Process(int(words[1]), name, sum(map(int, words[11:15])) / TICKS)
    return found


def line(pid: int, known: Mapping[int, Process]) -> list[int]:
    """A process and everything above it."""
    found = []
    while pid in known and pid not in found:
        found.append(pid)
        pid = known[pid].parent
    return found


def cpu(roots: Collection[int], known: Mapping[int, Process]) -> float:
    """Seconds that these processes and those below them have worked so far."""
    return sum(process.cpu for pid, process in known.items() if not set(roots).isdisjoint(line(pid, known)))


def worker_mib(root: int, known: Mapping[int, Process]) -> float:
    """The highest resident set so far among the Python processes that a Java process of ours has started."""
    highest = 0.0
    for pid, process in known.items():
        above = line(pid, known)[1:]
        if root in above and "python" in process.name and any("java" in known[p].name for p in above):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            sizes = [int(row.split()[1]) / 1024 for row in status.splitlines() if row.startswith("VmHWM")]
            highest = max(highest, *sizes, 0.0)
    return highest


class Watch(threading.Thread):
    """Looks at a command's processes and at some servers' until it is told to stop."""

    def __init__(self, root: int, servers: Sequence[int]) -> None:
        super().__init__()
        self._root, self._servers, self._stopped = root, servers, threading.Event()
        self._times, self._cpu = list[float](), list[float]()
        self.mib = 0.0

    def run(self) -> None:
        while not self._stopped.wait(EVERY):
            known = processes()
            self._times.append(time.time())
            self._cpu.append(cpu({self._root, *self._servers}, known))
            self.mib = max(self.mib, worker_mib(self._root, known))

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def cpu_between(self, begin: float, end: float) -> float:
        first, last = np.interp((begin, end), self._times, self._cpu)
        return float(last - first)


@contextmanager
def place(*servers: str) -> Iterator[Path]:
    """A folder for a benchmark's files, with one in it for each of its servers. It goes with everything in it."""
    with tempfile.TemporaryDirectory(prefix="dbagent-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the servers run as other users when we are root
        for server in servers:
            (folder / server).mkdir()
        yield folder


def configure(folder: Path, ends: Mapping[str, Endpoint], operations: Mapping[str, Mapping[str, Any]]) -> None:
    """Environments, leave to copy unmasked, a file for each operation, and a control store of our own."""
    environments = {}
    for name, end in ends.items():
        os.environ[f"BENCH_{name}"] = end.password or ""
        environments[name] = {
            **{key: getattr(end, key) for key in ("engine", "host", "port", "database", "user")},
            "password": {"secret": f"env:BENCH_{name}"},
            "tls": {"mode": end.tls.mode},
            "writable": name != "SOURCE",
        }
    (folder / "environments.json").write_text(json.dumps(environments))
    pairs = {}
    for name, operation in operations.items():
        (folder / f"{name}.json").write_text(json.dumps({"operation_type": "copy_full", **operation}))
        pairs[f"{operation['source_env']} -> {operation['target_env']}"] = {"roles": [], "unmasked": True}
    (folder / "approvals.json").write_text(json.dumps({"roles": {}, "pairs": pairs}))
    os.environ["DBAGENT_ENVIRONMENTS"] = str(folder / "environments.json")
    os.environ["DBAGENT_APPROVALS"] = str(folder / "approvals.json")
    os.environ["DBAGENT_CONTROL"] = f"sqlite:///{folder}/control.db"


def policy(folder: Path, columns: Mapping[str, Any]) -> dict[str, Any]:
    """These rules under a key of their own."""
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32))
    return {"key": {"secret": f"file:{key}"}, "columns": dict(columns)}


def answer(*arguments: str) -> Any:
    return json.loads(subprocess.run([DBAGENT, *arguments, "--json"], check=True, stdout=subprocess.PIPE).stdout)


def ours(folder: Path, operation: str, servers: Sequence[int] = ()) -> Run:
    """The real command. Its processes and the servers are watched meanwhile."""
    started = time.time()
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([DBAGENT, "run", str(folder / f"{operation}.json")], stdout=log, stderr=log)
        watch = Watch(process.pid, servers)
        watch.start()
        code = process.wait()
        whole = time.time() - started
        watch.stop()
    if code:
        raise SystemExit(f"dbagent run ended with {code}:\n{(folder / 'log').read_text(errors='replace')[-3000:]}")
    timing = answer("show", answer("list", "--limit", "1")[0]["id"])["report"]["timing"]
    begin, end = timing["first_chunk_started"], timing["last_commit"]
    rebuilt = (timing["last_restored"] or end) - begin
    return Run(whole, begin - started, end - begin, rebuilt, watch.cpu_between(begin, end), round(watch.mib, 1))


def spark(folder: Path, way: str, *given: object) -> tuple[float, float]:
    """Seconds of a whole command of the usual kind, and how many of them it took to have its session."""
    with open(folder / "log", "wb") as log:
        started = time.time()
        command = [sys.executable, SPARK_WAYS, way, *(str(word) for word in given)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, check=False)
    if done.returncode:
        raise SystemExit(f"Spark's {way} failed:\n{(folder / 'log').read_text(errors='replace')[-3000:]}")
    moments = json.loads(done.stdout.splitlines()[-1])
    return moments["done"] - started, moments["ready"] - started


def machine(rows: int, packages: Sequence[str]) -> dict[str, str]:
    """What was measured on, and what."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.split(": ")[1] for line in info if "model name" in line), "?")
    java = subprocess.run(["java", "-version"], stderr=subprocess.PIPE, text=True, check=False).stderr.splitlines()[0]
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True, check=False)
    return {
        "machine": f"{name}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "java": java,
        **{package: version(package) for package in packages},
        "commit": commit.stdout.strip(),
        "rows": f"{rows:,}",
    }


def show(facts: Mapping[str, Any]) -> None:
    """A line each."""
    for key, value in facts.items():
        print(f"{key}: {value}", flush=True)


def tell(found: Mapping[str, Any], facts: Mapping[str, Any], as_json: bool) -> None:
    """Print what was found, a line each, and with the facts as one line of JSON where that is asked for."""
    show(found)
    if as_json:
        print(json.dumps({**found, **facts}))
