"""Locks that other sessions hold on the target: how long a run waits for them, and how it says for whom."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from connectors.errors import Locked, TerminalError

WAIT = 300.0
"""Seconds in which nothing goes on but waiting for locks: then the run fails, and can be resumed."""

T = TypeVar("T")


class Patience:
    """With work that other sessions' locks keep waiting."""

    def __init__(self) -> None:
        self._since: float | None = None
        self.told = ""
        """Who is waited for, for people."""

    def moves(self) -> None:
        """Something was done."""
        self._since, self.told = None, ""

    def final(self, problem: Locked) -> TerminalError | None:
        """None while it is worth another try; then the same problem, for nobody to try again."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        self.told = f"waits: {problem.where}: {problem.what}"
        if now - self._since < WAIT:
            return None
        return TerminalError(problem.what, where=problem.where, todo=problem.todo, code=problem.code)


def patiently(work: Callable[[], T], patience: Patience, look: Callable[[], object]) -> T:
    """Do it, again from the start as long as another session holds a lock that it needs; `look` raises what must stop us.
    Raises TerminalError when it has lasted too long."""
    while True:
        try:
            found = work()
        except Locked as problem:
            given_up = patience.final(problem)
            if given_up is not None:
                break
        else:
            patience.moves()
            return found
        look()
    raise given_up
