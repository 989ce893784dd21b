"""The demo: makes a PROD shop, asks for an anonymized copy of it, has it allowed, runs it, and proves what came of it.

Everything is done by the real `dbagent`, line by line as a person would type it. The four people who approve are invented,
so that one screen can show them all: `_demo.py --as anna approve ID --plan HASH --role DBA` is `dbagent approve …` under
another name, and exists here alone. The proof is SQL of its own (`_demo_proof.py`). Everything stays in `.demo/`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

from rich.console import Console

from _demo_proof import Proof, report
from _demo_shop import make_shop

HOME = Path(".demo").resolve()

ENVIRONMENTS = f"""\
PROD: {{engine: sqlite, database: {HOME}/prod.db}}
DEV: {{engine: sqlite, database: {HOME}/dev.db, writable: true}}
"""

OPERATION = """\
operation_type: copy_full
source_env: PROD
target_env: DEV
tables: ["*"]
anonymize: true
policy: policy.yaml
"""

APPROVALS = """\
roles: {DBA: [anna], DATA_OWNER: [carol], SECURITY: [dave], MANAGER: [erin]}
pairs:
  PROD -> DEV: {roles: [DBA, DATA_OWNER, SECURITY, MANAGER]}
"""

APPROVERS = {
    "DBA": ("anna", "a local file, nobody has to wait"),
    "DATA_OWNER": ("carol", "needed to reproduce the checkout errors"),
    "SECURITY": ("dave", "read the policy, line by line"),
    "MANAGER": ("erin", "go ahead"),
}

EDITS = {
    "# key": f'key: {{secret: "file:{HOME}/master.key"}}',
    "  orders.tracking_code": "  orders.tracking_code: tokenize    # the carrier knows whose parcel it is",
    "  payments.payer_reference": "  payments.payer_reference: hash    # no name: SHOP/order/customer",
}
"""How a line begins → what a person who knows this shop writes in its place."""

DBAGENT = str(Path(sys.executable).with_name("dbagent"))

console = Console(highlight=False)


def prepare() -> None:
    """A new `.demo/` with the shop, the configuration and a master key only its owner can read."""
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(mode=0o700)
    for name, text in {"environments": ENVIRONMENTS, "operation": OPERATION, "approvals": APPROVALS}.items():
        (HOME / f"{name}.yaml").write_text(text)
    with os.fdopen(os.open(HOME / "master.key", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as key:
        key.write(os.urandom(32))
    started = time.monotonic()
    make_shop(HOME / "prod.db")
    megabytes, seconds = (HOME / "prod.db").stat().st_size >> 20, time.monotonic() - started
    console.print(f"A PROD shop of fake people: {megabytes} MB in {seconds:.1f} s")


def settings() -> None:
    """Every `dbagent` from here on works in `.demo/`."""
    os.environ["DBAGENT_ENVIRONMENTS"] = str(HOME / "environments.yaml")
    os.environ["DBAGENT_APPROVALS"] = str(HOME / "approvals.yaml")
    os.environ["DBAGENT_CONTROL"] = f"sqlite:///{HOME}/control.db"


def step(title: str) -> None:
    console.print(f"\n[bold cyan]{title}[/]")


def dbagent(*arguments: str, into: Path | None = None, person: str | None = None) -> None:
    """One command as a person would type it, its output on the same screen or in a file."""
    aside = f" > {into.relative_to(Path.cwd())}" if into else ""
    console.print(f"[bold]{person or ''}$ dbagent {shlex.join(arguments)}{aside}[/]", soft_wrap=True)
    program = [DBAGENT] if person is None else [sys.executable, __file__, "--as", person]
    done = subprocess.run([*program, *arguments], check=False, stdout=subprocess.PIPE if into else None)
    if done.returncode:
        sys.exit(done.returncode)
    if into:
        into.write_bytes(done.stdout)


def edit(policy: Path) -> None:
    """The changes of somebody who knows the shop, shown as a comparison shows them."""
    console.print(f"[bold]$ $EDITOR {policy.relative_to(Path.cwd())}[/]")
    lines = policy.read_text().splitlines()
    for start, new in EDITS.items():
        [number] = [number for number, line in enumerate(lines) if line.startswith(f"{start}:")]
        console.print(f"- {lines[number].strip()}", style="red", markup=False, soft_wrap=True)
        console.print(f"+ {new.strip()}", style="green", markup=False, soft_wrap=True)
        lines[number] = new
    policy.write_text("\n".join(lines) + "\n")


def newest() -> tuple[str, str]:
    """ID and plan hash of the operation asked for last."""
    told = subprocess.run([DBAGENT, "list", "--limit", "1", "--json"], check=True, stdout=subprocess.PIPE).stdout
    [row] = json.loads(told)
    return row["id"], row["plan_sha256"]


def source_digest() -> bytes:
    return hashlib.sha256((HOME / "prod.db").read_bytes()).digest()


def play() -> bool:
    """The whole way of a copy; whether everything was proven."""
    prepare()
    before = source_digest()
    policy, operation = HOME / "policy.yaml", str((HOME / "operation.yaml").relative_to(Path.cwd()))

    step("What looks personal in PROD, and what to do with it?")
    dbagent("detect", "PROD")
    dbagent("detect", "PROD", "--format", "policy", into=policy)
    edit(policy)

    step("Ask for the copy")
    dbagent("create", operation)

    step("Four people allow exactly this plan, each under their own login")
    created, plan = newest()
    for role, (person, comments) in APPROVERS.items():
        dbagent("approve", created, "--plan", plan[:12], "--role", role, "--comments", comments, person=person)

    step("Copy")
    started = time.monotonic()
    dbagent("run", created)
    seconds = time.monotonic() - started

    step("Proof: SQL of its own over both files")
    proven = report(Proof(HOME), source_digest() == before, seconds)

    step("Who did what")
    dbagent("audit", created)
    console.print(f"\nLook around: {HOME}", soft_wrap=True)
    return proven


def act_as(person: str, arguments: list[str]) -> int:
    """`dbagent` as somebody else. The program itself knows no such way: it asks the operating system or the server."""
    from jobs.cli import call
    from jobs.control.store import ControlStore

    with mock.patch.object(ControlStore, "person", return_value=person):
        return call(arguments)


def main() -> None:
    settings()
    match sys.argv[1:]:
        case []:
            sys.exit(0 if play() else 1)
        case ["--as", person, *arguments]:
            sys.exit(act_as(person, arguments))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
