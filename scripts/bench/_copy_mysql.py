"""How fast copies from MariaDB are, beside LOAD DATA, Spark's JDBC writer and sling, on this machine, now.

Run it as `scripts/bench/copy_mysql [--json]`. It starts a MariaDB and a PostgreSQL server of its own, loads `customers`, and
per repetition runs every way once, so that a slow minute of the machine hits all of them; medians count.

ratio_load_data, at least 0.7: rows/s of a plain copy MariaDB → MariaDB with one worker, by those of ONE `LOAD DATA LOCAL
INFILE` of a ready file into the same table: one stream each, so that one core of the server loads. Ours runs from the first
chunk's start to the last commit, and reads the table meanwhile.
ratio_load_data_cpu, no floor: the same two by rows per CPU second, for machines whose other cores have something to do. Counted
is everything that works in that time: the server, which reads and loads, and our driver, Spark's JVM and the worker; for LOAD
DATA the server and the `mariadb` client. LOAD DATA reads no table, so what reading costs counts against us alone.
bulk_vs_jdbc, at least 1.8: the time of Spark's JDBC → JDBC copy with rewritten batches, once its session is there, by the time
of the plain copy with two workers from the first chunk's start to the last commit. Two tasks at a time both.
vs_sling, more than 1: the time of the whole command `sling run` MariaDB → PostgreSQL, nothing masked, by the time of the whole
command `dbagent run` with five columns masked. sling is installed into a virtual environment for this run alone; it is told to
send no telemetry, and for all but this machine's own addresses it has a proxy that does not exist.
native_vs_jdbc_read, no floor: the same masked copy with `read: jdbc`, by the one with the reader that `auto` takes, both from
the first chunk's start to the last commit. It is why `auto` reads this engine natively.
worker_rss_mib, under 400: the most memory a worker took in any of our runs.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _commands as commands

from connectors.contract import Endpoint
from connectors.mysql.testkit import MariaServer, program
from connectors.mysql.testkit import testkit as mariadb
from connectors.postgresql.testkit import PostgresServer
from connectors.postgresql.testkit import testkit as postgresql

SLING = "sling==1.2.20"
POOL = ("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G")
"""Both tables stay in memory, as on a server that is meant for them."""
CUSTOMERS = """CREATE TABLE customers (id bigint NOT NULL PRIMARY KEY, full_name varchar(100), email varchar(255) NOT NULL,
    phone varchar(32), ssn char(11), card_number varchar(19), balance decimal(12,2), created_at datetime(3))"""
FILL = """INSERT INTO customers SELECT seq, concat('First', seq % 5003, ' Last', seq % 7919),
    concat('user', seq, '@corp', seq % 97, '.example.com'), concat('+1-555-', lpad(seq % 10000000, 7, '0')),
    concat(lpad(seq % 899 + 1, 3, '0'), '-', lpad(seq % 99 + 1, 2, '0'), '-', lpad(seq % 9999 + 1, 4, '0')),
    concat('4', lpad(seq * 7919 % 1000000000000000, 15, '0')), seq * 13 % 1000000 / 100,
    TIMESTAMP'2024-06-01 00:00:00' - INTERVAL seq * 1001000 MICROSECOND FROM seq_1_to_{rows}"""
RULES: dict[str, Any] = {
    "id": "keep",
    "full_name": {"strategy": "faker", "domain": "person"},
    "email": {"strategy": "faker", "domain": "email"},
    "phone": "mask",
    "ssn": "scramble",
    "card_number": "scramble",
    "balance": "keep",
    "created_at": "keep",
}


@dataclass
class Bench(commands.Measured):
    """Two databases of one server, one of the other, a folder for our files."""

    folder: Path
    maria: MariaServer
    postgres: PostgresServer
    source: Endpoint
    target: Endpoint
    other: Endpoint
    rows: int
    tasks: int

    @property
    def servers(self) -> list[int]:
        """Their processes."""
        files = self.folder / "server" / "pid", self.folder / "other" / "data" / "postmaster.pid"
        return [int(file.read_text().split()[0]) for file in files]

    @property
    def ready_file(self) -> Path:
        return self.folder / "server" / "customers.tsv"


def load(bench: Bench, rows: int) -> None:
    """The source table: filled, analyzed; and its rows as a file that LOAD DATA takes as it is."""
    bench.ready_file.unlink(missing_ok=True)
    for statement in (
        "DROP TABLE IF EXISTS customers",
        CUSTOMERS,
        FILL.format(rows=rows),
        "ANALYZE TABLE customers",
        f"SELECT * FROM customers INTO OUTFILE '{bench.ready_file}'",
    ):
        bench.maria.execute(bench.source, statement)


def clear(bench: Bench, *, create: bool) -> None:
    bench.maria.execute(bench.target, "DROP TABLE IF EXISTS customers")
    if create:
        bench.maria.execute(bench.target, CUSTOMERS)
    bench.postgres.execute(bench.other, "DROP TABLE IF EXISTS customers")


def check(server: MariaServer | PostgresServer, target: Endpoint, rows: int) -> None:
    [(found,)] = server.rows(target, "SELECT count(*) FROM customers")
    if found != rows:
        raise SystemExit(f"the target has {found} rows instead of {rows}: nothing was measured")


def load_data(bench: Bench) -> None:
    """One LOAD DATA LOCAL INFILE by the server's own client."""
    clear(bench, create=True)
    end, statement = bench.target, f"LOAD DATA LOCAL INFILE '{bench.ready_file}' INTO TABLE customers"
    command = [program("mariadb"), "--no-defaults", "--local-infile=1", f"--host={end.host}", f"--port={end.port}",
               f"--user={end.user}", "--default-character-set=utf8mb4", end.database, "-e", statement]  # fmt: skip
    worked, started = _worked(bench), time.time()
    subprocess.run(command, env={**os.environ, "MYSQL_PWD": end.password or ""}, check=True)
    bench.record(load_data=time.time() - started, load_data_cpu=_worked(bench) - worked)
    check(bench.maria, bench.target, bench.rows)


