"""Holders: a process is told from a dead one and from a later one with its number."""

from __future__ import annotations

import subprocess
import sys
import time

from jobs.running.holder import alive, holder


def test_this_process_lives_and_an_ended_one_does_not() -> None:
    assert alive(holder())
    script = "from jobs.running.holder import holder; print(holder())"
    ended = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.strip()
    assert not alive(ended)


def test_a_killed_process_that_nobody_has_waited_for_is_dead() -> None:
    script = "from jobs.running.holder import holder; print(holder(), flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        name = other.stdout.readline().strip()
        assert alive(name)
        other.kill()
        deadline = time.monotonic() + 60
        while alive(name):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_reused_process_number_is_another_holder() -> None:
    assert not alive(holder().rsplit(":", 1)[0] + ":1")


def test_another_machine_counts_as_alive_until_its_lease_expires() -> None:
    assert alive("elsewhere.example:1:1")
