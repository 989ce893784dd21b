"""The JDBC drivers that tests give to Spark, in a folder of their own: fetched once, as Spark fetches them, before the
tests run (`scripts/test` does it). Tests themselves then need no network.

    python -m tests.drivers FOLDER
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from connectors.contract import connector, engines
from connectors.facts import JdbcDriver
from jobs.running import jars, jvm


def every_driver() -> list[JdbcDriver]:
    return [driver for engine in engines() if (driver := connector(engine).facts.jdbc) is not None]


def lacking(folder: Path) -> list[JdbcDriver]:
    return [driver for driver in every_driver() if not (folder / driver.jar).is_file()]


def fetch(folder: Path, drivers: Iterable[JdbcDriver]) -> None:
    """Have Spark download them."""
    needed = [jars.Needed("tests", driver) for driver in drivers]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ivy-", dir=folder) as cache:
        jvm.launch_with(jars.settings(needed, Path(cache)))
        try:
            jvm.gateway().shutdown()
        except Exception as problem:
            raise jars.missing(needed, Path(cache), jvm.log_path()) or problem from None
        for each in needed:
            found = jars.local(each.driver, None, Path(cache))
            assert found is not None, each.driver.coordinate
            unfinished = folder / f"{each.driver.jar}.{os.getpid()}"
            shutil.copy(found, unfinished)
            unfinished.replace(folder / each.driver.jar)


def main(folder: Path) -> int:
    if lacking(folder):
        fetch(folder, lacking(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
