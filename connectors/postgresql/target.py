"""The driver's session on a target: prepares tables before the load and finishes them after it.

What a task may not do while others load happens here: creating, emptying, staging, publishing, counters, statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import psycopg

from connectors.contract import Endpoint, Staged
from connectors.errors import Locked, NotFound, TerminalError, others_rows
from connectors.objects import Alteration, Objects, Restored, SchemaObject, Step, Stored
from connectors.postgresql import catalog, ddl, deferrable, objects, privileges, probe, suspending
from connectors.postgresql.altering import altered
from connectors.postgresql.errors import translated
from connectors.postgresql.ledger import Ledger
from connectors.postgresql.locks import named, told
from connectors.postgresql.lost import grants_on, lost_with
from connectors.postgresql.objects_tables import View
from connectors.postgresql.rendering import rendered
from connectors.postgresql.session import DRIVER_PATIENCE, close, configure, connect
from connectors.postgresql.statements import names, sql_name
from connectors.postgresql.stored import stored
from connectors.schema import ForeignKey, Schema, Table, TableName, quoted

REFERENCES = b"""
SELECT k.conrelid::regclass::text, array(SELECT quote_ident(a.attname) FROM unnest(k.conkey) u (num)
  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num)
FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = ANY(%s::oid[])
AND NOT k.conrelid = ANY(%s::oid[]) ORDER BY 1
"""
FAMILY = b"""
WITH RECURSIVE family (oid) AS (SELECT unnest(%s::oid[]) UNION SELECT i.inhrelid FROM family f
  JOIN pg_inherits i ON i.inhparent = f.oid JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition)
SELECT array(SELECT oid FROM family)
"""
SEQUENCES = b"""
SELECT a.attname, s.oid::regclass::text, q.seqincrement > 0, q.seqmin, q.seqmax
FROM pg_class s JOIN pg_sequence q ON q.seqrelid = s.oid JOIN pg_attribute a ON a.attrelid = to_regclass(%s)
WHERE EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = s.oid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
    AND d.deptype IN ('a', 'i'))
  OR EXISTS (SELECT FROM pg_attrdef f JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
    WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum AND d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid)
ORDER BY 1, 2
"""
MISSING = b"""
SELECT array(SELECT p.name FROM unnest(ARRAY['SELECT', 'INSERT']) p (name) WHERE EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = '' AND NOT has_column_privilege(t.oid, a.attnum, p.name)))
  || array(SELECT 'TRUNCATE' WHERE NOT has_table_privilege(t.oid, 'TRUNCATE, DELETE'))
