"""The plan: what is approved and hashed, and how it is going to happen.

`what` is the SHA-256's material: the same inputs tomorrow, on another machine, with other row counts and another state of
the target give the same hash; any change of what design calls *what* gives another. `how` is frozen per run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from anonymizers.contract import ColumnShape, Rule, strategies, version
from anonymizers.dictionaries import versions
from connectors.contract import DIRECT, Endpoint, Filter, Paths
from connectors.objects import Step
from connectors.schema import Column, ForeignKey, Table, TableName
from jobs.config.approvals import Requirement
from jobs.config.operation import Operation
from jobs.errors import UsageError
from jobs.planning.crossing import Judged, Projection
from jobs.planning.decisions import Decision
from jobs.planning.findings import Finding
from jobs.planning.schema_plan import SchemaPlan, steps

END = ("engine", "host", "port", "database")
"""What of an endpoint tells which database it is."""
FORMAT = 2
"""Grows when `what` changes its form: older approvals then no longer match."""


@dataclass(frozen=True)
class TablePlan:
    """One table's way."""

    table_id: int
    source: Table
    target: Table | None
    """The table as it stands in the target; None: it will be created."""
    way: Projection
    """What it is in the target's terms."""
    filter_text: str | None
    where: Filter | None = field(repr=False)
    decisions: tuple[Decision, ...]
    waits_for: frozenset[int] = frozenset()
    """Tables that must be complete first (foreign keys stay on in the target)."""
    paths: Paths = DIRECT
    path_reasons: str = ""
    whole: bool = False
    """Must be one chunk (it references itself and foreign keys stay on)."""
    together: frozenset[int] = frozenset()
    """Tables that reference each other in a cycle, this one among them, while foreign keys stay on: all are staged, and
    published together."""

    @property
    def name(self) -> TableName:
        """The table's name in the target."""
        return self.way.wanted.name

    @property
    def masked(self) -> tuple[Decision, ...]:
        return tuple(d for d in self.decisions if d.rule is not None)

    def column(self, name: str) -> str:
        """What a copied column of the source is called in the target."""
        return self.way.columns.get(name, name)


@dataclass(frozen=True)
class Plan:
    """What will happen, everything resolved. `findings` with severity error mean that it must not."""

    operation_type: str
    source_env: str
    target_env: str
    anonymize: bool
    if_target_not_empty: str
    on_violation: str
    tables: tuple[TablePlan, ...]
    references: tuple[ForeignKey, ...]
    """Foreign keys between copied tables, as either end declares them: proved after the load."""
    requirement: Requirement
    """Whose approval it needs."""
    what: Mapping[str, Any] = field(repr=False)
    sha256: str
    how: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()
    schema: SchemaPlan | None = None
    """Where it carries one."""
    disable_constraints: bool = False
    suspended: tuple[Step, ...] = ()
    """What of the target waits while rows come, where constraints are disabled."""

    @cached_property
    def late(self) -> tuple[Step, ...]:
        """What of the schema is made when the rows are there."""
        return steps(self.schema, [table.name for table in self.tables]) if self.schema and self.tables else ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "error")

    @property
    def rows(self) -> int:
        """Estimated rows, from the source's own statistics."""
        return sum(t.source.rows for t in self.tables)


