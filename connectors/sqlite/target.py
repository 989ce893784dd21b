"""The driver's side of a target: tables are made, emptied, staged and published, each in one transaction."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

from connectors.contract import Endpoint, Staged
from connectors.errors import NotFound, TerminalError, others_rows
from connectors.schema import ForeignKey, Schema, Table, TableName, quoted
from connectors.sqlite.ddl import begun, planned
from connectors.sqlite.definer import ANALYSIS_LIMIT, SqliteDefiner
from connectors.sqlite.ledger import Ledger
from connectors.sqlite.objects import OURS
from connectors.sqlite.schema import detail, digest, read_schema
from connectors.sqlite.session import Session, exists, open_target, place, promise
from connectors.sqlite.source import describe
from connectors.sqlite.tokens import folded
from connectors.sqlite.types import same

ALIKE = "their names differ in the case of letters only, which SQLite does not tell apart"


def _body(table: Table) -> str:
    """What follows CREATE TABLE and its name. Without a detail it is another engine's table, in our terms."""
    return detail(table).body if table.detail else planned(table).body()


def _stage(table: Table) -> str:
    return detail(table).stage if table.detail else planned(table).stage()


def _unnameable(table: Table) -> Iterator[str]:
    """Why SQLite has no room for the table's names: a sentence each."""
    for one, other in _alike(column.name for column in table.columns):
        yield f"columns {one} and {other}: {ALIKE}"
    if folded(table.name.name).startswith("sqlite_"):
        yield "names that begin with sqlite_ belong to SQLite itself"


def _refused(table: Table) -> list[str]:
    """Makes the table in memory; the file itself stays untouched."""
    with contextlib.closing(sqlite3.connect(":memory:")) as trial:
        try:
            trial.execute(f"CREATE TABLE {quoted(table.name.name)} {_body(table)}")
            trial.execute(f"SELECT * FROM {quoted(table.name.name)}")
        except sqlite3.Error:
            return ["SQLite does not accept its definition here: an expression uses an unknown function or collation"]
    return []


