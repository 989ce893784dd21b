"""The driver's session on a target: makes, empties, stages, publishes and finishes tables.

Every definition of a table commits by itself here and would let go of the lease. So where tables change, a second session
holds the lease meanwhile. Both are called after the lease: another driver that takes it ends them first, so that no
definition which has waited for a lock comes through under its feet.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from connectors.contract import Endpoint, Staged
from connectors.errors import Busy, Locked, TerminalError, others_rows
from connectors.mysql import catalog, ddl, probe
from connectors.mysql.altering import altered
from connectors.mysql.definitions import definition
from connectors.mysql.forbidden import forbidden
from connectors.mysql.identity import identity
from connectors.mysql.ledger import Ledger
from connectors.mysql.locks import named
from connectors.mysql.objects import objects
from connectors.mysql.privileges import grants
from connectors.mysql.rendering import rendered
from connectors.mysql.restoring import orphaned, restore
from connectors.mysql.session import Session, connect
from connectors.mysql.statements import run
from connectors.mysql.suspending import suspend, suspensions
from connectors.mysql.types import identifier
from connectors.objects import Alteration, Objects, Restored, SchemaObject, Step, Stored
from connectors.schema import ForeignKey, Schema, Table, TableName

REFERENCES = """
SELECT DISTINCT nullif(table_schema, DATABASE()), table_name, column_name FROM information_schema.key_column_usage
WHERE referenced_table_schema = DATABASE() AND referenced_table_name = %s
AND position_in_unique_constraint = 1
"""
STAGE = f"{catalog.OURS}stage_"
"""Before `<run>_<table>`: whole tables until they are published. What Spark writes lands in `…wire_<run>_<fence>x<table>`."""
STAGES = f"""
SELECT table_name FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_name REGEXP '^{catalog.OURS}(stage|wire)_.+_[0-9x]+$'
"""


class Target:
    """`connectors.contract.TargetSession`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint, self._where = endpoint, endpoint.environment
        self._session = self._connected(endpoint)
        try:
            self.server = probe.server(self._session, source=False)
            self._session.run("SET SESSION foreign_key_checks = 0")
            self.ledger = Ledger(self._session)
        except BaseException:
            self.close()
            raise

    def schema(self) -> Schema:
        return catalog.introspect(self._session)

    def objects(self) -> Objects:
        return objects(self._session)

    def rendered(self, table: Table) -> tuple[SchemaObject, ...]:
        return rendered(self._session, table)

    def altered(self, there: SchemaObject, wanted: SchemaObject) -> Alteration:
        return altered(there, wanted)

    def forbidden(self, works: Sequence[Sequence[str]]) -> list[list[str]]:
        return forbidden(self._session, works)

    def apply(self, statements: Sequence[str], what: str, table: str | None = None) -> None:
        where = f"{self._where}: {what}"
        if leased := self.ledger.leased(table):
            with self._holding(leased) as session:
                run(session, statements, where)
        else:
            run(self._session, statements, where)

    def suspensions(self, names: Sequence[TableName]) -> list[Step]:
        return suspensions(self._session, names)

    def stored(self, names: Sequence[TableName]) -> list[Stored]:
        """No view keeps rows here."""
        return []

    def suspend(self, steps: Sequence[Step]) -> None:
        with self._holding({step.table for step in steps}) as session:
            suspend(session, steps, self._where)

    def restore(self, steps: Sequence[Step]) -> list[Restored]:
        return restore(self._session, steps, self._where)

    def blocked(self, problem: Locked, table: TableName) -> Locked:
        return named(self._session, problem, table.name)

    def mismatches(self, source: Table, target: Table) -> list[str]:
        return list(ddl.differences(source, target))

    def creatable(self, source: Table) -> list[str]:
        return list(ddl.obstacles(self._session, source))

    def create(self, tables: Sequence[Table]) -> None:
        collation = ddl.telling(self._session)
        for table in tables:
            with self._session.translated(f"{self._where}: creating {table.name}"):
                self._session.run(ddl.statement(table, collation))

    def identity(self, name: TableName) -> str:
        return identity(self._session, name.name)

    def is_empty(self, name: TableName) -> bool:
        return not self._session.rows(f"SELECT 1 FROM {identifier(name.name)} LIMIT 1")

    def count(self, name: TableName) -> int:
        return int(self._session.value(f"SELECT count(*) FROM {identifier(name.name)}"))

    def _connected(self, endpoint: Endpoint) -> Session:
        """A lock is given up before an answer is: that leaves the session usable. The server counts whole seconds."""
        given, end = endpoint.patience, f"the target {self._where}"
        if given is None:
            session = connect(endpoint, read_only=False, end=end)
        else:
            seconds = max(1, round(given / 2))
            session = connect(endpoint, read_only=False, end=end, patience=max(given, 2.0 * seconds))
            _wait_for_locks(session, seconds)
        return session

    @contextlib.contextmanager
    def _holding(self, names: Collection[object]) -> Iterator[Session]:
        """A session that defines these tables, while another one keeps their leases in its transaction."""
        ours = replace(self._endpoint, application=self.ledger.application)
        with contextlib.closing(self._connected(ours)) as keeper, contextlib.closing(self._connected(ours)) as session:
            session.run("SET SESSION foreign_key_checks = 0")
            with keeper.transaction():
                self.ledger.over(keeper).hold(map(str, names))
                yield session

    def empty(self, names: Sequence[TableName], ours: Mapping[TableName, int] | None = None) -> None:
        """Foreign keys are off in our sessions, so nothing cascades; what would be orphaned is looked for first."""
        if not names:
            return
        granted = grants(self._session)
        with self._holding(names) as session:
            for name in names:
                self._refuse_referenced(name, set(names))
            left = list(names)
            if ours and granted.may("LOCK TABLES"):
                locked = ", ".join(f"{identifier(name.name)} WRITE" for name in names)
                run(session, [f"LOCK TABLES {locked}"], f"{self._where}: emptying {', '.join(map(str, names))}")
                for name, rows in ours.items():
                    _expect(name, int(session.value(f"SELECT count(*) FROM {identifier(name.name)}")), rows)
            elif ours:  # a DELETE tells how many rows went, and leaves those that come meanwhile
                with session.transaction():
                    for name, rows in ours.items():
                        _expect(name, session.run(f"DELETE FROM {identifier(name.name)}"), rows)
                left = [name for name in names if name not in ours]
            for name in left:
                truncate = granted.may("DROP", name.name)
                counter = _counter(session, name) if truncate and granted.may("ALTER", name.name) else ""
                session.run(f"{'TRUNCATE TABLE' if truncate else 'DELETE FROM'} {identifier(name.name)}")
                if counter:
                    session.run(f"ALTER TABLE {identifier(name.name)} {counter}")

    def _refuse_referenced(self, name: TableName, going: set[TableName]) -> None:
        for database, table, column in self._session.rows(REFERENCES, (name.name,)):
            child = TableName(database, table)
            if child in going:
                continue
            its_name = ".".join(identifier(part) for part in (database, table) if part)
            held = f"SELECT 1 FROM {its_name} WHERE {identifier(column)} IS NOT NULL LIMIT 1"
            if self._session.rows(held):
                raise TerminalError(
                    f"rows of {child} reference this table, and that one is not emptied",
                    where=f"{self._where}: {name}",
                    todo=f"copy {child} too, or empty it first",
                )

    def stage(self, run_id: str, table_id: int, table: Table) -> TableName:
        stage = TableName(None, f"{STAGE}{run_id}_{table_id}")
        with self._holding([table.name]) as session:
            session.run(f"DROP TABLE IF EXISTS {identifier(stage.name)}")
            session.run(ddl.staging(table, stage.name))
        return stage

    def publish(self, run_id: str, staged: Sequence[Staged]) -> None:
        """The stages go after the commit: dropping one would commit by itself. One that stays is swept by the next run."""
        with self._session.transaction():
            for one in staged:
                columns = ", ".join(identifier(column.name) for column in one.table.copied)
                into, stage = identifier(one.table.name.name), identifier(one.stage.name)
                self._session.run(f"INSERT INTO {into} ({columns}) SELECT {columns} FROM {stage}")
                self.ledger.complete(run_id, one.table_id)
        for one in staged:
            self._session.run(f"DROP TABLE IF EXISTS {identifier(one.stage.name)}")

    def sweep(self, run_id: str) -> None:
        going = self.ledger.staging(run_id)
        found = [name for (name,) in self._session.rows(STAGES)]
        gone = [name for name in found if _run(name) not in going]
        if not gone:
            return
        with contextlib.closing(self._connected(self._endpoint)) as brief:
            _wait_for_locks(brief, 1)
            for name in gone:
                with contextlib.suppress(Busy):  # a task that fills it will be ended
                    brief.run(f"DROP TABLE IF EXISTS {identifier(name)}")

    def settle(self, table: Table) -> None:
        """Counters need no help: the server moves them forward itself with every explicit value."""
        self._session.rows(f"ANALYZE TABLE {identifier(table.name.name)}")

    def orphans(self, key: ForeignKey) -> int:
        return int(self._session.value(f"SELECT count(*) {orphaned(key)}"))

    def orphan_query(self, key: ForeignKey) -> str:
        return f"SELECT c.* {orphaned(key)}"

    def end_sessions(self, application: str) -> int:
        return probe.end_sessions(self._session, application, timeout=30)

    def close(self) -> None:
        self._session.close()


def _expect(name: TableName, found: int, rows: int) -> None:
    if found not in (0, rows):
        raise others_rows(name, found, rows)


def _run(stage: str) -> str:
    """Whose staging table it is."""
    return stage.removeprefix(catalog.OURS).partition("_")[2].rpartition("_")[0]


def _wait_for_locks(session: Session, seconds: int) -> None:
    session.run(f"SET SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}")


def _counter(session: Session, name: TableName) -> str:
    """How far it is, as ALTER TABLE says it: TRUNCATE forgets that."""
    found = definition(session.shown(f"SHOW CREATE TABLE {identifier(name.name)}"), "", {}).counter
    return f"AUTO_INCREMENT = {found}" if found else ""
