"""Chunks on the JDBC paths: each is a Spark job of one partition, handed in by the driver's queue like every other chunk.

    jdbc → bulk     Spark reads; the task that it hands the rows to loads them, with the ledger row, in one transaction
    … → jdbc        Spark writes into the landing; then the chunk is published from there, with the ledger row

What a landing holds counts for nothing: a chunk is in the target once its publishing transaction commits, and that takes
the rows of one attempt. An attempt's rows are there all or not at all, because each is one transaction of the writer's.
"""

from __future__ import annotations

import itertools
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from connectors.contract import DIRECT, Chunk, Loaded, TableCopy
from connectors.errors import ConnectorError
from connectors.jdbc import brought_home
from jobs.running.chunk import Failed, Outcome, Work, copy_chunks, copy_read

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


class Spark(Protocol):
    """What this needs of `LeanSpark`."""

    def submit(self, function: Callable[[Work], Outcome], given: Work) -> Outcome: ...
    def session(self) -> SparkSession: ...
    def gone(self, problem: BaseException) -> ConnectorError: ...


class Dispatcher:
    """`drive.Submit` for tables of every path."""

    def __init__(self, spark: Spark) -> None:
        self._spark = spark
        self._tries = itertools.count(1)
        self._landed: dict[tuple[int, int], str] = {}
        self._lock = threading.Lock()

    def __call__(self, function: Callable[[Work], Outcome], given: Work, /) -> Outcome:
        if all(copy.paths == DIRECT for copy in given.job.tables.values()):
            return self._spark.submit(function, given)
        started, loaded = time.time(), list[Loaded]()
        for chunk in given.chunks:
            outcome = self._copied(Work(given.job, (chunk,)), given.job.tables[chunk.table_id], chunk)
            loaded += outcome.loaded
            if outcome.failed:
                return Outcome(tuple(loaded), started, time.time(), outcome.failed)
        return Outcome(tuple(loaded), started, time.time())

    def _copied(self, work: Work, copy: TableCopy, chunk: Chunk) -> Outcome:
        started = time.time()
        if copy.paths == DIRECT:
            return self._spark.submit(copy_chunks, work)
        try:
            if copy.paths[1] == "bulk":
                return self._loaded(work, copy, chunk)
            loaded = self._published(work, copy, chunk)
        except ConnectorError as problem:
            where = f"{copy.target.name}, chunk {chunk.number}"
            return Outcome((), started, time.time(), Failed(chunk.table_id, chunk.number, problem.at(where)))
        return Outcome((loaded,), started, time.time())

    def _loaded(self, work: Work, copy: TableCopy, chunk: Chunk) -> Outcome:
        """Spark reads, a task of ours loads."""
        from pyspark.serializers import CPickleSerializer

        from connectors.crossing import Passage
        from connectors.spark_read import sealed

        session = self._spark.session()

        def load(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            import pyarrow

            outcome = copy_read(work, batches)
            yield pyarrow.RecordBatch.from_pydict({"outcome": [pickle.dumps(outcome)]})

        def job() -> Outcome:
            read = sealed(session, self._selected(work, copy, chunk, Passage(copy).reads))
            [row] = read.mapInArrow(load, "outcome BINARY").collect()
            found: Outcome = CPickleSerializer().loads(bytes(row[0]))
            return found

        loaded: Outcome = self._run(work, job)
        return loaded

    def _published(self, work: Work, copy: TableCopy, chunk: Chunk) -> Loaded:
        """Spark writes into the landing; the chunk is published from there."""
        from connectors import spark_write
        from connectors.spark_read import paths

        job, try_ = work.job, f"{work.job.fence}.{next(self._tries)}"
        source, target = copy.paths[0] == "jdbc", paths(job.target.engine)
        landing = self._landing(work, copy)  # a session less at a time: the environment's limit counts one for a worker

        def write() -> None:
            rows = spark_write.Landing(job, copy)
            if source:
                read = self._selected(work, copy, chunk, rows.reads)
                frame = spark_write.prepared(read, job, rows, chunk, try_)
            else:
                frame = spark_write.read_natively(self._spark.session(), job, rows, chunk, try_)
            spark_write.append(frame, target.writing(job), landing)

        self._run(work, write)
        if source:
            paths(job.source.engine).check(job, copy, chunk)
        with target.staging(job) as staging:
            return staging.publish(copy, chunk, try_)

    def _landing(self, work: Work, copy: TableCopy) -> str:
        """The table's landing, made once for each epoch."""
        from connectors.spark_read import paths

        with self._lock:
            place = (work.job.fence, copy.table_id)
            if place not in self._landed:
                with paths(work.job.target.engine).staging(work.job) as staging:
                    self._landed[place] = staging.land(copy)
            return self._landed[place]

    def _selected(self, work: Work, copy: TableCopy, chunk: Chunk, columns: tuple[str, ...]) -> DataFrame:
        from connectors.spark_read import paths, selected

        source = paths(work.job.source.engine)
        address = source.reading(work.job, chunk.bounds.rows, chunk.bounds.bytes)
        return selected(self._spark.session(), address, source.query(work.job, copy, chunk, columns))

    def _run(self, work: Work, job: Callable[[], Any]) -> Any:
        """Raises ConnectorError: what Spark tells of an error is its class and the drivers' texts."""
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            return job()
        except (Py4JError, PySparkException, OSError, EOFError) as problem:
            found = _told(problem, work) or self._spark.gone(problem)
        raise found from None


def _told(problem: BaseException, work: Work) -> ConnectorError | None:
    """What one of our tasks or one of the two drivers has said; None where Spark alone failed."""
    from connectors.spark_read import paths

    carried = brought_home(str(problem))
    if carried is not None:
        return carried
    cause = getattr(problem, "java_exception", None) or getattr(problem, "_origin", None)
    while cause is not None:
        trace = [str(frame) for frame in cause.getStackTrace()]
        if _is_a_drivers(cause):
            reading = _was_reading(trace)
            end = work.job.source if reading else work.job.target
            code = int(cause.getErrorCode())
            return paths(end.engine).problem(cause.getSQLState() or "", code, end.environment, reading=reading)
        cause = cause.getCause()
    return None


def _is_a_drivers(cause: Any) -> bool:
    """Whether it is a java.sql.SQLException."""
    kind = cause.getClass()
    while kind is not None:
        if kind.getName() == "java.sql.SQLException":
            return True
        kind = kind.getSuperclass()
    return False


def _was_reading(trace: list[str]) -> bool:
    """By which of Spark's two sides the driver was called: its own frames come first."""
    sparks = next((frame for frame in trace if frame.startswith("org.apache.spark.")), "")
    return "savePartition" not in sparks
