"""On a cluster credentials and keys leave the machine: only a configuration that protects them on their way may run."""

from __future__ import annotations

import pytest

from jobs.errors import ConfigError
from jobs.running import jvm
from jobs.running.session import LeanSpark

PROTECTED = ("spark.authenticate", "spark.network.crypto.enabled", "spark.io.encryption.enabled")


class Context:
    """What `check_cluster` looks at of a SparkContext."""

    def __init__(self, master: str, conf: dict[str, str]) -> None:
        self.master, self._conf = master, conf

    def getConf(self) -> dict[str, str]:
        return self._conf


def check(monkeypatch: pytest.MonkeyPatch, master: str, conf: dict[str, str], *, store_in_a_file: bool = False) -> None:
    monkeypatch.setattr(jvm, "submitted", lambda: True)
    monkeypatch.setattr(LeanSpark, "_submitted", lambda _: Context(master, conf))
    spark = LeanSpark(2, engine="any")
    spark.start()
    spark.check_cluster(store_in_a_file)


@pytest.mark.parametrize("missing", PROTECTED)
def test_a_cluster_that_leaves_one_way_open_is_refused(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, "false"):
        conf = dict.fromkeys(PROTECTED, "true") | {missing: value}
        with pytest.raises(ConfigError) as refused:
            check(monkeypatch, "spark://host:7077", {name: v for name, v in conf.items() if v})
        assert refused.value.problems == (f"Spark configuration: submit with --conf {missing}=true",)


def test_everything_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError) as refused:
        check(monkeypatch, "yarn", {}, store_in_a_file=True)
    assert len(refused.value.problems) == len(PROTECTED) + 1
    assert "DBAGENT_CONTROL" in refused.value.problems[-1]


def test_a_protected_cluster_and_one_machine_alone_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    check(monkeypatch, "k8s://host", dict.fromkeys(PROTECTED, "true"))
    check(monkeypatch, "local[4]", {}, store_in_a_file=True)
