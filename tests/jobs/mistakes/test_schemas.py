"""Mistakes about schemas: everything that is in the way is told at once, with its table and column, and nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs.mistakes.told import Told
from tests.jobs.running.schemas import execute, shop
from tests.jobs.running.site import Site

ALONE = {"operation_type": "sync_schema", "policy": None, "parallel_workers": None}


def test_a_target_in_which_everything_is_otherwise(site: Site, told: Told) -> None:
    shop(site)
    execute(
        site,
        site.dev,
        "CREATE TABLE customers (id integer PRIMARY KEY, email varchar(10), status varchar(10), balance varchar(3))",
        "CREATE VIEW purchases AS SELECT id FROM customers",
        "CREATE TABLE spenders (id integer)",
    )
    for mode in ("create", "update"):
        said = told(site, 3, "plan", str(site.operation(**ALONE, mode=mode))).replace("public.", "")
        for words in ("column email of customers: differs", "column balance of customers: differs",
                      "purchases: a view of this name is in the way", "view spenders: its name is taken: table spenders",
                      ):  # fmt: skip
            assert words in said


@pytest.mark.usefixtures("no_spark")
def test_what_only_a_server_can_lack(server_site: Site, told: Told) -> None:
    execute(
        server_site,
        server_site.prod,
        "CREATE EXTENSION citext",
        "CREATE TABLE people (id integer PRIMARY KEY, name citext, place point)",
        "CREATE TABLE words (id integer PRIMARY KEY)",
    )
    said = told(server_site, 3, "run", str(server_site.operation(**ALONE)))
    assert "people" in said
    assert "citext" in said
    assert "words" not in said


def test_a_schema_for_a_file_that_is_not_there_makes_none_until_it_runs(file_site: Site, told: Told) -> None:
    shop(file_site)
    Path(file_site.dev.database).unlink(missing_ok=True)
    said = told(file_site, 3, "plan", str(file_site.operation(**ALONE, tables=["customers", "nowhere"])))
    assert "tables: nowhere: no such table in PROD" in said
    assert not Path(file_site.dev.database).exists()


def test_a_change_that_nobody_knows(file_site: Site, told: Told) -> None:
    for command in ("rollback", "changes"):
        assert "there is no such operation" in told(file_site, 2, "schema", command, "op-1")
