"""Staging tables that nobody will ever publish are dropped; those of runs that may still be at work stay."""

from __future__ import annotations

import pytest

from connectors.contract import TargetSession
from connectors.errors import NotFound
from connectors.schema import TableName
from tests.connectors.drive import Driver, Ends, driver
from tests.connectors.samples import ACCOUNTS, PEOPLE, accounts, fill, found, people

FEW = 30


@pytest.fixture
def filled(ends: Ends) -> Ends:
    fill(ends, ACCOUNTS, accounts(FEW))
    fill(ends, PEOPLE, people(FEW))
    return ends


def staged(one: Driver, table: str) -> TableName:
    """The staging table of a run that has loaded it and comes no further."""
    one.lease([table])
    one.prepare([table])
    one.transfer(one.chunks())
    return one.copies[0].into


def there(target: TargetSession, name: TableName) -> bool:
    try:
        target.is_empty(name)
    except NotFound:
        return False
    return True


@pytest.mark.parametrize("fate", ["cancelled", "robbed of its table", "ours"])
def test_a_staging_table_without_a_future_is_dropped(filled: Ends, fate: str) -> None:
    with driver(filled, run_id="former", append=True) as former, driver(filled, run_id="next") as later:
        stage = staged(former, "accounts")
        if fate == "cancelled":
            former.target.ledger.abandoned("former")
            later.lease(["people"])
        elif fate == "robbed of its table":
            later.lease(["accounts"])
        assert there(later.target, stage)
        later.target.sweep("former" if fate == "ours" else "next")
        assert not there(later.target, stage)


def test_a_staging_table_of_a_run_that_may_be_at_work_stays(filled: Ends) -> None:
    with driver(filled, run_id="at_work", append=True) as former, driver(filled, run_id="next") as later:
        stage = staged(former, "accounts")
        later.lease(["people"])
        later.target.sweep("next")
        assert there(later.target, stage)
        former.finish()
    assert len(found(filled)) == FEW


def test_tables_of_other_people_are_no_staging_tables(filled: Ends) -> None:
    filled.server.execute(filled.target, "CREATE TABLE stage_mine_1 (id integer)")
    with driver(filled) as one:
        one.lease(["accounts"])
        one.target.sweep("run")
        assert there(one.target, filled.name("stage_mine_1"))
