"""How fast PostgreSQL → PostgreSQL is on the JDBC paths, on this machine, now: `customers` of `copy_postgresql`, two workers.

Run it as `scripts/bench/copy_jdbc [--json]`. It starts a server of its own, and per repetition runs every way once, so that a
slow minute of the machine hits all of them; medians count. Times are from the first chunk's start to the last commit.

jdbc_bulk_vs_jdbc_jdbc, at least 1.2: a masked copy with read: jdbc and write: jdbc, by the same with write: bulk.
jdbc_mask_cost, at most 1.35: the masked copy with read: jdbc and write: jdbc, by the same copy unmasked.
"""

from __future__ import annotations

import argparse
from typing import Any

import _commands as commands
from _copy_postgresql import FILL, RULES, Bench, check, clear, load, psql

from connectors.postgresql.testkit import testkit

WAYS: dict[str, dict[str, Any]] = {
    "jdbc_bulk": {"read": "jdbc", "write": "bulk"},
    "jdbc_jdbc": {"read": "jdbc", "write": "jdbc"},
    "jdbc_jdbc_plain": {"read": "jdbc", "write": "jdbc", "anonymize": False},
}


def configure(bench: Bench) -> None:
    """An operation for each way."""
    ends: dict[str, Any] = {
        "source_env": "SOURCE",
        "target_env": "TARGET",
        "tables": ["customers"],
        "parallel_workers": 2,
    }
    rules = commands.policy(bench.folder, {f"customers.{name}": rule for name, rule in RULES.items()})
    masked = {**ends, "policy": rules}
    operations = {way: {**(ends if way.endswith("plain") else masked), **given} for way, given in WAYS.items()}
    commands.configure(bench.folder, {"SOURCE": bench.source, "TARGET": bench.target}, operations)


def ours(bench: Bench, way: str, rows: int) -> None:
    clear(bench, create=False)
    run = commands.ours(bench.folder, way)
    check(bench, rows)
    bench.grew(way, run.mib)
    bench.record(**{way: run.net, f"{way}_whole": run.whole})


def summary(bench: Bench) -> dict[str, Any]:
    return {
        "jdbc_bulk_vs_jdbc_jdbc": round(bench.median("jdbc_jdbc") / bench.median("jdbc_bulk"), 3),
        "jdbc_mask_cost": round(bench.median("jdbc_jdbc") / bench.median("jdbc_jdbc_plain"), 3),
        "worker_rss_mib_by_load": bench.rss,
        "seconds": bench.measured,
    }


def measure(bench: Bench, repetitions: int) -> dict[str, Any]:
    configure(bench)
    load(bench, FILL, 1000)  # once without a clock: class-data archive, driver jars, file cache
    for way in WAYS:
        ours(bench, way, 1000)
    bench.forget()
    load(bench, FILL, bench.rows)
    for number in range(repetitions):
        print(f"  repetition {number + 1} of {repetitions}", flush=True)
        for way in WAYS:
            ours(bench, way, bench.rows)
    return summary(bench)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    given = parser.parse_args()
    with commands.place("server") as folder, testkit.start(folder / "server") as server:
        bench = Bench(folder, server.database("prod"), server.database("dev"), given.rows, 0, 0)
        facts = {
            "postgresql": psql(bench.source, "SHOW server_version"),
            **commands.machine(bench.rows, ("pyspark", "pyarrow", "pandas", "psycopg")),
        }
        commands.show(facts)
        found = measure(bench, given.repetitions)
    commands.tell(found, facts, given.json)


if __name__ == "__main__":
    main()
