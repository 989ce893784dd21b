"""Views that keep rows of their own: after a copy they show its rows, or plan and report say that they do not."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.running import restoring
from tests.jobs.running.schemas import COPY, bring, execute, operations, shop, told
from tests.jobs.running.site import Site

pytestmark = pytest.mark.usefixtures("no_spark")

STORED = (
    "CREATE MATERIALIZED VIEW spelled AS SELECT word, upper(meaning) AS loud FROM words",
    "CREATE UNIQUE INDEX once ON spelled (word)",
    "CREATE VIEW between AS SELECT word FROM spelled",
    'CREATE MATERIALIZED VIEW "All" AS SELECT count(*) AS words FROM between',
    "CREATE MATERIALIZED VIEW empty AS SELECT word FROM words WITH NO DATA",
)
AGAIN = COPY | {"if_target_not_empty": "truncate"}


def counted(site: Site) -> list[tuple[Any, ...]]:
    return site.rows(site.dev, "spelled") + site.server.read(site.dev, "All")


@pytest.fixture
def stored(server_site: Site) -> Site:
    """A site whose target has been copied into once; then a row has come in PROD."""
    shop(server_site)
    execute(server_site, server_site.prod, *STORED)
    bring(server_site, **COPY)
    assert counted(server_site) == [("one", "1"), (1,)]
    execute(server_site, server_site.prod, "INSERT INTO words (word, meaning) VALUES ('two', '2')")
    return server_site


@pytest.mark.parametrize("asked", [{"sync_schema": True}, {"sync_schema": False, "disable_constraints": True}])
def test_they_are_refreshed_with_what_else_waits_for_rows(stored: Site, asked: dict[str, Any]) -> None:
    text = bring(stored, **AGAIN | asked)
    assert "refreshed when the rows are in: view public.spelled" in text
    assert "│ view public.spelled" in text
    assert "stale" in text
    assert counted(stored) == [("one", "1"), ("two", "2"), (2,)]
    assert told(stored) == []


def test_a_run_that_stopped_before_that_is_resumed_to_its_end(stored: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(restoring.Restoring, "all_in", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bring(stored, **AGAIN)
    assert len(counted(stored)) == 2
    bring(stored, **AGAIN)
    assert operations(stored)[0].status == "completed"
    assert counted(stored) == [("one", "1"), ("two", "2"), (2,)]


def test_without_either_plan_and_report_name_them_and_what_refreshes_them(stored: Site) -> None:
    text = bring(stored, **AGAIN | {"sync_schema": False})
    refresh = 'REFRESH MATERIALIZED VIEW "public"."spelled"'
    assert f"after the copy: {refresh}" in text
    assert f"! view public.spelled shows the rows from before: {refresh}" in text
    assert "view public.empty" not in text
    assert counted(stored) == [("one", "1"), (1,)]
    report = operations(stored)[0].report
    assert report is not None
    assert list(report["stale"]) == ["view public.spelled", 'view public."All"']
