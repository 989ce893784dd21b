"""Decisions: every column decided, foreign keys inherit, and what does not fit is said before a row moves."""

from __future__ import annotations

from dataclasses import replace

from connectors.schema import Column, ColumnType, ForeignKey, Key, Kind, Schema, Table
from jobs.config.names import parse_column
from jobs.config.policy import PolicyRule
from jobs.planning.decisions import Decision, decide
from jobs.planning.findings import Finding
from tests.jobs.planning.sample import INT, ORDERS, TEXT, USERS, name, varchar

ALL = {
    "users.id": "keep",
    "users.email": "faker:email",
    "users.full_name": "faker:person",
    "users.status": "keep",
    "orders.id": "keep",
    "orders.user_id": "keep",
    "orders.note": "keep",
}


def rules(texts: dict[str, str]) -> list[PolicyRule]:
    found = []
    for column, rule in texts.items():
        strategy, _, domain = rule.partition(":")
        found.append(PolicyRule(column, parse_column(column), None if strategy == "keep" else strategy, domain or None))
    return found


def run(texts: dict[str, str], tables: tuple[Table, ...] = (ORDERS, USERS), targets: tuple[Table, ...] = ()
        ) -> tuple[dict[str, Decision], list[Finding]]:  # fmt: skip
    decisions, findings = decide(tables, Schema(tables), {t.name: t for t in targets}, rules(texts), "public")
    return {f"{table}.{d.column}": d for table, found in decisions.items() for d in found}, findings


def test_a_complete_policy_has_no_findings_and_generated_columns_need_no_decision() -> None:
    decisions, findings = run(ALL)
    assert findings == []
    assert set(decisions) == {f"public.{column}" for column in ALL}
    assert decisions["public.users.email"].shape.unique


def test_undecided_columns_stop_the_plan_and_are_listed() -> None:
    _, findings = run({k: v for k, v in ALL.items() if k not in ("users.status", "orders.note")})
    assert len(findings) == 1
    assert "public.users.status" in findings[0].what
    assert "public.orders.note" in findings[0].what


def test_a_foreign_key_inherits_strategy_and_domain() -> None:
    texts = {k: v for k, v in ALL.items() if k != "orders.user_id"} | {"users.id": "tokenize"}
    decisions, findings = run(texts)
    assert findings == []
    child, parent = decisions["public.orders.user_id"], decisions["public.users.id"]
    assert child.rule == parent.rule
    assert "foreign key" in child.origin


def test_a_foreign_key_decided_otherwise_is_refused_but_null_is_allowed() -> None:
    _, findings = run(ALL | {"users.id": "tokenize"})
    assert any(f.where == "public.orders.user_id" and "would not find each other" in f.what for f in findings)
    _, findings = run(ALL | {"orders.user_id": "tokenize"})
    assert any(f.where == "public.orders.user_id" for f in findings)
    _, findings = run(ALL | {"users.id": "tokenize", "orders.user_id": "null"})
    assert findings == []


def test_rules_that_match_nothing_and_second_rules_are_findings_with_hints() -> None:
    _, findings = run(
        ALL | {"users.emial": "keep", "user.id": "keep", "public.users.email": "hash", "users.search": "hash"}
    )
    assert [f.where for f in findings if f.where.startswith("policy rule")] == [
        "policy rule users.emial",
        "policy rule user.id",
        "policy rule public.users.email",
        "policy rule users.search",
    ]
    assert "email" in findings[0].todo


def test_what_does_not_fit_the_column_is_said() -> None:
    for column, rule, why in [
        ("users.id", "mask", "does not take integer"),
        ("orders.note", "hash", "does not take json"),
        ("users.email", "mask", "unique"),
        ("users.email", "null", "NOT NULL"),
        ("users.full_name", "faker:planet", "needs a domain"),
        ("users.full_name", "shuffle", "no strategy"),
    ]:
        _, findings = run(ALL | {column: rule})
        assert any(why in f.what for f in findings), (column, rule)


def test_the_targets_own_length_and_keys_count_too() -> None:
    target = replace(
        USERS,
        columns=(*USERS.columns[:2], Column("full_name", varchar(5)), *USERS.columns[3:]),
        uniques=(Key(("full_name",)),),
    )
    _, findings = run(ALL, targets=(target,))
    assert any("column is unique" in f.what for f in findings)
    assert any("takes 5" in f.what for f in findings)


def test_a_composite_key_with_a_kept_key_inside_needs_no_injective_replacement() -> None:
    table = Table(
        name("t"), (Column("id", INT, nullable=False), Column("x", TEXT)), ("id",), (Key(("id", "x")), Key(("x", "id")))
    )
    _, findings = run({"t.id": "keep", "t.x": "mask"}, (table,))
    assert findings == []
    _, findings = run({"t.id": "keep", "t.x": "mask"}, (replace(table, primary_key=(), uniques=(Key(("id", "x")),)),))
    assert any("unique" in f.what for f in findings)


def test_self_references_and_cycles_are_resolved() -> None:
    own = ForeignKey("boss", name("users"), ("id",), name("users"), ("id",))
    _, findings = run(ALL, (ORDERS, replace(USERS, foreign_keys=(own,))))
    assert findings == []
    back = ForeignKey("back", name("users"), ("id",), name("orders"), ("user_id",))
    decisions, findings = run(ALL | {"users.id": "tokenize:u", "orders.user_id": "tokenize:u"},
                              (ORDERS, replace(USERS, foreign_keys=(back,))))  # fmt: skip
    assert findings == []
    assert decisions["public.orders.user_id"].rule == decisions["public.users.id"].rule


def test_an_integer_whose_replacement_might_not_fit_stops_the_plan_unless_the_target_has_room() -> None:
    def orders(type_: ColumnType) -> Table:
        return replace(ORDERS, columns=(*ORDERS.columns, Column("weight", type_)))

    texts = ALL | {"orders.weight": "tokenize"}
    narrow = ColumnType("mediumint", Kind.INTEGER, bits=24)
    _, [finding] = run(texts, (orders(narrow), USERS))
    assert "tokenize gives integers from -9,999,999 to 9,999,999" in finding.what
    assert run(texts, (orders(narrow), USERS), (orders(narrow),))[1] == [finding]
    assert run(texts, (orders(narrow), USERS), (orders(INT),))[1] == []
    half = ColumnType("int unsigned", Kind.INTEGER, bits=32, unsigned=True)
    assert "0 to 4,294,967,295" in run(texts, (orders(half), USERS))[1][0].what
    assert run(texts, (orders(INT), USERS))[1] == []
