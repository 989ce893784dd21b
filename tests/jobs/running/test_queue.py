"""The ready-queue: every work exactly once, none before the tables it waits for."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Bounds, Chunk
from jobs.running.queue import ReadyQueue


def chunks(table: int, count: int) -> list[tuple[Chunk, ...]]:
    return [(Chunk(table, number, Bounds(None, 0, 0)),) for number in range(count)]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.randoms(use_true_random=False), st.integers(1, 4))
def test_each_work_runs_once_and_after_what_it_waits_for(counts: list[int], rng: random.Random, slots: int) -> None:
    waits = {table: frozenset(t for t in range(table) if rng.random() < 0.5) for table in range(len(counts))}
    queue = ReadyQueue([work for table, count in enumerate(counts) for work in chunks(table, count)], waits, set())
    running: list[tuple[Chunk, ...]] = []
    done: list[tuple[int, int]] = []
    complete: set[int] = set()
    failed_once: set[tuple[int, int]] = set()
    while queue or running:
        while len(running) < slots and (work := queue.take()):
            assert waits[work[0].table_id] <= complete
            running.append(work)
        work = running.pop(rng.randrange(len(running)))
        key = work[0].table_id, work[0].number
        if rng.random() < 0.3 and key not in failed_once:
            failed_once.add(key)
            queue.put_back(work)
            continue
        done.append(key)
        if queue.loaded(work[0]):
            complete.add(work[0].table_id)
            queue.completed(work[0].table_id)
    assert sorted(done) == [(table, number) for table, count in enumerate(counts) for number in range(count)]
    assert complete == set(range(len(counts)))


def test_tables_complete_before_do_not_hold_anybody_up() -> None:
    queue = ReadyQueue(chunks(1, 1), {1: frozenset({0})}, {0})
    assert queue.take() is not None
