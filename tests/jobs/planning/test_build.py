"""The plan: what is selected, what stops it, and which changes give it another hash."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from anonymizers.contract import strategies
from anonymizers.dictionaries import dictionary
from connectors.contract import Endpoint, Filter, Tls
from connectors.errors import Unsupported
from connectors.facts import Facts, Server
from connectors.schema import Column, ForeignKey, Schema, Table
from jobs.config.approvals import Requirement
from jobs.config.operation import Operation
from jobs.planning.build import build
from jobs.planning.detected import Sample
from jobs.planning.ends import End, SourceChecks, TargetChecks
from jobs.planning.plan import Plan, changed
from tests.jobs.planning.sample import ORDERS, SCHEMA, TEXT, USERS, name, varchar

FACTS = Facts(
    engine="any", title="Any", address=frozenset({"host"}), default_port=1, default_schema="public",
    filter_dialect="postgres", options=frozenset(), snapshot_holder="driver", writers=None, file=False, ways=("rows",),
)  # fmt: skip
TYPES: Any = None  # between two ends of one engine nobody asks
NONE: dict[str, Any] = {}
FREE = Requirement(roles=(), unmasked=True)
SERVER = Server("1", "server one", "one snapshot", suspends_foreign_keys=True)
POLICY = {
    "key": {"secret": "env:KEY"},
    "columns": {"users.id": "keep", "users.email": {"strategy": "faker", "domain": "email"}, "users.full_name": "hash",
                "users.status": "keep", "orders.id": "keep", "orders.user_id": "keep", "orders.note": "keep"},
}  # fmt: skip


def operation(**changes: Any) -> Operation:
    given: dict[str, Any] = {
        "operation_type": "copy_full", "source_env": "PROD", "target_env": "DEV", "tables": ["*"], "policy": POLICY,
    }  # fmt: skip
    return Operation.model_validate(given | changes)


def end(environment: str, schema: Schema, address: dict[str, Any], **server: Any) -> End:
    given = {"database": "shop", "host": f"{environment.lower()}.example", "port": 1, **address}
    endpoint = Endpoint(environment, "any", **given)
    return End(environment, endpoint, FACTS, TYPES, replace(SERVER, **server), schema)


def plan(op: Operation | None = None, source: Schema = SCHEMA, target: Schema | None = None, key: str = "k1",
         explain: Any = lambda table, where: None, rule: Requirement = FREE, from_: dict[str, Any] = NONE,
         to: dict[str, Any] = NONE, sample: Sample = lambda table, columns: {}, requested: Any = None,
         **server: Any) -> Plan:  # fmt: skip
    ends = end("PROD", source, from_), end("DEV", target or Schema(()), to, **({"identity": "server two"} | server))
    checks = TargetChecks(lambda s, t: [], lambda s: [])
    return build(op or operation(), *ends, SourceChecks(explain, sample), checks, key, rule, requested)


def what(found: Plan) -> list[str]:
    return [str(finding) for finding in found.errors]


def test_everything_is_planned_in_load_order() -> None:
    found = plan()
    assert what(found) == []
    assert [str(t.source.name) for t in found.tables] == ["public.users", "public.orders"]
    assert [d.column for d in found.tables[0].masked] == ["email", "full_name"]


def test_missing_tables_views_and_exclusions_are_told_with_hints() -> None:
    found = plan(operation(tables=["users", "order", "report"], exclude=["public.usres"]))
    assert any("no such table" in text and "orders" in text for text in what(found))
    assert any("this is a view" in text for text in what(found))
    assert any("usres" in text and "users" in text for text in what(found))


def test_two_tables_that_the_target_takes_for_one_stop_the_plan() -> None:
    twice = Schema((*SCHEMA.tables, replace(USERS, name=name("USERS"), foreign_keys=())))
    op = operation(anonymize=False, policy=None)
    assert what(plan(op, source=twice)) == []
    [found] = what(plan(op, source=twice, ignores_case="ascii"))
    assert "is called" in found
    assert "(letter case tells no tables apart there)" in found


def test_an_unreadable_table_and_one_with_triggers_in_the_target_stop_the_plan() -> None:
    found = plan(
        source=Schema((ORDERS, replace(USERS, readable=False))),
        target=Schema((replace(USERS, hooks=("trigger audit",)),)),
    )
    assert any("may not read" in text for text in what(found))
    assert any("trigger audit" in text for text in what(found))


def test_a_target_that_takes_no_writes_stops_the_plan() -> None:
    assert any("takes no writes" in text for text in what(plan(writable=False)))


def test_filters_reach_the_database_and_its_refusal_is_a_finding() -> None:
    def refuse(table: Table, where: Filter) -> None:
        raise Unsupported("types do not match", code="42883")

    op = operation(operation_type="copy_filtered", filter={"users": "id < 'x'", "ordrs": "id = 1"})
    found = plan(op, explain=refuse)
    assert any("types do not match" in text for text in what(found))
    assert any("ordrs" in text and "not copied" in text for text in what(found))


def test_with_foreign_keys_on_children_wait_and_tables_in_a_cycle_arrive_together() -> None:
    found = plan(target=SCHEMA, suspends_foreign_keys=False)
    assert found.tables[1].waits_for == frozenset({0})
    back = ForeignKey("back", name("users"), ("id",), name("orders"), ("user_id",))
    own = ForeignKey("own", name("orders"), ("user_id",), name("orders"), ("id",))
    cycle = Schema((ORDERS, replace(USERS, foreign_keys=(back,))))
    round_ = plan(target=cycle, suspends_foreign_keys=False)
    assert any("in a circle" in finding.what for finding in round_.findings)
    assert [(t.together, t.waits_for) for t in round_.tables] == [(frozenset({0, 1}), frozenset())] * 2
    assert not any(t.together for t in plan(target=cycle).tables)
    itself = Schema((replace(ORDERS, foreign_keys=(own,)), USERS))
    assert [t.whole for t in plan(target=itself, suspends_foreign_keys=False).tables] == [False, True]


def test_an_unmasked_copy_says_so() -> None:
    found = plan(operation(anonymize=False, policy=None))
    assert any("nothing is anonymized" in f.what for f in found.findings)
    assert what(found) == []
    [refused] = what(plan(operation(anonymize=False, policy=None), rule=Requirement()))
    assert "PROD -> DEV: copies unmasked, which is not allowed" in refused


def test_the_same_inputs_give_the_same_hash_whatever_the_rows_and_the_targets_state() -> None:
    grown = Schema((replace(ORDERS, rows=10**9, bytes=10**12, notes=("big",)), USERS))
    assert plan().sha256 == plan(source=grown, target=SCHEMA, suspends_foreign_keys=False).sha256


CHANGES: dict[str, dict[str, Any]] = {
    "filter": {"op": operation(operation_type="copy_filtered", filter={"users": "id > 1"})},
    "tables": {"op": operation(exclude=["orders"], policy=POLICY | {"columns": {
        k: v for k, v in POLICY["columns"].items() if k.startswith("users")}})},  # type: ignore[attr-defined]
    "policy strategy": {"op": operation(policy=POLICY | {"columns": POLICY["columns"] | {"users.full_name": "mask"}})},  # type: ignore[operator]
    "policy domain": {"op": operation(policy=POLICY | {"columns": POLICY["columns"] | {  # type: ignore[operator]
        "users.full_name": {"strategy": "hash", "domain": "x"}}})},
    "not empty": {"op": operation(if_target_not_empty="truncate")},
    "on violation": {"op": operation(on_violation="report")},
    "unmasked": {"op": operation(anonymize=False, policy=None)},
    "key": {"key": "k2"},
    "source host": {"from_": {"host": "other.example"}},
    "source port": {"from_": {"port": 2}},
    "source database": {"from_": {"database": "other"}},
    "source user": {"from_": {"user": "other"}},
    "source options": {"from_": {"options": {"channel_binding": "require"}}},
    "source TLS": {"from_": {"tls": Tls("require")}},
    "target host": {"to": {"host": "other.example"}},
    "target port": {"to": {"port": 2}},
    "target database": {"to": {"database": "other"}},
    "primary key": {"source": Schema((ORDERS, replace(USERS, primary_key=("id", "status"))))},
    "target TLS": {"to": {"tls": Tls(ca="/etc/other.pem")}},
    "roles needed": {"rule": Requirement(("DBA",), unmasked=True)},
    "approvals last": {"rule": Requirement((), True, lasts=timedelta(days=1))},
    "approvals stand": {"rule": Requirement((), True, standing=timedelta(days=1))},
    "unmasked allowed": {"rule": Requirement((), unmasked=False)},
    "column added": {"source": Schema((ORDERS, replace(USERS, columns=(*USERS.columns, Column("x", TEXT, generated=True)))))},
    "column type": {"source": Schema((ORDERS, replace(USERS, columns=(USERS.columns[0], Column("email", varchar(99), False),
                                                                     *USERS.columns[2:]))))},
    "what is one value": {"source": Schema((ORDERS, replace(USERS, columns=(
        *USERS.columns[:2], Column("full_name", TEXT, ignores_case="ascii"), *USERS.columns[3:]))))},
    "nullability": {"source": Schema((ORDERS, replace(USERS, columns=(*USERS.columns[:3], Column("status", TEXT, False),
                                                                      USERS.columns[4]))))},
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_what_is_approved_gives_another_hash(change: str) -> None:
    before, after = plan(), plan(**CHANGES[change])
    assert what(after) == []
    assert before.sha256 != after.sha256
    assert changed(before.what, after.what)


@pytest.mark.parametrize("whose", ["code", "dictionaries"])
def test_another_version_of_what_makes_replacements_gives_another_hash(
    whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = plan()
    if whose == "code":
        monkeypatch.setattr(strategies()["faker"], "version", 99)
    else:
        monkeypatch.setitem(dictionary("people"), "version", 99)
    after = plan()
    assert before.sha256 != after.sha256
    assert [path.split(".")[0] for path in changed(before.what, after.what)] == [whose]


def test_the_hash_is_the_same_on_another_day_and_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from tests.jobs.planning.test_build import plan; print(plan().sha256)"
    away = {
        **os.environ,
        "TZ": "Asia/Tokyo",
        "LANG": "tr_TR.UTF-8",
        "PYTHONHASHSEED": "7",
        "HOME": "/nowhere",
        "USER": "other",
    }
    there = subprocess.run([sys.executable, "-c", code], env=away, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == plan().sha256


def test_another_version_in_one_domain_gives_another_hash_where_that_domain_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def scrambled(domain: str) -> str:
        columns = POLICY["columns"] | {"users.full_name": {"strategy": "scramble", "domain": domain}}  # type: ignore[operator]
        return plan(op=operation(policy=POLICY | {"columns": columns})).sha256

    before = scrambled("ssn"), scrambled("x")
    monkeypatch.setattr(strategies()["scramble"], "revised", {"ssn": 99})
    assert scrambled("ssn") != before[0]
    assert scrambled("x") == before[1]


@pytest.mark.parametrize("one_moment", [True, False])
def test_a_source_whose_readers_see_several_moments_is_told(one_moment: bool) -> None:
    prod = end("PROD", SCHEMA, {})
    source = replace(prod, facts=replace(FACTS, one_moment=one_moment))
    checks = TargetChecks(lambda s, t: [], lambda s: [])
    asks = SourceChecks(lambda table, where: None, lambda table, columns: {})
    made = build(operation(), source, end("DEV", Schema(()), {}, identity="server two"), asks, checks, "k1", FREE)
    told = [finding for finding in made.findings if "do not share one moment" in finding.what]
    assert len(told) == (not one_moment)
    assert all("on_violation" in finding.todo for finding in told)


def test_what_slows_the_target_down_is_told() -> None:
    prod, dev = end("PROD", SCHEMA, {}), end("DEV", Schema(()), {}, identity="server two")
    dev = replace(dev, server=replace(dev.server, notes=("loads are slow here",)))
    checks = TargetChecks(lambda s, t: [], lambda s: [])
    asks = SourceChecks(lambda table, where: None, lambda table, columns: {})
    made = build(operation(), prod, dev, asks, checks, "k1", FREE)
    assert [(f.severity, f.where) for f in made.findings if f.what == "loads are slow here"] == [("warning", "DEV")]
