"""Values of PostgreSQL's types, as its COPY reads them; bytes as `\\x…`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tests.crossing import plenty
from tests.crossing.plenty import spread
from tests.crossing.tables import Sample

WIDE = (*plenty.TEXTS, *plenty.LONG)
SHORT = tuple(text for text in plenty.TEXTS if len(text) <= 20)
INSTANTS = (*(f"{moment}+00" for moment in plenty.MOMENTS), "2024-05-17 09:30:00+05:30", "2024-05-17 23:30:00-09")
INTERVALS = ("0", "P1Y2M3DT4H5M6.789S", "-1 year -2 mons +3 days -04:05:06.000001", "178000000 years", "-178000000 years",
             "24:00:00", "30 days", "1 mon", "-00:00:00.000001", "1000000 hours")  # fmt: skip


def escaped(values: Sequence[bytes]) -> tuple[str, ...]:
    return tuple("\\x" + value.hex() for value in values)


def own(*values: str) -> Sample:
    """A type that other engines keep as its text."""
    return Sample("own", values, lambda row: values[row % len(values)])


def interval(row: int) -> str:
    return f"P{spread(row, 21, 99)}Y{spread(row, 22, 11)}M{spread(row, 23, 40)}DT{spread(row, 24, 200)}H{row % 60}M"


def numeric(before: int, behind: int) -> Callable[[int], str]:
    return lambda row: plenty.decimal(row, before, behind)


INTEGERS = {"smallint": 16, "integer": 32, "bigint": 64}

SAMPLES: Mapping[str, Sample] = {
    **{name: Sample("integer", *plenty.signed(bits)) for name, bits in INTEGERS.items()},
    "real": Sample("float32", plenty.FLOATS_32, lambda row: f"{plenty.double(row) % 1e30:.6e}"),
    "double precision": Sample("float64", [repr(value) for value in plenty.FLOATS], plenty.double),
    "boolean": Sample("boolean", ("t", "f"), lambda row: "tf"[row % 2]),
    "numeric": Sample(
        "decimal",
        ("0", "0.00", "-0.000000000000000000000000000001", "9" * 35 + "." + "9" * 30, "-" + "9" * 35, "1.10", "1e20", "0.5"),
        numeric(18, 9),
    ),
    "numeric(12,2)": Sample("decimal", ("0", "9999999999.99", "-9999999999.99", "1.10", "0.01"), numeric(10, 2)),
    "money": Sample("decimal", ("0", "92233720368547758.07", "-92233720368547758.08", "1.10"), numeric(12, 2)),
    "character varying": Sample("text", WIDE, plenty.text),
    "character varying(20)": Sample("text", (*SHORT, "👩" * 20), lambda row: plenty.text(row, 20)),
    "character(5)": Sample("padded", ("", "a", "ab   ", "abcde", "👩" * 5, "  x"), lambda row: plenty.text(row, 5)),
    "text": Sample("text", WIDE, plenty.text),
    "name": Sample("text", (*SHORT, "n" * 63, "é" * 31), lambda row: plenty.text(row, 15)),
    '"char"': Sample("text", ("a", "'", " ", "\t"), lambda row: chr(33 + row % 90)),
    "bytea": Sample("binary", escaped((*plenty.BYTES, *plenty.LONG_BYTES)), lambda row: escaped([plenty.data(row)])[0]),
    "bit varying": Sample("own", ("", "0", "1", "01" * 300), lambda row: plenty.bits(row, 1 + row % 60)),
    "bit varying(9)": Sample("own", ("", "0", "1" * 9), lambda row: plenty.bits(row, 1 + row % 9)),
    "bit(5)": Sample("own", ("00000", "11111", "01010"), lambda row: plenty.bits(row, 5)),
    "interval": Sample("own", INTERVALS, interval),
    "interval(0)": Sample("own", ("0", "P1Y2M3DT4H5M6S", "-178000000 years"), interval),
    "date": Sample("date", plenty.DAYS, plenty.day),
    "time without time zone": Sample("time", ("00:00:00", "23:59:59.999999", "24:00:00", "09:30:00.5"), plenty.clock),
    "time(3) without time zone": Sample("time", ("00:00:00", "23:59:59.999"), lambda row: plenty.clock(row, 3)),
    "timestamp without time zone": Sample("timestamp", plenty.MOMENTS, plenty.moment),
    "timestamp(3) without time zone": Sample(
        "timestamp", ("0001-01-01 00:00:00", "9999-12-31 23:59:59.999"), lambda row: plenty.moment(row, 3)
    ),
    "timestamp with time zone": Sample("instant", INSTANTS, lambda row: plenty.moment(row) + "+00"),
    "timestamp(0) with time zone": Sample(
        "instant", ("0001-01-01 00:00:00+00", "9999-12-31 23:59:59+00"), lambda row: plenty.moment(row, 0) + "+02"
    ),
    "uuid": Sample("uuid", plenty.UUIDS, plenty.uuid),
    "json": Sample("text", (*plenty.JSONS, ' {"a" : 1 } '), plenty.json),
    "jsonb": Sample("text", tuple(text for text in plenty.JSONS if "e400" not in text), plenty.json),
    "time with time zone": own("00:00:00+00", "24:00:00-15:59", "09:30:00.123456+05:30"),
    "xml": own("<a/>", "<a b=\"1\">x &amp; y 👩</a>", "text alone"),
    "oid": own("0", "4294967295", "26"),
    "inet": own("0.0.0.0", "192.168.1.5/24", "::ffff:1.2.3.4", "2001:db8::1/64"),
    "cidr": own("10.0.0.0/8", "::/0", "192.168.1.0/24"),
    "macaddr": own("08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"),
    "macaddr8": own("08:00:2b:01:02:03:04:05"),
    "point": own("(0,0)", "(-1.5,1e300)"),
    "line": own("{1,-1,0}", "{0.5,2,3}"),
    "lseg": own("[(0,0),(1,1)]"),
    "box": own("(1,1),(0,0)"),
    "path": own("((0,0),(1,1),(2,0))", "[(0,0),(1,1)]"),
    "polygon": own("((0,0),(1,1),(2,0))"),
    "circle": own("<(0,0),1.5>"),
    "tsvector": own("", "'a':1A 'fat':2B,4C 'it''s'"),
    "tsquery": own("", "'fat' & ( 'rat' | !'cat':AB )"),
    "pg_lsn": own("0/0", "FFFFFFFF/FFFFFFFF", "16/B374D848"),
    "int4range": own("empty", "[1,10)", "(,)", "[5,)"),
    "int8range": own("empty", "[-9223372036854775808,9223372036854775807)"),
    "numrange": own("empty", "[1.10,2.20]", "(,0]"),
    "tsrange": own("empty", '["2024-01-01 00:00:00","2024-02-01 00:00:00.5")'),
    "tstzrange": own("empty", '["2024-01-01 00:00:00+00",infinity)'),
    "daterange": own("empty", "[2024-01-01,2024-02-01)", "[-infinity,infinity)"),
    "jsonpath": own('$', '$."a"[*]?(@ > 1)'),
    "integer[]": own("{}", "{1,NULL,-3}", "{{1,2},{3,4}}", "[2:3]={5,6}"),
    "text[]": own("{}", '{"",NULL,"NULL","a,b","q\\"uote","back\\\\slash","👩"}'),
}  # fmt: skip
