"""`check`: which rules fit which columns, and what people are told where they do not."""

from __future__ import annotations

import pytest

from anonymizers.contract import ColumnShape, Rule, check

EMAIL = Rule("faker", "email")
WIDTHS = [(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (16, 32, 64)]
BEYOND = (
    "tokenize gives integers from {:,} to {:,} but the column takes {:,} to {:,}:"
    " a wider type in the target would take them"
)
BEYOND_WIDTHS = {
    (-128, 127): (-999, 999),
    (0, 255): (0, 999),
    (-(2**23), 2**23 - 1): (-9_999_999, 9_999_999),
    (0, 2**32 - 1): (0, 9_999_999_999),
}


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        (EMAIL, ColumnShape("text", nullable=False, unique=True, length=43)),
        (EMAIL, ColumnShape("text", unique=True, ignores_case="unicode")),
        (Rule("faker", "person"), ColumnShape("text", length=23)),
        (Rule("hash", "x"), ColumnShape("text", unique=True, length=32)),
        (Rule("tokenize", "x"), ColumnShape("text", unique=True, length=24)),
        (Rule("tokenize", "x"), ColumnShape("integer", nullable=False, unique=True)),
        *((Rule("tokenize", "x"), ColumnShape("integer", integers=ends, room=ends)) for ends in WIDTHS),
        (Rule("tokenize", "x"), ColumnShape("integer", integers=(0, 2**32 - 1), room=WIDTHS[2])),
        (Rule("tokenize", "x"), ColumnShape("integer", integers=(0, 255), room=WIDTHS[0])),
        (Rule("mask", "x"), ColumnShape("text", length=12)),
        (Rule("scramble", "x"), ColumnShape("text", length=1)),
        (Rule("null", "x"), ColumnShape("other")),
        (Rule("null", "x"), ColumnShape("text", unique=True)),
        (Rule("date_shift", "x"), ColumnShape("date", nullable=False)),
        (Rule("date_shift", "x", {"subject": "user_id"}), ColumnShape("timestamp")),
    ],
    ids=str,
)
def test_fitting_rules_have_no_problems(rule: Rule, column: ColumnShape) -> None:
    assert check(rule, column) == []


@pytest.mark.parametrize(
    ("rule", "column", "problems"),
    [
        (
            Rule("shuffle", "x"),
            ColumnShape("text"),
            [
                "there is no strategy 'shuffle': use one of date_shift, faker, hash, mask, null, scramble, tokenize, or keep"
            ],
        ),
        (EMAIL, ColumnShape("integer"), ["faker does not take integer columns; null, tokenize or keep would"]),
        (Rule("hash", "x"), ColumnShape("date"), ["hash does not take date columns; date_shift, null or keep would"]),
        (
            Rule("faker", "users.email"),
            ColumnShape("text"),
            [
                "faker needs a domain, one of city, company, email, first_name, last_name, person, phone, street, zip",
            ],
        ),
        (Rule("mask", "x", {"keep": 3}), ColumnShape("text"), ["mask has no option 'keep' (it takes none)"]),
        (
            EMAIL,
            ColumnShape("text", length=30),
            ["faker gives up to 43 characters but the column takes 30"],
        ),
        (Rule("null", "x"), ColumnShape("text", nullable=False), ["null gives NULL but the column is NOT NULL"]),
        (
            Rule("faker", "phone"),
            ColumnShape("text", unique=True),
            [
                "faker may give two rows the same value but the column is unique; hash, null, tokenize, keep would not",
            ],
        ),
        (
            Rule("scramble", "x"),
            ColumnShape("text", nullable=False, unique=True, length=30),
            ["scramble may give two rows the same value but the column is unique; tokenize, keep would not"],
        ),
        (
            Rule("mask", "email"),
            ColumnShape("text", nullable=False, unique=True, length=10),
            [
                "mask gives up to 12 characters but the column takes 10",
                "mask may give two rows the same value but the column is unique; keep would not",
            ],
        ),
        (
            Rule("date_shift", "x", {"subject": 7, "days": 3}),
            ColumnShape("date"),
            ["date_shift has no option 'days' (subject)", "option 'subject' of date_shift must be a str"],
        ),
        (
            Rule("date_shift", "x"),
            ColumnShape("date", nullable=False, unique=True),
            ["date_shift may give two rows the same value but the column is unique; keep would not"],
        ),
        *(
            (Rule("tokenize", "x"), ColumnShape("integer", integers=ends, room=ends), [BEYOND.format(*found, *ends)])
            for ends, found in BEYOND_WIDTHS.items()
        ),
        (
            Rule("faker", "x", {"locale": "de"}),
            ColumnShape("uuid"),
            [
                "faker does not take uuid columns; null or keep would",
                "faker has no option 'locale' (it takes none)",
                "faker needs a domain, one of city, company, email, first_name, last_name, person, phone, street, zip",
            ],
        ),
    ],
    ids=str,
)
def test_every_problem_is_said_at_once(rule: Rule, column: ColumnShape, problems: list[str]) -> None:
    assert check(rule, column) == problems
