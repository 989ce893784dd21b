"""Whole runs on the JDBC paths, in real Spark: every combination gives what the direct path gives, also where something
dies in the middle; drivers come from where a site keeps them; nobody who looks at Spark sees a value or a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.testkit import SampleTable
from jobs.cli import call
from tests.jobs.canary.markers import Search, text_forms
from tests.jobs.canary.watch import ask_spark, get, listed, ui_port
from tests.jobs.running.faults import (
    Launched,
    Launcher,
    arrived,
    assert_completed,
    assert_exact,
    end,
    fill,
    full_speed,
    masked,
    only_operation,
    slow,
    until,
)
from tests.jobs.running.site import Site

pytestmark = pytest.mark.timeout(900)

EVERY_PATH = {"read": {"accounts": "jdbc", "letters": "jdbc"}, "write": {"owners": "jdbc", "letters": "jdbc"}}
"""Accounts go jdbc → bulk, owners native → jdbc, letters jdbc → jdbc."""
PATIENCE = 280
"""Seconds that a run may take where many others share the machine."""
BOTH = {"read": "jdbc", "write": "jdbc"}
NO_NETWORK = " ".join(f"-D{kind}.proxyHost=127.0.0.1 -D{kind}.proxyPort=9" for kind in ("http", "https"))
"""Nothing listens there: whatever a JVM wants from the network is refused."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", NO_NETWORK)


@pytest.fixture
def new_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a user who has never run anything."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def between(request: Any, servers: Any, folder: Path) -> Site:
    source, target = request.param
    return Site.make(servers[source], folder, "spark", None if source == target else servers[target])


ACROSS = [("postgresql", "mysql"), ("mysql", "postgresql")]


@pytest.fixture(params=ACROSS, ids=" to ".join)
def across(request: pytest.FixtureRequest, servers: Any, downloaded: None, tmp_path: Path) -> Site:
    return between(request, servers, tmp_path)


@pytest.fixture
def one_site(servers: Any, downloaded: None, tmp_path: Path) -> Site:
    return Site.make(servers["postgresql"], tmp_path, "spark")


def staged(site: Site) -> list[str]:
    """Staging tables that are left at the target."""
    queries = {
        "mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = '_dbagent'",
    }
    server: Any = site.landing
    found = (name for (name,) in server.rows(site.dev, queries[site.dev.engine]))
    return [name for name in found if "wire" in name or "stage" in name]


def succeeds(running: Launched) -> None:
    assert running.ended(PATIENCE) == 0, running.text


def some_arrived(site: Site, running: Launched, table: str) -> None:
    """Wait until rows of the table are in the target."""

    def some() -> bool:
        assert running.process.poll() is None, f"ended too early:\n{running.text}"
        return arrived(site, table) > 0

    until(some, f"rows of {table}", PATIENCE)


def test_every_path_gives_what_the_direct_one_gives(across: Site, launch: Launcher) -> None:
    site = across
    fill(site, accounts=400, letters=400)
    running = launch(site, "run", masked(site, **EVERY_PATH))
    succeeds(running)
    for told in ("read jdbc (as asked); write bulk (auto", "read native (auto", "read jdbc (as asked); write jdbc"):
        assert told in " ".join(running.text.split()), running.text
    assert "are written twice" in " ".join(running.text.split())
    assert_completed(site)
    assert staged(site) == []
    assert_exact(site)


def test_a_killed_driver_leaves_a_run_that_continues_with_what_is_missing(across: Site, launch: Launcher) -> None:
    site = across
    fill(site, accounts=100, letters=1200)
    slow(site, 0.1)
    first = launch(site, "run", masked(site, **BOTH))
    some_arrived(site, first, "letters")
    first.kill()
    assert staged(site)
    full_speed(site)
    second = launch(site, "resume", only_operation(site).id)
    succeeds(second)
    assert "continuing its unfinished run" in second.text
    assert_completed(site)
    assert staged(site) == []
    assert_exact(site)


def test_a_killed_worker_and_ended_sessions_cost_no_row_and_double_none(across: Site, launch: Launcher) -> None:
    site = across
    fill(site, accounts=300, letters=600)
    slow(site, 0.1)
    running = launch(site, "run", masked(site, **EVERY_PATH))
    some_arrived(site, running, "accounts")
    for worker in until(running.spark_workers, "a worker"):
        end(worker)
    if site.prod.engine == "postgresql":  # the other's sessions have sent a small chunk before anybody could end them
        until(lambda: ended_sessions(site) or running.process.poll() is not None, "a session of Spark's", PATIENCE)
    full_speed(site)
    succeeds(running)
    assert_completed(site)
    assert staged(site) == []
    assert_exact(site)


def ended_sessions(site: Site) -> int:
    """End the sessions in which Spark reads; how many there were."""
    server: Any = site.server
    return len(
        server.rows(
            site.prod,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND query LIKE '%dbagent0%' AND pid <> pg_backend_pid()",
        )
    )


def test_a_paused_run_ends_its_sessions_and_a_cancelled_one_leaves_nothing_staged(
    one_site: Site, launch: Launcher
) -> None:
    site = one_site
    fill(site, accounts=50, letters=1200)
    slow(site, 0.05)
    running = launch(site, "run", masked(site, **BOTH))
    some_arrived(site, running, "letters")
    stopped(site, running, "pause")
    assert staged(site)

    resumed = launch(site, "resume", only_operation(site).id)
    until(lambda: "continuing its unfinished run" in resumed.text, "the second driver", PATIENCE)
    until(resumed.spark_workers, "a worker", PATIENCE)
    stopped(site, resumed, "cancel")
    assert staged(site) == []
    assert only_operation(site).status == "cancelled"


