"""The ready-queue: chunks in table order; those of a table that waits for others come when these are complete."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Mapping, Sequence
from types import MappingProxyType

from connectors.contract import Chunk

MOST = 64
"""Chunks a task gets at most."""


class ReadyQueue:
    """Chunks still to do, and which tables are complete. Chunks of tables whose `ways` differ never share a task. Not
    thread-safe: the driver's loop owns it."""

    def __init__(
        self,
        chunks: Sequence[Chunk],
        waits_for: Mapping[int, frozenset[int]],
        complete: set[int],
        ways: Mapping[int, Hashable] = MappingProxyType({}),
    ) -> None:
        self._chunks = deque(chunks)
        self._waits_for = waits_for
        self._complete = set(complete)
        self._ways = ways
        self._open = Counter(chunk.table_id for chunk in chunks)

    def take(self, slots: int) -> tuple[Chunk, ...]:
        """The next chunks for one task, none when nothing is ready. A task has its price (a job, two connections), so it
        gets many chunks at first and fewer towards the end, when the slots should finish together: guided
        self-scheduling (Polychronopoulos and Kuck, IEEE Trans. Comput. C-36(12), 1987)."""
        ready = [chunk for chunk in self._chunks if self._waits_for.get(chunk.table_id, frozenset()) <= self._complete]
        share = ready[: min(MOST, -(-2 * len(ready) // (3 * slots)))]
        share = [chunk for chunk in share if self._ways.get(chunk.table_id) == self._ways.get(share[0].table_id)]
        taken = set(map(id, share))
        self._chunks = deque(chunk for chunk in self._chunks if id(chunk) not in taken)
        return tuple(share)

    def take_all(self) -> tuple[Chunk, ...]:
        """Everything, in order, for the one task that holds the snapshot."""
        everything = tuple(self._chunks)
        self._chunks.clear()
        return everything

    def put_back(self, chunks: Sequence[Chunk]) -> None:
        """Chunks to be tried again, before everything else."""
        self._chunks.extendleft(reversed(chunks))

    def loaded(self, chunk: Chunk) -> bool:
        """Count a chunk as loaded; True when it was its table's last."""
        self._open[chunk.table_id] -= 1
        return self._open[chunk.table_id] == 0

    def completed(self, table_id: int) -> None:
        """The table is complete: whoever waits for it may go."""
        self._complete.add(table_id)

    def __len__(self) -> int:
        return len(self._chunks)
