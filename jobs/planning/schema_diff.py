"""What differs between the schemas of two databases, and what would mend it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from connectors.objects import Definer, SchemaObject
from jobs.config.operation import Operation
from jobs.planning.build import project, select_tables
from jobs.planning.ends import End, TargetChecks
from jobs.planning.findings import Finding
from jobs.planning.objects import Difference, differences, hangs_on, identical, included
from jobs.planning.schema_build import own_words, wanted_objects

Mended: TypeAlias = Literal["mode: create", "mode: update", "alter: any", "a person", "recreating the table", ""]


@dataclass(frozen=True)
class Told:
    """One difference, and the statements that would mend it in the target."""

    object: str
    kind: str
    table: str | None
    state: Literal["missing", "different", "extra"]
    source: str | None
    """Its definition at the source; None: it is not there."""
    target: str | None
    up: tuple[str, ...]
    down: tuple[str, ...]
    mended: Mended
    """Who runs `up`; empty where that is not known."""

    @property
    def additive(self) -> bool:
        """Whether that is done without asking for more than a mode."""
        return self.mended in ("mode: create", "mode: update")


@dataclass(frozen=True)
class Diff:
    """Everything that differs."""

    source_env: str
    target_env: str
    told: tuple[Told, ...]
    findings: tuple[Finding, ...]
    """What could not be compared."""
    left: tuple[tuple[str, str], ...]
    """What is not looked at, by kind and name, at the source."""
    aside: tuple[str, ...] = ()
    """What a run has set aside in the target and not brought back, whatever it differs in."""

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source_env,
            "target": self.target_env,
            "same": not self.told,
            "differences": [
                {
                    "object": one.object,
                    "kind": one.kind,
                    "table": one.table,
                    "state": one.state,
                    "source": one.source,
                    "target": one.target,
                    "up": list(one.up),
                    "down": list(one.down),
                    "additive": one.additive,
                    "mended_by": one.mended,
                }
                for one in self.told
            ],
            "not_compared": [str(finding) for finding in self.findings],
            "left": [f"{kind} {name}" for kind, name in self.left],
            "set_aside": list(self.aside),
        }


def diff(operation: Operation, source: End, target: End, checks: TargetChecks) -> Diff:
    """What of the tables that the operation names differs, and with all of them of everything. Where the target has no
    definer, what is different stays without statements."""
    tables, findings = select_tables(operation, source)
    _, ways, more = project(operation, tables, source, target)
    tables, findings = [table for table in tables if table.name in ways], findings + more
    wanted, agree, more = wanted_objects(operation, source, target, tables, ways, checks)
    there, left = target.objects.made if target.objects else (), source.objects.left if source.objects else ()
    ours = hangs_on(wanted)
    same = identical if agree is None else agree(target.schema)
    every = operation.wanted is None and not operation.exclude

    own = own_words(source, target)

    def extra(found: SchemaObject) -> bool:
        """What belongs to no table has no counterpart where the other's words are not its own."""
        compared = every and (own or found.id.table is not None)
        return (compared or ours(found)) and included(found, operation.include_indexes, operation.include_constraints)

    told = [_told(found, checks.definer) for found in differences(wanted, there, same, extra)]
    return Diff(source.environment, target.environment, tuple(told), tuple(dict.fromkeys(findings + more)), left)


def _told(found: Difference, definer: Definer | None) -> Told:
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    mended: Mended = ""
    if found.wanted is not None and found.there is not None:
        if definer is not None:
            way = definer.altered(found.there, found.wanted)
            up, down = way.up, way.down
            mended = "mode: update" if way.additive else "alter: any" if way.refuses else "a person"
    elif found.wanted is not None:
        up, down = found.wanted.create, found.wanted.drop
        mended = "mode: create" if found.wanted.additive else "a person"
    elif found.there is not None:
        up, down = found.there.drop, found.there.create
        mended = "a person"
    if mended and not up:
        mended = "recreating the table"
    return Told(
        object=str(found.id),
        kind=found.id.kind.value,
        table=None if found.id.table is None else str(found.id.table),
        state=found.state,
        source=found.wanted.definition if found.wanted else None,
        target=found.there.definition if found.there else None,
        up=up,
        down=down,
        mended=mended,
    )
