"""Proposals: each fits its column, by the order of its domain's list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizers.contract import KINDS, ColumnShape, check
from anonymizers.detection.proposals import PROPOSALS, propose

SHAPES = st.builds(
    ColumnShape,
    kind=st.sampled_from(sorted(KINDS)),
    nullable=st.booleans(),
    unique=st.booleans(),
    length=st.none() | st.integers(1, 300),
)


@given(st.sampled_from(sorted(PROPOSALS)), SHAPES)
def test_a_proposal_fits_its_column_or_says_why_none_does(domain: str, shape: ColumnShape) -> None:
    rule, refused = propose(domain, shape)
    if rule is None:
        assert len(refused) >= len(PROPOSALS[domain])
    else:
        assert check(rule, shape) == []
        assert rule.domain == domain
        assert refused == ()


@given(st.sampled_from(sorted(PROPOSALS)), SHAPES)
def test_nothing_nullable_is_left_to_a_person(domain: str, shape: ColumnShape) -> None:
    rule, _ = propose(domain, shape)
    assert rule is not None or not shape.nullable


def text(nullable: bool = True, unique: bool = False, length: int | None = None) -> ColumnShape:
    return ColumnShape("text", nullable, unique, length)


@pytest.mark.parametrize(
    ("domain", "shape", "strategy"),
    [
        *(
            (domain, text(), "faker")
            for domain in ("email", "person", "first_name", "last_name", "street", "city", "zip")
        ),
        ("email", text(unique=True), "faker"),
        ("email", text(unique=True, length=40), "hash"),
        ("email", text(unique=True, length=30), "tokenize"),
        ("email", text(length=20), "scramble"),
        ("person", text(nullable=False, unique=True), "tokenize"),
        ("zip", ColumnShape("integer", nullable=False), "tokenize"),
        ("phone", text(), "mask"),
        ("phone", text(unique=True), "tokenize"),
        ("phone", text(length=8), "scramble"),
        ("phone", ColumnShape("integer", nullable=False, unique=True), "tokenize"),
        ("ssn", text(), "null"),
        ("ssn", text(nullable=False), "scramble"),
        ("ssn", text(nullable=False, unique=True), "tokenize"),
        ("ssn", ColumnShape("integer", nullable=False), "tokenize"),
        ("card", text(), "tokenize"),
        ("card", text(length=19), "scramble"),
        ("card", ColumnShape("integer"), "tokenize"),
        ("birth_date", ColumnShape("date"), "date_shift"),
        ("birth_date", ColumnShape("timestamp", nullable=False), "date_shift"),
        ("birth_date", text(), "null"),
        ("birth_date", text(nullable=False), "scramble"),
        ("birth_date", ColumnShape("date", unique=True), "null"),
        ("geo", ColumnShape("float"), "null"),
    ],
)
def test_the_first_of_the_list_that_fits(domain: str, shape: ColumnShape, strategy: str) -> None:
    rule, _ = propose(domain, shape)
    assert rule is not None
    assert rule.strategy == strategy
