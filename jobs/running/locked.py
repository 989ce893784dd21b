"""Locks that other sessions hold on the target: how long a run waits for them, and how it says for whom."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from connectors.errors import Locked, TerminalError

WAIT = 300.0
"""Seconds in which nothing goes on but waiting for locks: then the run fails, and can be resumed."""

T = TypeVar("T")


def patiently(work: Callable[[], T], tell: Callable[[str], None], look: Callable[[], object]) -> T:
    """Do it, again from the start as long as another session holds a lock that it needs. `tell` is told who does, and an
    empty text when nobody is waited for any more; `look` raises what must stop us. Raises TerminalError when it has lasted
    too long."""
    began = time.monotonic()
    try:
        while True:
            try:
                return work()
            except Locked as problem:
                if time.monotonic() - began >= WAIT:
                    given_up = final(problem)
                    break
                tell(waiting(problem))
            look()
    finally:
        tell("")
    raise given_up


def waiting(problem: Locked) -> str:
    """Who is waited for, for people."""
    return f"waits: {problem.where}: {problem.what}"


def final(problem: Locked) -> TerminalError:
    """The same, for nobody to try again."""
    return TerminalError(problem.what, where=problem.where, todo=problem.todo, code=problem.code)
