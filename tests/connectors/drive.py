"""A driver without Spark for the contract suites: lease, prepare, bounds, chunks, complete, settle, as the real one does."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlglot import condition, exp

from connectors.contract import (
    Anonymize,
    Chunk,
    Connector,
    Endpoint,
    Filter,
    Loaded,
    RunRecord,
    SourceSession,
    Staged,
    TableCopy,
    TableState,
    TargetSession,
    Transfer,
    TransferJob,
    connector,
)
from connectors.crossing import crossing
from connectors.schema import Table, TableName
from connectors.testkit import TestServer
from jobs.planning.crossing import Projection, Projector, Side

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ends:
    """One engine's connector, a running server, and two of its databases; or the target is `elsewhere`, on another's."""

    connector: Connector
    server: TestServer
    source: Endpoint
    target: Endpoint
    elsewhere: tuple[Connector, TestServer] | None = None

    @property
    def lands(self) -> Connector:
        """The target's connector."""
        return self.elsewhere[0] if self.elsewhere else self.connector

    @property
    def landing(self) -> TestServer:
        """The target's server."""
        return self.elsewhere[1] if self.elsewhere else self.server

    def name(self, table: str) -> TableName:
        return TableName(self.connector.facts.default_schema, table)

    def there(self, table: str) -> TableName:
        """What a table of the source is called in the target."""
        return TableName(self.lands.facts.default_schema, table)

    def where(self, text: str) -> Filter:
        """A filter as planning hands it on: tables qualified, quoted and named by an alias."""
        found: exp.Expression = condition(text, dialect=self.connector.facts.filter_dialect)
        for table in found.find_all(exp.Table):
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
            table.set("this", exp.to_identifier(table.name, quoted=True))
            if self.connector.facts.default_schema:
                table.set("db", exp.to_identifier(self.connector.facts.default_schema, quoted=True))
        return found


