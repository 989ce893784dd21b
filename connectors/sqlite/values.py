"""Values between their canonical form and what SQLite stores: by storage class on the way out, by affinity on the way in.

SQLite changes values in silence where a column's affinity asks for it: a text that reads like a number becomes one, and a
number loses the digits a double does not keep. What would be changed so is refused here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import TableCopy, TransferJob
from connectors.crossing import Field
from connectors.errors import ValueRefused
from connectors.schema import Column
from connectors.sqlite.canonical import types
from connectors.sqlite.types import affinity
from connectors.types import NUMBERS, Family

INFINITE = {"Infinity": math.inf, "-Infinity": -math.inf}
WHOLE = r"^-?[0-9]{1,18}$"
SHORT = r"^-?[0-9]{1,14}(?:\.[0-9]*)?$"
FLOATING = r"^-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"
NUMBER = re.compile(FLOATING.replace("$", r"\Z"))
SAME = r"^(?:0|-?[1-9][0-9]{0,17})$"
"""What is the same text again once SQLite has made a number of it."""
READS_AS_NUMBER = r"^[ \t\n\v\f\r]*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?[ \t\n\v\f\r]*$"
LEAST, MOST = -(2**63), 2**63 - 1

MEND = "mend these rows in the source, or leave the column out (`column_mappings`)"


def keeps_classes(job: TransferJob, copy: TableCopy, field: Field) -> bool:
    """Whether a column of no known type goes into another such one, where a number and its digits are two values."""
    touched = (*copy.anonymize.columns, *copy.anonymize.masked) if copy.anonymize else ()
    files = job.source.engine == job.target.engine and field.values is None and field.source not in touched
    return files and field.given.family is Family.OTHER and field.wanted.family is Family.OTHER


CLASSES: Mapping[str, Callable[[str], Any]] = {"t": str, "i": int, "r": float, "b": bytes.fromhex}
"""How a value is made again from its text, by the letter before it."""


def read_with_class(name: str) -> str:
    """SQL that gives a value as text, the letter of its storage class before it."""
    return (
        f"CASE typeof({name}) WHEN 'text' THEN 't' || {name} WHEN 'integer' THEN 'i' || {name}"
        f" WHEN 'real' THEN 'r' || printf('%!.17g', {name}) WHEN 'blob' THEN 'b' || hex({name}) END"
    )


def stored_with_class(values: pa.Array, column: Column) -> list[Any]:
    """What `read_with_class` has read, as it was."""
    if affinity(column.type.native) != "BLOB":
        texts = pc.match_substring_regex(values, READS_AS_NUMBER.replace("^", "^t", 1))
        if pc.any(texts, min_count=0).as_py():
            raise _changed(column)
    return [None if value is None else CLASSES[value[0]](value[1:]) for value in values.to_pylist()]


def read_as(column: Column, name: str) -> str:
    """SQL that gives a column's texts and bytes as bytes, integers as their digits, and reals as they are."""
    if types.canonical(column.type).family is Family.BINARY or affinity(column.type.native) == "TEXT":
        return name
    return f"iif(typeof({name}) = 'real', {name}, CAST({name} AS TEXT))"


def carried(values: Sequence[Any], column: Column) -> pa.Array:
    """What `read_as` has read, in the form of the column's family. Raises ValueRefused."""
    family = types.canonical(column.type).family
    if family is Family.BINARY:
        return pa.array(values, pa.binary())
    with_reals = any(type(value) is float for value in values)
    form = _plain if family is Family.DECIMAL else _shortest
    try:
        return pa.array([form(v) if type(v) is float else v for v in values] if with_reals else values, pa.string())
    except pa.ArrowInvalid:
        raise ValueRefused(f"column {column.name} holds a text that is no valid Unicode", todo=MEND) from None


def _shortest(value: float) -> str:
    """The fewest digits that give the same number (SQLite's own CAST gives 15)."""
    return repr(value).replace("inf", "Infinity")


