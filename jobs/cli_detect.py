"""`dbagent detect`: which columns of a database look personal, and what would be done with them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Annotated, Literal

import typer

from jobs.cli_options import Control, Env, Environments, Json, console, example, print_json

SHOWN = 3
"""Values shown of each column."""


def detect(
    environment: Env,
    tables: Annotated[list[str] | None, typer.Argument(help="Only these tables.")] = None,
    format: Annotated[Literal["table", "policy"], typer.Option(help="A table, or a policy file to edit.")] = "table",
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show some values of each column. Recorded in the audit log.")
    ] = False,
    json: Json = False,
    environments: Environments = None,
    control: Control = None,
) -> None:
    """List the columns that look personal, with what is proposed for them and why. Looks at names and at a small sample of
    values, and shows none of them."""
    from jobs import views_detect
    from jobs.cli_databases import surveyed
    from jobs.errors import UsageError

    if json and format == "policy":
        raise UsageError("a policy is YAML", "--json", "leave out --json or --format policy")
    if show_values and (json or format == "policy"):
        todo = "leave out --json, --format policy or --show-values"
        raise UsageError("values are shown in the table only", "--show-values", todo)
    found = surveyed(environment, tables, environments)
    if show_values:
        _record(found.environment, (str(place[0]) for place, _ in views_detect.seen(found)), control)
    if json:
        print_json(views_detect.surveyed_json(found))
    elif format == "policy":
        sys.stdout.write(views_detect.policy(found))
    else:
        console().print(views_detect.surveyed(found, SHOWN if show_values else 0))


def _record(environment: str, tables: Iterable[str], control: str | None) -> None:
    """Before a value is shown, the trail says to whom."""
    from jobs.control.store import ControlStore

    with ControlStore.open(control) as store:
        store.note_shown(store.person(), f"{environment}: {', '.join(dict.fromkeys(tables)) or 'none'}")


def add_to(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(epilog=example("detect PROD --format policy > conf/policy.yaml"))(detect)
