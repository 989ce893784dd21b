"""The server's own text of a definition, cut where it may be cut: never inside quotes, comments or brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.mysql.types import identifier

TOKEN = re.compile(
    r"(?P<name>`(?:[^`]|``)*`)"
    r"|(?P<text>'(?:[^'\\]|''|\\.)*'|\"(?:[^\"\\]|\"\"|\\.)*\")"
    r"|(?P<remark>/\*(?!M?!).*?\*/|(?:--[ \t]|#)[^\n]*)"
    r"|(?P<mark>[(),.])"
    r"|(?P<blank>\s+)"
    r"|(?P<word>(?:(?!/\*)[^\s`'\"(),.])+|/\*M?!\d*|.)",
    re.DOTALL,
)


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """What kind each is (name, text, remark, mark, blank, word) and what it says. Together they are the whole text."""
    return ((str(found.lastgroup), found[0]) for found in TOKEN.finditer(text))


def parts(text: str, between: str) -> list[str]:
    """The text cut at a mark outside of brackets (`,`), or at blanks; what is empty is left out."""
    found, depth = [""], 0
    for kind, said in tokens(text):
        depth += {"(": 1, ")": -1}.get(said, 0) if kind == "mark" else 0
        cuts = kind == "blank" if between == " " else said == between and kind == "mark"
        if cuts and depth == 0:
            found.append("")
        else:
            found[-1] += said
    return [part.strip() for part in found if part.strip()]


def pieces(text: str) -> list[str]:
    """Words of a definition: `decimal(10,2)` and `DEFAULT` are one each."""
    return parts(text, " ")


def bracketed(text: str) -> tuple[str, str, str]:
    """What is before the first bracket, inside it, and behind the one that closes it."""
    depth, at, found = 0, 0, ["", "", ""]
    for kind, said in tokens(text):
        opens, closes = (kind == "mark" and said == mark for mark in "()")
        depth += opens - closes
        if (at == 0 and opens) or (at == 1 and depth == 0):
            at += 1
        else:
            found[at] += said
    return found[0], found[1], found[2]


def named(quoted: str) -> str:
    """The name in its quotes."""
    return quoted[1:-1].replace("``", "`")


def names(text: str) -> list[str]:
    """Every quoted name in it."""
    return [named(said) for kind, said in tokens(text) if kind == "name"]


BYTES = re.compile(r"\\(.)|''|(.)", re.DOTALL)
ESCAPES = {"n": "\n", "r": "\r", "0": "\0", "Z": "\x1a", "t": "\t", "b": "\b"}


def legible(text: str) -> str:
    """With the bytes that are no text, which the server writes as they are, as hexadecimal digits."""
    if not re.search("[\udc80-\udcff]", text):
        return text
    return "".join(_digits(said) if kind == "text" else said for kind, said in tokens(text))


def _digits(literal: str) -> str:
    if not re.search("[\udc80-\udcff]", literal):
        return literal
    plain = BYTES.sub(lambda found: ESCAPES.get(found[1], found[1]) if found[1] else found[2] or "'", literal[1:-1])
    return f"x'{plain.encode('utf-8', 'surrogateescape').hex()}'"


def within(text: str, database: str) -> str:
    """The text with nothing said about which database things are in, as far as that is this one."""
    if f"{identifier(database)}." not in text:
        return text
    found = list(tokens(text))
    kept, at = "", 0
    while at < len(found):
        kind, said = found[at]
        qualifies = kind == "name" and named(said) == database and [*found, ("", "")][at + 1] == ("mark", ".")
        kept += "" if qualifies else said
        at += 2 if qualifies else 1
    return kept


def holds_values(text: str) -> bool:
    """Whether a text or a number stands in it."""
    return any(kind == "text" or (kind == "word" and re.search(r"\d", said)) for kind, said in tokens(text))
