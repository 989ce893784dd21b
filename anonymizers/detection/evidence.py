"""What sampled values are worth: when they confirm a name, when they deny it, and when they need none."""

from __future__ import annotations

from dataclasses import dataclass

from anonymizers.contract import ColumnShape
from anonymizers.detection import guards
from anonymizers.detection.names import TableKind
from anonymizers.detection.values import Look

TITLES = {
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "ip": "IP addresses",
    "mac": "MAC addresses",
    "ssn": "social security numbers",
    "national_id": "national identity numbers",
    "card": "card numbers",
    "bank_account": "IBANs",
    "street": "street addresses",
    "person": "names of people",
    "first_name": "first names",
    "last_name": "last names",
    "birth_date": "dates of birth",
}

CLAIMS: tuple[tuple[str, float, int], ...] = (
    ("email", 0.3, 1), ("mac", 0.5, 2), ("ssn", 0.6, 2), ("national_id", 0.6, 2), ("bank_account", 0.5, 1),
    ("card", 0.6, 2), ("ip", 0.7, 2), ("phone", 0.6, 3), ("street", 0.5, 3), ("person", 0.4, 5),
    ("first_name", 0.75, 10), ("last_name", 0.75, 10),
)  # fmt: skip
"""Domain, share of values and number of values from which on values alone tell what a column holds; the surest first."""

MANY = 10
"""Values from which on their looks can speak against a name."""
FEW_LOOKS = 0.05
"""Below this share of values that could be right, a name is denied."""
CONFIRMED = 0.4
ENOUGH, SHORT = 20, 40
"""Values from which on, and characters up to which, all of them show that a column named like free text holds labels."""
_VARIED = frozenset(("email", "phone", "ssn", "national_id", "card", "bank_account", "person", "street", "passport"))
"""Domains in which hardly two rows of a sample are equal."""
PLAIN = 0.9
_PLAIN = frozenset(("email", "mac", "bank_account", "card"))
_NAMES = frozenset(("first_name", "last_name", "person"))


@dataclass(frozen=True)
class Claim:
    domain: str
    confidence: int
    reason: str
    plain: bool
    """Hardly any value looks otherwise, and nothing else looks like it: it is worth more than a name."""


def told(domain: str, share: float, seen: Look) -> str:
    """Evidence for people: a share, never a value."""
    return f"{_percent(share)} of {seen.count} sampled values look like {TITLES[domain]}"


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def claim(seen: Look, shape: ColumnShape, table: TableKind) -> Claim | None:
    """What values say that a column's name did not."""
    if shape.kind not in ("text", "other") and not (shape.kind in ("integer", "decimal") and seen.shares["card"] > 0.9):
        return None
    for domain, least, count in CLAIMS:
        share = seen.shares[domain]
        if share < least or seen.count < count or not guards.possible(domain, shape):
            continue
        if domain in _NAMES and not _people(domain, seen, table):
            continue
        plain = domain in _PLAIN and share >= PLAIN and seen.count >= MANY
        return Claim(domain, min(95, 55 + round(40 * share)), told(domain, share, seen), plain)
    return None


def _people(domain: str, seen: Look, table: TableKind) -> bool:
    """Names of things and places are often those of people: one word is no evidence there, and neither are few."""
    varied = seen.distinct * 3 >= seen.count
    return varied and (domain == "person" or table not in ("things", "places"))


def confirms(domain: str, seen: Look) -> str | None:
    """Why values say the same as the name."""
    share = seen.shares.get(domain, 0.0)
    return told(domain, share, seen) if share >= CONFIRMED else None


def denies(domain: str, seen: Look) -> str | None:
    """Why values say otherwise."""
    if seen.count < MANY:
        return None
    if seen.plausible.get(domain, 1.0) < FEW_LOOKS:
        return f"hardly any of {seen.count} sampled values looks like it"
    if domain in _VARIED and seen.distinct * 15 <= seen.count:
        return f"only {seen.distinct} different values among {seen.count} sampled ones"
    return None


def labels(seen: Look) -> bool:
    """Whether a sample holds nothing but short labels: no sentence, nothing that looks like anybody's."""
    short = seen.count >= ENOUGH and seen.longest <= SHORT
    return short and not (seen.sentences or seen.structured or seen.embedded or any(seen.shares.values()))


def free_text(words: tuple[str, ...], shape: ColumnShape, seen: Look | None) -> str | None:
    """Why a person must judge a text column in which nothing personal was seen."""
    if shape.kind != "text":
        return None
    word = guards.free_text(words, shape)
    if word and not (seen and labels(seen)):
        return f"long text named '{word}' may hold anything"
    if seen is None:
        return None
    for share, least, what in (
        (seen.long, 0.1, "are long texts"),
        (seen.structured, 0.1, "hold JSON or markup"),
        (seen.embedded, 0.02, "have an e-mail address inside"),
    ):
        if share >= least:
            return f"{_percent(share)} of {seen.count} sampled values {what}: they may hold anything"
    return None
