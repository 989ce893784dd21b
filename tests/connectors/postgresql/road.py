"""One table's way between two databases as two engines would do it: by reader and loader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from connectors.contract import Chunk, Loaded, TransferJob
from connectors.crossing import Field, crossing
from connectors.postgresql import connector
from connectors.postgresql.canonical import types
from connectors.postgresql.source import Source
from connectors.postgresql.spark import paths
from connectors.postgresql.target import Target
from tests.connectors.postgresql.pair import Pair, Reverse, find


@dataclass
class Road:
    """One table's way between the two databases, as two engines would do it."""

    pair: Pair
    source: Source
    target: Target
    job: TransferJob
    chunks: list[Chunk]

    def read(self, *columns: str) -> list[tuple[Any, ...]]:
        """All rows as the reader gives them."""
        with connector.reader(self.job) as reader:
            batches = [batch for chunk in self.chunks for batch in reader.read(self.job.tables[0], chunk, columns)]
        return [row for batch in batches for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)]

    def copy(self) -> list[Loaded]:
        with crossing(self.job) as transfer:
            return [transfer.copy(chunk) for chunk in self.chunks]

    def load(self, batches: Given) -> Loaded:
        with connector.loader(self.job) as loader:
            return loader.load(self.job.tables[0], self.chunks[0], batches)

    def land(self) -> None:
        """Make the staging table that Spark would write into."""
        with paths.staging(self.job) as staging:
            staging.land(self.job.tables[0])


@dataclass
class Given:
    """`connectors.crossing.Batches` of what a test says."""

    columns: Sequence[str]
    batches: Sequence[pa.RecordBatch]
    bytes: int = 0
    asked: int = 0

    @property
    def counts(self) -> Mapping[str, int]:
        return {}

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        self.asked += 1
        return iter(self.batches)


def texts(**columns: Sequence[str | bytes | None]) -> Given:
    arrays = [
        pa.array(values, pa.binary() if any(isinstance(v, bytes) for v in values) else pa.string())
        for values in columns.values()
    ]
    return Given(tuple(columns), [pa.RecordBatch.from_arrays(arrays, list(columns))])


@contextmanager
def road(pair: Pair, name: str, anonymize: Reverse | None = None, budget: int = 1 << 40) -> Iterator[Road]:
    with pair.sessions() as (source, target):
        table = find(source, name)
        job = pair.start(source, target, table, anonymize)
        copy = job.tables[0]
        fields = tuple(
            Field(c.name, c.name, types.canonical(c.type), types.canonical(copy.target.column(c.name).type))
            for c in table.copied
        )
        sees = {c.name: types.canonical(c.type) for c in table.copied}
        slim = replace(copy, fields=fields, sees=sees, source=table.for_tasks(), target=copy.target.for_tasks())
        yield Road(pair, source, target, replace(job, tables={0: slim}), pair.chunks(source, table, budget))
