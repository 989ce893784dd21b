"""What `scripts/package` makes is all that executors get: the code as a zip, its packages as an archive."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from anonymizers.contract import strategies
from anonymizers.dictionaries import versions
from connectors.contract import engines
from jobs.control.tables import HEAD
from tests.test_house import ROOT, tracked

PACKAGE = [sys.executable, str(ROOT / "scripts" / "_package.py")]


def package(*arguments: str) -> str:
    return subprocess.run([*PACKAGE, *arguments], check=True, capture_output=True, text=True, timeout=120).stdout


def environment(folder: Path) -> Path:
    """An archive whose packages are those of this Python, all but the project itself, without copying them."""
    packages = folder / "site-packages"
    packages.mkdir()
    (packages / "here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    package("environment", str(packages), str(folder / "environment.tar.gz"))
    return folder / "environment.tar.gz"


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("package") / "code.zip"
    package("code", str(file))
    return file


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that was unpacked where it was not made."""
    folder = tmp_path_factory.mktemp("environment")
    (folder / "elsewhere").mkdir()
    subprocess.run(["tar", "-xzf", str(environment(folder)), "-C", str(folder / "elsewhere")], check=True)
    return folder / "elsewhere" / "bin" / "python"


def test_the_zip_holds_the_project_and_nothing_else(zipped: Path, tmp_path: Path) -> None:
    ours = {str(path.relative_to(ROOT)) for path in tracked()}
    with zipfile.ZipFile(zipped) as archive:
        assert set(archive.namelist()) == {name for name in ours if re.match("(jobs|connectors|anonymizers)/", name)}
    package("code", str(tmp_path / "again.zip"))
    assert (tmp_path / "again.zip").read_bytes() == zipped.read_bytes()


IN_THE_ZIP = """
import importlib.util, sys
assert importlib.util.find_spec("jobs") is None
sys.path.insert(0, sys.argv[1])
from anonymizers.contract import strategies
from anonymizers.dictionaries import versions
from connectors.contract import connector, engines
from jobs.control.store import ControlStore
import jobs.running.daemon, jobs.submit
assert jobs.__file__.startswith(sys.argv[1]), jobs.__file__
print(*engines(), *(connector(name).facts.engine for name in engines()))
print(*sorted(strategies()))
print(versions())
with ControlStore.open("sqlite:///control.db") as store:
    print(store._engine.connect().exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
"""


def test_everything_that_is_found_by_folder_is_found_in_the_zip(zipped: Path, unpacked: Path, tmp_path: Path) -> None:
    command = [str(unpacked), "-c", IN_THE_ZIP, str(zipped)]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        " ".join(engines() * 2),
        " ".join(sorted(strategies())),
        str(versions()),
        HEAD,
    ]


def test_the_environment_is_relocatable_and_links_to_the_python_it_was_made_with(unpacked: Path) -> None:
    code = "import sys, pyarrow; print(sys.prefix, sys.version_info[:2])"
    done = subprocess.run([str(unpacked), "-c", code], env={}, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split(" ", 1) == [str(unpacked.parents[1]), f"{sys.version_info[:2]}\n"]
    assert unpacked.resolve() == Path(sys.executable).resolve()


def test_all_that_is_needed_travels_in_the_versions_of_the_tests_but_spark() -> None:
    needed = {re.split(r"[^\w-]", found)[0] for found in package("requirements").split()}
    assert {"pyarrow", "SQLAlchemy", "psycopg", "PyMySQL"} <= needed
    assert "pyspark" not in needed
    tested = {found.split("==")[0].lower() for found in package("versions").split()}
    assert {name.lower() for name in needed} <= tested
    assert f"pyarrow=={version('pyarrow')}" in package("versions").split()


def test_the_readme_names_what_is_packed() -> None:
    named = re.findall(r"dbagent(?:-environment-|-|:)(\d+\.\d+\.\d+)", (ROOT / "README.md").read_text())
    assert set(named) == {package("version").strip()}
