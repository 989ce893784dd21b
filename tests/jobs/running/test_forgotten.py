"""Nobody remembered it: a personal column that a policy forgets stops the plan, and without a policy it is replaced."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from rich.console import Console

from anonymizers.detection.contract import Candidate
from connectors.schema import quoted
from jobs.config.request import load_request
from jobs.planning.plan import Plan
from jobs.running.run import run
from jobs.running.workbench import open_workbench
from tests.anonymizers.detection.styles import forgetful
from tests.jobs.running.site import Site

pytestmark = pytest.mark.usefixtures("no_spark")

ROWS = 25
TYPES = {
    "integer": "integer", "text": "text", "decimal": "numeric(12, 2)", "float": "double precision", "boolean": "boolean",
    "timestamp": "timestamp", "date": "date", "uuid": "uuid",
}  # fmt: skip
VALUES: dict[str, Any] = {
    "integer": lambda n: n + 100,
    "text": lambda n: ("new", "paid", "sent")[n % 3],
    "decimal": lambda n: n + 0.5,
    "float": lambda n: n + 0.25,
    "boolean": lambda n: n % 2 == 0,
    "timestamp": lambda n: f"2024-02-{n + 1:02} 10:00:00",
    "date": lambda n: f"1975-03-{n + 1:02}",
    "uuid": lambda n: f"a0eebc99-9c0b-4ef8-bb6d-6bb9bd38{n:04}",
}
LETTERS = "bdfgklmnprstvwz"

Schema = tuple[str, Sequence[Candidate], int]
"""A table's name, its columns, and which of them nobody remembered."""


def somebodys(n: int) -> str:
    """A value of every kind and none: replacements do not look like it."""
    return f"Qua{LETTERS[n % 15]}o{LETTERS[n // 2]}ix {LETTERS[n % 15]}ubu{7 * n + 1:04}"


def schemas() -> list[Schema]:
    found: list[Schema] = []
    for number, (columns, personal) in enumerate(forgetful()):
        at = next(at for at, column in enumerate(columns) if column.column == personal)
        found.append((f"{columns[0].table}_{number}", columns, at))
    return found


def make(site: Site, schemas: Sequence[Schema]) -> None:
    """The tables with a key of their own before the columns; every third forgotten column is NOT NULL."""
    for number, (table, columns, at) in enumerate(schemas):
        parts = ["pk integer PRIMARY KEY"]
        for place, column in enumerate(columns):
            long = f"varchar({column.shape.length})" if column.shape.length else TYPES[column.shape.kind]
            parts.append(f"{site.name(column.column)} {long}{' NOT NULL' if place == at and number % 3 == 0 else ''}")
        site.server.execute(site.prod, f"CREATE TABLE {site.name(table)} ({', '.join(parts)})")
        ways = [VALUES[column.shape.kind] for column in columns]
        if columns[at].shape.kind == "text":
            ways[at] = somebodys
        site.server.insert(site.prod, table, [[n, *(way(n) for way in ways)] for n in range(ROWS)])


def planned(site: Site, **changes: Any) -> Plan:
    with open_workbench(*load_request(site.operation(**changes), site.environments({}))) as bench:
        return bench.plan


@pytest.fixture
def forgotten(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[Schema]:
    """Tables with one personal column each, and the key that counts where there is no policy."""
    monkeypatch.setenv("HOME", str(site.folder))
    usual = site.folder / ".config" / "dbagent" / "master.key"
    usual.parent.mkdir(parents=True)
    (site.folder / "master.key").rename(usual)
    found = schemas()
    make(site, found)
    return found


def test_a_policy_that_forgets_them_stops_the_plan_and_names_each(site: Site, forgotten: list[Schema]) -> None:
    assert len(forgotten) >= 40
    remembered = {
        f"{quoted(table)}.{quoted(name)}": "keep"
        for table, columns, at in forgotten
        for name in ["pk", *(column.column for place, column in enumerate(columns) if place != at)]
    }
    [stopped] = planned(site, policy={"columns": remembered}).errors
    told = stopped.what.partition(": ")[2].split(", ")
    assert len(told) == len(forgotten)
    for table, columns, at in forgotten:
        ends = (f"{columns[at].column}", quoted(columns[at].column))
        assert [text for text in told if quoted(table) in text or table in text.split(".") if text.endswith(ends)], (
            table
        )


def test_without_a_policy_no_row_keeps_its_value_or_the_plan_stops(site: Site, forgotten: list[Schema]) -> None:
    errors = planned(site, policy=None).errors
    stopped = [table for table, _, _ in forgotten if any(table in error.what for error in errors)]
    assert bool(errors) == bool(stopped)
    assert len(stopped) <= 3
    operation = site.operation(policy=None, exclude=[quoted(table) for table in stopped])
    console = Console(width=200, file=io.StringIO())
    run(str(operation), environments_path=site.environments({}), control_url=site.control, console=console)
    for table, columns, at in forgotten:
        if table not in stopped:
            before, after = ([[text(v) for v in row] for row in site.rows(end, table)] for end in (site.prod, site.dev))
            assert kept(before, after, at + 1) == [], (table, columns[at].column)
            assert others(before, at + 1) == others(after, at + 1)


def text(value: Any) -> str | None:
    return value.isoformat(" ") if isinstance(value, datetime) else str(value) if value is not None else None


def kept(before: Sequence[Sequence[Any]], after: Sequence[Sequence[Any]], at: int) -> list[str]:
    """The keys of the rows that have their own value still, and those of rows that are missing."""
    arrived = {row[0]: row[at] for row in after}
    return [row[0] for row in before if row[0] not in arrived or arrived[row[0]] == row[at]]


def others(rows: Sequence[Sequence[Any]], at: int) -> list[Any]:
    return sorted(tuple(map(str, (*row[:at], *row[at + 1 :]))) for row in rows)
