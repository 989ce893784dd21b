"""The judge: what a table holds, whichever engine keeps it, read by plain drivers and said in one way.

It shares no code with the tool. A column's meaning decides how its values are compared; these are all the differences that
do not count:

    integer, decimal    zeros at the end of a fraction; whether it is kept as a number or as a text of its digits
    float32, float64    the digits, where they give the same number of so many bits; the sign of zero: MariaDB and SQLite
                        know one zero
    boolean             true or 1, false or 0, also in a text of fixed length
    padded              blanks at the end
    uuid                the letters' case
    binary              whether it is kept as bytes or as a text of hexadecimal digits
    date                midnight behind it
    json                blanks, the order of keys, all but the last of equal keys, zeros at the end of a fraction
    time, timestamp     zeros at the end of a second's fraction
    instant             the same, and +00 or nothing for UTC
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from connectors.contract import Endpoint
from tests.crossing import clients

NULL = "NULL"


@dataclass(frozen=True)
class Found:
    """A table's rows in the judge's words, sorted; each value with its meaning's mark, so that none looks like NULL."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @cached_property
    def digest(self) -> str:
        """Of whole rows, in no order."""
        return _digest(["\x1e".join(row) for row in self.rows])

    @cached_property
    def digests(self) -> dict[str, str]:
        """Of each column, in no order."""
        if not self.rows:
            return dict.fromkeys(self.columns, _digest([]))
        return {
            name: _digest(sorted(values))
            for name, values in zip(self.columns, zip(*self.rows, strict=True), strict=True)
        }


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def differences(one: Found, other: Found, most: int = 20) -> list[str]:
    """Where two tables differ, for whoever reads a failed test."""
    if one.columns != other.columns or len(one.rows) != len(other.rows):
        return [f"{len(one.rows)} rows of {one.columns}", f"{len(other.rows)} rows of {other.columns}"]
    told = []
    for name, digest in one.digests.items():
        if digest != other.digests[name]:
            place = one.columns.index(name)
            mine, theirs = (sorted({row[place] for row in found.rows}) for found in (one, other))
            lost, new = ([v for v in a if v not in set(b)] for a, b in ((mine, theirs), (theirs, mine)))
            told.append(f"{name}: {[v[:60] for v in lost[:5]]} became {[v[:60] for v in new[:5]]}")
    return told[:most] or ([] if one.digest == other.digest else ["the same values stand in other rows"])


def look(endpoint: Endpoint, table: str, meanings: Mapping[str, str]) -> Found:
    """All rows. `meanings` names the columns that there are; any other column there is a mistake."""
    names, rows = READERS[endpoint.engine](endpoint, table)
    assert sorted(names) == sorted(meanings), f"columns {sorted(names)} instead of {sorted(meanings)}"
    order = sorted(meanings)
    places = [names.index(name) for name in order]
    words = [WORDS[meanings[name]] for name in order]
    said = [
        tuple(NULL if row[at] is None else "=" + say(row[at]) for at, say in zip(places, words, strict=True))
        for row in rows
    ]
    return Found(tuple(order), tuple(sorted(said)))


# How a value is said


def _number(value: Any) -> str:
    number = Decimal(value.strip() if isinstance(value, str) else repr(value))
    if not number.is_finite():
        return str(number)
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _float(form: str) -> Callable[[Any], str]:
    def say(value: Any) -> str:
        (number,) = struct.unpack(form, struct.pack(form, float(value)))
        return repr(number + 0.0)

    return say


def _boolean(value: Any) -> str:
    return {"1": "1", "0": "0", "t": "1", "f": "0"}[str(value).rstrip(" ")]


def _bytes(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{type(value).__name__} {value!r}"


def _own(value: Any) -> str:
    """What engines keep as they like: its text."""
    return value if isinstance(value, str) else repr(value)


def _clock(value: Any) -> str:
    """`2024-05-17 09:30:00.500+00` → `2024-05-17 09:30:00.5`; also `… BC`."""
    text = re.sub(r"\+00(?= BC$|$)", "", _text(value))
    return re.sub(r"\.(\d*?)0*(?= BC$|$)", lambda found: found[1] and f".{found[1]}", text)


def _json(value: Any) -> str:
    return json.dumps(json.loads(_text(value), parse_float=_number, parse_int=_number), sort_keys=True)


WORDS: Mapping[str, Callable[[Any], str]] = {
    "integer": _number,
    "decimal": _number,
    "float32": _float("<f"),
    "float64": _float("<d"),
    "boolean": _boolean,
    "text": _text,
    "padded": lambda value: _text(value).rstrip(" "),
    "binary": _bytes,
    "date": lambda value: _clock(value).removesuffix(" 00:00:00"),
    "time": _clock,
    "timestamp": _clock,
    "instant": _clock,
    "uuid": lambda value: _text(value).lower(),
    "json": _json,
    "own": _own,
}


# How each engine is read: bytes as bytes, everything else as the engine's own exact text


Rows = tuple[list[str], list[tuple[Any, ...]]]


def _postgresql(endpoint: Endpoint, table: str) -> Rows:
    """As the server writes it: a cast to text says some values otherwise (inet, char)."""
    with clients.postgresql(endpoint) as connection:
        types = connection.execute(
            "SELECT attname, atttypid::regtype::text FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum", (table,),
        ).fetchall()  # fmt: skip
        wanted = ", ".join(f'"{name}"' + "::numeric" * (type_ == "money") for name, type_ in types)
        with connection.cursor().copy(f"COPY (SELECT {wanted} FROM {table}) TO STDOUT".encode()) as copy:
            lines = b"".join(copy).decode().split("\n")[:-1]
    binary = [type_ == "bytea" for _, type_ in types]
    rows = [tuple(map(_cell, line.split("\t"), binary)) for line in lines]
    return [name for name, _ in types], rows


ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _cell(text: str, binary: bool) -> str | bytes | None:
    """A cell of COPY's text format."""
    if text == "\\N":
        return None
    if "\\" in text:
        text = re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), text)
    return bytes.fromhex(text[2:]) if binary else text


def _mysql(endpoint: Endpoint, table: str) -> Rows:
    with clients.mysql(endpoint) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type, numeric_precision FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position", (table,),
        )  # fmt: skip
        types = list(cursor.fetchall())
        cursor.execute(f"SELECT {', '.join(_exactly(*type_) for type_ in types)} FROM {table}")
        return [name for name, *_ in types], list(cursor.fetchall())


BYTES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")
SHAPES = ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon")


def _exactly(name: str, type_: str, bits: int | None) -> str:
    if type_ in (*BYTES, *SHAPES):
        return f"CAST(`{name}` AS BINARY)"
    if type_ == "bit":
        return f"LPAD(BIN(`{name}`), {bits}, '0')"
    if type_ in ("float", "double"):
        return f"`{name}` * 1e0"  # a FLOAT's own text shows six digits
    return f"CAST(`{name}` AS CHAR)"


def _sqlite(endpoint: Endpoint, table: str) -> Rows:
    with closing(clients.sqlite(endpoint)) as connection:
        cursor = connection.execute(f"SELECT * FROM {table}")
        return [column[0] for column in cursor.description], list(cursor)


READERS: Mapping[str, Callable[[Endpoint, str], Rows]] = {
    "postgresql": _postgresql,
    "mysql": _mysql,
    "sqlite": _sqlite,
}