def _alike(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of names that are one to SQLite, which ignores the case of A to Z."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(folded(name), name)
        if other != name:
            yield other, name


class SqliteTarget(SqliteDefiner):
    """`connectors.contract.TargetSession` of one file; what it does to its schema is the definer's."""

    def __init__(self, endpoint: Endpoint) -> None:
        promised = not exists(endpoint)
        session = Session(promise(endpoint) if promised else open_target(endpoint), place(endpoint))
        super().__init__(session, Ledger(session, endpoint, promised))
        self.server = describe(session, endpoint, source=False)

    def schema(self) -> Schema:
        return read_schema(self._session)

    def mismatches(self, source: Table, target: Table) -> list[str]:
        there = {folded(column.name): column for column in target.columns}
        wanted = {folded(column.name) for column in source.copied}
        found = []
        for column in source.copied:
            other = there.get(folded(column.name))
            if other is None:
                found.append(f"column {column.name} is missing")
            elif other.generated:
                found.append(f"column {column.name} is generated in the target and a plain column in the source")
            else:
                if not same(column.type.native, other.type.native):
                    ours, theirs = other.type.native or "of no type", column.type.native or "of no type"
                    found.append(f"column {column.name} is {ours} in the target and {theirs} in the source")
                if source.may_be_null(column) and not other.nullable:
                    found.append(f"column {column.name} is NOT NULL in the target only")
        for column in target.copied:
            if folded(column.name) not in wanted and not column.nullable:
                found.append(f"column {column.name} is NOT NULL and the source has no such column")
        if source.detail and detail(source).strict != detail(target).strict:
            found.append(f"the table is STRICT in the {'target' if detail(target).strict else 'source'} only")
        return found + self._encoding(source)

    def creatable(self, source: Table) -> list[str]:
        found = self._encoding(source)
        taken = self._session.rows(
            "SELECT type, name FROM sqlite_schema WHERE name = ? COLLATE NOCASE AND (type, name) <> ('table', ?)",
            (source.name.name, source.name.name),
        )
        found += [f"{'an' if kind == 'index' else 'a'} {kind} named {name} is in the way" for kind, name in taken]
        found += list(_unnameable(source)) or _refused(source)
        if not self.server.writable:
            found.append("the file or its folder cannot be written")
        return found

    def _encoding(self, source: Table) -> list[str]:
        """Texts of one file go into another as they are; those of other engines are written anew."""
        if source.detail is None:
            return []
        ours, theirs = self._session.value("PRAGMA encoding"), detail(source).encoding
        return [] if ours == theirs else [f"texts are {ours} in the target file and {theirs} in the source file"]

    def create(self, tables: Sequence[Table]) -> None:
        for one, other in _alike(table.name.name for table in tables):
            raise TerminalError(
                f"tables {one} and {other}: {ALIKE}", todo="give one of them another name: column_mappings"
            )
        with self._session.transaction():
            for table in tables:
                made = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE"
                if not self._session.rows(made, (table.name.name,)):
                    self._session.run(f"CREATE TABLE main.{quoted(table.name.name)} {_body(table)}")
                    for statement in begun(table) if table.detail is None else ():
                        self._session.run(statement)

    def identity(self, name: TableName) -> str:
        found = self._session.rows(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE", (name.name,)
        )
        if not found:
            raise NotFound("there is no such table", where=str(name))
        return digest(found[0][0])

    def is_empty(self, name: TableName) -> bool:
        return not self._session.rows(f"SELECT 1 FROM main.{quoted(name.name)} LIMIT 1")

    def count(self, name: TableName) -> int:
        return int(self._session.value(f"SELECT count(*) FROM main.{quoted(name.name)}"))

    def empty(self, names: Sequence[TableName], ours: Mapping[TableName, int] | None = None) -> None:
        """Foreign keys are off in our sessions, so nothing cascades; what would be orphaned is looked for first."""
        going = set(names)
        with self._session.transaction():
            self.ledger.hold(map(str, names))
            for name, rows in (ours or {}).items():
                if (found := self.count(name)) not in (0, rows):
                    raise others_rows(name, found, rows)
            for name in names:
                self._refuse_referenced(name, going)
            for name in names:
                self._session.run(f"DELETE FROM main.{quoted(name.name)}")

    def _refuse_referenced(self, name: TableName, going: set[TableName]) -> None:
        for child, column in self._session.rows(
            'SELECT t.name, k."from" FROM pragma_table_list t, pragma_foreign_key_list(t.name) k'
            " WHERE t.schema = 'main' AND t.type = 'table' AND k.\"table\" = ? COLLATE NOCASE AND k.seq = 0",
            (name.name,),
        ):
            if TableName(None, child) in going:
                continue
            if self._session.rows(f"SELECT 1 FROM main.{quoted(child)} WHERE {quoted(column)} IS NOT NULL LIMIT 1"):
                raise TerminalError(
                    f"rows of {child} reference this table, and that one is not emptied",
                    where=str(name),
                    todo=f"copy {child} too, or empty it first",
                )

    def stage(self, run_id: str, table_id: int, table: Table) -> TableName:
        name = TableName(None, f"{OURS}stage_{run_id}_{table_id}")
        with self._session.transaction():
            self.ledger.hold([str(table.name)])
            self._session.run(f"DROP TABLE IF EXISTS main.{quoted(name.name)}")
            self._session.run(f"CREATE TABLE main.{quoted(name.name)} {_stage(table)}")
        return name

    def publish(self, run_id: str, staged: Sequence[Staged]) -> None:
        with self._session.transaction():
            for one in staged:
                columns = ", ".join(quoted(column.name) for column in one.table.copied)
                into, stage = quoted(one.table.name.name), quoted(one.stage.name)
                self._session.run(f"INSERT OR ABORT INTO main.{into} ({columns}) SELECT {columns} FROM main.{stage}")
                self.ledger.complete(run_id, one.table_id)
                self._session.run(f"DROP TABLE main.{stage}")

    def sweep(self, run_id: str) -> None:
        with self._session.transaction():
            going = self.ledger.staging(run_id)
            for (name,) in self._session.rows(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB ? || 'stage_*_[0-9]*'", (OURS,)
            ):
                if name.removeprefix(f"{OURS}stage_").rpartition("_")[0] not in going:
                    self._session.run(f"DROP TABLE main.{quoted(name)}")

    def settle(self, table: Table) -> None:
        """AUTOINCREMENT counters need no help: SQLite moves them forward itself with every explicit value."""
        self._session.run(f"PRAGMA analysis_limit = {ANALYSIS_LIMIT}")
        self._session.run(f"ANALYZE main.{quoted(table.name.name)}")

    def orphans(self, key: ForeignKey) -> int:
        return int(self._session.value(f"SELECT count(*) {_orphaned(key)}"))

    def orphan_query(self, key: ForeignKey) -> str:
        return f"SELECT c.* {_orphaned(key)}"

    def end_sessions(self, application: str) -> int:
        """A file has no sessions; `Ledger.acquire` waits for the transaction of a former task."""
        return 0

    def close(self) -> None:
        self._session.close()


def _orphaned(key: ForeignKey) -> str:
    # The parent's column stands first: as in a foreign key of SQLite, its collation decides.
    pairs = zip(key.columns, key.referenced_columns, strict=True)
    match = " AND ".join(f"p.{quoted(theirs)} = c.{quoted(ours)}" for ours, theirs in pairs)
    present = " AND ".join(f"c.{quoted(column)} IS NOT NULL" for column in key.columns)
    return (
        f"FROM main.{quoted(key.table.name)} c WHERE {present} AND NOT EXISTS"
        f" (SELECT 1 FROM main.{quoted(key.referenced.name)} p WHERE {match})"
    )
