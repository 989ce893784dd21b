"""Rows that Spark writes: what stays in the JVM, what passes a pandas_udf, and the append into the landing.

Imported only where a plan has such a table: it needs pandas.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from connectors.arrays import record_batch
from connectors.contract import Chunk, TableCopy, TransferJob, connector
from connectors.crossing import Field, Passage, Throttle
from connectors.jdbc import ROUTE, Address, Change, carried, name
from connectors.spark_read import ARROW, SPARK, as_carrier, carrier, paths

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Landing:
    """A table's rows as they land: which columns stay in the JVM, and what becomes of the others."""

    def __init__(self, job: TransferJob, copy: TableCopy) -> None:
        self.copy = copy
        self._target = paths(job.target.engine)
        self._source = paths(job.source.engine) if copy.paths[0] == "jdbc" else None
        whole = Passage(copy)
        self.reads = whole.reads
        self.through = tuple(n for n, field in enumerate(copy.fields) if not self._stays(whole, field))
        """The numbers of the columns that something happens to."""
        self.part = replace(copy, fields=tuple(copy.fields[number] for number in self.through))
        self.taken = Passage(self.part).reads

    def _stays(self, whole: Passage, field: Field) -> bool:
        changes = (
            field.source is not None and self.read_as(field.source) is not None,
            self._target.written_as(self.copy, field.target) is not None,
        )
        return whole.leaves(field) and not any(changes)

    def read_as(self, column: str) -> Change | None:
        return None if self._source is None else self._source.read_as(self.copy, column)

    def passed(self, arrays: Sequence[pa.Array], rows: int) -> tuple[list[pa.Array], Mapping[str, int]]:
        """What lands of the columns `through`, from the carriers of those `taken`, and what was counted."""
        passage = Passage(self.part)
        done = passage(record_batch(list(arrays), list(self.taken), rows))
        found = []
        for field, values in zip(self.part.fields, done.columns, strict=True):
            change = self._target.written_as(self.copy, field.target)
            found.append(values if change is None else change(values).cast(ARROW[field.wanted.carrier]))
        return found, dict(passage.counts)


def prepared(frame: DataFrame, job: TransferJob, landing: Landing, chunk: Chunk, try_: str) -> DataFrame:
    """The rows of `landing.reads` as they land: what nothing happens to stays in the JVM, everything else passes one
    pandas_udf, which also tells the attempt of Spark's that wrote a row."""
    from pyspark.sql.functions import col, lit, pandas_udf

    fields = landing.copy.fields
    made = "".join(f", {name(n)} {SPARK[fields[n].wanted.carrier]}" for n in landing.through)
    function = pandas_udf(_replacing(job, landing, chunk), f"attempt STRING, counts STRING{made}")
    source = {column: col(name(place)) for place, column in enumerate(landing.reads)}
    kept = {n: source[f.source].cast(SPARK[f.wanted.carrier]) for n, f in enumerate(fields)
            if n not in landing.through and f.source is not None}  # fmt: skip
    passing = function(lit(try_), *(source[column] for column in landing.taken))
    found = frame.select(*(values.alias(f"kept{n}") for n, values in kept.items()), passing.alias("passed"))
    columns = [col(f"kept{n}" if n in kept else f"passed.{name(n)}").alias(name(n)) for n in range(len(fields))]
    route = (lit(str(chunk.number)), lit(try_), col("passed.attempt"), col("passed.counts"))
    return found.select(*columns, *(value.alias(word) for value, word in zip(route, ROUTE, strict=True)))


def _replacing(job: TransferJob, landing: Landing, chunk: Chunk) -> Callable[..., pd.DataFrame]:
    """What the pandas_udf does with the columns taken, behind a first one that only says how many rows there are."""
    width, rate = chunk.bounds.bytes / max(chunk.bounds.rows, 1), job.bytes_per_second
    where = f"{landing.copy.target.name}, chunk {chunk.number}"
    throttle: list[Throttle] = []

    def replaced(rows: pd.Series, *columns: pd.Series) -> pd.DataFrame:
        with carried(where):
            throttle[:] = throttle or [Throttle(rate)]
            throttle[0].take(round(width * len(rows)))
            arrays = []
            for series, column in zip(columns, landing.taken, strict=True):
                change, kind = landing.read_as(column), carrier(landing.part, column)
                given = pa.Array.from_pandas(series)
                arrays.append(as_carrier(given, change, kind))
            done, counts = landing.passed(arrays, len(rows))
            found = {name(n): values.to_pandas() for n, values in zip(landing.through, done, strict=True)}
            return pd.DataFrame({"attempt": [_attempt()] * len(rows), "counts": _once(counts, len(rows)), **found})

    return replaced


def _once(counts: object, rows: int) -> list[str | None]:
    """The counts of a batch stand in its first row."""
    found: list[str | None] = [None] * rows
    if rows:
        found[0] = json.dumps(counts)
    return found


def _attempt() -> str:
    from pyspark import TaskContext

    context = TaskContext.get()
    assert context is not None
    return str(context.taskAttemptId())


def read_natively(session: SparkSession, job: TransferJob, landing: Landing, chunk: Chunk, try_: str) -> DataFrame:
    """The rows as they land, read by the engine's own reader in the task and anonymized there."""
    copy = landing.copy
    made = "".join(f"{name(n)} {SPARK[field.wanted.carrier]}, " for n, field in enumerate(copy.fields))
    schema = made + ", ".join(f"{word} STRING" for word in ROUTE)
    where = f"{copy.target.name}, chunk {chunk.number}"

    def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with carried(where):
            for _ in batches:
                throttle = Throttle(job.bytes_per_second)
                with connector(job.source.engine).reader(job) as reader:
                    for batch in reader.read(copy, chunk, landing.reads):
                        throttle.take(batch.nbytes)
                        yield _routed(landing, batch, chunk, try_)

    return session.range(0, 1, 1, 1).mapInArrow(rows, schema)


def _routed(landing: Landing, batch: pa.RecordBatch, chunk: Chunk, try_: str) -> pa.RecordBatch:
    rows, whole = batch.num_rows, landing.copy
    read = dict(zip(landing.reads, batch.columns, strict=True))
    done, counts = landing.passed([read[column] for column in landing.taken], rows)
    passed = dict(zip(landing.through, done, strict=True))
    arrays = [passed[n] if n in passed else read[field.source or ""] for n, field in enumerate(whole.fields)]
    route = (
        pa.array([str(chunk.number)] * rows, pa.string()),
        pa.array([try_] * rows, pa.string()),
        pa.array([_attempt()] * rows, pa.string()),
        pa.array(_once(counts, rows), pa.string()),
    )
    return pa.RecordBatch.from_arrays([*arrays, *route], names=[*map(name, range(len(arrays))), *ROUTE])


def append(frame: DataFrame, address: Address, landing: str) -> None:
    """Into the landing, by Spark's JDBC writer: a transaction for each attempt of Spark's. Never another mode."""
    frame.write.jdbc(address.url, landing, mode="append", properties=dict(address.properties))
