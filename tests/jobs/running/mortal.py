"""A driver that dies at a boundary of its journal: `python -m tests.jobs.running.mortal OPERATION ENVIRONMENTS CONTROL`.

Reads numbers, one a line. For each it runs the operation in a process of its own, forked from this one, which has imported
everything, and kills that at so many boundaries; `-1` never. Answers with a line: how the process ended, the boundary it had
reached. The boundaries are made here, around what the driver does to journal and schema, so that the product has no hooks.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from connectors.ledger import SqlLedger
from connectors.testkit import testkits
from jobs.planning import suspending
from jobs.running import run as run_module
from jobs.running.drive import Driver
from tests.jobs.running.site import Here

JOURNAL = ("intend", "mark", "completed", "finished", "forget")
SCHEMA = ("suspend", "restore")


class Boundaries:
    """Counts what has happened, and dies when enough has."""

    def __init__(self, die_at: int, told: int) -> None:
        self._die_at, self._told = die_at, told
        self._lock, self._count = threading.Lock(), 0

    def passed(self, name: str) -> None:
        with self._lock:
            os.write(self._told, f"{name}\n".encode())
            if self._count == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self._count += 1

    def around(self, whose: type, name: str) -> None:
        real: Callable[..., Any] = getattr(whose, name)

        def method(*given: Any, **how: Any) -> Any:
            found = real(*given, **how)
            self.passed(f"after {name}")
            return found

        setattr(whose, name, method)


def live(die_at: int, operation: str, environments: str, control: str, told: int) -> None:
    boundaries = Boundaries(die_at, told)
    for name in JOURNAL:
        boundaries.around(SqlLedger, name)
    prepared = Driver.execute

    def execute(driver: Driver) -> Any:
        for name in SCHEMA:
            boundaries.around(type(driver.target), name)
        return prepared(driver)

    for whose, name, ours in ((Driver, "execute", execute), (run_module, "LeanSpark", Here)):
        setattr(whose, name, ours)
    suspending.WORTH = 0
    run_module.run(
        operation, environments_path=Path(environments), control_url=control, console=Console(stderr=True, quiet=True)
    )


def main(*given: str) -> None:
    testkits()  # imports every engine's driver before the first fork
    for line in sys.stdin:
        reading, told = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                live(int(line), *given, told)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        os.close(told)
        with os.fdopen(reading) as reached:
            names = reached.read().split("\n")[:-1]
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)} {len(names)} {names[-1] if names else 'nothing'}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
