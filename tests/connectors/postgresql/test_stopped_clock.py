"""The clock in a filter: however late a task reads, it sees the moment of the snapshot."""

from __future__ import annotations

import pytest
import sqlglot

from connectors.contract import Filter
from connectors.errors import TerminalError
from connectors.postgresql import connector
from tests.connectors.postgresql.pair import Pair, find


def parsed(text: str) -> Filter:
    found: Filter = sqlglot.parse_one(text, dialect="postgres")
    return found


@pytest.mark.parametrize("clock", ["now()", "(CURRENT_TIMESTAMP + interval '1 day') - interval '1 day'"])
def test_a_task_that_reads_later_sees_the_snapshots_moment(pair: Pair, clock: str) -> None:
    pair.server.execute(pair.prod, "CREATE TABLE t (at timestamptz)")
    pair.server.execute(
        pair.prod, "INSERT INTO t SELECT clock_timestamp() + n * interval '1 ms' FROM generate_series(1, 30000) n"
    )
    where = parsed(f"at <= {clock}")
    with pair.sessions() as (source, target):
        table = find(source, "t")
        counted = source._connection.execute(b"SELECT count(*) FROM t WHERE at <= now()").fetchall()[0][0]
        job = pair.start(source, target, table, where=where)
        chunks = pair.chunks(source, table)
        with connector.transfer(job) as transfer:
            loaded = [transfer.copy(chunk) for chunk in chunks]
    assert len(chunks) > 1
    assert sum(part.rows for part in loaded) == counted
    assert 0 < counted < 30000


SAME = (
    "now() = CURRENT_TIMESTAMP",
    "now()::date = CURRENT_DATE",
    "date_trunc('day', now())::date = CURRENT_DATE",
    "CURRENT_TIMESTAMP(0) = now()::timestamptz(0)",
    "age(at) = age(CURRENT_DATE, at)",
    "age(at::timestamp) = age(CURRENT_DATE, at::timestamp)",
    "pg_typeof(now()) = 'timestamptz'::regtype AND pg_typeof(CURRENT_DATE) = 'date'::regtype",
    "extract(epoch FROM now()) > 1e9",
    "at IN (SELECT at FROM t WHERE at < now() + interval '1 hour')",
)
HIDDEN = (
    "at > 'today'",
    "at > 'NOW'::timestamptz",
    "at > timestamp 'yesterday 10:00'",
    "at::date <@ '[tomorrow,)'::daterange",
    "date('now') > '2020-01-01'",
    "at = ANY('{now}')",
    "at > 'now'::text::timestamptz",
    "at::date > date(('today'::text))",
)
PLAIN = ("note = 'today'::text", "note LIKE '%today%'", "note = 'nowhere'", "note <> 'snow'")


def test_a_stopped_clock_means_what_the_running_one_does(pair: Pair) -> None:
    pair.server.execute(pair.prod, "CREATE TABLE t (at timestamptz); INSERT INTO t VALUES ('2001-02-03 04:05:06.789')")
    with pair.sessions() as (source, _):
        for text in SAME:
            stopped = source.pinned(parsed(text)).sql(dialect="postgres")
            assert "CURRENT_" not in stopped
            for written in (text, stopped):
                query = f"SELECT bool_and({written}), count(*) FROM t"
                assert source._connection.execute(query.encode()).fetchall() == [(True, 1)], written


def test_the_moment_is_exact_to_the_microsecond_and_the_plan_keeps_its_text(pair: Pair) -> None:
    where = parsed("at = now()")
    with pair.sessions() as (source, _):
        stopped = source.pinned(where).sql(dialect="postgres").removeprefix("at = ")
        assert source._connection.execute(f"SELECT {stopped} = now()".encode()).fetchall() == [(True,)]
    assert where.sql(dialect="postgres") == "at = CURRENT_TIMESTAMP"


def test_a_text_that_hides_the_clock_is_refused(pair: Pair) -> None:
    pair.server.execute(pair.prod, "CREATE TABLE t (at timestamptz, note text)")
    with pair.sessions() as (source, _):
        table = find(source, "t")
        for text in HIDDEN:
            with pytest.raises(TerminalError, match="moment of the clock"):
                source.explain_filter(table, parsed(text))
        for text in PLAIN:
            source.explain_filter(table, parsed(text))
