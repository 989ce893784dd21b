"""Anything dies at any time: random victims at random moments while the source changes, until a run comes through."""

from __future__ import annotations

import random
import signal
import time
from typing import Any

import pytest

from tests.jobs.running.faults import (
    QUIET,
    Launched,
    Launcher,
    assert_completed,
    assert_exact,
    assert_one_state,
    changing,
    end,
    fill,
    full_speed,
    masked,
    slow,
)
from tests.jobs.running.site import Site

ATTEMPTS = 5
ENDS = {0, 4, 5, 6, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}
"""How a run may end when something was done to it: never with a bug, never as refused."""


def hurt(site: Site, running: Launched, rng: random.Random) -> None:
    """One victim; those that are not there yet are spared."""
    victims = ["worker", "driver", "jvm", "terminate", "interrupt"]
    if site.prod.user is not None:
        victims += ["source", "target"]
    victim = rng.choice(victims)
    if victim == "worker":
        for pid in running.spark_workers()[:1]:
            end(pid)
    elif victim == "jvm":
        for pid in running.jvms("org.apache.spark.deploy.SparkSubmit"):
            end(pid)
    elif victim in ("source", "target"):
        server: Any = site.server
        server.end_sessions(site.prod if victim == "source" else site.dev)
    elif running.process.poll() is None:
        number = {"driver": signal.SIGKILL, "terminate": signal.SIGTERM, "interrupt": signal.SIGINT}[victim]
        running.process.send_signal(number)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(20))
def test_whatever_dies_every_row_is_there_once_at_the_end(site: Site, launch: Launcher, seed: int) -> None:
    rng = random.Random(seed)
    fill(site)
    operation = masked(site)
    with changing(site):
        for _ in range(ATTEMPTS):
            slow(site, rng.choice([0.2, 0.5, 1.0]))
            running = launch(site, "run", operation)
            for _ in range(rng.randint(1, 3)):
                time.sleep(rng.uniform(0.5, 5))
                hurt(site, running, rng)
            code = running.ended()
            assert code in ENDS, running.text
            if code == 0:
                break
        else:
            full_speed(site)
            launch(site, "run", operation).succeeds()
    assert_one_state(site)
    assert_completed(site)
    assert_exact(site, *QUIET)
