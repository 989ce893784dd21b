"""Paths: how each table's rows are read and written, what was asked for, and what stands against it. Pure but for asking
an engine whether its JDBC driver can connect as an environment says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

from sqlglot import exp

from connectors.contract import Endpoint, connector
from connectors.facts import Facts
from connectors.schema import Table, TableName
from jobs.config.names import parse_table
from jobs.config.operation import Operation
from jobs.planning.findings import Finding, error, nearest, warning
from jobs.planning.plan import TablePlan

AUTO = {
    "native": "the engine's own reader, in the task that loads",
    "bulk": "the engine's own bulk load, in the task that reads",
}
"""What `auto` takes, and why: rows that go through the JVM are copied and converted twice more."""


class End(Protocol):
    """What this needs of `jobs.planning.build.End`."""

    @property
    def environment(self) -> str: ...
    @property
    def endpoint(self) -> Endpoint: ...
    @property
    def facts(self) -> Facts: ...


def chosen(operation: Operation, source: End, target: End, plans: Sequence[TablePlan]
           ) -> tuple[list[TablePlan], list[Finding]]:  # fmt: skip
    """The plans with their paths."""
    read = _asked("read", operation.read, plans, source)
    write = _asked("write", operation.write, plans, source)
    findings = [*read[1], *write[1]]
    found = []
    for plan in plans:
        name = plan.source.name
        reads: Literal["native", "jdbc"] = "jdbc" if read[0].get(name) == "jdbc" else "native"
        writes: Literal["bulk", "jdbc"] = "jdbc" if write[0].get(name) == "jdbc" else "bulk"
        told = f"read {_why(reads, read[0].get(name))}; write {_why(writes, write[0].get(name))}"
        found.append(replace(plan, paths=(reads, writes), path_reasons=told))
    if any(plan.paths[0] == "jdbc" for plan in found):
        findings += _refused(source, "read") or [*_scans(source, found), *_computing(found)]
    if any(plan.paths[1] == "jdbc" for plan in found):
        findings += _refused(target, "write") or _written_twice(source, target, found)
    return found, findings


def _asked(key: str, given: str | Mapping[str, str], plans: Sequence[TablePlan], source: End
           ) -> tuple[dict[TableName, str], list[Finding]]:  # fmt: skip
    """What the operation says, by table."""
    if isinstance(given, str):
        return {plan.source.name: given for plan in plans}, []
    known = {plan.source.name for plan in plans}
    found, findings = {}, []
    for text, path in given.items():
        schema, plain = parse_table(text)
        name = TableName(schema or source.facts.default_schema, plain)
        found[name] = path
        if name not in known:
            hint = nearest(text, (each.name for each in known))
            findings.append(error(f"{key}: {text}", "this table is not copied", hint))
    return found, findings


def _why(path: str, asked: str | None) -> str:
    return f"{path} (as asked)" if asked == path else f"{path} (auto: {AUTO[path]})"


def _refused(end: End, key: Literal["read", "write"]) -> list[Finding]:
    paths, title = connector(end.endpoint.engine).jdbc, end.facts.title
    todo = f"say `{key}: auto`"
    if paths is None:
        return [error(end.environment, f"{title} has no JDBC path", todo)]
    reason = paths.unreachable(end.endpoint)
    return [error(end.environment, f"no JDBC path leads there: {reason}", todo)] if reason else []


def _written_twice(source: End, target: End, plans: Sequence[TablePlan]) -> list[Finding]:
    if source.facts.snapshot_holder == "task":
        what = f"{source.facts.title} is read by one task that loads what it reads: Spark cannot write it"
        return [error(source.environment, what, "say `write: auto`")]
    tables = [plan for plan in plans if plan.paths[1] == "jdbc"]
    mib = sum(plan.source.bytes for plan in tables) / (1 << 20)
    what = (
        f"{len(tables)} table{'s' * (len(tables) > 1)} of about {mib:,.0f} MiB are written twice (write: jdbc): rows land in"
        " staging tables first, so until each table is finished they take twice the disk there, and twice the log"
    )
    return [warning(target.environment, what, "`write: auto` loads them once")]


def _scans(source: End, plans: Sequence[TablePlan]) -> list[Finding]:
    """Tables of which every chunk reads all rows."""
    found: list[Table] = [plan.source for plan in plans if plan.paths[0] == "jdbc"]
    paths = connector(source.endpoint.engine).jdbc
    return [
        warning(
            f"{source.environment}: {table.name}",
            "every chunk of it reads the whole table (read: jdbc): its key is no integer, and Spark shows to others by what"
            " a table is cut",
            "`read: auto` reads each row once",
        )
        for table in found
        if paths is not None and paths.scans(table)
    ]


def _computing(plans: Sequence[TablePlan]) -> list[Finding]:
    """Filters that may fail at a row: the server's error quotes its value, and Spark logs the error."""
    return [
        error(
            f"filter on {plan.source.name}",
            "it converts or computes (read: jdbc): where that fails, Spark logs the server's error with a value of the row",
            "say `read: auto` for this table, or compare its columns as they are",
        )
        for plan in plans
        if plan.paths[0] == "jdbc" and plan.where is not None
        if any(not isinstance(found, exp.Connector) for found in plan.where.find_all(exp.Func))
    ]


def told(plans: Sequence[TablePlan]) -> dict[str, Any]:
    """Each table's paths, for `how`."""
    return {str(plan.source.name): plan.path_reasons for plan in plans}
