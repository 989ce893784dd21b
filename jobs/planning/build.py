"""Build the plan: operation + two schemas → tables in load order, filters, decisions, findings. Pure but for the database
parsing the filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from connectors.contract import DIRECT, Filter
from connectors.errors import TerminalError
from connectors.objects import Step
from connectors.schema import ForeignKey, Schema, Table, TableName, folded
from jobs.config.approvals import Requirement
from jobs.config.names import parse_table
from jobs.config.operation import Operation
from jobs.planning import paths, suspending
from jobs.planning.crossing import Projection, Projector, Side, places, uncomputed
from jobs.planning.decisions import Decision, Place, decide, keep_all
from jobs.planning.detected import REST, UNSEEN, Sample, propose, recorded, survey
from jobs.planning.ends import End, SourceChecks, TargetChecks
from jobs.planning.filters import parse_filter
from jobs.planning.findings import Finding, error, nearest, warning
from jobs.planning.order import load_order
from jobs.planning.plan import Plan, TablePlan, planned
from jobs.planning.schema_build import carried
from jobs.planning.schema_plan import Applied
from jobs.planning.stored import refreshed
from jobs.planning.suspending import Waits


def build(operation: Operation, source: End, target: End, asks: SourceChecks, checks: TargetChecks, key_id: str | None,
          requirement: Requirement, requested: Mapping[str, Any] | None = None, applied: Sequence[Applied] = ()
          ) -> Plan:  # fmt: skip
    """The plan, with all findings at once. `requested`: the plan an operation was recorded with, whose decisions count
    where there is no policy; `applied`: what operations have changed in this target's schema."""
    tables, findings = select_tables(operation, source)
    projector, projected, more = project(operation, tables, source, target)
    tables, findings = [table for table in tables if table.name in projected], findings + more
    filters, more = _filters(operation, tables, source, asks.explain)
    findings += more
    existing = {t: there for t, p in projected.items() if (there := target.schema.get(p.wanted.name)) is not None}
    schema, told = None, list[Finding]()
    if operation.carries_schema:
        schema, told = carried(operation, source, target, tables, projected, checks, applied)
    standing = {t: there for t, there in existing.items() if schema is None or there.name not in schema.mended}
    waits = _waits(operation, tables, existing, target, checks)
    views = refreshed(operation, [there.name for there in existing.values()], checks.definer)
    suspended = (*(step for one in waits for step in one.steps), *views.steps)
    findings += _target_findings(operation, tables, projected, existing, standing, target, checks, suspended)
    judged = {
        t: p.in_source_terms(standing.get(t, p.wanted)) for t, p in projected.items() if p.crosses or t in existing
    }
    dropped = {(t.name, c.name) for t in tables for c in t.copied if c.name not in projected[t.name].columns}
    decisions, more = _decided(operation, tables, source, judged, asks.sample, requested, dropped)
    findings += more if operation.anonymize else [_unmasked(operation, requirement)]
    findings += _replaced_and_mapped(source.environment, projected, decisions)
    masked = {t: found for t, ds in decisions.items() if (found := {d.column for d in ds if d.rule is not None})}
    if schema is not None and masked and any(way.crosses for way in projected.values()):
        schema, told = carried(operation, source, target, tables, projected, checks, applied, masked)
    findings += told
    references = _references(tables, projected, projector, target.schema)
    plans, more = _arrange(tables, projected, existing, filters, decisions, references, target, suspended)
    findings += more + _source_findings(source, tables) + views.findings(target.environment)
    plans, more = paths.chosen(operation, source, target, plans)
    findings += more
    return planned(
        operation,
        _settings(operation),
        (source.endpoint, target.endpoint),
        requirement,
        _how(operation, source, target, plans, waits) | views.told(),
        findings,
        tables=plans,
        references=references,
        key_id=key_id,
        schema=schema,
        suspended=suspended,
    )


def _decided(operation: Operation, tables: Sequence[Table], source: End, existing: Mapping[TableName, Table], sample: Sample,
             requested: Mapping[str, Any] | None, dropped: Set[Place]
             ) -> tuple[Mapping[TableName, Sequence[Decision]], list[Finding]]:  # fmt: skip
    """What happens to each column: as the policy says, as it was requested, or as the detector proposes."""
    default = source.facts.default_schema
    if not operation.anonymize:
        return keep_all(tables, dropped), []
    if operation.policy is not None:
        return decide(tables, source.schema, existing, operation.policy.rules, default, dropped=dropped)
    if requested is not None:
        return decide(tables, source.schema, existing, recorded(requested), default, dropped=dropped)
    unseen = []

    def seen(table: Table, columns: Sequence[str]) -> Mapping[str, Any]:
        found = sample(table, columns)
        unseen.extend([] if found else [warning(f"{source.environment}: {table.name}", UNSEEN)])
        return found

    rules, findings = propose(tables, source.schema, survey(tables, source.schema, seen), dropped)
    decisions, more = decide(tables, source.schema, existing, rules, default, REST, dropped)
    return decisions, findings + more + unseen


