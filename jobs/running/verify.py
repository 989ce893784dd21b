"""Proof after the load: what is claimed about the copy, each claim with what was counted for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from anonymizers.counts import ALIKE, KINDS, UNCHANGED, UNMARKED, of_kind
from connectors.contract import TargetSession
from connectors.objects import ObjectKind, Restored, Step, StepState
from connectors.schema import ForeignKey, TableName
from jobs.planning.plan import Plan, TablePlan
from jobs.running.claims import mark

Reference: TypeAlias = tuple[TableName, tuple[str, ...], TableName, tuple[str, ...]]


@dataclass(frozen=True)
class TableProof:
    """One table: rows read under the snapshot (the ledger's sum), rows counted in the target, what was counted of values."""

    table_id: int
    table: str
    rows: int
    rows_before: int
    counted: int
    bytes: int
    snapshot: str
    counts: dict[str, dict[str, int]]
    """By kind (`anonymizers.counts`) and masked column."""

    @property
    def exact(self) -> bool:
        return self.counted == self.rows_before + self.rows


@dataclass(frozen=True)
class ObjectProof:
    """One object that waited for rows."""

    step: Step
    state: StepState
    restored: Restored | None
    """What it took to bring it back; None: an earlier driver of the run did."""

    @property
    def violations(self) -> int:
        return self.restored.violations if self.restored else 0


@dataclass(frozen=True)
class ReferenceProof:
    """One reference between tables."""

    key: ForeignKey
    orphans: int
    query: str = ""
    """What shows them; empty where they are told with the foreign key that they break."""

    def __str__(self) -> str:
        columns = f"{', '.join(self.key.columns)} → {', '.join(self.key.referenced_columns)}"
        return f"{self.key.table}: {self.orphans:,} rows reference no row of {self.key.referenced} ({columns})"


@dataclass(frozen=True)
class Proof:
    """All tables and references of a run, and what waited for its rows."""

    tables: tuple[TableProof, ...]
    references: tuple[ReferenceProof, ...]
    on_violation: str
    unfinished: tuple[str, ...] = ()
    """Tables of the plan that the ledger does not have as complete."""
    appended: bool = False
    """The tables hold rows that were there before: nothing may be emptied."""
    objects: tuple[ObjectProof, ...] = ()

    @property
    def differing(self) -> tuple[str, ...]:
        """Tables with other rows than were copied."""
        return tuple(table.table for table in self.tables if not table.exact)

    @property
    def todo(self) -> str:
        """What a person can do about the problems."""
        found = []
        if self.unfinished or (self.differing and not self.appended):
            found.append("resuming copies these tables again, each from its first row")
        if self.differing and self.appended:
            found.append(
                "other programs added or removed rows while rows were appended, and rows that were there before cannot be"
                " emptied, so resuming repairs nothing: all copied rows were added once; compare the tables yourself,"
                " then close the operation with: dbagent cancel"
            )
        if self.on_violation == "fail" and self.broken_lines:
            found.append(
                "what these rows break is there as far as the target lets it be: correct their values in the target (no row"
                " more, no row less) and resume, or correct them at the source and copy anew (dbagent cancel, then run), or say"
                " `on_violation: report`"
            )
        if self.on_violation == "fail" and self.orphan_lines:
            found.append(
                "rows without their reference are there (dbagent show): copy what is missing, or say"
                " `on_violation: report` where orphans may be; then run again"
            )
        return "; ".join(found)

    @property
    def problems(self) -> list[str]:
        """What makes the run fail: a count that differs; orphans unless the operation only reports them."""
        found = [f"{table}: not complete in the target's ledger" for table in self.unfinished]
        found += [
            f"{t.table}: {t.counted:,} rows in the target, {t.rows_before + t.rows:,} expected"
            for t in self.tables
            if not t.exact
        ]
        if self.on_violation == "fail":
            found += [*self.broken_lines, *self.orphan_lines]
        return found

    @property
    def orphan_lines(self) -> list[str]:
        return [f"{one}; see them with: {one.query}" for one in self.references if one.query]

    @property
    def broken_lines(self) -> list[str]:
        """Constraints that the copied rows break, each with the query that shows these."""
        return [
            f"{one.step.table}: {one.violations:,} rows break {one.step.id}; see them with: {one.restored.query}"
            for one in self.objects
            if one.restored and one.violations
        ]


def verify(plan: Plan, target: TargetSession, run_id: str, objects: Sequence[ObjectProof] = ()) -> Proof:
    """Count every copied table and every reference between them in the target; not the references that the database itself
    has checked just now, when it brought their foreign keys back."""
    plans = {table.table_id: table for table in plan.tables}
    states = target.ledger.tables(run_id)
    tables = tuple(
        TableProof(
            table_id=state.table_id,
            table=state.target,
            rows=state.rows,
            rows_before=state.rows_before,
            counted=target.count(plans[state.table_id].name),
            bytes=state.bytes,
            snapshot=state.snapshot,
            counts=_counts(plans[state.table_id], state.counts),
        )
        for state in states
    )
    complete = {state.table_id for state in states if state.state == "complete"}
    unfinished = tuple(str(t.name) for t in plan.tables if t.table_id not in complete)
    checked = _checked(target, objects)
    references = tuple(_reference(target, key, checked.get(_same(key))) for key in plan.references)
    appended = plan.if_target_not_empty == "append"
    return Proof(tables, references, plan.on_violation, unfinished, appended, tuple(objects))


def _reference(target: TargetSession, key: ForeignKey, known: int | None) -> ReferenceProof:
    """Counted, unless the database itself has told."""
    count = target.orphans(key) if known is None else known
    return ReferenceProof(key, count, target.orphan_query(key) if count and not known else "")


def _checked(target: TargetSession, objects: Sequence[ObjectProof]) -> dict[Reference, int]:
    """The references that the database has checked, and how many rows broke each."""
    found = {
        (one.step.table, one.step.id.name): one.violations
        for one in objects
        if one.step.id.kind is ObjectKind.FOREIGN_KEY and (one.state == "restored" or one.violations)
    }
    if not found:
        return {}
    keys = [key for table in target.schema().tables for key in table.foreign_keys]
    return {_same(key): found[key.table, key.name] for key in keys if (key.table, key.name) in found}


def _same(key: ForeignKey) -> Reference:
    """What makes two declarations one reference."""
    return key.table, key.columns, key.referenced, key.referenced_columns


def _counts(table: TablePlan, counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """What was counted of each kind, 0 included, under the target's names; what could not be counted of a column is left
    out."""
    every = [decision.column for decision in table.masked]
    marked = [decision.column for decision in table.masked if mark(decision) is not None]
    columns = {UNCHANGED: every, ALIKE: marked, UNMARKED: marked}
    found = {kind: of_kind(kind, counts) for kind in KINDS}
    return {kind: {table.column(name): found[kind].get(name, 0) for name in columns[kind]} for kind in KINDS}
