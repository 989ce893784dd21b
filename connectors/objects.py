"""Schema objects: everything a database consists of besides its rows, each in its engine's own words.

    objects(source) ──┐
                      ├─▶ compare ─▶ changes ─▶ made early (before rows come) or late (when they are there)
    objects(target) ──┘
    objects of loaded tables ─▶ steps ─▶ journal ─▶ suspended ─▶ rows ─▶ restored, validated

Two objects of one engine are equal exactly when their definitions are: the server's own text of them (`pg_get_*def`, `SHOW
CREATE` …), qualified, without names that say nothing, without counters. A table of another engine's is
rendered into objects of the target's (`TargetSession.rendered`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

from connectors.errors import Locked
from connectors.schema import Table, TableName


class ObjectKind(str, Enum):
    """In the order in which they are made."""

    SCHEMA = "schema"
    TYPE = "type"
    SEQUENCE = "sequence"
    TABLE = "table"
    COLUMN = "column"
    PRIMARY_KEY = "primary key"
    UNIQUE = "unique key"
    INDEX = "index"
    CHECK = "check"
    FOREIGN_KEY = "foreign key"
    VIEW = "view"
    COMMENT = "comment"
    TRIGGER = "trigger"
    """Never carried: only suspended while rows come, and restored."""


@dataclass(frozen=True, order=True)
class ObjectId:
    """What an object is called: `name` is unique among those of its kind and table."""

    kind: ObjectKind
    table: TableName | None
    """Whose it is; a table's own; None where it belongs to none (schemas, types, views …: `name` is qualified then)."""
    name: str

    def __str__(self) -> str:
        own = self.table is None or self.kind is ObjectKind.TABLE
        return f"{self.kind.value} {self.name}" if own else f"{self.kind.value} {self.name} of {self.table}"


@dataclass(frozen=True)
class SchemaObject:
    """One object of a database, and the statements that make and remove it there or in another of the same engine."""

    id: ObjectId
    definition: str
    create: tuple[str, ...]
    """Of a table: with its columns and all that is `inline`. Of a column: how it is added to a table that has rows."""
    drop: tuple[str, ...]
    inline: bool = False
    """Its table's own CREATE makes it: columns always; keys and checks where the engine cannot add them, or adds them badly.
    What needs a column of its own table comes with that column too, when it is added."""
    needs: tuple[ObjectId, ...] = ()
    """What must be there first, beyond what its kind and table say: types of types, views of views, a partition's parent."""
    literals: tuple[str, ...] = ()
    """Clauses of it that hold values (`DEFAULT 'x'`, a CHECK, a partition's bounds, a comment): approvers see them."""
    additive: bool = True
    """It may be added to tables that have rows: false for a NOT NULL column without a default."""
    part_of: TableName | None = None
    """Of a table: the one whose rows it holds a part of. It comes with that, and is none of the neutral schema's."""
    folded: tuple[str, str] | None = None
    """Its name and definition as they are compared, where letter case tells no names apart; None: as they are."""
    uses: tuple[tuple[str, str], ...] = ()
    """What its expressions take of what is never carried, by kind and name as in `Objects.left`: it must be there already."""


@dataclass(frozen=True)
class Objects:
    """All objects of a database but our own bookkeeping."""

    made: tuple[SchemaObject, ...]
    """In an order in which they can be made."""
    left: tuple[tuple[str, str], ...] = ()
    """What is never carried, by kind and name: ("function", "public.tax(numeric)"), ("trigger", "audit of orders") …"""


@dataclass(frozen=True)
class Alteration:
    """How an object that is there becomes another definition, and back."""

    up: tuple[str, ...]
    down: tuple[str, ...]
    additive: bool
    """Nothing that rows hold or that programs rely on gets lost or refused: a wider type, a new default, NOT NULL dropped."""
    refuses: bool = True
    """What does not fit is refused; False: the engine would change rows without a word, so nobody but a person runs it."""
    loses: str = ""
    """What goes with it and never comes back: grants, by whom and for what."""


StepState = Literal["intended", "suspended", "restored", "violated"]
"""intended: written before the first change, so it may be suspended or not; violated: back, but rows break it."""


