"""`dbagent`: the command line. Each command reads its arguments, calls what does the work, and shows the result.

Results go to stdout, messages and progress to stderr. What a command needs is imported inside it, so that `--help` is
quick and `run` reaches its work at once.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from errno import EBADF, EIO, ENOSPC, EPIPE
from signal import SIGPIPE
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from jobs import cli_approvals, cli_detect, cli_keys, cli_repair, cli_schema
from jobs.cli_options import Confirm, Control, Env, Environments, File, Id, Json, console, example, print_json
from jobs.errors import MEANINGS, Exit, UsageError, tell

if TYPE_CHECKING:
    from jobs.control.rows import OperationRow
    from jobs.control.states import Stop

app = typer.Typer(
    help="Copy any database into another, fast, with personal data replaced on the way, exactly once.",
    epilog="Exit codes: " + " · ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()),
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_keys.app, name="key")
cli_approvals.add_to(app)
cli_detect.add_to(app)
cli_schema.add_to(app)
cli_repair.add_to(app)


@app.command(epilog=example("plan conf/operation.yaml"))
def plan(file: File, json: Json = False, environments: Environments = None, control: Control = None) -> None:
    """Show what an operation would do, and everything that stops it. Changes nothing."""
    from jobs.errors import PlanRefused
    from jobs.planning import render
    from jobs.running.claim import look

    found = look(file, environments, control)
    if json:
        print_json(render.as_json(found))
    else:
        console().print(render.table(found))
    if found.errors:
        raise PlanRefused(found.errors)


@app.command(epilog=example("run conf/operation.yaml"))
def run(
    operation: Annotated[str, typer.Argument(help="The operation's file, or the ID of one that exists.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop after the plan.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Do not wait for its scheduled time.")] = False,
    confirm: Confirm = None,
    environments: Environments = None,
    control: Control = None,
) -> None:
    """Run an operation: continue its unfinished run if its plan is unchanged, else start a new one. Without the approvals
    it needs it is only recorded, and the exit code says so (7): run it again when they are there."""
    from jobs.running import jvm

    if not (dry_run or _needs_no_jvm(operation)):
        jvm.launch()
    from jobs.running.run import run as work

    work(
        operation,
        environments_path=environments,
        control_url=control,
        dry_run=dry_run,
        early=now,
        confirm=confirm,
        console=console(),
    )


def _needs_no_jvm(reference: str) -> bool:
    """Whether this is the file of an operation that moves no rows. A look at its text is enough to launch nothing in vain."""
    with suppress(OSError, UnicodeDecodeError), open(reference) as file:
        return re.search(r"operation_type\W+sync_schema", file.read()) is not None
    return False


@app.command(epilog=example("resume op-20261121-3f9a2c"))
def resume(operation: Id, environments: Environments = None, control: Control = None) -> None:
    """Continue a paused or failed operation where it stopped."""
    from jobs.running import jvm

    jvm.launch()
    from jobs.running.run import resume as work

    work(operation, environments_path=environments, control_url=control, console=console())


@app.command(epilog=example("progress op-20261121-3f9a2c"))
def progress(operation: Id, json: Json = False, control: Control = None) -> None:
    """Show how far an operation is: live on a terminal until it ends, else once."""
    from jobs import views
    from jobs.cli_live import watch
    from jobs.control.store import ControlStore

    with ControlStore.open(control) as store:
        row = store.get(operation)
        if json:
            print_json(views.progress_json(row))
            return
        shown = console()
        if shown.is_terminal:
            row = watch(store, row, shown)
        shown.print(views.progress_line(row), markup=False)
        if said := views.silence(row):
            sys.stderr.write(said + "\n")


@app.command(name="list", epilog=example("list --limit 50"))
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    json: Json = False,
    control: Control = None,
) -> None:
    """List the newest operations."""
    from jobs import views
    from jobs.control.store import ControlStore

    with ControlStore.open(control) as store:
        rows = store.recent(limit)
    if json:
        print_json([views.brief_json(row) for row in rows])
    else:
        console().print(views.operations(rows))


@app.command(epilog=example("show op-20261121-3f9a2c --json"))
def show(operation: Id, json: Json = False, control: Control = None) -> None:
    """Show everything about one operation, its tables included."""
    from jobs import views, views_approvals
    from jobs.config.approvals import load_approvals
    from jobs.control.store import ControlStore

    people = load_approvals().people
    with ControlStore.open(control) as store:
        row = store.get(operation)
        tasks, decisions = store.tasks(row.id), store.decisions(row)
        lacking = store.lacking(row, people)
    if json:
        approvals = views_approvals.approvals_json(row, decisions, lacking)
        print_json({**views.operation_json(row), **approvals, "tasks": [views.task_json(task) for task in tasks]})
    else:
        console().print(views.operation(row, tasks))
        console().print(views_approvals.plan(row))
        console().print(views_approvals.approvals(row, decisions, lacking, people))


@app.command(epilog=example("pause op-20261121-3f9a2c"))
def pause(operation: Id, control: Control = None) -> None:
    """Ask an operation to stop soon; `resume` continues it."""
    _stop(operation, "pause", control)


@app.command(epilog=example("cancel op-20261121-3f9a2c"))
def cancel(operation: Id, environments: Environments = None, control: Control = None) -> None:
    """Ask an operation to stop for good. Where no driver is at work on it, what it has set aside in the target comes back
    here and now."""
    from jobs.cli_repair import given_up

    row = _stop(operation, "cancel", control)
    if row.status == "cancelled":
        given_up(row, environments)


def _stop(operation: str, what: Stop, control: str | None) -> OperationRow:
    from jobs.control.store import ControlStore

    with ControlStore.open(control) as store:
        row = store.request_stop(operation, what)
    if row.status == "running":
        sys.stdout.write(f"{row.id}: asked its driver ({row.holder}) to {row.stop_requested}\n")
    else:
        sys.stdout.write(f"{row.id}: {row.status}\n")
    return row


@app.command(epilog=example("status DEV"))
def status(environment: Env, json: Json = False, environments: Environments = None) -> None:
    """Show what was last copied into an environment, and whether it is complete. Asks that database itself."""
    from jobs import views
    from jobs.cli_databases import copied_into

    found = copied_into(environment, environments)
    if json:
        print_json(found)
    else:
        console().print(views.status(found))


Pair: TypeAlias = Annotated[
    tuple[str, str] | None,
    typer.Option(help="Two engines: what becomes of each type of the first in the second.", metavar="SOURCE TARGET"),
]


@app.command(epilog=example("engines --pair SOURCE TARGET"))
def engines(pair: Pair = None, json: Json = False) -> None:
    """List the database engines this program knows, and what each needs in an environment; or the types of two of them."""
    from jobs import views, views_engines
    from jobs.cli_databases import arriving, every_engine

    if pair is not None:
        found = arriving(pair)
        if json:
            print_json(views_engines.pair_json(*found))
        else:
            console().print(views_engines.pair(*found))
        return
    facts = every_engine()
    if json:
        print_json(views.engines_json(facts))
    else:
        console().print(views.engines(facts))


@app.command(epilog=example("check PROD"))
def check(environment: Env, json: Json = False, environments: Environments = None) -> None:
    """Connect to an environment as source and, if writable, as target; show what the server says and allows."""
    from jobs import views
    from jobs.cli_databases import examine

    found, problem = examine(environment, environments)
    if json:
        print_json(found)
    else:
        console().print(views.check(found))
    if problem is not None:
        raise problem


def call(arguments: list[str]) -> int:
    """Run one command line. Returns the exit code; every error is told on stderr."""
    try:
        code = app(args=arguments, prog_name="dbagent", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:  # the command line itself is wrong, or has nothing behind `dbagent` or `key`
        said = error.format_message()
        sys.stderr.write(f"error: {said}\n  → see: dbagent --help\n" if said else "")
        return Exit.USAGE
    except SystemExit:  # how typer and rich end a program whose reader is gone
        return _output_lost(EPIPE)
    except OSError as error:
        return tell(error) if error.filename or error.errno not in OUTPUT else _output_lost(error.errno)
    except (Exception, KeyboardInterrupt) as error:
        return tell(error)
    if code == INTERRUPTED:
        return tell(KeyboardInterrupt())
    return code or Exit.DONE


INTERRUPTED = 130
"""What typer makes of Ctrl-C."""

READER_GONE = 128 + SIGPIPE
"""What a shell says of a program whose reader has seen enough, as behind `| head`."""


OUTPUT = (ENOSPC, EIO, EBADF, EPIPE)
"""Errors of the operating system that, where no file is named with them, are those of our output."""


def _output_lost(number: int) -> int:
    """Nobody takes our output any more: a reader that has seen enough, which is nothing to complain of, or a full disk."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still in the buffer goes nowhere, without another error
    if number == EPIPE:
        return READER_GONE
    return tell(UsageError(f"the output cannot be written: {os.strerror(number).lower()}", "standard output"))


def main() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        getattr(sys, name).reconfigure(errors="replace")  # a terminal that cannot show a character shows a `?`
    sys.exit(call(sys.argv[1:]))
