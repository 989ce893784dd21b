"""`dbagent key …`: make a master key, and tell keys apart without showing them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Make a master key, or show which one a file or variable holds.",
    epilog="Example: dbagent key new",
    no_args_is_help=True,
)

USUAL = Path("~/.config/dbagent/master.key")


@app.command(epilog="Example: dbagent key new ~/.config/dbagent/master.key")
def new(
    file: Annotated[Path, typer.Argument(help="Where to write it; must not exist yet.")] = USUAL,
) -> None:
    """Write a new random key to a file that only you can read, and print its ID. Keep a copy where you keep secrets:
    without it nothing gets the same replacement again."""
    from jobs.config import keyfile

    key = keyfile.new(file)
    sys.stdout.write(f"{key.id}\n")
    sys.stderr.write(f'wrote {file.expanduser()}; a policy names it as\nkey: {{secret: "file:{file}"}}\n')


@app.command(name="show-id", epilog="Example: dbagent key show-id env:MASTER_KEY")
def show_id(
    where: Annotated[str, typer.Argument(help="Where the key is kept: file:PATH or env:NAME.")] = f"file:{USUAL}",
) -> None:
    """Print the ID of a key, as plans and reports name it. It gives nothing of the key away."""
    from jobs.config import keyfile
    from jobs.config.secrets import reference

    sys.stdout.write(f"{keyfile.read_key(reference(where), where).id}\n")
