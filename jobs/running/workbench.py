"""The workbench: both ends open, the plan made from what they are right now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeVar

from anonymizers.contract import strategy, version
from anonymizers.keys import MasterKey
from connectors.contract import Anonymize, Connector, Endpoint, RunRecord, SourceSession, TargetSession, connector
from connectors.errors import Busy, ConnectorError, PermissionMissing
from connectors.objects import Journaled, ObjectId
from connectors.schema import Table, TableName
from jobs.config.environment import Environment, choose
from jobs.config.keyfile import read_key, usual_key
from jobs.config.operation import Operation
from jobs.config.request import Settings
from jobs.errors import ConfigError
from jobs.planning.build import build
from jobs.planning.detected import SAMPLE, Sample
from jobs.planning.ends import End, SourceChecks, TargetChecks
from jobs.planning.findings import Finding, error, warning
from jobs.planning.plan import Plan, TablePlan
from jobs.planning.schema_only import build_schema
from jobs.running.aside import leftovers
from jobs.running.claims import mark
from jobs.running.unfinished import begun

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.control.store import ControlStore

T = TypeVar("T")


@dataclass(frozen=True)
class Workbench:
    """An operation, its plan, and the two sessions it was made with. The source session holds the snapshot."""

    operation: Operation
    plan: Plan
    source_endpoint: Endpoint
    target_endpoint: Endpoint
    source_environment: Environment
    reads: Connector
    """The source's engine."""
    writes: Connector
    """The target's."""
    source: SourceSession
    target: TargetSession
    unfinished: RunRecord | None
    """This plan's own unfinished run, as the target remembers it; or a complete one whose driver died before it said so."""
    cancelled: RunRecord | None
    """Where nothing is continued: this plan's newest run, when it was cancelled. What it has loaded is ours to empty."""
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
            key = self._key.domain(rule.strategy, version(strategy(rule.strategy), rule.domain), rule.domain)
            columns.append(ColumnPlan(decision.column, decision.shape, rule, key))
        every = (mark(decision) for other in self.plan.tables for decision in other.masked)
        return TableAnonymizer(columns, (found for found in every if found is not None))


@contextmanager
def open_workbench(
    operation: Operation,
    settings: Settings,
    claimed: Callable[[Plan], str | None] = lambda _: None,
    requested: Mapping[str, Any] | None = None,
    store: ControlStore | None = None,
) -> Iterator[Workbench]:
    """Connect both ends and make the plan. `claimed` tells the run of an operation with this plan that is not over;
    `requested` is the plan an operation was recorded with; `store` knows what other operations have done. Raises
    ConfigError and ConnectorError; findings are in the plan."""
    source_environment, target_environment = _environments(operation, settings.environments)
    problems: list[str] = []
    source_endpoint = _looked_up(lambda: source_environment.endpoint(operation.source_env, "dbagent/driver"), problems)
    target_endpoint = _looked_up(lambda: target_environment.endpoint(operation.target_env, "dbagent/driver"), problems)
    key = _looked_up(lambda: _master_key(operation), problems)
    if source_endpoint is None or target_endpoint is None or problems:
        raise ConfigError(problems)
    one, other = connector(source_endpoint.engine), connector(target_endpoint.engine)
    with _connected(one, source_endpoint, other, target_endpoint) as (source, target):
        ends = (
            _end(operation.source_env, source_endpoint, one, source, operation.carries_schema),
            _end(operation.target_env, target_endpoint, other, target, operation.carries_schema),
        )
        asks = SourceChecks(source.explain_filter, sampler(source))
        checks = TargetChecks(target.mismatches, target.creatable, target, _broken(operation, target))
        needed, changes = settings.requirement(operation), store.applied(operation.target_env) if store else []
        if operation.moves_rows:
            plan = build(operation, *ends, asks, checks, key.id if key else None, needed, requested, changes)
        else:
            plan = build_schema(operation, *ends, checks, needed, changes)
        state = _same_database(ends) or _no_ledger(operation.target_env, target)
        runs = [] if state else _runs(plan, target, store.cancelled if store else lambda _: False)
        unfinished = _unfinished(runs, claimed(plan))
        if unfinished is not None and operation.mode == "recreate":  # the same plan, less what it has dropped already
            plan = build_schema(operation, *ends, checks, needed, changes, unfinished.operation_id)
        given_up = runs[0] if runs and unfinished is None and runs[0].state == "cancelled" else None
        state = state or [
            *_not_empty(plan, target, unfinished or given_up),
            *_twice(plan, target, runs if given_up else ()),
            *_taken(plan, target, store),
            *leftovers(plan, target.ledger.journal(), unfinished.run_id if unfinished else None),
        ]
        yield Workbench(
            operation=operation,
            plan=replace(plan, findings=tuple(dict.fromkeys((*state, *plan.findings)))),
            source_endpoint=source_endpoint,
            target_endpoint=target_endpoint,
            source_environment=source_environment,
            reads=one,
            writes=other,
            source=source,
            target=target,
            unfinished=unfinished,
            cancelled=given_up,
            _key=key,
        )


def _end(environment: str, endpoint: Endpoint, chosen: Connector, session: SourceSession | TargetSession, objects: bool
         ) -> End:  # fmt: skip
    found = session.objects() if objects else None
    return End(environment, endpoint, chosen.facts, chosen.types, session.server, session.schema(), found)


def _broken(operation: Operation, target: TargetSession) -> frozenset[ObjectId]:
    """What rows of earlier copies break, where that counts."""
    found: list[Journaled] = []
    if operation.carries_schema:
        with suppress(PermissionMissing):  # a finding of its own
            found = target.ledger.journal()
    return frozenset(entry.step.id for entry in found if entry.state == "violated")


