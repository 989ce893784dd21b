"""`dbagent diff` and `dbagent schema`: what differs between two schemas, what an operation has changed in one, undoing it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from jobs.cli_options import Confirm, Control, Environments, Id, Json, console, example, print_json
from jobs.errors import Exit

app = typer.Typer(
    help="What operations have changed in schemas.",
    epilog=example("schema changes op-20261121-3f9a2c"),
    no_args_is_help=True,
)


def diff(
    source: Annotated[str, typer.Argument(help="The environment that is right.")],
    target: Annotated[str, typer.Argument(help="The one compared with it.")],
    tables: Annotated[list[str] | None, typer.Argument(help="Only these tables.")] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements, up and down.")] = False,
    json: Json = False,
    environments: Environments = None,
) -> None:
    """Show in what two databases' schemas differ, and what would mend it. Changes neither. The exit code tells whether they
    are the same (0) or not (10)."""
    from jobs import views_schema
    from jobs.errors import UsageError
    from jobs.running.differ import compare

    if json and sql:
        raise UsageError("JSON has the statements already", "--sql", "leave out --json or --sql")
    found = compare(source, target, tables or [], environments)
    if json:
        print_json(found.as_json())
    elif sql:
        sys.stdout.write(views_schema.sql(found))
    else:
        console().print(views_schema.diff(found))
    if found.told:
        raise typer.Exit(Exit.DIFFERENT)


@app.command(epilog=example("schema changes op-20261121-3f9a2c"))
def changes(operation: Id, json: Json = False, control: Control = None) -> None:
    """List what an operation has changed in its target's schema, with the statements that undo it."""
    from jobs import views_schema
    from jobs.control.store import ControlStore

    with ControlStore.open(control) as store:
        row = store.get(operation)
        found = store.schema_changes(row.id)
    if json:
        print_json([views_schema.change_json(change) for change in found])
    else:
        console().print(views_schema.changes(found))


@app.command(epilog=example("schema rollback op-20261121-3f9a2c --confirm DEV"))
def rollback(
    operation: Id,
    confirm: Confirm = None,
    environments: Environments = None,
    control: Control = None,
) -> None:
    """Undo what an operation has changed in its target's schema, newest first. What is undone already stays so."""
    from jobs import views_schema
    from jobs.running.rollback import roll_back

    undone = roll_back(operation, confirm=confirm, environments_path=environments, control_url=control)
    sys.stdout.write(views_schema.rolled_back(undone))


def add_to(app_: typer.Typer) -> None:
    """Add these commands to the command line."""
    app_.command(epilog=example("diff PROD DEV"))(diff)
    app_.add_typer(app, name="schema")
