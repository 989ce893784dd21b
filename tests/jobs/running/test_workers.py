"""What a worker loads before its first chunk: every one of them would load it again."""

from __future__ import annotations

import subprocess
import sys


def test_what_workers_unpickle_brings_nothing_of_planning() -> None:
    code = """
import sys
import jobs.running.session, jobs.running.chunk
print(sorted({"pydantic", "sqlalchemy", "sqlglot", "yaml", "rich", "pandas", "pyspark"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_daemon_has_everything_of_both_ends_before_it_forks() -> None:
    code = """
import sys
import pyspark.daemon
from jobs.running import daemon
loaded = set()
pyspark.daemon.manager = lambda: loaded.update(sys.modules)
daemon.main()
import connectors.crossing, jobs.running.session, jobs.running.chunk
from connectors.contract import connector
connector("mysql"), connector("postgresql")
print(sorted(name for name in set(sys.modules) - loaded if not name.startswith("pyspark")))
"""
    environment = {"DBAGENT_ENGINES": "postgresql,mysql", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "[]\n"
