"""`dbagent create`, `approve`, `reject` and `audit`: ask for a copy, allow it or not, and see who did what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.cli_options import Control, Environments, File, Id, Json, console, example, print_json

if TYPE_CHECKING:
    from jobs.control.approving import Decided
    from jobs.control.rows import OperationRow

Plan = Annotated[
    str, typer.Option(help="The hash of the plan you have seen, or its first 12 characters.", metavar="HASH")
]
Role = Annotated[str, typer.Option(help="As what you decide: DBA, DATA_OWNER, SECURITY or MANAGER.")]
Comments = Annotated[str | None, typer.Option(help="Why; kept with the decision.")]


def create(
    file: File,
    json: Json = False,
    environments: Environments = None,
    control: Control = None,
) -> None:
    """Ask for a copy: plan it and record it, to be approved. Prints its ID, its hash and who must approve. Moves nothing."""
    from rich.console import Console

    from jobs import views, views_approvals
    from jobs.control.store import ControlStore
    from jobs.running.claim import create as record

    shown = Console(quiet=True) if json else console()
    with ControlStore.open(control) as store:
        row, people = record(file, environments_path=environments, store=store, console=shown)
        decisions, lacking = store.decisions(row), store.lacking(row, people)
    if json:
        print_json({**views.brief_json(row), **views_approvals.approvals_json(row, decisions, lacking)})
    else:
        shown.print(views_approvals.approvals(row, decisions, lacking, people))


def approve(operation: Id, plan: Plan, role: Role, comments: Comments = None, control: Control = None) -> None:
    """Allow an operation, as one of the roles it needs. The hash says which plan you have seen: `dbagent show` prints it."""
    _decide(operation, "approved", plan, role, comments, control)


def reject(operation: Id, plan: Plan, role: Role, comments: Comments = None, environments: Environments = None,
           control: Control = None) -> None:  # fmt: skip
    """Forbid an operation. Works until its first row moves, and ends all approvals of the same plan."""
    from jobs.cli_repair import given_up

    row = _decide(operation, "rejected", plan, role, comments, control)
    if row.status == "rejected":
        given_up(row, environments)


def _decide(operation: str, decided: Decided, plan: str, role: str, comments: str | None, control: str | None
            ) -> OperationRow:  # fmt: skip
    from jobs.config.approvals import load_approvals
    from jobs.control.store import ControlStore
    from jobs.planning.plan import genuine

    people = load_approvals().people
    with ControlStore.open(control) as store:
        seen = store.get(operation)
        genuine(seen.id, seen.plan_what, seen.plan_sha256)
        row, lacking = store.decide(
            operation, decided, role=role, person=store.person(), plan=plan, people=people, comments=comments
        )
    waits = f", waits for {', '.join(lacking)}" if lacking and decided == "approved" else ""
    sys.stdout.write(f"{row.id}: {decided} as {role}; {row.status}{waits}\n")
    return row


def audit(
    operation: Annotated[str | None, typer.Argument(help="The operation's ID, or its beginning.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many entries, the newest.")] = 200,
    json: Json = False,
    control: Control = None,
) -> None:
    """Show who did what, when and from where: requests, decisions, runs, stops, failures."""
    from jobs import views_approvals
    from jobs.control.store import ControlStore

    with ControlStore.open(control) as store:
        entries = store.trail(None if operation is None else store.get(operation).id, limit)
    if json:
        print_json([views_approvals.entry_json(entry) for entry in entries])
    else:
        console().print(views_approvals.trail(entries))


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command(epilog=example("create conf/operation.yaml"))(create)
    app.command(epilog=example("approve op-20261121-3f9a2c --plan 5f2e9c01ab77 --role DBA"))(approve)
    app.command(epilog=example("reject op-20261121-3f9a2c --plan 5f2e9c01ab77 --role SECURITY --comments 'ask again'"))(
        reject
    )
    app.command(epilog=example("audit op-20261121-3f9a2c"))(audit)
