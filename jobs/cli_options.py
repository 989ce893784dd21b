"""What the commands of `dbagent` share: arguments, options, and how they print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from rich.console import Console


def _without_password(url: str | None) -> str | None:
    if url is not None:
        from jobs.control.database import check_argument

        check_argument(url)
    return url


File: TypeAlias = Annotated[Path, typer.Argument(help="The operation's file, YAML or JSON.")]
Id: TypeAlias = Annotated[str, typer.Argument(help="The operation's ID, or its beginning.")]
Env: TypeAlias = Annotated[str, typer.Argument(help="The environment's name.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Environments: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Environments file. Else DBAGENT_ENVIRONMENTS, else conf/environments.yaml.", metavar="FILE"),
]
Control: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Control store, without a password. Else DBAGENT_CONTROL, else a file in your state folder.",
        metavar="URL",
        callback=_without_password,
    ),
]
Confirm: TypeAlias = Annotated[
    str | None,
    typer.Option(help="The target's name, where tables of it with all their rows are to be dropped.", metavar="ENV"),
]


def example(line: str) -> str:
    """What stands below a command's help."""
    return f"Example: dbagent {line}"


def console() -> Console:
    """Stdout. Tables are as wide as the terminal, in a file wide; lines of text are never broken, so that a hash or a
    statement can be copied from any terminal: that breaks them where it shows them."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)


def print_json(value: Any) -> None:
    import json

    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
