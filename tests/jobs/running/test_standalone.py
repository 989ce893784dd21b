"""A standalone cluster: a master, two workers, and a driver, each with nothing of this project but what was submitted. The
command and Spark's settings are those of the README."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from connectors.contract import Endpoint
from tests.jobs.running.faults import (
    Launched,
    Launcher,
    arrived,
    assert_completed,
    assert_exact,
    command_line,
    descendants,
    end,
    fill,
    masked,
    slow,
    until,
)
from tests.jobs.running.site import Site
from tests.test_house import ROOT
from tests.test_package import environment, package
from tests.test_readme import blocks

MORE_LETTERS = (
    "INSERT INTO letters SELECT n, n % 200 + 1, repeat('long ', 100) || n FROM generate_series(10000, 50000) n"
)
"""20 MB: chunks as large as they are in earnest, and some of them."""

LOADING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE 'dbagent/%/%/' AND state = 'active'"
)


@dataclass
class Submitted(Site):
    """A site whose control store is a server's."""

    store: str = ""

    @property
    def control(self) -> str:
        return self.store


def url(end_: Endpoint) -> str:
    login = f"{quote(end_.user or '')}:{quote(end_.password or '')}"
    return f"postgresql://{login}@{end_.host}:{end_.port}/{quote(end_.database)}"


@pytest.fixture
def site(servers: Any, tmp_path: Path) -> Submitted:
    """As much of a checkout as the README's command names: the operation, what was packed, and the driver's packages."""
    (tmp_path / "conf").mkdir()
    found = Site.make(servers["postgresql"], tmp_path / "conf", "site")
    (tmp_path / "jobs").mkdir()
    shutil.copy(ROOT / "jobs" / "submit.py", tmp_path / "jobs")
    (tmp_path / "dist").mkdir()
    version = package("version").strip()
    package("code", str(tmp_path / "dist" / f"dbagent-{version}.zip"))
    packed = environment(tmp_path).replace(tmp_path / "dist" / f"dbagent-environment-{version}.tar.gz")
    (tmp_path / ".venv").mkdir()
    subprocess.run(["tar", "-xzf", str(packed), "-C", str(tmp_path / ".venv")], check=True)
    return Submitted(**vars(found), store=url(servers["postgresql"].database("control")))


@dataclass
class Cluster:
    master: str
    workers: list[Launched]
    settings: Mapping[str, str]


@pytest.fixture
def cluster(site: Submitted, launch: Launcher) -> Cluster:
    """All that it shares with this process is Java and Spark."""
    [properties] = blocks("properties")
    known = properties.replace("what the cluster's administrator says", "a secret of this test")
    file = site.folder / "cluster.properties"
    file.write_text(f"{known}spark.executor.memory 512m\nspark.ui.enabled false\n")
    bin_ = Path(sys.executable).parent
    settings = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SPARK", "PYSPARK"))},
        "PATH": os.pathsep.join([str(bin_), os.environ["PATH"]]),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_LOCAL_DIRS": str(site.folder / "local"),
        "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "DBAGENT_CONTROL": site.store,
    }

    def daemon(name: str, *arguments: str) -> Launched:
        command = ["spark-class", f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1", "--webui-port", "0",
                   "--properties-file", str(file), *arguments]  # fmt: skip
        return launch.line(site, f"exec {' '.join(command)}", env=settings, cwd=site.folder.parent)

    started = daemon("master.Master", "--port", "0")
    master = until(lambda: re.search(r"Starting Spark master at (spark://\S+)", started.text), "the master")[1]
    one = ["--cores", "1", "--memory", "512m"]
    workers = [daemon("worker.Worker", *one, "--work-dir", str(site.folder / f"work-{n}"), master) for n in (1, 2)]
    return Cluster(master, workers, settings)


def submitted(site: Submitted, cluster: Cluster, launch: Launcher) -> Launched:
    [command] = [block for block in blocks("bash") if "spark://master.example.com:7077" in block]
    command = command.replace("spark://master.example.com:7077", cluster.master)
    return launch.line(site, command, env=cluster.settings, cwd=site.folder.parent)


def loading(site: Site, cluster: Cluster, running: Launched) -> Launched | None:
    """A worker that loads a chunk right now, not the first one: where all that run Python do, any of them."""
    assert running.process.poll() is None, running.text
    python = [worker for worker in cluster.workers if any(map(runs_python, descendants(worker.process.pid)))]
    server: Any = site.server
    there = python and server.rows(site.dev, LOADING) == [(len(python),)] and arrived(site, "letters")
    return python[0] if there else None


def runs_python(process: int) -> bool:
    return "./environment/bin/python -m pyspark.daemon" in command_line(process)


@pytest.mark.timeout(600)  # six JVMs: seconds where nothing else runs, minutes where much does
def test_a_worker_lost_in_the_middle_costs_a_chunk_not_the_run(
    site: Submitted, cluster: Cluster, launch: Launcher
) -> None:
    fill(site)
    site.server.execute(site.prod, MORE_LETTERS)
    slow(site, 6)
    masked(site)
    running = submitted(site, cluster, launch)
    lost = until(lambda: loading(site, cluster, running), "a worker in the middle", timeout=300).process.pid
    for pid in (lost, *descendants(lost)):
        end(pid)
    assert running.ended(200) == 0, running.text
    assert "Lost executor" in running.text
    assert_completed(site)
    assert_exact(site)
    assert site.server.sessions(site.prod) == site.landing.sessions(site.dev) == 0
