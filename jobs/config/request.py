"""What `plan` and `run` read: the files of an operation, its policy and the environments, their problems told together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from jobs.config.environment import Environment, load_environments
from jobs.config.operation import Operation, load_operation
from jobs.errors import ConfigError

One = TypeVar("One")
Other = TypeVar("Other")


def load_request(operation: Path | str, environments: Path | None) -> tuple[Operation, dict[str, Environment]]:
    """The operation in a file, and every environment. Raises ConfigError with the problems of all files."""
    return _both(lambda: load_operation(operation), lambda: load_environments(environments))


def _both(one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
    try:
        first = one()
    except ConfigError as wrong:
        try:
            other()
        except ConfigError as wrong_too:
            todo = "; ".join(filter(None, (wrong.todo, wrong_too.todo)))
            raise ConfigError([*wrong.problems, *wrong_too.problems], todo) from None
        raise
    return first, other()
