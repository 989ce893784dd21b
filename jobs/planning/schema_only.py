"""Build the plan of an operation that brings a schema and no rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.config.approvals import Requirement
from jobs.config.operation import Operation
from jobs.planning.build import project, select_tables
from jobs.planning.ends import End, TargetChecks
from jobs.planning.plan import Plan, planned
from jobs.planning.schema_build import carried, obstacles
from jobs.planning.schema_plan import Applied


def build_schema(operation: Operation, source: End, target: End, checks: TargetChecks, requirement: Requirement,
                 applied: Sequence[Applied] = (), continued: str | None = None) -> Plan:  # fmt: skip
    """The plan, with all findings at once. `applied`: what operations have changed in this target's schema; `continued`:
    the one that goes on, whose own tables are not dropped a second time."""
    tables, findings = select_tables(operation, source)
    _, ways, more = project(operation, tables, source, target)
    tables, findings = [table for table in tables if table.name in ways], findings + more
    findings += obstacles(target, tables, ways, checks)
    schema, more = carried(operation, source, target, tables, ways, checks, applied, continued=continued)
    settings = {"operation_type": operation.operation_type}
    ends = source.endpoint, target.endpoint
    return planned(operation, settings, ends, requirement, {}, findings + more, schema=schema)
