"""MySQL's and MariaDB's part of the JDBC paths: a chunk as a query of exact texts and bytes, and its publishing from where
Spark has put it.

Spark's predicates are seen by more people than values may be: only integer keys cut a table here. Any other key is hashed,
and a chunk is the rows of one remainder, for which the whole table is read; so there are few of them.

Text that is not kept in UTF-8 is converted by the server. It gives NULL, with a warning that nobody hears, for what grows
beyond its `max_allowed_packet` on the way: such a text comes as bytes that no text has.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil

from connectors.contract import Bounds, Chunk, Endpoint, Filter, Loaded, SourceSession, TableCopy, TransferJob
from connectors.errors import ConnectorError, NotFound, ValueRefused
from connectors.jdbc import ROUTE, Address, Change, Query, name
from connectors.ledger import SqlLedger
from connectors.mysql import jdbc
from connectors.mysql.canonical import types
from connectors.mysql.ends import SourceEnd, TargetEnd, changed
from connectors.mysql.errors import verdict
from connectors.mysql.filters import rendered
from connectors.mysql.loader import way
from connectors.mysql.ranges import INTEGERS, Range, key
from connectors.mysql.reader import NO_TEXT, carried, shown
from connectors.mysql.session import LEDGER, Session
from connectors.mysql.source import BEGIN
from connectors.mysql.types import identifier, type_of
from connectors.mysql.wire import Outcome
from connectors.mysql.write import check
from connectors.schema import Column, Table

MOST_BUCKETS = 16
UTF8 = "utf8mb4"
PICK = """
SELECT attempt, count(*), coalesce(sum({size}), 0), coalesce(sum({refused}), 0) FROM {landing}
WHERE chunk = %s AND try = %s GROUP BY attempt ORDER BY attempt LIMIT 1
"""


@dataclass(frozen=True)
class Bucket:
    """The rows whose key's hash leaves this remainder. A key that is NULL has a hash too."""

    columns: tuple[str, ...]
    """Of the key, quoted."""
    number: int
    count: int
    hint: str = ""

    def condition(self) -> str:
        texts = ", ".join(f"COALESCE(HEX({column}), '-')" for column in self.columns)
        return f"CRC32(CONCAT_WS(',', {texts})) % {self.count} = {self.number}"