def fingerprint(what: Mapping[str, Any]) -> str:
    """SHA-256 over canonical JSON: sorted keys, no spaces, UTF-8 (the parts of RFC 8785 that apply: no floats occur)."""
    text = json.dumps(what, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def genuine(operation: str, what: Mapping[str, Any], sha256: str) -> None:
    """Raises UsageError where the plan recorded for an operation is not the one that its hash is the hash of."""
    if fingerprint(what) != sha256:
        raise UsageError(
            "the recorded plan is not the one of its hash: somebody has changed it in the control store",
            f"operation {operation}",
            "approve nothing of it; look who did this, and run its file again",
        )


def planned(operation: Operation, settings: Mapping[str, Any], ends: tuple[Endpoint, Endpoint], requirement: Requirement,
            how: Mapping[str, Any], findings: Iterable[Finding], *, tables: Sequence[TablePlan] = (),
            references: Sequence[ForeignKey] = (), key_id: str | None = None, schema: SchemaPlan | None = None,
            suspended: Sequence[Step] = ()) -> Plan:  # fmt: skip
    """The plan of all that was found out. `settings` are those of the operation that its approvers approve."""
    what = describe(settings, *ends, tables, key_id, requirement, schema)
    return Plan(
        operation_type=operation.operation_type,
        source_env=operation.source_env,
        target_env=operation.target_env,
        anonymize=operation.anonymize,
        if_target_not_empty=operation.if_target_not_empty,
        on_violation=operation.on_violation,
        tables=tuple(tables),
        references=tuple(references),
        requirement=requirement,
        what=what,
        sha256=fingerprint(what),
        how={**how, **({"schema": schema.shown()} if schema else {})},
        findings=tuple(dict.fromkeys(findings)),
        schema=schema,
        disable_constraints=operation.disable_constraints,
        suspended=tuple(suspended),
    )


def describe(operation: Mapping[str, Any], source: Endpoint, target: Endpoint, tables: Sequence[TablePlan],
             key_id: str | None, requirement: Requirement, schema: SchemaPlan | None = None) -> dict[str, Any]:  # fmt: skip
    """`what`, in plain JSON. `operation` holds the operation's own settings that change the result."""
    rules = [d.rule for t in tables for d in t.masked if d.rule is not None]
    known = strategies() if rules else {}  # a rule whose strategy is not there has its finding
    used = {rule.strategy for rule in rules} & set(known)
    code = {name: known[name].version for name in used}
    code |= {f"{r.strategy} {r.domain}": version(known[r.strategy], r.domain) for r in rules
             if r.strategy in used and r.domain in known[r.strategy].revised}  # fmt: skip
    return {
        "format": FORMAT,
        **operation,
        "approvals": requirement.as_json(),
        "source": _end(source),
        "target": _end(target),
        "key": key_id,
        "code": dict(sorted(code.items())),
        "dictionaries": versions() if rules else {},
        "tables": {str(t.source.name): _table(t) | ({} if schema else _deviating(t)) for t in tables},
        **({"schema": schema.what()} if schema else {}),
    }


def _end(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "engine": endpoint.engine,
        "host": endpoint.host,
        "port": endpoint.port,
        "database": endpoint.database,
        "user": endpoint.user,
        "options": dict(sorted(endpoint.options.items())),
        "tls": {"mode": endpoint.tls.mode, "ca": endpoint.tls.ca} if endpoint.host else None,
    }


def _table(table: TablePlan) -> dict[str, Any]:
    rules = {d.column: "keep" if d.rule is None else _rule(d.rule, d.shape) for d in table.decisions}
    crosses = {"into": {"name": str(table.name), "columns": [_judged(one) for one in table.way.judged]}}
    paths = (
        {"paths": list(table.paths)} if table.paths != DIRECT else {}
    )  # others see more of what Spark reads or writes
    return {
        **(crosses if table.way.crosses else {}),
        **paths,
        "filter": table.filter_text,
        "key": list(table.source.primary_key),
        "columns": [
            {"name": c.name, "type": c.type.native, "nullable": c.nullable, "decision": rules.get(c.name)}
            for c in table.source.columns
        ],
    }


def _deviating(table: TablePlan) -> dict[str, Any]:
    """The columns of a table that is there which the copy would have made otherwise, or not at all."""
    if table.target is None:
        return {}
    crosses = table.way.crosses  # then what their types are is told with what fills them
    made, there = ({c.name: _column(c, crosses) for c in t.columns} for t in (table.way.wanted, table.target))
    found = [
        {"name": name, **there.get(name, {})} for name in sorted({*made, *there}) if made.get(name) != there.get(name)
    ]
    return {"deviates": found} if found else {}


def _column(column: Column, crosses: bool) -> dict[str, Any]:
    return {} if crosses else {"type": column.type.native, "nullable": column.nullable}


def _judged(one: Judged) -> dict[str, Any]:
    """A target column: what fills it, and what that loses."""
    field = one.field
    told: dict[str, Any] = {"name": field.target, "type": one.native, "loss": str(one.loss)}
    if field.source is None:
        told["constant"] = field.constant
    else:
        told["from"] = field.source
    if field.values is not None:
        told["values"] = dict(field.values)
    return told | ({"allow_lossy": True} if field.consent else {})


def _rule(rule: Rule, shape: ColumnShape) -> dict[str, Any]:
    told: dict[str, Any] = {"strategy": rule.strategy, "domain": rule.domain, "options": dict(rule.options)}
    if rule.subject is not None:
        told["subject"] = {"columns": list(rule.subject.columns), "otherwise": list(rule.subject.otherwise)}
    if shape.ignores_case is not None:
        told["ignores_case"] = shape.ignores_case
    return told


def changed(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> list[str]:
    """Where two `what`s differ, as paths: for people who ask why a hash changed."""
    found = []
    for key in sorted({*old, *new}, key=str):
        here = f"{path}.{key}" if path else str(key)
        one, other = _by_name(old.get(key), new.get(key)), _by_name(new.get(key), old.get(key))
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += changed(one, other, here)
        elif one != other:
            found.append(here)
    return found


def _by_name(value: Any, beside: Any) -> Any:
    """A list of named things as a mapping: what changed is then told by its name."""
    if _names_things(value) or (value == [] and _names_things(beside)):
        return {item["name"]: item for item in value}
    return value


def _names_things(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(i, Mapping) and "name" in i for i in value)
