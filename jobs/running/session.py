"""Spark, started lean: a SparkContext that only schedules Python tasks.

A session with a DataFrame costs about 20 s before the first row moves on a small machine; this costs about 2 s. In local
mode we start the JVM with the flags of a short-lived program, no UI, and a class-data archive that the first run writes
into the user's cache folder (JEP 350). Started by spark-submit, Spark's own configuration stands and is only checked.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from connectors.errors import RetryableError, TerminalError
from jobs.errors import RunFailed

if TYPE_CHECKING:
    from pyspark import SparkContext

Given = TypeVar("Given")
Result = TypeVar("Result")

JVM_FLAGS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xlog:disable -Xlog:all=off"


class WorkerDied(RetryableError):
    """The Python worker or the executor that held the task is gone."""


class SparkDied(TerminalError):
    """Spark itself is gone: no task will ever run again in this process."""


class LeanSpark:
    """One SparkContext. `start` returns at once; `submit` waits for it."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._context: SparkContext | None = None
        self._archive: Path | None = None
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._start, name="spark-start", daemon=True)

    def start(self) -> None:
        """Begin to start Spark in the background: the plan is made meanwhile."""
        self._thread.start()

    def _start(self) -> None:
        try:
            self._context = self._submitted() if "PYSPARK_GATEWAY_PORT" in os.environ else self._local()
        except BaseException as problem:  # handed to whoever waits for the context
            self._problem = problem

    def _local(self) -> SparkContext:
        os.environ["PYSPARK_PYTHON"] = sys.executable  # or workers take whatever python3 is first on PATH
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ["SPARK_LAUNCHER_OPTS"] = JVM_FLAGS
        archive = _archive_path()
        if archive.exists():
            os.environ["SPARK_SUBMIT_OPTS"] = f"{JVM_FLAGS} -XX:SharedArchiveFile={archive}"
        else:
            self._archive = archive.with_suffix(f".{os.getpid()}")
            os.environ["SPARK_SUBMIT_OPTS"] = f"{JVM_FLAGS} -XX:ArchiveClassesAtExit={self._archive}"
        from pyspark import SparkConf, SparkContext
        from pyspark.java_gateway import launch_gateway

        conf = SparkConf(loadDefaults=False)
        conf.setMaster(f"local[{self._workers}]").setAppName("dbagent")
        conf.set("spark.ui.enabled", "false").set("spark.ui.showConsoleProgress", "false")
        conf.set("spark.driver.memory", "512m").set("spark.speculation", "false").set(
            "spark.io.encryption.enabled", "true"
        )
        log = Path(__file__).with_name("log4j2.properties")
        conf.set("spark.driver.extraJavaOptions", f"-Dlog4j2.configurationFile={log.as_uri()}")
        with open(_log_path(), "wb") as stderr:
            return SparkContext(conf=conf, gateway=launch_gateway(conf, {"stderr": stderr, "stdout": stderr}))

    def _submitted(self) -> SparkContext:
        from pyspark import SparkConf, SparkContext

        conf = SparkConf()
        if conf.get("spark.speculation", "false") == "true":
            raise RunFailed(
                "spark.speculation is on, which runs chunks twice for nothing",
                where="Spark configuration",
                todo="submit with --conf spark.speculation=false",
            )
        return SparkContext.getOrCreate(conf.setIfMissing("spark.app.name", "dbagent"))

    def context(self) -> SparkContext:
        """The running context. Raises what went wrong when it could not start."""
        self._thread.join()
        if self._problem is not None:
            if isinstance(self._problem, RunFailed):
                raise self._problem
            raise RunFailed(
                f"Spark did not start ({type(self._problem).__name__})",
                where="Spark",
                todo=f"check that `java -version` says 17 or 21 and that JAVA_HOME, if set, points to it; see {_log_path()}",
            ) from None
        assert self._context is not None
        return self._context

    @property
    def local(self) -> bool:
        return str(self.context().master).startswith("local")

    def submit(self, function: Callable[[Given], Result], given: Given) -> Result:
        """Run `function(given)` in a task and wait. `given` travels in the task's closure. Raises WorkerDied, SparkDied."""
        from py4j.protocol import Py4JError, Py4JNetworkError

        context = self.context()
        try:
            # map() consumes its one input row: a task that leaves input unread loses its Python worker (0.2 s each).
            [results] = context.parallelize([0], 1).map(lambda _: _first_attempt(function, given)).collect()
        except (Py4JNetworkError, OSError):
            raise SparkDied("Spark's own process (the JVM) is gone", where="Spark", todo=f"see {_log_path()}") from None
        except (Py4JError, EOFError) as problem:
            raise WorkerDied(f"the task's process is gone ({type(problem).__name__})", todo="run it again") from None
        if not results:
            raise WorkerDied("the task's process is gone, and Spark began the task anew", todo="run it again")
        found: Result = results[0]
        return found

    def cancel(self) -> None:
        """End every task at once."""
        from py4j.protocol import Py4JError

        if self._context is not None:
            with suppress(Py4JError, OSError):  # a Spark that is gone has no tasks
                self._context.cancelAllJobs()

    def stop(self) -> None:
        """Stop Spark; the first time on a machine, write the class-data archive on the way out."""
        self._thread.join()
        if self._context is None:
            return
        gateway: Any = self._context._gateway
        with suppress(OSError), warnings.catch_warnings():  # gone already: whoever needed it has said so
            warnings.simplefilter("ignore", RuntimeWarning)
            self._context.stop()
        if self._archive is not None and hasattr(gateway, "proc"):
            _exit_jvm(gateway)
            if self._archive.exists():
                self._archive.replace(_archive_path())


def _first_attempt(function: Callable[[Given], Result], given: Given) -> tuple[Result, ...]:
    """Nothing when a cluster begins a lost task anew by itself: under which snapshot it may be tried again, the driver
    decides."""
    from pyspark import TaskContext

    context = TaskContext.get()
    assert context is not None
    return () if context.attemptNumber() else (function(given),)


def _exit_jvm(gateway: Any) -> None:
    """Let the JVM exit by itself: killed, it would not write the archive."""
    from py4j.protocol import Py4JError
    from pyspark import SparkContext

    with suppress(Py4JError, OSError, EOFError):  # the answer never comes: the JVM is exiting
        gateway.jvm.System.exit(0)
    gateway.proc.wait(timeout=60)
    gateway.shutdown()
    SparkContext._gateway = SparkContext._jvm = None


def _log_path() -> Path:
    """What the JVM of this user's newest run had to say."""
    return _cache() / "spark.log"


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dbagent"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _archive_path() -> Path:
    """One archive per Java and pyspark: an archive of another one is useless (the JVM ignores it)."""
    import pyspark

    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else Path(shutil.which("java") or "java")
    java = java.resolve()
    made = java.stat().st_mtime_ns if java.exists() else 0
    key = hashlib.sha256(f"{java} {made} {pyspark.__version__} {JVM_FLAGS}".encode()).hexdigest()[:16]
    return _cache() / f"classes-{key}.jsa"
