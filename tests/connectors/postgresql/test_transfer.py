"""A chunk lands once, whole and from the snapshot, or not at all."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
import sqlglot

from connectors.contract import Bounds, Chunk, RunRecord
from connectors.errors import (
    Busy,
    ConnectionLost,
    LeaseLost,
    PermissionMissing,
    SourceChanged,
    ValueRefused,
)
from connectors.postgresql import connector
from tests.connectors.postgresql.pair import RUN, Pair, Reverse, find

MANY = """
CREATE TABLE many (id bigint PRIMARY KEY, name text);
INSERT INTO many SELECT i, 'n' || i FROM generate_series(1, 20000) i
"""


def count(pair: Pair, table: str = "many") -> int:
    return int(pair.server.rows(pair.dev, f"SELECT count(*) FROM {table}")[0][0])


def test_many_chunks_make_the_whole_table(pair: Pair) -> None:
    pair.server.execute(pair.prod, MANY)
    loaded = pair.copy("many", budget=100_000)
    assert len(loaded) > 8
    assert all(one.fresh and one.bytes > 0 for one in loaded)
    assert sum(one.rows for one in loaded) == 20000
    assert pair.same("many")


def test_a_filter_with_a_subquery_chooses_the_rows(pair: Pair) -> None:
    pair.server.execute(pair.prod, MANY)
    where = sqlglot.parse_one(
        "many.name LIKE 'n1%' AND public.many.id IN (SELECT id / 2 FROM public.many WHERE id <= 400)",
        dialect="postgres",
    )
    with pair.sessions() as (source, _):
        source.explain_filter(find(source, "many"), where)
    assert sum(one.rows for one in pair.copy("many", where=where, budget=300_000)) == 111


def test_the_snapshot_is_what_arrives_while_others_write(pair: Pair) -> None:
    pair.server.execute(pair.prod, "CREATE TABLE acc (id bigint PRIMARY KEY, name text, balance bigint)")
    pair.server.execute(pair.prod, "INSERT INTO acc SELECT i, 'a', 10 FROM generate_series(1, 5000) i")
    with pair.server.churn(pair.prod, "acc") as committed:
        while committed() < 20:
            time.sleep(0.01)
        with pair.sessions() as (source, target):
            table = find(source, "acc")
            before = committed()
            while committed() < before + 50:
                time.sleep(0.01)
            with connector.transfer(pair.start(source, target, table)) as transfer:
                for number, bounds in enumerate(source.bounds(table, None, 50_000)):
                    transfer.copy(Chunk(0, number, bounds))
    assert pair.server.rows(pair.dev, "SELECT sum(balance)::bigint FROM acc") == [(50_000,)]
    assert pair.server.rows(pair.dev, "SELECT max(id) FROM acc")[0][0] <= 1_000_000_000 + before + 1


@pytest.mark.parametrize(
    "change",
    [
        "TRUNCATE many",
        "VACUUM FULL many",
        "DROP TABLE many; CREATE TABLE many (id bigint, name text)",
        "DROP TABLE many",
        "ALTER TABLE many ALTER id TYPE numeric",
        "ALTER TABLE many RENAME TO few",
        "ALTER TABLE many DROP COLUMN name",
    ],
)
def test_a_table_changed_under_the_snapshot_is_never_copied_as_empty(pair: Pair, change: str) -> None:
    pair.server.execute(pair.prod, MANY)
    with pair.sessions() as (source, target):
        table = find(source, "many")
        bounds = source.bounds(table, None, 400_000)
        first = pair.start(source, target, table)
        with connector.transfer(first) as transfer:
            transfer.copy(Chunk(0, 0, bounds[0]))
        loaded = count(pair)
        for statement in change.split("; "):
            pair.server.execute(pair.prod, statement)
        with connector.transfer(first) as transfer, pytest.raises(SourceChanged, match=r"prod: public\.many"):
            transfer.copy(Chunk(0, 1, bounds[1]))
        assert count(pair) == loaded > 0
        assert target.ledger.tables(RUN)[0].chunks == {0}


def test_a_truncate_waits_for_a_chunk_that_reads(pair: Pair) -> None:
    """Once read, a table is locked until its chunk's check is done: nothing can slip in between."""
    pair.server.execute(pair.prod, MANY)
    with pair.sessions() as (source, target):
        table = find(source, "many")
        with connector.transfer(pair.start(source, target, table)) as transfer:
            transfer.copy(Chunk(0, 0, source.bounds(table, None, 1 << 30)[0]))
            with pair.server.connect(pair.prod) as other:
                other.execute("SET lock_timeout = '100ms'")
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    other.execute("TRUNCATE many")


