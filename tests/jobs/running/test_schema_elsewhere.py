"""A schema that is brought to another engine is compared there as it was made: nothing is told that is not so."""

from __future__ import annotations

import pytest

from connectors.errors import ConnectionLost
from jobs.running import epoch
from tests.jobs.running.schemas import COPY, ORPHANS, bring, changes, execute, operations, shop, told
from tests.jobs.running.site import Site

pytestmark = pytest.mark.usefixtures("no_spark")

PAIRS = [("postgresql", "sqlite"), ("sqlite", "postgresql")]


@pytest.mark.parametrize("any_site", PAIRS, indirect=True)
def test_a_report_says_that_everything_is_there(any_site: Site) -> None:
    shop(any_site)
    for operation in ({}, {"mode": "recreate", "confirm": "DEV"}):
        assert "is not there as wanted" not in bring(any_site, **operation)
    [again, _] = operations(any_site)
    assert {change.status for change in changes(any_site, again)} == {"applied"}
    kinds = [found for found in told(any_site) if not found[1].startswith(("schema", "comment"))]
    assert kinds == []


@pytest.mark.parametrize("any_site", PAIRS[1:], indirect=True)
def test_a_copy_that_begins_again_under_another_snapshot_finds_its_own_tables(
    any_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(any_site)
    load, lost = epoch.Epoch.load, iter([True])

    def losing(self: epoch.Epoch) -> None:
        if next(lost, False):
            raise ConnectionLost("the session has ended")
        load(self)

    monkeypatch.setattr(epoch.Epoch, "load", losing)
    text = bring(any_site, **COPY)
    assert "is not there as wanted" not in text
    assert len(any_site.rows(any_site.dev, "purchases")) == 2


@pytest.mark.parametrize("any_site", PAIRS[1:], indirect=True)
def test_a_key_that_rows_break_is_no_key_as_wanted_though_it_is_there(any_site: Site) -> None:
    shop(any_site)
    for _ in range(2):
        assert "foreign key bought_by of public.purchases is not there as wanted" in bring(any_site, **ORPHANS)
    [last, first] = operations(any_site)
    assert last.plan_sha256 == first.plan_sha256
    assert ("different", "foreign key bought_by of purchases") in told(any_site)


@pytest.mark.parametrize("any_site", [PAIRS[1], ("sqlite", "sqlite")], indirect=True)
def test_a_key_that_may_be_null_at_its_source_alone_is_copied_into_every_night(any_site: Site) -> None:
    execute(
        any_site, any_site.prod, "CREATE TABLE words (word varchar(20) PRIMARY KEY)", "INSERT INTO words VALUES ('one')"
    )
    for _ in range(2):
        bring(any_site, operation_type="copy_full", anonymize=False, if_target_not_empty="truncate")
    assert any_site.rows(any_site.dev, "words") == [("one",)]