def _replaced_and_mapped(environment: str, projected: Mapping[TableName, Projection],
                         decisions: Mapping[TableName, Sequence[Decision]]) -> list[Finding]:  # fmt: skip
    what = "its values are replaced, and then mapped (column_mappings: values): no mapping knows a replacement"
    return [
        error(f"{environment}: {table}.{decision.column}", what, "keep it in the policy, or take `values` out")
        for table, decided in decisions.items()
        for decision in decided
        if decision.rule is not None
        and any(one.source == decision.column and one.values is not None for one in projected[table].fields)
    ]


def _unmasked(operation: Operation, requirement: Requirement) -> Finding:
    what = "nothing is anonymized: every value arrives as it is (anonymize: false)"
    if requirement.unmasked:
        return warning(operation.target_env, what)
    pair = f"{operation.source_env} -> {operation.target_env}"
    return error(pair, "copies unmasked, which is not allowed between these two (anonymize: false)",
                 f"anonymize, or have `unmasked: true` said for the pair {pair} in the approvals file")  # fmt: skip


def _settings(operation: Operation) -> dict[str, Any]:
    return {
        "operation_type": operation.operation_type,
        "anonymize": operation.anonymize,
        "if_target_not_empty": operation.if_target_not_empty,
        "on_violation": operation.on_violation,
        **({"disable_constraints": True} if operation.disable_constraints else {}),
    }


def _waits(operation: Operation, tables: Sequence[Table], existing: Mapping[TableName, Table], target: End,
           checks: TargetChecks) -> list[Waits]:  # fmt: skip
    """What waits while rows come, where the operation asks for that."""
    if not operation.disable_constraints or not existing:
        return []
    found = checks.definer.suspensions([there.name for there in existing.values()]) if checks.definer else []
    pairs = [(table, existing[table.name]) for table in tables if table.name in existing]
    return suspending.chosen(pairs, found, target.server, appends=operation.if_target_not_empty == "append")


def _how(operation: Operation, source: End, target: End, plans: Sequence[TablePlan], waits: Sequence[Waits]
         ) -> dict[str, Any]:  # fmt: skip
    crossing = [part for part in plans if part.way.crosses or part.paths != DIRECT]
    ways = list(source.facts.ways) if len(crossing) < len(plans) else []
    if crossing:
        ways.append(f"{source.facts.title} → {target.facts.title}: every value as exact text, column by column")
    return {
        "way": "; ".join(ways),
        "paths": paths.told(plans),
        "snapshot": source.server.snapshot,
        "parallel_workers": operation.parallel_workers,
        "writers": target.facts.writers,
        "foreign_keys": suspending.keys(waits, target.server),
        "rows": sum(t.source.rows for t in plans),
        "bytes": sum(t.source.bytes for t in plans),
        **({"constraints": suspending.told(waits)} if operation.disable_constraints else {}),
    }


def select_tables(operation: Operation, source: End) -> tuple[list[Table], list[Finding]]:
    """The tables the operation names, in the source's order."""
    known = {table.name: table for table in source.schema.tables}
    other = dict(source.schema.other)
    findings = []

    def find(text: str, where: str) -> TableName | None:
        schema, name = parse_table(text)
        table = TableName(schema or source.facts.default_schema, name)
        if table in known:
            return table
        if table in other:
            findings.append(
                error(f"{where}: {text}", f"this is a {other[table]}, not a table", "name the tables it reads")
            )
        else:
            findings.append(error(f"{where}: {text}", f"no such table in {source.environment}",
                                  nearest(str(table), map(str, known))))  # fmt: skip
        return None

    wanted = list(known) if operation.wanted is None else [find(text, "tables") for text in operation.wanted]
    left_out = {find(text, "exclude") for text in operation.exclude}
    names = {name for name in wanted if name is not None} - left_out
    if not known and not findings:
        findings.append(error(source.environment, "this database has no tables", "check `database` of the environment"))
    elif not names and not findings:
        findings.append(error(source.environment, "there is no table to copy", "check `tables` and `exclude`"))
    return [table for table in source.schema.tables if table.name in names], findings


