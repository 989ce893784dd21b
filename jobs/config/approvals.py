"""Who may allow what: `conf/approvals.yaml`, kept by the people who answer for the data.

roles:
  DBA: [anna, ben]
  DATA_OWNER: [carol]
pairs:
  PROD -> DEV: {roles: [DBA, DATA_OWNER], lasts: 7 days, standing: 30 days}

A pair that is not named needs all four roles and copies nothing unmasked. Two names for one database are one environment:
then the strictest of their rules counts.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from jobs.config.environment import Environment, load_environments
from jobs.config.files import read
from jobs.config.strict import Strict, checked, located
from jobs.errors import ConfigError

DEFAULT = Path("conf/approvals.yaml")
ROLES = ("DBA", "DATA_OWNER", "SECURITY", "MANAGER")
Role = Literal["DBA", "DATA_OWNER", "SECURITY", "MANAGER"]

_PAIR = re.compile(r"(\S+)\s*->\s*(\S+)")
_SPAN = re.compile(r"([1-9]\d{0,4}) (minute|hour|day)s?")


def _span(text: object) -> object:
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("must be a time such as 30 days, 12 hours or 90 minutes")
    return timedelta(**{f"{found[2]}s": int(found[1])})


def _pair(text: str) -> str:
    found = _PAIR.fullmatch(text)
    if found is None:
        raise ValueError("a pair is written SOURCE -> TARGET, with the names of two environments")
    return f"{found[1]} -> {found[2]}"


def _each_once(roles: list[Role]) -> list[Role]:
    if len(set(roles)) < len(roles):
        raise ValueError("names a role twice; keep one of them")
    return roles


Span = Annotated[timedelta, BeforeValidator(_span)]
Roles = Annotated[list[Role], AfterValidator(_each_once)]
"""Roles an operation or a pair names, each once."""


class PairRule(Strict):
    """What one source → target pair needs."""

    roles: Roles
    """May be empty: then nobody is asked."""
    unmasked: bool = False
    """Whether `anonymize: false` is allowed."""
    lasts: Span = timedelta(days=7)
    """How long an approval lets its operation begin."""
    standing: Span | None = None
    """How long it also covers later runs of the very same plan."""


@dataclass(frozen=True)
class Requirement:
    """What one operation needs before it may run. Its JSON is part of the plan's hash."""

    roles: tuple[str, ...] = ROLES
    unmasked: bool = False
    lasts: timedelta = timedelta(days=7)
    standing: timedelta | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "roles": list(self.roles),
            "unmasked": self.unmasked,
            "lasts": int(self.lasts.total_seconds()),
            "standing": None if self.standing is None else int(self.standing.total_seconds()),
        }

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Requirement:
        """From the JSON of a recorded plan."""
        standing = given["standing"]
        return cls(
            tuple(given["roles"]),
            given["unmasked"],
            timedelta(seconds=given["lasts"]),
            None if standing is None else timedelta(seconds=standing),
        )


People = Mapping[str, frozenset[str]]
"""Role → the names of the people who may fill it."""


class Approvals(Strict):
    """The whole file."""

    environments: str | None = None
    """The environments file whose addresses the pairs mean. Without one a pair means whatever its names lead to."""
    roles: dict[Role, list[Annotated[str, Field(min_length=1)]]]
    pairs: dict[Annotated[str, AfterValidator(_pair)], PairRule] = Field(default={})

    @field_validator("environments")
    @classmethod
    def _located(cls, path: str | None, info: ValidationInfo) -> str | None:
        return None if path is None else located(path, info)

    @field_validator("roles")
    @classmethod
    def _names_once(cls, roles: dict[Role, list[str]]) -> dict[Role, list[str]]:
        for role, people in roles.items():
            if len(set(people)) < len(people):
                raise ValueError(f"{role} names a person twice; keep one of them")
        return roles

    @field_validator("pairs", mode="before")
    @classmethod
    def _pairs_once(cls, pairs: Any) -> Any:
        seen: dict[str, Any] = {}
        for text in pairs if isinstance(pairs, Mapping) else ():
            found = _PAIR.fullmatch(text) if isinstance(text, str) else None
            if found and seen.setdefault(f"{found[1]} -> {found[2]}", text) != text:
                raise ValueError(f"{found[1]} -> {found[2]} is there twice; keep one of them")
        return pairs

    @property
    def people(self) -> People:
        none: People = {role: frozenset() for role in ROLES}
        return {**none, **{str(role): frozenset(people) for role, people in self.roles.items()}}

    def requirement(
        self, source: str, target: str, environments: Mapping[str, Environment], more: Iterable[str] = ()
    ) -> Requirement:
        """What a copy between these two needs; `more` are roles that the operation itself asks for. Raises ConfigError."""
        if self.environments is not None:
            meant = load_environments(self.environments)
            if any(name not in meant or not _same_place(meant, environments, name) for name in (source, target)):
                return Requirement()  # other databases under these names: a pair that nobody named
            environments = {**environments, **meant}
        ends = same(environments, source), same(environments, target)
        pairs = [tuple(pair.split(" -> ")) for pair in self.pairs]
        named = [r for (one, other), r in zip(pairs, self.pairs.values(), strict=True)
                 if one in ends[0] and other in ends[1]]  # fmt: skip
        spans = [rule.standing for rule in named]
        roles = {role for rule in named for role in rule.roles} if (source, target) in pairs else set(ROLES)
        return Requirement(
            roles=tuple(role for role in ROLES if role in roles.union(more)),
            unmasked=bool(named) and all(rule.unmasked for rule in named),
            lasts=min((rule.lasts for rule in named), default=Requirement.lasts),
            standing=min((s for s in spans if s is not None), default=None) if None not in spans else None,
        )


def same(environments: Mapping[str, Environment], name: str) -> frozenset[str]:
    """The names of all environments that lead to the database this one leads to, as far as addresses tell."""
    if name not in environments:
        return frozenset((name,))
    here = _address(environments[name])
    return frozenset(other for other, found in environments.items() if _address(found) == here) | {name}


def _same_place(one: Mapping[str, Environment], other: Mapping[str, Environment], name: str) -> bool:
    return name in other and _address(one[name]) == _address(other[name])


def _address(environment: Environment) -> tuple[object, ...]:
    facts = environment.facts
    if facts.file:
        return environment.engine, os.path.realpath(environment.database)
    host = (environment.host or "").lower().removesuffix(".")
    local = "localhost" if host in ("localhost", "127.0.0.1", "::1", "") else host
    return environment.engine, local, environment.port or facts.default_port, environment.database


def approvals_path(given: Path | str | None = None) -> Path:
    """The file that counts: the one given, else DBAGENT_APPROVALS, else conf/approvals.yaml."""
    return Path(given or os.environ.get("DBAGENT_APPROVALS") or DEFAULT)


def load_approvals(path: Path | str | None = None) -> Approvals:
    """Who may allow what. Where the file is at its usual place and missing, every pair needs all four roles and nobody may
    fill any. Raises ConfigError with all problems."""
    file = approvals_path(path)
    if file == DEFAULT and not file.exists():
        return Approvals(roles={})
    found = read(file)
    if file.stat().st_mode & stat.S_IWOTH:
        raise ConfigError([f"{file}: every user of this machine can change it: chmod o-w {file}"])
    approvals: Approvals = checked(Approvals, found, file)
    return approvals
