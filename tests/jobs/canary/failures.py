"""What can go wrong with a copy between two servers: each failure is a way to bring it about, and how it must be told."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from connectors.contract import Endpoint
from connectors.postgresql import session, splice
from jobs.running import drive, epoch
from jobs.running import locked as locks
from jobs.running import run as run_module
from jobs.running.progress import TaskMirror
from tests.jobs.canary.land import Land, new_database, new_target
from tests.jobs.canary.markers import KEPT, MASKED, SCHEMA, SECRET

Happens = Callable[[Land, pytest.MonkeyPatch], Any]
"""Brings a failure about; may return a context in which the run happens."""


@dataclass(frozen=True)
class Failure:
    """`said` is what people must read, a pattern, so that it was this failure and no other."""

    code: int
    said: str
    happens: Happens = lambda *_: None
    operation: Mapping[str, Any] = field(default_factory=dict)


def lab(land: Land) -> Endpoint:
    assert land.lab is not None
    return land.lab


def prepared(happens: Callable[[Land], Any]) -> Happens:
    """It happens when the target's tables are ready, before the first row."""

    def patch(land: Land, patch: pytest.MonkeyPatch) -> None:
        real = epoch.prepare

        def then(*given: Any) -> Any:
            found = real(*given)
            happens(land)
            return found

        patch.setattr(epoch, "prepare", then)
        patch.setattr(epoch, "TRIES", 1)

    return patch


def altered(statement: str) -> Happens:
    """The target's owner changes a table."""
    return prepared(lambda land: land.server.execute(lab(land), statement))


def ended(whose: Callable[[Land], Endpoint]) -> Happens:
    """An administrator ends our sessions at one end."""

    def happens(land: Land) -> None:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND application_name ~ 'dbagent'"
        land.server.execute(server_of(land), query.format(whose(land).database))

    return prepared(happens)


def server_of(land: Land) -> Endpoint:
    server: Any = land.server
    endpoint: Endpoint = server.endpoint
    return endpoint


def environment(name: str, **changes: Any) -> Happens:
    """The environments file says something else."""

    def happens(land: Land, _: pytest.MonkeyPatch) -> None:
        land.environments({name: changes})

    return happens


def full_disk(land: Land, patch: pytest.MonkeyPatch) -> Any:
    files: list[tuple[Path, int]] = []

    def happens(land: Land) -> None:
        server: Any = land.server
        [(folder,)] = server.rows(server_of(land), "SHOW data_directory")
        file = Path(folder, server.rows(lab(land), "SELECT pg_relation_filepath('kept')")[0][0])
        files.append((file, file.stat().st_uid))
        file.unlink()
        file.symlink_to("/dev/full")

    @contextmanager
    def mended() -> Iterator[None]:
        try:
            yield
        finally:
            for file, owner in files:
                file.unlink()
                file.touch(0o600)
                shutil.chown(file, owner)

    prepared(happens)(land, patch)
    return mended()


def locked(land: Land, patch: pytest.MonkeyPatch) -> Any:
    """Another client holds a table that a driver's step needs; the wait for it is short here."""
    server: Any = land.server
    other, real = server.connect(lab(land)), epoch.prepare

    def then(*given: Any) -> Any:
        other.execute("BEGIN")
        other.execute("LOCK TABLE _dbagent.tables IN ACCESS EXCLUSIVE MODE")
        return real(*given)

    patch.setattr(epoch, "prepare", then)
    patch.setattr(locks, "WAIT", 0.0)
    patch.setitem(session.WRITING, "lock_timeout", "200ms")
    return other


def stalled(land: Land, patch: pytest.MonkeyPatch) -> Any:
    """Another client holds a table that a task loads."""
    server: Any = land.server
    other = server.connect(lab(land))

    def happens(_: Land) -> None:
        other.execute("BEGIN")
        other.execute("LOCK TABLE kept IN ACCESS EXCLUSIVE MODE")

    patch.setattr(epoch, "TransferJob", functools.partial(epoch.TransferJob, stall_timeout=0.5))
    prepared(happens)(land, patch)
    return other


def wrong_secret(whose: str) -> Happens:
    """A file with a password or the key holds something else."""

    def happens(land: Land, _: pytest.MonkeyPatch) -> Any:
        file = land.given / whose
        right = file.read_text()
        file.write_text(f"{SECRET}-wrong-4711")

        @contextmanager
        def mended() -> Iterator[None]:
            yield
            file.write_text(right)

        return mended()

    return happens


def rewritten(land: Land, patch: pytest.MonkeyPatch) -> None:
    """Another client rewrites a table of the source after the plan."""
    real = run_module._drive
    owned = land.prod.database

    def then(*given: Any) -> None:
        with psycopg.connect(**connection(server_of(land), owned), autocommit=True) as admin:
            admin.execute("ALTER TABLE memos ALTER person TYPE bigint")
        real(*given)

    patch.setattr(run_module, "_drive", then)
    patch.setattr(epoch, "TRIES", 1)


def connection(end: Endpoint, database: str) -> dict[str, Any]:
    return {"host": end.host, "port": end.port, "user": end.user, "password": end.password, "dbname": database,
            "application_name": "test"}  # fmt: skip