def project(operation: Operation, tables: Sequence[Table], source: End, target: End
             ) -> tuple[Projector, dict[TableName, Projection], list[Finding]]:  # fmt: skip
    """Each table's way into the target, where it has one."""
    default, names = source.facts.default_schema, [table.name for table in tables]
    mappings = {TableName(schema or default, name): mapping for text, mapping in operation.column_mappings.items()
                for schema, name in [parse_table(text)]}  # fmt: skip
    findings = [
        error(f"column_mappings: {name}", "this table is not copied", nearest(str(name), map(str, names)))
        for name in mappings
        if name not in names
    ]
    consents = places(operation.allow_lossy, default)
    known = {(table.name, column.name) for table in tables for column in table.copied}
    findings += [
        error(f"allow_lossy: {table}.{column}", "there is no such column to copy",
              nearest(f"{table}.{column}", (f"{name}.{c}" for name, c in known)))
        for table, column in sorted(consents - known)
    ]  # fmt: skip
    sides = Side(source.environment, source.facts, source.types), Side(target.environment, target.facts, target.types)
    projector = Projector(*sides, target.schema, mappings, consents)
    projected: dict[TableName, Projection] = {}
    taken: dict[tuple[str | None, str], TableName] = {}
    for table in tables:
        found = projector.project(table)
        if found is None:
            continue
        place = found.wanted.name.schema, folded(found.wanted.name.name, target.server.ignores_case)
        if place in taken:
            what = f"is called {found.wanted.name} in the target, as {taken[place]} is"
            same = projected[taken[place]].wanted.name == found.wanted.name
            what += "" if same else " (letter case tells no tables apart there)"
            todo = "give one of them another name (column_mappings: table)"
            findings.append(error(f"{source.environment}: {table.name}", what, todo))
        taken[place] = table.name
        projected[table.name] = found
        if found.crosses and target.schema.get(found.wanted.name) is None:
            findings += found.lost
            findings += [] if operation.carries_schema else uncomputed(source.environment, table, found.without)
    return projector, projected, findings + projector.findings


def _filters(operation: Operation, tables: Sequence[Table], source: End, explain: Callable[[Table, Filter], None]
             ) -> tuple[dict[TableName, tuple[str, Filter]], list[Finding]]:  # fmt: skip
    found: dict[TableName, tuple[str, Filter]] = {}
    findings: list[Finding] = []
    by_name = {table.name: table for table in tables}
    for text, condition in operation.filters.items():
        schema, name = parse_table(text)
        table = by_name.get(TableName(schema or source.facts.default_schema, name))
        where = f"filter on {text}"
        if table is None:
            findings.append(error(where, "this table is not copied", nearest(text, (t.name.name for t in tables))))
            continue
        facts = source.facts
        parsed, more = parse_filter(condition, table, source.schema, facts.filter_dialect, facts.default_schema, where)
        findings += more
        if parsed is None:
            continue
        try:
            explain(table, parsed)
        except TerminalError as problem:
            code = f" [{problem.code}]" if problem.code else ""
            findings.append(error(where, problem.what + code, problem.todo or "check its columns and types"))
        found[table.name] = (parsed.sql(dialect=facts.filter_dialect), parsed)
    return found, findings


def _target_findings(operation: Operation, tables: Sequence[Table], projected: Mapping[TableName, Projection],
                     existing: Mapping[TableName, Table], standing: Mapping[TableName, Table], target: End,
                     checks: TargetChecks, suspended: Sequence[Step]) -> list[Finding]:  # fmt: skip
    findings = [warning(target.environment, note) for note in target.server.notes]
    others = dict(target.schema.other)
    if not target.server.writable:
        findings.append(
            error(target.environment, "this server takes no writes (a replica, or read-only)", "name its primary")
        )
    for table in tables:
        there, projection = existing.get(table.name), projected[table.name]
        wanted = projection.wanted
        where = f"{target.environment}: {wanted.name}"
        if wanted.name in others:
            findings.append(error(where, f"a {others[wanted.name]} of this name is in the way", "drop or rename it"))
        elif there is None:
            findings += [error(where, what) for what in checks.creatable(wanted)]
        else:
            differences = []
            if table.name in standing:
                differences = checks.mismatches(_filled(wanted, there) if projection.crosses else table, there)
            todo = ["mend this in the target, or drop the table: the copy makes a missing one"]
            todos = [""] * (len(differences) - 1) + todo  # once for the table, under its last difference
            findings += [error(where, what, do) for what, do in zip(differences, todos, strict=False)]
            findings += [
                error(where, f"{hook} would interfere with loading{why}", "drop or disable it for the copy")
                for hook, why in suspending.fires(there, suspended, asked=operation.disable_constraints)
            ]
    return findings


