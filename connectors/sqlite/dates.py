"""Dates and times kept as ISO text: what a strategy sees of them, and the texts that hold its replacements.

SQLite has no date type: a column declared DATE or TIMESTAMP holds whatever was put there. What is an ISO date of the years
1 to 9999, with or without a time (`2024-05-17`, `2024-05-17T09:30`, `2024-05-17 09:30:00.123Z`), is seen as one; a
replacement keeps everything behind the day as it was written, digits and time zone included. An empty text is no date and
stays. Anything else (another form, a number of seconds or days, a day that no calendar has) cannot be replaced, and is
never let through: the chunk stops.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import TerminalError, ValueRefused
from connectors.schema import Column, Kind

DAY = 86_400_000_000
ISO = (
    r"^(?P<day>(?:000[1-9]|00[1-9]\d|0[1-9]\d{2}|[1-9]\d{3})-\d{2}-\d{2})"
    r"(?:[ T](?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.(?P<fraction>\d+))?)?"
    r"(?: ?(?:Z|[+-]\d{2}:\d{2}))?)?$"
)


def is_date(column: Column) -> bool:
    return column.type.kind in (Kind.DATE, Kind.TIMESTAMP)


def parsed(texts: pa.StringArray, column: Column) -> pa.Array:
    """date32 or timestamp[us], as the column's kind says; NULL for NULL and empty texts."""
    parts = pc.extract_regex(texts, ISO)
    strange = pc.and_(parts.is_null(), pc.not_equal(pc.fill_null(texts, ""), ""))
    if not pc.any(strange, min_count=0).as_py():
        try:
            days = pc.struct_field(parts, "day").cast(pa.date32())
        except pa.ArrowInvalid:
            pass
        else:
            return days if column.type.kind is Kind.DATE else _moments(days, parts)
    raise ValueRefused(
        f"column {column.name} holds what is no ISO date where its type says {column.type.native}",
        todo="mend these rows in the source (2024-05-17 or 2024-05-17 09:30:00), or mask the column with null",
    )


def _moments(days: pa.Array, parts: pa.StructArray) -> pa.Array:
    """The microseconds of days and times of day, wherever the clock stood that wrote them."""
    seconds = _number(parts, "hour")
    for name in ("minute", "second"):
        seconds = pc.add(pc.multiply(seconds, 60), _number(parts, name))
    fraction = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.struct_field(parts, "fraction"), 6, "0"), 0, 6)
    within = pc.add(pc.multiply(seconds, 1_000_000), fraction.cast(pa.int64()))
    return pc.add(pc.multiply(_days(days), DAY), within).cast(pa.timestamp("us"))


def _number(parts: pa.StructArray, name: str) -> pa.Array:
    """A part of the time of day; 0 where it is not written."""
    written = pc.struct_field(parts, name)
    return pc.if_else(pc.equal(written, ""), "0", written).cast(pa.int64())


def _days(values: pa.Array) -> pa.Array:
    return values.cast(pa.int32()).cast(pa.int64())


def written(values: pa.Array, before: pa.Array, texts: pa.StringArray, column: Column) -> pa.Array:
    """The texts with their days replaced. `before` is what the texts were parsed to."""
    if pa.types.is_null(values.type):
        return values
    if values.type != before.type:
        raise TerminalError(f"column {column.name}: {values.type} came back for {before.type}")
    if pa.types.is_timestamp(values.type):
        times, others = (
            pc.subtract(moments.cast(pa.int64()), pc.multiply(_days(moments.cast(pa.date32())), DAY))
            for moments in (values, before)
        )
        if pc.any(pc.not_equal(times, others), min_count=0).as_py():
            raise TerminalError(
                f"column {column.name}: a replacement has another time of day", todo="please report this"
            )
    days = values.cast(pa.date32()).cast(pa.string())
    replaced = pc.binary_join_element_wise(days, pc.utf8_slice_codeunits(texts, 10), "")
    return pc.if_else(pc.equal(texts, ""), texts, replaced)
