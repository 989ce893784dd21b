"""Texts, bytes and numbers that every engine's samples are made of, the same every time."""

from __future__ import annotations

import math
from collections.abc import Callable

MANY = (1 << 64) - 1

TEXTS = (
    "",
    " ",
    'it\'s "quoted" `so`',
    "two\nlines\r\nand\ttabs",
    "back\\slash, \\N, \\., \\x41 and %s",
    "NULL",
    "naïve Ünïcode ß ﬀ İı",
    "👩‍👩‍👧 𝒳 𐍈",
    "e\u0301 is not \u00e9",
    "\ufeffbegins with a mark; ends with blanks   ",
    "\x01\x1a\x7f\u2028\u200b",
    "1.50",
    "0042",
    "true",
)
LONG = ("x" * 70_000, "長い文章🎉'\n" * 4_000)
"""Longer than 65,535 bytes, than a page, than one packet of some drivers."""

BYTES = (b"", b"\x00", bytes(range(256)), b"\xff\xfe\x00", b"\\x41", b"'\"\\\n", "ü".encode("latin-1"))
LONG_BYTES = (bytes(range(256)) * 300,)

FLOATS = (0.0, -0.0, 1.0, -1.0, 0.1, 1 / 3, 1e15, 123456789.123, 1e22, 1e-7, 5e-324, 2.2250738585072014e-308,
          1.7976931348623157e308, -1.7976931348623157e308, math.pi, 2.0**53 + 2)  # fmt: skip
FLOATS_32 = (
    0.0,
    -0.0,
    3.4028234663852886e38,
    -3.4028234663852886e38,
    1.401298464324817e-45,
    1.0,
    -1.0,
    0.1,
    16777216.0,
    1e-30,
    1.17549435e-38,
    3.1415927,
    -2.5e30,
    9.999999e37,
)
UUIDS = (
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "12345678-9abc-4def-8123-456789abcdef",
)
DAYS = ("0001-01-01", "9999-12-31", "1970-01-01", "2000-02-29", "1582-10-10", "1900-03-01")
MOMENTS = (
    "0001-01-01 00:00:00",
    "9999-12-31 23:59:59.999999",
    "1969-12-31 23:59:59.5",
    "2024-02-29 12:00:00.000001",
    "1900-01-01 00:00:00.1",
)
"""By no clock, or by that of UTC."""
JSONS = ("{}", "[]", "null", "true", '"text"', "1", "-0.10", "1e400", "12345678901234567890.123456789",
         '{"b": 1,  "a": [null, {"ü": "\\u00e9 \\\\ \\"👩"}], "a": 2}')  # fmt: skip


def spread(row: int, salt: int, most: int = MANY) -> int:
    """A number from 0 to `most` that depends on nothing else."""
    return ((row + 1) * 0x9E3779B97F4A7C15 + salt * 0xBF58476D1CE4E5B9 >> 7) % (most + 1)


def signed(bits: int) -> tuple[tuple[int, ...], Callable[[int], int]]:
    """The extremes of an integer, and its ordinary values."""
    half = 1 << bits - 1
    return (0, 1, -1, -half, half - 1), lambda row: spread(row, bits, 2 * half - 1) - half


def unsigned(bits: int) -> tuple[tuple[int, ...], Callable[[int], int]]:
    most = (1 << bits) - 1
    return (0, 1, most, most // 2 + 1), lambda row: spread(row, bits, most)


def text(row: int, most: int = 40) -> str:
    return f"{TEXTS[row % len(TEXTS)]} {spread(row, 1):x} {TEXTS[row % 7]}"[:most]


def data(row: int, most: int = 40) -> bytes:
    return (spread(row, 2).to_bytes(8, "big") * 5)[: spread(row, 3, most)]


def fraction(row: int, digits: int) -> str:
    return f".{spread(row, 4, 10**digits - 1):0{digits}}" if digits else ""


def day(row: int) -> str:
    return f"{spread(row, 5, 2) + 1970 + spread(row, 6, 60):04}-{spread(row, 7, 11) + 1:02}-{spread(row, 8, 27) + 1:02}"


def clock(row: int, digits: int = 6) -> str:
    return f"{spread(row, 9, 23):02}:{spread(row, 10, 59):02}:{spread(row, 11, 59):02}{fraction(row, digits)}"


def moment(row: int, digits: int = 6) -> str:
    return f"{day(row)} {clock(row, digits)}"


def decimal(row: int, before: int, behind: int) -> str:
    sign = "-" if row % 3 == 0 else ""
    whole = spread(row, 12, 10 ** min(before, 18) - 1)
    return f"{sign}{whole}" + (f".{spread(row, 13, 10 ** min(behind, 18) - 1):0{min(behind, 18)}}" if behind else "")


def double(row: int) -> float:
    return (spread(row, 14) - 2**63) / 10.0 ** spread(row, 15, 40)


def uuid(row: int) -> str:
    """Of version 4: MariaDB takes no others of unknown variants."""
    words = f"{spread(row, 16):016x}{spread(row, 17):016x}"
    return f"{words[:8]}-{words[8:12]}-4{words[13:16]}-8{words[17:20]}-{words[20:]}"


def bits(row: int, length: int) -> str:
    return f"{spread(row, 18, 2**length - 1):0{length}b}"


def json(row: int) -> str:
    return f'{{"n": {spread(row, 19)}, "t": ["{spread(row, 20):x}", null, {decimal(row, 5, 3)}]}}'
