"""What travels to tasks stays small: Spark writes a closure of more than 1 MiB, credentials and keys in it, to disk."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from jobs.running import run as run_module
from tests.jobs.running.site import Here, Site
from tests.jobs.running.test_run import go

WIDTH = 400
LEAVES = 150


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every closure of a run."""
    closures: list[bytes] = []

    class Measuring(Here):
        def submit(self, function: Callable[[Any], Any], given: Any) -> Any:
            closures.append(pickle.dumps(given))
            return function(given)

    monkeypatch.setattr(run_module, "LeanSpark", Measuring)
    return closures


def test_a_wide_table_travels_without_the_statement_that_makes_it(file_site: Site, sent: list[bytes]) -> None:
    columns = ", ".join(f"column_{number} TEXT DEFAULT '{'x' * 500}'" for number in range(WIDTH))
    file_site.server.execute(file_site.prod, f"CREATE TABLE wide ({columns})")
    file_site.server.execute(file_site.prod, "INSERT INTO wide DEFAULT VALUES")
    policy = {
        "key": {"secret": f"file:{file_site.folder / 'master.key'}"},
        "columns": {f"wide.column_{number}": "hash" for number in range(WIDTH)},
    }
    go(file_site, tables=["wide"], policy=policy)
    [closure] = sent
    assert len(closure) < 1 << 19
    assert len(file_site.rows(file_site.dev, "wide")[0]) == WIDTH


def test_a_partitioned_tables_leaves_travel_with_their_chunks_only(server_site: Site, sent: list[bytes]) -> None:
    site = server_site
    labels = ", ".join(f"'label {number}'" for number in range(500))
    site.server.execute(
        site.prod,
        f"""CREATE TYPE colour AS ENUM ({labels});
        CREATE TABLE parted (id integer, a colour, b colour, c colour) PARTITION BY LIST (id);
        DO $$BEGIN FOR n IN 1..{LEAVES} LOOP
            EXECUTE format('CREATE TABLE leaf_%s PARTITION OF parted FOR VALUES IN (%s)', n, n);
        END LOOP; END$$;
        INSERT INTO parted SELECT n, 'label 1', 'label 2', 'label 3' FROM generate_series(1, {LEAVES}) n""",
    )
    go(site, tables=["parted"], anonymize=False, policy=None)
    assert sum(closure.count(b"leaf_") for closure in sent) == LEAVES
    assert not any(b"label " in closure for closure in sent)
    assert len(site.rows(site.dev, "parted")) == LEAVES
