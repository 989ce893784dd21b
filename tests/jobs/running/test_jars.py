"""Where Spark's JDBC drivers come from: a site's own folder, what was downloaded before, or Maven; and what is said where
none has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.facts import JdbcDriver
from jobs.errors import ConfigError
from jobs.running.jars import Needed, local, missing, settings, submitted_without

ONE = JdbcDriver("org.one:one-jdbc:1.2", "org.one.Driver", without=("org.other:other",))
TWO = JdbcDriver("org.two:two-jdbc:3.4", "org.two.Driver")


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_a_folder_of_the_sites_own_needs_no_maven(tmp_path: Path) -> None:
    found = put(tmp_path / "jars" / "one-jdbc-1.2.jar")
    assert settings([Needed("PROD", ONE, str(found.parent))], tmp_path / "cache") == {"spark.jars": str(found)}


def test_a_folder_without_the_jar_is_told_with_its_coordinate_and_nothing_is_downloaded(tmp_path: Path) -> None:
    put(tmp_path / "one-jdbc-1.1.jar")
    with pytest.raises(ConfigError) as told:
        settings([Needed("PROD", ONE, str(tmp_path)), Needed("DEV", TWO, str(tmp_path))], tmp_path)
    first, second = told.value.problems
    assert "environment PROD: jars_dir" in first
    assert "org.one:one-jdbc:1.2" in first
    assert "one-jdbc-1.2.jar" in first
    assert "org.two:two-jdbc:3.4" in second


def test_what_was_downloaded_is_not_asked_for_again(tmp_path: Path) -> None:
    needed = [Needed("PROD", ONE), Needed("DEV", ONE), Needed("DEV", TWO)]
    assert settings(needed, tmp_path) == {
        "spark.jars.packages": "org.one:one-jdbc:1.2,org.two:two-jdbc:3.4",
        "spark.jars.excludes": "org.other:other",
        "spark.jars.ivy": str(tmp_path),
    }
    one = put(tmp_path / "jars" / "org.one_one-jdbc-1.2.jar")
    found = settings(needed, tmp_path)
    assert found["spark.jars"] == str(one) == str(local(ONE, None, tmp_path))
    assert found["spark.jars.packages"] == "org.two:two-jdbc:3.4"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("\tServer access error … Connection refused\n:: UNRESOLVED DEPENDENCIES ::", "do not answer"),
        ("Host repo1.maven.org not found. url=https://…\nunresolved dependency: org.one#one-jdbc;1.2", "do not answer"),
        ("unresolved dependency: org.one#one-jdbc;1.2: not found", "do not have it"),
    ],
)
def test_a_driver_that_cannot_be_had_is_named_with_the_kind_of_problem(tmp_path: Path, log: str, reason: str) -> None:
    said = tmp_path / "spark.log"
    said.write_text(log)
    problem = missing([Needed("PROD", ONE)], tmp_path, said)
    assert problem is not None
    assert "org.one:one-jdbc:1.2" in str(problem)
    assert reason in str(problem)
    assert "one-jdbc-1.2.jar" in problem.todo


def test_another_reason_why_spark_did_not_start_is_no_missing_driver(tmp_path: Path) -> None:
    said = tmp_path / "spark.log"
    said.write_text("Could not reserve enough space for object heap")
    assert missing([Needed("PROD", ONE)], tmp_path, said) is None
    assert missing([Needed("PROD", ONE)], tmp_path, tmp_path / "none") is None


def test_a_submitted_spark_is_told_how_to_get_the_driver() -> None:
    asked = [Needed("PROD", ONE), Needed("DEV", ONE, writes=True), Needed("DEV", TWO)]
    [told] = submitted_without(asked, lambda name: name == "org.two.Driver")
    assert "--packages org.one:one-jdbc:1.2" in told
    assert "one-jdbc-1.2.jar" in told
