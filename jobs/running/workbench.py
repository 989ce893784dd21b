"""The workbench: both ends open, the plan made from what they are right now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from anonymizers.contract import strategy
from anonymizers.errors import KeyRefused
from anonymizers.keys import MasterKey
from connectors.contract import Anonymize, Connector, Endpoint, RunRecord, SourceSession, TargetSession, connector
from connectors.errors import ConnectorError, PermissionMissing
from connectors.schema import TableName
from jobs.config.environment import Environment, choose
from jobs.config.operation import Operation
from jobs.errors import ConfigError
from jobs.planning.build import End, TargetChecks, build
from jobs.planning.findings import Finding, error
from jobs.planning.plan import Plan, TablePlan

T = TypeVar("T")


@dataclass(frozen=True)
class Workbench:
    """An operation, its plan, and the two sessions it was made with. The source session holds the snapshot."""

    operation: Operation
    plan: Plan
    source_endpoint: Endpoint
    target_endpoint: Endpoint
    source_environment: Environment
    connector: Connector
    source: SourceSession
    target: TargetSession
    unfinished: RunRecord | None
    """This plan's own unfinished run, as the target remembers it; or a complete one whose driver died before it said so."""
    _key: MasterKey | None

    def anonymizer(self, table: TablePlan) -> Anonymize | None:
        """The table's policy, compiled with its keys; None where nothing is replaced."""
        from anonymizers.apply import ColumnPlan, TableAnonymizer

        if not table.masked:
            return None
        assert self._key is not None
        columns = []
        for decision in table.masked:
            rule = decision.rule
            assert rule is not None
            key = self._key.domain(rule.strategy, strategy(rule.strategy).version, rule.domain)
            columns.append(ColumnPlan(decision.column, decision.shape, rule, key))
        return TableAnonymizer(columns)


@contextmanager
def open_workbench(
    operation: Operation,
    environments: Mapping[str, Environment],
    claimed: Callable[[Plan], str | None] = lambda _: None,
) -> Iterator[Workbench]:
    """Connect both ends and make the plan. `claimed` tells the run of an operation with this plan that is not over.
    Raises ConfigError and ConnectorError; findings are in the plan."""
    source_environment, target_environment = _environments(operation, environments)
    problems: list[str] = []
    source_endpoint = _looked_up(lambda: source_environment.endpoint(operation.source_env, "dbagent/driver"), problems)
    target_endpoint = _looked_up(lambda: target_environment.endpoint(operation.target_env, "dbagent/driver"), problems)
    key = _looked_up(lambda: _master_key(operation), problems)
    if source_endpoint is None or target_endpoint is None or problems:
        raise ConfigError(problems)
    chosen = connector(source_endpoint.engine)
    with _connected(chosen, source_endpoint, target_endpoint) as (source, target):
        ends = (
            End(operation.source_env, source_endpoint, chosen.facts, source.server, source.schema()),
            End(operation.target_env, target_endpoint, chosen.facts, target.server, target.schema()),
        )
        checks = TargetChecks(target.mismatches, target.creatable)
        plan = build(operation, *ends, checks, source.explain_filter, key.id if key else None)
        state = _same_database(ends) or _no_ledger(operation.target_env, target)
        unfinished = None if state else _unfinished(plan, target, claimed(plan))
        state = state or _not_empty(plan, target, unfinished)
        yield Workbench(
            operation=operation,
            plan=replace(plan, findings=tuple(dict.fromkeys((*state, *plan.findings)))),
            source_endpoint=source_endpoint,
            target_endpoint=target_endpoint,
            source_environment=source_environment,
            connector=chosen,
            source=source,
            target=target,
            unfinished=unfinished,
            _key=key,
        )


def _looked_up(look: Callable[[], T], problems: list[str]) -> T | None:
    """What `look` finds; None where it adds to the problems, so that those of all lookups are told at once."""
    try:
        return look()
    except ConfigError as error:
        problems += error.problems
        return None


def _master_key(operation: Operation) -> MasterKey | None:
    if operation.policy is None:
        return None
    try:
        return MasterKey.parse(operation.policy.key.raw("policy: key").reveal())
    except KeyRefused as error:
        raise ConfigError([f"policy: key: {error}"]) from None


def _environments(operation: Operation, environments: Mapping[str, Environment]) -> tuple[Environment, Environment]:
    names = {"source_env": operation.source_env, "target_env": operation.target_env}
    source, target = choose(environments, names)
    problems = []
    if not target.writable:
        problems.append(
            f"target_env: {operation.target_env} is not writable: an environment is a target only with"
            " `writable: true` in the environments file"
        )
    if source.engine != target.engine:
        problems.append(
            f"{operation.source_env} ({source.facts.title}) → {operation.target_env} ({target.facts.title}):"
            " copies between different engines are not built yet; choose two environments of one engine"
        )
    if problems:
        raise ConfigError(problems)
    return source, target


@contextmanager
def _connected(chosen: Connector, source: Endpoint, target: Endpoint) -> Iterator[tuple[SourceSession, TargetSession]]:
    """Both ends, opened at the same time; both problems when neither opens."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(chosen.source, source), pool.submit(chosen.target, target)
    opened: list[SourceSession | TargetSession] = []
    problems: list[ConnectorError] = []
    for future, endpoint in ((first, source), (second, target)):
        try:
            opened.append(future.result())
        except ConnectorError as problem:
            problems.append(problem.at(endpoint.environment))
    try:
        if len(problems) == 2:
            one, other = problems
            raise type(one)(
                f"{one.what}; and {other.where}: {other.what}", where=one.where, todo=one.todo, code=one.code
            )
        if problems:
            raise problems[0]
        yield first.result(), second.result()
    finally:
        for session in opened:
            with suppress(ConnectorError):
                session.close()


def _unfinished(plan: Plan, target: TargetSession, claimed: str | None) -> RunRecord | None:
    """The newest run of this very plan in the target, if it has not finished or nobody has heard of it."""
    ours = [run for run in target.ledger.runs() if run.plan_sha256 == plan.sha256]
    return ours[0] if ours and (ours[0].state == "running" or ours[0].run_id == claimed) else None


def _no_ledger(environment: str, target: TargetSession) -> list[Finding]:
    return [error(environment, what) for what in target.ledger.obstacles()]


def _same_database(ends: tuple[End, End]) -> list[Finding]:
    source, target = ends
    if source.server.identity != target.server.identity:
        return []
    return [
        error(
            f"{source.environment} → {target.environment}",
            "both names lead to the same database: the copy would overwrite its own source",
            "correct the address of one of them",
        )
    ]


def _not_empty(plan: Plan, target: TargetSession, unfinished: RunRecord | None) -> list[Finding]:
    """Tables holding rows that nobody said may go. What our own unfinished run has loaded does not count."""
    if plan.if_target_not_empty != "refuse":
        return []
    ours = {t.target for t in target.ledger.tables(unfinished.run_id)} if unfinished else set()
    return [
        error(
            f"{plan.target_env}: {table.source.name}",
            "the table is not empty",
            "empty it, or say `if_target_not_empty: truncate` (its rows go) or `append` (they stay)",
        )
        for table in plan.tables
        if table.target is not None and str(table.source.name) not in ours and _has_rows(target, table.source.name)
    ]


def _has_rows(target: TargetSession, name: TableName) -> bool:
    try:
        return not target.is_empty(name)
    except PermissionMissing:  # a finding of its own
        return False
