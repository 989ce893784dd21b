"""What a resume, and the run after a cancelled one, may empty: their own rows, together with what references them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from connectors.contract import connector
from jobs.errors import PlanRefused, RunFailed, RunStopped
from jobs.running.run import run
from tests.jobs.running.faults import only_operation
from tests.jobs.running.site import Site
from tests.jobs.running.test_cancelled import cancelled_by_its_driver, died, stopped_late

pytestmark = pytest.mark.usefixtures("no_spark")

STRANGER = [("mine", "precious")]
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"


def go(site: Site, file: Path) -> None:
    environments = site.folder / "environments.yaml"
    run(str(file), environments_path=environments, control_url=site.control, console=Console(quiet=True))


def plain(site: Site) -> Path:
    return site.operation(anonymize=False, policy=None)


def states(site: Site) -> list[str]:
    """The newest run's tables, in load order."""
    with closing(connector(site.dev.engine).target(site.dev)) as target:
        return [table.state for table in target.ledger.tables(target.ledger.runs()[0].run_id)]


def test_a_complete_table_that_references_an_unfinished_one_is_loaded_again_with_it(file_site: Site) -> None:
    site = file_site
    for end, check in ((site.prod, ""), (site.dev, ", CHECK (id < 100000)")):
        site.server.execute(end, "CREATE TABLE a (id integer PRIMARY KEY, b integer REFERENCES b (id))")
        site.server.execute(end, f"CREATE TABLE b (id integer PRIMARY KEY, a integer REFERENCES a (id), t text{check})")
    site.server.execute(site.prod, "INSERT INTO a VALUES (1, 1), (2, 2)")
    site.server.execute(site.prod, f"{NUMBERS} INSERT INTO b SELECT i, 1, hex(randomblob(50)) FROM n")
    with pytest.raises(RunFailed):
        go(site, plain(site))
    assert states(site) == ["complete", "prepared"]
    assert site.rows(site.dev, "b") != []
    site.server.execute(site.prod, "DELETE FROM b WHERE id = 100000")
    go(site, plain(site))
    assert all(site.server.digest(site.prod, table) == site.landing.digest(site.dev, table) for table in "ab")


def test_so_it_is_where_a_server_would_refuse_to_empty_the_referenced_one(
    server_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = server_site
    for end in (site.prod, site.dev):
        site.server.execute(end, "CREATE TABLE users (id integer PRIMARY KEY)")
        site.server.execute(end, "CREATE TABLE orders (id integer PRIMARY KEY, user_id integer REFERENCES users (id))")
    site.server.execute(site.prod, "INSERT INTO users SELECT generate_series(1, 9)")
    site.server.execute(site.prod, "INSERT INTO orders SELECT n, n FROM generate_series(1, 9) n")
    with stopped_late(monkeypatch, died), pytest.raises(RunFailed):
        go(site, plain(site))
    site.landing.execute(site.dev, "UPDATE _dbagent.tables SET state = 'prepared' WHERE target = 'public.users'")
    site.server.execute(site.prod, "INSERT INTO users VALUES (10)")
    go(site, plain(site))
    assert (len(site.rows(site.dev, "users")), len(site.rows(site.dev, "orders"))) == (10, 9)


@pytest.mark.parametrize("others", ["instead of ours", "beside ours"])
def test_rows_of_others_in_a_table_of_a_cancelled_run_stay(
    site: Site, monkeypatch: pytest.MonkeyPatch, others: str
) -> None:
    site.fill(users=5, orders=5, plain=5)
    with stopped_late(monkeypatch, cancelled_by_its_driver), pytest.raises(RunStopped):
        go(site, site.operation())
    if others == "instead of ours":
        site.landing.execute(site.dev, "DELETE FROM plain")
    site.landing.insert(site.dev, "plain", STRANGER)
    before = site.rows(site.dev, "plain")
    for _ in range(2):
        with pytest.raises(PlanRefused) as refused:
            go(site, site.operation())
        assert [(one.where.endswith("plain"), one.what) for one in refused.value.findings] == [
            (True, "the table is not empty")
        ]
    assert site.rows(site.dev, "plain") == before


def test_rows_of_others_in_a_table_that_a_resume_would_empty_stay(site: Site) -> None:
    site.fill(users=5, orders=5, plain=5)
    site.server.insert(site.prod, "plain", [(None, "no code")])
    site.landing.execute(site.dev, f"CREATE TABLE plain (code {site.text} CHECK (code IS NOT NULL), label {site.text})")
    with pytest.raises(RunFailed):
        go(site, plain(site))
    site.landing.insert(site.dev, "plain", STRANGER)
    site.server.execute(site.prod, "DELETE FROM plain WHERE code IS NULL")
    with pytest.raises(RunFailed) as failed:
        go(site, plain(site))
    assert failed.value.what == "other programs have changed its rows: 1 are there, and 0 are this run's"
    assert site.rows(site.dev, "plain") == STRANGER
    site.landing.execute(site.dev, "DELETE FROM plain")
    go(site, plain(site))
    assert only_operation(site).status == "completed"
    assert len(site.rows(site.dev, "plain")) == 5


def test_rows_that_break_a_deferrable_key_are_loaded_again_when_the_source_is_mended(server_site: Site) -> None:
    site = server_site
    site.server.execute(site.prod, "CREATE TABLE t (id integer PRIMARY KEY, n integer)")
    site.landing.execute(site.dev, "CREATE TABLE t (id integer PRIMARY KEY, n integer UNIQUE DEFERRABLE)")
    site.server.execute(site.prod, "INSERT INTO t VALUES (1, 1), (2, 1)")
    with pytest.raises(RunFailed, match="break its DEFERRABLE constraint"):
        go(site, plain(site))
    site.server.execute(site.prod, "UPDATE t SET n = id")
    go(site, plain(site))
    assert site.rows(site.dev, "t") == [(1, 1), (2, 2)]


def test_a_table_that_the_target_spells_in_other_letters_stops_the_plan(file_site: Site) -> None:
    site = file_site
    site.server.execute(site.prod, "CREATE TABLE Users (id integer PRIMARY KEY)")
    site.landing.execute(site.dev, "CREATE TABLE users (id integer PRIMARY KEY)")
    with pytest.raises(PlanRefused) as refused:
        go(site, plain(site))
    assert [one.what for one in refused.value.findings] == ["a table named users is in the way"]
