"""Marks: every replacement bears its own, what bears one is found in any spelling, and what does not is left alone.

What the marks are is said here once more, in regular expressions and arithmetic of this file alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizers.apply import ColumnPlan, TableAnonymizer
from anonymizers.contract import ColumnShape, Rule, strategy, version
from anonymizers.dictionaries import words
from anonymizers.fakes import DOMAINS, fake
from anonymizers.keys import MasterKey
from anonymizers.marks import Entries, Mark

MASTER = MasterKey(bytes(range(64, 96)))
TEXT = ColumnShape("text")


def digits(text: str) -> str:
    return re.sub("[^0-9]", "", text)


def luhn(text: str) -> bool:
    doubled = [int(d) * (2 if at % 2 else 1) for at, d in enumerate(reversed(digits(text)))]
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0


def number(text: str) -> bool:
    """Short enough for one number, and ends like one."""
    return 0 < len(text.encode()) <= 64 and text[-1] in "0123456789"


def nobodys_ssn(text: str) -> bool:
    return number(text) and bool(re.fullmatch(r"9\d\d[0-4]\d{5}", digits(text)))


def nobodys_card(text: str) -> bool:
    return number(text) and bool(re.fullmatch(r"9\d{12,18}", digits(text))) and not luhn(text)


def nobodys_phone(text: str) -> bool:
    return number(text) and len(digits(text)) >= 7 and digits(text).startswith("000")


def fictional(text: str) -> bool:
    return number(text) and bool(re.fullmatch(r"\d{3,4}55501\d\d", digits(text)))


def matching(pattern: str) -> Callable[[str], bool]:
    return lambda text: bool(re.search(pattern, text.encode().decode("latin-1"), re.I | re.S))


MARKS: dict[tuple[str, str], Callable[[str], bool]] = {
    ("faker", "email"): matching(r"\..{12}@example.{4}\Z"),
    ("faker", "phone"): fictional,
    ("mask", "x"): matching(r"\*\*\*"),
    ("hash", "x"): matching(r"\A[0-9a-f]{32}\Z"),
    ("tokenize", "x"): matching(r"\Atok_.{20}\Z"),
    ("scramble", "ssn"): nobodys_ssn,
    ("scramble", "card"): nobodys_card,
    ("scramble", "phone"): nobodys_phone,
}
every_mark = pytest.mark.parametrize(("name", "domain"), MARKS)
NAMES = sorted(DOMAINS - {"email", "phone"})

LIKE = [
    "ann.lee.0123456789ab@example.org", "Ann.Lee.0123456789AB@EXAMPLE.Com", "ann@example.com", "a.0123456789ab@example",
    "ann.0123456789ab@exemple.com", ".0123456789ab@example.net", "+1-202-555-0147", "(202) 555-0147", "12025550147",
    "2025550247", "202 555 0147 ext", "***", "J***", "j***@***.com", "***-***-23", "**", "* * *", "0123456789abcdef" * 2,
    "0123456789ABCDEF" * 2, "0123456789abcdeg" * 2, "f" * 31, "tok_abcdefghijklmnopqrst", "TOK_abcdefghijklmnopqrst",
    "tok_abcdefghijklmnopqrs", "toc_abcdefghijklmnopqrst", "078-05-1120", "978-05-1120", "978-55-1120", "900000000",
    "9000000000", "9111 1111 1111 1111", "9111 1111 1111 1112",
    "4111 1111 1111 1111", "4111 1111 1111 1112", "41111111111", "+00 08 4014 8225", "000-1234", "000123", "Jane Doe", "",
]  # fmt: skip


def plan(name: str, domain: str) -> ColumnPlan:
    return ColumnPlan("value", TEXT, Rule(name, domain), MASTER.domain(name, version(strategy(name), domain), domain))


def mark(name: str, domain: str) -> Mark:
    found = plan(name, domain).mark
    assert found is not None
    return found


def random_numbers(count: int) -> list[str]:
    rng = random.Random(7)
    forms = [
        "###-##-####",
        "#########",
        "#### #### #### ####",
        "4###############",
        "+## ## #### ####",
        "(###) ###-####",
    ]
    return [re.sub("#", lambda _: rng.choice("0123456789"), forms[n % len(forms)]) for n in range(count)]


@every_mark
def test_a_mark_is_what_it_is_said_to_be(name: str, domain: str) -> None:
    values = [*LIKE, *random_numbers(3000)]
    expected = [MARKS[name, domain](value) for value in values]
    assert mark(name, domain).among(pa.array(values)).tolist() == expected
    assert any(expected)
    assert not all(expected)


@given(st.lists(st.text(max_size=40) | st.sampled_from(LIKE)))
@every_mark
def test_a_mark_is_found_whatever_stands_around_it(name: str, domain: str, values: list[str]) -> None:
    found = mark(name, domain).among(pa.array(values, pa.string())).tolist()
    assert found == [MARKS[name, domain](value) for value in values]


@every_mark
def test_every_replacement_bears_its_mark(name: str, domain: str) -> None:
    values = pa.array([None, *random_numbers(9_000)])
    values = {"ssn": values.filter(pa.array([v is not None and len(digits(v)) == 9 for v in values.to_pylist()])),
              "card": values.filter(pa.array([v is not None and len(digits(v)) == 16 for v in values.to_pylist()]))
              }.get(domain, values.drop_null())  # fmt: skip
    replaced = plan(name, domain).replace(values)
    assert mark(name, domain).on(replaced).all()
    assert all(map(MARKS[name, domain], replaced.to_pylist()))
    assert not any(a == b for a, b in zip(values.to_pylist(), replaced.to_pylist(), strict=True))


@pytest.mark.parametrize("domain", NAMES)
def test_names_of_the_dictionary_are_found_and_no_others(domain: str) -> None:
    made = plan("faker", domain).replace(pa.array([f"value {n}" for n in range(5000)])).to_pylist()
    lists = [entries.to_pylist() for entries in fake(domain).lists]
    others = ["", " ", "Jane  Doe", "jane doe", "Doe", "Jane Q Doe", "Łukasz Żółć", "Aaron", "Aaron ", " Abbott", "1 1",
              *(f"{name} x" for name in made[:50]), *(f" {name}" for name in made[:50]),
              *(f"{name}s" for name in made[:50]), *(name[:-1] for name in made[:50]), *made[:500]]  # fmt: skip

    def known(value: str) -> bool:
        parts = value.split(" ", len(lists) - 1)
        return len(parts) == len(lists) and all(part in those for part, those in zip(parts, lists, strict=True))

    entries = Entries(domain)
    assert entries.among(pa.array(others)).tolist() == list(map(known, others))
    assert entries.among(pa.array(made)).all()
    assert entries.on(pa.array(made)).all()


def test_parts_of_names_are_told_apart() -> None:
    """All but those of a domain's last list are one word, and no entry stands in two lists after the first."""
    for domain in NAMES:
        *single, _ = fake(domain).lists
        assert not any(" " in entry for entries in single for entry in entries.to_pylist())
        later = [entry for entries in fake(domain).lists[1:] for entry in entries.to_pylist()]
        assert len(later) == len(set(later))
    assert len(words("people", "first_names")) > 600


