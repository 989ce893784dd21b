"""The JDBC paths where executors are processes of their own, through spark-submit: between two engines, and an executor that
dies when what it has staged is committed and nobody knows. Judged by plain drivers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.jobs.running.faults import Launcher, assert_completed, assert_exact, end, fill, masked, until
from tests.jobs.running.site import Site
from tests.jobs.running.wire import owner, wire

PATHS = {"read": "jdbc", "write": {"letters": "jdbc"}}
"""Accounts and owners go jdbc → bulk, letters jdbc → jdbc."""
LANDINGS = (
    r"SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE '%\_wire\_%'"
)
PATIENCE = 280
"""Seconds that each part of a run may take where many others share the machine."""
STAGED = "SELECT chunk, try, attempt, count(*) FROM `{}` GROUP BY chunk, try, attempt"


@pytest.mark.timeout(900)
def test_a_partition_that_is_committed_and_then_lost_arrives_once(
    servers: Any, jars: Path, tmp_path: Path, launch: Launcher
) -> None:
    site = Site.make(servers["postgresql"], tmp_path, "cluster", servers["mysql"])
    server: Any = site.landing
    fill(site, accounts=300, letters=600)
    operation = masked(site, parallel_workers=1, **PATHS)
    with wire(site.dev, marked=b"INSERT INTO `_dbagent_wire", commit=b"\x03COMMIT") as way:
        site.environments({"DEV": {"port": way.port}})
        conf = ["--master", "local-cluster[2,1,1024]", "--jars", ",".join(map(str, sorted(jars.glob("*.jar"))))]
        running = launch.submit(site, operation, *conf)

        def committed(times: int) -> bool:
            assert running.process.poll() is None, running.text
            return len(way.held) == times

        until(lambda: committed(1), "a staged partition", PATIENCE)
        end(owner(way.held[0], running.jvms("CoarseGrainedExecutorBackend")))
        until(lambda: committed(2), "the same one again", PATIENCE)
        [(landing,)] = server.rows(site.dev, LANDINGS)
        [lost, again] = server.rows(site.dev, STAGED.format(landing))
        assert lost[:2] == again[:2]
        assert lost[3] == again[3] > 0
        way.release()
        assert running.ended(PATIENCE) == 0, running.text
    site.environments({})
    assert_completed(site)
    assert server.rows(site.dev, LANDINGS) == []
    assert_exact(site)
