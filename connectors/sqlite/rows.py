"""Rows of a range of one table, in the order of their address, in bounded batches."""

from __future__ import annotations

import contextlib
import gc
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from connectors.schema import Table, quoted
from connectors.sqlite.ranges import Addressing, Condition
from connectors.sqlite.sizes import SUMMED

ROWS = 16384
CHARACTERS = 2 << 20
"""A batch ends at either: enough rows for the kernels, and rows of 5 MB come one at a time."""


def walk(
    source: sqlite3.Connection,
    table: Table,
    selected: Sequence[str],
    measured: Sequence[str],
    addressing: Addressing | None,
    part: Condition,
) -> Generator[list[tuple[Any, ...]], None, None]:
    """What is selected, and each row's size behind it: what its `measured` columns hold."""
    lengths = [f"ifnull(length({quoted(name)}), 0)" for name in measured]
    sums = [f"({' + '.join(lengths[at : at + SUMMED])})" for at in range(0, len(lengths), SUMMED)]
    order = f"ORDER BY {addressing.order()}" if addressing else ""
    with contextlib.closing(
        source.execute(
            f"SELECT {', '.join([*selected, ' + '.join(sums) or '0'])} FROM {quoted(table.name.name)}"
            f" {addressing.hint if addressing else ''} WHERE {part.sql} {order}",
            part.values,
        )
    ) as cursor:
        rows, characters = [], 0
        for row in cursor:
            rows.append(row)
            characters += row[-1]
            if characters >= CHARACTERS or len(rows) >= ROWS:
                yield rows
                rows, characters = [], 0
        if rows:
            yield rows


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Batches are many objects and no cycles: looking for cycles takes a quarter of the time and finds none."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
