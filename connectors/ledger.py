"""The ledger for SQL engines: portable statements over an open session.

Tables in the target (`ledger_tables`) hold what a run must remember where its rows are, so that both change in one
transaction. No cell value is ever stored. Claims hold their lease row against a takeover until they commit, so `acquire`
waits for every chunk transaction of the former driver; afterwards that driver's claims find a newer fence and fail.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.contract import Chunk, Loaded, RunRecord, TableState
from connectors.errors import LeaseHeld, LeaseLost, NotFound
from connectors.ledger_journal import SqlJournal
from connectors.ledger_tables import TABLES

EXPIRY = 60.0
"""Seconds without a sign of life after which a driver on another machine counts as dead."""


class Sql(Protocol):
    """What the ledger needs of an open session, which commits each statement by itself outside `transaction`. A table
    that is not there raises NotFound."""

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Execute; returns the number of rows affected."""
        ...

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]: ...

    def transaction(self) -> AbstractContextManager[None]:
        """BEGIN … COMMIT for writing, rolled back when the block raises."""
        ...


@dataclass(frozen=True)
class Lease:
    """Who runs on a target table: `fence` grows with every new driver."""

    run_id: str
    fence: int


@dataclass(frozen=True)
class Dialect:
    """The few words in which SQL engines differ here."""

    prefix: str
    """Before each table name: `_dbagent.` in a schema of our own, `_dbagent_` where there are none."""
    parameter: str
    now: str
    """The database's own clock, in seconds since 1970: the clocks of the drivers' machines may differ."""
    hold: str = ""
    """Ends a SELECT that keeps its row from being seized, not from being renewed: ` FOR KEY SHARE`."""
    seize: str = ""
    """Ends a SELECT that waits for all holders of its row: ` FOR UPDATE`."""
    held: str = ""
    """Behind the table in the SELECT that holds: the index to go by, where locks are an index's."""
    text: str = "text"
    """The type of texts of some megabytes: a table of 1,000 masked columns has as many counts."""
    keep: str = " ON CONFLICT DO NOTHING"
    """Ends an INSERT that leaves a row alone that is there; affected rows are then 0."""

    def sql(self, statement: str) -> str:
        """`{now}` becomes the clock, `{text}` the type, another `{name}` our table of that name, `?` the driver's
        placeholder."""
        words = statement.replace("{now}", self.now).replace("{text}", self.text)
        tables = words.replace("{", self.prefix).replace("}", "")
        return tables.replace("?", self.parameter)


