"""A copy that waits to be resumed: nobody alters or drops its tables meanwhile without a word."""

from __future__ import annotations

import pytest
from rich.console import Console

from jobs.cli import call
from jobs.control.store import ControlStore
from jobs.errors import PlanRefused, RunStopped
from jobs.running import epoch
from jobs.running.run import resume
from tests.jobs.running.schemas import COPY, bring, execute, operations, shop, told
from tests.jobs.running.site import Site
from tests.jobs.running.test_schema_undone import undo

pytestmark = pytest.mark.usefixtures("no_spark")

PLAIN = COPY | {"sync_schema": False}


def paused(site: Site, monkeypatch: pytest.MonkeyPatch) -> str:
    """A copy that stops when its rows are in."""

    def stopping(_: epoch.Epoch) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(epoch.Epoch, "_restore_rest", stopping)
        with pytest.raises(RunStopped):
            bring(site, **PLAIN)
    [copy, *_] = operations(site)
    assert copy.status == "paused"
    return copy.id


def refusals(stopped: pytest.ExceptionInfo[PlanRefused], copy: str) -> list[str]:
    found = [finding for finding in stopped.value.findings if copy in finding.what]
    assert all(finding.todo.endswith(f"dbagent cancel {copy}") for finding in found)
    return [finding.where.rpartition(".")[2].removeprefix("DEV: ") for finding in found]


def test_a_schema_waits_for_a_paused_copy_and_comes_when_that_is_over(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(site)
    bring(site)
    copy = paused(site, monkeypatch)
    execute(site, site.prod, "CREATE INDEX by_meaning ON words (meaning)")
    with pytest.raises(PlanRefused) as stopped:
        bring(site)
    assert refusals(stopped, copy) == ["customers", "purchases", "words"]
    assert told(site) == [("missing", "index by_meaning of words")]
    resume(copy, environments_path=site.environments({}), control_url=site.control, console=Console(quiet=True))
    assert [len(site.rows(site.dev, table)) for table in ("customers", "purchases", "words")] == [2, 2, 1]
    bring(site)
    assert told(site) == []


def test_nothing_is_undone_under_a_paused_copy_and_all_is_when_it_is_cancelled(
    file_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(file_site)
    bring(file_site)
    [schema] = operations(file_site)
    copy = paused(file_site, monkeypatch)
    with pytest.raises(PlanRefused) as stopped:
        undo(file_site, schema.id, confirm="DEV")
    assert refusals(stopped, copy) == ["customers", "purchases", "words"]
    assert told(file_site) == []
    with ControlStore.open(file_site.control) as store:
        store.request_stop(copy, "cancel")
    undo(file_site, schema.id, confirm="DEV")
    assert {state for state, _ in told(file_site)} == {"missing"}


def test_a_copy_that_this_control_store_does_not_know_is_only_told(
    file_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(file_site)
    copy = paused(file_site, monkeypatch)
    for file in file_site.folder.glob("control.db*"):
        file.unlink()
    execute(file_site, file_site.prod, "CREATE INDEX by_meaning ON words (meaning)")
    assert copy in bring(file_site, tables=["words"])
    assert told(file_site, "words") == []


def test_nor_does_such_a_copy_keep_anything_from_being_undone(
    file_site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop(file_site)
    bring(file_site)
    [schema] = operations(file_site)
    with monkeypatch.context() as patch:
        patch.setattr(Site, "control", f"sqlite:///{file_site.folder / 'other.db'}")
        copy = paused(file_site, monkeypatch)
    environments = str(file_site.folder / "environments.yaml")
    options = "--confirm", "DEV", "--environments", environments, "--control", file_site.control
    assert call(["schema", "rollback", schema.id, *options]) == 0
    assert capsys.readouterr().out.count(f"operation {copy} copies into it, and is not over") == 3
    assert {state for state, _ in told(file_site)} == {"missing"}
