"""Who keeps a file locked. SQLite does not say, but Linux lists every lock with its process and its place in the file.

    without a log (WAL)   a writer locks byte 2³⁰ + 1 of the database, readers those behind it, which keep a commit waiting
    with a log            a writer locks byte 120 of the log's index (`-shm`); readers keep nobody waiting

The list is read and nothing is opened: a process that closes a file it has open twice loses all its locks on it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LOCKS = Path("/proc/locks")
LINE = re.compile(r"^\d+: POSIX +ADVISORY +(READ|WRITE) +(\d+) +\w+:\w+:(\d+) +(\d+) ", re.MULTILINE)
PENDING, SHARED = 1 << 30, (1 << 30) + 2
LOG_WRITER = 120


def holders(database: str) -> str:
    """The processes, as people look for them; nothing where the system does not tell."""
    with suppress(OSError):
        found = dict.fromkeys(_processes(database, LOCKS.read_text()))
        return ", ".join(f"process {process}{_name(process)}" for process in found if process != os.getpid())
    return ""


def _processes(database: str, locks: str) -> Iterator[int]:
    log = Path(f"{database}-shm")
    logged = log.exists()
    inode = (log if logged else Path(database)).stat().st_ino
    for kind, process, file, start in LINE.findall(locks):
        keeps = kind == "WRITE" and int(start) == LOG_WRITER if logged else PENDING <= int(start) <= SHARED
        if int(file) == inode and keeps:
            yield int(process)


def _name(process: int) -> str:
    with suppress(OSError):
        return f" ({Path(f'/proc/{process}/comm').read_text().strip()})"
    return ""
