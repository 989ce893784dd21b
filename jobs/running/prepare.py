"""Prepare the target: decide per table what the ledger allows to keep, then create, empty or stage the rest.

A complete table stays. Anything else starts again under the new snapshot: its rows of the old one go, together with its
ledger rows. Rows that are not ours are touched only when the operation says `truncate`: the ledger knows how many rows of
a table are ours, and where others are among them none goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from connectors.contract import TableState, TargetSession
from connectors.errors import NotFound, TerminalError
from connectors.schema import Table, TableName
from jobs.planning.crossing import column_of
from jobs.planning.plan import Plan, TablePlan


@dataclass(frozen=True)
class Prepared:
    """Where a table's chunks go: the table itself, or its staging table."""

    plan: TablePlan
    target: Table
    into: TableName

    @property
    def staged(self) -> bool:
        return self.into != self.target.name

    @property
    def filled(self) -> Table:
        """The target with the columns that are loaded alone: the others get their defaults."""
        names = {found.name for column in self.plan.way.wanted.copied if (found := column_of(self.target, column.name))}
        return replace(self.target, columns=tuple(c for c in self.target.columns if c.name in names))


def prepare(plan: Plan, target: TargetSession, run_id: str, snapshot: str) -> tuple[list[Prepared], set[int]]:
    """The tables to load, ready, and the ids of those that are complete already. Raises LeaseLost."""
    target.sweep(run_id)
    states = {state.table_id: state for state in target.ledger.tables(run_id)}
    todo = _begun(plan, states, target)
    complete = {table.table_id for table in plan.tables} - {table.table_id for table in todo}
    target.create([table.way.wanted for table in todo])
    schema = target.schema()
    found: list[tuple[TablePlan, Table]] = []
    for table in todo:
        there = schema.get(table.name)
        if there is None:
            raise TerminalError("the table is not there after creating it", where=str(table.name))
        found.append((table, there))
    append = plan.if_target_not_empty == "append"
    if not append:
        going = [there.name for table, there in found if _may_empty(plan, states.get(table.table_id), there, target)]
        target.empty(going)
    prepared = []
    for table, there in found:
        into = target.stage(run_id, table.table_id, there) if append else there.name
        before = target.count(there.name) if append else 0
        target.ledger.prepared(run_id, _state(table, there, target, snapshot, before))
        prepared.append(Prepared(table, there, into))
    return prepared, complete


def _begun(plan: Plan, states: Mapping[int, TableState], target: TargetSession) -> list[TablePlan]:
    """The tables that are not complete, and those whose foreign keys reference rows that go: nobody empties a table under
    rows that reference it."""
    names = {table.name for table in plan.tables if not _kept(table, states, target)}
    if plan.if_target_not_empty != "append":
        schema = target.schema()
        going = {table.name for table in schema.tables if table.name in names and not target.is_empty(table.name)}
        for _ in plan.tables:  # as far as references reach
            going |= {key.table for table in schema.tables for key in table.foreign_keys if key.referenced in going}
        names |= going
    return [table for table in plan.tables if table.name in names]


def _kept(table: TablePlan, states: Mapping[int, TableState], target: TargetSession) -> bool:
    state = states.get(table.table_id)
    return state is not None and state.state == "complete" and state.identity == _identity(table, target)


def _identity(table: TablePlan, target: TargetSession) -> str | None:
    """The target table's as it is now (an earlier epoch may have made it); None while there is none."""
    try:
        return target.identity(table.name)
    except NotFound:
        return None


def _may_empty(plan: Plan, state: TableState | None, there: Table, target: TargetSession) -> bool:
    """Whether there are rows in this table that may go: our own of an earlier attempt, or anybody's under `truncate`."""
    if target.is_empty(there.name):
        return False
    if plan.if_target_not_empty == "truncate":
        return True
    what = "the table is not empty any more"
    if state is not None and (state.target, state.identity) == (str(there.name), target.identity(there.name)):
        count = target.count(there.name)
        if count == state.rows:
            return True
        what = f"other programs have changed its rows: {count:,} are there, and {state.rows:,} are this run's"
    raise TerminalError(
        what, where=str(there.name), todo="empty it if its rows may go, or say `if_target_not_empty: truncate`"
    )


def _state(table: TablePlan, there: Table, target: TargetSession, snapshot: str, before: int) -> TableState:
    return TableState(
        table_id=table.table_id,
        target=str(there.name),
        identity=target.identity(there.name),
        state="prepared",
        snapshot=snapshot,
        rows_before=before,
        rows=0,
        bytes=0,
        counts={},
        chunks=frozenset(),
    )
