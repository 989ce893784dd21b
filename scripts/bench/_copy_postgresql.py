"""How fast PostgreSQL → PostgreSQL is, beside `psql COPY | psql COPY` and the usual Spark ways, on this machine, now.

Run it as `scripts/bench/copy_postgresql [--json]`. It starts a server of its
own, loads `customers`, and per repetition runs every way once, so that a slow minute of the machine hits all of them.
The floors: ratio_plain 0.65, ratio_masked 0.50, vs_spark_jdbc 2.2, vs_spark_faker 10; startup_ratio at most 0.5 and
worker_rss_mib, with --memory also over 20 M rows and rows of 5 MB, under 400.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _commands as commands
from _commands import machine, policy

from connectors.contract import Endpoint
from connectors.postgresql.testkit import testkit

CUSTOMERS = """CREATE TABLE customers (id bigint NOT NULL, full_name text, email varchar(255) NOT NULL, phone varchar(32),
    ssn char(11), card_number varchar(19), address text, city text, balance numeric(12,2), created_at timestamptz DEFAULT now(),
    notes text)"""
FILL = """INSERT INTO customers SELECT i, 'First' || i % 5003 || ' Last' || i % 7919,
    'user' || i || '@corp' || i % 97 || '.example.com', '+1-555-' || lpad((i % 10000000)::text, 7, '0'),
    lpad((i % 899 + 1)::text, 3, '0') || '-' || lpad((i % 99 + 1)::text, 2, '0') || '-' || lpad((i % 9999 + 1)::text, 4, '0'),
    '4' || lpad((i * 7919 % 1000000000000000)::text, 15, '0'), i % 9999 || ' Main Street, Apt ' || i % 97, 'City' || i % 977,
    (i * 13 % 1000000) / 100.0,
    timestamptz '2024-06-01 00:00:00+00' - (i || ' seconds')::interval - ((i % 1000) || ' milliseconds')::interval,
    CASE WHEN i % 10 <> 0 THEN md5(i::text) || ' ' || md5((i + 1)::text) END FROM generate_series(1::bigint, {rows}) i"""
FILL_WIDE = """INSERT INTO customers (id, full_name, email, notes)
    SELECT i, 'First Last', 'user' || i, repeat(md5(i::text), 163840) FROM generate_series(1, {rows}) i"""
RULES: dict[str, Any] = {
    "id": "keep",
    "full_name": {"strategy": "faker", "domain": "person"},
    "email": {"strategy": "faker", "domain": "email"},
    "phone": "mask",
    "ssn": "scramble",
    "card_number": "scramble",
    **dict.fromkeys(("address", "city", "balance", "created_at", "notes"), "keep"),
}


@dataclass
class Bench(commands.Measured):
    """A server's two databases, a folder for our files."""

    folder: Path
    source: Endpoint
    target: Endpoint
    rows: int
    tasks: int
    faker_rows: int


def login(end: Endpoint) -> dict[str, str]:
    named = {
        "PGHOST": end.host,
        "PGPORT": end.port,
        "PGUSER": end.user,
        "PGPASSWORD": end.password,
        "PGDATABASE": end.database,
    }
    given = {name: str(value) for name, value in named.items() if value is not None}
    return {**os.environ, **given, "PGOPTIONS": "-c client_min_messages=warning"}


