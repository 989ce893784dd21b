"""What waits while rows come, and why the rest stays."""

from __future__ import annotations

from dataclasses import replace

from connectors.facts import Server
from connectors.objects import ObjectId, ObjectKind, Step
from connectors.schema import ForeignKey, Index, IndexPart, Table, TableName
from jobs.planning.suspending import WORTH, Waits, chosen, counted, enforced, fires, keys, told

NAME = TableName("public", "orders")
INDEX = Index("orders_note", (IndexPart("note"),))
KEY = ForeignKey("orders_user", NAME, ("user_id",), TableName("public", "users"), ("id",))
SOURCE = Table(NAME, (), bytes=WORTH)
THERE = Table(NAME, (), indexes=(INDEX,), foreign_keys=(KEY,), hooks=("trigger loud", "rule r"))
PLAIN = Server("1", "x", "")
SUPER = replace(PLAIN, suspends_foreign_keys=True)


def step(kind: ObjectKind, name: str) -> Step:
    return Step(ObjectId(kind, NAME, name), NAME, ("away",), ("back",))


FOUND = [
    step(ObjectKind.FOREIGN_KEY, "orders_user"),
    step(ObjectKind.TRIGGER, "loud"),
    step(ObjectKind.INDEX, "orders_note"),
]


def waits(source: Table = SOURCE, there: Table = THERE, found: list[Step] = FOUND, server: Server = PLAIN,
          appends: bool = False) -> Waits:  # fmt: skip
    [one] = chosen([(source, there)], found, server, appends=appends)
    return one


def kinds(one: Waits) -> list[str]:
    return [found.id.kind.value for found in one.steps]


def test_of_a_large_table_everything_waits_in_the_order_in_which_it_is_suspended() -> None:
    assert kinds(waits()) == ["foreign key", "trigger", "index"]
    assert str(waits()) == "1 index, 1 foreign key, 1 trigger wait"


def test_indexes_of_a_small_table_stay_and_its_keys_and_triggers_wait() -> None:
    small = waits(replace(SOURCE, bytes=WORTH - 1))
    assert kinds(small) == ["foreign key", "trigger"]
    assert small.stays == "1 index stays: building them takes longer than so few rows do"


def test_indexes_stay_where_more_rows_are_there_than_are_added() -> None:
    full = replace(THERE, bytes=WORTH + 1)
    assert "index" not in kinds(waits(there=full, appends=True))
    assert "index" in kinds(waits(there=full))
    assert "index" in kinds(waits(replace(SOURCE, bytes=WORTH * 2), full, appends=True))


def test_keys_that_sessions_leave_unchecked_need_not_wait() -> None:
    assert kinds(waits(server=SUPER)) == ["trigger", "index"]
    assert keys([waits(server=SUPER)], SUPER) == "off in our sessions, proved afterwards"
    assert keys([waits()], PLAIN).startswith("away while rows come")
    assert keys([waits(found=[])], PLAIN) == "on: by load order"


def test_what_our_user_may_not_suspend_is_told() -> None:
    nothing = waits(found=[])
    assert nothing.steps == ()
    assert nothing.stays == (
        "index orders_note stays: a key or an object needs it, or our user may not drop and make it;"
        " foreign keys: our user may not drop and make them: they stay on while rows come"
    )


def test_tables_without_anything_to_wait_are_not_told_of() -> None:
    assert chosen([(SOURCE, Table(NAME, ()))], [], PLAIN, appends=False) == []


def test_hooks_and_keys_that_do_not_wait_are_those_that_matter() -> None:
    assert fires(THERE, FOUND, asked=True) == [("rule r", "")]
    assert fires(THERE, [], asked=False) == [("trigger loud", ""), ("rule r", "")]
    assert fires(THERE, [], asked=True) == [("trigger loud", ", and our user may not set it aside"), ("rule r", "")]
    assert enforced(THERE, FOUND) == []
    assert enforced(THERE, FOUND[1:]) == [KEY]


def test_it_is_told_by_table() -> None:
    assert told([waits()]) == {
        "public.orders": {
            "waits": [
                "foreign key orders_user of public.orders",
                "trigger loud of public.orders",
                "index orders_note of public.orders",
            ],
            "told": "1 index, 1 foreign key, 1 trigger wait",
        }
    }
    assert counted([FOUND[2]] * 2) == ["2 indexes"]