def _filled(wanted: Table, there: Table) -> Table:
    """The target's own table with only the columns that are filled, NULL where the source has it: the engine compares it
    with the whole one."""
    nullable = {column.name: column.nullable for column in wanted.columns}
    return replace(
        there, columns=tuple(replace(c, nullable=nullable[c.name]) for c in there.columns if c.name in nullable)
    )


SEVERAL_MOMENTS = (
    "its readers do not share one moment: where others write meanwhile, a row may reference one that was not there yet, or"
    " not any more, when its table was read"
)
ONE_MOMENT = "say what such rows mean (`on_violation: fail` or `report`); for one moment name a replica that is stopped"


def _source_findings(source: End, tables: Sequence[Table]) -> list[Finding]:
    findings = [warning(source.environment, note) for note in source.server.notes]
    if not source.facts.one_moment:
        findings.append(warning(source.environment, SEVERAL_MOMENTS, ONE_MOMENT))
    for table in tables:
        findings += [warning(f"{source.environment}: {table.name}", note) for note in table.notes]
        if not table.readable:
            findings.append(
                error(
                    f"{source.environment}: {table.name}",
                    "the user may not read this table",
                    "grant SELECT on it, or add it to `exclude`",
                )
            )
    return findings


CYCLE = (
    "foreign keys lead round in a circle, and stay on: all rows are staged first, which takes their disk and log twice, and"
    " arrive together in one statement",
    "where our user owns the tables, `disable_constraints: true` takes the keys off meanwhile",
)


def _references(tables: Sequence[Table], projected: Mapping[TableName, Projection], projector: Projector, target: Schema
                ) -> list[ForeignKey]:  # fmt: skip
    """Foreign keys, in the target's terms, out of copied tables to tables that are, or will be, in the target; either end's,
    each once."""
    copied = {projected[table.name].wanted.name for table in tables}
    present = copied | {table.name for table in target.tables}
    found = [projector.key(key, projected) for table in tables for key in table.foreign_keys]
    keys = [key for key in found if key is not None and key.referenced in present]
    keys += [key for table in target.tables if table.name in copied for key in table.foreign_keys]
    unique = {(k.table, k.columns, k.referenced, k.referenced_columns): k for k in reversed(keys)}
    return sorted(unique.values(), key=lambda k: (k.table, k.columns, k.referenced))


def _arrange(tables: Sequence[Table], projected: Mapping[TableName, Projection], existing: Mapping[TableName, Table],
             filters: Mapping[TableName, tuple[str, Filter]], decisions: Mapping[TableName, Sequence[Decision]],
             references: Sequence[ForeignKey], target: End, suspended: Sequence[Step]
             ) -> tuple[list[TablePlan], list[Finding]]:  # fmt: skip
    """Tables in load order. Where the target's own foreign keys cannot be suspended, children wait for parents."""
    by_name = {projected[table.name].wanted.name: table for table in tables}
    order, _ = load_order(by_name, references)
    ids = {name: number for number, name in enumerate(order)}
    plans = []
    for name in order:
        table = by_name[name]
        text, where = filters.get(table.name, (None, None))
        way, decided = projected[table.name], tuple(decisions[table.name])
        plans.append(TablePlan(ids[name], table, existing.get(table.name), way, text, where, decided))
    if target.server.suspends_foreign_keys:
        return plans, []
    enforced = [key for table in existing.values() for key in suspending.enforced(table, suspended)]
    _, cycles = load_order(by_name, enforced)
    findings = [warning(f"{target.environment}: {', '.join(map(str, sorted(cycle)))}", *CYCLE) for cycle in cycles]
    together = {ids[name]: frozenset(ids[one] for one in cycle) for cycle in cycles for name in cycle}
    waits: dict[int, set[int]] = {}
    for key in enforced:
        if key.referenced in ids and ids[key.referenced] not in together.get(ids[key.table], {ids[key.table]}):
            waits.setdefault(ids[key.table], set()).add(ids[key.referenced])
    itself = {ids[key.table] for key in enforced if key.referenced == key.table} - set(together)
    return [
        replace(p, waits_for=frozenset(waits.get(p.table_id, ())), whole=p.table_id in itself,
                together=together.get(p.table_id, frozenset())) for p in plans
    ], findings  # fmt: skip
