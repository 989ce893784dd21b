"""A whole run with the clock in its filters: its tables are read one after the other and show one moment."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from jobs.running.run import run
from tests.jobs.running.site import Site

pytestmark = pytest.mark.usefixtures("no_spark")

TIMES = "SELECT n, clock_timestamp() + n * interval '1 ms' AS at FROM generate_series(1, 60000) n"


def test_tables_filtered_by_the_clock_agree(server_site: Site) -> None:
    for statement in (f"CREATE TABLE a AS {TIMES}", "CREATE TABLE b AS TABLE a"):
        server_site.server.execute(server_site.prod, statement)
    operation = server_site.operation(
        operation_type="copy_filtered",
        tables={"a": "at <= now()", "b": "at <= CURRENT_TIMESTAMP"},
        anonymize=False,
        policy=None,
    )
    run(
        str(operation),
        environments_path=server_site.environments({}),
        control_url=server_site.control,
        console=Console(file=io.StringIO()),
    )
    a, b = (server_site.rows(server_site.dev, table) for table in ("a", "b"))
    assert a == b
    assert 0 < len(a) < 60000
