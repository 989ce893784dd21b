"""How fast SQLite → SQLite is, beside `INSERT … SELECT` through ATTACH in the same ranges, on this machine, now.

Run it as `scripts/bench/copy_sqlite [--rows N] [--json]`. It fills `customers` in a folder of its own and per repetition
runs every way once, so that a slow minute of the machine hits all of them. The
clock runs from the first chunk's start to the last commit. The floors: ratio_plain 0.6, ratio_masked 0.15.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import hashlib
import json
import os
import platform
import resource
import secrets
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from anonymizers.apply import ColumnPlan, TableAnonymizer
from anonymizers.contract import ColumnShape, Rule
from anonymizers.keys import MasterKey
from connectors.contract import Anonymize, Bounds, Chunk, Endpoint, RunRecord, TableCopy, TransferJob
from connectors.schema import TableName
from connectors.sqlite import connector

BUDGET = 32 << 20
CUSTOMERS = """CREATE TABLE customers (id bigint NOT NULL, full_name text, email varchar(255) NOT NULL, phone varchar(32),
    ssn char(11), card_number varchar(19), address text, city text, balance numeric(12,2), created_at timestamptz,
    notes text)"""
FILL = """WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < {rows}) INSERT INTO customers SELECT i,
    'First' || (i % 5003) || ' Last' || (i % 7919), 'user' || i || '@corp' || (i % 97) || '.example.com',
    printf('+1-555-%07d', i % 10000000), printf('%03d-%02d-%04d', i % 899 + 1, i % 99 + 1, i % 9999 + 1),
    printf('4%015d', i * 7919 % 1000000000000000), (i % 9999) || ' Main Street, Apt ' || (i % 97), 'City' || (i % 977),
    (i * 13 % 1000000) / 100.0, strftime('%Y-%m-%d %H:%M:%f+00', 1717200000 - i - (i % 1000) / 1000.0, 'unixepoch'),
    CASE WHEN i % 10 <> 0 THEN md5(i) || ' ' || md5(i + 1) END FROM g"""
FILL_WIDE = """WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < {rows})
    INSERT INTO customers (id, full_name, email, notes) SELECT i, printf('%.*c', 5000000, 'x'), 'user' || i, 'x' FROM g"""
RULES = {
    "full_name": ("faker", "person", None),
    "email": ("faker", "email", 255),
    "phone": ("mask", "phone", 32),
    "ssn": ("scramble", "ssn", 11),
    "card_number": ("scramble", "card_number", 19),
}


def load(folder: Path, fill: str, rows: int) -> Endpoint:
    path = folder / "prod.db"
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.create_function("md5", 1, lambda i: hashlib.md5(str(i).encode()).hexdigest(), deterministic=True)
        for statement in ("PRAGMA synchronous = OFF", "BEGIN", CUSTOMERS, fill.format(rows=rows), "COMMIT"):
            connection.execute(statement)
    return Endpoint("PROD", "sqlite", str(path))


def anonymizer() -> Anonymize:
    key = MasterKey(secrets.token_bytes(32))
    plans = []
    for name, (strategy, domain, length) in RULES.items():
        shape = ColumnShape("text", nullable=name != "email", length=length)
        plans.append(ColumnPlan(name, shape, Rule(strategy, domain), key.domain(strategy, 1, domain)))
    return TableAnonymizer(plans)


def target(folder: Path) -> Endpoint:
    for path in folder.glob("dev.db*"):
        path.unlink()
    return Endpoint("DEV", "sqlite", str(folder / "dev.db"))


def ours(folder: Path, prod: Endpoint, anonymize: Anonymize | None, budget: int = BUDGET) -> tuple[float, int]:
    """Seconds from the first chunk's start to the last commit, and rows."""
    dev = target(folder)
    with (
        contextlib.closing(connector.source(prod)) as source,
        contextlib.closing(connector.target(dev)) as session,
    ):
        [table] = source.schema().tables
        session.ledger.create()
        record = RunRecord("bench", "bench", "-", "PROD", "running", time.time(), None)
        fence = session.ledger.acquire(record, [str(table.name)], "bench", lambda _: True)
        session.create([table])
        copy = TableCopy(0, table, session.schema().tables[0], TableName(None, "customers"), None, anonymize)
        job = TransferJob("bench", fence, prod, dev, source.snapshot, {0: copy}, suspend_foreign_keys=True)
        chunks = [Chunk(0, number, bounds) for number, bounds in enumerate(source.bounds(table, None, budget))]
        gc.collect()
        with connector.transfer(job) as transfer:
            started = time.perf_counter()
            rows = sum(transfer.copy(chunk).rows for chunk in chunks)
            return time.perf_counter() - started, rows


