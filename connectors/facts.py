"""Facts: what an engine is and can do, and what one of its live servers says about itself. Callers branch on nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from connectors.grammar import Grammar

if TYPE_CHECKING:
    from connectors.schema import IgnoredCase


@dataclass(frozen=True)
class JdbcDriver:
    """An engine's driver for Java: where it is had from, and what it is called there."""

    coordinate: str
    """Maven's: group:artifact:version."""
    class_name: str
    without: tuple[str, ...] = ()
    """What comes with it and copying has no use for, as group:artifact."""

    @property
    def jar(self) -> str:
        """The file's name, as its publisher gives it."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


@dataclass(frozen=True)
class Facts:
    """What an engine is and can do, declared once. Decisions elsewhere read these fields and nothing else."""

    engine: str
    title: str
    address: frozenset[str]
    """Fields of an environment this engine cannot do without, besides `database`: some of host, user, password (not where
    it knows logins without one); port has a default."""
    default_port: int | None
    default_schema: str | None
    """The schema of a table named without one; None where the engine has no schemas."""
    filter_dialect: str | None
    """sqlglot's name of the dialect filters are written in; None where filters are not SQL."""
    options: frozenset[str]
    """Driver options an environment may set; all others are refused."""
    snapshot_holder: Literal["driver", "task"]
    """Who keeps the snapshot alive. `driver`: every task may join it. `task`: it lives in the one task that reads, so all
    chunks of a run travel in one task, and a new task means a new snapshot."""
    writers: int | None
    """How many tasks may write to one target at a time; None: no limit of the engine's own."""
    file: bool
    """The database is a file: tasks must see the same file system as the driver."""
    ways: tuple[str, ...]
    """How rows travel between two ends of this engine, for people: `binary COPY, masked fields spliced`."""
    name_bytes: int | None = None
    """How long an identifier may be in UTF-8; None: as long as one likes."""
    name_characters: int | None = None
    """The same, where the engine counts characters."""
    index_names: Literal["table", "schema"] = "schema"
    """Where an index's name must be the only one."""
    grammar: Grammar | None = None
    """What its schemas and expressions say; None where it knows no SQL."""
    restores_together: bool = False
    """Indexes of one table are best built by one statement; else each by a session of its own, at the same time."""
    one_moment: bool = True
    """All tasks of a run read the same moment; else each reads its own, and rows may not fit together."""
    jdbc: JdbcDriver | None = None
    """What Spark reads and writes this engine with; None: it has no JDBC path."""

    @property
    def read_paths(self) -> tuple[str, ...]:
        """How rows can be read."""
        return ("native",) if self.jdbc is None else ("native", "jdbc")

    @property
    def write_paths(self) -> tuple[str, ...]:
        """How rows can be written."""
        return ("bulk",) if self.jdbc is None else ("bulk", "jdbc")


@dataclass(frozen=True)
class Server:
    """What a live server says about itself. `identity` is equal exactly when two names mean the same database."""

    version: str
    identity: str
    snapshot: str
    """How strong the snapshot is, in one sentence."""
    dialect: str = ""
    """Which of its engine's dialects it speaks: what one says of its schema, another may not take."""
    replica: bool = False
    writable: bool = True
    pooler: bool = False
    bytes: int = 0
    privileges: tuple[tuple[str, bool], ...] = ()
    """Each privilege the tool can use and whether it is there: ("switch foreign keys off for our sessions", True)."""
    ignores_case: IgnoredCase = None
    """Of which letters it ignores the case in names of tables."""
    suspends_foreign_keys: bool = False
    """Loads may come in any order: foreign keys are off in our sessions and are checked afterwards."""
    notes: tuple[str, ...] = ()
