"""Schema objects side by side: what belongs together, in which order it can be made, and what differs."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from connectors.objects import ObjectId, ObjectKind, Objects, SchemaObject
from connectors.schema import TableName
from jobs.planning.objects import RANK, arranged, differences, identical, included, select
from tests.jobs.planning.things import column, index, key, table, thing, view

USERS, ORDERS = TableName("public", "users"), TableName("public", "orders")
SHOP = Objects(
    (
        thing(ObjectKind.SCHEMA, "public"),
        thing(ObjectKind.SCHEMA, "Odd One"),
        thing(ObjectKind.TYPE, "public.state"),
        thing(ObjectKind.TYPE, '"Odd One".unused'),
        thing(ObjectKind.SEQUENCE, "public.counter"),
        table(USERS),
        column(USERS, "id", needs=(ObjectId(ObjectKind.SEQUENCE, None, "public.counter"),)),
        column(USERS, "state", needs=(ObjectId(ObjectKind.TYPE, None, "public.state"),)),
        table(ORDERS),
        column(ORDERS, "id"),
        thing(ObjectKind.PRIMARY_KEY, "users_pkey", USERS),
        thing(ObjectKind.UNIQUE, "users_once", USERS),
        index(USERS, "by_state"),
        thing(ObjectKind.CHECK, "sane", USERS),
        key(ORDERS, "bought_by", USERS),
        view("public.one", USERS),
        view("public.both", USERS, ORDERS),
        thing(ObjectKind.VIEW, "public.over", needs=(ObjectId(ObjectKind.VIEW, None, "public.both"),)),
        thing(ObjectKind.COMMENT, "state", USERS),
        thing(ObjectKind.COMMENT, "by_state", USERS, needs=(ObjectId(ObjectKind.INDEX, USERS, "by_state"),)),
        thing(ObjectKind.TRIGGER, "audit", USERS),
    )
)


def names(objects: tuple[SchemaObject, ...]) -> list[str]:
    return [found.id.name for found in objects]


def test_with_all_tables_comes_everything_but_what_is_never_carried() -> None:
    found = select(SHOP, [USERS, ORDERS], every=True)
    assert {o.id for o in found.made} == {o.id for o in SHOP.made if o.id.kind is not ObjectKind.TRIGGER}
    assert found.stranded == ()


def test_a_table_comes_with_what_hangs_on_it_and_what_it_stands_on() -> None:
    found = select(SHOP, [USERS], every=False)
    assert names(found.made) == [
        "public", "public.state", "public.counter", "public.users", "id", "state", "users_pkey", "users_once", "by_state",
        "sane", "public.one", "state", "by_state",
    ]  # fmt: skip


def test_a_key_out_of_the_tables_is_stranded_unless_its_table_is_there_already() -> None:
    found = select(SHOP, [ORDERS], every=False)
    assert [(o.id.name, to) for o, to in found.stranded] == [("bought_by", USERS)]
    assert "bought_by" not in names(found.made)
    there = select(SHOP, [ORDERS], every=False, elsewhere=[USERS])
    assert "bought_by" in names(there.made)
    assert there.stranded == ()


def test_a_key_in_its_tables_own_words_comes_and_is_told() -> None:
    inside = Objects(tuple(replace(o, inline=True) if o.id.name == "bought_by" else o for o in SHOP.made))
    found = select(inside, [ORDERS], every=False)
    assert [(o.id.name, to) for o, to in found.stranded] == [("bought_by", USERS)]
    assert "bought_by" in names(found.made)


def test_indexes_and_constraints_may_stay_behind_but_never_a_primary_key() -> None:
    found = select(SHOP, [USERS, ORDERS], every=True, indexes=False, constraints=False)
    kinds = {o.id.kind for o in found.made}
    assert ObjectKind.PRIMARY_KEY in kinds
    assert not kinds & {ObjectKind.INDEX, ObjectKind.UNIQUE, ObjectKind.CHECK, ObjectKind.FOREIGN_KEY}
    assert names(found.made).count("by_state") == 0  # nor its comment
    assert included(replace(thing(ObjectKind.CHECK, "inline", USERS), inline=True), False, False)


def test_a_part_brings_its_parents() -> None:
    root, part, leaf = (TableName("public", name) for name in ("z_root", "part", "leaf"))
    parts = (table(root), table(part, root), table(leaf, part), column(root, "id"))
    assert names(select(Objects(parts), [leaf], every=False).made) == [
        "public.z_root",
        "public.part",
        "public.leaf",
        "id",
    ]


def test_a_table_brings_its_parts() -> None:
    root, part, leaf = (TableName("public", name) for name in ("z_root", "part", "leaf"))
    parts = (
        table(root),
        replace(table(part, root), part_of=root),
        replace(table(leaf, part), part_of=part),
        index(leaf, "by_day"),
        table(USERS, root),
    )
    found = names(select(Objects(parts), [root], every=False).made)
    assert found == ["public.z_root", "public.part", "public.leaf", "by_day"]


def test_what_hangs_on_a_view_comes_with_it() -> None:
    totals, once = view("public.totals", USERS), index(TableName("public", "totals"), "once")
    objects = Objects((*SHOP.made, once, totals))
    found = names(select(objects, [USERS], every=False).made)
    assert found.index("public.totals") < found.index("once")
    assert "once" not in names(select(objects, [USERS], every=False, indexes=False).made)
    assert "once" not in names(select(objects, [ORDERS], every=False).made)


def test_what_differs_is_told_once() -> None:
    wanted = select(SHOP, [USERS, ORDERS], every=True).made
    nothing = [d.id.name for d in differences(wanted, ())]
    assert "id" not in nothing  # its table's own words bring it
    assert nothing == [o.id.name for o in wanted if not o.inline]
    other = replace(index(USERS, "by_state"), definition="another")
    there = tuple(other if o.id == other.id else o for o in wanted if o.id.name != "sane")
    extra = index(ORDERS, "own")
    found = differences(wanted, (*there, extra), extra=lambda o: o.id.table == ORDERS)
    assert [(d.state, d.id.name) for d in found] == [("different", "by_state"), ("missing", "sane"), ("extra", "own")]
    assert differences(wanted, (*there, extra), lambda _, __: True)[0].state == "missing"


def test_what_a_missing_column_brings_with_it_is_told_by_the_column() -> None:
    there = (table(USERS), column(USERS, "id"))
    state = column(USERS, "state")
    beside = thing(ObjectKind.CHECK, "known", USERS, inline=True, needs=(state.id,))
    apart = thing(ObjectKind.CHECK, "sane", USERS, inline=True)
    assert [d.id.name for d in differences((*there, state, beside, apart), there)] == ["state", "sane"]
    assert [d.id.name for d in differences((*there, state, beside), (*there, state))] == ["known"]


def test_an_extra_table_is_told_without_all_that_it_brings() -> None:
    found = differences((), (table(USERS), column(USERS, "id"), index(USERS, "by")), extra=lambda _: True)
    assert [d.id.name for d in found] == ["public.users", "by"]


POOL = [o for o in SHOP.made if o.id.kind is not ObjectKind.TRIGGER]


@given(st.permutations(POOL))
def test_any_order_is_arranged_so_that_it_can_be_made(mixed: list[SchemaObject]) -> None:
    found = arranged(mixed)
    assert sorted(found, key=str) == sorted(POOL, key=str)
    ranks = [RANK[o.id.kind] for o in found if not o.needs]
    assert ranks == sorted(ranks)
    made: set[ObjectId] = set()
    for one in found:
        assert all(need in made for need in one.needs)
        made.add(one.id)


@given(st.sets(st.sampled_from(POOL)), st.sets(st.sampled_from(POOL)))
def test_objects_are_the_same_exactly_when_nothing_differs(one: set[SchemaObject], other: set[SchemaObject]) -> None:
    wanted, there = arranged(one), arranged(other)
    found = differences(wanted, there, identical, lambda _: True)
    apart = {o.id for o in one} ^ {o.id for o in other}
    assert {d.id for d in found} <= apart
    assert bool(found) == bool(apart) or all(o.inline for o in one ^ other)
    assert differences(wanted, wanted, identical, lambda _: True) == []


def test_needs_that_lead_round_are_placed_all_the_same() -> None:
    one, other = ObjectId(ObjectKind.VIEW, None, "a"), ObjectId(ObjectKind.VIEW, None, "b")
    round_ = [thing(ObjectKind.VIEW, "a", needs=(other,)), thing(ObjectKind.VIEW, "b", needs=(one,))]
    assert len(arranged(round_)) == 2
