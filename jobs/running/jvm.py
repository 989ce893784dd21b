"""The JVM of local mode: launched once per process, as early as possible, with the flags of a short-lived program.

Its classes come from an archive that the first run on a machine writes into the user's cache folder (JEP 350): that halves
the start. What the JVM has to say goes to a log file there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobs.errors import UsageError

FLAGS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xlog:disable -Xlog:all=off"

ENGINES = "DBAGENT_ENGINES"
"""The environment variable that tells the workers' daemon whose connectors to import, between commas."""

PANDAS = "DBAGENT_PANDAS"
"""The environment variable that tells it that the workers need pandas."""

OLDEST_JAVA = 17
INSTALL = "install one (Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME to one that is there"

_launched: Future[Any] | None = None


def submitted() -> bool:
    """spark-submit started us: there is a JVM already, and its configuration stands."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def launch() -> None:
    """Begin to launch the JVM in the background, once: settings are read and the plan is made meanwhile."""
    if _launched is None and not submitted():
        _begin({})


def launch_with(settings: Mapping[str, str]) -> None:
    """Launch one that has these settings of Spark's, in place of one that has not: jars must be there from the start."""
    if _launched is not None:
        from pyspark import SparkContext

        with suppress(Exception):  # one that did not start is as good as gone
            former = _launched.result()
            former.shutdown()
            former.proc.kill()
            former.proc.wait(timeout=60)
            SparkContext._gateway = SparkContext._jvm = None
    _begin(settings)


def _begin(settings: Mapping[str, str]) -> None:
    global _launched
    _launched = Future()
    threading.Thread(target=_launch, args=(_launched, settings), name="jvm", daemon=True).start()


def check() -> None:
    """Whether a JVM can start here, as far as files tell. Raises UsageError, saying what to install or to set."""
    home, found = os.environ.get("JAVA_HOME"), _java()
    if found is None or not os.access(found, os.X_OK):
        where = f"JAVA_HOME, which is {home}" if home else "PATH"
        raise UsageError("there is no Java here: Spark needs Java 17 or 21", where, INSTALL)
    release = found.resolve().parent.parent / "release"
    told = re.search(
        r'^JAVA_VERSION="(?:1\.)?(\d+)', release.read_text(errors="replace") if release.is_file() else "", re.M
    )
    if told and int(told[1]) < OLDEST_JAVA:
        raise UsageError(f"Java {told[1]} is too old: Spark needs Java 17 or 21", str(found), INSTALL)
    try:
        _cache()
    except OSError as error:
        what = f"the cache folder cannot be made: {(error.strerror or 'error').lower()}"
        raise UsageError(what, error.filename or "", "set XDG_CACHE_HOME to a folder this user may write to") from None


def gateway() -> Any:
    """The gateway to the JVM. Raises whatever kept it from starting."""
    launch()
    assert _launched is not None
    return _launched.result()


def _launch(done: Future[Any], settings: Mapping[str, str]) -> None:
    try:
        from pyspark import SparkConf
        from pyspark.java_gateway import launch_gateway

        os.environ["PYSPARK_PYTHON"] = sys.executable  # or workers take whatever python3 is first on PATH
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ["SPARK_LAUNCHER_OPTS"] = FLAGS
        archive = _archive()
        _sweep(archive)
        use = "SharedArchiveFile" if archive.exists() else "ArchiveClassesAtExit"
        os.environ["SPARK_SUBMIT_OPTS"] = f"{FLAGS} -XX:{use}={archive if archive.exists() else _unfinished(archive)}"
        log = Path(__file__).with_name("log4j2.properties")
        conf = SparkConf(loadDefaults=False).set("spark.driver.memory", "512m")
        conf.set("spark.driver.extraJavaOptions", f"-Dlog4j2.configurationFile={log.as_uri()}")
        conf.setAll(list(settings.items()))
        with open(log_path(), "wb") as output:
            done.set_result(launch_gateway(conf, {"stdout": output, "stderr": output}))
    except BaseException as problem:  # handed to whoever waits for the gateway
        done.set_exception(problem)


def exit_after_first_run() -> None:
    """Let a JVM without an archive exit by itself, so that it writes one: killed, it would not."""
    from py4j.protocol import Py4JError
    from pyspark import SparkContext

    archive = _archive()
    if submitted() or archive.exists():
        return
    found = gateway()
    with suppress(Py4JError, OSError, EOFError):  # the answer never comes: the JVM is exiting
        found.jvm.System.exit(0)
    found.proc.wait(timeout=300)
    found.shutdown()
    SparkContext._gateway = SparkContext._jvm = None
    if _unfinished(archive).exists():
        _unfinished(archive).replace(archive)


def _java() -> Path | None:
    """The program that Spark's own scripts will start."""
    home = os.environ.get("JAVA_HOME")
    found = os.path.join(home, "bin", "java") if home else shutil.which("java")
    return Path(found) if found else None


def jars_path() -> Path:
    """Where the jars that Spark downloads are kept."""
    return _cache() / "jars"


def log_path() -> Path:
    """What the JVM of this user's newest run had to say."""
    return _cache() / "spark.log"


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "dbagent"
    if folder.parts[0] == "~":
        raise UsageError("this user has no home folder for a cache", "HOME", "set HOME or XDG_CACHE_HOME")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _unfinished(archive: Path) -> Path:
    return archive.with_suffix(f".{os.getpid()}")


def _sweep(archive: Path) -> None:
    """Remove what first runs that ended early have left."""
    for left in archive.parent.glob(f"{archive.stem}.[0-9]*"):
        if not Path("/proc", left.suffix[1:]).exists():
            left.unlink(missing_ok=True)


def _archive() -> Path:
    """One archive per Java and pyspark: an archive of another one is useless (the JVM ignores it)."""
    import pyspark

    java = (_java() or Path("java")).resolve()
    made = java.stat().st_mtime_ns if java.exists() else 0
    key = hashlib.sha256(f"{java} {made} {pyspark.__version__} {FLAGS}".encode()).hexdigest()[:16]
    return _cache() / f"classes-{key}.jsa"