def reference(folder: Path, prod: Endpoint, parts: list[Bounds]) -> tuple[float, int]:
    """The same ranges by hand, one transaction each."""
    dev, rows = target(folder), 0
    with contextlib.closing(sqlite3.connect(dev.database, isolation_level=None, uri=True)) as connection:
        connection.execute(CUSTOMERS)
        connection.execute("ATTACH ? AS prod", (f"{Path(prod.database).as_uri()}?mode=ro",))
        started = time.perf_counter()
        for part in parts:
            low, high = (
                end[0] if end else default for end, default in ((part.token.low, -1 << 63), (part.token.high, None))
            )
            connection.execute("BEGIN IMMEDIATE")
            rows += connection.execute(
                "INSERT INTO customers SELECT * FROM prod.customers WHERE rowid >= ?"
                + (" AND rowid < ?" if high is not None else ""),
                (low,) if high is None else (low, high),
            ).rowcount
            connection.execute("COMMIT")
        return time.perf_counter() - started, rows


def memory(folder: Path, fill: str, rows: int) -> float:
    """The highest resident set in MiB of a process that copies masked rows, and nothing else."""
    prod = load(folder, fill, rows)
    child = os.fork()
    if child == 0:
        ours(folder, prod, anonymizer())
        os._exit(0)
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit("the copy failed")
    return round(used.ru_maxrss / 1024, 1)


def machine(rows: int) -> dict[str, str]:
    info = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(": ")[1] for line in info if "model name" in line), "?")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True, check=False)
    return {
        "machine": f"{cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "sqlite": sqlite3.sqlite_version,
        "python": platform.python_version(),
        "pyarrow": version("pyarrow"),
        "commit": commit.stdout.strip(),
        "rows": f"{rows:,}",
    }


def measure(folder: Path, rows: int, repetitions: int) -> dict[str, list[float]]:
    prod, anonymize = load(folder, FILL, rows), anonymizer()
    with contextlib.closing(connector.source(prod)) as source:
        parts = source.bounds(source.schema().tables[0], None, BUDGET)
    ways: dict[str, Callable[[], tuple[float, int]]] = {
        "reference": lambda: reference(folder, prod, parts),
        "plain": lambda: ours(folder, prod, None),
        "masked": lambda: ours(folder, prod, anonymize),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(repetitions):
        print(f"  repetition {number + 1} of {repetitions}, {len(parts)} chunks", flush=True)
        for name, way in ways.items():
            took, found = way()
            if found != rows:
                raise SystemExit(f"the target has {found} rows instead of {rows}: nothing was measured")
            seconds[name].append(round(took, 3))
            print(f"    {name:<12}{took:9.2f} s {rows / took:12,.0f} rows/s", flush=True)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="also ten times the rows, and rows of 5 MB")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    given = parser.parse_args()
    for key, value in (facts := machine(given.rows)).items():
        print(f"{key}: {value}")
    with tempfile.TemporaryDirectory(prefix="dbagent-bench-") as name:
        folder = Path(name)
        rss = {}
        if given.memory:  # first: a child's memory begins with its parent's
            for label, fill, rows in (
                ("masked", FILL, given.rows), ("tenfold", FILL, 10 * given.rows), ("5_mb_rows", FILL_WIDE, 200)
            ):  # fmt: skip
                rss[label] = memory(folder, fill, rows)
                print(f"  {label}: {rss[label]} MiB", flush=True)
        seconds = measure(folder, given.rows, given.repetitions)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    found = {f"ratio_{name}": round(medians["reference"] / medians[name], 3) for name in ("plain", "masked")}
    rss = rss or {"masked": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}
    summary = {**found, "worker_rss_mib": max(rss.values()), "worker_rss_mib_by_load": rss, "seconds": seconds}
    for key, shown in summary.items():
        print(f"{key}: {shown}")
    if given.json:
        print(json.dumps({**summary, **facts}))


if __name__ == "__main__":
    main()