def psql(end: Endpoint, *statements: str) -> str:
    command = [
        "psql",
        "-X",
        "-q",
        "-A",
        "-t",
        "-v",
        "ON_ERROR_STOP=1",
        *(word for s in statements for word in ("-c", s)),
    ]
    return subprocess.run(command, env=login(end), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def load(bench: Bench, fill: str, rows: int) -> None:
    """The source table: filled, analyzed, in the cache."""
    fill = fill.format(rows=rows)
    psql(bench.source, "DROP TABLE IF EXISTS customers", CUSTOMERS, fill, "VACUUM ANALYZE customers", "CHECKPOINT")
    copy = ["psql", "-X", "-q", "-c", "COPY customers TO STDOUT (FORMAT binary)"]
    subprocess.run(copy, env=login(bench.source), check=True, stdout=subprocess.DEVNULL)


def clear(bench: Bench, *, create: bool) -> None:
    psql(bench.target, "DROP TABLE IF EXISTS customers", *([CUSTOMERS] if create else []), "CHECKPOINT")


def check(bench: Bench, rows: int) -> None:
    found = int(psql(bench.target, "SELECT count(*) FROM customers"))
    if found != rows:
        raise SystemExit(f"the target has {found} rows instead of {rows}: nothing was measured")


def reference(bench: Bench) -> None:
    """`psql COPY (binary) | psql COPY` over two halves of the table at once."""
    clear(bench, create=True)
    half = int(psql(bench.source, "SELECT relpages / 2 FROM pg_class WHERE oid = 'customers'::regclass"))
    started, running = time.time(), []
    for condition in (f"ctid < '({half},0)'", f"ctid >= '({half},0)'"):
        read = ["psql", "-X", "-q", "-c", f"COPY (SELECT * FROM customers WHERE {condition}) TO STDOUT (FORMAT binary)"]
        write = ["psql", "-X", "-q", "-c", "COPY customers FROM STDIN (FORMAT binary)"]
        reader = subprocess.Popen(read, env=login(bench.source), stdout=subprocess.PIPE)
        running += [reader, subprocess.Popen(write, env=login(bench.target), stdin=reader.stdout)]
        assert reader.stdout is not None
        reader.stdout.close()
    if any(process.wait() for process in running):
        raise SystemExit("psql failed")
    bench.record(psql=time.time() - started)
    check(bench, bench.rows)


def configure(bench: Bench) -> None:
    """An operation for each way."""
    ends = {"source_env": "SOURCE", "target_env": "TARGET", "tables": ["customers"], "parallel_workers": 2}
    rules = policy(bench.folder, {f"customers.{name}": rule for name, rule in RULES.items()})
    operations = {"plain": {**ends, "anonymize": False}, "masked": {**ends, "anonymize": True, "policy": rules}}
    commands.configure(bench.folder, {"SOURCE": bench.source, "TARGET": bench.target}, operations)


def ours(bench: Bench, way: str, rows: int, *, label: str = "") -> dict[str, float]:
    """The real command; net from the first chunk's start to the last commit."""
    clear(bench, create=False)
    run = commands.ours(bench.folder, way)
    check(bench, rows)
    label = label or way
    bench.grew(label, run.mib)
    return {f"{label}_net": run.net, f"{label}_whole": run.whole, f"{label}_start": run.start}


def spark(bench: Bench, way: str, rows: int) -> float:
    """Seconds of a whole command of the usual kind."""
    if way == "start":
        return commands.spark(bench.folder, way)[0]
    clear(bench, create=True)
    urls = [f"jdbc:postgresql://{end.host}:{end.port}/{end.database}" for end in (bench.source, bench.target)]
    seconds, _ = commands.spark(bench.folder, way, *urls, bench.source.user, bench.source.password, bench.tasks, rows)
    check(bench, rows)
    return seconds


def spark_faker(bench: Bench) -> float:
    """With --faker-rows fewer rows are copied and the time behind the start-up is scaled."""
    seconds = spark(bench, "faker", bench.faker_rows)
    if bench.faker_rows == bench.rows:
        return seconds
    start_up = bench.median("spark_start")
    return start_up + (seconds - start_up) * bench.rows / bench.faker_rows


def repetition(bench: Bench, number: int, spark_repetitions: int) -> None:
    reference(bench)
    bench.record(**ours(bench, "plain", bench.rows))
    bench.record(**ours(bench, "masked", bench.rows))
    bench.record(spark_start=spark(bench, "start", 0))
    if number < spark_repetitions:
        bench.record(spark_jdbc=spark(bench, "jdbc", bench.rows))
        bench.record(spark_faker=spark_faker(bench))


def memory(bench: Bench) -> None:
    """Ten times the rows, then rows of 5 MB, both masked."""
    for label, fill, rows in (("masked_tenfold", FILL, 10 * bench.rows), ("masked_5_mb_rows", FILL_WIDE, 200)):
        print(f"  {label}: {rows:,} rows")
        load(bench, fill, rows)
        bench.record(**ours(bench, "masked", rows, label=label))


def summary(bench: Bench) -> dict[str, Any]:
    ratios: dict[str, Callable[[], float]] = {
        "ratio_plain": lambda: bench.median("psql") / bench.median("plain_net"),
        "ratio_masked": lambda: bench.median("psql") / bench.median("masked_net"),
        "vs_spark_jdbc": lambda: bench.median("spark_jdbc") / bench.median("plain_whole"),
        "vs_spark_faker": lambda: bench.median("spark_faker") / bench.median("masked_whole"),
        "startup_ratio": lambda: bench.median("plain_start") / bench.median("spark_start"),
    }
    found = {
        name: round(ratio(), 3) if "spark_jdbc" in bench.measured or "vs_" not in name else None
        for name, ratio in ratios.items()
    }
    return {
        **found,
        "worker_rss_mib": max(bench.rss.values()),
        "worker_rss_mib_by_load": bench.rss,
        "seconds": bench.measured,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--spark-repetitions", type=int, help="of the two JDBC ways (default: as many as the others)")
    parser.add_argument("--faker-rows", type=int, help="copy only so many with per-row Faker and scale (default: all)")
    parser.add_argument("--tasks", type=int, default=8, help="partitions of the JDBC ways")
    parser.add_argument("--memory", action="store_true", help="also ten times the rows, and rows of 5 MB")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    given = parser.parse_args()
    with commands.place("server") as folder, testkit.start(folder / "server") as server:
        ends = server.database("prod"), server.database("dev")
        bench = Bench(folder, *ends, given.rows, given.tasks, given.faker_rows or given.rows)
        facts = {
            "postgresql": psql(bench.source, "SHOW server_version"),
            **machine(bench.rows, ("pyspark", "pyarrow", "psycopg", "faker")),
        }
        commands.show(facts)
        configure(bench)
        load(bench, FILL, 1000)  # once without a clock: class-data archive, driver jars, file cache
        ours(bench, "masked", 1000)
        spark(bench, "jdbc", 1000)
        bench.forget()
        load(bench, FILL, bench.rows)
        for number in range(given.repetitions):
            print(f"  repetition {number + 1} of {given.repetitions}", flush=True)
            repetition(bench, number, given.repetitions if given.spark_repetitions is None else given.spark_repetitions)
        if given.memory:
            memory(bench)
        found = summary(bench)
    commands.tell(found, facts, given.json)


if __name__ == "__main__":
    main()
