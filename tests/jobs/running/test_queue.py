"""The ready-queue: every work exactly once, none before the tables it waits for."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Bounds, Chunk
from jobs.running.queue import ReadyQueue


def chunks(table: int, count: int) -> list[Chunk]:
    return [Chunk(table, number, Bounds(None, 0, 0)) for number in range(count)]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.randoms(use_true_random=False), st.integers(1, 4))
def test_each_chunk_is_loaded_once_and_after_what_its_table_waits_for(
    counts: list[int], rng: random.Random, slots: int
) -> None:
    waits = {table: frozenset(t for t in range(table) if rng.random() < 0.5) for table in range(len(counts))}
    queue = ReadyQueue([chunk for table, count in enumerate(counts) for chunk in chunks(table, count)], waits, set())
    running: list[tuple[Chunk, ...]] = []
    done: list[tuple[int, int]] = []
    complete: set[int] = set()
    failed_once: set[tuple[int, int]] = set()
    while queue or running:
        while len(running) < slots and (work := queue.take(slots)):
            assert all(waits[chunk.table_id] <= complete for chunk in work)
            running.append(work)
        work = running.pop(rng.randrange(len(running)))
        for place, chunk in enumerate(work):
            key = chunk.table_id, chunk.number
            if rng.random() < 0.3 and key not in failed_once:
                failed_once.add(key)
                queue.put_back(work[place:])
                break
            done.append(key)
            if queue.loaded(chunk):
                complete.add(chunk.table_id)
                queue.completed(chunk.table_id)
    assert sorted(done) == [(table, number) for table, count in enumerate(counts) for number in range(count)]
    assert complete == set(range(len(counts)))


def test_tasks_get_many_chunks_at_first_and_one_at_the_end() -> None:
    queue = ReadyQueue(chunks(0, 100), {}, set())
    sizes = []
    while work := queue.take(2):
        sizes.append(len(work))
    assert sizes[0] == 34
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-2:] == [1, 1]
    assert sum(sizes) == 100


def test_one_task_may_take_everything_in_order() -> None:
    queue = ReadyQueue(chunks(0, 3) + chunks(1, 2), {1: frozenset({0})}, set())
    assert [(c.table_id, c.number) for c in queue.take_all()] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert not queue


def test_tables_complete_before_do_not_hold_anybody_up() -> None:
    assert ReadyQueue(chunks(1, 1), {1: frozenset({0})}, {0}).take(1)
    assert not ReadyQueue(chunks(1, 1), {1: frozenset({0})}, set()).take(1)
