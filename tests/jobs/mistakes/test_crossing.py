"""Mistakes between two engines: what mappings and consents say wrongly, what the target cannot hold, and what changes
between the plan and the run. Told before a row moves where it can be known; else the chunk fails, and can be resumed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.testkit import SampleTable
from jobs.cli import call
from jobs.running import run as run_module
from tests.jobs.mistakes.told import VALUES, Told, recorded
from tests.jobs.running.faults import only_operation
from tests.jobs.running.site import Site

pytestmark = pytest.mark.usefixtures("no_spark")

PAIRS = [("sqlite", "mysql"), ("mysql", "postgresql"), ("postgresql", "sqlite")]
"""Each engine once as source and once as target."""
pairs = pytest.mark.parametrize("pair", PAIRS, ids=map(" to ".join, PAIRS))
PLAINLY: dict[str, Any] = {"tables": ["plain"], "anonymize": False, "policy": None}
numbers = itertools.count(1)


@pytest.fixture
def site(pair: tuple[str, str], servers: Any, tmp_path: Path) -> Site:
    source, target = (servers[engine] for engine in pair)
    made = Site.make(source, tmp_path, f"pair{next(numbers)}", None if source is target else target)
    made.fill(users=30, orders=40, plain=20)
    return made


def failed(site: Site) -> str:
    """The only operation failed, and what is known of it holds no value."""
    row = only_operation(site)
    assert row.status == "failed"
    held = recorded(site)
    assert not [value for value in (*VALUES, "hunter2") if value in held]
    return row.id


def resumes(site: Site, *tables: str) -> None:
    """What failed completes, with every row once."""
    operation = failed(site)
    assert call(site.arguments("resume", operation)) == 0
    assert only_operation(site).status == "completed"
    for table in tables:
        assert site.rows(site.dev, table) == site.rows(site.prod, table)


# Mappings


@pairs
def test_two_tables_under_one_name(site: Site, told: Told) -> None:
    said = told(site, 3, "plan", str(site.operation(column_mappings={"plain": {"table": "users"}})))
    assert "plain" in said
    assert "in the target, as " in said
    assert "give one of them another name (column_mappings: table)" in said


@pairs
def test_constants_and_meanings_that_their_columns_refuse(site: Site, told: Told) -> None:
    number = {"sqlite": "INTEGER"}.get(site.dev.engine, "int")
    mapping = {
        "columns": {"label": {"type": number, "values": {"A": "sesame"}}},
        "constants": {"origin": {"value": "sesame", "type": number}},
    }
    said = told(site, 3, "plan", str(site.operation(**PLAINLY, column_mappings={"plain": mapping})))
    assert "plain.label: what one of its values becomes is no value of " in said
    assert "plain.origin: its constant is no value of " in said
    assert "sesame" not in said
    assert said.count("mend it in column_mappings, or choose another type there") == 2


@pairs
def test_a_constant_that_the_table_refuses(site: Site, told: Told) -> None:
    """What its type allows and a CHECK does not: the chunk fails."""
    text = {"mysql": "varchar(90)"}.get(site.dev.engine, "text")
    check = "CREATE TABLE plain (code {0}, label {0}, origin {0}, CONSTRAINT known CHECK (origin <> 'sesame'))"
    site.landing.execute(site.dev, check.format(text))
    mapping = {"plain": {"constants": {"origin": {"value": "sesame"}}}}
    consent = ["plain.code", "plain.label"]
    said = told.failed(site, 5, "run", str(site.operation(**PLAINLY, column_mappings=mapping, allow_lossy=consent)))
    assert "CHECK" in said
    assert "sesame" not in said
    assert "plain, chunk 0" in said
    assert site.rows(site.dev, "plain") == []


@pairs
def test_a_consent_that_nothing_needs_is_a_warning(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(site.arguments("run", str(site.operation(**PLAINLY, allow_lossy=["plain.label"])))) == 0
    shown = "".join(capsys.readouterr())
    assert "allow_lossy names this column, and nothing of it is lost" in " ".join(shown.split())
    assert site.rows(site.dev, "plain") == site.rows(site.prod, "plain")


@pairs
def test_a_value_without_a_meaning_waits_for_one_to_be_mended(site: Site, told: Told) -> None:
    site.server.execute(site.prod, "UPDATE plain SET label = CASE code WHEN 'c7' THEN 'hunter2' ELSE 'A' END")
    mapping = {"plain": {"columns": {"label": {"values": {"A": "active"}}}}}
    said = told.failed(site, 5, "run", str(site.operation(**PLAINLY, column_mappings=mapping)))
    assert "column label holds a value that its mapping does not name" in said
    assert "plain, chunk 0" in said
    assert site.rows(site.dev, "plain") == []
    site.server.execute(site.prod, "UPDATE plain SET label = 'A' WHERE code = 'c7'")
    assert "hunter2" not in recorded(site)
    assert call(site.arguments("resume", only_operation(site).id)) == 0
    assert site.rows(site.dev, "plain") == sorted([(f"c{n}", "active") for n in range(20)], key=repr)


# What the target cannot hold


@pairs
def test_a_column_whose_type_cannot_hold_all_is_told_before_anything(site: Site, told: Told) -> None:
    site.landing.create(site.dev, SampleTable("plain", {"code": "binary", "label": "text"}))
    said = told(site, 3, "run", str(site.operation(**PLAINLY)))
    assert "plain.code: " in said
    assert " does not fit " in said


@pytest.mark.parametrize("pair", [("mysql", "postgresql"), ("postgresql", "mysql")], ids=" to ".join)
def test_a_value_that_the_target_cannot_hold_stops_its_chunk_until_it_is_mended(site: Site, told: Told) -> None:
    if site.prod.engine == "mysql":
        odd, mend = "INSERT INTO plain VALUES ('odd', 'hunter2\\0')", "UPDATE plain SET label = 'x' WHERE code = 'odd'"
    else:
        odd = "ALTER TABLE plain ADD amount numeric(9,2); UPDATE plain SET amount = 'NaN' WHERE code = 'c7'"
        mend = "UPDATE plain SET amount = 7 WHERE code = 'c7'"
    for statement in odd.split("; "):
        site.server.execute(site.prod, statement)
    said = told.failed(site, 5, "run", str(site.operation(**PLAINLY)))
    assert f"column {'label' if site.prod.engine == 'mysql' else 'amount'} holds " in said
    assert "plain, chunk 0" in said
    assert "hunter2" not in said
    assert site.rows(site.dev, "plain") == []
    site.server.execute(site.prod, mend)
    resumes(site, "plain")


# What changes between the plan and the run


def afterwards(patch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen when the plan is made, before the run."""
    real = run_module._drive

    def changed(*given: Any) -> None:
        happens()
        real(*given)

    patch.setattr(run_module, "_drive", changed)


