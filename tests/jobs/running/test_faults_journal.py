"""A driver that is killed at every step of its journal, one after the other: `repair` leaves the schema as it was before, and
`resume` completes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from rich.console import Console

from jobs.planning import suspending
from jobs.running.run import resume
from tests.jobs.running.faults import asked, operations
from tests.jobs.running.site import Site
from tests.jobs.running.standing import schema, stand

pytestmark = pytest.mark.usefixtures("no_spark")


def told(site: Site) -> dict[str, Any]:
    """What a run in this process is told."""
    environments = site.folder / "environments.yaml"
    return {"environments_path": environments, "control_url": site.control, "console": Console(quiet=True)}


class Mortal:
    """Drivers that die (tests/jobs/running/mortal.py)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def dies(self, at: int) -> tuple[int, int, str]:
        """How a driver ended, how many boundaries it reached, and the last of them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{at}\n")
        self._process.stdin.flush()
        code, count, name = self._process.stdout.readline().rstrip().split(" ", 2)
        return int(code), int(count), name


@contextmanager
def mortal(site: Site, operation: str) -> Iterator[Mortal]:
    environments = str(site.folder / "environments.yaml")
    command = [sys.executable, "-m", "tests.jobs.running.mortal", operation, environments, site.control]
    with (
        (site.folder / "mortal.txt").open("w") as said,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        try:
            yield Mortal(process)
        finally:
            process.kill()


@pytest.mark.parametrize("site", ["postgresql", "mysql", pytest.param("sqlite", marks=pytest.mark.full)], indirect=True)
def test_a_driver_killed_at_any_step_of_its_journal_loses_nothing_of_the_schema(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspending, "WORTH", 0)
    stand(site)
    site.fill(users=20, orders=30, plain=0)
    before = schema(site)
    operation = str(
        site.operation(disable_constraints=True, if_target_not_empty="truncate", tables=["users", "orders"])
    )
    reached, away = [], 0
    with mortal(site, operation) as drivers:
        for boundary in range(1000):
            code, count, name = drivers.dies(boundary)
            if code == 0:
                break
            assert (code, count) == (-9, boundary + 1), (site.folder / "mortal.txt").read_text()
            reached.append(name)
            repaired = asked(site, "repair", "DEV")["objects"]
            assert {one["outcome"] for one in repaired} <= {"restored"}, name
            away += bool(repaired)
            assert schema(site) == before, name
            if operations(site)[0].status == "running":
                resume(operations(site)[0].id, **told(site))
            assert [len(site.rows(site.dev, table)) for table in ("users", "orders")] == [20, 30], name
    assert schema(site) == before
    assert asked(site, "status", "DEV")["open"] == []
    assert {"after intend", "after suspend", "after mark", "after restore", "after forget"} <= set(reached)
    assert away > 6, "most of these deaths leave something suspended"
