"""What every test gets: servers that start when first asked for, a home of its own, repeatable random examples. All of
that exists once for each of the processes that share the tests.

Tests never see the user's own files: HOME, the state, cache and configuration folders and every DBAGENT_* setting point
into a temporary folder before the first test module is imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from connectors.testkit import TestServer, testkits
from jobs.running.jars import local
from tests import drivers

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("full", max_examples=1000, deadline=None, print_blob=True, database=None)
settings.load_profile("ci")

TEST_JARS = Path(os.environ.get("DBAGENT_TEST_JARS") or Path("~/.cache/dbagent-test-jars").expanduser())
"""Where the JDBC drivers are. Outside the tests' home, so that they are fetched once."""

home = Path(tempfile.mkdtemp(prefix="dbagent-tests-"))


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.startswith("DBAGENT_")]:
        del os.environ[name]
    os.environ["HOME"] = str(home)
    for name, folder in {"STATE": "state", "CACHE": "cache", "CONFIG": "config", "DATA": "data"}.items():
        os.environ[f"XDG_{name}_HOME"] = str(home / folder)
    os.environ["DBAGENT_TEST_JARS"] = str(TEST_JARS)  # for the processes of the tests, which inherit this home
    # Who may allow what is told where that is tested; elsewhere nobody is asked.
    nobody_asked = home / "approvals.yaml"
    nobody_asked.write_text("roles: {}\npairs: {PROD -> DEV: {roles: [], unmasked: true}}\n")
    os.environ["DBAGENT_APPROVALS"] = str(nobody_asked)


def pytest_unconfigure() -> None:
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def jars() -> Path:
    """The folder with every engine's JDBC driver. It is filled by `scripts/test`; where it was not, it is filled now."""
    if drivers.lacking(TEST_JARS):
        subprocess.run([sys.executable, "-m", "tests.drivers", str(TEST_JARS)], check=True, timeout=240)
    return TEST_JARS


@pytest.fixture(scope="session")
def downloaded(jars: Path) -> None:
    """The drivers are where an earlier run of this suite's user would have put them."""
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "dbagent" / "jars"
    (cache / "jars").mkdir(parents=True, exist_ok=True)
    for driver in drivers.every_driver():
        group = driver.coordinate.split(":")[0]
        shutil.copy(jars / driver.jar, cache / "jars" / f"{group}_{driver.jar}")
        assert local(driver, None, cache)


class Servers(dict[str, TestServer]):
    """Engine → its running test server, started when first asked for, all stopped together."""

    def __init__(self, folder: Path, stop: ExitStack) -> None:
        self._folder, self._stop = folder, stop

    def __missing__(self, engine: str) -> TestServer:
        folder = self._folder / engine
        folder.mkdir()
        self[engine] = self._stop.enter_context(testkits()[engine].start(folder))
        return self[engine]


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, TestServer]]:
    """`servers[engine]` is that engine's `TestServer`."""
    # pytest's own temporary folders are closed to other users, and a server started by root runs as another one.
    folder = Path(tempfile.mkdtemp(prefix="dbagent-servers-"))
    folder.chmod(0o755)
    try:
        with ExitStack() as stop:
            yield Servers(folder, stop)
    finally:
        # Hundreds of databases are hundreds of thousands of files: nobody waits until they are gone.
        subprocess.run(["setsid", "--fork", "rm", "-rf", str(folder)], check=True)
