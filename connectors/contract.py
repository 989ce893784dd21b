"""The connector contract: what one engine's folder must offer, and how it is found.

A folder `connectors/<engine>/` exports `connector` (an object with the attributes of `Connector`). Nothing outside that
folder knows the engine: callers read its `facts` and never branch on its name. Three kinds of session exist:

    SourceSession   driver, read-only, holds the snapshot every reader joins; introspects and splits tables
    TargetSession   driver, prepares and finishes target tables, owns the ledger
    Transfer        inside a task: copies chunks, each in ONE target transaction with its ledger row

Between two engines, and through a mapping, a Reader of the one and a Loader of the other make the Transfer
(`connectors.crossing`).

Bounds, snapshots and table details are opaque outside the engine's folder; bounds may be cell values, so nobody prints
them. Everything a task needs is in `TransferJob`, which is picklable and small.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from connectors.facts import Facts, Server
from connectors.objects import Definer, Described, Journal
from connectors.schema import ForeignKey, Schema, Table, TableName

if TYPE_CHECKING:  # workers import this module: what only type checkers need stays out of their start-up
    import pyarrow as pa
    from sqlglot import exp

    from connectors.crossing import Field, Loader, Reader
    from connectors.jdbc import JdbcPaths
    from connectors.types import Canonical, Types

Paths: TypeAlias = tuple[Literal["native", "jdbc"], Literal["bulk", "jdbc"]]

DIRECT: Paths = ("native", "bulk")
"""Without Spark's JDBC source and writer."""

Filter: TypeAlias = "exp.Expression"
"""One parsed, read-only predicate over one table, already checked and qualified; a connector renders or translates it."""


@dataclass(frozen=True)
class Tls:
    """How a connection is protected. `verify-full` checks certificate and host name against `ca` or the system's."""

    mode: Literal["disable", "require", "verify-ca", "verify-full"] = "verify-full"
    ca: str | None = None


@dataclass(frozen=True)
class Endpoint:
    """Everything needed to connect, secrets in plain: built on the driver, carried to tasks in a closure, never printed."""

    environment: str
    engine: str
    database: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = Tls()
    options: Mapping[str, str] = field(default_factory=dict)
    patience: float | None = None
    """Seconds a session waits for one answer or lock; None: as long as the engine's folder thinks right."""
    application: str = "dbagent"
    """What our sessions call themselves on the server, so that they can be found and ended: `dbagent/<run>/<fence>/`."""


class Anonymize(Protocol):
    """A table's policy, compiled: picklable, pure, the same on every worker and retry."""

    columns: tuple[str, ...]
    """The columns it wants to see, in this order. May be empty (only `null`)."""
    masked: tuple[str, ...]
    """The columns it returns, in this order."""

    def __call__(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Mapping[str, int]]:
        """n rows of `columns` in (text and UUIDs as string, integers as int64, dates as date32, timestamps as timestamp[us]), n
        of `masked` out (so typed, or null), with what was counted of them: how often, by the anonymizer's own labels."""
        ...


@dataclass(frozen=True)
class Bounds:
    """One part of a table: `token` is the engine's own range (cell values, perhaps: never printed)."""

    token: Any = field(repr=False)
    rows: int
    bytes: int


@dataclass(frozen=True)
class Chunk:
    """The unit of work. `number` counts from 0 within the table."""

    table_id: int
    number: int
    bounds: Bounds = field(repr=False)


@dataclass(frozen=True)
class Snapshot:
    """What every reader joins. `token` is the engine's own; `name` may be printed, `strength` is one sentence."""

    token: Any = field(repr=False)
    name: str
    strength: str


@dataclass(frozen=True)
class TableCopy:
    """One table's way, for tasks. `into` is the target table, or its staging table where rows are appended."""

    table_id: int
    source: Table
    target: Table
    into: TableName
    where: Filter | None
    anonymize: Anonymize | None = field(repr=False)
    fields: tuple[Field, ...] = ()
    """The target's columns and what fills them, where rows cross (`connectors.crossing`); else empty: column to column."""
    sees: Mapping[str, Canonical] = field(default_factory=dict)
    """Where rows cross: what the columns are that the anonymizer sees."""
    paths: Paths = DIRECT
    """How its rows are read and written. Spark reads or writes only what crosses."""


