"""Sampled values: patterns and checksums, when values win over names, and that no value ever gets into evidence."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizers.contract import ColumnShape
from anonymizers.detection.contract import Candidate, Verdict
from anonymizers.detection.detect import detect_table
from anonymizers.detection.values import Look, look
from anonymizers.dictionaries import dictionary

FIRST, LAST = (dictionary("people")[which] for which in ("first_names", "last_names"))


def seen(*values: str | None) -> Look:
    found = look(pa.array(values, pa.string()))
    assert found is not None
    return found


def judged(column: str, values: Sequence[str | None], kind: str = "text", table: str = "t") -> Verdict | None:
    candidate = Candidate(table, column, ColumnShape(kind, length=120), pa.array(values, pa.string()))
    return detect_table([candidate])[0]


def luhn(digits: str) -> bool:
    """Written down another way than the one under test."""
    doubled = [int(d) * (2 if at % 2 else 1) for at, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def mod_97(iban: str) -> int:
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97


@given(st.from_regex(r"[2-6][0-9]{12,18}", fullmatch=True))
def test_a_card_number_has_the_right_check_digit(digits: str) -> None:
    assert (seen(digits).shares["card"] == 1) == luhn(digits)


@given(st.from_regex(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", fullmatch=True))
def test_an_iban_leaves_one(text: str) -> None:
    right = f"{text[:2]}{98 - mod_97(text[:2] + '00' + text[4:]):02}{text[4:]}"
    assert seen(right).shares["bank_account"] == 1
    assert (seen(text).shares["bank_account"] == 1) == (mod_97(text) == 1)


YES = {
    "email": ["a@b.co", "Jane.Doe+x@mail.example.org", "ü@exämple.de", " spaced@example.com "],
    "phone": ["+44 20 7946 0123", "(555) 123-4567", "555-123-4567", "+4915112345678", "030 / 123 456 78", "1-800-555-0199",
              "555.123.4567 x12"],
    "ip": ["10.0.0.1", "255.255.255.255", "2001:db8:0:1:2:3:4:5", "::1", "fe80::1", "10.0.0.1/32"],
    "mac": ["00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7"],
    "ssn": ["123-45-6789", "001-01-0001", "665-12-3456"],
    "card": ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"],
    "bank_account": ["DE89 3704 0044 0532 0130 00", "gb29nwbk60161331926819", "NO9386011117947"],
    "street": ["12 Main St, Springfield", "742 Evergreen Terrace", "Hauptstraße 5", "Rue de Rivoli 12", "12b Baker Street"],
    "person": ["John Smith", "Smith, John", "Mary Ann Johnson", "Dr. Robert Brown"],
    "birth_date": ["1980-02-29", "19800229", "03/04/1975", "1.2.1999", "1980-02-29 00:00:00"],
    "national_id": ["123.456.789-09"],
}  # fmt: skip
NO = {
    "email": ["a@b", "@b.co", "a b@c.de", "git@", "user at example.com", "12@34"],
    "phone": ["123456789", "2024-01-02", "978-3-16-148410-0", "10.0.0.1", "12:30:45", "00123456", "1234-5678-9012", "1.5"],
    "ip": ["1.2.3", "256.1.1.1", "12:30:45", "1.2.3.4.5", "abc"],
    "mac": ["00:1B:44:11:3A", "001B44113AB7"],
    "ssn": ["000-12-3456", "666-12-3456", "900-12-3456", "123456789", "123-45-678"],
    "card": ["4111 1111 1111 1112", "1234567890123", "411111111111"],
    "bank_account": ["DE89 3704 0044 0532 0130 01", "AB12", "DE8937040044"],
    "street": ["Springfield", "12 apples", "5 stars", "Mainframe 3000 Server"],
    "person": ["Springfield", "Acme Ltd", "Gold Plan", "john_smith", "Order 12"],
    "birth_date": ["2031-01-01", "12345", "today"],
    "national_id": ["12345678909"],
}  # fmt: skip


@pytest.mark.parametrize("domain", YES)
def test_values_that_look_like_it_and_values_that_do_not(domain: str) -> None:
    assert [value for value in YES[domain] if seen(value).shares[domain] != 1] == []
    assert [value for value in NO[domain] if seen(value).shares[domain] != 0] == []


@pytest.mark.parametrize("values", [[], [None, None], ["", "  "]])
def test_a_sample_without_values_is_none(values: Sequence[str | None]) -> None:
    assert look(pa.array(values, pa.string())) is None
    assert judged("email", values) == judged("email", []) is not None
    assert judged("status", values) is None


PEOPLE = [f"{first} {last}" for first, last in zip(FIRST[:40], LAST[:40], strict=True)]
SPEAKING = {
    "email": [f"user{n}@example.com" for n in range(40)],
    "phone": [f"+1 555 010 {n:04}" for n in range(40)],
    "ip": [f"10.0.{n}.7" for n in range(40)],
    "ssn": [f"{n + 100}-22-{n + 3000}" for n in range(40)],
    "card": ["4111111111111111", "5500000000000004", "378282246310005"],
    "bank_account": ["DE89370400440532013000", "GB29NWBK60161331926819"],
    "person": PEOPLE,
    "first_name": FIRST[:40],
    "last_name": LAST[:40],
    "street": [f"{n} Main Street" for n in range(1, 40)],
}


@pytest.mark.parametrize("domain", SPEAKING)
def test_values_speak_where_the_name_says_nothing(domain: str) -> None:
    verdict = judged("x1", [*SPEAKING[domain], None, ""])
    assert verdict is not None
    assert verdict.domain == domain
    assert verdict.confidence >= 75
    assert verdict.rule is not None


def test_values_win_over_a_guard() -> None:
    verdict = judged("email_template", SPEAKING["email"])
    assert verdict is not None
    assert verdict.reasons == ("100 % of 40 sampled values look like e-mail addresses",)


@pytest.mark.parametrize("name", ["postal_address", "phone", "first_name"])
def test_values_that_are_plainly_something_else_win_over_a_clear_name(name: str) -> None:
    for domain in ("email", "bank_account"):
        verdict = judged(name, SPEAKING[domain] * 5)
        assert verdict is not None
        assert verdict.domain == domain


def test_name_and_values_that_agree_are_surer_than_the_name() -> None:
    agreed, alone = judged("email", SPEAKING["email"]), judged("email", [])
    assert agreed is not None
    assert alone is not None
    assert agreed.confidence > alone.confidence


@pytest.mark.parametrize("name", ["email", "phone", "first_name", "ssn", "card_number", "iban", "ip_address"])
def test_values_that_look_otherwise_weaken_a_clear_name_and_never_drop_it(name: str) -> None:
    clear, doubted = judged(name, []), judged(name, ["state_1", "state_2", "other_3"] * 20)
    assert clear is not None
    assert doubted is not None
    assert doubted.confidence < clear.confidence
    assert doubted.domain == clear.domain
    assert doubted.rule == clear.rule


def test_values_that_look_otherwise_drop_a_doubtful_name() -> None:
    assert judged("contact", []) is not None
    assert judged("contact", [f"k_{n}" for n in range(30)]) is None


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("cities", ["Houston", "Madison", "Lincoln", "Jackson", "Austin", "Charlotte"] * 8),
        ("brands", ["Ford", "Chase", "Wells", "Gillette", "Craig", "Taylor"] * 8),
        ("products", [f"Blue Shirt {n}" for n in range(40)]),
    ],
)
def test_things_with_names_of_people_are_no_people(table: str, values: Sequence[str | None]) -> None:
    assert judged("name", values, table=table) is None


@pytest.mark.parametrize(
    "values",
    [
        [f"{n}" for n in range(100, 140)],
        [f"ORD-2024-{n:06}" for n in range(40)],
        [f"1.{n}.0" for n in range(40)],
        [f"2024-03-{n % 28 + 1:02}" for n in range(40)],
        ["active", "blocked", "new"] * 15,
        [f"https://example.com/p/{n}" for n in range(40)],
        [f"{n:032x}" for n in range(40)],
        [str(1_700_000_000_000_000 + n * 7919) for n in range(40)],
        ["red", "green", "blue"] * 12,
        ["Berlin", "Paris", "Rome", "Madrid"] * 10,
    ],
)
def test_plain_values_are_nothing(values: Sequence[str | None]) -> None:
    assert judged("x1", values) is None


def test_long_texts_and_documents_go_to_a_person() -> None:
    for values in (
        ["The customer called twice and asked for another appointment next week"] * 12,
        ['{"name": "x"}'] * 12,
        [*(["short"] * 30), "write to jane@example.com please"],
    ):
        verdict = judged("x1", values)
        assert verdict is not None
        assert verdict.undecidable
        assert verdict.rule is None


@pytest.mark.parametrize("kind", ["json", "binary", "other"])
def test_what_nobody_sees_into_goes_to_a_person(kind: str) -> None:
    verdict = judged("anything", [], kind)
    assert verdict is not None
    assert verdict.undecidable


@given(st.text(), st.sampled_from(["text", "integer", "other", "date", "json"]),
       st.lists(st.none() | st.text(min_size=4, max_size=60), max_size=20))  # fmt: skip
def test_every_name_and_sample_gets_an_answer(name: str, kind: str, values: Sequence[str | None]) -> None:
    columns = [Candidate("t", name, ColumnShape(kind), pa.array(values, pa.string()))]
    verdicts = detect_table(columns)
    assert len(verdicts) == 1
    assert verdicts == detect_table(columns)
    if verdicts[0]:
        assert 0 <= verdicts[0].confidence <= 100
        assert verdicts[0].reasons
        assert verdicts[0].undecidable == (verdicts[0].rule is None)


def test_no_value_gets_into_the_evidence() -> None:
    marked = random.Random(7)
    for domain, values in SPEAKING.items():
        secret = f"canary{marked.randrange(10**9)}"
        for name in ("x1", domain, "name", "notes"):
            for kind in ("text", "integer", "json"):
                told = repr(judged(name, [*values, secret, f"{secret}@example.com"], kind))
                assert secret not in told
                assert not any(value in told for value in values if len(value) > 4)


LABELS = [
    f"{what} {size}" for what in ("Bottle", "Box", "Crate") for size in ("XS", "S", "M", "L", "XL", "XXL", "mini")
]


def test_short_labels_in_a_column_named_like_free_text_are_no_free_text() -> None:
    for name in ("description", "notes", "details"):
        assert free_text(name, LABELS) is False
    assert free_text("description", [*LABELS, None, ""]) is False


@pytest.mark.parametrize(
    "more",
    [
        "A label of more than forty characters altogether",
        "Ask for the owner",
        "Called.",
        "Paid!\nTwice",
        "Mary Johnson",
        "Mary",
        "jane@example.com",
        "555-123-4567",
        '{"a": 1}',
        "see jane@example.com",
    ],
)
def test_one_value_that_is_no_label_leaves_it_to_a_person(more: str) -> None:
    assert free_text("description", [*LABELS * 9, more])


@pytest.mark.parametrize("values", [[], [None, " "], LABELS[:19]])
def test_too_few_values_leave_it_to_a_person(values: Sequence[str | None]) -> None:
    assert free_text("description", values)


@given(st.lists(st.text("aB .!@{", min_size=1, max_size=50), max_size=40))
def test_free_text_is_only_ever_cleared_by_enough_short_values(values: list[str]) -> None:
    told = [value.strip() for value in values if value.strip()]
    if not free_text("description", values):
        assert len(told) >= 20
        assert max(map(len, told)) <= 40


def free_text(name: str, values: Sequence[str | None]) -> bool:
    verdict = detect_table([Candidate("t", name, ColumnShape("text"), pa.array(values, pa.string()))])[0]
    assert verdict is None or verdict.undecidable or verdict.rule
    return verdict is not None


LISTED = pa.array(["new", "paid", "void"] * 9)


@pytest.mark.parametrize("name", ["status", "mood", "card", "contact", "gender", "x1"])
def test_words_that_the_schema_lists_are_nobodys(name: str) -> None:
    assert detect_table([Candidate("t", name, ColumnShape("enum"), LISTED)]) == [None]
    assert detect_table([Candidate("t", name, ColumnShape("enum", nullable=False))]) == [None]


@pytest.mark.parametrize("name", ["city", "first_name", "email", "customer_name"])
def test_words_that_the_schema_lists_are_personal_where_their_name_says_so(name: str) -> None:
    [found] = detect_table([Candidate("t", name, ColumnShape("enum"), LISTED)])
    assert found is not None
    assert found.rule is not None
    assert found.rule.strategy == "null"
    [found] = detect_table([Candidate("t", name, ColumnShape("enum", nullable=False))])
    assert found is not None
    assert found.undecidable
