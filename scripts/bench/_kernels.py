"""How many values per second each kernel replaces on one core of this machine, beside the ways people write by hand.

Run it as scripts/bench/kernels [--values N] [--json]. Batches of 16,384 distinct values go through the strategies as in
the job. Every repetition runs each way once, so that a slow minute of the machine hits all of them; medians count. The
goals: hash, name, integer_token and mask 2 M values/s, email 1 M, and hash 4 times as fast as an hmac loop (vs_hmac).
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

REPETITIONS = 5
BATCH = 16_384
PER_ROW = 20_000
"""Values for the slow ways, which go one by one and need no more to be measured."""
GOALS = {"hash": 2e6, "name": 2e6, "email": 1e6, "integer_token": 2e6, "mask": 2e6, "vs_hmac": 4.0}
RULES = {
    "hash": ("hash", "id", "email"),
    "name": ("faker", "person", "name"),
    "email": ("faker", "email", "email"),
    "integer_token": ("tokenize", "id", "integer"),
    "mask": ("mask", "email", "email"),
}
"""What is measured: strategy, domain and sort of values."""


def on_one_core() -> None:
    import pyarrow as pa

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)


def values(count: int) -> dict[str, list[str] | list[int]]:
    """Distinct values of each sort: e-mail addresses of about 22 bytes, names, and the numbers of an identity column."""
    seed = random.Random(1)
    firsts = ["anna", "ben", "carla", "dmitri", "emilia", "farid", "greta", "hugo"]
    hosts = ["acme.com", "corp.org", "mail.net", "shop.de"]
    numbers = seed.sample(range(10**6), count)
    return {
        "email": [f"{firsts[i % 8]}.{number}@{hosts[i % 4]}" for i, number in enumerate(numbers)],
        "name": [f"{firsts[i % 8].title()} Nachname{number}" for i, number in enumerate(numbers)],
        "integer": list(range(1, count + 1)),
    }


def kernel(name: str, sorts: dict[str, list[str] | list[int]]) -> Callable[[], int]:
    """One pass over all batches through the strategy; returns how many values that were."""
    import pyarrow as pa

    from anonymizers.contract import ColumnShape, Rule, strategy
    from anonymizers.keys import DomainKey

    strategy_name, domain, sort = RULES[name]
    shape = ColumnShape("integer" if sort == "integer" else "text")
    column = pa.array(sorts[sort])
    batches = [column.slice(start, BATCH) for start in range(0, len(column), BATCH)]
    chosen, rule, key = strategy(strategy_name), Rule(strategy_name, domain), DomainKey(os.urandom(32))

    def once() -> int:
        for batch in batches:
            chosen.apply(batch, key, shape, rule)
        return len(column)

    return once


def by_hand(sorts: dict[str, list[str] | list[int]]) -> dict[str, Callable[[], int]]:
    """The per-row ways: an hmac loop, and Faker seeded by nothing."""
    from faker import Faker

    key, emails, fake = os.urandom(32), sorts["email"], Faker()

    def hmac_loop() -> int:
        return len([hmac.digest(key, str(email).encode(), "sha256") for email in emails])

    def faker_name() -> int:
        return len([fake.name() for _ in range(PER_ROW)])

    def faker_email() -> int:
        return len([fake.email() for _ in range(PER_ROW)])

    return {"hmac_loop": hmac_loop, "faker_name_per_row": faker_name, "faker_email_per_row": faker_email}


def measured(ways: dict[str, Callable[[], int]]) -> dict[str, list[float]]:
    """Values per second of each way in each repetition, after one that warms up and does not count. Seconds are those
    this process had the core for: whatever else the machine does takes time, but not from the count."""
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for repetition in range(REPETITIONS + 1):
        for name, once in ways.items():
            start = time.process_time()
            count = once()
            if repetition:
                speeds[name].append(count / (time.process_time() - start))
    return speeds


def machine() -> str:
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, one of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.platform()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--values", type=int, default=16 * BATCH, help="distinct values per pass (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    on_one_core()

    print(machine())
    packages = (f"{name} {version(name)}" for name in ("numpy", "pyarrow", "cryptography", "faker"))
    print(f"Python {platform.python_version()}, {', '.join(packages)}")
    sorts = values(arguments.values)
    speeds = measured({name: kernel(name, sorts) for name in RULES} | by_hand(sorts))
    for name, repetitions in speeds.items():
        each = "  ".join(f"{speed:>12,.0f}" for speed in repetitions)
        print(f"{name:20} {statistics.median(repetitions):>12,.0f} values/s   each: {each}")

    medians = {name: statistics.median(repetitions) for name, repetitions in speeds.items()}
    medians["vs_hmac"] = medians["hash"] / medians["hmac_loop"]
    print(f"{'vs_hmac':20} {medians['vs_hmac']:>12.1f}")
    for name, goal in GOALS.items():
        print(f"{name:20} {'reaches' if medians[name] >= goal else 'MISSES'} its goal of {goal:,.0f}")
    if arguments.json:
        print(json.dumps({name: round(median, 2) for name, median in medians.items()}))


if __name__ == "__main__":
    main()
