"""Schemas and the people who allow them: a definition carries literals, and a schema that changed needs a new approval."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import submit
from jobs.running import jvm
from jobs.running import run as run_module
from tests.jobs.running.office import Office
from tests.jobs.running.schemas import COPY, execute, shop
from tests.jobs.running.site import Here, Site

pytestmark = pytest.mark.usefixtures("no_spark")

ALONE: dict[str, Any] = {"operation_type": "sync_schema", "policy": None, "parallel_workers": None}


@pytest.fixture
def office(file_site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Office:
    shop(file_site)
    return Office(file_site, monkeypatch, capsys)


def test_a_schema_waits_for_approval_like_any_operation_and_shows_its_literals(office: Office) -> None:
    asked = office.asked(**ALONE)
    shown = office.by("anna", "show", asked.id)
    assert "column status of customers holds DEFAULT 'new'" in shown
    assert "check known_status of customers holds CHECK (status IN ('new', 'old'))" in shown
    office.by("rita", "run", asked.id, code=7)
    office.approved(asked.id)
    said = office.by("rita", "run", asked.id)
    assert "objects of the schema are there as wanted" in said
    assert office.row(asked.id).status == "completed"
    assert "objects of the schema are there as wanted" in office.by("rita", "show", asked.id)


def test_a_source_whose_schema_changed_since_needs_a_new_approval(office: Office) -> None:
    asked = office.approved(office.asked(**ALONE).id)
    execute(office.site, office.site.prod, "ALTER TABLE words ADD place integer", "DROP INDEX by_note")
    office.by("rita", "run", asked.id, code=7)
    [changed] = [
        entry["detail"] for entry in office.json("rita", "audit", asked.id) if entry["event"] == "plan changed"
    ]
    assert changed == "schema.objects.column place of words, schema.objects.index by_note of purchases"


def test_who_has_allowed_an_update_has_not_allowed_it_to_alter_anything(office: Office) -> None:
    execute(office.site, office.site.dev, "CREATE VIEW big_spenders AS SELECT 1 AS id")
    careful = {**ALONE, "mode": "update", "exclude": ["purchases"]}
    file = str(office.site.operation(**careful, alter="any"))
    office.by("rita", "run", file, code=7)
    [asked] = office.json("rita", "list")
    office.approved(asked["id"])
    office.by("rita", "run", str(office.site.operation(**careful)), code=7)
    office.by("rita", "run", str(office.site.operation(**careful, alter="any")))


def test_a_nightly_copy_runs_until_a_schema_changes(office: Office) -> None:
    office.rule(standing="30 days", unmasked=True)
    nightly = {**COPY, "policy": None, "if_target_not_empty": "truncate", "mode": "update"}
    office.approved(office.asked(**nightly).id)
    file = str(office.site.operation(**nightly))
    office.by("cron", "run", file)
    office.by("cron", "run", file)
    execute(office.site, office.site.dev, "ALTER TABLE words ADD own integer")
    said = office.by("cron", "create", file)
    assert "; changed: schema.there.column own of words\n" in said
    said = office.by("cron", "run", file, code=7)
    assert "waits for approval by DBA, SECURITY" in said
    shown = office.json("rita", "show", office.json("rita", "list")[0]["id"])
    assert [one["name"] for one in shown["plan_what"]["schema"]["there"]] == ["column own of words"]
    execute(office.site, office.site.dev, "ALTER TABLE words DROP own")
    office.by("cron", "run", file)


def test_spark_submit_recreates_only_what_somebody_has_confirmed(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_module, "LeanSpark", Here)
    asked = office.approved(office.asked(**ALONE, mode="recreate").id)
    command = ["--operation", asked.id, "--environments", str(office.site.environments({})), "--control",
               office.site.control]  # fmt: skip
    assert submit.main(command) == 2
    assert f"if you mean it: dbagent run {asked.id} --confirm DEV" in capsys.readouterr().err
    assert submit.main([*command, "--confirm", "DEV"]) == 0
    assert office.row(asked.id).status == "completed"


def test_nothing_of_spark_is_started_for_a_schema_alone(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[str] = []
    monkeypatch.setattr(jvm, "launch", lambda: launched.append("a JVM"))
    monkeypatch.setattr(run_module, "LeanSpark", lambda *_, **__: launched.append("Spark"))
    office.rule(roles=[])
    office.by("rita", "run", str(office.site.operation(**ALONE)))
    assert launched == []
