"""Undoing what an operation has changed in a schema: newest first, once, and never rows that nobody gave away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.ledger import SqlLedger
from connectors.postgresql.target import Target as PostgresTarget
from connectors.sqlite.target import SqliteTarget
from jobs.cli import call
from jobs.control.changes import ChangeStore
from jobs.errors import Exit, PlanRefused, UsageError
from jobs.planning.schema_diff import Told
from jobs.running import heart
from jobs.running.differ import compare
from jobs.running.rollback import Reverse, roll_back
from tests.jobs.running.faults import once, until
from tests.jobs.running.schemas import COPY, bring, changes, execute, look, operations, shop, told
from tests.jobs.running.site import Site

pytestmark = pytest.mark.usefixtures("no_spark")


def undo(site: Site, operation: str, confirm: str | None = None) -> list[Reverse]:
    environments = site.environments({})
    found = roll_back(operation, confirm=confirm, environments_path=environments, control_url=site.control)
    return list(found.reverses)


def differing(site: Site) -> list[Told]:
    return [one for one in look(site).told if one.kind != "schema"]


def test_everything_goes_newest_first_and_only_once(site: Site) -> None:
    shop(site)
    bring(site)
    [first] = operations(site)
    known = changes(site, first)
    assert [reverse.change.object for reverse in undo(site, first.id)] == [c.object for c in reversed(known)]
    assert {one.state for one in differing(site)} == {"missing"}
    assert undo(site, first.id) == []
    assert {change.status for change in changes(site, first)} == {"undone"}
    bring(site)
    assert told(site) == []


def test_rows_do_not_go_unless_somebody_says_so(site: Site) -> None:
    shop(site)
    bring(site, **COPY)
    [first] = operations(site)
    with pytest.raises(PlanRefused) as refused:
        undo(site, first.id)
    assert len(refused.value.findings) == 3
    assert all("holds rows" in finding.what for finding in refused.value.findings)
    assert len(site.rows(site.dev, "customers")) == 2
    with pytest.raises(UsageError, match="the target is DEV"):
        undo(site, first.id, confirm="PROD")
    assert undo(site, first.id, confirm="DEV")
    assert {one.state for one in differing(site)} == {"missing"}


def test_what_is_gone_already_is_only_marked_and_an_attempt_that_died_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(site)
    bring(site)
    [first] = operations(site)
    execute(site, site.dev, "DROP VIEW big_spenders")
    known, undone = len(changes(site, first)), ChangeStore.undone
    calls: list[Any] = []

    def dying(self: ChangeStore, change: Any) -> None:
        calls.append(change)
        if len(calls) == 3:
            raise KeyboardInterrupt
        undone(self, change)

    with monkeypatch.context() as patch:
        patch.setattr(ChangeStore, "undone", dying)
        with pytest.raises(KeyboardInterrupt):
            undo(site, first.id)
    rest = undo(site, first.id)
    assert len(rest) == known - 2
    assert [bool(reverse.down) for reverse in rest][:2] == [False, True]
    assert {one.state for one in differing(site)} == {"missing"}


def test_what_was_dropped_comes_back_without_its_rows(site: Site) -> None:
    shop(site)
    bring(site, **COPY)
    before = site.rows(site.dev, "words")
    bring(site, mode="recreate", confirm="DEV")
    undo(site, operations(site)[0].id)
    assert told(site) == []
    assert before != site.rows(site.dev, "words") == []


OTHERS = {
    "postgresql": ("DROP INDEX by_customer", "DROP INDEX by_note"),
    "mysql": ("DROP INDEX by_customer ON purchases", "DROP INDEX by_note ON purchases"),
    "sqlite": ("DROP INDEX by_customer", "DROP INDEX by_note"),
}


def test_what_somebody_has_made_anew_is_left_alone_with_all_else(site: Site) -> None:
    shop(site)
    bring(site)
    [first] = operations(site)
    by_customer, _ = OTHERS[site.prod.engine]
    replaced = "CREATE INDEX by_customer ON purchases (customer_id, note)"
    free = ["ALTER TABLE purchases DROP FOREIGN KEY bought_by"] if site.prod.engine == "mysql" else []
    execute(site, site.dev, *free, by_customer, replaced, "DROP VIEW big_spenders",
            "CREATE VIEW big_spenders AS SELECT id FROM customers")  # fmt: skip
    before = told(site)
    with pytest.raises(PlanRefused) as refused:
        undo(site, first.id)
    assert (
        sorted(finding.what for finding in refused.value.findings)
        == ["it was changed after the operation: undoing would lose that"] * 2
    )
    assert told(site) == before
    execute(site, site.dev, "DROP VIEW big_spenders", by_customer)
    undo(site, first.id)
    assert {one.state for one in differing(site)} == {"missing"}


def test_what_a_later_operation_has_changed_is_undone_there_first(file_site: Site) -> None:
    shop(file_site)
    bring(file_site, tables=["customers", "words"])
    bring(file_site)
    execute(file_site, file_site.prod, "ALTER TABLE words ADD place integer")
    bring(file_site)
    added, more, first = operations(file_site)
    with pytest.raises(PlanRefused) as refused:
        undo(file_site, first.id)
    [finding] = refused.value.findings
    assert (finding.where, finding.what) == ("table words", f"operation {added.id} has changed it since")
    for operation in (added, more, first):
        undo(file_site, operation.id)
    assert {one.state for one in differing(file_site)} == {"missing"}


def test_what_somebody_changes_while_it_begins_is_left_alone(file_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    shop(file_site)
    bring(file_site)
    [first] = operations(file_site)
    anew = "DROP VIEW big_spenders", "CREATE VIEW big_spenders AS SELECT id FROM customers"
    once(monkeypatch, SqlLedger, "acquire", lambda: execute(file_site, file_site.dev, *anew))
    with pytest.raises(PlanRefused) as refused:
        undo(file_site, first.id)
    assert [finding.where for finding in refused.value.findings] == ["DEV: view big_spenders"]
    assert told(file_site) == [("different", "view big_spenders")]


def test_a_statement_that_lasts_keeps_its_lease(file_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    shop(file_site)
    bring(file_site)
    [first] = operations(file_site)
    monkeypatch.setattr(heart, "BEAT", 0.02)
    monkeypatch.setattr(heart, "RENEW", 0.0)

    def renewed() -> list[tuple[Any, ...]]:
        return file_site.server.rows(file_site.dev, "SELECT max(renewed_at) FROM _dbagent_leases")

    def lasts() -> None:
        began = renewed()
        until(lambda: renewed() != began, "a lease that is renewed")

    once(monkeypatch, SqliteTarget, "apply", lasts)
    undo(file_site, first.id)
    assert {one.state for one in differing(file_site)} == {"missing"}


def test_a_name_that_is_anothers_by_now_is_told_before_anything_is_undone(file_site: Site) -> None:
    shop(file_site)
    bring(file_site)
    bring(file_site, mode="recreate", confirm="DEV", tables=["words"])
    recreated, _ = operations(file_site)
    execute(file_site, file_site.dev, "DROP TABLE words", "CREATE VIEW words AS SELECT id FROM customers")
    with pytest.raises(PlanRefused) as refused:
        undo(file_site, recreated.id)
    assert [finding.what for finding in refused.value.findings] == ["its name is taken: view words"]
    execute(file_site, file_site.dev, "DROP VIEW words")
    undo(file_site, recreated.id)
    assert told(file_site) == []


@pytest.mark.parametrize("any_site", [("sqlite", "postgresql"), ("postgresql", "sqlite")], indirect=True)
def test_what_was_brought_to_another_engine_is_known_there_by_its_words(any_site: Site) -> None:
    shop(any_site)
    bring(any_site, **COPY)
    [first] = operations(any_site)
    assert {change.status for change in changes(any_site, first)} == {"applied"}
    undo(any_site, first.id, confirm="DEV")
    assert {one.state for one in differing(any_site) if one.kind != "comment"} == {"missing"}


def test_what_waits_for_rows_is_brought_back_before_anything_is_undone(
    server_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(server_site)
    with monkeypatch.context() as patch:
        patch.setattr(PostgresTarget, "restore", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bring(server_site, **COPY)
    [operation] = operations(server_site)
    with pytest.raises(UsageError, match=r"set \d+ objects aside and not brought back"):
        undo(server_site, operation.id, confirm="DEV")
    bring(server_site, **COPY)
    assert told(server_site) == []
    assert undo(server_site, operation.id, confirm="DEV")
    assert {one.state for one in differing(server_site)} == {"missing"}


def test_the_commands_list_undo_and_compare(file_site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    shop(file_site)
    bring(file_site)
    [operation] = operations(file_site)
    environments, control = ["--environments", str(file_site.environments({}))], ["--control", file_site.control]

    def said(*command: str, code: int = 0) -> str:
        capsys.readouterr()
        assert call(list(command)) == code
        return capsys.readouterr().out

    listed = json.loads(said("schema", "changes", operation.id, "--json", *control))
    assert [(change["action"], change["status"]) for change in listed] == [("make", "applied")] * 7
    assert "CREATE TABLE" in said("schema", "changes", operation.id, *control)
    assert said("diff", "PROD", "DEV", *environments) == "PROD and DEV: the same schema\n"
    assert "7 changes undone in DEV" in said("schema", "rollback", operation.id, *environments, *control)
    assert "nothing is left to undo" in said("schema", "rollback", operation.id, *environments, *control)
    assert "schema undone" in said("audit", operation.id, *control)
    found = json.loads(said("diff", "PROD", "DEV", "words", "--json", *environments, code=Exit.DIFFERENT))
    assert [(one["object"], one["state"]) for one in found["differences"]] == [("table words", "missing")]
    up, down = said("diff", "PROD", "DEV", "--sql", *environments, code=Exit.DIFFERENT).split("-- down: ")
    assert up.index("CREATE TABLE") < up.index("CREATE VIEW")
    assert down.index("DROP VIEW") < down.index("DROP TABLE")
    assert "mode: create" in said("diff", "PROD", "DEV", *environments, code=Exit.DIFFERENT)
    assert call(["diff", "PROD", "DEV", "nowhere", *environments]) == Exit.REFUSED
    assert call(["diff", "PROD", "PROD", *environments]) == Exit.USAGE


def test_an_environment_that_may_not_be_changed_is_compared_all_the_same(file_site: Site) -> None:
    shop(file_site)
    bring(file_site)
    otherwise = "CREATE VIEW big_spenders AS SELECT id FROM customers"
    execute(file_site, file_site.dev, "DROP INDEX by_note", "DROP VIEW big_spenders", otherwise)
    environments = file_site.environments({"DEV": {"writable": False}})
    found = [(one.state, one.object, one.mended) for one in compare("PROD", "DEV", [], environments).told]
    assert found == [("missing", "index by_note of purchases", "mode: create"), ("different", "view big_spenders", "")]
    [operation] = operations(file_site)
    with pytest.raises(UsageError, match="not writable"):
        roll_back(operation.id, confirm=None, environments_path=environments, control_url=file_site.control)


def test_another_database_under_the_targets_name_is_left_alone(file_site: Site) -> None:
    shop(file_site)
    bring(file_site)
    [operation] = operations(file_site)
    elsewhere = file_site.environments({"DEV": {"database": str(file_site.folder / "other.db")}})
    with pytest.raises(UsageError, match="another database now"):
        roll_back(operation.id, confirm=None, environments_path=elsewhere, control_url=file_site.control)
    assert not (file_site.folder / "other.db").exists()
