"""A task process that kills itself at a boundary of its first chunk: `python -m tests.connectors.victim WORK`.

The boundaries are made here, around the ledger's two calls and the copy, so that the product has no hooks for them.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from connectors.ledger import SqlLedger
from tests.connectors.drive import opened

BOUNDARIES = ("before claim", "after claim", "before commit", "after commit")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function: Callable[..., Any], *, first: bool) -> Callable[..., Any]:
    def called(*arguments: Any) -> Any:
        if first:
            die()
        function(*arguments)
        die()

    return called


def main(work: Path) -> None:
    job, chunks, killed_at = pickle.loads(work.read_bytes())
    for boundary, name in (("before claim", "claim"), ("after claim", "claim"), ("before commit", "loaded")):
        if killed_at == boundary:
            setattr(SqlLedger, name, dying(getattr(SqlLedger, name), first=boundary == "before claim"))
    with opened(job) as transfer:
        for chunk in chunks:
            transfer.copy(chunk)
            if killed_at == "after commit":
                die()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