@dataclass(frozen=True)
class Step:
    """One object that waits until rows are there: suspended first, or not there yet (`suspend` is empty)."""

    id: ObjectId
    table: TableName
    """The table whose rows it waits for."""
    suspend: tuple[str, ...]
    restore: tuple[str, ...]
    """What brings it back, validation included. Run again after a crash at any point, `TargetSession.restore` ends well."""


@dataclass(frozen=True)
class Stored:
    """A view that keeps rows of its own: those of its tables may change, it does not before it is refreshed."""

    step: Step
    """It refreshes it. Nothing is suspended."""
    ours: bool
    """Our user may."""


@dataclass(frozen=True)
class Journaled:
    """A step as the target's journal remembers it."""

    run_id: str
    step: Step
    state: StepState


@dataclass(frozen=True)
class Restored:
    """What became of a step. `query` shows the rows that break it, for a person to run; it holds no value."""

    step: Step
    seconds: float
    violations: int = 0
    query: str = ""


class Described(Protocol):
    """What both sessions can say of their database's schema."""

    def objects(self) -> Objects:
        """All of them, as the session's snapshot sees them. Needs no privilege beyond reading the catalog."""
        ...


class Definer(Described, Protocol):
    """What a target's session does to its schema. Locks are waited for as long as the session waits for any, then Locked
    tells who holds them (a pid, since when): nothing is changed then."""

    def rendered(self, table: Table) -> tuple[SchemaObject, ...]:
        """A table in this engine's terms, with its keys, indexes, checks, comments: as objects of this engine."""
        ...

    def altered(self, there: SchemaObject, wanted: SchemaObject) -> Alteration:
        """How the one becomes the other. Dropping and making anew is one way; it is additive where only that could refuse
        rows or programs nothing: an index. A table's own definition (storage, partitioning) cannot be altered: both empty."""
        ...

    def forbidden(self, works: Sequence[Sequence[str]]) -> list[list[str]]:
        """Of each of these works (one object's statements, all in the order in which they will be applied) what our user may
        not do, each with the statement by which a person would allow it. What earlier works have made is our own. Asks the
        catalog, as often for a thousand works as for one."""
        ...

    def apply(self, statements: Sequence[str], what: str, table: str | None = None) -> None:
        """Run them in order, in one transaction where the engine has that for definitions. `what` names the object in
        errors. Where this driver has the lease of `table`, it keeps it meanwhile. Raises ConnectorError."""
        ...

    def suspensions(self, names: Sequence[TableName]) -> list[Step]:
        """What can wait while these tables are loaded and is there now: secondary indexes that are no keys, triggers, and
        foreign keys out of them where this engine checks old rows when it brings one back. In the order in which they are
        suspended; they are restored in the order of their kinds. Only what our user may drop and make."""
        ...

    def stored(self, names: Sequence[TableName]) -> list[Stored]:
        """The filled ones of these tables' views that keep rows of their own, and those over them, in the order in which they
        are refreshed."""
        ...

    def suspend(self, steps: Sequence[Step]) -> None:
        """Steps of one table; those that are suspended already stay so."""
        ...

    def blocked(self, problem: Locked, table: TableName) -> Locked:
        """The same, told with who keeps rows out of the table now, as far as our user sees any."""
        ...

    def restore(self, steps: Sequence[Step]) -> list[Restored]:
        """Steps of one table, whatever state they are in; several at once where `facts.restores_together`. What is there
        already is only validated. Rows that break a constraint are no error: they are counted, and the constraint stays
        as far as the engine lets it (NOT VALID), else away. Raises ConnectorError; then the others are not lost."""
        ...


class Journal(Protocol):
    """The target's memory of what waits, so that a crash at any moment leaves nothing missing for good. Each call is one
    committed transaction."""

    def intend(self, run_id: str, fence: int, steps: Sequence[Step]) -> None:
        """Write them down before the first change; one that is there already is intended again. Raises LeaseLost."""
        ...

    def mark(self, run_id: str, steps: Sequence[Step], state: StepState) -> None: ...
    def journal(self) -> list[Journaled]:
        """Of all runs, in the order in which they were written. Empty where nothing was ever copied."""
        ...

    def forget(self, run_id: str) -> None:
        """Remove the restored steps of a run that is over."""
        ...