def _plain(value: float) -> str:
    """The same digits without an exponent."""
    text = _shortest(value)
    return format(Decimal(text), "f") if "e" in text else text


def stored(values: pa.Array, column: Column, consent: bool) -> list[Any]:
    """Canonical forms as the column is to keep them. Raises ValueRefused for what it would change without consent."""
    family, kept = types.canonical(column.type).family, affinity(column.type.native)
    if kept in ("TEXT", "BLOB"):
        return _listed(values)
    if family not in (*NUMBERS, Family.BOOLEAN):
        return _texts(values, column, kept)
    if kept != "REAL" and _all(values, WHOLE):
        return _listed(values.cast(pa.int64()))
    if _all(values, FLOATING if kept == "REAL" and family is Family.FLOAT else SHORT) and _short(values, family):
        numbers = values.cast(pa.float64())
        if not pc.any(pc.is_inf(numbers), min_count=0).as_py():
            return _listed(numbers)
    exact = family is not Family.FLOAT and not consent
    return [None if value is None else _number(value, column, kept, exact) for value in values.to_pylist()]


def _all(values: pa.Array, pattern: str) -> bool:
    found: bool = pc.all(pc.match_substring_regex(values, pattern), min_count=0).as_py()
    return found


def _short(values: pa.Array, family: Family) -> bool:
    """Whether a double keeps every digit."""
    if family is Family.FLOAT:
        return True
    longest = pc.max(pc.binary_length(values)).as_py()
    return longest is None or longest <= 15


def _listed(values: pa.Array) -> list[Any]:
    if pa.types.is_string(values.type) or (not values.null_count and not pa.types.is_binary(values.type)):
        found: list[Any] = values.to_numpy(zero_copy_only=False).tolist()  # three times as fast as to_pylist
        return found
    listed: list[Any] = values.to_pylist()
    return listed


def _number(text: str, column: Column, kept: str, exact: bool) -> int | float | str:
    """One value of a number's column. What is no number stays a text, as in SQLite itself."""
    if text in INFINITE:
        return INFINITE[text]
    if not NUMBER.match(text):
        if re.search(READS_AS_NUMBER, text):
            raise _changed(column)
        return text
    exactly = Decimal(text)
    if kept != "REAL" and exactly.adjusted() < 19 and exactly == exactly.to_integral_value():
        whole = int(exactly)  # SQLite would take a double's digits for those of an integer
        if LEAST <= whole <= MOST:
            return whole
    value = float(text)
    if math.isinf(value) or (exact and Decimal(repr(value)) != exactly):
        raise ValueRefused(
            f"column {column.name} holds a number of more digits than SQLite keeps in this column",
            todo="declare the target's column as TEXT, or name it in `allow_lossy`",
        )
    return value


def _texts(values: pa.Array, column: Column, kept: str) -> list[Any]:
    """Texts in a number's column: SQLite makes numbers of those that read like one."""
    alike = pc.match_substring_regex(values, READS_AS_NUMBER)
    same = pc.match_substring_regex(values, SAME)
    if kept == "REAL" or pc.any(pc.and_not(alike, same), min_count=0).as_py():
        return [
            _same(v, column, kept) if like else v for v, like in zip(values.to_pylist(), alike.to_pylist(), strict=True)
        ]
    return _listed(values)


def _same(text: str, column: Column, kept: str) -> int | float:
    """The number a text reads like, where that is read as the same text again."""
    value = float(text)
    if kept != "REAL" and re.match(SAME, text):
        return int(text)
    if _shortest(value) != text or (kept != "REAL" and value.is_integer() and LEAST <= value <= MOST):
        raise _changed(column)
    return value


def _changed(column: Column) -> ValueRefused:
    return ValueRefused(
        f"column {column.name} would make a number of a text that reads like one",
        todo=f"declare the target's column as TEXT instead of {column.type.native}",
    )
