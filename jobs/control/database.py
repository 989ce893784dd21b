"""The control store as a database: where it is, how it is opened, brought to the newest version, and what its errors mean.

A file for one person, a server for a team: `sqlite:///PATH` or `postgresql://…`. This is the one module of `jobs` that
knows the two apart: a file locks as a whole (BEGIN IMMEDIATE), a server by rows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError

from jobs.control.tables import HEAD
from jobs.errors import ConfigError, ConnectionProblem

if TYPE_CHECKING:
    from importlib.abc import Traversable

LOCK_SECONDS = 30
"""How long a statement waits for another process."""

MIGRATION_LOCK = 0x64626167656E74
"""The advisory lock (`dbagent`) under which a server's store is created or upgraded."""
START_LOCK = MIGRATION_LOCK + 1
"""The one under which operations are made and started."""

FILE = sa.make_url("sqlite://")
SERVER = sa.make_url("postgresql+psycopg://")
FORMS = "sqlite:///PATH or postgresql://USER@HOST/DATABASE"


def locate(given: str | None = None) -> sa.URL:
    """The store that counts: the one given, else DBAGENT_CONTROL, else a file in the user's state folder."""
    text = given or os.environ.get("DBAGENT_CONTROL")
    if not text:
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        if state.startswith("~"):
            raise ConfigError(["--control: this user has no home folder for a control store: set HOME or name a store"])
        return FILE.set(database=os.path.join(state, "dbagent", "control.db"))
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):  # its message repeats the URL, perhaps with a password
        raise ConfigError([f"--control: this is not a URL of a control store: write {FORMS}"]) from None
    if url.drivername in (SERVER.drivername, SERVER.get_backend_name()):
        return url.set(drivername=SERVER.drivername)
    if url.drivername == FILE.drivername and url.database and url.database != ":memory:" and not url.query:
        return url.set(database=os.path.abspath(os.path.expanduser(url.database)))
    raise ConfigError([f"--control: there is no such kind of control store: write {FORMS}"])


def check_argument(text: str) -> None:
    """Raises ConfigError for a URL with a password in it: every user of the machine sees a process's arguments."""
    with suppress(ArgumentError, ValueError):  # what is no URL, `locate` refuses
        url = sa.make_url(text)
        if url.password is not None or any("password" in name.lower() for name in url.query):
            raise ConfigError(
                ["--control: the URL has a password, which the list of processes shows to every user"],
                "export DBAGENT_CONTROL with this URL instead, and change the password",
            )


def shown(url: sa.URL) -> str:
    """The store as people may read it: no password, in whatever part of the URL one stands."""
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)


def in_a_file(url: sa.URL) -> bool:
    """Only processes of this machine reach it."""
    return url.get_backend_name() == FILE.get_backend_name()


def connect(url: sa.URL) -> sa.Engine:
    """An engine on the store, its tables at the newest version. Raises ConnectionProblem."""
    place = shown(url)
    with told(place):
        if url.drivername == FILE.drivername:
            engine = _file(url)
        else:
            # who waited for a lock must see what its holder did, whatever the server's own default is
            engine = sa.create_engine(
                url, pool_pre_ping=True, isolation_level="READ COMMITTED", connect_args={"connect_timeout": 10}
            )
        try:
            if _version(engine) != HEAD:
                _migrate(engine, place)
        except BaseException:
            engine.dispose()
            raise
    return engine


def readable(url: sa.URL) -> sa.Engine | None:
    """An engine on the store as it is, which writes nothing there. None where there is no store of this version that can be
    reached."""
    if in_a_file(url):
        path = Path(url.database or "")
        if not path.is_file():
            return None
        # not mode=ro: that would leave the files of a write-ahead log behind
        there = FILE.set(database=path.as_uri(), query={"mode": "rw", "uri": "true"})
        engine = sa.create_engine(there, connect_args={"timeout": LOCK_SECONDS})
        event.listen(engine, "connect", _only_read)
    else:
        engine = sa.create_engine(url, connect_args={"connect_timeout": 10})
        event.listen(engine, "connect", _transactions_only_read)
    try:
        with told(shown(url)):
            if _version(engine) == HEAD:
                return engine
    except ConnectionProblem:
        pass
    engine.dispose()
    return None


def _only_read(connection: Any, _: object) -> None:
    connection.execute("PRAGMA query_only=ON")


def _transactions_only_read(connection: Any, _: object) -> None:
    connection.read_only = True


def _file(url: sa.URL) -> sa.Engine:
    path = Path(url.database or "")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # the database library would leave it to the umask
    except OSError as error:
        reason = "its folder is a file" if isinstance(error, FileExistsError) else (error.strerror or "error").lower()
        raise ConnectionProblem(
            f"the control store cannot be opened: {reason}",
            str(path),
            "check the folder's permissions, or name another store with --control",
        ) from None
    engine = sa.create_engine(url, connect_args={"timeout": LOCK_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own: _begin does
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def alone(connection: sa.Connection) -> bool:
    """Whether this is a store in a file, of one operating system's users, rather than on a server with its own logins."""
    return in_a_file(connection.engine.url)


def take_turns(connection: sa.Connection, lock: int) -> None:
    """One process at a time from here to the end of the transaction. In a file every writer is alone already."""
    if connection.engine.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))


