"""Rows that Spark reads: a chunk as a frame of one partition, and its rows in the task that loads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from connectors.arrays import record_batch
from connectors.contract import Chunk, TableCopy, TransferJob, connector
from connectors.errors import ConnectionLost, TerminalError
from connectors.jdbc import Address, Change, JdbcPaths, Query, name
from connectors.types import Carrier

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

END = "ended"
ARROW = {"string": pa.string(), "binary": pa.binary()}
SPARK = {"string": "STRING", "binary": "BINARY"}


def selected(session: SparkSession, address: Address, query: Query) -> DataFrame:
    """A chunk's rows, column by column as the query says."""
    schema = ", ".join(f"{name(number)} {SPARK[carrier]}" for number, carrier in enumerate(query.gives))
    options = {**address.properties, "sessioninitstatement": query.begin, "customschema": schema}
    frame = session.read.jdbc(address.url, query.table, predicates=[query.predicate], properties=options)
    return frame.select(*(name(number) for number in range(len(query.gives))))


def sealed(session: SparkSession, frame: DataFrame) -> DataFrame:
    """The rows, and behind them one that says that they are all. A stream of Arrow that breaks off between two batches
    looks as if it had ended: who loads it would commit half a chunk. Both parts are one partition, in this order."""
    from pyspark.sql.functions import lit

    rows = frame.select(lit(False).alias(END), *frame.columns)
    nothing = (lit(None).cast(field.dataType).alias(field.name) for field in frame.schema.fields)
    return rows.union(session.range(0, 1, 1, 1).select(lit(True).alias(END), *nothing)).coalesce(1)


def opened(batches: Iterable[pa.RecordBatch], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of `sealed`. Raises ConnectionLost where they are not all."""
    ended = False
    for batch in batches:
        if ended:
            raise TerminalError("rows came behind the last one")
        ended = bool(batch.num_rows) and batch.column(0)[-1].as_py()
        rows = batch.slice(0, batch.num_rows - ended)
        if rows.num_rows:
            yield record_batch(rows.columns[1:], columns, rows.num_rows)
    if not ended:
        raise ConnectionLost("the rows broke off before their end")


class SparkReader:
    """`connectors.crossing.Reader` of what Spark reads for one chunk."""

    def __init__(self, job: TransferJob, batches: Iterable[pa.RecordBatch]) -> None:
        self._job, self._batches = job, batches

    def read(self, copy: TableCopy, chunk: Chunk, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        source = paths(self._job.source.engine)
        ways = [(source.read_as(copy, column), carrier(copy, column)) for column in columns]
        for batch in opened(self._batches, columns):
            arrays = [as_carrier(v, change, kind) for v, (change, kind) in zip(batch.columns, ways, strict=True)]
            yield record_batch(arrays, columns, batch.num_rows)
        source.check(self._job, copy, chunk)


def as_carrier(values: pa.Array, change: Change | None, carrier: Carrier) -> pa.Array:
    return values.cast(ARROW[carrier]) if change is None else change(values)


def paths(engine: str) -> JdbcPaths:
    found = connector(engine).jdbc
    assert found is not None  # the plan says so
    return found


def carrier(copy: TableCopy, column: str) -> Carrier:
    """How a source's column travels."""
    given = {field.source: field.given for field in copy.fields} | dict(copy.sees)
    return given[column].carrier