def test_twins_load_a_chunk_once(pair: Pair) -> None:
    pair.server.execute(pair.prod, MANY)
    with pair.sessions() as (source, target):
        table = find(source, "many")
        job = pair.start(source, target, table)
        chunk = Chunk(0, 0, source.bounds(table, None, 1 << 30)[0])
        barrier = threading.Barrier(3)

        def attempt() -> tuple[bool, int]:
            with connector.transfer(job) as transfer:
                barrier.wait()
                loaded = transfer.copy(chunk)
                return loaded.fresh, loaded.rows

        with ThreadPoolExecutor() as pool:
            results = [task.result() for task in [pool.submit(attempt) for _ in range(3)]]
    assert sorted(results) == [(False, 20000), (False, 20000), (True, 20000)]
    assert count(pair) == 20000


def test_a_driver_that_was_taken_over_loads_nothing(pair: Pair) -> None:
    pair.server.execute(pair.prod, MANY)
    with pair.sessions() as (source, target):
        table = find(source, "many")
        job = pair.start(source, target, table)
        record = RunRecord(RUN, "op", "0" * 64, "PROD", "running", time.time(), None)
        assert target.ledger.acquire(record, [str(table.name)], "other", lambda _: False) > job.fence
        with connector.transfer(job) as transfer, pytest.raises(LeaseLost):
            transfer.copy(Chunk(0, 0, source.bounds(table, None, 1 << 30)[0]))
    assert count(pair) == 0


def test_a_late_twin_of_a_complete_table_loads_nothing(pair: Pair) -> None:
    pair.server.execute(pair.prod, MANY)
    with pair.sessions() as (source, target):
        table = find(source, "many")
        job = pair.start(source, target, table)
        chunk = Chunk(0, 0, source.bounds(table, None, 1 << 30)[0])
        with connector.transfer(job) as transfer:
            transfer.copy(chunk)
            target.ledger.completed(RUN, 0)
            assert not transfer.copy(chunk).fresh
    assert count(pair) == 20000


@pytest.mark.parametrize(
    ("constraint", "code"),
    [
        ("CREATE UNIQUE INDEX ON many ((id % 7000))", "23505"),
        ("ALTER TABLE many ADD CHECK (name <> 'n777')", "23514"),
        ("ALTER TABLE many ALTER name SET NOT NULL", "23502"),
        ("ALTER TABLE many ALTER name TYPE varchar(3)", "22001"),
    ],
)
def test_a_row_the_target_refuses_is_named_without_its_values(pair: Pair, constraint: str, code: str) -> None:
    pair.both("CREATE TABLE many (id bigint, name text)")
    pair.server.execute(pair.prod, "INSERT INTO many SELECT i, 'n' || i FROM generate_series(1, 9000) i")
    pair.server.execute(pair.prod, "INSERT INTO many VALUES (0, NULL)")
    pair.server.execute(pair.dev, constraint)
    with pytest.raises(ValueRefused) as refusal:
        pair.copy("many")
    assert refusal.value.code == code
    assert "many, chunk 0" in str(refusal.value)
    assert "777" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
    assert count(pair) == 0
    assert pair.server.rows(pair.dev, "SELECT count(*) FROM _dbagent.chunks") == [(0,)]


