"""What `tests/anonymizers/test_udf.py` runs in a process of its own: a Spark session would stay in that of the tests."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from anonymizers.contract import ColumnShape, RowContext, Rule, Subject, strategy, version
from anonymizers.keys import MasterKey
from anonymizers.udf import anonymize

KEY = MasterKey(bytes(range(32)))
ROWS = [
    (1, "Ada@Example.org", 2**62 + 1, date(1990, 5, 4), datetime(2020, 1, 2, 3, 4, 5, 678901)),
    (2, None, None, None, None),
    (3, "", 7, date(1, 1, 2), datetime(1970, 1, 1)),
    (1, "ada@example.org", 7, date(2000, 2, 29), datetime(1999, 12, 31, 23, 59, 59)),
]
SCHEMA = "id bigint, email string, number bigint, born date, seen timestamp"
RULES: dict[str, dict[str, Any]] = {
    "email": {"with_": "faker", "domain": "email"},
    "number": {"with_": "tokenize", "domain": "number", "kind": "integer"},
    "born": {"with_": "date_shift", "domain": "people", "kind": "date", "subject": "id"},
    "seen": {"with_": "date_shift", "domain": "people", "kind": "timestamp", "subject": "id"},
}


def replaced(frame: DataFrame) -> DataFrame:
    return frame.select("id", *(anonymize(name, key=KEY, **rule).alias(name) for name, rule in RULES.items()))


def expected(name: str, values: list[Any], kind: pa.DataType) -> list[Any]:
    """What the strategy itself gives."""
    given = dict(RULES[name])
    chosen, shape = strategy(given["with_"]), ColumnShape(given.get("kind", "text"))
    rule = Rule(given["with_"], given["domain"], {}, Subject(("subject",)) if "subject" in given else None)
    key = KEY.domain(chosen.name, version(chosen, rule.domain), rule.domain)
    row = RowContext([pa.array([row[0] for row in ROWS])] if "subject" in given else [])
    return list(chosen.apply(pa.array(values, kind), key, shape, rule, row).to_pylist())


def replacements_are_those_of_a_copy_and_no_integer_is_rounded(spark: SparkSession) -> None:
    found = replaced(spark.createDataFrame(ROWS, SCHEMA).coalesce(1)).collect()
    kinds = {"email": pa.string(), "number": pa.int64(), "born": pa.date32(), "seen": pa.timestamp("us")}
    for place, (name, kind) in enumerate(kinds.items(), start=1):
        assert [row[name] for row in found] == expected(name, [row[place] for row in ROWS], kind), name
    assert found[0]["born"] - ROWS[0][3] == found[3]["born"] - ROWS[3][3]  # one subject, one shift


def partitions_and_batches_change_nothing(spark: SparkSession) -> None:
    frame = spark.createDataFrame(ROWS * 50, SCHEMA)
    assert_df_equality(replaced(frame.repartition(7)), replaced(frame.coalesce(1)), ignore_row_order=True)


def the_lines_of_the_readme_run(spark: SparkSession) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    [lines] = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"users": spark.createDataFrame(ROWS, SCHEMA), "key": KEY}
    exec(lines, names)
    assert names["users"].filter("email = 'ada@example.org'").count() == 0
    assert names["users"].filter("email IS NULL").count() == 1


def main() -> None:
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    for name, value in {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "2",
        "spark.sql.shuffle.partitions": "2",
    }.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    for shown in (
        replacements_are_those_of_a_copy_and_no_integer_is_rounded,
        partitions_and_batches_change_nothing,
        the_lines_of_the_readme_run,
    ):
        shown(spark)
        print(shown.__name__, flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