def _version(engine: sa.Engine) -> str | None:
    """The version the store says it has; None for a store without tables."""
    with engine.connect().execution_options(reading=True) as connection, connection.begin():
        return _version_inside(connection)


def _version_inside(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(engine: sa.Engine, place: str) -> None:
    """Bring the tables to the newest version, one process at a time, all or nothing."""
    from alembic import command  # slow to load and needed once per store and version
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    with _migrations() as folder, engine.begin() as connection:
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        take_turns(connection, MIGRATION_LOCK)
        version = _version_inside(connection)
        if version is not None and version not in known:
            raise ConnectionProblem(
                f"the control store has version {version}, made by a newer dbagent; this one knows {HEAD}",
                place,
                "use the newer dbagent, or another store with --control",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _migrations() -> Iterator[Path]:
    """The folder of migrations: alembic reads files only, so out of a zip (code that was submitted) they are copied first."""
    here = files("jobs.control").joinpath("migrations")
    if isinstance(here, Path):
        yield here
        return
    with TemporaryDirectory(prefix="dbagent-") as copy:
        _copy(here, Path(copy))
        yield Path(copy)


def _copy(folder: Traversable, to: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            (to / entry.name).mkdir()
            _copy(entry, to / entry.name)
        else:
            (to / entry.name).write_bytes(entry.read_bytes())


def _write_ahead(engine: sa.Engine) -> None:
    """Let readers and one writer work side by side. The switch needs the file for itself and does not wait for it;
    where it cannot be had (some network folders), the store works all the same, with more waiting."""
    for _ in range(100):
        with closing(engine.raw_connection()) as connection, suppress(engine.dialect.loaded_dbapi.Error):
            connection.cursor().execute("PRAGMA journal_mode=WAL")
            return
        time.sleep(0.05)


@contextmanager
def told(place: str) -> Iterator[None]:
    """Turn the database's errors into ones for people, without its own text."""
    try:
        yield
    except (IntegrityError, DataError):
        raise
    except DBAPIError as error:
        what, todo = _meaning(error)
        raise ConnectionProblem(f"the control store {what}", place, todo) from None


_FOREIGN = ("has other tables than this program makes, or not all of them", "name another store with --control")
_REFUSED = ("refuses user, password or database", "check all three in --control or DBAGENT_CONTROL")
_NO_PASSWORD = ("asks for a password", "write it into ~/.pgpass: HOST:PORT:DATABASE:USER:PASSWORD (chmod 600)")

_BY_STATE = {
    "28": ("refuses user or password", "check user and password of --control or DBAGENT_CONTROL"),
    "3D": ("has no such database", "create it, or correct the URL"),
    "42P": _FOREIGN,
    "42703": _FOREIGN,
    "42501": (
        "does not allow this",
        "its administrator runs `dbagent list` once and grants as README says under A team's server",
    ),
    "25006": ("is read-only", "name the primary server, or a user who may write"),
    "53": ("has no room left", "free disk space or connections on its server"),
    "55P03": ("is locked by another process", "try again in a moment"),
}
"""SQLSTATE or how it begins → what it means, what to do."""

_BY_WORD = {
    "locked": ("is locked by another process", "try again when that process has ended"),
    "readonly": ("is read-only", "make file and folder writable, or name another store with --control"),
    "unable to open": ("cannot be opened", "check the folder's permissions, or name another store with --control"),
    "full": ("has no room left", "free disk space"),
    "not a database": ("is not a database file", "name another file with --control"),
    "malformed": ("is damaged", "restore the file from a backup, or name another with --control"),
    "no such table": _FOREIGN,
    "no such column": _FOREIGN,
    "already exists": _FOREIGN,
    "authentication failed": _BY_STATE["28"],
    "does not exist": _BY_STATE["3D"],
    "connection option": ("has an option in its URL that its driver does not know", "correct what follows the `?`"),
    "bad value for": ("has an option in its URL that its driver does not know", "correct what follows the `?`"),
}
"""The file's database, and the server while one is only connecting, say what happened in words alone."""


def _meaning(error: DBAPIError) -> tuple[str, str]:
    state = getattr(error.orig, "sqlstate", None)
    if state:
        found = _BY_STATE.get(state) or _BY_STATE.get(state[:3]) or _BY_STATE.get(state[:2])
        return found or (f"reports error {state}", "see its server's log")
    failed = getattr(
        error.orig, "pgconn", None
    )  # what the driver knows of a login, in whatever language the server speaks
    if failed is not None and failed.needs_password:
        return _NO_PASSWORD
    for word, meaning in _BY_WORD.items():
        if word in str(error.orig):
            return meaning
    if failed is not None and failed.used_password:
        return _REFUSED
    if not hasattr(error.orig, "pgconn"):
        return "cannot be used", "name another store with --control"
    return "cannot be reached", "check host, port and network, or name another store with --control"