def stopped(site: Site, running: Launched, how: str) -> None:
    assert call(site.arguments(how, only_operation(site).id)) == 0
    assert running.ended(PATIENCE) == 6, running.text
    assert site.server.sessions(site.prod) == site.server.sessions(site.dev) == 0


# Drivers


def test_jars_of_a_folder_serve_where_there_is_no_network(
    one_site: Site, jars: Path, new_cache: Path, launch: Launcher
) -> None:
    site = one_site
    fill(site, accounts=50, letters=50)
    site.environments({"PROD": {"jars_dir": str(jars)}, "DEV": {"jars_dir": str(jars)}})
    succeeds(launch(site, "run", masked(site, **BOTH)))
    assert not list(new_cache.rglob("*.jar"))
    assert_exact(site)


def test_a_driver_that_cannot_be_had_is_named_before_anything_is_touched(
    one_site: Site, new_cache: Path, launch: Launcher
) -> None:
    site = one_site
    fill(site, accounts=50, letters=50)
    running = launch(site, "run", masked(site, read="jdbc"))
    assert running.ended(PATIENCE) == 5, running.text
    said = " ".join(running.text.split())
    for told in ("org.postgresql:postgresql:42.7.14", "Maven's repositories do not answer", "jars_dir"):
        assert told in said, running.text

    site.environments({"PROD": {"jars_dir": str(site.folder)}})
    running = launch(site, "run", masked(site, read="jdbc"))
    assert running.ended(PATIENCE) == 2, running.text
    assert "org.postgresql:postgresql:42.7.14" in " ".join(running.text.split())
    assert arrived(site, "owners") == 0


def test_spark_downloads_a_driver_once(
    one_site: Site, new_cache: Path, launch: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = one_site
    fill(site, accounts=50, letters=50)
    wanted: dict[str, Any] = {"read": "jdbc", "tables": ["owners"], "anonymize": False, "policy": None}
    with monkeypatch.context() as network:
        network.delenv("JAVA_TOOL_OPTIONS")
        succeeds(launch(site, "run", masked(site, **wanted)))
    assert [path.name for path in (new_cache / "dbagent" / "jars" / "jars").iterdir()] == [
        "org.postgresql_postgresql-42.7.14.jar"
    ]


# What Spark shows

KEYED = SampleTable(
    "keyed", {"code": "text", "day": "date", "label": "text"}, primary_key=("code", "day"), not_null=("code", "day")
)
MARK, DAY = "zqkeycanaryqz", "1913-02-27"
HELD = {"postgresql": ("BEGIN", "LOCK TABLE keyed IN SHARE MODE"), "mysql": ("LOCK TABLES keyed READ",)}


@contextmanager
def unpublished(site: Site) -> Iterator[None]:
    """Spark reads and writes, and no chunk gets into the table: the run lasts as long as it is looked at."""
    server: Any = site.landing
    with closing(server.connect(site.dev)) as other, other.cursor() as cursor:
        for statement in HELD[site.dev.engine]:
            cursor.execute(statement)
        yield


def executed(running: Launched) -> bool:
    """Whether Spark has run one of a plan's queries."""
    assert running.process.poll() is None, running.text
    if "service 'SparkUI' on port" not in running.text:
        return False
    port = ui_port(running)
    places = (f"api/v1/applications/{application['id']}" for application in listed(port, "api/v1/applications"))
    return any(one["status"] == "COMPLETED" for place in places for one in listed(port, f"{place}/sql"))


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_spark_shows_no_key_no_value_and_no_password(
    engine: str, servers: Any, jars: Path, tmp_path: Path, launch: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its UI and REST answers while it works, in its event log, plans included, and in its own log at INFO."""
    site = Site.make(servers[engine], tmp_path, "spark")
    rows = [(f"{MARK}{n:05}", DAY, f"{MARK} {n} " + "wide " * 30) for n in range(600)]
    site.server.create(site.prod, KEYED, rows)
    site.landing.create(site.dev, KEYED)
    events = tmp_path / "events"
    events.mkdir()
    given = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": f"file://{events}",
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
        "spark.log.level": "INFO",
    }
    options = " ".join(f"-D{name}={value}" for name, value in given.items())
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", f"{NO_NETWORK} {options}")
    policy = {"key": {"secret": f"file:{site.folder / 'master.key'}"},
              "columns": {"keyed.code": "keep", "keyed.day": "keep", "keyed.label": "scramble"}}  # fmt: skip
    conf = ["--master", "local[2]", "--jars", ",".join(map(str, sorted(jars.glob("*.jar")))),
            "--conf", "spark.ui.enabled=true", "--conf", "spark.ui.port=0"]  # fmt: skip
    passwords = {end.password for end in (site.prod, site.dev) if end.password}
    search = Search({form: (secret, how) for secret in (MARK, DAY, *passwords) for form, how in text_forms(secret)})
    with unpublished(site):
        running = launch.submit(site, masked(site, **BOTH, policy=policy), *conf)
        until(lambda: executed(running), "a query", PATIENCE)
        assert ask_spark(search, ui_port(running)) > 20
        assert b"dbagent0" in get(ui_port(running), "SQL/execution/?id=0")
    succeeds(running)
    [log] = events.iterdir()
    assert "SparkListenerSQLExecutionStart" in log.read_text()
    assert "dbagent0" in running.text
    assert len(site.landing.read(site.dev, "keyed")) == len(rows)
    search.tree(log, running.said)
    search.assert_nothing()
    search.bytes(f"{MARK} {DAY}".encode(), "a leak")
    assert len(search.found) == 2
