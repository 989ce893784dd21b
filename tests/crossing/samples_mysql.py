"""Values of MySQL's and MariaDB's types, as their plain driver takes them."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tests.crossing import plenty
from tests.crossing.plenty import spread
from tests.crossing.tables import Sample

WIDE = (*plenty.TEXTS, *plenty.LONG)
NARROW = tuple(text for text in plenty.TEXTS if len(text) <= 60)
WIDTHS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
BLOBS = {"tinyblob": 0, "blob": 0, "mediumblob": 1, "longblob": 1}


def bit_field(length: int) -> Sample:
    """As the number they are."""
    return Sample("own", (0, 1, 2**length - 1, 2 ** (length - 1)), plenty.unsigned(length)[1])


def text(*first: str, most: int = 40) -> Sample:
    return Sample("text", first, lambda row: plenty.text(row, most))


def point(x: float, y: float) -> bytes:
    """As the server keeps it: the number of a reference system, then the shape in WKB."""
    return struct.pack("<IBIdd", 0, 1, 1, x, y)


def shape(row: int) -> bytes:
    return point(float(spread(row, 26, 99)), 1 / (1 + spread(row, 27, 99)))


def clock(row: int, digits: int) -> str:
    """Times are durations of up to 838 hours, forwards and backwards."""
    return (
        f"{'-' if row % 2 else ''}{spread(row, 28, 837):02}:{spread(row, 10, 59):02}:59{plenty.fraction(row, digits)}"
    )


def after_1970(row: int, digits: int) -> str:
    return f"{1971 + spread(row, 29, 65)}{plenty.moment(row, digits)[4:]}"


SAMPLES: Mapping[str, Sample] = {
    **{name: Sample("integer", *plenty.signed(bits)) for name, bits in WIDTHS.items()},
    **{f"{name} unsigned": Sample("integer", *plenty.unsigned(bits)) for name, bits in WIDTHS.items()},
    "tinyint(1)": Sample("integer", (0, 1, 5, -128, 127), lambda row: row % 2),
    "year": Sample("integer", (0, 1901, 2155, 2024), lambda row: 1901 + spread(row, 30, 254)),
    "decimal(10,0)": Sample("decimal", ("0", "9999999999", "-9999999999"), lambda row: plenty.decimal(row, 10, 0)),
    "decimal(65,30)": Sample(
        "decimal",
        ("0", "9" * 35 + "." + "9" * 30, "-" + "9" * 35, "0." + "0" * 29 + "1"),
        lambda row: plenty.decimal(row, 18, 18),
    ),
    "float": Sample("float32", plenty.FLOATS_32, lambda row: f"{plenty.double(row) % 1e30:.6e}"),
    "double": Sample("float64", plenty.FLOATS, plenty.double),
    "bit(1)": bit_field(1),
    "bit(13)": bit_field(13),
    "bit(64)": bit_field(64),
    "char(20)": Sample("padded", ("", "a", "👩" * 20, "  x", "it's"), lambda row: plenty.text(row, 20)),
    "varchar(200)": text(*NARROW, "👩" * 200),
    "tinytext": text(*NARROW, "x" * 255, "👩" * 63),
    "text": text(*plenty.TEXTS, "x" * 65_535),
    "mediumtext": text(*WIDE),
    "longtext": text(*WIDE),
    "json": Sample("text", (*plenty.JSONS, ' {"a" : 1 } '), plenty.json),
    "uuid": Sample("uuid", plenty.UUIDS, plenty.uuid),
    "inet4": Sample("own", ("0.0.0.0", "255.255.255.255"), lambda row: f"10.{row % 256}.{row // 256 % 256}.1"),
    "inet6": Sample("own", ("::", "::ffff:1.2.3.4", "2001:db8::1"), lambda row: f"2001:db8::{row % 9999 + 1}"),
    "binary(16)": Sample("binary", (b"\0" * 16, b"\xff" * 16), lambda row: (plenty.data(row) * 2 + b"\1" * 16)[:16]),
    "varbinary(300)": Sample("binary", (*plenty.BYTES, b"\0" * 300), plenty.data),
    **{
        name: Sample("binary", (*plenty.BYTES[:2], *(plenty.LONG_BYTES * times)), plenty.data) for name, times in BLOBS.items()
    },
    "geometry": Sample("binary", (point(0, 0), point(-1e300, 5e-324)), shape),
    "point": Sample("binary", (point(0, 0), point(1.5, -2.5)), shape),
    "date": Sample("date", plenty.DAYS, plenty.day),
    "time": Sample("time", ("00:00:00", "838:59:59", "-838:59:59", "24:00:00"), lambda row: clock(row, 0)),
    "time(6)": Sample("time", ("-00:00:00.000001", "838:59:58.999999", "23:59:59.5"), lambda row: clock(row, 6)),
    "datetime": Sample("timestamp", ("0001-01-01 00:00:00", "9999-12-31 23:59:59"), lambda row: plenty.moment(row, 0)),
    "datetime(3)": Sample("timestamp", ("9999-12-31 23:59:59.999",), lambda row: plenty.moment(row, 3)),
    "datetime(6)": Sample("timestamp", plenty.MOMENTS, plenty.moment),
    "timestamp": Sample("instant", ("1970-01-01 00:00:01", "2038-01-19 03:14:07"), lambda row: after_1970(row, 0)),
    "timestamp(6)": Sample("instant", ("1970-01-01 00:00:01.000001",), lambda row: after_1970(row, 6)),
    "enum('a','B c','d''e')": Sample("own", ("a", "B c", "d'e"), lambda row: ("a", "B c", "d'e")[row % 3]),
    "set('a','b','c d')": Sample("own", ("", "a", "a,b,c d"), lambda row: ("b", "a,c d")[row % 2]),
}  # fmt: skip
