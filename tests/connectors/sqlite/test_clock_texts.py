"""The clock in a filter: however late a chunk is read, it sees the moment its driver began with."""

from __future__ import annotations

import re
import time

import pytest
import sqlglot

from connectors.contract import Filter
from connectors.errors import TerminalError
from connectors.sqlite.filters import pinned
from connectors.sqlite.testkit import connect
from tests.connectors.drive import Ends, driver
from tests.connectors.masker import Masker
from tests.connectors.sqlite.exact import make

MOMENT = "2026-02-03 04:05:06.789"
TEXTS = "CREATE TABLE t (at TEXT, name TEXT)"


def parsed(text: str) -> Filter:
    found: Filter = sqlglot.parse_one(text, dialect="sqlite")
    return found


@pytest.mark.parametrize(("clock", "masked"), [("CURRENT_TIMESTAMP", ()), ("datetime('now')", ("name",))])
def test_a_chunk_read_later_sees_the_drivers_moment(files: Ends, clock: str, masked: tuple[str, ...]) -> None:
    make(files.source, TEXTS)
    with connect(files.source) as connection:
        connection.executemany(
            "INSERT INTO t VALUES (datetime('now', ?), 'n')", [(f"+{n} seconds",) for n in range(60)]
        )
    anonymize = {"t": Masker(masked)} if masked else {}
    with driver(files, where={"t": files.where(f"at <= {clock}")}, anonymize=anonymize, budget=200) as one:
        moment = str(one.source._moment)[:19]
        time.sleep(1.1)
        loaded = one.copy(["t"])
    with connect(files.source) as connection:
        [(seen,)] = connection.execute("SELECT count(*) FROM t WHERE at <= ?", [moment]).fetchall()
    assert sum(part.rows for part in loaded) == seen
    assert 0 < seen < 60


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("CURRENT_TIMESTAMP", "2026-02-03 04:05:06"),
        ("CURRENT_DATE", "2026-02-03"),
        ("date('now')", "2026-02-03"),
        ("date()", "2026-02-03"),
        ("datetime()", "2026-02-03 04:05:06"),
        ("time('NOW', '-1 hour')", "03:05:06"),
        ("datetime('now', '-30 days', 'start of month')", "2026-01-01 00:00:00"),
        ("strftime('%Y/%m', 'now')", "2026/02"),
        ("strftime('%H:%M:%f', 'now', '+1 minute')", "04:06:06.789"),
        ("strftime('%s')", "1770091506"),
        ("date(coalesce(NULL, 'now'))", "2026-02-03"),
        ("round(julianday('now'), 3)", "2461074.67"),
        ("round(julianday(), 3)", "2461074.67"),
        ("(SELECT date('now', '+1 day'))", "2026-02-04"),
    ],
)
def test_a_stopped_clock_shows_the_moment_in_the_functions_own_form(files: Ends, text: str, value: str) -> None:
    make(files.source, TEXTS)
    stopped = pinned(parsed(text), MOMENT).sql(dialect="sqlite")
    assert not re.search("(?i)now|current_", stopped)
    with connect(files.source) as connection:
        assert connection.execute(f"SELECT CAST({stopped} AS TEXT)").fetchall() == [(value,)]


@pytest.mark.parametrize("text", ["name = 'now'", "date(at) > '2020-01-01'", "coalesce(name, 'now') = at"])
def test_what_is_no_clock_stays(text: str) -> None:
    assert pinned(parsed(text), MOMENT) == parsed(text)


@pytest.mark.parametrize("text", ["at > datetime('now', 'localtime')", "date(at, 'UTC') > '2020-01-01'"])
def test_the_reading_machines_time_zone_is_refused(files: Ends, text: str) -> None:
    make(files.source, TEXTS)
    with driver(files) as one, pytest.raises(TerminalError, match="time zone of the machine"):
        one.source.explain_filter(one.source.schema().tables[0], parsed(text))
