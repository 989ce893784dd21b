"""PostgreSQL's part of the JDBC paths: a chunk as a query of exact texts, and its publishing from where Spark has put it.

A chunk is read in the driver's snapshot, which the session joins before Spark's query; its pages are all that the predicate
says. Whether the table is still the snapshot's is looked at afterwards by a session of our own in that snapshot.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from connectors.contract import Bounds, Chunk, Endpoint, Filter, Loaded, SourceSession, TableCopy, TransferJob
from connectors.errors import ConnectionLost, ConnectorError, NotFound, TerminalError
from connectors.jdbc import ROUTE, Address, Query, name
from connectors.postgresql import jdbc
from connectors.postgresql.canonical import MODIFIED, PLAIN
from connectors.postgresql.ends import changed, claim, commit, count_cents, open_source, open_target, reading, untouched
from connectors.postgresql.errors import translated, verdict
from connectors.postgresql.loader import check
from connectors.postgresql.reader import ISO_INTERVALS, base, expression
from connectors.postgresql.session import READING, SETTINGS, Connection, close
from connectors.postgresql.statements import Range, rendered, sql_name
from connectors.postgresql.types import BITS
from connectors.schema import Column, Table, TableName, quoted

PAGE = "dbagent_page"
AS_TEXT = {
    **dict.fromkeys((*BITS, "date", "timestamp", "uuid"), "{}::pg_catalog.text"),
    "bool": "{}::pg_catalog.int4::pg_catalog.text",
    "timestamptz": "({} AT TIME ZONE 'UTC')::pg_catalog.text",
    "bytea": "{}",
}
"""Types that the native reader takes in their binary form; the others it selects as text already."""
GONE = frozenset({"22023", "42704", "55000"})
"""What joining a snapshot says whose holder has ended."""
PICK = """
SELECT attempt, count(*), coalesce(sum({size}), 0), array_agg(counts) FILTER (WHERE counts IS NOT NULL)
FROM {landing} WHERE chunk = %s AND try = %s GROUP BY attempt ORDER BY attempt LIMIT 1
"""


class PostgresPaths:
    """`connectors.jdbc.JdbcPaths`."""

    driver = jdbc.DRIVER

    def unreachable(self, endpoint: Endpoint) -> str | None:
        return jdbc.unreachable(endpoint)

    def reading(self, job: TransferJob, rows: int, size: int) -> Address:
        return jdbc.reading(job.source, rows, size, job.stall_timeout)

    def writing(self, job: TransferJob) -> Address:
        return jdbc.writing(job.target, job.stall_timeout)

    def bounds(self, session: SourceSession, table: Table, where: Filter | None, budget: int) -> list[Bounds]:
        """Pages, as everywhere."""
        return session.bounds(table, where, budget)

    def scans(self, table: Table) -> bool:
        return False

    def query(self, job: TransferJob, copy: TableCopy, chunk: Chunk, columns: Sequence[str]) -> Query:
        part, table = chunk.bounds.token, copy.source
        wanted = [table.column(column) for column in columns]
        shown = [f"{selected(column)} AS {name(number)}" for number, column in enumerate(wanted)]
        called = quoted(table.name.name)
        if isinstance(part, Range):
            shown.append(f"{called}.ctid AS {PAGE}")
        shown += [f"{called}.{quoted(column)}" for column in filtered(table, copy.where)]
        where = f"ONLY {sql_name(part.leaf.name)}" if isinstance(part, Range) else sql_name(table.name)
        return Query(
            f"(SELECT {', '.join(shown) or '1'} FROM {where} AS {called}) AS {called}",
            " AND ".join(conditions(part, copy.where)),
            tuple("binary" if base(column) == "bytea" else "string" for column in wanted),
            begin(job.snapshot.token),
        )

    def read_as(self, copy: TableCopy, column: str) -> None:
        return None

    def written_as(self, copy: TableCopy, column: str) -> None:
        return None

    def check(self, job: TransferJob, copy: TableCopy, chunk: Chunk) -> None:
        part = chunk.bounds.token
        if not isinstance(part, Range):
            return
        source = open_source(job)
        try:
            with reading(job, copy):
                count_cents(source, [copy.source.column(field.source) for field in copy.fields if field.source])
                untouched(source, part.leaf, copy.where, job.source.environment)
        finally:
            close(source)

    def problem(self, state: str, code: int, where: str, *, reading: bool) -> ConnectorError:
        if reading and state in GONE:
            return ConnectionLost("the snapshot is gone: the session that held it has ended", where=where)
        found = verdict(state, where)
        return changed(where, state) if reading and isinstance(found, NotFound) else found

    @contextmanager
    def staging(self, job: TransferJob) -> Iterator[Staging]:
        target = open_target(job)
        try:
            yield Staging(job, target)
        finally:
            close(target)


def selected(column: Column) -> str:
    """A column's value as exact text, or its bytes."""
    form = AS_TEXT.get(base(column))
    return expression(column) if form is None else form.format(quoted(column.name))


