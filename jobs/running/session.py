"""Spark, started lean: a SparkContext that only schedules Python tasks.

A session with a DataFrame costs about 20 s before the first row moves on a small machine; this costs about 2 s. In local
mode there is no UI, and the JVM and the workers' daemon are our own lean ones (jvm.py, daemon.py). Started by
spark-submit, Spark's own configuration stands and is only checked.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from connectors.contract import Endpoint
from connectors.errors import ConnectorError, RetryableError, TerminalError
from connectors.facts import Facts
from jobs.errors import RunFailed
from jobs.running import jars, jvm

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    from jobs.planning.findings import Finding

Given = TypeVar("Given")
Result = TypeVar("Result")


SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.readSideCharPadding": "false",
    "spark.sql.legacy.charVarcharAsString": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "16384",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(2 << 20),
    "spark.sql.execution.pandas.convertToArrowArraySafely": "true",
}
"""Every job is one stage over one chunk, whose batches are as large as everywhere else. Nothing pads a CHAR."""
SESSION_JVM = {"spark.driver.memory": "1g"}
"""What rows need that go through the JVM."""


class WorkerDied(RetryableError):
    """The Python worker or the executor that held the task is gone."""


class SparkDied(TerminalError):
    """Spark itself is gone: no task will ever run again in this process."""


class LeanSpark:
    """One SparkContext. `start` returns at once; `submit` waits for it."""

    def __init__(self, workers: int, engines: Collection[str], drivers: Sequence[jars.Needed] = ()) -> None:
        """`engines` are those of both ends; `drivers` those that Spark itself reads and writes with."""
        self._workers, self._engines, self._drivers = workers, engines, drivers
        self._jars: Mapping[str, str] = {}
        self._session: SparkSession | None = None
        self._lock = threading.Lock()
        self._context: SparkContext | None = None
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._start, name="spark-start", daemon=True)

    def start(self) -> None:
        """Begin to start Spark in the background: the plan is made meanwhile. Raises UsageError where it cannot start."""
        if not jvm.submitted():
            jvm.check()
            if self._drivers:
                self._jars = jars.settings(self._drivers, jvm.jars_path())
        self._thread.start()

    def _start(self) -> None:
        try:
            self._context = self._submitted() if jvm.submitted() else self._local()
        except BaseException as problem:  # handed to whoever waits for the context
            self._problem = problem

    def _local(self) -> SparkContext:
        from pyspark import SparkConf, SparkContext

        conf = SparkConf(loadDefaults=False).setMaster(f"local[{self._workers}]").setAppName("dbagent")
        conf.set("spark.ui.enabled", "false").set("spark.ui.showConsoleProgress", "false")
        conf.set("spark.speculation", "false").set("spark.io.encryption.enabled", "true")
        conf.set("spark.python.daemon.module", "jobs.running.daemon")
        conf.setExecutorEnv(jvm.ENGINES, ",".join(self._engines))
        if self._drivers:
            jvm.launch_with({**SESSION_JVM, **self._jars})
        if any(driver.writes for driver in self._drivers):
            conf.setExecutorEnv(jvm.PANDAS, "needed")
        return SparkContext(conf=conf, gateway=jvm.gateway())

    def _submitted(self) -> SparkContext:
        from pyspark import SparkConf, SparkContext

        return SparkContext.getOrCreate(SparkConf().setIfMissing("spark.app.name", "dbagent"))

    def context(self) -> SparkContext:
        """The running context. Raises what went wrong when it could not start."""
        self._thread.join()
        if self._problem is not None:
            if isinstance(self._problem, RunFailed):
                raise self._problem
            lacking = None if jvm.submitted() else jars.missing(self._drivers, jvm.jars_path(), jvm.log_path())
            if lacking is not None:
                raise lacking from None
            raise RunFailed(
                f"Spark did not start ({type(self._problem).__name__})",
                where="Spark",
                todo=f"check that `java -version` says 17 or 21 and that JAVA_HOME, if set, points to it; {_more()}",
            ) from None
        assert self._context is not None
        return self._context

    def obstacles(self, ends: Sequence[tuple[Endpoint, Facts]], store_in_a_file: bool) -> list[Finding]:
        """What keeps a plan with these ends from running on this Spark. Our own local one takes every plan."""
        if not jvm.submitted():
            return []
        from jobs.planning.cluster import cluster_findings  # workers import this module, and need none of planning's
        from jobs.planning.findings import error

        found = cluster_findings(self.context().getConf().get, ends, store_in_a_file)
        return found + [
            error("Spark", what, "then submit again") for what in jars.submitted_without(self._drivers, self._knows)
        ]

    def _knows(self, class_name: str) -> bool:
        """Whether a class is on Spark's own class path."""
        from py4j.protocol import Py4JJavaError

        java = self.context()._jvm.java.lang
        try:
            java.Class.forName(class_name, True, java.Thread.currentThread().getContextClassLoader())
        except Py4JJavaError:
            return False
        return True

    def session(self) -> SparkSession:
        """The session beside the context, made when first asked for: it costs seconds that other plans do without."""
        from pyspark.sql import SparkSession

        with self._lock:
            if self._session is None:
                self._session = SparkSession(self.context())
                for name, value in SESSION.items():
                    self._session.conf.set(name, value)
            return self._session

    @property
    def slots(self) -> int | None:
        """How many tasks run at once, where we know because the master is our own."""
        return None if jvm.submitted() else self._workers

    def submit(self, function: Callable[[Given], Result], given: Given) -> Result:
        """Run `function(given)` in a task and wait. `given` travels in the task's closure. Raises WorkerDied, SparkDied."""
        from py4j.protocol import Py4JError

        context = self.context()
        try:
            # map() consumes its one input row: a task that leaves input unread loses its Python worker (0.2 s each).
            [results] = context.parallelize([0], 1).map(lambda _: _first_attempt(function, given)).collect()
        except (Py4JError, OSError, EOFError) as problem:
            raise self.gone(problem) from None
        if not results:
            raise WorkerDied("the task's process is gone, and Spark began the task anew", todo="run it again")
        found: Result = results[0]
        return found

    def gone(self, problem: BaseException) -> ConnectorError:
        """What Spark's own failure means: SparkDied or WorkerDied."""
        from py4j.protocol import Py4JNetworkError

        if isinstance(problem, (Py4JNetworkError, OSError)):
            return SparkDied("Spark's own process (the JVM) is gone", where="Spark", todo=_more())
        return WorkerDied(f"the task's process is gone ({type(problem).__name__})", todo="run it again")

    def cancel(self) -> None:
        """End every task at once."""
        from py4j.protocol import Py4JError

        if self._context is not None:
            with suppress(Py4JError, OSError):  # a Spark that is gone has no tasks
                self._context.cancelAllJobs()

    def stop(self) -> None:
        """Stop Spark. One that is still starting nobody needs any more: it ends with this process."""
        if self._context is None:
            return
        with suppress(OSError), warnings.catch_warnings():  # gone already: whoever needed it has said so
            warnings.simplefilter("ignore", RuntimeWarning)
            self._context.stop()
        jvm.exit_after_first_run()


def _more() -> str:
    """Where Spark says more."""
    return "see what spark-submit said" if jvm.submitted() else f"see {jvm.log_path()}"


def _first_attempt(function: Callable[[Given], Result], given: Given) -> tuple[Result, ...]:
    """Nothing when a cluster begins a lost task anew by itself: under which snapshot it may be tried again, the driver
    decides."""
    from pyspark import TaskContext

    context = TaskContext.get()
    assert context is not None
    return () if context.attemptNumber() else (function(given),)
