"""`dbagent repair`: bring back what runs have left suspended in a target; and what `cancel` and `reject` do of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from jobs.cli_options import Env, Environments, Json, console, example, print_json

if TYPE_CHECKING:
    from jobs.control.rows import OperationRow


def repair(environment: Env, json: Json = False, environments: Environments = None) -> None:
    """Bring back the indexes, keys and triggers that a run has set aside and left so, after a crash or a pause. Can be
    repeated; `resume` of that run works afterwards too."""
    from jobs import views_repair
    from jobs.cli_databases import repaired

    found, busy = repaired(environment, environments, Aloud().tell)
    if json:
        print_json(views_repair.repaired_json(environment, found))
    elif found or busy is None:
        console().print(views_repair.repaired(environment, found))
    if busy is not None:
        raise busy
    views_repair.refuse_unrepaired(environment, found)


def given_up(row: OperationRow, environments: Path | None) -> None:
    """An operation is over and no driver is there that would bring back what its run has set aside: that happens here, as far
    as the target can be reached."""
    from connectors.errors import ConnectorError
    from jobs.cli_databases import repaired
    from jobs.errors import JobError
    from jobs.views_repair import brought_back

    if row.run_id is None or not (row.definition.get("disable_constraints") or row.definition.get("sync_schema")):
        return
    problem: ConnectorError | JobError | None = None
    try:
        found, problem = repaired(row.target_env, environments, Aloud().tell, row.run_id)
        said = brought_back(row.target_env, found)
    except (ConnectorError, JobError) as met:
        said, problem = "", met
    if problem is not None:
        said = f"what it has set aside comes back with: dbagent repair {row.target_env}; not now: {problem}"
    if said:
        sys.stdout.write(f"{said}\n")


class Aloud:
    """Says what is going on, each thing once."""

    def __init__(self) -> None:
        self._said = ""

    def tell(self, what: str) -> None:
        if what not in ("", self._said):
            sys.stderr.write(f"{what}\n")
        self._said = what or self._said


def add_to(app: typer.Typer) -> None:
    app.command(epilog=example("repair DEV"))(repair)
