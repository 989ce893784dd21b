"""A name in any style as plain words: `EMailAddr`, `e_mail_addr`, `STREMAILADDR2` and `Émail-Adresse` all come apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORDS = re.compile(r"[^\W\d_]+")
_PLAIN = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ı": "i", "æ": "ae", "œ": "oe"})
_SHORT = frozenset(("cc", "de", "id", "ip", "no", "nr", "of"))
"""Words of two letters that may be part of a longer one."""


def plain(text: str) -> str:
    """Letters without their accents; case stays."""
    apart = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")


def words(name: str, known: Container[str]) -> tuple[str, ...]:
    """The words of a name, folded, digits left out. What is written together comes apart where all parts are known."""
    found = [word.casefold() for part in _HUMPS.split(plain(name)) for word in _WORDS.findall(part)]
    return tuple(single for word in found for single in _apart(word, known))


def _apart(word: str, known: Container[str]) -> tuple[str, ...]:
    """A word alone, in its singular, or its parts: the fewest that are all known."""
    if (single := singular(word, known)) in known:
        return (single,)
    ways: dict[int, tuple[str, ...]] = {0: ()}
    for end in range(2, len(word) + 1):
        for start in range(end):
            part = singular(word[start:end], known)
            fits = part in _SHORT or (len(part) > 2 and part in known)
            if start in ways and fits and (end not in ways or len(ways[start]) + 1 < len(ways[end])):
                ways[end] = (*ways[start], part)
    return ways.get(len(word), (word,))


def singular(word: str, known: Container[str]) -> str:
    """A word as the list of known words has it: without an ending of the plural where only that is known."""
    if word in known:
        return word
    for ending, instead in (("s", ""), ("es", ""), ("ies", "y")):
        if len(word) > len(ending) + 2 and word.endswith(ending) and (one := word[: -len(ending)] + instead) in known:
            return one
    return word