class SqlLedger(SqlJournal):
    """`contract.Ledger` on a driver's session, and the two calls a chunk's transaction makes."""

    def __init__(self, sql: Sql, dialect: Dialect) -> None:
        self._sql, self._dialect = sql, dialect
        self._lease: Lease | None = None
        self._targets: Sequence[str] = ()
        """What `acquire` gave this driver: its own steps are refused under a newer fence, like its tasks' claims."""

    def _run(self, statement: str, *values: object) -> int:
        return self._sql.run(self._dialect.sql(statement), values)

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._sql.rows(self._dialect.sql(statement), values)

    def create(self) -> None:
        with self._sql.transaction():
            for statement in TABLES:
                self._run(statement)

    def obstacles(self) -> list[str]:
        """None beyond those the session met: where its user may write a table, it may write these. An engine with finer
        privileges knows more."""
        return []

    # In a chunk's transaction: the caller begins and commits.

    def claim(self, run_id: str, fence: int, target: str, chunk: Chunk) -> bool:
        """Insert the chunk's row; False when the chunk is loaded already. Raises LeaseLost under a fence that is no longer
        ours."""
        self._check(run_id, fence, target)
        inserted = self._run(
            "INSERT INTO {chunks} (run_id, table_id, chunk_no, fence, row_count, byte_count, counts, loaded_at)"
            " VALUES (?, ?, ?, ?, 0, 0, ?, {now})" + self._dialect.keep,
            run_id,
            chunk.table_id,
            chunk.number,
            fence,
            "{}",
        )
        # A complete table's chunk rows are gone, so a twin that comes this late inserts; looking afterwards finds it out.
        return bool(inserted) and not self._run(
            "DELETE FROM {chunks} WHERE run_id = ? AND table_id = ? AND chunk_no = ? AND EXISTS (SELECT 1 FROM {tables} t"
            " WHERE t.run_id = ? AND t.table_id = ? AND t.state = 'complete')",
            run_id,
            chunk.table_id,
            chunk.number,
            run_id,
            chunk.table_id,
        )

    def loaded(self, run_id: str, loaded: Loaded) -> None:
        """Write what the chunk brought, before its commit."""
        self._run(
            "UPDATE {chunks} SET row_count = ?, byte_count = ?, counts = ?, loaded_at = {now}"
            " WHERE run_id = ? AND table_id = ? AND chunk_no = ?",
            loaded.rows,
            loaded.bytes,
            _written(loaded.counts),
            run_id,
            loaded.table_id,
            loaded.number,
        )

    # On the driver: each call is a transaction of its own.

    def acquire(self, run: RunRecord, targets: Sequence[str], holder: str, alive: Callable[[str], bool],
                cancelled: str | None = None, *, inherits: bool = True) -> int:  # fmt: skip
        with self._sql.transaction():
            formers: list[tuple[str, Lease]] = []
            for target in sorted(targets):  # one order for all, or two drivers deadlock
                self._run(
                    "INSERT INTO {leases} (target, run_id, fence, holder, renewed_at) VALUES (?, ?, 0, '', 0)"
                    + self._dialect.keep,
                    target,
                    run.run_id,
                )
                formers += [(target, former) for former in self._free(target, holder, alive, self._dialect.seize)]
            if cancelled is not None:  # none of its drivers lives: whoever had these tables is gone
                self._cancel(cancelled)
            for target, former in formers:
                if former.run_id != run.run_id and former.fence:
                    self._forget(run.run_id, target)
                    if inherits:
                        self._inherit(run, former.run_id, target)
            fence = max((former.fence for _, former in formers), default=0) + 1
            for target in targets:
                self._run(
                    "UPDATE {leases} SET run_id = ?, fence = ?, holder = ?, renewed_at = {now} WHERE target = ?",
                    run.run_id,
                    fence,
                    holder,
                    target,
                )
            self._run(
                "INSERT INTO {runs} (run_id, operation_id, plan_sha256, source, state, started_at)"
                " VALUES (?, ?, ?, ?, ?, {now})" + self._dialect.keep,
                run.run_id,
                run.operation_id,
                run.plan_sha256,
                run.source,
                run.state,
            )
        self._lease, self._targets = Lease(run.run_id, fence), tuple(targets)
        return fence

    def _free(self, target: str, holder: str, alive: Callable[[str], bool], seize: str = "") -> list[Lease]:
        """Who had the table last, if anybody. Raises LeaseHeld where another driver is at work on it."""
        look = "SELECT run_id, fence, holder, {now} - renewed_at FROM {leases} WHERE target = ?"
        found = self._rows(look + seize, target)
        for run_id, _, who, age in found:
            if who and who != holder and alive(who) and age < EXPIRY:
                raise LeaseHeld(
                    f"run {run_id} is at work here (driver {who})",
                    where=target,
                    todo="wait for it, or stop it: dbagent cancel ends a run, Ctrl-C a repair or a rollback",
                )
        return [Lease(run_id, fence) for run_id, fence, *_ in found]

    def superseded(self, targets: Iterable[str], holder: str, alive: Callable[[str], bool]) -> frozenset[Lease]:
        """Whose tasks may still hold these leases though their drivers are gone. Raises LeaseHeld, and waits for nobody."""
        return frozenset(former for target in targets for former in self._free(target, holder, alive) if former.fence)

    def _forget(self, run_id: str, target: str) -> None:
        """Another run has had the table since: what this one had loaded there proves nothing any more."""
        mine = "run_id = ? AND table_id IN (SELECT table_id FROM {tables} WHERE run_id = ? AND target = ?)"
        self._run(f"DELETE FROM {{chunks}} WHERE {mine}", run_id, run_id, target)
        self._run("DELETE FROM {tables} WHERE run_id = ? AND target = ?", run_id, target)

    def _inherit(self, run: RunRecord, other: str, target: str) -> None:
        """What a cancelled run of the same plan left in the table is this run's own, counted: to empty, never to keep."""
        if not self._rows(
            "SELECT 1 FROM {runs} WHERE run_id = ? AND plan_sha256 = ? AND state = 'cancelled'", other, run.plan_sha256
        ):
            return
        self._run(
            "UPDATE {tables} SET row_count = row_count + (SELECT coalesce(sum(c.row_count), 0) FROM {chunks} c"
            " WHERE c.run_id = ? AND c.table_id = {tables}.table_id) WHERE run_id = ? AND target = ?",
            other,
            other,
            target,
        )
        theirs = "run_id = ? AND table_id IN (SELECT table_id FROM {tables} WHERE run_id = ? AND target = ?)"
        self._run(f"DELETE FROM {{chunks}} WHERE {theirs}", other, other, target)
        self._run(
            "UPDATE {tables} SET run_id = ?, state = 'prepared', byte_count = 0, counts = ?"
            " WHERE run_id = ? AND target = ?",
            run.run_id,
            "{}",
            other,
            target,
        )

    def hold(self, targets: Iterable[str]) -> None:
        """Keep the leases of these tables until the caller's transaction ends: nobody takes over meanwhile. Raises
        LeaseLost for a driver that was superseded, and for one that never took them."""
        run_id, fence = (self._lease.run_id, self._lease.fence) if self._lease else ("", 0)
        for target in sorted(targets):
            self._check(run_id, fence, target)

    @property
    def application(self) -> str:
        """What sessions that work under this driver's lease call themselves: whoever takes over ends them first. Raises
        LeaseLost for a driver that never took one."""
        if self._lease is None:
            raise LeaseLost("this driver has taken no lease")
        return f"dbagent/{self._lease.run_id}/{self._lease.fence}/"

    def leased(self, target: str | None) -> list[str]:
        """This table, where this driver has taken its lease."""
        return [target] if target is not None and target in self._targets else []

    def _hold_run(self, run_id: str) -> None:
        """`hold` for all tables of the run."""
        if self._lease is None or self._lease.run_id != run_id:
            raise LeaseLost("this driver has not taken this run", where=f"run {run_id}")
        self.hold(self._targets)

    def _check(self, run_id: str, fence: int, target: str) -> None:
        held = self._rows(
            f"SELECT 1 FROM {{leases}}{self._dialect.held} WHERE target = ? AND run_id = ? AND fence = ?"
            + self._dialect.hold,
            target,
            run_id,
            fence,
        )
        if not held:
            raise LeaseLost("another driver has taken over this run", where=target)

    def renew(self, run_id: str, fence: int) -> None:
        with self._sql.transaction():
            if not self._run("UPDATE {leases} SET renewed_at = {now} WHERE run_id = ? AND fence = ?", run_id, fence):
                raise LeaseLost("another driver has taken over this run", where=f"run {run_id}")

    def release(self, run_id: str, fence: int) -> None:
        with self._sql.transaction():
            self._run("UPDATE {leases} SET holder = '' WHERE run_id = ? AND fence = ?", run_id, fence)

    def prepared(self, run_id: str, table: TableState) -> None:
        with self._sql.transaction():
            self.hold([table.target])
            self._run("DELETE FROM {chunks} WHERE run_id = ? AND table_id = ?", run_id, table.table_id)
            self._run("DELETE FROM {tables} WHERE run_id = ? AND table_id = ?", run_id, table.table_id)
            self._run(
                "INSERT INTO {tables} (run_id, table_id, target, identity, state, snapshot, rows_before, row_count,"
                " byte_count, counts) VALUES (?, ?, ?, ?, 'prepared', ?, ?, ?, 0, ?)",
                run_id,
                table.table_id,
                table.target,
                table.identity,
                table.snapshot,
                table.rows_before,
                table.rows,
                "{}",
            )

    def completed(self, run_id: str, table_id: int) -> None:
        with self._sql.transaction():
            self.complete(run_id, table_id)

    def complete(self, run_id: str, table_id: int) -> None:
        """`completed` inside the caller's transaction. Raises LeaseLost."""
        found = self._rows("SELECT target FROM {tables} WHERE run_id = ? AND table_id = ?", run_id, table_id)
        self.hold(target for (target,) in found)
        chunks = self._rows(
            "SELECT row_count, byte_count, counts FROM {chunks} WHERE run_id = ? AND table_id = ?", run_id, table_id
        )
        rows, size, counts = _sum(chunks)
        self._run(
            "UPDATE {tables} SET state = 'complete', row_count = ?, byte_count = ?, counts = ?"
            " WHERE run_id = ? AND table_id = ? AND state = 'prepared'",
            rows,
            size,
            _written(counts),
            run_id,
            table_id,
        )
        self._run("DELETE FROM {chunks} WHERE run_id = ? AND table_id = ?", run_id, table_id)

    def tables(self, run_id: str) -> list[TableState]:
        # One statement, so one view of both tables while chunks come in and shrink.
        chunks: dict[int, list[tuple[Any, ...]]] = {}
        tables: list[tuple[Any, ...]] = []
        for table_id, number, *rest in self._rows(
            "SELECT table_id, -1, target, identity, state, snapshot, rows_before, row_count, byte_count, counts"
            " FROM {tables} WHERE run_id = ? UNION ALL"
            " SELECT table_id, chunk_no, '', '', '', '', 0, row_count, byte_count, counts"
            " FROM {chunks} WHERE run_id = ?",
            run_id,
            run_id,
        ):
            if number < 0:
                tables.append((table_id, *rest))
            else:
                chunks.setdefault(table_id, []).append((number, *rest[-3:]))
        states = []
        for table_id, target, identity, state, snapshot, before, rows, size, counts in sorted(tables):
            found = chunks.get(table_id, [])
            more_rows, more_bytes, more_counts = _sum(chunk[1:] for chunk in found)
            states.append(
                TableState(
                    table_id=table_id,
                    target=target,
                    identity=identity,
                    state="complete" if state == "complete" else "prepared",
                    snapshot=snapshot,
                    rows_before=before,
                    rows=rows + more_rows,
                    bytes=size + more_bytes,
                    counts=Counter(json.loads(counts)) + Counter(more_counts),
                    chunks=frozenset(chunk[0] for chunk in found),
                )
            )
        return states

    def finished(self, run_id: str) -> None:
        with self._sql.transaction():
            self._hold_run(run_id)
            self._run("UPDATE {runs} SET state = 'complete', finished_at = {now} WHERE run_id = ?", run_id)
            self._run("DELETE FROM {chunks} WHERE run_id = ?", run_id)

    def abandoned(self, run_id: str) -> None:
        with self._sql.transaction():
            self._hold_run(run_id)
            self._cancel(run_id)

    def _cancel(self, run_id: str) -> None:
        self._run(
            "UPDATE {runs} SET state = 'cancelled', finished_at = {now} WHERE run_id = ? AND state = 'running'", run_id
        )

    def held(self, run_id: str) -> frozenset[str]:
        return frozenset(target for (target,) in self._rows("SELECT target FROM {leases} WHERE run_id = ?", run_id))

    def staging(self, run_id: str) -> frozenset[str]:
        """The other runs that may be at work on their staging tables, or continue with them."""
        going = (run.run_id for run in self.runs() if run.state == "running" and run.run_id != run_id)
        return frozenset(run for run in going if self.held(run))

    def runs(self) -> list[RunRecord]:
        try:
            found = self._rows(
                "SELECT run_id, operation_id, plan_sha256, source, state, started_at, finished_at"
                " FROM {runs} ORDER BY started_at DESC"
            )
        except NotFound:  # nothing was ever copied here
            return []
        return [RunRecord(*row) for row in found]


def _sum(chunks: Iterable[Sequence[Any]]) -> tuple[int, int, Mapping[str, int]]:
    rows = size = 0
    counts: Counter[str] = Counter()
    for chunk_rows, chunk_bytes, chunk_counts in chunks:
        rows, size = rows + chunk_rows, size + chunk_bytes
        counts.update(json.loads(chunk_counts))
    return rows, size, counts


def _written(counts: Mapping[str, int]) -> str:
    return json.dumps({label: count for label, count in counts.items() if count})
