"""What the report claims of replaced columns, against code that shares nothing with it: plain reads of both databases, a
search for every original in every cell of the target, and forms of replacements written down here once more."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from anonymizers.apply import ColumnPlan
from tests.jobs.running.faults import only_operation
from tests.jobs.running.site import Site
from tests.jobs.running.test_run import go

pytestmark = pytest.mark.usefixtures("no_spark")

Row = dict[str, str | None]
RULES: dict[str, Any] = {
    "name": {"strategy": "faker", "domain": "person"},
    "email": {"strategy": "faker", "domain": "email"},
    "phone": "mask",
    "mobile": {"strategy": "faker", "domain": "phone"},
    "fax": {"strategy": "scramble", "domain": "phone"},
    "ssn": {"strategy": "scramble", "domain": "ssn"},
    "card": {"strategy": "scramble", "domain": "card"},
    "token": "tokenize",
    "digest": "hash",
    "secret": "null",
    "comment": "keep",
}
MARKED = ["email", "phone", "mobile", "fax", "ssn", "card", "token", "digest"]
FORMS: dict[str, Callable[[str], bool]] = {
    "email": lambda v: bool(re.search(r"\.[0-9a-z]{12}@example\.(com|net|org)$", v.lower())),
    "phone": lambda v: "***" in v,
    "mobile": lambda v: bool(re.fullmatch(r"\d{3,4}55501\d\d", digits(v))),
    "fax": lambda v: len(digits(v)) > 6 and digits(v).startswith("000"),
    "ssn": lambda v: bool(re.fullmatch(r"9\d\d[0-4]\d{5}", digits(v))),
    "card": lambda v: bool(re.fullmatch(r"9\d{12,18}", digits(v))) and not luhn(digits(v)),
    "token": lambda v: v.startswith("tok_") and len(v) == 24,
    "digest": lambda v: bool(re.fullmatch("[0-9a-f]{32}", v)),
}
"""By column: what only its replacements look like."""


def digits(text: str) -> str:
    return "".join(letter for letter in text if letter in "0123456789")


def luhn(number: str) -> bool:
    values = [int(d) for d in reversed(number)]
    return (sum(values[::2]) + sum(sum(divmod(2 * v, 10)) for v in values[1::2])) % 10 == 0


def person(rng: random.Random, number: int) -> Row:
    """Somebody real: nothing of theirs looks like a replacement."""

    def drawn(count: int) -> str:
        return "".join(rng.choices("0123456789", k=count))

    phones = [f"+44 20 7{drawn(3)} {drawn(4)}", f"(6{drawn(2)}) 6{drawn(2)}-{drawn(4)}", f"0171{drawn(7)}"]
    card = "4" + drawn(14)
    card += next(d for d in "0123456789" if luhn(card + d))
    return {
        "name": f"Näme {number} Bergström",
        "email": f"user{number}@corp{number % 7}.test",
        "phone": rng.choice(phones),
        "mobile": None if number % 9 == 0 else rng.choice(phones),
        "fax": rng.choice(phones),
        "ssn": f"{rng.randrange(100, 600)}-{rng.randrange(10, 99)}-{drawn(4)}",
        "card": card if number % 2 else " ".join(card[at : at + 4] for at in range(0, 16, 4)),
        "token": f"key-{drawn(12)}",
        "digest": f"login{number}",
        "secret": f"secret {drawn(9)}",
        "comment": "" if number % 5 == 0 else "likes tea",
    }


def copied(
    site: Site, people: Sequence[Mapping[str, str | None]], rules: Mapping[str, Any] = RULES
) -> tuple[dict[str, Any], list[str], str]:
    """Copy these people: the report as data, every text of the target, and the report as people read it."""
    columns = ", ".join(f"{name} text" for name in people[0])
    site.server.execute(site.prod, f"CREATE TABLE people (id integer PRIMARY KEY, {columns})")
    site.server.insert(site.prod, "people", [(n, *row.values()) for n, row in enumerate(people)])
    policy = {"people.id": "keep", **{f"people.{name}": rules[name] for name in people[0]}}
    text = go(site, policy={"key": {"secret": f"file:{site.folder / 'master.key'}"}, "columns": policy})
    report = only_operation(site).report
    assert report is not None
    cells = [cell for row in site.landing.read(site.dev, "people") for cell in row if isinstance(cell, str)]
    return report, cells, " ".join(text.split())


def leaked(people: Sequence[Mapping[str, str | None]], cells: Sequence[str]) -> set[str]:
    """Columns of which some original is found anywhere in the target: within a cell, or as a cell's digits."""
    whole, numbers = "\n".join(cells), {digits(cell) for cell in cells}
    found = set()
    for row in people:
        for column, value in row.items():
            if column not in ("name", "comment") and value:
                long = len(digits(value)) > 6 and "@" not in value
                if value in whole or (long and digits(value) in numbers):
                    found.add(column)
    return found


def named(columns: Sequence[str]) -> list[str]:
    return [f"people.{column}" for column in columns]


def claimed(report: Mapping[str, Any]) -> list[str]:
    """The columns of which it is claimed that no original stands in a replaced column."""
    return [column.rsplit(".", 1)[-1] for column in report["claims"]["proven"]]


def plain(names: Sequence[str]) -> list[str]:
    return [name.rsplit(".", 1)[-1] for name in names]


