"""Splicing against a plain Python reading of the COPY formats: whatever is masked, every other byte stays."""

from __future__ import annotations

import re
import struct
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import TableCopy
from connectors.errors import ValueRefused
from connectors.postgresql.copy_binary import BinaryFormat
from connectors.postgresql.copy_text import TextFormat
from connectors.postgresql.splice import Format, Splicer
from connectors.postgresql.types import PgType
from connectors.schema import Column, Kind, Table, TableName
from tests.connectors.postgresql.pair import Reverse

WIDTHS = {"smallint": 2, "integer": 4, "bigint": 8}
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20) | st.sampled_from(
    ["\\N", "\\.", "\\", "\t", "\n", "\r\n", "\\t", "\\\\N", "😀\t\\n"]
)
ESCAPES = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def integers(native: str) -> st.SearchStrategy[int]:
    limit = (1 << (8 * WIDTHS[native] - 1)) - 1
    return st.integers(-limit, limit)


def column(number: int, native: str) -> Column:
    bits = WIDTHS[native] * 8 if native in WIDTHS else None
    kind = Kind.INTEGER if bits else Kind.TEXT if native == "text" else Kind.BINARY
    return Column(f"c{number}", PgType(native, kind, bits=bits, base=native))


def value_of(native: str) -> st.SearchStrategy[Any]:
    if native in WIDTHS:
        return st.none() | integers(native)
    return st.none() | (TEXTS if native == "text" else st.binary(max_size=9))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Column], list[list[Any]], Reverse]:
    natives = draw(st.lists(st.sampled_from(["text", "bytea", *WIDTHS]), min_size=1, max_size=6))
    columns = [column(number, native) for number, native in enumerate(natives)]
    rows = draw(st.lists(st.tuples(*map(value_of, natives)), min_size=1, max_size=12))
    fates = draw(st.lists(st.sampled_from(["kept", "masked", "gone"]), min_size=len(columns), max_size=len(columns)))
    fates[draw(st.integers(0, len(columns) - 1))] = "gone"
    pairs = list(zip(columns, fates, strict=True))
    masked = [c.name for c, fate in pairs if fate == "masked" and c.type.kind is not Kind.BINARY]
    gone = [c.name for c, fate in pairs if fate == "gone"]
    return columns, [list(row) for row in rows], Reverse(tuple(draw(st.permutations(masked))), tuple(gone))


def binary(columns: list[Column], row: list[Any]) -> bytes:
    parts = [struct.pack(">h", len(row))]
    for one, value in zip(columns, row, strict=True):
        if value is None:
            parts.append(struct.pack(">i", -1))
            continue
        data = value if isinstance(value, bytes) else str(value).encode()
        if isinstance(value, int):
            data = value.to_bytes(WIDTHS[one.type.native], "big", signed=True)
        parts += [struct.pack(">i", len(data)), data]
    return b"".join(parts)


def text(columns: list[Column], row: list[Any]) -> bytes:
    fields = ["\\N" if value is None else escaped(value) for value in row]
    return ("\t".join(fields) + "\n").encode()


def escaped(value: Any) -> str:
    shown = "\\x" + value.hex() if isinstance(value, bytes) else str(value)
    return "".join(ESCAPES.get(character, character) for character in shown)


def same_text(data: bytes) -> bytes:
    """Text COPY with the escapes that a reader may leave out undone, so that two writers can be compared."""
    plain = {b"b": b"\b", b"f": b"\f", b"v": b"\v"}
    return re.sub(rb"\\(.)", lambda match: plain.get(match[1], match[0]), data, flags=re.DOTALL)


def spliced(format_: Format, columns: list[Column], rows: list[bytes], policy: Reverse) -> bytes:
    table = Table(TableName("public", "t"), tuple(columns))
    out, _ = Splicer(TableCopy(0, table, table, table.name, None, policy), format_)(pa.array(rows, pa.binary()))
    return bytes(out)


def expected(columns: list[Column], row: list[Any], policy: Reverse) -> list[Any]:
    return [
        None if one.name in policy.gone or value is None
        else Reverse.replaced(value) if one.name in policy.columns
        else value
        for one, value in zip(columns, row, strict=True)
    ]  # fmt: skip


@given(cases())
def test_binary_fields_are_replaced_and_all_others_stay(case: tuple[list[Column], list[list[Any]], Reverse]) -> None:
    columns, rows, policy = case
    out = spliced(BinaryFormat(), columns, [binary(columns, row) for row in rows], policy)
    assert out == b"".join(binary(columns, expected(columns, row, policy)) for row in rows)


@given(cases())
def test_text_fields_are_replaced_and_all_others_stay(case: tuple[list[Column], list[list[Any]], Reverse]) -> None:
    columns, rows, policy = case
    out = spliced(TextFormat(), columns, [text(columns, row) for row in rows], policy)
    assert same_text(out) == same_text(b"".join(text(columns, expected(columns, row, policy)) for row in rows))


def test_a_replacement_wider_than_its_column_is_refused() -> None:
    columns = [column(0, "smallint")]

    class Large(Reverse):
        @staticmethod
        def replaced(value: Any) -> Any:
            return 32768

    with pytest.raises(ValueRefused, match="does not fit into smallint"):
        spliced(BinaryFormat(), columns, [binary(columns, [1])], Large(("c0",)))


def test_text_that_is_not_utf8_is_refused_without_showing_it() -> None:
    row = struct.pack(">hi", 1, 3) + b"ab\xff"
    with pytest.raises(ValueRefused) as refusal:
        spliced(BinaryFormat(), [column(0, "text")], [row], Reverse(("c0",)))
    assert "ab" not in str(refusal.value).replace("database", "")
