"""Every type's values arrive unchanged, extremes and oddities included, by LOAD DATA and by INSERT."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.mysql.testkit import MariaServer
from tests.connectors.drive import Ends, copy
from tests.connectors.masker import Masker

TEXT = r"'', ' ', 'a\tb', 'line\nfeed\r\n', '\\', '\\N', 'N', 'quote\'s \"', 'nul\0nul', '\Z', 'Zoë 🦆 日本', 'NULL', '%s {}'"
ODD = "ALLOW_INVALID_DATES"
TYPES = {
    "tinyint": "-128, 127, 0",
    "tinyint unsigned": "255",
    "tinyint(1)": "5, -5, 1",
    "smallint(5) unsigned zerofill": "42, 65535",
    "mediumint": "-8388608",
    "int": "-2147483648, 2147483647",
    "int unsigned": "4294967295",
    "bigint": "-9223372036854775808, 9223372036854775807",
    "bigint unsigned": "18446744073709551615, 0",
    "decimal(65,30)": "99999999999999999999999999999999999.999999999999999999999999999999, -0.000000000000000000000000000001",
    "decimal(10)": "-1, 1",
    "float": "0.1, 3.4028234663852886e38, 1.17549435e-38, 16777217, -0e0, 1e-45, 123456.789",
    "float(7,3)": "1234.567",
    "double": "0.1, 1.7976931348623157e308, 2.2250738585072014e-308, 5e-324, -0e0, 123456789.12345678",
    "double(12,4)": "12345678.1234",
    "bit(1)": "b'0', b'1'",
    "bit(13)": "b'1010101010101', 0",
    "bit(64)": "18446744073709551615, 1 << 63",
    "char(20)": TEXT,
    "char(20) character set latin1": r"'', 'é', x'80', x'818D8F909D', 'a\\tb', 'ÿ'",
    "char(20) character set ascii": r"'', 'a\\'",
    "varchar(20)": TEXT + ", 'trailing  '",
    "varchar(20) character set binary": r"'', x'00FF0A095C'",
    "varchar(20) character set utf16": "'', 'Zoë 🦆'",
    "varchar(20) character set gbk": r"'', '日本', x'8140', '\\'",
    "varchar(20) character set cp1251": "'', 'Привет', x'98'",
    "varchar(20) character set sjis": r"'', x'815F', x'5C', '日本'",
    "varchar(20) collate utf8mb4_bin": TEXT,
    "tinytext": TEXT,
    "text": f"{TEXT}, repeat('é', 30000)",
    "mediumtext": r"repeat('\\\t', 100000)",
    "longtext": "repeat('🦆', 1000000)",
    "binary(4)": "'', x'00000000', x'FF', '\\\\'",
    "varbinary(300)": r"'', x'00', x'FF09 0A5C'".replace(" ", "") + ", repeat(x'00', 300)",
    "tinyblob": "'', x'5C4E'",
    "blob": "repeat(x'FE', 65535), ''",
    "mediumblob": "repeat(x'09', 70000)",
    "longblob": "repeat(x'FF', 17000000)",
    "date": "'0000-00-00', '2024-00-00', '2024-05-00', '2024-02-31', '1000-01-01', '9999-12-31', '0001-01-01', '0000-05-17'",
    "datetime": "'0000-00-00 00:00:00', '9999-12-31 23:59:59', '2024-02-31 10:00:00', '2024-00-00 00:00:00'",
    "datetime(3)": "'2024-05-17 09:30:00.123'",
    "datetime(6)": "'0001-01-01 00:00:00.000001', '9999-12-31 23:59:59.999999', '0000-00-00 00:00:00'",
    "timestamp null": "'0000-00-00 00:00:00', '1970-01-01 00:00:01', '2038-01-19 03:14:07', '2024-03-31 02:30:00'",
    "timestamp(6) null": "'1970-01-01 00:00:01.000001', '2038-01-19 03:14:07.999999'",
    "time": "'-838:59:59', '838:59:59', '00:00:00', '-00:00:01'",
    "time(6)": "'-838:59:59.999999', '100:00:00.000001', '-00:00:00.5'",
    "year": "1901, 2155, 0",
    "enum('a','B c','d''e','','ü\\\\')": "'a', 'B c', 'd''e', '', 'ü\\\\'",
    "enum('1','2','0')": "'1', '2', '0'",
    "set('a','b','c d')": "'', 'a', 'a,c d', 'c d,b'",
    "json": """'{"b": 1, "a": [1.0, "\\\\u00e9\\\\n", null]}', '[]', 'null', '"Zoë 🦆"'""",
    "uuid": "'00000000-0000-0000-0000-000000000000', '123e4567-e89b-12d3-a456-426655440000'",
    "inet6": "'::', '::ffff:192.0.2.128', 'ffff::1'",
    "inet4": "'0.0.0.0', '255.255.255.255'",
    "geometry": "ST_GeomFromText('POINT(1 -2)'), ST_GeomFromText('POINT(1 2)', 4326)",
    "point": "ST_GeomFromText('POINT(0.1 1e300)')",
    "polygon": "ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 0),(1 1,2 1,2 2,1 1))')",
    "geometrycollection": "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')",
}
"""Type → values, as the server writes them."""


def fill(ends: Ends, server: MariaServer, type_: str) -> None:
    """A table with a value a row, a NULL among them, and a neighbour on either side of it."""
    server.execute(
        ends.source, f"CREATE TABLE t (n int PRIMARY KEY AUTO_INCREMENT, a varchar(9), v {type_}, z varchar(9))"
    )
    with server.connect(ends.source) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET sql_mode = '{ODD}', NAMES utf8mb4")
        for number, value in enumerate([*_split(TYPES[type_]), "NULL"]):
            cursor.execute(f"INSERT INTO t (a, v, z) VALUES ('<{number}', {value}, NULL)")
            assert cursor.warning_count == 0, value


def test_the_judge_tells_numbers_apart(ends: Ends, server: MariaServer) -> None:
    for end, numbers in ((ends.source, "0.1, 0.1, 0.1, 0"), (ends.target, "0.1, 0.1, 0.100000001, 0")):
        server.execute(end, "CREATE TABLE t (f float, d double, n decimal(20,10), b bit(3))")
        server.execute(end, f"INSERT INTO t VALUES ({numbers})")
    assert server.digest(ends.source, "t") != server.digest(ends.target, "t")
    server.execute(ends.target, "UPDATE t SET n = 0.1")
    assert server.digest(ends.source, "t") == server.digest(ends.target, "t")
    server.execute(ends.target, "UPDATE t SET f = 0.1 + 1e-8")
    assert server.digest(ends.source, "t") != server.digest(ends.target, "t")


def _split(values: str) -> Iterator[str]:
    """The values between the commas that are in no quotes and no brackets."""
    depth, quoted, escaped, found = 0, False, False, ""
    for character in values:
        if character == "'" and not escaped:
            quoted = not quoted
        depth += (not quoted) * ((character == "(") - (character == ")"))
        escaped = character == "\\" and not escaped
        if character == "," and not quoted and not depth:
            yield found.strip()
            found = ""
        else:
            found += character
    yield found.strip()


@pytest.fixture(params=["LOAD DATA", "INSERT"])
def way(request: pytest.FixtureRequest, server: MariaServer) -> Iterator[str]:
    server.execute(server.endpoint, f"SET GLOBAL local_infile = {int(request.param == 'LOAD DATA')}")
    yield request.param
    server.execute(server.endpoint, "SET GLOBAL local_infile = 1")


def test_an_enum_keeps_what_was_no_member(ends: Ends, server: MariaServer, way: str) -> None:
    server.execute(ends.source, "CREATE TABLE t (n int PRIMARY KEY, a enum('a','b') NOT NULL, b enum('','b'))")
    server.execute(
        ends.source, "INSERT IGNORE INTO t VALUES (1, 'what', ''), (2, 'a', 'what'), (3, 'b', NULL), (4, '', 'b')"
    )
    copy(ends, "t")
    found = server.rows(ends.target, "SELECT n, a + 0, b + 0 FROM t ORDER BY n")
    assert [tuple(v if v is None else int(v) for v in row) for row in found] == [
        (1, 0, 1),
        (2, 1, 0),
        (3, 2, None),
        (4, 0, 2),
    ]


@pytest.mark.parametrize("type_", TYPES)
def test_values_arrive_unchanged(ends: Ends, server: MariaServer, way: str, type_: str) -> None:
    fill(ends, server, type_)
    copy(ends, "t")
    count, _ = server.digest(ends.source, "t")
    assert count == len(list(_split(TYPES[type_]))) + 1
    assert server.digest(ends.target, "t") == server.digest(ends.source, "t")


def test_values_beside_masked_ones_arrive_unchanged(ends: Ends, server: MariaServer, way: str) -> None:
    wanted = dict(enumerate(TYPES))
    columns = ", ".join(f"c{name} {type_}" for name, type_ in wanted.items() if type_ != "longblob")
    server.execute(ends.source, f"CREATE TABLE t (n int PRIMARY KEY, name varchar(50) CHARACTER SET gbk, {columns})")
    firsts = ", ".join(next(iter(_split(TYPES[type_]))) for type_ in wanted.values() if type_ != "longblob")
    with server.connect(ends.source) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET sql_mode = '{ODD}'")
        cursor.execute(f"INSERT INTO t VALUES (1, '日本', {firsts})")
    copy(ends, "t", anonymize={"t": Masker(("name",))})
    [(name,)] = server.rows(ends.target, "SELECT name FROM t")
    assert name.startswith("m")
    for end in (ends.source, ends.target):
        server.execute(end, "ALTER TABLE t DROP COLUMN name")
    assert server.digest(ends.target, "t") == server.digest(ends.source, "t")
