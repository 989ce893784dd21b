"""What these tests do with a source and a target database: a copy of one table on one screen."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from connectors.contract import Chunk, Endpoint, Filter, Loaded, RunRecord, TableCopy, TableState, TransferJob
from connectors.postgresql import connector
from connectors.postgresql.source import Source
from connectors.postgresql.target import Target
from connectors.postgresql.testkit import PostgresServer
from connectors.schema import Table, TableName

RUN = "run-1"


@dataclass(frozen=True)
class Reverse:
    """A policy for tests: text comes back reversed, integers negated, the columns in `gone` as NULL."""

    columns: tuple[str, ...]
    gone: tuple[str, ...] = ()

    @property
    def masked(self) -> tuple[str, ...]:
        return (*self.columns, *self.gone)

    def __call__(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Mapping[str, int]]:
        arrays = [
            pa.array([None if value is None else self.replaced(value) for value in column.to_pylist()], column.type)
            for column in batch.columns
        ]
        arrays += [pa.nulls(batch.num_rows)] * len(self.gone)
        same = {
            name: sum(a is not None and a == b for a, b in zip(old.to_pylist(), new.to_pylist(), strict=True))
            for name, old, new in zip(self.columns, batch.columns, arrays, strict=False)
        }
        return pa.RecordBatch.from_arrays(arrays, list(self.masked)), same

    @staticmethod
    def replaced(value: Any) -> Any:
        return value[::-1] if isinstance(value, str) else -value


@dataclass
class Pair:
    """A source and a target database, and what the tests do with them."""

    server: PostgresServer
    prod: Endpoint
    dev: Endpoint

    @contextmanager
    def sessions(self) -> Iterator[tuple[Source, Target]]:
        source = connector.source(self.prod)
        try:
            target = connector.target(self.dev)
            try:
                yield source, target
            finally:
                target.close()
        finally:
            source.close()

    def lease(self, target: Target, *names: TableName) -> int:
        """The ledger made, and the lease of these tables taken; its fence."""
        target.ledger.create()
        record = RunRecord(RUN, "op", "0" * 64, "PROD", "running", time.time(), None)
        return target.ledger.acquire(record, [str(name) for name in names], "test", lambda _: True)

    def start(
        self,
        source: Source,
        target: Target,
        table: Table,
        anonymize: Reverse | None = None,
        *,
        where: Filter | None = None,
        into: TableName | None = None,
        **options: Any,
    ) -> TransferJob:
        """Everything a task needs for one table: the ledger made, the lease taken, the table there."""
        if target.schema().get(table.name) is None:
            target.create([table])
        there = target.schema().get(table.name)
        assert there is not None
        fence = self.lease(target, table.name)
        state = TableState(0, str(table.name), target.identity(table.name), "prepared", "s", 0, 0, 0, {}, frozenset())
        target.ledger.prepared(RUN, state)
        pinned = None if where is None else source.pinned(where)
        copy = TableCopy(0, table, there, into or table.name, pinned, anonymize)
        tasks = [replace(end, application=f"dbagent/{RUN}/{fence}") for end in (self.prod, self.dev)]
        return TransferJob(RUN, fence, *tasks, source.snapshot, {0: copy}, False, **options)

    def copy(
        self, name: str, anonymize: Reverse | None = None, *, budget: int = 1 << 30, where: Filter | None = None
    ) -> list[Loaded]:
        """The whole way of one table."""
        with self.sessions() as (source, target):
            table = find(source, name)
            job = self.start(source, target, table, anonymize, where=where)
            with connector.transfer(job) as transfer:
                return [
                    transfer.copy(Chunk(0, number, bounds))
                    for number, bounds in enumerate(source.bounds(table, where, budget))
                ]

    def chunks(self, source: Source, table: Table, budget: int = 1 << 18) -> list[Chunk]:
        return [Chunk(0, number, bounds) for number, bounds in enumerate(source.bounds(table, None, budget))]

    def both(self, statement: str) -> None:
        self.server.execute(self.prod, statement)
        self.server.execute(self.dev, statement)

    def same(self, table: str) -> bool:
        return self.server.digest(self.prod, table) == self.server.digest(self.dev, table)


def find(session: Source | Target, name: str, schema: str = "public") -> Table:
    table = session.schema().get(TableName(schema, name))
    assert table is not None
    return table
