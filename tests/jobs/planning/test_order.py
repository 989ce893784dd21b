"""Load order: referenced tables come first, cycles are named, whatever the graph."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.schema import ForeignKey, TableName
from jobs.planning.order import load_order

NAMES = [TableName("s", letter) for letter in "abcdefgh"]


def key(one: TableName, other: TableName) -> ForeignKey:
    return ForeignKey("k", one, ("x",), other, ("y",))


def reaches(graph: set[tuple[TableName, TableName]], start: TableName, goal: TableName) -> bool:
    seen, todo = set(), [start]
    while todo:
        here = todo.pop()
        for one, other in graph:
            if one == here and other not in seen:
                seen.add(other)
                todo.append(other)
    return goal in seen


@given(st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=20))
def test_referenced_tables_come_first_except_within_a_cycle(edges: set[tuple[TableName, TableName]]) -> None:
    order, cycles = load_order(NAMES, [key(*edge) for edge in edges])
    assert sorted(order) == NAMES
    proper = {(one, other) for one, other in edges if one != other}
    for one, other in proper:
        if not reaches(proper, other, one):
            assert order.index(other) < order.index(one)
    on_cycles = {name for name in NAMES if reaches(proper, name, name)}
    mutual = {
        frozenset(n for n in on_cycles if n == one or (reaches(proper, n, one) and reaches(proper, one, n)))
        for one in on_cycles
    }
    assert set(cycles) == mutual
    assert len(cycles) == len(mutual)


def test_tables_outside_the_copy_do_not_matter() -> None:
    assert load_order(NAMES[:1], [key(NAMES[0], NAMES[5])]) == (NAMES[:1], [])
