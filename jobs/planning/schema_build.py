"""Build the plan for a schema, alone or as the first phase of a copy: which objects the operation wants, what its target has,
and what is done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.schema import Table, TableName, folded
from jobs.config.operation import Operation
from jobs.planning.crossing import Projection
from jobs.planning.ends import End, TargetChecks
from jobs.planning.findings import Finding, error, warning
from jobs.planning.objects import Agree, Selected, arranged, hangs_on, identical, included, select
from jobs.planning.permitted import Work, unpermitted
from jobs.planning.schema_plan import Applied, Change, SchemaPlan, clashes, compared, dropped, with_applied

Masked: TypeAlias = Mapping[TableName, Set[str]]
"""Columns whose values are replaced, by the source's table."""


def carried(operation: Operation, source: End, target: End, tables: Sequence[Table], ways: Mapping[TableName, Projection],
            checks: TargetChecks, applied: Sequence[Applied] = (), masked: Masked = MappingProxyType({}),
            continued: str | None = None) -> tuple[SchemaPlan, list[Finding]]:  # fmt: skip
    """What the operation wants in the target, and what is done for it. `masked`: the columns whose values are replaced;
    `continued`: the operation that goes on, of whose own tables nothing is dropped a second time."""
    definer = checks.definer
    assert definer is not None
    assert target.objects is not None
    there, left = target.objects.made, source.objects.left if source.objects else ()
    wanted, agree, findings = wanted_objects(operation, source, target, tables, ways, checks, masked)
    names = {found.id.table for found in wanted if found.id.kind is ObjectKind.TABLE and found.id.table is not None}
    changes: list[Change] = []
    if operation.mode == "recreate":
        gone_before = {one.object for one in applied if one.action == "drop" and one.operation_id == continued}
        going = {name for name in names if str(ObjectId(ObjectKind.TABLE, name, str(name))) not in gone_before}
        changes, more = dropped(target.environment, there, wanted, going)
        findings += more + _lost(target, going)
        gone = {change.id for change in changes}
        there = tuple(found for found in there if found.id.table not in going and found.id not in gone)
    findings += clashes(target.environment, wanted, there, target.facts)

    ours = hangs_on(wanted)

    def extra(found: SchemaObject) -> bool:
        return ours(found) and included(found, operation.include_indexes, operation.include_constraints)

    same = identical if agree is None else agree(target.schema)
    broken = checks.broken if operation.moves_rows else frozenset()
    more_changes, extras, more = compared(
        target.environment, wanted, there, operation.mode, definer.altered, same, extra, broken, operation.alter
    )
    changes += more_changes
    findings += _unmet(target, wanted, changes)
    altered = with_applied(changes, wanted, applied) if operation.mode == "update" else ()
    settings = {"include_indexes": operation.include_indexes, "include_constraints": operation.include_constraints}
    plan = SchemaPlan(
        operation.mode, wanted, tuple(changes), tuple(extras), left, settings, operation.alter, altered, agree, broken
    )
    works = [Work(str(id_), None if id_.table is None else str(id_.table), up) for id_, up in plan.works()]
    return plan, [*findings, *more, *unpermitted(target.environment, definer, works)]


def wanted_objects(operation: Operation, source: End, target: End, tables: Sequence[Table],
                   ways: Mapping[TableName, Projection], checks: TargetChecks, masked: Masked = MappingProxyType({})
                   ) -> tuple[tuple[SchemaObject, ...], Agree | None, list[Finding]]:  # fmt: skip
    """What the target should have, and how it is compared with what it has: of tables that stay what they are their own
    words; else what the target's engine makes of them."""
    made: tuple[SchemaObject, ...] = ()
    agree: Agree | None = None
    findings: list[Finding] = []
    crossing = crossed(tables, ways, own_words(source, target))
    if crossing:
        from jobs.planning.desired import desired

        made, agree, findings = desired(operation, source, target, tables, checks, masked)
        if source.facts.engine == target.facts.engine and not own_words(source, target):
            what = f"{source.server.version} and {target.server.version} say their schemas in different words"
            findings.append(warning(f"{source.environment}, {target.environment}", f"{what}: {SAID_ANEW}"))
    others = [ways[table.name].wanted.name for table in crossing]
    staying = [table.name for table in tables if table not in crossing]
    if staying or not crossing:
        assert source.objects is not None
        selected = select(
            source.objects,
            staying,
            every=operation.wanted is None and not operation.exclude and not crossing,
            indexes=operation.include_indexes,
            constraints=operation.include_constraints,
            elsewhere=[*others, *(table.name for table in target.schema.tables)],
        )
        made = arranged({found.id: found for found in (*made, *selected.made)}.values())
        findings += _stranded(source.environment, selected, target)
    return made, agree, findings


