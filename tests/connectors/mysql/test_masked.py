"""Masked columns: dates that are none, texts of odd character sets, and what no strategy may see."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from anonymizers.apply import ColumnPlan, TableAnonymizer
from anonymizers.contract import ColumnShape, Rule, Subject
from anonymizers.keys import MasterKey
from connectors.errors import SourceChanged, Unsupported, ValueRefused
from connectors.mysql.testkit import MariaServer
from tests.connectors.drive import Ends, copy, driver
from tests.connectors.masker import Masker, disguised

MASTER = MasterKey(bytes(range(32)))


def shifted(column: str, kind: str) -> ColumnPlan:
    rule = Rule("date_shift", "t", {}, Subject(("n",)))
    return ColumnPlan(column, ColumnShape(kind), rule, MASTER.domain("date_shift", 1, "t"))


def put(ends: Ends, server: MariaServer, columns: str, *rows: str) -> None:
    server.execute(ends.source, f"CREATE TABLE t (n int PRIMARY KEY, {columns})")
    with server.connect(ends.source) as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = 'ALLOW_INVALID_DATES'")
        for row in rows:
            cursor.execute(f"INSERT INTO t VALUES ({row})")


def test_a_zero_date_is_no_date_and_stays(ends: Ends, server: MariaServer) -> None:
    put(
        ends,
        server,
        "d date, s datetime(3), z timestamp NULL",
        "1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'",
        "2, '2024-02-29', '1969-12-31 23:59:59.987', '2024-02-29 12:30:00'",
        "3, NULL, NULL, NULL",
    )
    plans = [shifted("d", "date"), shifted("s", "timestamp"), shifted("z", "timestamp")]
    copy(ends, "t", anonymize={"t": TableAnonymizer(plans)})
    found = server.rows(ends.target, "SELECT CAST(d AS CHAR), CAST(s AS CHAR), CAST(z AS CHAR) FROM t ORDER BY n")
    assert found[0] == ("0000-00-00", "0000-00-00 00:00:00.000", "0000-00-00 00:00:00")
    assert found[2] == (None, None, None)
    day, moment, stamp = found[1]
    by = date.fromisoformat(day) - date(2024, 2, 29)
    assert by.days != 0
    assert datetime.fromisoformat(moment) - datetime(1969, 12, 31, 23, 59, 59, 987000) == by
    assert datetime.fromisoformat(stamp) - datetime(2024, 2, 29, 12, 30) == by


@pytest.mark.parametrize("day", ["2024-02-31", "2024-05-00", "2024-00-00", "0000-05-17"])
def test_a_day_of_no_calendar_is_never_let_through(ends: Ends, server: MariaServer, day: str) -> None:
    put(ends, server, "d date", f"1, '{day}'")
    with pytest.raises(ValueRefused, match="column d holds a day that no calendar has") as refused:
        copy(ends, "t", anonymize={"t": TableAnonymizer([shifted("d", "date")])})
    assert day not in str(refused.value)
    assert server.read(ends.target, "t") == []


@pytest.mark.parametrize("charset", ["utf8mb4", "latin1", "gbk", "sjis", "utf16", "cp1251"])
def test_texts_of_every_character_set_are_seen_as_what_they_say(ends: Ends, server: MariaServer, charset: str) -> None:
    text = {"latin1": "Zoë\\", "cp1251": "Привет", "utf8mb4": "Zoë 🦆", "utf16": "Zoë 🦆"}.get(charset, "日本")
    put(
        ends, server, f"v varchar(40) CHARACTER SET {charset}", f"1, '{text}'".replace("\\", "\\\\"), "2, NULL", "3, ''"
    )
    copy(ends, "t", anonymize={"t": Masker(("v",))})
    assert sorted(server.read(ends.target, "t")) == [(1, disguised(text)), (2, None), (3, disguised(""))]


def test_integers_of_every_width_are_seen(ends: Ends, server: MariaServer) -> None:
    put(ends, server, "v bigint, u int unsigned, z smallint(5) unsigned zerofill", "1, -9, 4000000, 42")
    copy(ends, "t", anonymize={"t": Masker(("v", "u", "z"))})
    assert server.read(ends.target, "t") == [(1, disguised(-9), disguised(4000000), disguised(42))]


def test_what_is_no_text_or_number_can_only_become_null(ends: Ends, server: MariaServer) -> None:
    put(ends, server, "v enum('a'), b blob, p point", "1, 'a', 'x', ST_GeomFromText('POINT(1 1)')")
    with pytest.raises(Unsupported, match="column v: no strategy can see values of type enum"):
        copy(ends, "t", anonymize={"t": Masker(("v",))})
    copy(ends, "t", anonymize={"t": Masker((), ("v", "b", "p"))}, run_id="again")
    assert server.read(ends.target, "t") == [(1, None, None, None)]


def test_a_table_that_was_altered_since_it_was_planned_is_an_error(ends: Ends, server: MariaServer) -> None:
    put(ends, server, "v varchar(9)", "1, 'a'")
    for change in ("ADD COLUMN more int", "MODIFY v varchar(10)", "DROP COLUMN v"):
        with driver(ends, run_id=change[:9]) as one:
            one.lease(["t"])
            one.prepare(["t"])
            chunks = one.chunks()
            server.execute(ends.source, f"ALTER TABLE t {change}")
            with pytest.raises(SourceChanged):
                one.transfer(chunks)
        assert server.read(ends.target, "t") == []
        server.execute(ends.source, "DROP TABLE t")
        server.execute(ends.target, "DROP TABLE t")
        put(ends, server, "v varchar(9)", "1, 'a'")


@pytest.mark.parametrize("change", ["TRUNCATE t", "ALTER TABLE t ENGINE = InnoDB, FORCE", "DROP TABLE t"])
def test_a_table_that_changes_under_a_reader_is_an_error_not_an_empty_copy(
    ends: Ends, server: MariaServer, change: str
) -> None:
    put(ends, server, "v varchar(9)", "1, 'a'")
    with driver(ends) as one:
        one.lease(["t"])
        one.prepare(["t"])
        chunks = one.chunks()
        with ends.connector.transfer(one.job()) as transfer:
            server.execute(ends.source, change)
            with pytest.raises(SourceChanged):
                transfer.copy(chunks[0])
    assert server.read(ends.target, "t") == []
