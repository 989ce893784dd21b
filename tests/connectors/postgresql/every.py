"""A table of every type, with the values that are hard to carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.connectors.postgresql.pair import Pair

TYPES = """
CREATE SCHEMA "odd Schema";
CREATE TYPE mood AS ENUM ('sad', 'o''k', 'very "happy"');
CREATE TYPE pair AS (a integer, b text);
CREATE TYPE nested AS (p pair, m mood[]);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN "odd Schema".short AS varchar(9);
CREATE TYPE span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi);
CREATE TYPE moods AS RANGE (SUBTYPE = mood)
"""
VALUES = {
    "numeric": ["NaN", "Infinity", "-Infinity", "0.000", "1" * 60 + "." + "7" * 30, "-1e-100"],
    "numeric(60,2)": ["9" * 58 + ".99", "-0.01"],
    "date": ["infinity", "-infinity", "0044-03-15 BC", "5874897-12-31"],
    "timestamp": ["infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"],
    "timestamptz(3)": ["-infinity", "0001-01-01 00:00:00.123+00", "2024-02-29 12:00:00+05:30"],
    "time": ["24:00:00", "00:00:00.000001"],
    "timetz": ["24:00:00-15:59", "12:34:56.789+05:30"],
    "interval": ["178000000 years", "-1 mon -1 day -00:00:00.000001", "0", "1 year 2 mons 3 days 04:05:06.789"],
    "interval day to second(0)": ["3 days 04:05:06"],
    "smallint": ["-32768", "32767"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "real": ["NaN", "-0", "1.1754944e-38", "Infinity"],
    "double precision": ["NaN", "-0", "5e-324", "1.7976931348623157e308"],
    "boolean": ["t", "f"],
    "text": ["", " ", "\t", "\n", "\r\n", "\\", "\\N", "\\.", "'\"", "a\\tb", "😀 żółć", "\v\f\b\x7f", "x" * 5_000_000],
    "varchar(5)": ["", "abc  ", "😀😀😀😀😀"],
    "char(5)": ["", "ab", "ab\\"],
    '"char"': ["x", ""],
    "name": ["n" * 63],
    "bytea": ["", "\\x00ff5c4e0a09"],
    "uuid": ["00000000-0000-0000-0000-000000000000"],
    "json": ['{"b":1, "a" : 1.0,"a":2}', "null"],
    "jsonb": ['{"b": [1.50, null, "\\u00e9\\n"]}'],
    "xml": ["<a>&lt;<b/></a>"],
    "inet": ["192.168.0.1/24", "::1"],
    "cidr": ["10.0.0.0/8"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "int4range": ["empty", "(,)", "[1,10)"],
    "tstzrange": ["[2020-01-01 00:00:00+00,infinity)"],
    "int4multirange": ["{}", "{[1,3),[5,7)}"],
    "bit(5)": ["10101"],
    "bit varying": ["", "1"],
    "money": ["-92233720368547758.08", "12.34"],
    "tsvector": ["'a':1A 'it''s':2,3B"],
    "tsquery": ["", "'a' & !'b' <-> 'c':*"],
    "point": ["(1.5,-2)"],
    "polygon": ["((0,0),(1,1),(1,0))"],
    "pg_lsn": ["16/B374D848"],
    "jsonpath": ['$."a"[*] ? (@ > 1)'],
    "integer[]": ["{}", "{1,NULL,3}", "[2:3]={7,8}", "{{1,2},{3,4}}"],
    "text[]": ['{"",NULL,"NULL","a\\"b","\\\\N"}'],
    "numeric[]": ["{NaN,1.10}"],
    "mood": ["sad", "o'k", 'very "happy"'],
    "mood[]": ['{sad,"very \\"happy\\"",NULL}'],
    "pair": ['(1,"a,\\"b\\"")', "(,)", '(,"")'],
    "pair[]": ['{"(1,x)",NULL}'],
    "nested": ['("(1,a)","{sad,o\'k}")'],
    "positive": ["7"],
    "positive[]": ["{1,2}"],
    '"odd Schema".short': ["", "nine char"],
    "span": ["[1.5,2.5)"],
    "moods": ["[sad,o'k]"],
    "moods[]": ['{"[sad,o\'k]"}'],
    "regclass": ["pg_class"],
    "oid": ["4294967295"],
}
BOUND = ("mood[]", "pair[]", "nested", "positive[]", "moods[]", "regclass", "tsquery")
"""Types whose binary form means something in its own database only, or is not taken back."""


def fill(pair: Pair, types: Sequence[str], values: Mapping[str, Sequence[str]] = VALUES) -> None:
    """`Every Type`: a row of NULLs, and one row for each value."""
    pair.server.execute(pair.prod, TYPES)
    columns = ", ".join(f'"c {number}" {type_}' for number, type_ in enumerate(types))
    pair.server.execute(pair.prod, f'CREATE TABLE "Every Type" (id bigint PRIMARY KEY, {columns})')
    rows: list[list[object]] = [[0, *[None] * len(types)]]
    for number, type_ in enumerate(types):
        for value in values[type_]:
            rows.append([len(rows), *[value if other == number else None for other in range(len(types))]])
    load = 'COPY "Every Type" FROM STDIN'
    with pair.server.connect(pair.prod) as connection, connection.cursor() as cursor, cursor.copy(load) as copy:
        for row in rows:
            copy.write_row(row)