def raising(where: Any, name: str, problem: BaseException) -> Happens:
    """A bug, with values in its text."""

    def fails(*_: Any, **__: Any) -> Any:
        raise problem

    def happens(_: Land, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(where, name, fails)

    return happens


def other_owner(land: Land, _: pytest.MonkeyPatch) -> None:
    land.lab = new_database(land.server, "lab", "asker")
    land.environments({"LAB": {"user": "writer", "password": {"secret": f"file:{land.given / 'writer'}"}}})


def other_encoding(land: Land, _: pytest.MonkeyPatch) -> None:
    land.lab = new_target(land.server, "lab")
    name = land.lab.database
    land.server.execute(server_of(land), f'DROP DATABASE "{name}"')
    made = f"""CREATE DATABASE "{name}" OWNER writer TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"""
    land.server.execute(server_of(land), made)
    land.environments({})


def broken(land: Land, _: pytest.MonkeyPatch) -> None:
    """Somebody has typed a password into a file that is no YAML."""
    (land.folder / "environments.yaml").write_text(f'PROD: {{engine: postgresql, password: "{SECRET} 1, host: [}}\n')


def store(url: Callable[[str], str]) -> Happens:
    """The control store is somewhere else, or its password is another one."""

    def happens(land: Land, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("DBAGENT_CONTROL", url(str(land.store)))

    return happens


LEAK = f"{MASKED} {KEPT} {SECRET} {SCHEMA}"
STATEMENT = sa.exc.IntegrityError(f"INSERT {LEAK}", {"value": LEAK}, Exception(LEAK))

LOST = "error: (the snapshot is gone|the session was ended|the connection was lost)"

FAILURES: dict[str, Failure] = {
    "check": Failure(5, r"\[23514\]", altered(f"ALTER TABLE kept ADD CHECK (label <> '{KEPT} label 7')")),
    "unique": Failure(5, r"\[23505\]", altered("ALTER TABLE kept ADD UNIQUE (feeling)")),
    "unique text key": Failure(5, r"\[23505\]", altered("CREATE UNIQUE INDEX ON kept (left(slug, 12))")),
    "not null": Failure(5, r"\[23502\]", altered("ALTER TABLE people ALTER notes SET NOT NULL")),
    "overflow": Failure(5, r"\[22003\]", altered("ALTER TABLE kept ALTER amount TYPE numeric(4)")),
    "too long": Failure(5, r"\[22001\]", altered("ALTER TABLE kept ALTER label TYPE varchar(5)")),
    "other type": Failure(5, r"\[22P03\]", altered("ALTER TABLE kept ALTER label TYPE integer USING NULL")),
    "exclusion": Failure(5, r"\[23P01\]", altered("ALTER TABLE kept ADD EXCLUDE (feeling WITH =)")),
    "deferrable": Failure(5, "DEFERRABLE", altered("ALTER TABLE kept ADD UNIQUE (feeling) DEFERRABLE INITIALLY DEFERRED")),
    "dropped": Failure(5, r"\[42P01\]", altered("DROP TABLE kept")),
    "encoding": Failure(5, r"\[22P05\]", other_encoding),
    "lost source": Failure(5, LOST, ended(lambda land: land.prod)),
    "lost target": Failure(5, LOST, ended(lab)),
    "full disk": Failure(5, r"\[53100\]", full_disk),
    "lock": Failure(5, r"\[55P03\]", locked),
    "stall": Failure(5, "made no progress|lock was not granted in time", stalled),
    "rewritten": Failure(5, "truncated, rewritten, altered or replaced", rewritten),
    "orphans": Failure(8, "reference no row of", operation={"operation_type": "copy_filtered", "filter": {"people": "id < 3"}}),
    "password of the source": Failure(4, "wrong user or password", wrong_secret("reader")),
    "password of the target": Failure(4, "wrong user or password", wrong_secret("writer")),
    "short key": Failure(2, "the master key is too short", wrong_secret("master.key")),
    "password in a file": Failure(2, "a secret never stands here itself", environment("PROD", password=f"{SECRET}-inline")),
    "broken file": Failure(2, "in the configuration", broken),
    "store's password": Failure(4, "the control store refuses", store(lambda url: url.replace("-0815@", "-wrong@"))),
    "store unreachable": Failure(4, "the control store cannot", store(lambda url: url.replace("127.0.0.1", "nowhere.invalid"))),
    "unreachable": Failure(4, "nothing answers", environment("LAB", port=1)),
    "unknown host": Failure(4, "cannot be resolved", environment("PROD", host="nowhere.invalid")),
    "no privilege": Failure(3, "may not read", environment("PROD", user="writer", password={"secret": "file:given/writer"})),
    "no privilege there": Failure(3, "GRANT CREATE", other_owner),
    "refused filter": Failure(3, "does not accept the filter", operation={
        "operation_type": "copy_filtered", "filter": {"kept": "number = 'abc'"}}),
    "bug in a task": Failure(5, "unexpected RuntimeError", raising(splice.Splicer, "__call__", RuntimeError(LEAK))),
    "bug in the driver": Failure(1, "a bug in dbagent: ValueError", raising(drive, "verify", ValueError(LEAK))),
    "bug in the store": Failure(1, "a bug in dbagent: IntegrityError", raising(TaskMirror, "show", STATEMENT)),
}  # fmt: skip


def suffer(land: Land, name: str, failure: Failure) -> tuple[int, str]:
    """Let it happen to a run into a target of its own; the exit code and what was said."""
    land.lab = new_target(land.server, "lab")
    land.environments({})
    with pytest.MonkeyPatch.context() as patch:
        around = failure.happens(land, patch) or nullcontext()
        with around:
            found = land.say(name, "run", str(land.operation(**failure.operation)))
    land.environments({})
    return found
