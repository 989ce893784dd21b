"""What indexes and constraints are called in a target: short enough, each once, and every night the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import connector, engines
from connectors.facts import Facts
from connectors.identifiers import Named, fits, names, reserved, shortened
from connectors.schema import TableName

FACTS = {engine: connector(engine).facts for engine in engines()}
ENGINE = st.sampled_from(sorted(FACTS))
WORD = st.text(st.sampled_from("abAB_é日👩"), min_size=1, max_size=80)
TABLE = st.text(st.sampled_from("tuTU"), min_size=1, max_size=3)


def named(facts: Facts, table: str, name: str, index: bool) -> Named:
    place = TableName(facts.default_schema, table)
    return Named(place, place, name, index)


@given(ENGINE, ENGINE, st.sets(st.tuples(TABLE, WORD, st.booleans()), max_size=12))
def test_each_name_fits_and_is_the_only_one_where_it_must_be(
    source: str, target: str, given_: set[tuple[str, str, bool]]
) -> None:
    theirs = FACTS[target]
    grammar = theirs.grammar
    assert grammar is not None
    objects = [named(theirs, *one) for one in given_]
    tables = {one.table for one in objects}
    found = names(objects, tables, FACTS[source], theirs)
    assert all(fits(name, theirs) for name in found.values())
    places = set()
    for one, name in found.items():
        scope = theirs.index_names if one.index else grammar.constraint_names
        folded = name.lower() if grammar.folds_names else name
        places.add((one.index, one.table if scope == "table" else None, folded))
        taken = {table.name.lower() if grammar.folds_names else table.name for table in tables}
        assert grammar.index_names_apart or not one.index or folded not in taken
    # Two of one table and name in the source may be told apart by letter case alone: they are in the target too.
    assert len(places) == len(found)


@given(ENGINE, ENGINE, TABLE, WORD, st.booleans())
def test_a_name_depends_on_its_own_table_alone_where_nothing_clashes(
    source: str, target: str, table: str, name: str, index: bool
) -> None:
    one, other = (named(FACTS[target], each, name + each, index) for each in (table, "other"))
    alone = names([one], [one.table], FACTS[source], FACTS[target])
    together = names([other, one], [one.table, other.table], FACTS[source], FACTS[target])
    assert alone[one] == together[one]


def test_an_index_named_within_its_table_gets_its_tables_name_where_the_schema_is_looked_through() -> None:
    objects = [named(FACTS["postgresql"], table, "by_v", True) for table in ("a", "b")]
    found = names(objects, [], FACTS["mysql"], FACTS["postgresql"])
    assert list(found.values()) == ["a_by_v", "b_by_v"]
    kept = named(FACTS["postgresql"], "a", "a_by_v", True)
    assert names([kept], [], FACTS["mysql"], FACTS["postgresql"])[kept] == "a_by_v"
    assert list(names(objects, [], FACTS["postgresql"], FACTS["mysql"]).values()) == ["by_v", "by_v"]


def test_names_that_are_one_in_the_target_are_all_told_apart() -> None:
    objects = [named(FACTS["sqlite"], "t", name, True) for name in ("Idx", "idx", "t")]
    found = names(objects, [TableName(None, "t")], FACTS["postgresql"], FACTS["sqlite"])
    assert len({name.lower() for name in found.values()}) == 3
    assert all(name.rpartition("_")[0] for name in found.values())


@pytest.mark.parametrize("limit", [{"name_bytes": 20}, {"name_characters": 20}])
def test_a_shortened_name_tells_what_it_was(limit: dict[str, int]) -> None:
    facts = replace(FACTS["sqlite"], name_bytes=limit.get("name_bytes"), name_characters=limit.get("name_characters"))
    one, other = shortened("é" * 40, facts), shortened("é" * 41, facts)
    assert one != other
    assert fits(one, facts)
    assert one.startswith("é")


def test_reserved_words_are_the_engines_own() -> None:
    words = {engine: facts.grammar for engine, facts in FACTS.items()}
    assert all(reserved("Order", grammar) for grammar in words.values() if grammar is not None)
    assert words["postgresql"] is not None
    assert words["sqlite"] is not None
    assert reserved("user", words["postgresql"])
    assert not reserved("user", words["sqlite"])