def _worked(bench: Bench) -> float:
    """CPU seconds of the servers and of the commands that we waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return commands.cpu(bench.servers, commands.processes()) + children.ru_utime + children.ru_stime


def ours(bench: Bench, way: str, server: MariaServer | PostgresServer, target: Endpoint, rows: int) -> None:
    clear(bench, create=False)
    run = commands.ours(bench.folder, way, bench.servers)
    check(server, target, rows)
    bench.grew(way, run.mib)
    bench.record(**{f"{way}_net": run.net, f"{way}_cpu": run.cpu, f"{way}_whole": run.whole})


def jdbc(bench: Bench, rows: int) -> None:
    clear(bench, create=True)
    urls = [f"jdbc:mysql://{end.host}:{end.port}/{end.database}" for end in (bench.source, bench.target)]
    login = bench.source.user, bench.source.password
    whole, ready = commands.spark(bench.folder, "jdbc", *urls, *login, bench.tasks, rows)
    check(bench.maria, bench.target, rows)
    bench.record(spark_jdbc_net=whole - ready, spark_jdbc_whole=whole)


def install_sling(folder: Path) -> Path:
    """Its program, in a virtual environment that goes with the folder."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", SLING], check=True)
    where: list[str | Path] = [python, "-c", "import sling; print(sling.SLING_BIN)"]
    return Path(subprocess.run(where, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def sling(bench: Bench, program: Path) -> None:
    """Into a table that it makes itself, as it does where it is given nothing but names."""
    clear(bench, create=False)
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9") | {"NO_PROXY": "127.0.0.1"}
    home = {"HOME": str(bench.folder), "SLING_HOME_DIR": str(bench.folder / "sling-home"), "PATH": os.environ["PATH"]}
    given = {
        "SLING_DISABLE_TELEMETRY": "TRUE",
        "SOURCE": url("mariadb", bench.source),
        "TARGET": url("postgres", bench.other),
    }
    stream = f"{bench.source.database}.customers"
    command: list[str | Path] = [program, "run", "--src-conn", "SOURCE", "--src-stream", stream, "--tgt-conn", "TARGET",
                                 "--tgt-object", "public.customers", "--mode", "full-refresh"]  # fmt: skip
    worked = _worked(bench)
    with open(bench.folder / "log", "wb") as log:
        started = time.time()
        done = subprocess.run(command, env={**home, **nowhere, **given}, stdout=log, stderr=log, check=False)
    if done.returncode:
        raise SystemExit(f"sling failed:\n{(bench.folder / 'log').read_text(errors='replace')[-3000:]}")
    bench.record(sling_whole=time.time() - started, sling_cpu=_worked(bench) - worked)
    check(bench.postgres, bench.other, bench.rows)


def url(kind: str, end: Endpoint) -> str:
    options = "?sslmode=disable" if kind == "postgres" else ""
    return f"{kind}://{end.user}:{end.password}@{end.host}:{end.port}/{end.database}{options}"


def configure(bench: Bench) -> None:
    """An operation for each way."""
    common = {"source_env": "SOURCE", "tables": ["customers"], "parallel_workers": 2}
    rules = commands.policy(bench.folder, {f"customers.{name}": rule for name, rule in RULES.items()})
    operations = {
        "plain": {**common, "target_env": "TARGET", "anonymize": False},
        "single": {**common, "target_env": "TARGET", "anonymize": False, "parallel_workers": 1},
        "crossing": {**common, "target_env": "OTHER", "anonymize": True, "policy": rules},
        "crossing_jdbc": {**common, "target_env": "OTHER", "anonymize": True, "policy": rules, "read": "jdbc"},
    }
    commands.configure(bench.folder, {"SOURCE": bench.source, "TARGET": bench.target, "OTHER": bench.other}, operations)


def repetition(bench: Bench, program: Path) -> None:
    load_data(bench)
    ours(bench, "single", bench.maria, bench.target, bench.rows)
    ours(bench, "plain", bench.maria, bench.target, bench.rows)
    jdbc(bench, bench.rows)
    ours(bench, "crossing", bench.postgres, bench.other, bench.rows)
    ours(bench, "crossing_jdbc", bench.postgres, bench.other, bench.rows)
    sling(bench, program)


def summary(bench: Bench) -> dict[str, Any]:
    ratios = {
        "ratio_load_data": ("load_data", "single_net"),
        "ratio_load_data_cpu": ("load_data_cpu", "single_cpu"),
        "bulk_vs_jdbc": ("spark_jdbc_net", "plain_net"),
        "vs_sling": ("sling_whole", "crossing_whole"),
        "native_vs_jdbc_read": ("crossing_jdbc_net", "crossing_net"),
    }
    return {
        **{name: round(bench.median(theirs) / bench.median(our), 3) for name, (theirs, our) in ratios.items()},
        "worker_rss_mib": max(bench.rss.values()),
        "worker_rss_mib_by_load": bench.rss,
        "rows_per_second": {name: round(bench.rows / bench.median(name)) for name in bench.measured},
        "seconds": bench.measured,
    }


def measure(bench: Bench, repetitions: int) -> dict[str, Any]:
    configure(bench)
    program = install_sling(bench.folder / "sling")
    load(bench, 1000)  # once without a clock: class-data archive, driver jars, file cache
    ours(bench, "plain", bench.maria, bench.target, 1000)
    jdbc(bench, 1000)
    bench.forget()
    load(bench, bench.rows)
    for number in range(repetitions):
        print(f"  repetition {number + 1} of {repetitions}", flush=True)
        repetition(bench, program)
    return summary(bench)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=8, help="partitions of the JDBC way")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    given = parser.parse_args()
    with (
        commands.place("server", "other") as folder,
        mariadb.start(folder / "server", *POOL) as maria,
        postgresql.start(folder / "other") as postgres,
    ):
        ends = maria.database("prod"), maria.database("dev"), postgres.database("dev")
        bench = Bench(folder, maria, postgres, *ends, given.rows, given.tasks)
        facts = {
            "mariadb": maria.rows(ends[0], "SELECT version()")[0][0],
            "postgresql": postgres.rows(ends[2], "SHOW server_version")[0][0],
            **commands.machine(given.rows, ("pyspark", "pyarrow", "pymysql", "psycopg")),
            "sling": SLING.split("==")[1],
        }
        commands.show(facts)
        found = measure(bench, given.repetitions)
    commands.tell(found, facts, given.json)


if __name__ == "__main__":
    main()