FROM (SELECT %s::oid) t (oid)
"""
"""What loading needs: a table is emptied before it is begun anew, by TRUNCATE or DELETE."""
STAGES = b"SELECT tablename FROM pg_tables WHERE schemaname = '_dbagent' AND tablename ~ '^(stage|wire)_.+_[0-9x]+$'"
"""`stage_<run>_<table>` holds whole tables until they are published, `wire_<run>_<fence>x<table>` what Spark writes."""
IDENTITY = b"""
SELECT (SELECT oid::text FROM pg_database WHERE datname = current_database()) || '/' || to_regclass(%s)::oid::text
"""


class Target:
    """`connectors.contract.TargetSession`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._where = endpoint.environment
        end, patience = f"the target {endpoint.environment}", endpoint.patience
        self._connection = connect(endpoint, read_only=False, end=end, patience=patience or DRIVER_PATIENCE)
        try:
            with translated(self._where):
                if patience:  # a lock is given up first: that leaves the session usable
                    configure(self._connection, {"lock_timeout": f"{max(1, round(patience * 500))}ms"})
                self.server = probe.server(self._connection, source=False)
        except BaseException:
            self.close()
            raise
        self.ledger = Ledger(self._connection)

    def schema(self) -> Schema:
        with translated(self._where):
            return catalog.introspect(self._connection)

    def objects(self) -> Objects:
        with translated(self._where):
            return objects.read(self._connection)

    def rendered(self, table: Table) -> tuple[SchemaObject, ...]:
        with translated(f"{self._where}: {table.name}"):
            return rendered(self._connection, table)

    def altered(self, there: SchemaObject, wanted: SchemaObject) -> Alteration:
        found = altered(there, wanted, self._connection.info.server_version)
        goes, comes = found.up[: len(there.drop)] == there.drop, found.down[: len(wanted.drop)] == wanted.drop
        with translated(f"{self._where}: {there.id}"):
            said = lost_with(self._connection, there, wanted) if goes else ()
            back = lost_with(self._connection, there, there) if comes else ()
            grants = grants_on(self._connection, there) if goes and isinstance(there, View) else ""
        loses = f"its grants go with it: {grants}" if grants else ""
        return replace(found, up=(*found.up, *said), down=(*found.down, *back), loses=loses)

    def forbidden(self, works: Sequence[Sequence[str]]) -> list[list[str]]:
        with translated(self._where):
            return privileges.forbidden(self._connection, works)

    def apply(self, statements: Sequence[str], what: str, table: str | None = None) -> None:
        with told(self._connection, f"{self._where}: {what}", statements), self._connection.transaction():
            self.ledger.hold(self.ledger.leased(table))
            for statement in statements:
                self._connection.execute(statement.encode())

    def suspensions(self, names: Sequence[TableName]) -> list[Step]:
        with translated(self._where):
            return suspending.suspensions(self._connection, names)

    def stored(self, names: Sequence[TableName]) -> list[Stored]:
        with translated(self._where):
            return stored(self._connection, names)

    def suspend(self, steps: Sequence[Step]) -> None:
        tables = list(dict.fromkeys(str(step.table) for step in steps))
        where = f"{self._where}: suspending indexes and constraints of {', '.join(tables)}"
        suspending.suspend(self._connection, where, steps, lambda: self.ledger.hold(tables))

    def restore(self, steps: Sequence[Step]) -> list[Restored]:
        return suspending.restore(self._connection, self._where, steps)

    def blocked(self, problem: Locked, table: TableName) -> Locked:
        with translated(self._where):
            return named(self._connection, problem, [f"COPY {sql_name(table)}"])

    def mismatches(self, source: Table, target: Table) -> list[str]:
        with translated(self._where):
            return [*ddl.differences(source, target), *self._refusals(target)]

    def _refusals(self, table: Table) -> Iterator[str]:
        """What our user lacks to load an existing table, each with the statement that grants it."""
        name, user = sql_name(table.name), quoted(self._connection.info.user)
        if not ddl.allowed(self._connection, "has_schema_privilege(%s, 'USAGE')", table.name.schema or "public"):
            yield privileges.enters(table.name.schema or "public", user)
            return
        missing = self._connection.execute(MISSING, [catalog.detail(table).oid]).fetchall()[0][0]
        if missing:
            yield f"our user may not load it: GRANT {', '.join(missing)} ON {name} TO {user}"
        for _, sequence, *_ in self._connection.execute(SEQUENCES, [name]).fetchall():
            reads, sets = (
                ddl.allowed(self._connection, f"has_sequence_privilege(%s, '{privilege}')", sequence)
                for privilege in ("SELECT", "UPDATE")
            )
            if not (reads and sets):
                yield f"our user may not set its counter: GRANT SELECT, UPDATE ON SEQUENCE {sequence} TO {user}"

    def creatable(self, source: Table) -> list[str]:
        with translated(self._where):
            return list(ddl.obstacles(self._connection, source))

    def create(self, tables: Sequence[Table]) -> None:
        with translated(f"{self._where}: creating tables"):
            ddl.create(self._connection, tables)

    def identity(self, name: TableName) -> str:
        found = self._one(name, IDENTITY, [sql_name(name)])[0]
        if found is None:
            raise NotFound("the table does not exist", where=f"{self._where}: {name}")
        return str(found)

    def is_empty(self, name: TableName) -> bool:
        return not self._one(name, f"SELECT EXISTS (SELECT FROM {self._own(name)})".encode())[0]

    def count(self, name: TableName) -> int:
        return int(self._one(name, f"SELECT count(*) FROM {self._own(name)}".encode())[0])

    def empty(self, names: Sequence[TableName], ours: Mapping[TableName, int] | None = None) -> None:
        """One TRUNCATE; where a table outside references one of these, it must reference no row, and one DELETE
        statement removes all rows: foreign keys among the tables are checked at its end, so cycles do not matter."""
        if not names:
            return
        whole = [self._own(name) for name in names]
        where = f"{self._where}: emptying {', '.join(map(str, names))}"
        with told(self._connection, where, whole), self._connection.transaction():
            self.ledger.hold(map(str, names))
            self._nobody_elses(ours or {})
            roots = [self._one(name, b"SELECT to_regclass(%s)::oid", [sql_name(name)])[0] for name in names]
            family = self._connection.execute(FAMILY, [roots]).fetchall()[0][0]
            outside = self._connection.execute(REFERENCES, [family, family]).fetchall()
            for table, columns in outside:
                held = " AND ".join(f"{column} IS NOT NULL" for column in columns)
                if self._connection.execute(f"SELECT EXISTS (SELECT FROM {table} WHERE {held})".encode()).fetchall()[0][
                    0
                ]:
                    raise TerminalError(
                        f"table {table} has rows that reference rows to be removed",
                        where=f"{self._where}: {', '.join(map(str, names))}",
                        todo="add it to the operation, or remove its rows first",
                    )
            truncates = self._connection.execute(
                b"SELECT bool_and(has_table_privilege(oid, 'TRUNCATE')) FROM unnest(%s::oid[]) oid", [roots]
            ).fetchall()[0][0]
            if truncates and not outside:
                self._connection.execute(f"TRUNCATE {', '.join(whole)}".encode())
                return
            deletes = [f"d{number} AS (DELETE FROM {one})" for number, one in enumerate(whole)]
            self._connection.execute(f"WITH {', '.join(deletes)} SELECT".encode())

    def _nobody_elses(self, ours: Mapping[TableName, int]) -> None:
        """Until the transaction ends these tables hold so many rows and no others."""
        if ours:
            locked = ", ".join(map(self._own, ours))
            self._connection.execute(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE".encode())
        for name, rows in ours.items():
            if (found := self.count(name)) not in (0, rows):
                raise others_rows(name, found, rows)

    def stage(self, run_id: str, table_id: int, table: Table) -> TableName:
        """Made from a query, so that it has the exact types and no constraint; logged, so that a crash keeps it."""
        stage = TableName("_dbagent", f"stage_{run_id}_{table_id}")
        with translated(f"{self._where}: staging {table.name}"), self._connection.transaction():
            self.ledger.hold([str(table.name)])
            self._connection.execute(f"DROP TABLE IF EXISTS {sql_name(stage)}".encode())
            query = f"SELECT {names(table.copied)} FROM {self._own(table.name)}"
            self._connection.execute(f"CREATE TABLE {sql_name(stage)} AS {query} WITH NO DATA".encode())
        return stage

    def publish(self, run_id: str, staged: Sequence[Staged]) -> None:
        """One statement, however many tables: foreign keys are checked at its end, so cycles of them do not matter."""
        inserts = [
            f"p{number} AS (INSERT INTO {sql_name(one.table.name)} ({names(one.table.copied)}) OVERRIDING SYSTEM VALUE"
            f" SELECT {names(one.table.copied)} FROM {sql_name(one.stage)})"
            for number, one in enumerate(staged)
        ]
        what = ", ".join(str(one.table.name) for one in staged)
        with translated(f"{self._where}: publishing {what}"), self._connection.transaction():
            if self.server.suspends_foreign_keys:
                self._connection.execute(b"SET LOCAL session_replication_role = replica")
            self._connection.execute(f"WITH {', '.join(inserts)} SELECT".encode())
            for one in staged:
                self._recheck(one.table)
                self.ledger.complete(run_id, one.table_id)
                self._connection.execute(f"DROP TABLE {sql_name(one.stage)}".encode())

    def sweep(self, run_id: str) -> None:
        with translated(f"{self._where}: dropping staging tables"):
            going = self.ledger.staging(run_id)
            for (name,) in self._connection.execute(STAGES).fetchall():
                if name.partition("_")[2].rpartition("_")[0] in going:
                    continue
                with suppress(psycopg.errors.LockNotAvailable), self._connection.transaction():
                    self._connection.execute(b"SET LOCAL lock_timeout = '1s'")  # a task that fills it will be ended
                    self._connection.execute(f"DROP TABLE IF EXISTS {sql_name(TableName('_dbagent', name))}".encode())

    def settle(self, table: Table) -> None:
        analyze = f"ANALYZE {sql_name(table.name)}"
        with told(self._connection, f"{self._where}: finishing {table.name}", [analyze]):
            self._recheck(table)
            found = self._connection.execute(SEQUENCES, [sql_name(table.name)]).fetchall()
            for column, sequence, ascending, low, high in found:
                self._advance(table.name, column, sequence, ascending, low, high)
            self._connection.execute(analyze.encode())

    def _recheck(self, table: Table) -> None:
        """What the server does not check while foreign keys are suspended."""
        if self.server.suspends_foreign_keys:
            deferrable.check(self._connection, sql_name(table.name))

    def _advance(self, name: TableName, column: str, sequence: str, ascending: bool, low: int, high: int) -> None:
        """Set the sequence to the furthest value of its column, never back."""
        furthest = "max" if ascending else "min"
        reached = self._one(name, f"SELECT {furthest}({quoted(column)}) FROM {self._own(name)}".encode())[0]
        last, called = self._one(name, f"SELECT last_value, is_called FROM {sequence}".encode())
        if reached is None or not low <= reached <= high:
            return
        behind = last < reached if ascending else last > reached
        if behind or (last == reached and not called):
            self._connection.execute(b"SELECT setval(%s::regclass, %s, true)", [sequence, int(reached)])

    def orphans(self, key: ForeignKey) -> int:
        return int(self._one(key.table, f"SELECT count(*) {self._orphaned(key)}".encode())[0])

    def orphan_query(self, key: ForeignKey) -> str:
        return f"SELECT c.* {self._orphaned(key)}"

    def _orphaned(self, key: ForeignKey) -> str:
        pairs = list(zip(key.columns, key.referenced_columns, strict=True))
        given = " AND ".join(f"c.{quoted(column)} IS NOT NULL" for column, _ in pairs)
        same = " AND ".join(f"p.{quoted(other)} = c.{quoted(column)}" for column, other in pairs)
        return (
            f"FROM {self._own(key.table)} c WHERE {given}"
            f" AND NOT EXISTS (SELECT FROM {self._own(key.referenced)} p WHERE {same})"
        )

    def end_sessions(self, application: str) -> int:
        with translated(self._where):
            return probe.end_sessions(self._connection, application, timeout=30)

    def close(self) -> None:
        close(self._connection)

    def _own(self, name: TableName) -> str:
        """The table in a FROM: without the rows of tables that inherit from it, with all partitions."""
        kind = self._one(name, b"SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", [sql_name(name)])[0]
        return f"{'' if kind == 'p' else 'ONLY '}{sql_name(name)}"

    def _one(self, name: TableName, query: bytes, values: Sequence[Any] | None = None) -> tuple[Any, ...]:
        with translated(f"{self._where}: {name}"):
            found = self._connection.execute(query, values).fetchall()
        if not found:
            raise NotFound("the table does not exist", where=f"{self._where}: {name}")
        return found[0]