@pytest.mark.parametrize("domain", NAMES)
def test_what_stands_for_a_name_is_no_address_and_no_number(domain: str) -> None:
    found = Entries(domain).on(pa.array(["a@b.test", "078-05-1120", "12 Elm 3456", "999 Elm Row 12"]))
    assert found.tolist() == [False, False, False, True]


NUMBERS = pa.array(["078-05-1120", "4111 1111 1111 1111", "+44 20 7946 0123", "n/a", "", None])


def counts(name: str, domain: str, values: pa.Array, *marks: Mark) -> dict[str, int]:
    _, found = TableAnonymizer([plan(name, domain)], marks)(pa.record_batch({"value": values}))
    return dict(found)


def test_what_cannot_bear_its_mark_is_counted() -> None:
    assert counts("scramble", "ssn", NUMBERS) == {"unmarked value": 3}
    assert counts("scramble", "card", NUMBERS) == {"unmarked value": 3}
    assert counts("scramble", "phone", NUMBERS) == {"unmarked value": 1}
    assert counts("scramble", "x", NUMBERS) == {}


def test_an_original_is_looked_for_under_the_marks_of_every_column() -> None:
    values = pa.array(["tok_abcdefghijklmnopqrst", "Aaron Abbott", "j@corp.test", "***", None, ""])
    others = [mark("tokenize", "x"), mark("faker", "person"), mark("mask", "x")]
    assert counts("faker", "email", values) == {}
    assert counts("faker", "email", values, others[0]) == {"alike value": 1}
    assert counts("faker", "email", values, *others) == {"alike value": 3}
    assert counts("faker", "person", values, *others) == {"alike value": 1}
