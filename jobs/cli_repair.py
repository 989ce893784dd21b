"""`dbagent repair`: bring back what runs have left suspended in a target."""

from __future__ import annotations

import typer

from jobs.cli_options import Env, Environments, Json, console, example, print_json


def repair(environment: Env, json: Json = False, environments: Environments = None) -> None:
    """Bring back the indexes, keys and triggers that a run has set aside and left so, after a crash or a pause. Can be
    repeated; `resume` of that run works afterwards too."""
    from jobs import views_repair
    from jobs.cli_databases import repaired

    found, busy = repaired(environment, environments)
    if json:
        print_json(views_repair.repaired_json(environment, found))
    else:
        console().print(views_repair.repaired(environment, found))
    if busy is not None:
        raise busy
    views_repair.refuse_unrepaired(environment, found)


def add_to(app: typer.Typer) -> None:
    app.command(epilog=example("repair DEV"))(repair)
