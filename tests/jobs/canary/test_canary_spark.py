"""No marker is anywhere but where it belongs while real processes copy, are killed, and copy on: command lines and
environments, Spark's UI, REST answers and event log, its folders and the JVM's, the class-data archive, and what is left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.canary.land import Land, look_at_database, make_land
from tests.jobs.canary.markers import KEPT, MASKED, SCHEMA, SECRET, Search, patterns
from tests.jobs.canary.watch import ask_spark, ui_port, watched
from tests.jobs.running.faults import (
    Launched,
    Launcher,
    descendants,
    end,
    full_speed,
    only_operation,
    slow,
    under_way,
    until,
)

SPARK = {
    "java.io.tmpdir": "{folder}/tmp",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.dir": "file://{folder}/events",
    "spark.eventLog.compress": "false",
    "spark.eventLog.rolling.enabled": "false",
    "spark.broadcast.compress": "false",
    "spark.rdd.compress": "false",
    "spark.log.level": "INFO",
}
"""What a site may well have switched on; nothing is compressed, so that the search sees it."""
FOLDERS = ("tmp", "spark", "events")
"""Where files live for a moment only."""


@pytest.fixture
def land(own_server: tuple[Any, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Land:
    """Every folder that processes write to lies in the land's own."""
    server, _ = own_server
    land = make_land(server, tmp_path, rows=400)
    land.store = None
    nobody_asked = "roles: {}\npairs: {PROD -> LAB: {roles: []}, PROD -> DEV: {roles: []}}\n"
    (land.given / "approvals.yaml").write_text(nobody_asked)
    for name in FOLDERS:
        (tmp_path / name).mkdir()
    for name, value in {
        "DBAGENT_APPROVALS": land.given / "approvals.yaml",
        "TMPDIR": tmp_path / "tmp",
        "JAVA_TOOL_OPTIONS": " ".join(f"-D{name}={value.format(folder=tmp_path)}" for name, value in SPARK.items()),
        "SPARK_LOCAL_DIRS": tmp_path / "spark",
        "XDG_CACHE_HOME": tmp_path / "cache",
    }.items():
        monkeypatch.setenv(name, str(value))
    return land


def test_the_watch_sees_arguments_environments_and_deleted_files(tmp_path: Path) -> None:
    """Each of them told by its own core."""
    write = f"f = open(sys.argv[2], 'w'); f.write('{KEPT[:4]}' + '{KEPT[4:]}'); f.flush(); os.unlink(sys.argv[2])"
    code = f"import os, sys, time; {write}; print(flush=True); time.sleep(300)"
    search = Search(patterns())
    with subprocess.Popen(
        [sys.executable, "-c", code, MASKED, str(tmp_path / "file")],
        env={**os.environ, "PASSWORD": SECRET}, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            process.stdout.readline()
            with watched(search, process.pid, tmp_path):
                (tmp_path / "other").write_text(SCHEMA)
                until(lambda: {core for core, _ in search.forms} == {MASKED, KEPT, SECRET, SCHEMA}, "all four")
        finally:
            process.kill()


@pytest.fixture
def launch() -> Iterator[Launcher]:
    launcher = Launcher()
    try:
        yield launcher
    finally:
        launcher.end_all()


def everything(search: Search, land: Land) -> None:
    """All files but what the user wrote, and what the copy has left at the target."""
    search.tree(*(path for path in land.folder.iterdir() if path != land.given))
    look_at_database(search, land.server, land.dev, allowed=(KEPT,))
    search.assert_nothing()


def kill_all(launched: Launched) -> None:
    for pid in (launched.process.pid, *descendants(launched.process.pid)):
        end(pid)
    launched.process.wait(30)


def test_processes_and_what_they_leave_hold_no_marker(land: Land, launch: Launcher) -> None:
    search = Search(patterns(land.derived_keys()))
    folders = [land.folder / name for name in FOLDERS]
    operation = str(land.operation())
    slow(land, 0.008)

    ui = ("spark.ui.enabled=true", "spark.ui.port=0")
    submitted = launch.submit(
        land, operation, "--master", "local[2]", *(word for one in ui for word in ("--conf", one))
    )
    with watched(search, submitted.process.pid, *folders) as seen:
        under_way(land, submitted, "kept")
        assert ask_spark(search, ui_port(submitted)) > 10
        kill_all(submitted)
    assert seen() >= 3
    assert any(path.stat().st_size for path in (land.folder / "events").iterdir())
    everything(search, land)

    local = launch(land, "run", operation)
    with watched(search, local.process.pid, *folders) as seen:
        until(lambda: "continuing its unfinished run" in local.text, "the second driver")
        before = until(local.spark_workers, "a worker")
        for worker in before:
            end(worker)
        until(lambda: set(local.spark_workers()) - set(before), "another worker")
        for jvm in local.jvms("org.apache.spark.deploy.SparkSubmit"):
            end(jvm)
        assert local.ended() == 5, local.text
    assert seen() >= 4
    everything(search, land)

    full_speed(land)
    resumed = launch(land, "resume", only_operation(land).id)
    with watched(search, resumed.process.pid, *folders):
        resumed.succeeds()
    everything(search, land)
    land.say_all("resumed", only_operation(land).id, "LAB")
    search.tree(land.said)
    search.assert_nothing()
    assert only_operation(land).status == "completed"
    assert list((land.folder / "cache").rglob("classes-*.jsa"))
    assert len(list((land.folder / "events").iterdir())) >= 2