class MysqlPaths:
    """`connectors.jdbc.JdbcPaths`."""

    driver = jdbc.DRIVER

    def unreachable(self, endpoint: Endpoint) -> str | None:
        return jdbc.unreachable(endpoint)

    def reading(self, job: TransferJob, rows: int, size: int) -> Address:
        """Row by row, however wide they are."""
        return jdbc.reading(job.source, job.stall_timeout)

    def writing(self, job: TransferJob) -> Address:
        return jdbc.writing(job.target, job.stall_timeout)

    def bounds(self, session: SourceSession, table: Table, where: Filter | None, budget: int) -> list[Bounds]:
        if not self.scans(table):
            return session.bounds(table, where, budget)
        count = max(1, min(MOST_BUCKETS, ceil(table.bytes / max(budget, 1)), table.rows))
        if count == 1:
            return [Bounds(Range(), table.rows, table.bytes)]
        names = tuple(identifier(column.name) for column in key(table))
        return [
            Bounds(Bucket(names, n, count), table.rows // count, max(1, table.bytes // count)) for n in range(count)
        ]

    def scans(self, table: Table) -> bool:
        return not all(type_of(column).base in INTEGERS for column in key(table))

    def query(self, job: TransferJob, copy: TableCopy, chunk: Chunk, columns: Sequence[str]) -> Query:
        part, table = chunk.bounds.token, copy.source
        wanted = [table.column(column) for column in columns]
        called = identifier(table.name.name)
        given = [f"{selected(column)} AS {name(number)}" for number, column in enumerate(wanted)]
        seen = list(dict.fromkeys([*part.columns, *map(identifier, filtered(table, copy.where))]))
        given += [f"{called}.{column}" for column in seen]
        condition = part.condition() + ("" if copy.where is None else f" AND ({rendered(copy.where)})")
        return Query(
            f"(SELECT {', '.join(given) or '1'} FROM {called} AS {called}{part.hint}) AS {called}",
            condition,
            tuple("string" if plain(column) else "binary" for column in wanted),
            BEGIN,
        )

    def read_as(self, copy: TableCopy, column: str) -> Change | None:
        found = copy.source.column(column)
        if plain(found) or is_bytes(found) or type_of(found).charset == UTF8:
            return None
        return lambda values: carried(values, found)

    def written_as(self, copy: TableCopy, column: str) -> Change | None:
        found = way(copy.target.column(column))
        return None if found.change is None else found

    def check(self, job: TransferJob, copy: TableCopy, chunk: Chunk) -> None:
        source = SourceEnd(job)
        try:
            source.same_table(copy)
        finally:
            source.close()

    def problem(self, state: str, code: int, where: str, *, reading: bool) -> ConnectorError:
        """Below 1000 are the driver's own numbers, which say less than the SQLSTATE."""
        found = verdict(code if code >= 1000 else 0, where) if code or state[:2] == "08" else verdict(-1, where)
        return changed(where, str(code)) if reading and isinstance(found, NotFound) else found

    @contextmanager
    def staging(self, job: TransferJob) -> Iterator[Staging]:
        target = TargetEnd(job)
        try:
            yield Staging(job, target.session())
        finally:
            target.close()


def is_bytes(column: Column) -> bool:
    return types.canonical(column.type).carrier == "binary"


def plain(column: Column) -> bool:
    """Whether its text has ASCII letters alone, which everybody understands alike, and is short."""
    type_ = type_of(column)
    return not is_bytes(column) and type_.charset is None and type_.base not in ("float", "json")


def selected(column: Column) -> str:
    """A column's value as ASCII text, or as bytes in UTF-8, or as the bytes that it is."""
    given, quoted, charset = shown(column), identifier(column.name), type_of(column).charset
    if is_bytes(column) or (charset is not None and given != quoted) or charset == UTF8:
        return given
    if plain(column):
        return f"CONVERT({given} USING {UTF8})"
    if type_of(column).base == "float":
        return f"CAST({given} AS CHAR)"
    bytes_ = f"CAST(CONVERT({quoted} USING {UTF8}) AS BINARY)"
    return f"COALESCE({bytes_}, IF({quoted} IS NULL, NULL, {NO_TEXT}))"


def filtered(table: Table, where: Filter | None) -> list[str]:
    """The table's columns that a filter names: the query shows them to its own predicate."""
    from sqlglot import exp

    named = set() if where is None else {column.name.lower() for column in where.find_all(exp.Column)}
    return [column.name for column in table.columns if column.name.lower() in named]


class Staging:
    """`connectors.jdbc.Staging`."""

    def __init__(self, job: TransferJob, target: Session) -> None:
        self._job, self._target = job, target

    def _landing(self, copy: TableCopy) -> str:
        return identifier(f"_dbagent_wire_{self._job.run_id}_{self._job.fence}x{copy.table_id}")

    def land(self, copy: TableCopy) -> str:
        landing = self._landing(copy)
        kinds = [f"{name(n)} {'longblob' if field.wanted.carrier == 'binary' else 'longtext'}"
                 for n, field in enumerate(copy.fields)]  # fmt: skip
        route = [f"{word} {'longtext' if word == 'counts' else 'varchar(40)'}" for word in ROUTE]
        self._target.run(f"DROP TABLE IF EXISTS {landing}")
        self._target.run(
            f"CREATE TABLE {landing} ({', '.join([*kinds, *route])}, KEY (chunk, try, attempt)) ENGINE = InnoDB"
            f" CHARACTER SET {UTF8} COLLATE {UTF8}_bin"
        )
        return landing

    def publish(self, copy: TableCopy, chunk: Chunk, try_: str) -> Loaded:
        target = self._target
        target.where = f"{copy.target.name}, chunk {chunk.number}"
        ledger, run = SqlLedger(target, LEDGER), self._job.run_id
        with target.transaction():
            if not ledger.claim(run, self._job.fence, str(copy.target.name), chunk):
                return Loaded(chunk.table_id, chunk.number, 0, 0, {}, fresh=False)
            loaded = self._moved(copy, chunk, try_)
            ledger.loaded(run, loaded)
        return loaded

    def _moved(self, copy: TableCopy, chunk: Chunk, try_: str) -> Loaded:
        landing, fields = self._landing(copy), list(enumerate(copy.fields))
        ways = [way(copy.target.column(field.target)) for _, field in fields]
        size = " + ".join(f"COALESCE(LENGTH({name(n)}), 0)" for n, _ in fields) or "0"
        refused = " OR ".join(f"{name(n)} IS NULL" for (n, _), one in zip(fields, ways, strict=True) if one.needed)
        pick = PICK.format(landing=landing, size=size, refused=refused or "0")
        found = self._target.rows(pick, (str(chunk.number), try_))
        if not found:
            return Loaded(chunk.table_id, chunk.number, 0, 0, {})
        [(attempt, rows, size_, nulls)] = found
        if int(nulls):
            raise ValueRefused(
                "the table refuses a row: NULL in a NOT NULL column", todo="compare NOT NULL on both ends"
            )
        columns = ", ".join(identifier(field.target) for _, field in fields)
        values = ", ".join(stored(one.column, name(n)) for (n, _), one in zip(fields, ways, strict=True))
        place = (str(chunk.number), try_, attempt)
        rest = f"FROM {landing} WHERE chunk = %s AND try = %s AND attempt = %s"
        moved = self._target.run(
            f"INSERT INTO {identifier(copy.into.name)} ({columns}) SELECT {values} {rest}".replace("%s", "\0")
            .replace("%", "%%").replace("\0", "%s"), place,
        )  # fmt: skip
        check(Outcome(moved, 0, 0, int(self._target.value("SELECT @@warning_count"))), int(rows), 0)
        counts: Counter[str] = Counter()
        for (text,) in self._target.rows(f"SELECT counts {rest} AND counts IS NOT NULL", place):
            counts.update(json.loads(text))
        return Loaded(chunk.table_id, chunk.number, int(rows), int(size_), dict(counts))

    def clear(self, copy: TableCopy) -> None:
        self._target.run(f"DROP TABLE IF EXISTS {self._landing(copy)}")


def stored(column: Column, given: str) -> str:
    """What is stored of a landed value."""
    return f"CAST({given} AS UNSIGNED)" if type_of(column).base == "bit" else given


paths = MysqlPaths()