@dataclass
class Driver:
    """One driver's work, step by step, so that a test can stop between any two."""

    ends: Ends
    source: SourceSession
    target: TargetSession
    run_id: str = "run"
    anonymize: Mapping[str, Anonymize] = field(default_factory=dict)
    where: Mapping[str, Filter] = field(default_factory=dict)
    append: bool = False
    budget: int | None = None
    """Bytes of a chunk; None: about half of each table."""
    fence: int = 0
    copies: dict[int, TableCopy] = field(default_factory=dict)

    def lease(self, tables: Sequence[str], holder: str = "one", alive: Callable[[str], bool] = lambda _: False,
              cancelled: str | None = None, inherits: bool = True) -> None:  # fmt: skip
        self.target.ledger.create()
        record = RunRecord(self.run_id, "operation", "0" * 64, "PROD", "running", time.time(), None)
        names = [str(self.ends.there(table)) for table in tables]
        self.fence = self.target.ledger.acquire(record, names, holder, alive, cancelled, inherits=inherits)
        self.target.end_sessions(f"dbagent/{self.run_id}/")

    def prepare(self, tables: Sequence[str]) -> None:
        """Make, empty or stage what the ledger does not know to be complete."""
        schema = self.source.schema()
        wanted = [self._projected(found) for name in tables if (found := schema.get(self.ends.name(name)))]
        assert len(wanted) == len(tables)
        states = {state.table_id: state for state in self.target.ledger.tables(self.run_id)}
        todo = {n: pair for n, pair in enumerate(wanted) if n not in states or states[n].state != "complete"}
        assert [self.target.creatable(way.wanted) for _, way in todo.values()] == [[] for _ in todo]
        self.target.create([way.wanted for _, way in todo.values()])
        there = self.target.schema()
        if not self.append:
            names = [way.wanted.name for _, way in todo.values()]
            self.target.empty([name for name in names if not self.target.is_empty(name)])
        for number, (table, way) in todo.items():
            self._prepare(number, table, way, there.pick([way.wanted.name])[0])

    def _projected(self, table: Table) -> tuple[Table, Projection]:
        ends = self.ends
        sides = (
            Side(name, connector.facts, connector.types)
            for name, connector in (("PROD", ends.connector), ("DEV", ends.lands))
        )
        projector = Projector(*sides, self.target.schema(), {}, frozenset())
        way = projector.project(table)
        assert way is not None
        assert [finding for finding in projector.findings if finding.severity == "error"] == []
        return table, way

    def _prepare(self, number: int, source: Table, way: Projection, target: Table) -> None:
        assert way.crosses or self.target.mismatches(source, target) == []
        into = self.target.stage(self.run_id, number, target) if self.append else target.name
        name = target.name.name
        where = self.source.pinned(self.where[name]) if name in self.where else None
        anonymize = self.anonymize.get(name)
        sees = {column: way.sees[column] for column in (anonymize.columns if anonymize and way.crosses else ())}
        self.copies[number] = TableCopy(number, source, target, into, where, anonymize, way.fields, sees)
        before = self.target.count(target.name)
        identity = self.target.identity(target.name)
        state = TableState(
            number, str(target.name), identity, "prepared", self.source.snapshot.name, before, 0, 0, {}, frozenset()
        )
        self.target.ledger.prepared(self.run_id, state)

    def chunks(self) -> list[Chunk]:
        return [
            Chunk(number, at, bounds)
            for number, copy in self.copies.items()
            for at, bounds in enumerate(
                self.source.bounds(copy.source, copy.where, self.budget or copy.source.bytes // 2 + 1)
            )
        ]

    def job(self) -> TransferJob:
        application = f"dbagent/{self.run_id}/{self.fence}"
        return TransferJob(
            self.run_id,
            self.fence,
            replace(self.ends.source, application=application),
            replace(self.ends.target, application=application),
            self.source.snapshot,
            self.copies,
            self.target.server.suspends_foreign_keys,
        )

    def transfer(self, chunks: Sequence[Chunk]) -> list[Loaded]:
        with opened(self.job()) as transfer:
            return [transfer.copy(chunk) for chunk in chunks]

    def finish(self) -> None:
        for number, copy in self.copies.items():
            if self.append:
                self.target.publish(self.run_id, [Staged(number, copy.into, copy.target)])
            else:
                self.target.ledger.completed(self.run_id, number)
            self.target.settle(copy.target)
        self.target.ledger.finished(self.run_id)
        self.target.ledger.release(self.run_id, self.fence)

    def copy(self, tables: Sequence[str]) -> list[Loaded]:
        """Everything, from the lease to the end."""
        self.lease(tables)
        self.prepare(tables)
        loaded = self.transfer(self.chunks())
        self.finish()
        return loaded

    def in_process(
        self, folder: Path, chunks: Sequence[Chunk], killed_at: str | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a task process of its own that copies these chunks, and kills itself at a boundary of the first."""
        work = folder / f"work {len(list(folder.iterdir()))}"
        work.write_bytes(pickle.dumps((self.job(), tuple(chunks), killed_at)))
        return subprocess.Popen([sys.executable, "-m", "tests.connectors.victim", str(work)], cwd=ROOT)


def opened(job: TransferJob) -> contextlib.AbstractContextManager[Transfer]:
    """The engine's own way, or the one between two."""
    crosses = job.source.engine != job.target.engine
    return crossing(job) if crosses else connector(job.source.engine).transfer(job)


@contextlib.contextmanager
def driver(ends: Ends, **settings: Any) -> Iterator[Driver]:
    with (
        contextlib.closing(ends.connector.source(ends.source)) as source,
        contextlib.closing(ends.lands.target(ends.target)) as target,
    ):
        yield Driver(ends, source, target, **settings)


def copy(ends: Ends, *tables: str, **settings: Any) -> list[Loaded]:
    with driver(ends, **settings) as one:
        return one.copy(tables)