SAID_ANEW = (
    "tables are made as between two engines, without views, partitions, hidden columns and options of one of both"
)


def own_words(source: End, target: End) -> bool:
    """Whether the one server takes what the other says of its schema."""
    return (source.facts.engine, source.server.dialect) == (target.facts.engine, target.server.dialect)


def crossed(tables: Sequence[Table], ways: Mapping[TableName, Projection], own: bool) -> list[Table]:
    """Tables that cannot keep their own words: those that cross or are mapped, and those whose keys lead to one of them. Where
    there are no words of both (`own`), all."""
    others = {table.name for table in tables if not own or ways[table.name].crosses}
    return [t for t in tables if t.name in others or any(key.referenced in others for key in t.foreign_keys)]


def _stranded(where: str, selected: Selected, target: End) -> list[Finding]:
    there = {_plain(table.name, target) for table in target.schema.tables}
    return [
        warning(
            f"{where}: {found.id}",
            f"it leads to {table}, which is neither wanted nor in the target: {OF_ITS_TABLE if found.inline else LEFT_OUT}",
            f"name {table} too if it is meant",
        )
        for found, table in selected.stranded
        if _plain(table, target) not in there
    ]


LEFT_OUT = "it is left out"
OF_ITS_TABLE = "it comes in its table's own words, which take no row that names one there"


def _plain(table: TableName, target: End) -> TableName:
    return replace(table, name=folded(table.name, target.server.ignores_case))


def _unmet(target: End, wanted: Iterable[SchemaObject], changes: Iterable[Change]) -> list[Finding]:
    """What objects to be made need, is not there, and never comes."""
    there = set(target.objects.left) if target.objects else set()
    uses = {found.id: found.uses for found in wanted}
    return [
        error(
            f"{target.environment}: {change.id}",
            f"it needs {kind} {name}, which is not there and is not carried",
            "make it there first",
        )
        for change in changes
        for kind, name in uses.get(change.id, ())
        if (kind, name) not in there and change.action != "drop"
    ]


def _lost(target: End, names: Iterable[TableName]) -> list[Finding]:
    """What goes with a table that is dropped, and does not come back."""
    findings = []
    for table in target.schema.pick(names):
        where = f"{target.environment}: {table.name}"
        findings.append(warning(where, f"is dropped with all its rows (≈ {table.rows:,})"))
        findings += [warning(where, f"{hook} goes with it, and is not made again") for hook in table.hooks]
        if target.objects is not None and ("grants", str(table.name)) in target.objects.left:
            findings.append(warning(where, "its grants go with it, and are not made again"))
    return findings


def obstacles(target: End, tables: Sequence[Table], ways: Mapping[TableName, Projection], checks: TargetChecks
              ) -> list[Finding]:  # fmt: skip
    """Why the target could not make a table that it lacks."""
    findings = [warning(target.environment, note) for note in target.server.notes]
    if not target.server.writable:
        what = "this server takes no writes (a replica, or read-only)"
        findings.append(error(target.environment, what, "name its primary"))
    others = dict(target.schema.other)
    for table in tables:
        wanted = ways[table.name].wanted
        if wanted.name in others:
            what = f"a {others[wanted.name]} of this name is in the way"
            findings.append(error(f"{target.environment}: {wanted.name}", what, "drop or rename it"))
        elif target.schema.get(wanted.name) is None:
            findings += [error(f"{target.environment}: {wanted.name}", what) for what in checks.creatable(wanted)]
    return findings
