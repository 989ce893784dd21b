"""Dates and times as canonical text: what a strategy sees of them, and the texts that hold its replacements.

A replacement keeps everything behind the day as it was written, however many digits of a second there are. Infinities and
zero dates (`0000-00-00`) are no dates and stay. Any other day that no calendar of the years 1 to 9999 has cannot be
replaced, and is never let through: the chunk stops.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import TerminalError, ValueRefused
from connectors.types import TIMES, Canonical, Family

DAY = 86_400_000_000
NO_DATE = r"^(?:0000-00-00.*|-?infinity|)$"
DATED = r"^\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$"


def is_date(given: Canonical) -> bool:
    return given.family in (Family.DATE, *TIMES)


def parsed(texts: pa.StringArray, given: Canonical, column: str) -> pa.Array:
    """date32 or timestamp[us], as the family says; NULL for NULL and what is no date."""
    dated = pc.if_else(pc.match_substring_regex(texts, NO_DATE), None, texts)
    strange = pc.or_(pc.invert(pc.match_substring_regex(dated, DATED)), pc.starts_with(dated, "0000"))
    if not pc.any(strange, min_count=0).as_py():
        try:
            if given.family is Family.DATE:
                return pc.utf8_slice_codeunits(dated, 0, 10).cast(pa.date32())
            return pc.replace_substring_regex(dated, r"(\.\d{6})\d+$", r"\1").cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            pass
    raise ValueRefused(
        f"column {column} holds a day that no calendar has",
        todo="mend these rows in the source, or mask the column with null",
    )


def written(values: pa.Array, before: pa.Array, texts: pa.StringArray, column: str) -> pa.Array:
    """The texts with their days replaced. `before` is what the texts were parsed to."""
    if pa.types.is_null(values.type):
        return values
    if values.type != before.type:
        raise TerminalError(f"column {column}: {values.type} came back for {before.type}")
    moved = pa.types.is_timestamp(values.type) and pc.not_equal(_time_of_day(values), _time_of_day(before))
    if moved is not False and pc.any(moved, min_count=0).as_py():
        raise TerminalError(f"column {column}: a replacement has another time of day", todo="please report this")
    days = values.cast(pa.date32()).cast(pa.string())
    replaced = pc.binary_join_element_wise(days, pc.utf8_slice_codeunits(texts, 10), "")
    return pc.if_else(pc.match_substring_regex(texts, NO_DATE), texts, replaced)


def _time_of_day(moments: pa.Array) -> pa.Array:
    days = moments.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    return pc.subtract(moments.cast(pa.int64()), pc.multiply(days, DAY))