def test_what_is_claimed_of_real_people_is_true_of_every_cell(site: Site) -> None:
    people = [person(random.Random(number), number) for number in range(400)]
    report, cells, text = copied(site, people)
    assert claimed(report) == MARKED
    assert leaked(people, cells) == set()
    claims = report["claims"]
    assert (plain(claims["names"]), claims["open"], plain(claims["kept"])) == (["name"], {}, ["comment"])
    assert plain(claims["emptied"]) == ["secret"]
    [table] = report["tables"]
    assert not any(count for kind in ("unchanged", "alike", "unmarked") for count in table[kind].values())
    assert re.search(r"✓ no original value of \S*people.email, .* stands in any replaced column ", text)
    assert re.search(r"people.name: 0 of 400 rows hold what the dictionary also gives to others", text)
    assert re.search(r"emptied, their values were not even read: \S*people.secret", text)
    assert re.search(r"not looked into, .*people.comment", text)


ALIKE: dict[str, list[str]] = {
    "email": [
        "ann.lee.0123456789ab@example.org",
        "Ann.Lee.0123456789AB@Example.com",
        "ann@example.com",
        "a@example.net",
    ],
    "phone": ["***", "***-***-12", "**-**"],
    "mobile": ["+1-202-555-0147", "(202) 555-0147", "12025550147", "202-555-0247"],
    "fax": ["000-123-4567", "+00 08 4014 8225", "001 234 5678"],
    "ssn": ["900-12-3456", "978051120", "978-55-1120"],
    "card": ["9111 1111 1111 1111", "9111111111111113", "4111 1111 1111 1112", "4111 1111 1111 1111"],
    "token": ["tok_abcdefghijklmnopqrst", "tok_"],
    "digest": ["0123456789abcdef" * 2, "0123456789abcdef"],
}
"""By column: originals that look like its replacements, and some that only seem to."""


@pytest.mark.parametrize("column", ALIKE)
def test_originals_that_look_like_replacements_take_the_claim_away_and_are_counted(site: Site, column: str) -> None:
    people = [person(random.Random(number), number) for number in range(60)]
    for row, alike in zip(people, ALIKE[column], strict=False):
        row[column] = alike
    counted = sum(FORMS[column](value) for row in people if (value := row[column]))
    report, cells, text = copied(site, people)
    [table] = report["tables"]
    assert counted
    assert table["alike"][column] == counted
    assert claimed(report) == [name for name in MARKED if name != column]
    assert not leaked(people, cells) & set(claimed(report))
    assert re.search(
        rf"! \S*people.{column}: {counted} of 60 rows hold what looks like a replacement: not proven", text
    )


def test_an_original_may_look_like_the_replacement_of_another_column(site: Site) -> None:
    people = [person(random.Random(number), number) for number in range(20)]
    people[3]["email"], people[4]["email"] = "tok_abcdefghijklmnopqrst", "***"
    report, _, _ = copied(site, people)
    assert report["tables"][0]["alike"]["email"] == 2
    assert claimed(report) == MARKED[1:]


def test_names_that_the_dictionary_gives_to_others_are_counted(site: Site) -> None:
    people = [person(random.Random(number), number) for number in range(50)]
    for number in range(20):
        people[number]["name"] = "Aaron Abbott" if number % 2 else "Aaron Nobody-Else"
    people[21]["name"] = None
    report, _, text = copied(site, people)
    assert report["tables"][0]["alike"]["name"] == 10
    assert claimed(report) == MARKED
    assert re.search(r"people.name: 10 of 50 rows hold what the dictionary also gives to others", text)


def test_what_leaves_no_mark_is_named_as_open(site: Site) -> None:
    people = [
        {"email": f"user{n}@corp.test", "fax": f"{n:07}", "ssn": "n/a" if n == 7 else f"123-45-{n:04}"}
        for n in range(30)
    ]
    report, _, text = copied(site, people, RULES | {"fax": "scramble"})
    assert claimed(report) == ["email"]
    assert {k.rsplit(".", 1)[-1]: v for k, v in report["claims"]["open"].items()} == {
        "fax": "scramble",
        "ssn": "scramble",
    }
    assert re.search(r"! \S*people.ssn: 1 of 30 rows got a replacement without the mark", text)
    assert re.search(r"✓ no original value of \S*people.email stands in .* but those named below as open \(2\)", text)
    assert re.search(r"open, a replacement may be .*people.fax \(scramble\), \S*people.ssn \(scramble\)", text)


@pytest.mark.parametrize("column", ["name", *MARKED])
def test_one_leaked_value_takes_the_claims_away(site: Site, monkeypatch: pytest.MonkeyPatch, column: str) -> None:
    """A broken strategy gives one person the e-mail address (in its own column: the value) of another."""
    people = [person(random.Random(number), number) for number in range(40)]
    victim = people[8]["email" if column == "name" else column]
    assert victim
    replace: Callable[..., pa.Array] = ColumnPlan.replace

    def leaking(plan: ColumnPlan, values: pa.Array, *row: Any) -> pa.Array:
        out = replace(plan, values, *row).to_pylist()
        if plan.name == column and people[5][column] in values.to_pylist():
            out[values.to_pylist().index(people[5][column])] = victim
        return pa.array(out, pa.string())

    monkeypatch.setattr(ColumnPlan, "replace", leaking)
    report, cells, text = copied(site, people)
    assert leaked(people, cells) == {"email" if column == "name" else column}
    assert report["tables"][0]["unmarked"][column] == 1
    assert claimed(report) == [name for name in MARKED if name != column]
    assert f"people.{column} (" in text
    assert "but those named below as open (1)" in text


def test_a_table_of_very_many_columns_with_coincidences_has_its_counts_kept(site: Site) -> None:
    width = 190 if site.prod.engine == "mysql" else 1500  # more of them do not fit into a page there
    wide = [{f"a_rather_long_name_of_a_column_{n}": "***" for n in range(width)}] * 2
    report, _, _ = copied(site, wide, dict.fromkeys(wide[0], "mask"))
    [table] = report["tables"]
    for kind in ("unchanged", "alike"):
        assert set(table[kind].values()) == {2}
        assert len(table[kind]) == width
    assert claimed(report) == []
