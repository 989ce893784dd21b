"""A whole run, without Spark: what arrives, what is replaced, what is proven, and what is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from jobs.errors import PlanRefused, VerificationFailed
from jobs.running.run import resume, run
from tests.jobs.running.site import POLICY, Site

pytestmark = pytest.mark.usefixtures("no_spark")


def go(site: Site, **changes: Any) -> str:
    console = Console(record=True, width=200, file=io.StringIO())
    run(
        str(site.operation(**changes)),
        environments_path=site.environments({}),
        control_url=site.control,
        console=console,
    )
    return console.export_text()


def test_every_row_arrives_once_and_only_masked_columns_change(site: Site) -> None:
    site.fill()
    text = go(site)
    before, after = site.rows(site.prod, "users"), site.rows(site.dev, "users")
    assert [(r[0], r[3]) for r in before] == [(r[0], r[3]) for r in after]
    assert not {r[2] for r in before} & {r[2] for r in after}
    assert all((one[1] is None) == (other[1] is None) and (one[1] is None or one[1] != other[1])
               for one, other in zip(before, after, strict=True))  # fmt: skip
    assert len({r[2] for r in after}) == len(after)
    orders = site.rows(site.dev, "orders")
    assert [r[:2] for r in orders] == [r[:2] for r in site.rows(site.prod, "orders")]
    assert site.server.digest(site.prod, "plain") == site.landing.digest(site.dev, "plain")
    assert "rows read under the snapshot = rows in the target" in text
    assert "0 orphans" in text


def test_an_unmasked_copy_is_equal(site: Site) -> None:
    site.fill()
    go(site, anonymize=False, policy=None)
    for table in ("users", "orders", "plain"):
        assert site.server.digest(site.prod, table) == site.landing.digest(site.dev, table)


def test_the_same_value_gets_the_same_replacement_in_another_table_and_run(site: Site) -> None:
    site.fill()
    site.server.execute(site.prod, "CREATE TABLE letters (address text)")
    site.server.insert(site.prod, "letters", [("user7@corp2.test",), ("user8@corp3.test",)])
    columns = POLICY | {"letters.address": {"strategy": "faker", "domain": "email"}}
    policy = {"key": {"secret": f"file:{site.folder / 'master.key'}"}, "columns": columns}
    go(site, policy=policy)
    users = {r[0]: r[2] for r in site.rows(site.dev, "users")}
    assert {r[0] for r in site.rows(site.dev, "letters")} == {users[7], users[8]}
    go(site, policy=policy, if_target_not_empty="truncate")
    assert users == {r[0]: r[2] for r in site.rows(site.dev, "users")}


def test_a_filtered_copy_brings_what_the_filters_say(site: Site) -> None:
    site.fill()
    go(
        site,
        operation_type="copy_filtered",
        tables={"users": "id <= 100", "orders": "user_id IN (SELECT id FROM users WHERE id <= 100)", "plain": None},
    )
    assert sorted(r[0] for r in site.rows(site.dev, "users")) == list(range(1, 101))
    expected = [r[0] for r in site.rows(site.prod, "orders") if r[1] is not None and r[1] <= 100]
    assert sorted(r[0] for r in site.rows(site.dev, "orders")) == sorted(expected)


def test_orphans_of_a_filtered_copy_fail_or_are_reported(site: Site) -> None:
    site.fill()
    filters = {"tables": {"users": "id <= 100", "orders": None}}
    policy = {
        "key": {"secret": f"file:{site.folder / 'master.key'}"},
        "columns": {k: v for k, v in POLICY.items() if not k.startswith("plain")},
    }
    with pytest.raises(VerificationFailed, match="reference no row"):
        go(site, operation_type="copy_filtered", policy=policy, **filters)
    text = go(
        site,
        operation_type="copy_filtered",
        policy=policy,
        on_violation="report",
        if_target_not_empty="truncate",
        **filters,
    )
    assert "reference no row" in text
    assert "see them with: SELECT c.* FROM" in text


def test_a_target_with_rows_is_refused_truncated_or_appended_to(site: Site) -> None:
    site.fill()
    go(site)
    site.server.insert(site.prod, "plain", [("new", "row")])
    with pytest.raises(PlanRefused) as refused:
        go(site)
    assert any("not empty" in finding.what for finding in refused.value.findings)
    go(site, if_target_not_empty="truncate")
    assert len(site.rows(site.dev, "plain")) == 21
    only = {"tables": ["plain"], "policy": None, "anonymize": False}
    go(site, if_target_not_empty="append", **only)
    assert len(site.rows(site.dev, "plain")) == 42
    go(site, if_target_not_empty="append", **only)
    assert len(site.rows(site.dev, "plain")) == 63


@pytest.mark.parametrize("rows_there", ["truncate", "append"])
def test_a_column_that_only_the_target_has_gets_its_default(site: Site, rows_there: str) -> None:
    site.fill(users=5, orders=5, plain=5)
    go(site)
    site.landing.execute(site.dev, "ALTER TABLE orders ADD origin integer DEFAULT 7")
    site.server.execute(site.prod, "UPDATE orders SET id = id + 100")
    go(site, tables=["orders"], if_target_not_empty=rows_there)
    rows = site.rows(site.dev, "orders")
    assert [row[-1] for row in rows] == [7] * (10 if rows_there == "append" else 5)


def test_an_empty_and_a_one_row_table_arrive(site: Site) -> None:
    site.fill(users=1, orders=0, plain=0)
    go(site)
    assert len(site.rows(site.dev, "users")) == 1
    assert site.rows(site.dev, "orders") == []


def test_a_finished_operation_is_not_resumed_and_run_starts_a_new_one(site: Site) -> None:
    site.fill(users=5, orders=5)
    go(site, if_target_not_empty="truncate")
    [first] = site.json("list")
    with pytest.raises(Exception, match="nothing to resume"):
        resume(
            first["id"], environments_path=site.environments({}), control_url=site.control, console=Console(quiet=True)
        )
    go(site, if_target_not_empty="truncate")
    assert len(site.json("list")) == 2
