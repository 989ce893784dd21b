"""A site to test on: PROD and DEV on real servers, files as users write them, and the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from connectors.contract import Endpoint
from connectors.schema import quoted
from connectors.testkit import SampleTable, TestServer
from jobs.planning.findings import Finding

USERS = SampleTable(
    "users",
    {"id": "integer", "name": "text", "email": "text", "balance": "integer"},
    primary_key=("id",),
    not_null=("email",),
    unique=(("email",),),
)
ORDERS = SampleTable(
    "orders",
    {"id": "integer", "user_id": "integer", "note": "text"},
    primary_key=("id",),
    references={"user_id": ("users", "id")},
)
PLAIN = SampleTable("plain", {"code": "text", "label": "text"})

POLICY: dict[str, Any] = {
    "users.id": "keep",
    "users.name": {"strategy": "faker", "domain": "person"},
    "users.email": {"strategy": "faker", "domain": "email"},
    "users.balance": "keep",
    "orders.id": "keep",
    "orders.user_id": "keep",
    "orders.note": "scramble",
    "plain.code": "keep",
    "plain.label": "keep",
}


def user_rows(count: int) -> list[tuple[Any, ...]]:
    return [(n, f"Näme {n}" if n % 7 else None, f"user{n}@corp{n % 5}.test", n % 100) for n in range(1, count + 1)]


def order_rows(count: int, users: int) -> list[tuple[Any, ...]]:
    return [(n, n % users + 1 if n % 11 else None, f"Note, {n}!" if n % 3 else "") for n in range(1, count + 1)]


@dataclass
class Site:
    """PROD and DEV, of one engine or with DEV `elsewhere`, in a folder of their own."""

    server: TestServer
    prod: Endpoint
    dev: Endpoint
    folder: Path
    elsewhere: TestServer | None = None

    @property
    def landing(self) -> TestServer:
        """DEV's server."""
        return self.elsewhere or self.server

    @staticmethod
    def make(server: TestServer, folder: Path, name: str, elsewhere: TestServer | None = None) -> Site:
        dev = (elsewhere or server).database(f"{name}_dev")
        site = Site(server, server.database(f"{name}_prod"), dev, folder, elsewhere)
        key = folder / "master.key"
        key.write_text(bytes(range(32)).hex())
        key.chmod(0o600)
        site.environments({})
        return site

    def fill(self, users: int = 500, orders: int = 1500, plain: int = 20) -> None:
        self.server.create(self.prod, USERS, user_rows(users))
        self.server.create(self.prod, ORDERS, order_rows(orders, users))
        self.server.create(self.prod, PLAIN, [(f"c{n}", f"label {n}") for n in range(plain)])

    def environments(self, changes: Mapping[str, Mapping[str, Any]]) -> Path:
        """Write the environments file; `changes` overlay PROD and DEV (None removes a key)."""
        found = {}
        for name, endpoint in (("PROD", self.prod), ("DEV", self.dev)):
            given: dict[str, Any] = {"engine": endpoint.engine, "database": endpoint.database}
            for key in ("host", "port", "user"):
                if getattr(endpoint, key) is not None:
                    given[key] = getattr(endpoint, key)
            if endpoint.password is not None:
                given["password"] = {"secret": f"env:{name}_PASSWORD"}
                given["tls"] = {"mode": endpoint.tls.mode}
                os.environ[f"{name}_PASSWORD"] = endpoint.password
            if name == "DEV":
                given["writable"] = True
            given |= changes.get(name, {})
            found[name] = {key: value for key, value in given.items() if value is not None}
        path = self.folder / "environments.yaml"
        path.write_text(yaml.safe_dump(found))
        return path

    def operation(self, **changes: Any) -> Path:
        """Write an operation's file; None removes a key."""
        given: dict[str, Any] = {
            "operation_type": "copy_full",
            "source_env": "PROD",
            "target_env": "DEV",
            "tables": ["*"],
            "policy": {"key": {"secret": f"file:{self.folder / 'master.key'}"}, "columns": POLICY},
            "parallel_workers": 2,
        }
        given |= changes
        path = self.folder / "operation.yaml"
        path.write_text(yaml.safe_dump({key: value for key, value in given.items() if value is not None}))
        return path

    @property
    def text(self) -> str:
        """What `TestServer.create` calls a text, in the engine's own language."""
        return {"mysql": "longtext"}.get(self.prod.engine, "text")

    def name(self, identifier: str) -> str:
        """An identifier in the engine's own quotes."""
        return f"`{identifier}`" if self.prod.engine == "mysql" else quoted(identifier)

    @property
    def control(self) -> str:
        return f"sqlite:///{self.folder / 'control.db'}"

    def arguments(self, *command: str) -> list[str]:
        """The command with the options it takes."""
        options = []
        if command[0] in ("plan", "create", "run", "resume", "status", "check", "repair", "cancel", "reject"):
            options += ["--environments", str(self.folder / "environments.yaml")]
        if command[0] not in ("status", "check", "engines", "key", "repair", "diff"):
            options += ["--control", self.control]
        return [*command, *options]

    def command(self, *command: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """`dbagent …` as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-c", "from jobs.cli import main; main()", *self.arguments(*command)],
            capture_output=True, text=True, check=False, **{"timeout": 240, **options},
        )  # fmt: skip
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def json(self, *command: str) -> Any:
        return json.loads(self.command(*command, "--json").stdout)

    def rows(self, end: Endpoint, table: str) -> list[tuple[Any, ...]]:
        server = self.landing if end is self.dev else self.server
        return sorted(server.read(end, table), key=repr)


class Here:
    """LeanSpark's face without Spark: tasks run in the driver's own threads."""

    slots = None

    def __init__(self, workers: int, **_: Any) -> None:
        self.workers = workers

    def obstacles(self, *_: Any) -> list[Finding]:
        return []

    def start(self) -> None: ...

    def submit(self, function: Callable[[Any], Any], given: Any) -> Any:
        return function(given)

    def cancel(self) -> None: ...

    def stop(self) -> None: ...
