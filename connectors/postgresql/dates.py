"""Dates and timestamps: as the server counts them, as it writes them, and as Arrow holds them for a strategy.

The server counts days or microseconds from 2000-01-01, in the proleptic Gregorian calendar and, where a time zone belongs
to the type, in UTC. Its two extreme numbers are -infinity and infinity: nobody's dates, so a strategy sees NULL there and
they stay what they are.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.arrays import array, bitmap, nulls, stored
from connectors.errors import TerminalError, ValueRefused
from connectors.postgresql.types import PgType
from connectors.schema import Column

Counts = npt.NDArray[np.int64]

WIDTHS = {"date": 4, "timestamp": 8, "timestamptz": 8}
"""Bytes of each type's count."""

ARROW = {"date": pa.date32(), "timestamp": pa.timestamp("us"), "timestamptz": pa.timestamp("us")}
DAY = 86_400_000_000
START = date(2000, 1, 1)
CYCLE = 146_097
"""Days of 400 years, after which the calendar repeats."""

LOWEST, HIGHEST = (date(1, 1, 1) - START).days, (date(9999, 12, 31) - START).days
"""The days whose year has four digits: Arrow reads and writes these, Python's own `date` the cycle of all others."""

INFINITE = {"-infinity": -1, "infinity": 1}
USUAL = r"^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2}(\.\d+)?(\+00)?)?$"
WRITTEN = re.compile(r"(\d+)-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?(?:\+00)?( BC)?", re.ASCII)


def base(column: Column) -> str:
    """The type of a date column under all domains; empty for other columns."""
    found = column.type.base if isinstance(column.type, PgType) else ""
    return found if found in WIDTHS else ""


def shown(counts: pa.Int64Array, column: Column) -> pa.Array:
    """What a strategy sees: date32 or timestamp[us]."""
    kind = base(column)
    found, null = stored(counts), nulls(counts) | _infinite(stored(counts), kind)
    epoch = _epoch(kind)
    if WIDTHS[kind] == 8 and (found[~null] > np.iinfo(np.int64).max + epoch).any():
        raise ValueRefused(
            f"column {column.name} holds a timestamp after the year 294246, which no strategy can take",
            todo="mend these rows in the source, or mask the column with null",
        )
    return _arrow(np.where(null, 0, found) - epoch, null, kind)


def counted(values: pa.Array, before: pa.Int64Array, column: Column) -> pa.Int64Array:
    """A strategy's replacements as counts, infinity where it was before."""
    kind = base(column)
    if values.type != ARROW[kind]:
        raise TerminalError(f"column {column.name}: {values.type} came back for {column.type.native}")
    original, replaced = stored(before), stored(values).astype(np.int64) + _epoch(kind)
    infinite = _infinite(original, kind) & ~nulls(before)
    return array(np.where(infinite, original, replaced), nulls(values) & ~infinite)


def _arrow(numbers: Counts, null: npt.NDArray[np.bool_], kind: str) -> pa.Array:
    """Days or microseconds from 1970 as dates or timestamps."""
    buffer = pa.py_buffer(numbers.astype(np.int32) if kind == "date" else numbers)
    return pa.Array.from_buffers(ARROW[kind], len(numbers), [bitmap(null), buffer])


def _epoch(kind: str) -> int:
    """Arrow's first day, 1970-01-01, as the server counts it."""
    days = (date(1970, 1, 1) - START).days
    return days if kind == "date" else days * DAY


def _extreme(kind: str) -> int:
    return (1 << (8 * WIDTHS[kind] - 1)) - 1


def _infinite(counts: Counts, kind: str) -> npt.NDArray[np.bool_]:
    highest = _extreme(kind)
    found: npt.NDArray[np.bool_] = (counts == highest) | (counts == -highest - 1)
    return found


def parsed(texts: pa.StringArray, kind: str) -> pa.Int64Array:
    """The counts behind the server's ISO text."""
    usual = pc.fill_null(pc.match_substring_regex(texts, USUAL), False)
    regular = pc.replace_substring_regex(pc.if_else(usual, texts, None), r"\+00$", "").cast(ARROW[kind])
    counts = np.where(nulls(regular), 0, stored(regular).astype(np.int64) + _epoch(kind))
    if pc.all(pc.or_(usual, texts.is_null())).as_py() is False:
        for row, text in enumerate(texts.to_pylist()):
            if text is not None and not usual[row].as_py():
                counts[row] = _parsed(text, kind)
    return array(counts, nulls(texts))


def _parsed(text: str, kind: str) -> int:
    if text in INFINITE:
        return _extreme(kind) if INFINITE[text] > 0 else -_extreme(kind) - 1
    match = WRITTEN.fullmatch(text)
    if match is None:
        raise ValueRefused("the server wrote a date in an unknown form", todo="please report this")
    year, month, day = (int(part) for part in match.group(1, 2, 3))
    cycles, year = divmod(1 - year if match[8] else year, 400)
    days = (date(START.year + year, month, day) - START).days + (cycles - START.year // 400) * CYCLE
    if kind == "date":
        return days
    hours, minutes, seconds = (int(part or 0) for part in match.group(4, 5, 6))
    return days * DAY + ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + int((match[7] or "").ljust(6, "0"))


def spelt(counts: pa.Int64Array, kind: str) -> pa.StringArray:
    """Counts as the server reads them."""
    found, null, unit = stored(counts), nulls(counts), 1 if kind == "date" else DAY
    usual = (found >= LOWEST * unit) & (found < (HIGHEST + 1) * unit)
    texts = _arrow(np.where(usual, found - _epoch(kind), 0), null, kind).cast(pa.string())
    if kind == "timestamptz":
        texts = pc.binary_join_element_wise(texts, "+00", "")
    odd = np.flatnonzero(~usual & ~null)
    if not odd.size:
        return texts
    written = texts.to_pylist()
    for row in odd:
        written[row] = _spelt(int(found[row]), kind)
    return pa.array(written, pa.string())


def _spelt(count: int, kind: str) -> str:
    if count in (_extreme(kind), -_extreme(kind) - 1):
        return "infinity" if count > 0 else "-infinity"
    days, rest = (count, 0) if kind == "date" else divmod(count, DAY)
    cycles, days = divmod(days, CYCLE)
    found = START + timedelta(days)
    year = found.year + cycles * 400
    text = f"{year if year > 0 else 1 - year:04}-{found:%m-%d}"
    if kind != "date":
        seconds, fraction = divmod(rest, 1_000_000)
        text += f" {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"
    return text + ("+00" if kind == "timestamptz" else "") + ("" if year > 0 else " BC")
