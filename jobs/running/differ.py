"""`dbagent diff`: two environments' schemas side by side. Changes neither."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from connectors.contract import SourceSession, TargetSession, connector
from connectors.errors import ConnectorError
from connectors.objects import Definer
from jobs.config.environment import Environment, choose, load_environments
from jobs.config.operation import ALL, Operation
from jobs.config.strict import problems
from jobs.errors import PlanRefused, UsageError
from jobs.planning.ends import End, TargetChecks
from jobs.planning.schema_diff import Diff, diff
from jobs.running.aside import is_open

APPLICATION = "dbagent/look"


def compare(source_env: str, target_env: str, tables: Sequence[str], path: Path | None) -> Diff:
    """What differs between two environments' schemas, of these tables or of all. A target that is not writable is looked at
    as a source is: then nothing tells how what differs is altered. Raises ConnectorError, ConfigError, UsageError,
    PlanRefused."""
    operation = _operation(source_env, target_env, tables)
    one, other = choose(load_environments(path), {"SOURCE": source_env, "TARGET": target_env})
    with closing(_source(source_env, one)) as source:
        if not other.writable:
            with closing(_source(target_env, other)) as looked_at:
                return _compared(operation, (one, source), (other, looked_at), None)
        try:
            target = connector(other.engine).target(other.endpoint(target_env, APPLICATION))
        except ConnectorError as error:
            raise error.at(target_env) from None
        with closing(target):
            found = _compared(operation, (one, source), (other, target), target)
            aside = (str(entry.step.id) for entry in target.ledger.journal() if is_open(entry))
            return replace(found, aside=tuple(dict.fromkeys(aside)))


def _source(name: str, environment: Environment) -> SourceSession:
    try:
        return connector(environment.engine).source(environment.endpoint(name, APPLICATION))
    except ConnectorError as error:
        raise error.at(name) from None


def _compared(operation: Operation, source: tuple[Environment, SourceSession],
              target: tuple[Environment, SourceSession | TargetSession], definer: Definer | None) -> Diff:  # fmt: skip
    ends = _end(operation.source_env, *source), _end(operation.target_env, *target)
    found = diff(operation, *ends, TargetChecks(lambda _, __: [], lambda _: [], definer))
    errors = [finding for finding in found.findings if finding.severity == "error"]
    if errors:
        raise PlanRefused(errors)
    return found


def _end(name: str, environment: Environment, session: SourceSession | TargetSession) -> End:
    chosen = connector(environment.engine)
    try:
        objects, schema = session.objects(), session.schema()
    except ConnectorError as error:
        raise error.at(name) from None
    endpoint = environment.endpoint(name, APPLICATION)
    return End(name, endpoint, chosen.facts, chosen.types, session.server, schema, objects)


def _operation(source_env: str, target_env: str, tables: Sequence[str]) -> Operation:
    """What would make the two the same."""
    given = {"operation_type": "sync_schema", "source_env": source_env, "target_env": target_env}
    try:
        return Operation.model_validate({**given, "tables": list(tables) or [ALL]})
    except ValidationError as error:
        raise UsageError("; ".join(problems(Operation, error)), "diff") from None