@pairs
def test_a_table_dropped_after_the_plan(site: Site, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        afterwards(patch, lambda: site.server.execute(site.prod, "DROP TABLE plain"))
        said = told.failed(site, 5, "run", str(site.operation()))
    assert "plain" in said
    assert "changed after it was planned" in said or "after the snapshot was taken" in said
    said = told(site, 2, "resume", failed(site))
    assert "the operation is no longer what was planned; changed: tables." in said


@pytest.mark.parametrize("pair", [*PAIRS, ("mysql", "mysql")], ids=" to ".join)
def test_a_column_added_after_the_plan(site: Site, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the plan was made in the run's own snapshot, that is what arrives; else the run ends before a row moves."""
    planned = site.rows(site.prod, "plain")
    code = 0 if site.prod.engine == "postgresql" else 5
    with monkeypatch.context() as patch:
        afterwards(patch, lambda: site.server.execute(site.prod, "ALTER TABLE plain ADD COLUMN extra integer"))
        if code == 0:
            assert call(site.arguments("run", str(site.operation(**PLAINLY)))) == 0
            assert site.rows(site.dev, "plain") == planned
            return
        said = told.failed(site, code, "run", str(site.operation(**PLAINLY)))
    assert "the table changed after it was planned" in said
    assert "resuming plans anew and says what changed" in said
    operation = failed(site)
    said = told(site, 2, "resume", operation)
    assert "the operation is no longer what was planned" in said
    assert "plain.columns.extra" in said
    site.server.execute(site.prod, "ALTER TABLE plain DROP COLUMN extra")
    resumes(site, "plain")


@pairs
def test_a_target_that_gets_a_column_of_its_own_after_the_plan(
    site: Site, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that must be filled stops the chunk; without it, a resume completes the copy."""
    with_another = {"code": "text", "label": "text", "extra": "integer"}

    def changed() -> None:
        site.landing.execute(site.dev, "DROP TABLE plain")
        site.landing.create(site.dev, SampleTable("plain", with_another, not_null=("extra",)))

    site.landing.create(site.dev, SampleTable("plain", {"code": "text", "label": "text"}))
    with monkeypatch.context() as patch:
        afterwards(patch, changed)
        said = told.failed(site, 5, "run", str(site.operation(**PLAINLY)))
    assert "plain, chunk 0" in said
    assert site.rows(site.dev, "plain") == []
    site.landing.execute(site.dev, "ALTER TABLE plain DROP COLUMN extra")
    resumes(site, "plain")
