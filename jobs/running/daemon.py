"""pyspark's worker daemon, with everything a chunk needs imported before it forks: workers share those pages of memory
and begin their first chunk at once. Local mode only; on a cluster Spark's own daemon starts our workers."""

from __future__ import annotations

import os
import sys

# pyarrow and pyspark import pandas where it can be had (0.4 s, 50 MiB). A chunk never needs it.
sys.modules["pandas"] = None  # type: ignore[assignment]

import pyspark.daemon
import pyspark.worker

import anonymizers.apply  # noqa: F401
import jobs.running.chunk  # noqa: F401
from connectors.contract import connector
from jobs.running.jvm import ENGINE

if __name__ == "__main__":
    if os.environ.get(ENGINE):
        connector(os.environ[ENGINE])
    pyspark.daemon.manager()
