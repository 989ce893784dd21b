"""What a request stands on: its file and policy, the environments, the approvals. Their problems are told together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from jobs.config.approvals import Approvals, Requirement, load_approvals
from jobs.config.environment import Environment, load_environments
from jobs.config.operation import Operation, load_operation
from jobs.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """Which databases there are, and who may allow copies between them."""

    environments: Mapping[str, Environment]
    approvals: Approvals

    def requirement(self, operation: Operation) -> Requirement:
        """Whose approval the operation needs."""
        ends = operation.source_env, operation.target_env
        return self.approvals.requirement(*ends, self.environments, operation.required_approvers)


def load_settings(environments: Path | None) -> Settings:
    """Raises ConfigError with the problems of both files."""
    problems: list[ConfigError] = []
    found = _tried(lambda: load_environments(environments), problems)
    approvals = _tried(load_approvals, problems)
    if found is None or approvals is None:
        raise _joined(problems)
    return Settings(found, approvals)


def load_request(operation: Path | str, environments: Path | None) -> tuple[Operation, Settings]:
    """The operation in a file, and what it stands on. Raises ConfigError with the problems of all files."""
    problems: list[ConfigError] = []
    wanted = _tried(lambda: load_operation(operation), problems)
    settings = _tried(lambda: load_settings(environments), problems)
    if wanted is None or settings is None:
        raise _joined(problems)
    return wanted, settings


def _tried(load: Callable[[], T], problems: list[ConfigError]) -> T | None:
    try:
        return load()
    except ConfigError as error:
        problems.append(error)
        return None


def _joined(problems: list[ConfigError]) -> ConfigError:
    todo = "; ".join(filter(None, (error.todo for error in problems)))
    return ConfigError([problem for error in problems for problem in error.problems], todo)
