"""Mistakes of the machine: Java, folders and streams that are not as a program may expect them. Each is a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.cli import READER_GONE
from tests.jobs.mistakes.told import check_block
from tests.jobs.running.site import Site


def ended(site: Site, command: list[str], code: int, environment: dict[str, str | None], **options: object) -> str:
    """The process's one block on stderr."""
    given = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
    program = [sys.executable, "-c", "from jobs.cli import main; main()", *site.arguments(*command)]
    done = subprocess.run(program, stderr=subprocess.PIPE, text=True, timeout=240, env=given, **options)
    assert done.returncode == code, done.stderr
    if code not in (0, READER_GONE):
        check_block(done.stderr)
    return str(done.stderr)


@pytest.fixture
def operation(file_site: Site) -> str:
    file_site.fill(users=3, orders=3, plain=3)
    return str(file_site.operation())


def nothing_began(site: Site) -> None:
    assert site.landing.rows(site.dev, "SELECT * FROM sqlite_schema") == []
    assert site.command("list").stdout.startswith("no operations yet")


def test_java_that_is_missing_or_too_old(file_site: Site, operation: str, tmp_path: Path) -> None:
    site, old = file_site, tmp_path / "jdk8"
    (old / "bin").mkdir(parents=True)
    (old / "bin" / "java").write_text("#!/bin/sh\nexit 1\n")
    (old / "bin" / "java").chmod(0o755)
    (old / "release").write_text('IMPLEMENTOR="x"\nJAVA_VERSION="1.8.0_392"\n')
    for environment, expected in (
        ({"JAVA_HOME": None, "PATH": "/nowhere"}, "there is no Java here: Spark needs Java 17 or 21\n  PATH"),
        ({"JAVA_HOME": "/nowhere"}, "there is no Java here: Spark needs Java 17 or 21\n  JAVA_HOME, which is /nowhere"),
        ({"JAVA_HOME": str(old)}, f"Java 8 is too old: Spark needs Java 17 or 21\n  {old}/bin/java"),
    ):
        said = ended(site, ["run", operation], 2, environment)
        assert expected in said
        assert "apt-get install openjdk-17-jre-headless" in said
    nothing_began(site)


def test_a_cache_folder_that_cannot_be_made(file_site: Site, operation: str) -> None:
    said = ended(file_site, ["run", operation], 2, {"XDG_CACHE_HOME": "/dev/null"})
    assert "the cache folder cannot be made: not a directory" in said
    assert "XDG_CACHE_HOME" in said
    nothing_began(file_site)


def test_output_that_nobody_takes(file_site: Site, operation: str) -> None:
    for command in (["plan", operation], ["list", "--json"]):
        with open("/dev/full", "w") as full:
            said = ended(file_site, command, 2, {}, stdout=full)
        assert said == "error: the output cannot be written: no space left on device\n  standard output\n"
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "w") as closed:
            assert ended(file_site, command, READER_GONE, {}, stdout=closed) == ""


def test_a_terminal_that_knows_few_characters(file_site: Site, operation: str) -> None:
    narrow = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "COLUMNS": "1"}
    ended(file_site, ["plan", operation], 0, narrow, stdout=subprocess.DEVNULL)


def test_a_current_folder_that_is_gone(file_site: Site, operation: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})"
    arguments = file_site.arguments("plan", operation)
    program = f"import sys; sys.path.insert(0, {os.getcwd()!r}); {code}; sys.argv = ['x', *{arguments!r}]"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; from jobs.cli import main; main()"],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_user_without_a_home_is_told_what_to_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs.cli import call

    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for a user that no user database knows
    for name in ("XDG_STATE_HOME", "DBAGENT_CONTROL"):
        monkeypatch.delenv(name, raising=False)
    assert call(["list"]) == 2
    assert "set HOME or name a store" in capsys.readouterr().err
