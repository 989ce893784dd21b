"""A chunk's way, inside a Spark task (or without Spark, in tests): read → anonymize → load, in one target transaction.

Everything a task needs arrives in its closure. Known errors come back as values, so that Spark neither retries what
cannot succeed nor prints a traceback; only a dying worker is an exception.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.contract import Chunk, Loaded, Transfer, TransferJob, connector
from connectors.errors import ConnectorError, TerminalError

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Work:
    """What one task does: usually one chunk; all chunks of a run where the snapshot lives in the task that reads."""

    job: TransferJob
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True)
class Failed:
    """A chunk that did not make it; nothing of it is in the target. Earlier chunks of the same work are."""

    table_id: int
    number: int
    error: ConnectorError


@dataclass(frozen=True)
class Outcome:
    """What a task brought home, and when it was at work (epoch seconds)."""

    loaded: tuple[Loaded, ...]
    started: float
    finished: float
    failed: Failed | None = None


def copy_read(work: Work, batches: Iterable[pa.RecordBatch]) -> Outcome:
    """Copy a chunk that Spark reads: `batches` are its rows."""
    return _copied(work, lambda: _spark_reads(work.job, batches))


def copy_chunks(work: Work) -> Outcome:
    """Copy the chunks in order; stop at the first that fails."""
    return _copied(work, lambda: _transfer(work.job))


def _copied(work: Work, opened: Callable[[], AbstractContextManager[Transfer]]) -> Outcome:
    started = time.time()
    loaded: list[Loaded] = []
    current = work.chunks[0]
    try:
        with opened() as transfer:
            for current in work.chunks:
                loaded.append(transfer.copy(current))
    except ConnectorError as problem:
        return _failed(loaded, started, current, problem.at(_place(work, current)))
    except (
        Exception
    ) as problem:  # anything else is a bug, and its text may hold a value: only its class leaves the task
        what = f"unexpected {type(problem).__name__} at {_origin(problem)}"
        return _failed(
            loaded, started, current, TerminalError(what, where=_place(work, current), todo="please report this")
        )
    return Outcome(tuple(loaded), started, time.time())


@contextmanager
def _spark_reads(job: TransferJob, batches: Iterable[pa.RecordBatch]) -> Iterator[Transfer]:
    from connectors.crossing import Crossing
    from connectors.spark_read import SparkReader

    with connector(job.target.engine).loader(job) as loader:
        yield Crossing(job, SparkReader(job, batches), loader)


def _transfer(job: TransferJob) -> AbstractContextManager[Transfer]:
    """The engine's own short way, or the one over carriers where rows cross."""
    if any(copy.fields for copy in job.tables.values()):
        from connectors.crossing import crossing  # the short way does without

        return crossing(job)
    return connector(job.source.engine).transfer(job)


def _failed(loaded: list[Loaded], started: float, chunk: Chunk, problem: ConnectorError) -> Outcome:
    return Outcome(tuple(loaded), started, time.time(), Failed(chunk.table_id, chunk.number, problem))


def _place(work: Work, chunk: Chunk) -> str:
    return f"{work.job.tables[chunk.table_id].source.name}, chunk {chunk.number}"


def _origin(problem: Exception) -> str:
    """File and line where it was raised: code, no data."""
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
