"""The two ends of an operation as planning sees them, and what only they can answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connectors.contract import Endpoint, Filter
from connectors.facts import Facts, Server
from connectors.objects import Definer, ObjectId, Objects
from connectors.schema import Schema, Table
from connectors.types import Types
from jobs.planning.detected import Sample


@dataclass(frozen=True)
class End:
    """One end of the operation."""

    environment: str
    endpoint: Endpoint
    facts: Facts
    types: Types
    server: Server
    schema: Schema
    objects: Objects | None = None
    """Where the operation carries a schema."""


@dataclass(frozen=True)
class TargetChecks:
    """What only the target's engine can judge."""

    mismatches: Callable[[Table, Table], list[str]]
    creatable: Callable[[Table], list[str]]
    definer: Definer | None = None
    """Where the operation carries a schema."""
    broken: frozenset[ObjectId] = frozenset()
    """What rows of earlier copies break: it is there unproven, or not at all, until other rows come."""


@dataclass(frozen=True)
class SourceChecks:
    """What only the source's database can tell."""

    explain: Callable[[Table, Filter], None]
    sample: Sample