def filtered(table: Table, where: Filter | None) -> list[str]:
    """The table's columns that a filter names: the query shows them to its own predicate."""
    from sqlglot import exp

    named = set() if where is None else {column.name for column in where.find_all(exp.Column)}
    return [column.name for column in table.columns if column.name in named]


def conditions(part: object, where: Filter | None) -> list[str]:
    if not isinstance(part, Range):
        return ["false"]
    found = [f"{PAGE} >= '({part.low},0)'::pg_catalog.tid"] if part.low is not None else []
    found += [f"{PAGE} < '({part.high},0)'::pg_catalog.tid"] if part.high is not None else []
    found += [] if where is None else [f"({rendered(where)})"]
    return found or ["true"]


def begin(snapshot: str) -> str:
    """Enters the snapshot, with our settings: those this server knows."""
    wanted = {**SETTINGS, **READING, **ISO_INTERVALS}
    texts = (", ".join(f"'{text}'" for text in part) for part in (wanted, wanted.values()))
    names, values = (f"ARRAY[{text}]" for text in texts)
    return (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
        f" SET TRANSACTION SNAPSHOT '{snapshot}';"
        " SELECT pg_catalog.set_config(s.name, w.value, false)"
        f" FROM unnest({names}, {values}) w (name, value) JOIN pg_catalog.pg_settings s ON lower(s.name) = w.name"
    )


class Staging:
    """`connectors.jdbc.Staging`."""

    def __init__(self, job: TransferJob, target: Connection) -> None:
        self._job, self._target = job, target

    def _landing(self, copy: TableCopy) -> str:
        return sql_name(TableName("_dbagent", f"wire_{self._job.run_id}_{self._job.fence}x{copy.table_id}"))

    def land(self, copy: TableCopy) -> str:
        landing = self._landing(copy)
        kinds = [f"{name(n)} {'bytea' if field.wanted.carrier == 'binary' else 'text'}"
                 for n, field in enumerate(copy.fields)]  # fmt: skip
        route = [f"{word} text" for word in ROUTE]
        with translated(f"{self._job.target.environment}: staging {copy.target.name}"), self._target.transaction():
            check(self._target, copy)
            self._target.execute(f"DROP TABLE IF EXISTS {landing}".encode())
            self._target.execute(
                f"CREATE TABLE {landing} ({', '.join([*kinds, *route])}) WITH (autovacuum_enabled = false)".encode()
            )
            self._target.execute(f"CREATE INDEX ON {landing} (chunk, try)".encode())
        return landing

    def publish(self, copy: TableCopy, chunk: Chunk, try_: str) -> Loaded:
        with translated(f"{copy.target.name}, chunk {chunk.number}"):
            before = claim(self._target, self._job, chunk)
            if before:
                return before
            loaded = self._moved(copy, chunk, try_)
            commit(self._target, self._job, loaded)
        return loaded

    def _moved(self, copy: TableCopy, chunk: Chunk, try_: str) -> Loaded:
        landing, fields = self._landing(copy), list(enumerate(copy.fields))
        size = " + ".join(f"coalesce(octet_length({name(n)}), 0)" for n, _ in fields) or "0"
        found = self._target.execute(
            PICK.format(landing=landing, size=size).encode(), [str(chunk.number), try_]
        ).fetchall()
        if not found:
            return Loaded(chunk.table_id, chunk.number, 0, 0, {})
        [(attempt, rows, size_, counted)] = found
        columns = ", ".join(quoted(field.target) for _, field in fields)
        values = ", ".join(cast(copy.target.column(field.target), name(n)) for n, field in fields)
        moved = self._target.execute(
            f"INSERT INTO {sql_name(copy.into)}{f' ({columns})' if columns else ''} OVERRIDING SYSTEM VALUE"
            f" SELECT {values} FROM {landing} WHERE chunk = %s AND try = %s AND attempt = %s".encode(),
            [str(chunk.number), try_, attempt],
        ).rowcount
        if moved != rows:
            raise TerminalError(f"{rows} rows staged, {moved} published: they must be equal")
        return Loaded(chunk.table_id, chunk.number, rows, int(size_), total(counted or ()))

    def clear(self, copy: TableCopy) -> None:
        with translated(f"{self._job.target.environment}: dropping the staging table of {copy.target.name}"):
            self._target.execute(f"DROP TABLE IF EXISTS {self._landing(copy)}".encode())


def cast(column: Column, given: str) -> str:
    """To the column's type without its limits: what does not fit is refused as it is stored, where a cast would cut it."""
    kind = base(column)
    if kind == "bytea":
        return given
    if kind in {*PLAIN, *MODIFIED} - {"citext"} and "[" not in column.type.native:
        return f'{given}::pg_catalog."{kind}"'
    return f"{given}::{column.type.native}"


def total(counted: Iterable[str]) -> dict[str, int]:
    """What was counted, batch by batch."""
    found: Counter[str] = Counter()
    for text in counted:
        found.update(json.loads(text))
    return dict(found)


paths = PostgresPaths()
