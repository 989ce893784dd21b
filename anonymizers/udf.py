"""The strategies as `pandas_udf` columns, for DataFrames of one's own.

    from anonymizers.udf import anonymize

    users.withColumn("email", anonymize("email", "faker", domain="email", key=key))

The same value under the same key becomes the same replacement as in a copy. Needs pandas on the workers; copies do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd  # Spark reads the kind of a UDF from its annotations
import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql.functions import col, pandas_udf

from anonymizers.apply import ColumnPlan
from anonymizers.contract import NO_CONTEXT, ColumnShape, RowContext, Rule, Subject, check, strategy, version
from anonymizers.errors import PolicyError

if TYPE_CHECKING:
    from anonymizers.keys import MasterKey

KINDS = {
    "text": ("string", pa.string()),
    "integer": ("bigint", pa.int64()),
    "date": ("date", pa.date32()),
    "timestamp": ("timestamp", pa.timestamp("us")),
}
"""Kind of column → Spark's type of the result, the Arrow type that strategies see."""


def anonymize(
    column: str | Column,
    with_: str,
    *,
    key: MasterKey,
    domain: str,
    kind: str = "text",
    subject: str | Column | None = None,
    subject_kind: str = "integer",
    **options: str | int | float | bool,
) -> Column:
    """A column with every value replaced by the strategy `with_`: n rows in, n rows out, NULL stays NULL.

    `kind` is the column's: text, integer, date or timestamp (Spark: string, bigint, date, timestamp). `subject` says whose
    value it is, for strategies that ask for that; it is an integer or text, as `subject_kind` says. The key of this strategy
    and domain travels in the column's closure; the master key stays here. Raises PolicyError with every reason.
    """
    rule = Rule(with_, domain, options, None if subject is None else Subject(("subject",)))
    shape = ColumnShape(kind)
    problems = check(rule, shape) if kind in KINDS else [f"there is no kind {kind!r}: {', '.join(KINDS)}"]
    if not problems and strategy(with_).needs_subject and subject is None:
        problems.append(f"{with_} needs `subject`: the column that says whose value it is")
    if subject_kind not in ("integer", "text"):
        problems.append("subject_kind is integer or text")
    if problems:
        raise PolicyError("; ".join(problems))
    plan = ColumnPlan("value", shape, rule, key.domain(with_, version(strategy(with_), domain), domain))
    spark_type, arrow_type = KINDS[kind]

    def replaced(values: pd.Series, row: RowContext) -> pd.Series:
        found = plan.replace(_array(values, kind), row).cast(arrow_type)
        return (found.cast(pa.string()) if kind == "integer" else found).to_pandas()

    def alone(values: pd.Series) -> pd.Series:
        return replaced(values, NO_CONTEXT)

    def somebodys(values: pd.Series, whose: pd.Series) -> pd.Series:
        return replaced(values, RowContext([_array(whose, subject_kind)]))

    travels = "string" if kind == "integer" else spark_type
    if subject is None:
        return pandas_udf(alone, travels)(_given(column, kind)).cast(spark_type)
    return pandas_udf(somebodys, travels)(_given(column, kind), _given(subject, subject_kind)).cast(spark_type)


def _given(column: str | Column, kind: str) -> Column:
    """Integers travel as text: pandas makes floats of them where there are NULLs, and rounds those beyond 2^53."""
    found = col(column) if isinstance(column, str) else column
    return found.cast("string") if kind == "integer" else found


def _array(values: pd.Series, kind: str) -> pa.Array:
    if kind == "integer":
        return pa.Array.from_pandas(values, type=pa.string()).cast(pa.int64())
    return pa.Array.from_pandas(values, type=KINDS[kind][1])