def test_the_next_chunk_works_after_one_that_failed(pair: Pair) -> None:
    pair.server.execute(pair.prod, MANY)
    with pair.sessions() as (source, target):
        table = find(source, "many")
        job = pair.start(source, target, table)
        bounds = source.bounds(table, None, 400_000)
        pair.server.execute(pair.dev, "ALTER TABLE many ADD CONSTRAINT c CHECK (id > 1)")
        with connector.transfer(job) as transfer:
            with pytest.raises(ValueRefused):
                transfer.copy(Chunk(0, 0, bounds[0]))
            pair.server.execute(pair.dev, "ALTER TABLE many DROP CONSTRAINT c")
            for number, one in enumerate(bounds):
                assert transfer.copy(Chunk(0, number, one)).fresh
    assert pair.same("many")


def test_columns_are_matched_by_name(pair: Pair) -> None:
    pair.server.execute(
        pair.prod, "CREATE TABLE t (a integer, b integer, c integer GENERATED ALWAYS AS (a + b) STORED)"
    )
    pair.server.execute(pair.prod, "INSERT INTO t (a, b) VALUES (1, 20)")
    pair.server.execute(
        pair.dev,
        "CREATE TABLE t (x text DEFAULT 'x', b integer, c integer GENERATED ALWAYS AS (a + b) STORED, a integer)",
    )
    pair.copy("t")
    assert pair.server.read(pair.dev, "t") == [("x", 20, 21, 1)]


def test_partitions_travel_once_and_inherited_rows_with_their_own_table(pair: Pair) -> None:
    pair.server.execute(
        pair.prod,
        """CREATE TABLE p (id integer, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
        CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY HASH (id);
        CREATE TABLE p2a PARTITION OF p2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE p2b PARTITION OF p2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE TABLE mother (id integer); CREATE TABLE child (extra text) INHERITS (mother);
        INSERT INTO p SELECT i, date '2020-01-01' + i FROM generate_series(1, 700) i;
        INSERT INTO mother VALUES (1), (2); INSERT INTO child VALUES (3, 'x')""",
    )
    with pair.sessions() as (source, _):
        assert [str(table.name) for table in source.schema().tables] == ["public.child", "public.mother", "public.p"]
        where = sqlglot.parse_one("p.id > 100", dialect="postgres")
        source.explain_filter(find(source, "p"), where)
    assert sum(one.rows for one in pair.copy("p")) == 700
    assert pair.same("p")
    assert sum(one.rows for one in pair.copy("mother")) == 2
    assert sum(one.rows for one in pair.copy("child")) == 1


@pytest.mark.parametrize("ddl", ["(id integer PRIMARY KEY)", "()", "(id integer) PARTITION BY LIST (id)"])
def test_an_empty_table_has_one_chunk(pair: Pair, ddl: str) -> None:
    pair.server.execute(pair.prod, f"CREATE TABLE none {ddl}")
    (loaded,) = pair.copy("none")
    assert loaded.fresh
    assert loaded.rows == 0


def test_rows_without_columns_are_rows(pair: Pair) -> None:
    pair.server.execute(
        pair.prod, "CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES"
    )
    assert pair.copy("bare")[0].rows == 2
    assert count(pair, "bare") == 2


@pytest.mark.parametrize("rows", [16383, 16384, 16385, 32768])
def test_a_block_may_end_with_the_last_row(pair: Pair, rows: int) -> None:
    pair.server.execute(
        pair.prod, f"CREATE TABLE t AS SELECT i::integer AS i, 'x' AS s FROM generate_series(1, {rows}) i"
    )
    assert pair.copy("t")[0].rows == rows
    assert pair.same("t")


def test_rows_of_five_megabytes_do_not_grow_a_worker(pair: Pair) -> None:
    pair.server.execute(
        pair.prod,
        "CREATE TABLE wide AS SELECT i, 'n' || i AS name, repeat(md5(i::text), 160000) AS big FROM generate_series(1, 30) i",
    )
    before = peak()
    assert pair.copy("wide", Reverse(("name",)))[0].bytes > 150_000_000
    assert peak() - before < 150


