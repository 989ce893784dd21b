"""What earlier operations have done to a target's schema, as the control store knows it: it counts, each for its own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from jobs.control.changes import ChangeStore
from jobs.planning.schema_plan import Change
from tests.jobs.running.office import Office
from tests.jobs.running.schemas import bring, execute, operations, shop, told
from tests.jobs.running.site import Site
from tests.jobs.running.test_schema import WIDER
from tests.jobs.running.test_schema_approved import ALONE

pytestmark = pytest.mark.usefixtures("no_spark")


def test_whoever_plans_asks_or_runs_after_an_update_sees_one_hash(
    file_site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    office = Office(file_site, monkeypatch, capsys)
    office.rule(roles=[])
    shop(file_site)
    bring(file_site)
    execute(file_site, file_site.prod, *WIDER["sqlite"])
    bring(file_site, mode="update")
    [altered, _] = operations(file_site)
    file = str(file_site.operation(**ALONE, mode="update"))
    control = file_site.folder / "control.db"
    before = control.read_bytes()
    assert office.json("rita", "plan", file)["sha256"] == altered.plan_sha256
    assert control.read_bytes() == before
    assert office.json("rita", "create", file)["plan_sha256"] == altered.plan_sha256
    office.by("rita", "run", file)
    assert {row.plan_sha256 for row in operations(file_site)[:-1]} == {altered.plan_sha256}


def test_a_plan_makes_no_control_store(
    file_site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop(file_site)
    Office(file_site, monkeypatch, capsys).by("rita", "plan", str(file_site.operation(**ALONE, mode="update")))
    assert not list(file_site.folder.glob("control.db*"))


def test_a_table_that_another_recreation_dropped_and_somebody_made_since_goes_only_as_planned(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(site)
    bring(site)
    made = ChangeStore.made

    def dying(self: ChangeStore, operation: str, holder: str, changes: Sequence[Change]) -> None:
        made(self, operation, holder, changes)
        if any(change.action == "drop" and str(change.table).endswith("words") for change in changes):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ChangeStore, "made", dying)
        with pytest.raises(BaseException, match="interrupted"):
            bring(site, mode="recreate", confirm="DEV")
    execute(site, site.dev, "CREATE TABLE words (word varchar(5))",
            "INSERT INTO words (word) VALUES ('mine')")  # fmt: skip
    assert operations(site)[0].status == "paused"
    text = bring(site, mode="recreate", confirm="DEV", tables=["words"])
    assert "words: is dropped with all its rows" in text
    assert told(site, "words") == []
