"""What a column's name says: the longest known phrase in it, then the last one. Guards decide what it is worth."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import Literal

from anonymizers.detection.lexicon import (
    ABOUT,
    ABOUT_BEFORE,
    ADDRESSED,
    BESIDES,
    DOUBTFUL,
    EVENTS,
    KNOWN,
    NAME,
    NOBODY,
    NOISE,
    PEOPLE,
    PERSON,
    PLACES,
    ROLES,
    SHORTENED,
    STEMS,
    STRONG,
    THING,
    TRADE,
    WHOLE,
    alike,
)
from anonymizers.detection.words import words

_LONGEST = max(len(phrase) for phrase in (*STRONG, *WHOLE))

_ADDRESSES = ("email", "ip", "mac")

TableKind = Literal["people", "things", "places", "unknown"]


@dataclass(frozen=True)
class Hit:
    """A phrase of a name: which words it is made of, and what it means."""

    domain: str
    start: int
    end: int
    whole: bool = False
    """It is all of the name, but for words that say nothing."""
    doubtful: bool = False

    def text(self, of: tuple[str, ...]) -> str:
        return " ".join(of[self.start : self.end])


@cache
def split(name: str) -> tuple[str, ...]:
    """A name's words."""
    return tuple(word if word in KNOWN else _stem(word) for word in words(name, KNOWN))


def _stem(word: str) -> str:
    """The known word that an unknown one is but for a few letters before or behind it."""
    close = (stem for stem, more in STEMS.items() if len(word) <= len(stem) + more)
    return next((stem for stem in close if word.startswith(stem) or word.endswith(stem)), _begun(word))


def _begun(word: str) -> str:
    """The known word that a shortened one begins; itself where there is none."""
    if len(word) < 5:
        return word
    begun = takewhile(lambda known: known.startswith(word), SHORTENED[bisect_left(SHORTENED, word) :])
    return min(begun, key=len, default=word)


def best(found: tuple[str, ...]) -> Hit | None:
    """The phrase that says most about what the column holds: the longest one, then the last."""
    hits = [hit for size in range(1, _LONGEST + 1) for hit in _of_size(found, size)]
    if any(hit.domain in _ADDRESSES for hit in hits):  # `email_adresse` is no street
        hits = [hit for hit in hits if hit.domain != "street" or hit.end - hit.start > 1]
    last = max((hit.start for hit in hits if hit.domain != "person"), default=0)
    hits = [hit for hit in hits if hit.domain != "person" or hit.end > last]  # `emergency_contact_phone` is a phone
    return max(hits, key=lambda hit: (hit.end - hit.start, hit.end), default=None)


def _of_size(found: tuple[str, ...], size: int) -> list[Hit]:
    hits = []
    for start in range(len(found) - size + 1):
        phrase = alike(found[start : start + size])
        beside = {*found[:start], *found[start + size :]}
        whole = beside <= NOISE
        domain = STRONG.get(phrase)
        if domain is None and beside <= (BESIDES if set(phrase) <= PERSON else BESIDES | PERSON | ADDRESSED):
            domain, whole = WHOLE.get(phrase), True
        if domain:
            doubtful = phrase in DOUBTFUL
            hits.append(Hit(domain, start, start + size, whole, doubtful))
    return hits


def role(found: tuple[str, ...]) -> str | None:
    """Whom a column is called after: `project_owner`, `approved_by`; None where it is nobody."""
    if len(found) > 1 and found[-1] == "by":
        return None if found[-2] in NOBODY else " ".join(found[-2:])
    telling = [word for word in found if word not in NOISE]
    if not telling or telling[-1] not in ROLES or set(telling) & (TRADE | ABOUT | ABOUT_BEFORE):
        return None
    return telling[-1]


def name_word(found: tuple[str, ...]) -> int | None:
    """Where the last word for `name` stands."""
    return next((at for at in reversed(range(len(found))) if found[at] in NAME), None)


def whose(found: tuple[str, ...], at: int) -> Literal["person", "thing", "nobody", "unknown"]:
    """Whose name a column holds, by the words beside the one for `name`, the nearest before it first."""
    beside = (*reversed(found[:at]), *found[at + 1 :])
    for word in beside:
        if word in PERSON or word in ADDRESSED:
            return "person"
        if word in THING or word in EVENTS:
            return "thing"
    return "nobody" if all(word in NOISE for word in beside) else "unknown"


def table_kind(table: str) -> TableKind:
    """What a table lists, by the last word of its name that says something."""
    found = split(table.rpartition(".")[2].strip('"`[]'))
    telling = next((word for word in reversed(found) if word not in NOISE), None)
    if telling is None:
        return "unknown"
    if telling in PLACES:
        return "places"
    if telling in PERSON or telling in PEOPLE:
        return "people"
    return "things" if telling in THING else "unknown"
