"""pyspark's worker daemon, with everything a chunk needs imported before it forks: workers share those pages of memory
and begin their first chunk at once. Local mode only; on a cluster Spark's own daemon starts our workers."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.abc import MetaPathFinder

from connectors.contract import connector
from jobs.running.jvm import ENGINES, PANDAS

NEEDED = ("pyspark.worker", "jobs.running.session", "jobs.running.chunk", "anonymizers.apply")


class WithoutPandas(MetaPathFinder):
    """pyarrow and pyspark import pandas where it can be had (0.4 s and 50 MiB a worker); a chunk needs it only where
    Spark itself writes rows."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("chunks do without pandas", name=name)


def main() -> None:
    if not os.environ.get(PANDAS):
        sys.meta_path.insert(0, WithoutPandas())
    for module in NEEDED:
        import_module(module)
    for engine in filter(None, os.environ.get(ENGINES, "").split(",")):
        connector(engine)
    import_module("pyspark.daemon").manager()


if __name__ == "__main__":
    main()
