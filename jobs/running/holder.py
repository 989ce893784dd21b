"""Who drives a run: a name for this process, and whether another such name still lives."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def holder() -> str:
    """`host:pid:start`: the process's start time tells it from a later process with the same number."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def alive(name: str) -> bool:
    """False when that process was on this machine and is gone. On other machines only the lease's age tells."""
    host, pid, started = name.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """Clock ticks after boot (field 22 of /proc/PID/stat); empty when there is no such process, or only what is left of one
    that was killed and whose parent has not asked for it yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rsplit(")", 1)[1].split()
    return "" if fields[0] in ("Z", "X") else fields[19]