@dataclass(frozen=True)
class TransferJob:
    """Everything tasks of one run need. Travels in the task's closure only."""

    run_id: str
    fence: int
    source: Endpoint = field(repr=False)
    target: Endpoint = field(repr=False)
    snapshot: Snapshot
    tables: Mapping[int, TableCopy]
    """Either all of them cross, or none."""
    suspend_foreign_keys: bool
    bytes_per_second: float | None = None
    """This task's share of the source's `max_mb_per_second`."""
    stall_timeout: float = 300.0
    """Seconds after which a chunk that makes no progress on either end is rolled back on both."""


@dataclass(frozen=True)
class Loaded:
    """One chunk, in the target. `fresh` is False when the ledger already had it and nothing was done."""

    table_id: int
    number: int
    rows: int
    bytes: int
    counts: Mapping[str, int]
    """What the anonymizer counted, by label. Only what is not 0 is kept."""
    fresh: bool = True


class Transfer(Protocol):
    """Inside a task: one source session in the snapshot, one target session."""

    def copy(self, chunk: Chunk) -> Loaded:
        """Claim the chunk in the ledger, read, anonymize, load, update the ledger row, commit: one target transaction.
        Raises ConnectorError; then nothing of the chunk is in the target."""
        ...


class SourceSession(Described, Protocol):
    """Driver side, read-only. Keeps the snapshot alive until closed (facts.snapshot_holder == "driver")."""

    server: Server
    snapshot: Snapshot

    def schema(self) -> Schema:
        """Every table of the database but our own bookkeeping, as the snapshot sees it."""
        ...

    def explain_filter(self, table: Table, where: Filter) -> None:
        """Let the database parse the predicate. Raises TerminalError saying what it does not accept (no value)."""
        ...

    def pinned(self, where: Filter) -> Filter:
        """The same predicate with the snapshot's own moment in place of the clock: every chunk must see one moment."""
        ...

    def bounds(self, table: Table, where: Filter | None, budget: int) -> list[Bounds]:
        """One or more parts of about `budget` bytes that cover every row exactly once, whatever rows come and go."""
        ...

    def sample(self, table: Table, columns: Sequence[str], rows: int) -> pa.RecordBatch:
        """Up to `rows` rows from all over the table, as `connectors.samples` says. Cheap whatever the table's size."""
        ...

    def check_alive(self) -> None:
        """Raises ConnectionLost when the snapshot is gone."""
        ...

    def end_sessions(self, application: str) -> int:
        """End the sessions whose application name starts so (not this one); returns how many there were."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class TableState:
    """What the ledger knows of one table of one run. `identity` notices a restored or recreated table."""

    table_id: int
    target: str
    identity: str
    state: Literal["prepared", "complete"]
    snapshot: str
    rows_before: int
    rows: int
    """Loaded. Of a table begun anew: left there, and ours to empty while they are exactly so many."""
    bytes: int
    counts: Mapping[str, int]
    chunks: frozenset[int]


@dataclass(frozen=True)
class RunRecord:
    """One run as the target remembers it."""

    run_id: str
    operation_id: str
    plan_sha256: str
    source: str
    state: Literal["running", "complete", "cancelled"]
    started_at: float
    finished_at: float | None


class Ledger(Journal, Protocol):
    """The target's own memory of runs: leases, runs, tables, chunks. Each call is one committed transaction of its own.
    (Tasks claim and finish chunks inside THEIR transaction; that is the engine's business.)"""

    def create(self) -> None:
        """Make the bookkeeping tables where they are missing."""
        ...

    def obstacles(self) -> list[str]:
        """Why our user could not keep a ledger here: a sentence each. Changes nothing."""
        ...

    def acquire(self, run: RunRecord, targets: Sequence[str], holder: str, alive: Callable[[str], bool],
                cancelled: str | None = None, *, inherits: bool = True) -> int:  # fmt: skip
        """Take the lease on every target table, or none. `holder` names this driver; `alive(holder)` tells whether
        another one still runs. Returns the fence. Waits for chunk transactions under the old fence to end. The run
        `cancelled` never continues. What a cancelled run of the same plan left there becomes this run's, as `prepared`,
        where it `inherits`: to empty. Raises LeaseHeld."""

    def renew(self, run_id: str, fence: int) -> None:
        """Say that this driver lives. Raises LeaseLost."""
        ...

    def release(self, run_id: str, fence: int) -> None: ...
    def prepared(self, run_id: str, table: TableState) -> None:
        """Record that a table is begun anew, and how many rows of ours are left there. Raises LeaseLost."""
        ...

    def completed(self, run_id: str, table_id: int) -> None:
        """Mark a table complete and shrink its chunk rows into its own row. Raises LeaseLost."""
        ...

    def tables(self, run_id: str) -> list[TableState]: ...

    def finished(self, run_id: str) -> None:
        """Everything of the run is in the target and proven. Raises LeaseLost."""

    def abandoned(self, run_id: str) -> None:
        """The run is cancelled and never continues: what it has loaded is for the next one to empty. Raises LeaseLost."""

    def held(self, run_id: str) -> frozenset[str]:
        """The target tables that no other run has had since."""
        ...

    def runs(self) -> list[RunRecord]:
        """Newest first."""
        ...


@dataclass(frozen=True)
class Staged:
    """A table whose rows are all in its staging table."""

    table_id: int
    stage: TableName
    table: Table


class TargetSession(Definer, Protocol):
    """Driver side: prepares and finishes target tables; what changes rows holds the lease in the same transaction."""

    server: Server
    ledger: Ledger

    def schema(self) -> Schema:
        """Every table of the target but our own bookkeeping."""
        ...

    def mismatches(self, source: Table, target: Table) -> list[str]:
        """Why rows of `source` cannot go into the existing `target` unchanged: a sentence each, all of them."""
        ...

    def creatable(self, source: Table) -> list[str]:
        """Why `create` would not succeed: a sentence each (a missing extension, no privilege …)."""
        ...

    def create(self, tables: Sequence[Table]) -> None:
        """Create those missing (columns, types, NOT NULL, primary key, counters), with schemas and types: at once."""
        ...

    def identity(self, name: TableName) -> str: ...
    def is_empty(self, name: TableName) -> bool: ...
    def count(self, name: TableName) -> int: ...

    def empty(self, names: Sequence[TableName], ours: Mapping[TableName, int] | None = None) -> None:
        """Remove all rows of these tables, children first, never cascading to others. Of those in `ours` exactly so many; none
        at all where one holds others, whatever is written meanwhile. Raises RowsChanged, TerminalError, LeaseLost."""
        ...

    def stage(self, run_id: str, table_id: int, table: Table) -> TableName:
        """An empty staging table shaped like `table`, made anew. Raises LeaseLost."""
        ...

    def publish(self, run_id: str, staged: Sequence[Staged]) -> None:
        """Move all staged rows into their tables, mark these complete, drop the stages: one transaction, in which foreign keys
        among the tables are not checked before all rows are there. Raises ConnectorError."""
        ...

    def sweep(self, run_id: str) -> None:
        """Drop staging tables: this run's, and those of others that are over or have lost all their tables since."""
        ...

    def settle(self, table: Table) -> None:
        """After a table's load: counters continue behind the highest copied value, statistics are fresh."""
        ...

    def orphans(self, key: ForeignKey) -> int:
        """How many rows reference a row that is not there (NULLs are no reference; MATCH SIMPLE)."""
        ...

    def orphan_query(self, key: ForeignKey) -> str:
        """What shows these rows, for a person to run. It holds no value."""
        ...

    def end_sessions(self, application: str) -> int:
        """End the sessions whose application name starts so (not this one) and wait until they are gone."""
        ...

    def close(self) -> None: ...


class Connector(Protocol):
    """One engine. Stateless."""

    facts: Facts
    types: Types
    jdbc: JdbcPaths | None
    """Its part of the JDBC paths; None where `facts` declare no driver."""

    def source(self, endpoint: Endpoint) -> SourceSession:
        """Connect read-only and take the snapshot. Raises ConnectorError."""
        ...

    def target(self, endpoint: Endpoint) -> TargetSession:
        """Connect for writing (a file is created where the engine is one). Raises ConnectorError."""
        ...

    def transfer(self, job: TransferJob) -> AbstractContextManager[Transfer]:
        """Open both ends, of this engine, inside a task. The context manager closes them. Raises ConnectorError."""
        ...

    def reader(self, job: TransferJob) -> AbstractContextManager[Reader]:
        """Open the source inside a task, in the snapshot. The context manager closes it. Raises ConnectorError."""
        ...

    def loader(self, job: TransferJob) -> AbstractContextManager[Loader]:
        """Open the target inside a task, ready to load. The context manager closes it. Raises ConnectorError."""
        ...


def engines() -> tuple[str, ...]:
    """The engines there are: the sub-packages of `connectors`, by name; in a zip too."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(import_module("connectors").__path__) if m.ispkg))


def connector(engine: str) -> Connector:
    """The connector of an engine, imported when first asked for. Raises KeyError for an unknown engine."""
    if engine not in engines():
        raise KeyError(engine)
    found: Connector = import_module(f"connectors.{engine}").connector
    return found
