"""What each strategy makes of a value: the forms, the classes, the spellings, the lengths."""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anonymizers import buffers, fakes
from anonymizers.contract import ColumnShape, Rule, strategy
from anonymizers.dictionaries import dictionary
from anonymizers.keys import DomainKey

KEY = DomainKey(bytes(range(32)))


def replace(name: str, values: list[str], domain: str = "x") -> list[str]:
    found = strategy(name).apply(pa.array(values, pa.string()), KEY, ColumnShape("text"), Rule(name, domain))
    return [value.as_py() for value in found]


# mask


def slow_mask(value: str) -> str:
    """The rule of `mask`'s docstring, one value at a time."""
    short = len(value.encode()) <= 255
    if short and value.count("@") == 1 and value[0] != "@" and value[-1] != "@":
        return f"{value[0]}***@***.com"
    digits = re.sub("[^0-9]", "", value)
    if short and len(digits) >= 7 and not value.strip("0123456789 +-()."):
        return f"***-***-{digits[-2:]}"
    return f"{value[0]}***" if len(value) >= 5 else "***"


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("jane.doe@acme.com", "j***@***.com"),
        ("élodie@acme.fr", "é***@***.com"),
        ("🙂@x", "🙂***@***.com"),
        ("a@b@c", "a***"),
        ("@home", "@***"),
        ("home@", "h***"),
        ("+44 20 7946 0123", "***-***-23"),
        ("(555) 123-4 5 (6) ..", "***-***-56"),
        ("123456", "1***"),
        ("1234567", "***-***-67"),
        ("555-1234 ext 5", "5***"),
        ("Jane Doe", "J***"),
        ("Jane", "***"),
        ("張偉先生様", "張***"),
        ("張偉先生", "***"),
        ("", "***"),
        ("1" * 255, "***-***-11"),
        ("1" * 256, "1***"),
        ("x" * 254 + "@y", "x***"),
    ],
)
def test_mask_shows_the_kind_and_at_most_two_characters(value: str, masked: str) -> None:
    assert replace("mask", [value]) == [masked]
    assert slow_mask(value) == masked


ANY_TEXT = st.text(max_size=12)
PHONELIKE = st.text("0123456789 +-().@aé", max_size=20)
LONG = st.text("1@-", min_size=250, max_size=260)


@given(st.lists(ANY_TEXT | PHONELIKE | LONG))
def test_mask_is_its_rule_on_any_text(values: list[str]) -> None:
    assert replace("mask", values) == [slow_mask(value) for value in values]


# scramble


def character_class(character: str) -> str | None:
    """What must stay; None where Unicode's versions disagree: the frozen classes are those of one of them."""
    category = unicodedata.category(character)
    if category != unicodedata.ucd_3_2_0.category(character) or category in ("Cn", "Co"):
        return None
    return {"Lt": "Lu", "Lu": "Lu", "Ll": "Ll", "Cc": "kept", "Cf": "kept"}.get(category, category[0])


CHARACTERS = st.characters(categories=("L", "M", "N", "P", "S", "Z"))


@given(st.lists(ANY_TEXT | st.text(CHARACTERS, max_size=10)))
@example(["Ærøskøbing 12", "ДОМ-7 Ёлка", "Ελένη Παπά", "李 小龙", "محمد ٣٤", "नमस्ते", "𐐀𐐨", "ＡＢ１", "İßſ"])
def test_scramble_keeps_length_bytes_and_classes(values: list[str]) -> None:
    for value, scrambled in zip(values, replace("scramble", values), strict=True):
        assert len(scrambled) == len(value)
        for before, after in zip(value, scrambled, strict=True):
            assert len(after.encode()) == len(before.encode())
            kind = character_class(before)
            if kind in ("P", "S", "Z", "kept") or "\ufe00" <= before <= "\ufe0f":  # and the variation selectors
                assert after == before
            elif kind in ("Lu", "Ll", "M"):
                assert character_class(after) in (kind, None)


def test_scramble_draws_every_character_from_the_whole_value() -> None:
    scrambled = replace("scramble", [f"{'a' * 40}{number:04}" for number in range(500)])
    for position in range(40):
        assert len({value[position] for value in scrambled}) == 26
    assert {digit for value in scrambled for digit in value[40:]} == set("0123456789")


def test_scramble_always_changes_what_has_a_letter_or_a_digit() -> None:
    values = [chr(code) for code in range(0x250)] + [f" {c}-" for c in "0123456789abcXYZ"]
    for value, scrambled in zip(values, replace("scramble", values), strict=True):
        assert (scrambled != value) == any(unicodedata.category(c)[0] in "LN" for c in value), value


