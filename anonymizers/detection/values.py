"""What sampled values look like: shares per pattern, checksums included. Vectorised; returns numbers, never a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anonymizers.dictionaries import words

_LETTER = r"A-Za-z\x{80}-\x{10FFFF}"
"""All that is no ASCII counts as a letter: Unicode's own classes take a millisecond each to compile."""
_EMAIL = rf"[^@\s,;<>\"']+@[^@\s,;<>\"']+\.[{_LETTER}0-9-]{{2,}}"
_STREET_WORDS = (
    "street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|way|court|ct|place|square|terrace|parkway|highway"
    "|circle|crescent|close|grove|loop|trail|plaza|alley|apt|suite"
    "|rue|chemin|via|viale|piazza|calle|carrera|avenida|rua|travessa|ulica|ul"
)
PATTERNS = {
    "email": rf"^<?{_EMAIL}>?$",
    "phone": r"^(\+[1-9][\d ()./-]{6,20}\d|(1[-. ])?(\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}"
    r"|\(?0[1-9]\d{0,4}\)?[ /-]{1,3}\d[\d /-]{3,12}\d)( ?(x|ext\.?) ?\d{1,6})?$",
    "ip": r"^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)(/\d{1,2})?$"
    r"|^([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}$|^[0-9A-Fa-f:]{0,30}::[0-9A-Fa-f:.]{0,30}(/\d{1,3})?$",
    "mac": r"^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$",
    "ssn": r"^(00[1-9]|0[1-9]\d|[1-578]\d\d|6[0-57-9]\d|66[0-57-9])-\d\d-\d{4}$",
    "national_id": r"^\d{3}\.\d{3}\.\d{3}-\d{2}$",
    "street": rf"(?i)^(\d{{1,5}}[a-z]?,? .*\b({_STREET_WORDS})\b.*|({_STREET_WORDS})\.? [{_LETTER}].* \d{{1,5}}\b.*"
    rf"|[{_LETTER}].*(straße|strasse|str\.|weg|platz|allee|gasse|straat|laan) \d{{1,4}} ?[a-z]?)$",
}
"""What a whole value looks like, for the domains that a value alone tells."""

PLAUSIBLE = {
    "email": "@",
    "phone": r"(\d\D*){6}",
    "ssn": r"(\d\D*){4}",
    "national_id": r"(\d\D*){3}",
    "tax_id": r"(\d\D*){3}",
    "passport": r"\d",
    "card": r"(\d\D*){12}|[*xX]{4}",
    "bank_account": r"(\d\D*){5}",
    "ip": r"[\d*]+\.[\d*]+\.[\d*]+\.|:|^\d{6,}$",
    "mac": r"^[0-9A-Fa-f:.-]{12,23}$",
    "birth_date": r"\d",
    "zip": r"\d",
    "geo": r"\d",
    "street": f"[{_LETTER}]",
    "city": f"[{_LETTER}]",
    **dict.fromkeys(("person", "first_name", "last_name"), r"^[^\d_@/\\:=<>{}]+$"),
}
"""What at least some values look like where the name is right: looser than PATTERNS, masked values included."""

LONG_TEXT = r"^(\S+\s+){7,}\S"
SENTENCE = rf"(?s)^(\S+\s+){{3,}}\S|[{_LETTER}]{{2}}[.!?](\s|$)|\n"
"""Four words and more, or what ends like one."""
STRUCTURED = r"^\s*(\{.*|\[\s*[\[{\"].*|<[?!\w].*)$"
BIRTH = r"^(19\d\d|20[01]\d)[-/.]?[01]\d[-/.]?[0-3]\d\b|^[0-3]?\d[./-][0-3]?\d[./-](19\d\d|20[01]\d)$"
_ISBN = r"^97[89][- ]"
_PAIR = r"^(?P<first>[^\s,]+),?\s+(?:.*\s)?(?P<last>[^\s,]+)$"
_TITLES = r"(?i)^((mr|mrs|ms|miss|dr|prof|sir|herr|frau|mme|sr|sra|dott|pan|pani)\.? )+"
_NAMELIKE = rf"^[{_LETTER}][{_LETTER}'. -]*(,? [{_LETTER}][{_LETTER}'. -]*)+$"


@dataclass(frozen=True)
class Look:
    """How a sample looks: `count` values that are neither NULL nor blank, and the share of them per domain."""

    count: int
    distinct: int
    shares: Mapping[str, float]
    plausible: Mapping[str, float]
    embedded: float
    """Values with an e-mail address somewhere inside."""
    long: float
    longest: int
    """Characters of the longest value."""
    sentences: float
    structured: float
    pairs: float
    """Values of two words and more that could be a name, nothing but letters."""


