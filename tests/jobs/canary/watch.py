"""Watches a command while it works: the command lines and environments of all its processes, the files they have deleted
and still hold, and every file of the folders it may write to. What lives for a moment only is seen in most of them."""

from __future__ import annotations

import json
import os
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.jobs.canary.markers import Search
from tests.jobs.running.faults import Launched, descendants

EVERY = 0.3
"""Seconds between two looks."""
ANSWERS = (
    "environment", "allexecutors", "jobs", "stages?details=true&withSummaries=true", "storage/rdd",
    "executors/driver/threads", "allmiscellaneousprocess", "logs", "sql?details=true&planDescription=true",
)  # fmt: skip
PAGES = (
    "jobs/",
    "stages/",
    "storage/",
    "environment/",
    "executors/",
    "executors/threadDump/?executorId=driver",
    "SQL/",
)
OF_EACH = {
    "jobs": "jobs/job/?id={jobId}",
    "stages": "stages/stage/?id={stageId}&attempt={attemptId}",
    "sql": "SQL/execution/?id={id}",
}
"""What the REST interface lists, and the page of each."""


@contextmanager
def watched(search: Search, pid: int, *folders: Path) -> Iterator[Callable[[], int]]:
    """Look at a process and its descendants until the block ends; says how many processes were seen."""
    seen: dict[int, set[bytes]] = {}
    read: dict[Path, tuple[int, int]] = {}
    over = threading.Event()

    def work() -> None:
        while not over.wait(EVERY):
            for one in (pid, *descendants(pid)):
                look_at_process(search, one, seen.setdefault(one, set()))
            for folder in folders:
                look_at_files(search, folder.rglob("*"), read)

    thread = threading.Thread(target=work, name="watch")
    thread.start()
    try:
        yield lambda: len(seen)
    finally:
        over.set()
        thread.join()


def look_at_process(search: Search, pid: int, known: set[bytes]) -> None:
    """`known`: what it has shown before."""
    for name in ("cmdline", "environ"):
        with suppress(OSError):
            shown = Path(f"/proc/{pid}/{name}").read_bytes()
            if shown not in known:
                known.add(shown)
                search.bytes(shown, f"process {pid}: {name}")
    for folder in Path("/tmp").glob("hsperfdata_*"):  # what a JVM tells of itself there, java.io.tmpdir or not
        with suppress(OSError):
            search.bytes((folder / str(pid)).read_bytes(), f"JVM {pid}: performance data")
    with suppress(OSError):
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                name = os.readlink(handle)
                if name.startswith("/") and name.endswith(" (deleted)") and handle.is_file():
                    search.bytes(handle.read_bytes(), f"process {pid}: {name}")


def look_at_files(search: Search, paths: Iterable[Path], read: dict[Path, tuple[int, int]]) -> None:
    """Files that have changed since they were last read."""
    with suppress(OSError):
        for path in paths:
            with suppress(OSError):
                status = path.stat()
                if path.is_file() and read.get(path) != (status.st_mtime_ns, status.st_size):
                    read[path] = status.st_mtime_ns, status.st_size
                    search.bytes(path.read_bytes(), str(path))


def ask_spark(search: Search, port: int) -> int:
    """Everything Spark's UI and its REST interface say now; how many answers there were."""
    found = 0
    applications = get(port, "api/v1/applications")
    search.bytes(applications, "Spark UI: applications")
    for application in json.loads(applications):
        place = f"api/v1/applications/{application['id']}"
        pages = [page.format(**one) for kind, page in OF_EACH.items() for one in listed(port, f"{place}/{kind}")]
        asked = [*(f"{place}/{name}" for name in ANSWERS), *pages, *PAGES]
        found += sum(look_at_answer(search, port, path) for path in asked)
    return found


def listed(port: int, path: str) -> list[dict[str, Any]]:
    """Nothing where there is no such list, or none yet: Spark starts up, and without DataFrames it lists no executions."""
    with suppress(urllib.error.HTTPError, json.JSONDecodeError):
        found: list[dict[str, Any]] = json.loads(get(port, path))
        return found
    return []


def ui_port(launched: Launched) -> int:
    found = re.search(r"service 'SparkUI' on port (\d+)", launched.text)
    assert found, launched.text
    return int(found[1])


def look_at_answer(search: Search, port: int, path: str) -> int:
    try:
        search.bytes(get(port, path), f"Spark UI: {path}")
    except urllib.error.HTTPError:
        return 0
    return 1


def get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=120) as answer:
        return bytes(answer.read())