def test_scramble_takes_values_larger_than_a_piece() -> None:
    size = buffers.PIECE_BYTES
    values = ["aé1 " * (size // 3), "b", "ü" * size, "x" * size + "é"]
    scrambled = replace("scramble", values)
    for value, other in zip(values, scrambled, strict=True):
        assert len(other.encode()) == len(value.encode())
        assert sum(a == b for a, b in zip(value.replace(" ", ""), other.replace(" ", ""), strict=True)) < len(value) / 8
    assert len(set(re.findall("[^ ]+", scrambled[0]))) > 1000
    assert replace("scramble", values[2:3]) == scrambled[2:3]


def test_every_pool_holds_characters_of_one_class_and_width() -> None:
    for ranges in dictionary("characters")["pools"]:
        members = [chr(code) for low, high in ranges for code in range(low, high + 1)]
        assert 2 <= len(members) <= 1 << 16
        assert len({len(member.encode()) for member in members}) == 1
        assert len({character_class(member) for member in members} - {None}) <= 1


# faker


FORMS = {
    "person": r"[A-Z]\w+ [A-Z]\w+",
    "first_name": r"[A-Z]\w+",
    "last_name": r"[A-Z]\w+",
    "email": r"[a-z]{4,8}\.[a-z]{5,9}\.[0-9a-z]{12}@example\.(com|net|org)",
    "phone": r"\+1-[2-9][0-8]\d-555-01\d\d",
    "street": r"[1-9]\d{0,3} [A-Z]\w+ [A-Z]\w+",
    "city": r"([A-Z][a-z]+ )?[A-Z]\w+",
    "zip": r"00[0-4]\d\d",
    "company": r"[A-Z]\w+ [A-Z]\w+ (and Sons|Group|Inc|LLC|Ltd|PLC)",
}


@pytest.mark.parametrize("domain", sorted(fakes.DOMAINS))
def test_faker_gives_values_of_the_domains_form(domain: str) -> None:
    for value in replace("faker", [f"value {number}" for number in range(3000)], domain):
        assert re.fullmatch(FORMS[domain], value), value
        assert not (domain == "phone" and value[4:6] == "11")


@pytest.mark.parametrize("domain", sorted(fakes.DOMAINS - {"email"}))
def test_faker_never_gives_a_value_back(domain: str) -> None:
    replacements = sorted(set(replace("faker", [f"value {number}" for number in range(20_000)], domain)))
    again = replace("faker", replacements, domain)
    assert not any(before == after for before, after in zip(replacements, again, strict=True))


def test_a_pick_that_equals_its_value_becomes_the_next_entry() -> None:
    entries = dictionary("places")["zips"]
    drawn = fakes.fake("zip").render
    from anonymizers.prf import Cmac

    plain = drawn(Cmac(KEY.derive("value")).text(pa.array(entries))).to_pylist()
    given_back = [index for index, (entry, pick) in enumerate(zip(entries, plain, strict=True)) if entry == pick]
    assert given_back, "the key must be one that draws some entry for itself"
    found = replace("faker", entries, "zip")
    for index, entry in enumerate(entries):
        assert found[index] == (entries[(index + 1) % len(entries)] if index in given_back else plain[index]), entry


def test_an_email_address_has_more_than_80_bits() -> None:
    names = 1
    for entries in fakes.fake("email").lists:
        assert len(entries) == pc.count_distinct(entries).as_py()
        names *= len(entries)
    assert names * 36**fakes.EMAIL_SUFFIX >= 2**80
    assert fakes.fake("email").length <= 43


ADDRESS = "Jane.Doe@Acme.com"
SPELLINGS = [ADDRESS, ADDRESS.lower(), ADDRESS.upper(), f" {ADDRESS}", f"{ADDRESS.lower()}\n", "JANE.doe@acme.com"]


def test_spellings_of_an_address_have_one_replacement_ignoring_case_and_are_kept_apart() -> None:
    found = replace("faker", SPELLINGS, "email")
    assert len({value.lower() for value in found}) == 1
    assert len(set(found)) == len(SPELLINGS)
    assert [value.islower() for value in found] == [spelling == ADDRESS.lower() for spelling in SPELLINGS]


@given(st.lists(st.text("aAbB@éÉ \t", max_size=6), unique=True, max_size=50))
def test_distinct_addresses_stay_distinct_and_equal_ones_equal_ignoring_case(values: list[str]) -> None:
    found = replace("faker", values, "email")
    assert len(set(found)) == len(values)
    normal = [value.strip(" \t\n\v\f\r").lower() for value in values]
    assert len({value.lower() for value in found}) == len(set(normal))


def test_dictionaries_say_their_version_and_hold_distinct_entries() -> None:
    for name in ("people", "places", "companies", "characters"):
        content = dictionary(name)
        assert content["version"] >= 1
        assert content["source"]
        if name != "characters":
            for entries in (value for value in content.values() if isinstance(value, list)):
                assert len(entries) == len(set(entries)) >= 2


# hash and tokenize


def test_hash_is_the_cmac_in_hexadecimal() -> None:
    from cryptography.hazmat.primitives.ciphers import algorithms
    from cryptography.hazmat.primitives.cmac import CMAC

    for value in ("", "jane.doe@acme.com", "é" * 100):
        mac = CMAC(algorithms.AES(KEY.derive("value")))
        mac.update(value.encode())
        assert replace("hash", [value]) == [mac.finalize().hex()]


def test_tokens_say_that_they_are_tokens() -> None:
    found = replace("tokenize", [str(number) for number in range(500)])
    assert all(re.fullmatch("tok_[a-z2-7]{20}", token) for token in found)
    assert {character for token in found for character in token[4:]} == set("abcdefghijklmnopqrstuvwxyz234567")
