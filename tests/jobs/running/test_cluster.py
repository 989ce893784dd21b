"""On a cluster credentials and keys leave the machine: only a Spark that protects them on their way may run a plan, and
only one whose executors find what they are to read and write. What does not fit is told with the plan, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from connectors.contract import Endpoint, Tls, connector
from connectors.facts import Facts
from jobs.errors import PlanRefused
from jobs.planning.cluster import PROTECTION, cluster_findings
from jobs.planning.findings import Finding
from jobs.running import jvm
from jobs.running import run as run_module
from jobs.running.run import run
from jobs.running.session import LeanSpark
from tests.jobs.running.faults import arrived
from tests.jobs.running.site import Here, Site

PROTECTED = dict.fromkeys(PROTECTION, "true")


FILE = (Endpoint("DEV", "sqlite", "/data/dev.db"), connector("sqlite").facts)


def server(host: str, ca: str | None = None) -> tuple[Endpoint, Facts]:
    return Endpoint("PROD", "postgresql", "shop", host, tls=Tls(ca=ca)), connector("postgresql").facts


def findings(master: str, conf: Mapping[str, str]) -> list[Finding]:
    return cluster_findings({"spark.master": master, **conf}.get, [], store_in_a_file=False)


@pytest.mark.parametrize("missing", PROTECTION)
@pytest.mark.parametrize("value", [None, "false", ""])
def test_a_cluster_that_leaves_one_way_open_is_refused(missing: str, value: str | None) -> None:
    conf = {name: there for name, there in {**PROTECTED, missing: value}.items() if there is not None}
    [found] = findings("spark://host:7077", conf)
    assert found.severity == "error"
    assert found.what.startswith(f"{missing} is not on: ")
    assert found.todo == f"submit with --conf {missing}=true"


@pytest.mark.parametrize("master", ["yarn", "spark://one:7077,two:7077", "k8s://https://host:6443"])
def test_a_protected_cluster_may_run(master: str) -> None:
    assert findings(master, PROTECTED) == []
    assert findings(master, dict.fromkeys(PROTECTED, "TRUE")) == []


@pytest.mark.parametrize("master", ["local", "local[4]", "local[*]", "local-cluster[2,1,1024]"])
def test_executors_on_the_machine_itself_see_its_files(master: str) -> None:
    assert cluster_findings({"spark.master": master}.get, [FILE, server(host="localhost")], True) == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1", "/var/run/postgresql"])
def test_an_address_that_each_machine_takes_for_itself_is_told(host: str) -> None:
    [found] = cluster_findings({"spark.master": "yarn", **PROTECTED}.get, [server(host)], False)
    assert (found.severity, found.where) == ("warning", "PROD")
    assert found.what == f"each executor of the cluster takes {host} for its own machine"


def test_a_certificate_that_must_be_on_every_node_is_told() -> None:
    ends = [server("10.0.0.1", ca="/etc/ca.pem"), server("db1.example.com")]
    [found] = cluster_findings({"spark.master": "yarn", **PROTECTED}.get, ends, False)
    assert found.severity == "warning"
    assert "/etc/ca.pem" in found.what


@pytest.mark.parametrize("master", ["local[2]", "yarn"])
def test_no_spark_may_run_chunks_twice(master: str) -> None:
    [found] = findings(master, {**PROTECTED, "spark.speculation": "true"})
    assert found.todo == "submit with --conf spark.speculation=false"


class Context:
    """What is looked at of the SparkContext that spark-submit has started."""

    def __init__(self, conf: dict[str, str]) -> None:
        self._conf = conf

    def getConf(self) -> dict[str, str]:
        return self._conf


def test_what_was_submitted_is_judged_by_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jvm, "submitted", lambda: True)
    monkeypatch.setattr(LeanSpark, "_submitted", lambda _: Context({"spark.master": "yarn", **PROTECTED}))
    spark = LeanSpark(2, engines=())
    spark.start()
    [file, store] = spark.obstacles([FILE], True)
    assert (file.where, store.where) == ("DEV", "control store")
    monkeypatch.setattr(jvm, "submitted", lambda: False)
    assert spark.obstacles([FILE], True) == []


class Elsewhere(Here):
    """A cluster that nobody has protected."""

    def obstacles(self, *given: Any) -> list[Finding]:
        return cluster_findings({"spark.master": "spark://host:7077"}.get, *given)


def test_everything_is_told_at_once_with_the_plan_before_a_row_moves(
    file_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = file_site
    site.fill(users=5, orders=5, plain=5)
    monkeypatch.setattr(run_module, "LeanSpark", Elsewhere)
    operation = str(site.operation(tables=["users", "nowhere"]))
    with pytest.raises(PlanRefused) as refused:
        run(operation, environments_path=site.folder / "environments.yaml", control_url=site.control,
            console=Console(quiet=True))  # fmt: skip
    told = "\n".join(map(str, refused.value.findings))
    for name in PROTECTION:
        assert f"{name} is not on" in told
    for environment in ("PROD", "DEV"):
        assert f"{environment}: SQLite databases are files, and the cluster's executors do not see" in told
    assert "control store: it is a file" in told
    assert "nowhere" in told
    assert arrived(site, "users") == 0
