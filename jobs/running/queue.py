"""The ready-queue: works in table order; a table that waits for others comes when they are complete."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from connectors.contract import Chunk


class ReadyQueue:
    """Groups of chunks still to do, and which tables are complete. Not thread-safe: the driver's loop owns it."""

    def __init__(self, works: Sequence[tuple[Chunk, ...]], waits_for: Mapping[int, frozenset[int]],
                 complete: set[int]) -> None:  # fmt: skip
        self._works = deque(works)
        self._waits_for = waits_for
        self._complete = set(complete)
        self._open: dict[int, int] = {}
        for work in works:
            for chunk in work:
                self._open[chunk.table_id] = self._open.get(chunk.table_id, 0) + 1

    def take(self) -> tuple[Chunk, ...] | None:
        """The first work whose tables wait for nothing any more; None when none is ready."""
        for position, work in enumerate(self._works):
            own = {chunk.table_id for chunk in work}
            needs: set[int] = set().union(*(self._waits_for.get(table, frozenset()) for table in own))
            if needs <= self._complete | own:
                del self._works[position]
                return work
        return None

    def put_back(self, work: tuple[Chunk, ...]) -> None:
        """A work to be tried again, before everything else."""
        self._works.appendleft(work)

    def loaded(self, chunk: Chunk) -> bool:
        """Count a chunk as loaded; True when it was its table's last."""
        self._open[chunk.table_id] -= 1
        return self._open[chunk.table_id] == 0

    def completed(self, table_id: int) -> None:
        """The table is complete: whoever waits for it may go."""
        self._complete.add(table_id)

    def __len__(self) -> int:
        return len(self._works)
