"""What to do with a personal column: the first strategy of its domain's list that fits type, length, NOT NULL and keys."""

from __future__ import annotations

from anonymizers.contract import ColumnShape, Rule, check

_REALISTIC = ("faker", "scramble", "tokenize", "hash", "null")
_CODE = ("scramble", "tokenize", "hash", "null")
_TOKEN = ("tokenize", "scramble", "hash", "null")
_EMPTY = ("null", "scramble", "tokenize", "hash")

PROPOSALS: dict[str, tuple[str, ...]] = {
    "email": ("faker", "hash", "tokenize", "scramble", "null"),
    **dict.fromkeys(("person", "first_name", "last_name", "street", "city", "zip"), _REALISTIC),
    "phone": ("mask", "faker", "tokenize", "hash", "scramble", "null"),
    **dict.fromkeys(("ssn", "card_code", "credential", "geo"), _EMPTY),
    "card": ("tokenize", "scramble", "hash", "null"),
    "birth_date": ("date_shift", "null", "scramble", "tokenize", "hash"),
    **dict.fromkeys(("bank_account", "username"), _TOKEN),
    **dict.fromkeys(
        ("ip", "mac", "device", "national_id", "tax_id", "passport", "driver_licence", "vehicle", "house_number"), _CODE
    ),
}
"""Domain → strategies, the best first. `hash` and `tokenize` stand in where replacements must differ."""


def propose(domain: str, shape: ColumnShape) -> tuple[Rule | None, tuple[str, ...]]:
    """The proposal for a column, or None and why each strategy does not fit. Raises KeyError for an unknown domain."""
    refused: list[str] = []
    for strategy in PROPOSALS[domain]:
        rule = Rule(strategy, domain)
        problems = check(rule, shape)
        if not problems:
            return rule, ()
        refused += problems
    return None, tuple(refused)