def look(sample: pa.Array | None) -> Look | None:
    """How a sample looks; None where there is no value to look at."""
    if sample is None:
        return None
    values = pc.utf8_trim_whitespace(sample.cast(pa.string()).drop_null())
    values = values.filter(pc.not_equal(values, ""))
    if not len(values):
        return None
    shares = {domain: _share(values, pattern) for domain, pattern in PATTERNS.items()}
    shares["phone"] *= 1 - _share(values, _ISBN)
    shares["card"] = float(_cards(values).mean())
    shares["bank_account"] = float(_ibans(values).mean())
    shares["birth_date"] = _share(values, BIRTH)
    shares |= _names(values)
    return Look(
        count=len(values),
        distinct=len(pc.unique(values)),
        shares=shares,
        plausible={domain: _share(values, pattern) for domain, pattern in PLAUSIBLE.items()},
        embedded=_share(values, _EMAIL),
        long=_share(values, LONG_TEXT),
        longest=pc.max(pc.utf8_length(values)).as_py(),
        sentences=_share(values, SENTENCE),
        structured=_share(values, STRUCTURED),
        pairs=_share(values, _NAMELIKE),
    )


def _share(values: pa.Array, pattern: str) -> float:
    return float(pc.mean(pc.match_substring_regex(values, pattern)).as_py())


@cache
def _listed(which: str) -> pa.Array:
    return pc.utf8_lower(words("people", which))


def _names(values: pa.Array) -> dict[str, float]:
    """Shares of values that the dictionaries know: alone, and as the first or last word of several."""
    values = pc.replace_substring_regex(values, _TITLES, "")
    lower = pc.utf8_lower(values)
    parts = pc.extract_regex(lower, _PAIR)
    first, last = parts.field("first"), parts.field("last")
    names = pc.match_substring_regex(values, _NAMELIKE)

    def known(words_: Any, which: str) -> Any:
        return pc.fill_null(pc.is_in(words_, value_set=_listed(which)), False)

    either = pc.or_(known(first, "first_names"), known(last, "first_names"))
    return {
        "person": float(pc.mean(pc.and_(names, either)).as_py()),
        "first_name": float(pc.mean(known(lower, "first_names")).as_py()),
        "last_name": float(pc.mean(known(lower, "last_names")).as_py()),
    }


def _rows(values: pa.Array, width: int, side: str) -> Any:
    """Values as rows of bytes, padded with zeros on the left or blanks on the right; ASCII only, no longer than width."""
    pad = pc.ascii_lpad(values, width, "0") if side == "left" else pc.ascii_rpad(values, width, " ")
    return np.frombuffer("".join(pad.to_pylist()).encode(), np.uint8).reshape(-1, width).astype(np.int64)


def _cards(values: pa.Array) -> Any:
    """Which values are card numbers: 13 to 19 digits of a card's range with the right check digit (Luhn)."""
    digits = pc.replace_substring_regex(values, r"[ -]", "")
    found = pc.match_substring_regex(digits, r"^[2-6]\d{12,18}$").to_numpy(zero_copy_only=False)
    if found.any():
        numbers = _rows(digits.filter(pa.array(found)), 20, "left") - ord("0")
        numbers[:, ::2] *= 2
        found[found] = (numbers // 10 + numbers % 10).sum(axis=1) % 10 == 0
    return found


def _ibans(values: pa.Array) -> Any:
    """Which values are IBANs: the number that country, check digits and account spell leaves 1 when divided by 97."""
    upper = pc.utf8_upper(pc.replace_substring_regex(values, r"[ -]", ""))
    found = pc.match_substring_regex(upper, r"^[A-Z]{2}\d\d[A-Z0-9]{11,30}$").to_numpy(zero_copy_only=False)
    if found.any():
        turned = pc.replace_substring_regex(upper.filter(pa.array(found)), r"^(.{4})(.*)$", r"\2\1")
        rest = np.zeros(len(turned), np.int64)
        for column in _rows(turned, 34, "right").T:
            digit, letter = (column >= ord("0")) & (column <= ord("9")), column >= ord("A")
            rest = np.where(digit, rest * 10 + column - ord("0"), rest)
            rest = np.where(letter, rest * 100 + column - ord("A") + 10, rest) % 97
        found[found] = rest == 1
    return found
