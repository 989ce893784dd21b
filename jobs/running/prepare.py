"""Prepare the target: decide per table what the ledger allows to keep, then create, empty or stage the rest.

A complete table stays. Anything else starts again under the new snapshot: what slows its rows down is set aside, and its
rows of the old one go, together with its ledger rows. Rows that are not ours are touched only when the operation says
`truncate`: the ledger knows how many rows of a table are ours, and where others are among them none goes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.contract import TableState, TargetSession
from connectors.errors import NotFound, RowsChanged, TerminalError
from connectors.schema import Table, TableName
from jobs.planning.crossing import column_of
from jobs.planning.plan import Plan, TablePlan
from jobs.running.aside import Aside, waits


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


def prepare(plan: Plan, target: TargetSession, run_id: str, snapshot: str, aside: Aside
            ) -> tuple[list[Prepared], dict[int, Table]]:  # fmt: skip
    """The tables to load, ready, and by id those that are complete already. Raises LeaseLost."""
    target.sweep(run_id)
    states = {state.table_id: state for state in target.ledger.tables(run_id)}
    todo = _begun(plan, states, target, aside.touched)
    aside.begin({table.name for table in todo})
    target.create([table.way.wanted for table in todo])
    schema = target.schema()
    complete = {table.table_id: known for table in plan.tables if (known := schema.get(table.name)) is not None}
    for table in todo:
        if table.table_id not in complete:
            raise TerminalError("the table is not there after creating it", where=str(table.name))
    found = [(table, complete.pop(table.table_id)) for table in todo]
    append = plan.if_target_not_empty == "append"
    if not append:
        _empty(plan, states, [pair for pair in found if not target.is_empty(pair[1].name)], target, aside.touched)
    prepared = []
    for table, there in found:
        into = target.stage(run_id, table.table_id, there) if append or table.together else there.name
        before = target.count(there.name) if append else 0
        target.ledger.prepared(run_id, _state(table, there, target, snapshot, before))
        prepared.append(Prepared(table, there, into))
    return prepared, complete


def _begun(plan: Plan, states: Mapping[int, TableState], target: TargetSession, touched: Collection[TableName]
           ) -> list[TablePlan]:  # fmt: skip
    """The tables that are not complete, and those whose foreign keys reference rows that go: nobody empties a table under
    rows that reference it. A key that is away now, and must hold afterwards, leads from rows of one snapshot to those of
    another if what it references begins anew: then what references it does too."""
    names = {table.name for table in plan.tables if not _kept(table, states.get(table.table_id), target, touched)}
    if plan.if_target_not_empty != "append":
        for _ in plan.tables if waits(plan) else ():  # as far as references reach
            names |= {key.table for key in plan.references if key.referenced in names}
        schema = target.schema()
        going = {table.name for table in schema.tables if table.name in names and not target.is_empty(table.name)}
        for _ in plan.tables:  # as far as references reach
            going |= {key.table for table in schema.tables for key in table.foreign_keys if key.referenced in going}
        names |= going
    return [table for table in plan.tables if table.name in names]


def _kept(table: TablePlan, state: TableState | None, target: TargetSession, touched: Collection[TableName]) -> bool:
    if state is None or state.state != "complete":
        return False
    now = _identity(table, target)
    if now is not None and table.name in touched:  # an identity may change with the definition, which we have changed
        return target.count(table.name) == state.rows_before + state.rows
    return state.identity == now


def _identity(table: TablePlan, target: TargetSession) -> str | None:
    """The target table's as it is now (an earlier epoch may have made it); None while there is none."""
    try:
        return target.identity(table.name)
    except NotFound:
        return None


def _empty(plan: Plan, states: Mapping[int, TableState], full: Sequence[tuple[TablePlan, Table]], target: TargetSession,
           touched: Collection[TableName]) -> None:  # fmt: skip
    """Remove the rows that may go: our own of an earlier attempt, or anybody's under `truncate`. Raises TerminalError."""
    names = [there.name for _, there in full]
    todo = "empty it if its rows may go, or say `if_target_not_empty: truncate`"
    ours: dict[TableName, int] = {}
    for table, there in full if plan.if_target_not_empty != "truncate" else ():
        state = states.get(table.table_id)
        same = there.name in touched or (state is not None and state.identity == target.identity(there.name))
        if state is None or state.target != str(there.name) or not same:
            raise TerminalError("the table is not empty any more", where=str(there.name), todo=todo)
        ours[there.name] = state.rows
    try:
        target.empty(names, ours)
    except RowsChanged as problem:
        raise TerminalError(problem.what, where=problem.where, todo=todo) from None


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
