"""Drivers for Spark's JDBC source and writer: where their jars come from.

jars_dir    a folder that the environment names: for sites without a network. Nothing is downloaded
the cache   what an earlier run has downloaded, in this user's cache folder
Maven       Spark fetches the driver by its coordinate into that cache, once
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.facts import JdbcDriver
from jobs.errors import ConfigError, RunFailed

SILENT = re.compile(
    r"not found\. url=|UnknownHost|Connection refused|[Cc]onnect timed out|No route to host|unreachable"
)
"""What Spark's log says where Maven's repositories do not answer."""
UNRESOLVED = re.compile(r"unresolved dependency|UNRESOLVED DEPENDENCIES|FAILED DOWNLOADS|download failed")


@dataclass(frozen=True)
class Needed:
    """A driver that a run needs, and the folder that its environment says has it."""

    environment: str
    driver: JdbcDriver
    folder: str | None = None
    writes: bool = False
    """Spark writes with it."""


def settings(needed: Sequence[Needed], cache: Path) -> dict[str, str]:
    """What to start Spark with. Raises ConfigError, naming each driver that a `jars_dir` lacks."""
    problems, jars, packages = [], [], []
    for each in needed:
        found = local(each.driver, each.folder, cache)
        if found is not None:
            jars.append(str(found))
        elif each.folder is None:
            packages.append(each.driver)
        else:
            problems.append(
                f"environment {each.environment}: jars_dir: {each.folder} has no {each.driver.jar}: put the JDBC driver"
                f" {each.driver.coordinate} there, or remove `jars_dir` to have Spark download it"
            )
    if problems:
        raise ConfigError(problems)
    found_settings = {"spark.jars": ",".join(dict.fromkeys(jars))} if jars else {}
    if packages:
        found_settings |= {
            "spark.jars.packages": ",".join(dict.fromkeys(driver.coordinate for driver in packages)),
            "spark.jars.excludes": ",".join(dict.fromkeys(name for driver in packages for name in driver.without)),
            "spark.jars.ivy": str(cache),
        }
    return found_settings


def local(driver: JdbcDriver, folder: str | None, cache: Path) -> Path | None:
    """The driver's jar, where it need not be downloaded."""
    group = driver.coordinate.split(":")[0]
    path = cache / "jars" / f"{group}_{driver.jar}" if folder is None else Path(folder) / driver.jar
    return path if path.is_file() else None


def missing(needed: Sequence[Needed], cache: Path, log: Path) -> RunFailed | None:
    """Why Spark did not start, where it could not have a driver; its log tells."""
    wanted = [each.driver for each in needed if local(each.driver, each.folder, cache) is None]
    said = log.read_text(errors="replace") if log.is_file() else ""
    if not wanted or not UNRESOLVED.search(said):
        return None
    reason = "Maven's repositories do not answer" if SILENT.search(said) else "Maven's repositories do not have it"
    names = ", ".join(dict.fromkeys(driver.coordinate for driver in wanted))
    jars = " and ".join(dict.fromkeys(driver.jar for driver in wanted))
    return RunFailed(
        f"the JDBC driver {names} could not be downloaded: {reason}",
        where="Spark",
        todo=f"let this machine reach Maven (a mirror: spark.jars.ivySettings in Spark's own configuration), or put {jars}"
        " into a folder and name it in the environment: jars_dir: FOLDER",
    )


def submitted_without(needed: Sequence[Needed], knows: Callable[[str], bool]) -> list[str]:
    """The drivers that a Spark started by others does not have; `knows` tells it of a class."""
    return [
        f"Spark has no JDBC driver {driver.coordinate}: submit with --packages {driver.coordinate}, or with --jars"
        f" FOLDER/{driver.jar}"
        for driver in dict.fromkeys(each.driver for each in needed)
        if not knows(driver.class_name)
    ]
