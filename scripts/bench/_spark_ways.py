"""The usual ways to do it with Spark, to compare with: run as a process of its own, printing one JSON line at the end.

_spark_ways.py start                                   a default session and its first empty mapInArrow job
_spark_ways.py jdbc SOURCE TARGET USER PASSWORD TASKS ROWS   JDBC → JDBC with rewritten batches
_spark_ways.py faker SOURCE TARGET USER PASSWORD TASKS ROWS  the same, five columns through per-row Faker and hashlib

SOURCE and TARGET are URLs of one engine. The line tells when the session was there (`ready`) and when all was over (`done`).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import pandas_udf


@dataclass(frozen=True)
class Driver:
    coordinate: str
    class_name: str
    rewritten: str
    """The driver's own setting for batches that travel as one statement."""
    fetch: int


DRIVERS = {
    "postgresql": Driver(
        "org.postgresql:postgresql:42.7.14", "org.postgresql.Driver", "reWriteBatchedInserts=true", 10_000
    ),
    "mysql": Driver(
        "com.mysql:mysql-connector-j:9.7.0", "com.mysql.cj.jdbc.Driver", "rewriteBatchedStatements=true", -(2**31)
    ),  # this fetch size means row by row; any other reads a whole partition into memory first
}


def start() -> float:
    spark = SparkSession.builder.master("local[2]").getOrCreate()
    ready = time.time()

    def same(batches: Iterable[object]) -> Iterator[object]:
        yield from batches

    spark.range(0).mapInArrow(same, "id long").collect()
    return ready


def digits(text: str, shape: str) -> str:
    """`shape` with its 9s replaced by digits of the value's SHA-256."""
    stream = iter(str(int(hashlib.sha256(text.encode()).hexdigest(), 16)))
    return "".join(next(stream) if character == "9" else character for character in shape)


def anonymized(frame: DataFrame) -> DataFrame:
    """What tutorials show: a pandas UDF per column that calls Faker or hashlib for every row."""
    from faker import Faker

    fake = Faker()

    masks = {
        "full_name": lambda value: fake.name(),
        "email": lambda value: fake.email(),
        "phone": lambda value: value[:3] + "*" * (len(value) - 5) + value[-2:],
        "ssn": lambda value: digits(value, "999-99-9999"),
        "card_number": lambda value: digits(value, "9999999999999999"),
    }

    def per_row(function: Callable[[str], str]) -> Any:
        def column(values: pd.Series) -> pd.Series:
            return values.map(function, na_action="ignore")

        return pandas_udf(column, "string")

    return frame.select(*(per_row(masks[c])(c).alias(c) if c in masks else frame[c] for c in frame.columns))


def jdbc(mask: bool, source: str, target: str, user: str, password: str, tasks: str, rows: str) -> float:
    driver = DRIVERS[source.split(":")[1]]
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars.packages", driver.coordinate)
        .config("spark.driver.memory", "4g")
    ).getOrCreate()
    ready = time.time()
    login = {"user": user, "password": password, "driver": driver.class_name, "fetchsize": str(driver.fetch)}
    frame = spark.read.jdbc(
        source,
        "customers",
        column="id",
        lowerBound=1,
        upperBound=int(rows) + 1,
        numPartitions=int(tasks),
        properties=login,
    ).where(f"id <= {int(rows)}")
    frame = anonymized(frame) if mask else frame
    frame.write.jdbc(
        f"{target}?{driver.rewritten}", "customers", mode="append", properties={**login, "batchsize": "10000"}
    )
    return ready


def main() -> None:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    way, *rest = sys.argv[1:]
    ready = start() if way == "start" else jdbc(way == "faker", *rest)
    print(json.dumps({"ready": ready, "done": time.time()}), flush=True)


if __name__ == "__main__":
    main()
