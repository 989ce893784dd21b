"""The plan for a schema: what is made, altered and dropped in each mode, what is told instead, and what is hashed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.facts import Facts
from connectors.grammar import Grammar
from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.schema import TableName
from jobs.planning.schema_plan import Applied, SchemaPlan, clashes, compared, dropped, early, steps, with_applied
from tests.jobs.planning.things import altered, column, index, key, table, thing, view

USERS, ORDERS = TableName("public", "users"), TableName("public", "orders")
BOTH = (
    table(USERS),
    column(USERS, "id"),
    table(ORDERS),
    column(ORDERS, "id"),
    thing(ObjectKind.PRIMARY_KEY, "users_pkey", USERS),
    index(ORDERS, "by_user"),
    thing(ObjectKind.CHECK, "sane", USERS),
    key(ORDERS, "bought_by", USERS),
    view("public.spenders", USERS, ORDERS),
    thing(ObjectKind.COMMENT, "by_user", ORDERS, needs=(ObjectId(ObjectKind.INDEX, ORDERS, "by_user"),)),
)
FACTS = Facts(
    engine="any", title="Any", address=frozenset(), default_port=None, default_schema="public", filter_dialect=None,
    options=frozenset(), snapshot_holder="driver", writers=None, file=False, ways=(),
)  # fmt: skip

GRAMMAR = Grammar(dialect="", words="", sums="long", moments="values", clock="", instant="", utc_clock="", today="",
                  clock_digits=0, index_names_apart=False)  # fmt: skip


def changed(wanted: Any, there: Any, mode: Any = "create", **more: Any) -> tuple[list[tuple[str, str]], list[str]]:
    changes, _, findings = compared("DEV", wanted, there, mode, altered, **more)
    return [(change.action, change.id.name) for change in changes], [str(finding) for finding in findings]


def test_who_asks_for_it_gets_anything_altered_that_the_engine_can_and_does_not_change_rows_by_itself() -> None:
    wanted = [table(USERS, ORDERS), column(USERS, "c", definition="narrow")]
    there = [table(USERS, ORDERS), column(USERS, "c")]
    made, [told] = changed(wanted, there, "update", alter="any")
    assert made == [("alter", "c")]
    assert "programs or rows could need it as it is" in told
    changes, _, findings = compared(
        "DEV", wanted, there, "update", lambda *two: replace(altered(*two), refuses=False), alter="any"
    )
    assert changes == []
    assert "rows would be changed without a word" in findings[0].what
    assert changed([replace(wanted[0], definition="other")], there, "update", alter="any")[0] == []


def test_an_empty_target_gets_everything_in_order() -> None:
    made, findings = changed(BOTH, ())
    assert made == [("make", o.id.name) for o in BOTH if not o.inline]
    assert findings == []


def test_what_is_there_stays_and_what_is_missing_is_added() -> None:
    there = [o for o in BOTH if o.id.name not in ("by_user", "sane")] + [column(USERS, "own")]
    made, findings = changed(BOTH, there, extra=lambda o: o.id.table == USERS)
    assert made == [("make", "by_user"), ("make", "sane"), ("make", "by_user")]
    [finding] = findings
    assert "only the target has it: it stays" in finding
    assert "drop column own" in finding


def test_a_column_is_added_where_rows_could_be_only_if_that_loses_nothing() -> None:
    there = table(USERS)
    assert changed([there, column(USERS, "new")], [there]) == ([("make", "new")], [])
    made, [finding] = changed([there, column(USERS, "new", additive=False)], [there])
    assert made == []
    assert "add it yourself: make column new" in finding
    _, [finding] = changed([there, column(USERS, "new", create=())], [there])
    assert "mode: recreate" in finding


@pytest.mark.parametrize(("definition", "mode", "expected", "told"), [
    ("wide", "update", [("alter", "c")], ""),
    ("wide", "create", [], "say `mode: update`"),
    ("narrow", "update", [], "say `alter: any` with `mode: update`, or alter it yourself: alter column c of public.users"),
    ("narrow", "create", [], "alter it yourself"),
])  # fmt: skip
def test_only_update_alters_and_only_what_loses_nothing(definition: str, mode: str, expected: Any, told: str) -> None:
    wanted = [table(USERS), column(USERS, "c", definition=definition)]
    made, findings = changed(wanted, [table(USERS), column(USERS, "c")], mode)
    assert made == expected
    assert told in "".join(findings)
    assert bool(findings) == bool(told)


def test_a_table_itself_is_never_altered() -> None:
    made, [finding] = changed([replace(table(USERS), definition="partitioned")], [table(USERS)], "update")
    assert made == []
    assert "cannot be altered" in finding


def test_each_change_knows_its_way_back() -> None:
    wanted = [table(USERS), column(USERS, "c", definition="wide")]
    [change], _, _ = compared("DEV", wanted, [table(USERS), column(USERS, "c")], "update", altered)
    assert (change.before, change.after) == ("column c", "wide")
    assert change.down == ("alter column c of public.users to column c",)
    [made], _, _ = compared("DEV", [table(USERS)], [], "create", altered)
    assert (made.before, made.after, made.down) == (None, "table public.users", ("drop table public.users",))


def test_names_that_are_taken_are_told() -> None:
    there = [view("public.users"), index(TableName("public", "other"), "by_user")]
    found = [str(finding) for finding in clashes("DEV", BOTH, there, FACTS)]
    assert len(found) == 2
    assert "table public.users: its name is taken: view public.users" in found[0]
    assert "index by_user of public.orders: its name is taken: index by_user of public.other" in found[1]
    assert len(clashes("DEV", BOTH, there, replace(FACTS, index_names="table"))) == 1
    assert clashes("DEV", BOTH, BOTH, FACTS) == []


def test_where_tables_and_indexes_share_their_names_one_may_be_in_the_way_of_the_other() -> None:
    own = TableName("public", "own")
    there = [table(own), index(own, "users"), view("public.by_user")]
    assert clashes("DEV", BOTH, there, FACTS) == []
    shared = replace(FACTS, grammar=GRAMMAR)
    found = [str(finding) for finding in clashes("DEV", BOTH, there, shared)]
    assert len(found) == 2
    assert "table public.users: its name is taken: index users of public.own" in found[0]
    assert "index by_user of public.orders: its name is taken: view public.by_user" in found[1]


def test_what_waits_for_rows_is_made_late_and_what_stands_on_that_too() -> None:
    changes, _, _ = compared("DEV", BOTH, (), "create", altered)
    assert [c.id.name for c in early(changes)] == ["public.users", "public.orders", "sane"]
    late = steps(plan(changes=tuple(changes)), [USERS, ORDERS])
    assert [step.id.name for step in late] == ["users_pkey", "by_user", "bought_by", "public.spenders", "by_user"]
    assert {step.table for step in late if step.id.kind is ObjectKind.VIEW} == {USERS}
    assert all(step.suspend == () and step.restore for step in late)


def test_what_rows_break_is_no_difference_and_is_proved_again() -> None:
    bought_by = key(ORDERS, "bought_by", USERS)
    there = [replace(o, definition="unproven") if o == bought_by else o for o in BOTH]
    assert changed(BOTH, there)[1] != []
    assert changed(BOTH, there, broken={bought_by.id}) == ([], [])
    broken = plan(broken=frozenset({bought_by.id}))
    assert [step.id for step in steps(broken, [USERS, ORDERS])] == [bought_by.id]
    assert steps(broken, [USERS]) == ()


def test_a_view_of_a_view_waits_for_a_table_that_rows_come_to() -> None:
    over = thing(ObjectKind.VIEW, "public.over", needs=(ObjectId(ObjectKind.VIEW, None, "public.spenders"),))
    changes, _, _ = compared("DEV", [view("public.spenders", ORDERS), over], (), "create", altered)
    assert [step.table for step in steps(plan(changes=tuple(changes)), [USERS, ORDERS])] == [ORDERS, ORDERS]


def test_tables_go_after_what_needs_them() -> None:
    changes, findings = dropped("DEV", BOTH, BOTH, {USERS, ORDERS})
    assert findings == []
    assert [c.id.name for c in changes] == ["bought_by", "public.spenders", "public.orders", "public.users"]
    users = changes[-1]
    assert users.down == ("make table public.users", "make primary key users_pkey", "make check sane")
    assert (users.before, users.after) == ("table public.users", None)


def test_nothing_is_dropped_from_under_what_was_not_named() -> None:
    _, findings = dropped("DEV", BOTH, BOTH[:2], {USERS})
    assert [finding.where for finding in findings] == [
        "DEV: foreign key bought_by of public.orders", "DEV: view public.spenders",
    ]  # fmt: skip


def test_what_is_said_of_a_key_comes_back_with_the_key() -> None:
    bought_by = key(ORDERS, "bought_by", USERS)
    said = thing(ObjectKind.COMMENT, "on the key", ORDERS, needs=(bought_by.id,))
    changes, _ = dropped("DEV", (*BOTH, said), BOTH, {USERS, ORDERS})
    assert changes[0].down == ("make foreign key bought_by", "make comment on the key")
    assert all("make comment on the key" not in change.down for change in changes[1:])


def test_a_type_made_of_a_table_goes_before_it_and_comes_back_after() -> None:
    row = thing(ObjectKind.TYPE, "public.holds", needs=(BOTH[0].id,))
    changes, findings = dropped("DEV", (*BOTH[:2], row), (*BOTH[:2], row), {USERS})
    assert [c.id.name for c in changes] == ["public.holds", "public.users"]
    assert findings == []
    _, findings = dropped("DEV", (*BOTH[:2], row), BOTH[:2], {USERS})
    assert ["type public.holds" in str(finding) for finding in findings] == [True]


def test_what_hangs_on_a_view_comes_and_goes_with_it() -> None:
    totals = view("public.totals", ORDERS)
    once = index(TableName("public", "totals"), "once")
    wanted = (*BOTH[2:4], totals, once)
    changes, _, _ = compared("DEV", wanted, (), "create", altered)
    assert [c.id.name for c in early(changes)] == ["public.orders"]
    [step] = steps(plan(changes=tuple(changes)), [ORDERS])
    assert (step.id, step.table, step.restore) == (totals.id, ORDERS, ("make view public.totals", "make index once"))
    changes, findings = dropped("DEV", wanted, wanted, {ORDERS})
    assert findings == []
    assert changes[0].down == ("make view public.totals", "make index once")


def test_a_sequence_that_may_go_with_its_table_comes_back_before_it() -> None:
    counter = thing(ObjectKind.SEQUENCE, "public.counter")
    there = (counter, table(USERS), column(USERS, "id", needs=(counter.id,)))
    changes, _ = dropped("DEV", there, there, {USERS})
    assert [(c.id.name, c.up) for c in changes] == [
        ("public.users", ("drop table public.users",)),
        ("public.counter", ()),
    ]


def plan(wanted: tuple[SchemaObject, ...] = BOTH, **more: Any) -> SchemaPlan:
    given: dict[str, Any] = {"mode": "create", "changes": (), "extra": (), "left": (), "settings": {}, **more}
    return SchemaPlan(wanted=wanted, **given)


def test_what_is_hashed_is_what_is_wanted_and_what_only_the_target_has() -> None:
    changes, _, _ = compared("DEV", BOTH, (), "create", altered)
    first = plan(changes=tuple(changes))
    assert first.what() == plan().what()  # the next night: nothing is left to do
    assert plan(BOTH[1:]).what() != first.what()
    assert plan((replace(BOTH[0], definition="another"), *BOTH[1:])).what() != first.what()
    assert plan(extra=(column(USERS, "own"),)).what() != first.what()
    assert plan(left=(("function", "tax"),)).what() == first.what()
    literal = replace(BOTH[0], literals=("DEFAULT 'x'",))
    assert plan((literal,)).what()["objects"] == [
        {"name": "table public.users", "definition": "table public.users", "literals": ["DEFAULT 'x'"]}
    ]


def test_of_recreating_it_does_not_matter_what_goes() -> None:
    one, other = (plan(mode="recreate", extra=extra).what() for extra in ((), (column(USERS, "own"),)))
    assert one == other


def test_what_update_has_altered_before_is_approved_for_tomorrow_too() -> None:
    wanted = (table(USERS), column(USERS, "c", definition="wide"))
    changes, _, _ = compared("DEV", wanted, [table(USERS), column(USERS, "c")], "update", altered)
    tonight = with_applied(changes, wanted, [])
    done = Applied("op-1", str(changes[0].id), "alter", changes[0].up, changes[0].after)
    assert with_applied([], wanted, [done]) == tonight != ()
    assert with_applied([], (table(USERS), column(USERS, "c", definition="wider")), [done]) == ()
    assert plan(wanted, mode="update", altered=tonight).what() != plan(wanted, mode="update").what()
