"""Columns that ignore case: what the database takes for one value gets what it takes for one replacement, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizers.contract import ColumnShape, Rule, strategies
from anonymizers.keys import DomainKey
from anonymizers.letter_case import lower

KEY = DomainKey(bytes(range(32)))
CASES = [
    (name, domain)
    for name, found in sorted(strategies().items())
    if "text" in found.accepts and found.needs_values
    for domain in sorted(found.domains or {"anything"})
]
every_case = pytest.mark.parametrize(("name", "domain"), CASES)
PAIRS = "aAbBzZéÉøØжЖωΩ"
TEXT = st.text(st.sampled_from(PAIRS + "ßıKİ1@. 李") | st.characters(codec="utf-8"), max_size=12)


def ascii_lower(text: str) -> str:
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), text)


def unicode_lower(text: str) -> str:
    return str(lower(pa.array([text], pa.string()))[0].as_py())


LOWER: dict[Literal["ascii", "unicode"], Callable[[str], str]] = {"ascii": ascii_lower, "unicode": unicode_lower}
every_way = pytest.mark.parametrize("way", LOWER)


def replaced(name: str, domain: str, values: list[str], way: Literal["ascii", "unicode"] | None) -> list[str]:
    shape = ColumnShape("text", ignores_case=way)
    out = strategies()[name].apply(pa.array(values, pa.string()), KEY, shape, Rule(name, domain))
    return [str(value) for value in out.to_pylist()]


@every_case
@every_way
@settings(max_examples=30)
@given(values=st.lists(TEXT, min_size=1, max_size=8))
def test_spellings_of_one_value_stay_spellings_of_one(
    name: str, domain: str, way: Literal["ascii", "unicode"], values: list[str]
) -> None:
    fold = LOWER[way]
    others = ["".join(c.upper() if fold(c.upper()) == fold(c) else c for c in value) for value in values]
    assert [fold(value) for value in others] == [fold(value) for value in values]
    one, other = replaced(name, domain, values, way), replaced(name, domain, others, way)
    assert [fold(value) for value in one] == [fold(value) for value in other]


@every_case
def test_a_value_in_lower_case_gets_the_replacement_it_gets_elsewhere(name: str, domain: str) -> None:
    values = ["jane.doe@acme.com", "jane", "+44 20 7946 0123", "ünï"]
    for way in LOWER:
        assert replaced(name, domain, values, way) == replaced(name, domain, values, None)


@pytest.mark.parametrize(("name", "domain"), [("hash", "x"), ("tokenize", "x"), ("faker", "email")])
def test_a_unique_column_stays_unique_where_the_database_tells_values_apart(name: str, domain: str) -> None:
    values = ["é@x", "É@x", "a@x", " a@x", "a@x "]
    for way in LOWER:
        found = {value.lower() for value in replaced(name, domain, values, way)}
        assert len(found) == len({LOWER[way](value) for value in values})


def test_scramble_leaves_the_case_of_latin_letters_where_it_was() -> None:
    for way in LOWER:
        [one, other] = replaced("scramble", "x", ["Jane-DOE 12", "jANE-doe 12"], way)
        assert re.fullmatch("[A-Z][a-z]{3}-[A-Z]{3} [0-9]{2}", one)
        assert other == one.swapcase()


def test_no_value_becomes_another_spelling_of_itself() -> None:
    values = [c * 2 for c in "abcdefghijklmnopqrstuvwxyz"] + list("abcdefghijklmnopqrstuvwxyz0123456789")
    spelt = [value.upper() for value in values]
    for way in LOWER:
        assert not any(
            a.lower() == b.lower() for a, b in zip(spelt, replaced("scramble", "x", spelt, way), strict=True)
        )
    names = [name.upper() for name in replaced("faker", "first_name", [str(number) for number in range(3000)], None)]
    kept = [
        name
        for name, new in zip(names, replaced("faker", "first_name", names, "ascii"), strict=True)
        if name == new.upper()
    ]
    assert kept == []
