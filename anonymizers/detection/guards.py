"""Obvious false alarms: columns that only tell something about a personal one, and kinds that cannot hold it."""

from __future__ import annotations

from anonymizers.contract import ColumnShape
from anonymizers.detection.lexicon import ABOUT, ABOUT_BEFORE, DETAILS, FREE, FREE_FIRST, NOISE, PERSON
from anonymizers.detection.names import Hit

_NUMBERS = frozenset(("text", "integer", "decimal"))
KINDS = {
    "birth_date": frozenset(("text", "integer", "date", "timestamp")),
    "geo": frozenset(("text", "decimal", "float")),
    **dict.fromkeys(
        ("phone", "ssn", "national_id", "tax_id", "passport", "driver_licence", "zip", "card", "card_code",
         "bank_account", "house_number", "device", "ip", "mac"),
        _NUMBERS,
    ),
}  # fmt: skip
"""The kinds that can hold a domain, where that is not text alone."""

LONG = 255
"""A text column that takes more characters than this may hold free text."""

_CODED = frozenset(
    ("ssn", "national_id", "tax_id", "passport", "driver_licence", "bank_account", "card", "zip", "vehicle")
)
"""Domains of codes: `passport_code` is the passport's number, where `city_code` is no city."""

_PAPERS = frozenset(("ssn", "national_id", "tax_id", "passport", "driver_licence", "username"))
"""Domains whose `id` is what stands on the paper or what people log in with, where it is no number of a row."""
_WRITTEN_OUT = frozenset(("street", "person", "phone"))
"""Domains that fill more than a line: `address_details` is the address."""


def possible(domain: str, shape: ColumnShape) -> bool:
    """Whether a column of this kind can hold the domain: no e-mail address is a date. Kinds that planning does not know may
    hold anything, and words that the schema lists may be somebody's city."""
    return shape.kind in ("enum", "other") or shape.kind in KINDS.get(domain, ("text",))


def about(hit: Hit, words: tuple[str, ...], kind: str = "text") -> str | None:
    """The word that makes the column tell something about the phrase instead of holding it (`email_sent_at`)."""
    if hit.start > 0 and words[0] in ABOUT_BEFORE:
        return words[0]
    if words[0] == "last" and hit.domain == "username":  # when, not who
        return words[0]
    for word in words[hit.end :]:
        if word == "code" and hit.domain not in _CODED:
            return word
        if (word == "id" and kind == "text" and hit.domain in _PAPERS) or (
            word in DETAILS and hit.domain in _WRITTEN_OUT
        ):
            continue
        if word in ABOUT or word in FREE:
            return word
    if hit.domain == "ip" and "version" in words:
        return "version"
    return None


def free_text(words: tuple[str, ...], shape: ColumnShape) -> str | None:
    """The word that says that a long text column holds sentences; None for short columns and other names."""
    if shape.kind != "text" or (shape.length is not None and shape.length <= LONG) or not words:
        return None
    if words[-1] in FREE:
        return words[-1]
    of_somebody = words[0] in FREE and all(word in PERSON or word in NOISE for word in words[1:])
    return words[0] if of_somebody or (words[0] in FREE_FIRST and not set(words[1:]) & ABOUT) else None