def peak() -> int:
    """The most memory this process has had, in MiB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


def test_a_target_that_stops_answering_ends_the_chunk_on_both_ends(pair: Pair) -> None:
    pair.server.execute(pair.prod, MANY)
    with pair.sessions() as (source, target):
        table = find(source, "many")
        job = pair.start(source, target, table, stall_timeout=1.0)
        with pair.server.connect(pair.dev) as other, other.transaction(), connector.transfer(job) as transfer:
            other.execute("LOCK TABLE many IN ACCESS EXCLUSIVE MODE")
            started = time.monotonic()
            with pytest.raises((Busy, ConnectionLost)) as stalled:
                transfer.copy(Chunk(0, 0, source.bounds(table, None, 1 << 30)[0]))
            assert stalled.value.retryable
            assert time.monotonic() - started < 30
        with connector.transfer(replace(job, stall_timeout=60.0)) as transfer:
            assert transfer.copy(Chunk(0, 0, source.bounds(table, None, 1 << 30)[0])).fresh


@pytest.mark.parametrize("end", ["source", "target"])
def test_an_end_that_freezes_is_named_and_both_are_left(pair: Pair, end: str) -> None:
    pair.server.execute(pair.prod, "CREATE TABLE t AS SELECT i, repeat('x', 900) AS s FROM generate_series(1, 20000) i")
    with pair.sessions() as (source, target):
        table = find(source, "t")
        job = pair.start(source, target, table, stall_timeout=3.0, bytes_per_second=8_000_000.0)
        with connector.transfer(job) as transfer:
            place = pair.prod if end == "source" else pair.dev
            [(pid,)] = pair.server.rows(
                place,
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                f" AND application_name = 'dbagent/{RUN}/{job.fence}'",
            )
            freeze = threading.Timer(0.5, os.kill, (pid, signal.SIGSTOP))
            freeze.start()
            try:
                with pytest.raises(ConnectionLost, match=f"the {end} (prod|dev) made no progress"):
                    transfer.copy(Chunk(0, 0, source.bounds(table, None, 1 << 30)[0]))
            finally:
                freeze.join()
                os.kill(pid, signal.SIGCONT)
        target.end_sessions(f"dbagent/{RUN}/")
        with connector.transfer(replace(job, bytes_per_second=None, stall_timeout=60.0)) as transfer:
            assert transfer.copy(Chunk(0, 0, source.bounds(table, None, 1 << 30)[0])).rows == 20000
    assert pair.same("t")


def test_reading_can_be_throttled(pair: Pair) -> None:
    pair.server.execute(pair.prod, MANY)
    with pair.sessions() as (source, target):
        table = find(source, "many")
        job = pair.start(source, target, table, bytes_per_second=1_000_000.0)
        with connector.transfer(job) as transfer:
            started = time.monotonic()
            loaded = transfer.copy(Chunk(0, 0, source.bounds(table, None, 1 << 30)[0]))
            assert time.monotonic() - started > loaded.bytes / 1_000_000 * 0.9


def test_a_task_after_the_snapshots_end_says_so(pair: Pair) -> None:
    pair.server.execute(pair.prod, MANY)
    with pair.sessions() as (source, target):
        job = pair.start(source, target, find(source, "many"))
    with pytest.raises(ConnectionLost, match="the snapshot is gone"), connector.transfer(job):
        pass


def test_a_table_we_may_not_read_is_named(pair: Pair) -> None:
    pair.server.execute(pair.prod, MANY)
    pair.server.execute(pair.prod, "CREATE ROLE clerk LOGIN PASSWORD 'clerk'")
    clerk = replace(pair.prod, user="clerk", password="clerk")
    source = connector.source(clerk)
    try:
        table = find(source, "many")
        assert not table.readable
        with pytest.raises(PermissionMissing, match=r"public\.many"):
            source.bounds(table, None, 1 << 30)
    finally:
        source.close()
        pair.server.execute(pair.prod, "DROP ROLE clerk")


def test_chunks_are_shaped_for_planning(pair: Pair) -> None:
    pair.server.execute(pair.prod, MANY)
    pair.server.execute(pair.prod, "ANALYZE many")
    with pair.sessions() as (source, _):
        bounds = source.bounds(find(source, "many"), None, 300_000)
    assert all(isinstance(one, Bounds) and 200_000 < one.bytes <= 300_000 for one in bounds)
    assert abs(sum(one.rows for one in bounds) - 20000) < 100
    assert "many" not in repr(bounds)
