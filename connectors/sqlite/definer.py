"""What a target's session does to the schema of its file. Every change is one transaction that looks first at what is there,
so it is whole or not at all, and done once however often it is asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence

from connectors.errors import ConnectorError, Locked, TerminalError, ValueRefused
from connectors.objects import Alteration, ObjectId, ObjectKind, Objects, Restored, SchemaObject, Step, Stored
from connectors.schema import Table, TableName, quoted
from connectors.sqlite.ledger import Ledger
from connectors.sqlite.objects import OURS, Entry, is_unique, read_entries, read_objects
from connectors.sqlite.rendered import rendered
from connectors.sqlite.session import Session
from connectors.sqlite.tokens import tokens
from connectors.sqlite.violations import duplicates

ANALYSIS_LIMIT = 1000
"""Rows per index that statistics are made from: enough for the planner, the same time for any table."""
WORDS = {ObjectKind.INDEX: "index", ObjectKind.TRIGGER: "trigger", ObjectKind.VIEW: "view"}
"""What can be dropped and made again, in the words of `sqlite_schema`."""


class SqliteDefiner:
    """`connectors.objects.Definer`."""

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session, self.ledger = session, ledger

    def objects(self) -> Objects:
        return read_objects(self._session)

    def rendered(self, table: Table) -> tuple[SchemaObject, ...]:
        return rendered(table)

    def altered(self, there: SchemaObject, wanted: SchemaObject) -> Alteration:
        """Indexes and views alone: all else would mean to write a table again. Nobody relies on an index that is no key."""
        if wanted.id.kind not in WORDS:
            return Alteration((), (), additive=False)
        index = wanted.id.kind is ObjectKind.INDEX
        return Alteration(
            (*there.drop, *wanted.create),
            (*wanted.drop, *there.create),
            additive=index and not any(is_unique(one.definition) for one in (there, wanted)),
        )

    def forbidden(self, works: Sequence[Sequence[str]]) -> list[list[str]]:
        """Whoever may write the file may do everything in it."""
        return [[] for _ in works]

    def apply(self, statements: Sequence[str], what: str, table: str | None = None) -> None:
        self.ledger.make()
        with self._session.named(what), self._session.transaction():
            self.ledger.hold(self.ledger.leased(table))
            for statement in statements:
                self._session.run(statement)

    def suspensions(self, names: Sequence[TableName]) -> list[Step]:
        """Triggers first: what they do needs no index that is gone. A unique index is a key, and stays; so does one with a
        function or collation of another program, which we could not make again."""
        wanted = {name.name for name in names}
        with self._session.transaction("BEGIN"):
            entries = [entry for entry in read_entries(self._session) if entry.table in wanted]
            indexes = [e for e in entries if e.kind == "index" and not is_unique(e.sql) and self._can_make(e)]
        triggers = sorted((entry for entry in entries if entry.kind == "trigger"), key=lambda entry: entry.place)
        return [_step(entry) for entry in (*triggers, *indexes)]

    def _can_make(self, index: Entry) -> bool:
        """SQLite looks at it under a name that is free, and makes nothing."""
        [_, _, name, *_] = tokens(index.sql)
        probe = f"{index.sql[: name.start]}{quoted(OURS + index.name)}{index.sql[name.end :]}"
        try:
            self._session.rows(f"EXPLAIN {probe}")
        except ConnectorError as error:
            if error.retryable:
                raise
            return False
        return True

    def stored(self, names: Sequence[TableName]) -> list[Stored]:
        """No view keeps rows here."""
        return []

    def suspend(self, steps: Sequence[Step]) -> None:
        with self._session.transaction():
            self.ledger.hold({str(step.table) for step in steps})
            there = {(entry.kind, entry.name): entry.sql for entry in read_entries(self._session)}
            for step in steps:
                sql = there.get((WORDS[step.id.kind], step.id.name))
                if sql is None:
                    continue
                if sql not in step.restore:
                    raise TerminalError(
                        f"{step.id} is another one than the one that was written down to be brought back",
                        where=str(step.table),
                        todo="run again",
                    )
                for statement in step.suspend:
                    self._session.run(statement)

    def blocked(self, problem: Locked, table: TableName) -> Locked:
        """A file is locked as a whole, and who waits for it asks by itself."""
        return problem

    def restore(self, steps: Sequence[Step]) -> list[Restored]:
        found, refused = [], None
        for step in steps:
            try:
                found.append(self._restored(step))
            except ConnectorError as error:
                refused = refused or error
        if refused:
            raise refused
        return found

    def _restored(self, step: Step) -> Restored:
        began = time.monotonic()
        broken = None
        with self._session.named(str(step.id)):
            try:
                with self._session.transaction():
                    if not self._is_there(step.id):
                        for statement in step.restore:
                            self._session.run(statement)
                        self._analyze(step.id)
            except ValueRefused:
                if is_unique(step.restore[0]):
                    broken = duplicates(self._session, step.table.name, step.restore[0])
                if not broken or not broken.groups:  # the one too many has gone meanwhile
                    raise
        if broken:
            return Restored(step, time.monotonic() - began, broken.groups, broken.query)
        return Restored(step, time.monotonic() - began)

    def _analyze(self, id_: ObjectId) -> None:
        """What SQLite knew of an index's values went with it."""
        known = self._session.rows("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'")
        if id_.kind is ObjectKind.INDEX and known:
            self._session.run(f"PRAGMA analysis_limit = {ANALYSIS_LIMIT}")
            self._session.run(f"ANALYZE main.{quoted(id_.name)}")

    def _is_there(self, id_: ObjectId) -> bool:
        kind = WORDS.get(id_.kind)
        table = id_.table.name if id_.table else id_.name
        return any((e.kind, e.name, e.table) == (kind, id_.name, table) for e in read_entries(self._session))


def _step(entry: Entry) -> Step:
    kind = next(kind for kind, word in WORDS.items() if word == entry.kind)
    table = TableName(None, entry.table)
    return Step(ObjectId(kind, table, entry.name), table, (f"DROP {entry.kind} {quoted(entry.name)}",), (entry.sql,))
