"""Dates and times as the server writes them: what a strategy sees of them, and the texts that hold its replacements.

A replacement keeps everything behind the day as it was written, however many digits of a second there are. A zero date
(`0000-00-00`) is no date and stays. Any other day that no calendar has (the 0th, the 31st of February) cannot be replaced,
and is never let through: the chunk stops.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import TerminalError, ValueRefused
from connectors.mysql.types import type_of
from connectors.schema import Column, Kind

DAY = 86_400_000_000
ZERO = "0000-00-00"


def is_date(column: Column) -> bool:
    return column.type.kind in (Kind.DATE, Kind.TIMESTAMP)


def parsed(texts: pa.StringArray, column: Column) -> pa.Array:
    """date32 or timestamp[us], as the column's kind says; NULL for NULL and zero dates."""
    dates = pc.if_else(pc.starts_with(texts, ZERO), None, texts)
    if not pc.any(pc.starts_with(dates, "0000"), min_count=0).as_py():  # Arrow has a year 0, no strategy has
        try:
            return dates.cast(pa.date32() if column.type.kind is Kind.DATE else pa.timestamp("us"))
        except pa.ArrowInvalid:
            pass
    raise ValueRefused(
        f"column {column.name} holds a day that no calendar has",
        todo="mend these rows in the source, or mask the column with null",
    )


def written(values: pa.Array, before: pa.Array, texts: pa.StringArray, column: Column) -> pa.Array:
    """The texts with their days replaced. `before` is what the texts were parsed to."""
    if pa.types.is_null(values.type):
        return values
    if values.type != before.type:
        raise TerminalError(f"column {column.name}: {values.type} came back for {type_of(column).native}")
    if (
        pa.types.is_timestamp(values.type)
        and pc.any(pc.not_equal(_time_of_day(values), _time_of_day(before)), min_count=0).as_py()
    ):
        raise TerminalError(f"column {column.name}: a replacement has another time of day", todo="please report this")
    days = values.cast(pa.date32()).cast(pa.string())
    replaced = pc.binary_join_element_wise(days, pc.utf8_slice_codeunits(texts, 10), "")
    return pc.if_else(pc.starts_with(texts, ZERO), texts, replaced)


def _time_of_day(moments: pa.Array) -> pa.Array:
    days = moments.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    return pc.subtract(moments.cast(pa.int64()), pc.multiply(days, DAY))
