"""What an engine's folder offers to the tests: a real server and a plain driver that shares no code with the connector.

`connectors/<engine>/testkit.py` exports `testkit`. The contract suites run over every engine that has one. Tables are
described neutrally, so that an engine without SQL can join.
"""

from __future__ import annotations

import pkgutil
import random
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from connectors.contract import Endpoint


@dataclass(frozen=True)
class SampleTable:
    """A table in words every engine understands. Column types: integer, text, decimal, date, timestamp, uuid, binary."""

    name: str
    columns: Mapping[str, str]
    primary_key: tuple[str, ...] = ()
    not_null: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    references: Mapping[str, tuple[str, str]] | None = None
    """column → (table, column)"""


class TestServer(Protocol):
    """A running server (or a folder for files). Everything here uses a plain driver only."""

    __test__: bool = False

    def database(self, name: str) -> Endpoint:
        """A new, empty database, writable by the endpoint's user."""
        ...

    def create(self, endpoint: Endpoint, table: SampleTable, rows: Sequence[Sequence[Any]] = ()) -> None: ...

    def insert(self, endpoint: Endpoint, table: str, rows: Sequence[Sequence[Any]]) -> None: ...

    def read(self, endpoint: Endpoint, table: str) -> list[tuple[Any, ...]]:
        """All rows, in any order."""
        ...

    def execute(self, endpoint: Endpoint, statement: str) -> None:
        """One statement in the engine's own language."""
        ...

    def digest(self, endpoint: Endpoint, table: str) -> tuple[int, str]:
        """Rows and an order-free digest over every column's exact text."""
        ...

    def sessions(self, endpoint: Endpoint) -> int:
        """Open sessions of our tool at this database right now; 0 where the engine has no server."""
        ...

    def churn(self, endpoint: Endpoint, table: str) -> AbstractContextManager[Callable[[], int]]:
        """Another client that inserts, updates and deletes in `table` (integer key `id`, text `name`) until the block
        ends, in transactions that each keep the sum of a balance; the callable tells how many it has committed."""
        ...


class Testkit(Protocol):
    __test__: bool = False

    engine: str

    def start(self, folder: Path) -> AbstractContextManager[TestServer]:
        """A server of our own in `folder`, gone afterwards."""
        ...


def testkits() -> dict[str, Testkit]:
    """Every engine's testkit, by engine."""
    found = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.ispkg and find_spec(f"connectors.{module.name}.testkit"):
            found[module.name] = import_module(f"connectors.{module.name}.testkit").testkit
    return found


def free_port() -> int:
    """A port for a server that is still to start. Not one of those that the system itself hands out, to clients too: it
    might give it to somebody else meanwhile."""
    for port in random.SystemRandom().sample(range(10_000, 32_768), 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 10000 and 32767")