def _looked_up(look: Callable[[], T], problems: list[str]) -> T | None:
    """What `look` finds; None where it adds to the problems, so that those of all lookups are told at once."""
    try:
        return look()
    except ConfigError as error:
        problems += error.problems
        return None


def _master_key(operation: Operation) -> MasterKey | None:
    if not (operation.anonymize and operation.moves_rows):
        return None
    if operation.policy is None:
        return read_key(usual_key(), "the master key")
    return read_key(operation.policy.key, "policy: key")


def sampler(source: SourceSession) -> Sample:
    """How detection looks at values. A table that cannot be sampled, now or by this user, is judged by its names alone."""

    def sample(table: Table, columns: Sequence[str]) -> Mapping[str, pa.Array]:
        try:
            batch = source.sample(table, columns, SAMPLE)
        except (Busy, PermissionMissing):
            return {}
        return dict(zip(columns, batch.columns, strict=True))

    return sample


def _environments(operation: Operation, environments: Mapping[str, Environment]) -> tuple[Environment, Environment]:
    names = {"source_env": operation.source_env, "target_env": operation.target_env}
    source, target = choose(environments, names)
    problems = []
    if not target.writable:
        problems.append(
            f"target_env: {operation.target_env} is not writable: an environment is a target only with"
            " `writable: true` in the environments file"
        )
    if problems:
        raise ConfigError(problems)
    return source, target


@contextmanager
def _connected(one: Connector, source: Endpoint, other: Connector, target: Endpoint
               ) -> Iterator[tuple[SourceSession, TargetSession]]:  # fmt: skip
    """Both ends, opened at the same time; both problems when neither opens."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(one.source, source), pool.submit(other.target, target)
    opened: list[SourceSession | TargetSession] = []
    problems: list[ConnectorError] = []
    for future, endpoint in ((first, source), (second, target)):
        try:
            opened.append(future.result())
        except ConnectorError as problem:
            problems.append(problem.at(endpoint.environment))
    try:
        if len(problems) == 2:
            here, there = problems
            raise type(here)(
                f"{here.what}; and {there.where}: {there.what}", where=here.where, todo=here.todo, code=here.code
            )
        if problems:
            raise problems[0]
        yield first.result(), second.result()
    finally:
        for session in opened:
            with suppress(ConnectorError):
                session.close()


def _runs(plan: Plan, target: TargetSession, cancelled: Callable[[str], bool]) -> list[RunRecord]:
    """The runs of this very plan in the target, newest first. One whose driver was gone when it was cancelled never told
    the target."""
    ours = [run for run in target.ledger.runs() if run.plan_sha256 == plan.sha256]
    return [
        replace(run, state="cancelled") if run.state == "running" and cancelled(run.run_id) else run for run in ours
    ]


def _unfinished(runs: Sequence[RunRecord], claimed: str | None) -> RunRecord | None:
    """The run to continue: the one that an unfinished operation claims, or else (the control store is new, or another
    one) the newest, if it has not ended. A newest one that is complete and claimed has not been told."""
    going = [run for run in runs if run.run_id == claimed and run.state == "running"]
    newest = [run for run in runs[:1] if run.state == "running" or (run.run_id == claimed and run.state == "complete")]
    return next(iter((*going, *newest)), None)


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


def _twice(plan: Plan, target: TargetSession, runs: Sequence[RunRecord]) -> list[Finding]:
    """Tables to which the newest runs, all cancelled, have appended rows: these stay, like all that was there before."""
    if plan.if_target_not_empty != "append":
        return []
    added: Counter[str] = Counter()
    for run in takewhile(lambda run: run.state == "cancelled", runs):
        added.update({t.target: t.rows for t in target.ledger.tables(run.run_id) if t.state == "complete"})
    return [
        warning(
            f"{plan.target_env}: {name}",
            f"{rows:,} rows were appended already before a run was cancelled; this one appends its own to them",
            "remove them first if that is not meant",
        )
        for name, rows in added.items()
        if rows
    ]


def _not_empty(plan: Plan, target: TargetSession, before: RunRecord | None) -> list[Finding]:
    """Tables holding rows that nobody said may go. What our own run, unfinished or cancelled, has loaded does not count;
    of a cancelled run, whose tables others may have used since, as long as it is exactly that."""
    if plan.if_target_not_empty != "refuse":
        return []
    held = target.ledger.held(before.run_id) if before else frozenset()
    loaded = {t.target: t.rows for t in target.ledger.tables(before.run_id) if t.target in held} if before else {}

    def foreign(name: TableName) -> bool:
        if before is None or str(name) not in loaded:
            return _has_rows(target, name)
        return before.state == "cancelled" and target.count(name) not in (0, loaded[str(name)])

    return [
        error(
            f"{plan.target_env}: {table.name}",
            "the table is not empty",
            "empty it, or say `if_target_not_empty: truncate` (its rows go) or `append` (they stay)",
        )
        for table in plan.tables
        if table.target is not None and foreign(table.name)
    ]


def _taken(plan: Plan, target: TargetSession, store: ControlStore | None) -> list[Finding]:
    """Tables of copies that are not over, which a schema alone would take from them."""
    if plan.schema is None or plan.tables:
        return []
    return begun(plan.target_env, {str(found.id.table) for found in plan.schema.wanted}, target, store)


def _has_rows(target: TargetSession, name: TableName) -> bool:
    try:
        return not target.is_empty(name)
    except PermissionMissing:  # a finding of its own
        return False
