"""What `engines`, `check`, `status` and `detect` ask the connectors: facts, servers, what a target remembers, samples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.contract import Connector, Endpoint, RunRecord, SourceSession, TableState, TargetSession
from connectors.contract import connector as connector_of
from connectors.contract import engines as engine_names
from connectors.errors import ConnectorError, LeaseHeld
from connectors.facts import Facts
from connectors.schema import Schema, Table, TableName
from jobs.config import strict
from jobs.config.environment import Environment, choose, load_environments
from jobs.config.names import parse_table
from jobs.errors import UsageError
from jobs.planning.findings import nearest
from jobs.views import status_json

if TYPE_CHECKING:
    from jobs.planning.detected import Surveyed
    from jobs.running.repair import Repaired, Tell
    from jobs.views_engines import Arrival

APPLICATION = "dbagent/look"
REPAIR = "dbagent/driver"


def every_engine() -> list[Facts]:
    """The facts of every engine there is."""
    return [connector_of(name).facts for name in engine_names()]


def arriving(pair: tuple[str, str]) -> tuple[Facts, Facts, list[Arrival]]:
    """Two engines, and what becomes of each type of the first in the second. Raises UsageError."""
    from jobs.views_engines import arrivals

    known = engine_names()
    for name in pair:
        if name not in known:
            hint = f"name two of {', '.join(known)}{strict.nearest(name, known)}"
            raise UsageError("there is no such engine", f"--pair {name}", hint)
    source, target = map(connector_of, pair)
    return source.facts, target.facts, arrivals(source.types, target.types)


def copied_into(name: str, path: Path | None) -> dict[str, Any]:
    """What the environment's own ledger knows: the last run, and each table's newest copy. Raises ConnectorError."""
    environment = _target(name, path)
    endpoint = environment.endpoint(name, APPLICATION)
    if _file_missing(environment):
        return status_json(name, [], None)
    found: dict[str, tuple[RunRecord, TableState]] = {}
    last: RunRecord | None = None
    try:
        with closing(connector_of(environment.engine).target(endpoint)) as session:
            journal = session.ledger.journal()
            for run in session.ledger.runs():
                states = session.ledger.tables(run.run_id)
                last = last or (run if states else None)  # others have changed the schema alone
                for state in states:
                    found.setdefault(state.target, (run, state))
    except ConnectorError as error:
        raise error.at(name) from None
    return status_json(name, [found[table] for table in sorted(found)], last, journal)


def repaired(name: str, path: Path | None, tell: Tell, run: str | None = None
             ) -> tuple[list[Repaired], LeaseHeld | None]:  # fmt: skip
    """What runs, or the one `run`, have left suspended in the environment, brought back; and who keeps us from more. Raises
    ConnectorError."""
    from jobs.running.repair import repair

    environment = _target(name, path)
    if _file_missing(environment):
        return [], None
    try:
        return repair(connector_of(environment.engine), environment.endpoint(name, REPAIR), tell, run)
    except ConnectorError as error:
        raise error.at(name) from None


def _target(name: str, path: Path | None) -> Environment:
    environment = _environment(name, path)
    if not environment.writable:
        raise UsageError(
            "the environment is not writable, so nothing was ever copied into it",
            f"environment {name}",
            "name a target, or set `writable: true` in the environments file",
        )
    return environment


def examine(name: str, path: Path | None) -> tuple[dict[str, Any], ConnectorError | None]:
    """What connecting as source and as target brings to light, and the first problem met."""
    environment = _environment(name, path)
    endpoint = environment.endpoint(name, APPLICATION)
    chosen = connector_of(environment.engine)
    source, problem = _as_source(chosen, endpoint)
    target: dict[str, Any] = {"note": "not writable: it is never a target"}
    if environment.writable and _file_missing(environment):
        target = {"note": "the file is not there yet: the first copy creates it"}
        problem = None
    elif environment.writable:
        target, second = _as_target(chosen, endpoint)
        problem = problem or second
    found = {"environment": name, "engine": environment.engine, "title": chosen.facts.title}
    return {**found, "source": source, "target": target}, problem


def surveyed(name: str, wanted: Sequence[str] | None, path: Path | None) -> Surveyed:
    """Which columns of an environment's tables look personal. Raises ConnectorError, UsageError."""
    from jobs.planning import detected
    from jobs.running.workbench import sampler

    environment = _environment(name, path)
    chosen = connector_of(environment.engine)
    try:
        with closing(chosen.source(environment.endpoint(name, APPLICATION))) as session:
            schema = session.schema()
            tables = _tables(schema, wanted, chosen.facts.default_schema, name)
            return detected.surveyed(name, tables, schema, sampler(session), chosen.facts.default_schema)
    except ConnectorError as error:
        raise error.at(name) from None


def _tables(
    schema: Schema, wanted: Sequence[str] | None, default_schema: str | None, environment: str
) -> Sequence[Table]:
    if not schema.tables:
        raise UsageError("this database has no tables", environment, "check `database` of the environment")
    if not wanted:
        return schema.tables
    known = {table.name: table for table in schema.tables}
    found = []
    for text in wanted:
        try:
            schema_name, plain = parse_table(text)
        except ValueError as problem:
            raise UsageError(str(problem), text) from None
        table = known.get(TableName(schema_name or default_schema, plain))
        if table is None:
            hint = nearest(text, map(str, known))
            raise UsageError(f"there is no such table in {environment}", text, hint)
        found.append(table)
    return found


def _environment(name: str, path: Path | None) -> Environment:
    return choose(load_environments(path), {"the command line": name})[0]


def _file_missing(environment: Environment) -> bool:
    """Connecting as target would create the file: looking must not."""
    return environment.facts.file and not os.path.exists(environment.database)


def _as_source(chosen: Connector, endpoint: Endpoint) -> tuple[dict[str, Any], ConnectorError | None]:
    try:
        with closing(chosen.source(endpoint)) as session:
            return _seen(session), None
    except ConnectorError as error:
        return {"note": error.what}, error.at(endpoint.environment)


def _as_target(chosen: Connector, endpoint: Endpoint) -> tuple[dict[str, Any], ConnectorError | None]:
    try:
        with closing(chosen.target(endpoint)) as session:
            return _seen(session), None
    except ConnectorError as error:
        return {"note": error.what}, error.at(endpoint.environment)


def _seen(session: SourceSession | TargetSession) -> dict[str, Any]:
    tables = session.schema().tables
    server = {**asdict(session.server), "privileges": dict(session.server.privileges)}
    return {"server": server, "tables": len(tables), "rows": sum(table.rows for table in tables)}
