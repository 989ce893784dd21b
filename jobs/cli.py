"""`dbagent`: the command line. Each command reads its arguments, calls what does the work, and shows the result.

Results go to stdout, messages and progress to stderr. What a command needs is imported inside it, so that `--help` is
quick and `run` reaches its work at once.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from errno import EBADF, EIO, ENOSPC, EPIPE
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from jobs import cli_keys
from jobs.errors import MEANINGS, Exit, UsageError, tell

if TYPE_CHECKING:
    from rich.console import Console

    from jobs.control.states import Stop

File: TypeAlias = Annotated[Path, typer.Argument(help="The operation's file, YAML or JSON.")]
Id: TypeAlias = Annotated[str, typer.Argument(help="The operation's ID, or its beginning.")]
Env: TypeAlias = Annotated[str, typer.Argument(help="The environment's name.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Environments: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Environments file. Else DBAGENT_ENVIRONMENTS, else conf/environments.yaml.", metavar="FILE"),
]


def _without_password(url: str | None) -> str | None:
    if url is not None:
        from jobs.control.database import check_argument

        check_argument(url)
    return url


Control: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Control store, without a password. Else DBAGENT_CONTROL, else a file in your state folder.",
        metavar="URL",
        callback=_without_password,
    ),
]

app = typer.Typer(
    help="Copy any database into another, fast, with personal data replaced on the way, exactly once.",
    epilog="Exit codes: " + " · ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()),
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_keys.app, name="key")


def _example(line: str) -> str:
    return f"Example: dbagent {line}"


@app.command(epilog=_example("plan conf/operation.yaml"))
def plan(file: File, json: Json = False, environments: Environments = None) -> None:
    """Show what an operation would do, and everything that stops it. Changes nothing."""
    from jobs.config.request import load_request
    from jobs.errors import PlanRefused
    from jobs.planning import render
    from jobs.running.workbench import open_workbench

    with open_workbench(*load_request(file, environments)) as bench:
        if json:
            _print_json(render.as_json(bench.plan))
        else:
            _console().print(render.table(bench.plan))
        if bench.plan.errors:
            raise PlanRefused(bench.plan.errors)


@app.command(epilog=_example("run conf/operation.yaml"))
def run(
    operation: Annotated[str, typer.Argument(help="The operation's file, or the ID of one that exists.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop after the plan.")] = False,
    environments: Environments = None,
    control: Control = None,
) -> None:
    """Run an operation: continue its unfinished run if its plan is unchanged, else start a new one."""
    from jobs.running import jvm

    if not dry_run:
        jvm.launch()
    from jobs.running.run import run as work

    work(operation, environments_path=environments, control_url=control, dry_run=dry_run, console=_console())


@app.command(epilog=_example("resume op-20261121-3f9a2c"))
def resume(operation: Id, environments: Environments = None, control: Control = None) -> None:
    """Continue a paused or failed operation where it stopped."""
    from jobs.running import jvm

    jvm.launch()
    from jobs.running.run import resume as work

    work(operation, environments_path=environments, control_url=control, console=_console())


@app.command(epilog=_example("progress op-20261121-3f9a2c"))
def progress(operation: Id, json: Json = False, control: Control = None) -> None:
    """Show how far an operation is: live on a terminal until it ends, else once."""
    from jobs import views
    from jobs.cli_live import watch
    from jobs.control.store import ControlStore

    with ControlStore.open(control) as store:
        row = store.get(operation)
        if json:
            _print_json(views.progress_json(row))
            return
        console = _console()
        if console.is_terminal:
            row = watch(store, row, console)
        console.print(views.progress_line(row), markup=False, soft_wrap=True)
        if said := views.silence(row):
            sys.stderr.write(said + "\n")


@app.command(name="list", epilog=_example("list --limit 50"))
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
        _print_json([views.brief_json(row) for row in rows])
    else:
        _console().print(views.operations(rows))


@app.command(epilog=_example("show op-20261121-3f9a2c --json"))
def show(operation: Id, json: Json = False, control: Control = None) -> None:
    """Show everything about one operation, its tables included."""
    from jobs import views
    from jobs.control.store import ControlStore

    with ControlStore.open(control) as store:
        row = store.get(operation)
        tasks = store.tasks(row.id)
    if json:
        _print_json({**views.operation_json(row), "tasks": [views.task_json(task) for task in tasks]})
    else:
        _console().print(views.operation(row, tasks))


@app.command(epilog=_example("pause op-20261121-3f9a2c"))
def pause(operation: Id, control: Control = None) -> None:
    """Ask an operation to stop soon; `resume` continues it."""
    _stop(operation, "pause", control)


@app.command(epilog=_example("cancel op-20261121-3f9a2c"))
def cancel(operation: Id, control: Control = None) -> None:
    """Ask an operation to stop for good."""
    _stop(operation, "cancel", control)


def _stop(operation: str, what: Stop, control: str | None) -> None:
    from jobs.control.store import ControlStore

    with ControlStore.open(control) as store:
        row = store.request_stop(operation, what)
    if row.status == "running":
        sys.stdout.write(f"{row.id}: asked its driver ({row.holder}) to {row.stop_requested}\n")
    else:
        sys.stdout.write(f"{row.id}: {row.status}\n")


@app.command(epilog=_example("status DEV"))
def status(environment: Env, json: Json = False, environments: Environments = None) -> None:
    """Show what was last copied into an environment, and whether it is complete. Asks that database itself."""
    from jobs import views
    from jobs.cli_databases import copied_into

    found = copied_into(environment, environments)
    if json:
        _print_json(found)
    else:
        _console().print(views.status(found))


@app.command(epilog=_example("engines"))
def engines(json: Json = False) -> None:
    """List the database engines this program knows, and what each needs in an environment."""
    from jobs import views
    from jobs.cli_databases import every_engine

    facts = every_engine()
    if json:
        _print_json(views.engines_json(facts))
    else:
        _console().print(views.engines(facts))


@app.command(epilog=_example("check PROD"))
def check(environment: Env, json: Json = False, environments: Environments = None) -> None:
    """Connect to an environment as source and, if writable, as target; show what the server says and allows."""
    from jobs import views
    from jobs.cli_databases import examine

    found, problem = examine(environment, environments)
    if json:
        _print_json(found)
    else:
        _console().print(views.check(found))
    if problem is not None:
        raise problem


def _console() -> Console:
    """Stdout. Wide where nobody watches, so that nothing is wrapped in a file."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def _print_json(value: Any) -> None:
    import json

    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def call(arguments: list[str]) -> int:
    """Run one command line. Returns the exit code; every error is told on stderr."""
    try:
        code = app(args=arguments, prog_name="dbagent", standalone_mode=False)
    except typer.TyperException as error:  # the command line itself is wrong
        sys.stderr.write(f"error: {error.format_message()}\n  → see: dbagent --help\n" if arguments else "")
        return Exit.USAGE
    except SystemExit:  # how typer and rich end a program whose reader is gone
        return tell(_output_lost(EPIPE))
    except OSError as error:
        return tell(error if error.filename or error.errno not in OUTPUT else _output_lost(error.errno))
    except (Exception, KeyboardInterrupt) as error:
        return tell(error)
    if code == INTERRUPTED:
        return tell(KeyboardInterrupt())
    return code or Exit.DONE


INTERRUPTED = 130
"""What typer makes of Ctrl-C."""


OUTPUT = (ENOSPC, EIO, EBADF, EPIPE)
"""Errors of the operating system that, where no file is named with them, are those of our output."""


def _output_lost(number: int) -> UsageError:
    """Nobody takes our output any more: a full disk, a closed pipe."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still in the buffer goes nowhere, without another error
    return UsageError(f"the output cannot be written: {os.strerror(number).lower()}", "standard output")


def main() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        getattr(sys, name).reconfigure(errors="replace")  # a terminal that cannot show a character shows a `?`
    sys.exit(call(sys.argv[1:]))
