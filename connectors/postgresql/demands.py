"""What a definition's statement asks of whoever runs it, as the server's manual says of each command. Pure.

The statements are those of this folder and the server's own: every name in them is qualified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Name: TypeAlias = tuple[str, str]
"""Of a relation, a type or statistics: its schema and its own. Of a schema: nothing and its own."""
Kind = Literal["schema", "relation", "type", "statistics"]
Right = Literal["make", "fill", "own", "own all", "part", "remove", "reference", "see", "read", "use", "belong"]


@dataclass(frozen=True)
class Demand:
    """One right that a statement needs."""

    right: Right
    """make: it is new, and ours · fill: something new comes into its schema · own: be its owner; all: and its partitions' ·
    part: use the types of its columns · remove: be its owner or its schema's · see: enter its schema, as for all else ·
    reference, read, use: these privileges · belong: have the owner that `other` has."""
    kind: Kind
    name: Name
    columns: tuple[str, ...] = ()
    """Those that are referenced."""
    other: Name = ("", "")


WORD = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
QUALIFIED = rf"{WORD}\.{WORD}"
TEXT = re.compile(r"""("(?:[^"]|"")*")|E?'(?:[^']|'')*'""")
HEAD = re.compile(
    r"(?P<does>CREATE|ALTER|DROP|COMMENT ON) (?P<over>OR REPLACE )?(?:UNLOGGED |UNIQUE )?(?P<what>MATERIALIZED VIEW|[A-Z]+) "
    r"(?:IF EXISTS |ONLY )?"
    rf"(?:{WORD} ON (?P<domain>DOMAIN )?(?:ONLY )?)?(?P<name>{QUALIFIED}|{WORD})"
)
PARENT = re.compile(rf" PARTITION OF ({QUALIFIED})")
REFERENCED = re.compile(rf" REFERENCES ({QUALIFIED})\(({WORD}(?:, {WORD})*)\)")
OWNED = re.compile(rf" OWNED BY ({QUALIFIED})\.")
COUNTED = re.compile(rf" FROM ({QUALIFIED})$")
INDEXED = re.compile(rf" ADD CONSTRAINT {WORD} (?:PRIMARY KEY|UNIQUE|EXCLUDE)\b(?! USING INDEX)")
NUMBERED = re.compile(r" ADD .*GENERATED (?:ALWAYS|BY DEFAULT) AS IDENTITY", re.DOTALL)
MENTIONED = re.compile(rf'(?<![\w$".])(?<!::)({QUALIFIED})|"(?:[^"]|"")*"')
"""But not what a value is cast to: that needs nothing."""
KINDS: dict[str, Kind] = {"SCHEMA": "schema", "TYPE": "type", "DOMAIN": "type", "STATISTICS": "statistics"}
TYPED = ("TABLE", "TYPE", "DOMAIN")
"""What is made of types."""


def demands(statement: str) -> Iterator[Demand]:
    """In the order in which the server would look. Nothing of what is no definition: a counter that is set."""
    plain = _without_texts(statement)
    head = HEAD.match(plain)
    if head is None:
        return
    does, what = head["does"], head["what"]
    kind: Kind = "type" if head["domain"] else KINDS.get(what, "relation")
    name = parsed(head["name"])
    if does == "DROP":
        yield Demand("remove", kind, name)
    elif does == "COMMENT ON":
        yield Demand("own", kind, name)
    elif does == "ALTER":
        yield from _altered(what, kind, name, plain)
    else:
        yield from _created(what, kind, name, plain, over=bool(head["over"]))
    if what in TYPED and does in ("CREATE", "ALTER"):
        yield from (Demand("use", "type", one) for one in _mentioned(plain) if one != name)


def mentioned(statement: str) -> list[Name]:
    """Whatever it may be about."""
    return _mentioned(_without_texts(statement))


def _mentioned(plain: str) -> list[Name]:
    return list(dict.fromkeys(parsed(found) for found in MENTIONED.findall(plain) if found))


def _without_texts(statement: str) -> str:
    return TEXT.sub(lambda found: found[1] or "''", statement)


def _altered(what: str, kind: Kind, name: Name, plain: str) -> Iterator[Demand]:
    recurses = what == "TABLE" and not plain.startswith("ALTER TABLE ONLY ") and " FOREIGN KEY " not in plain
    yield Demand("own all" if recurses else "own", kind, name)
    if " RENAME TO " in plain or INDEXED.search(plain) or NUMBERED.search(plain):
        yield Demand("fill", kind, name)
    owner = OWNED.search(plain) if what == "SEQUENCE" else None
    if owner:
        yield Demand("own", "relation", parsed(owner[1]))
        yield Demand("belong", kind, name, other=parsed(owner[1]))
    for table, columns in REFERENCED.findall(plain):
        yield Demand("reference", "relation", parsed(table), tuple(map(_plain, re.findall(WORD, columns))))


def _created(what: str, kind: Kind, name: Name, plain: str, *, over: bool) -> Iterator[Demand]:
    """`over`: it takes the place of what is there."""
    if what == "INDEX":
        yield Demand("own", kind, name)
        yield Demand("fill", kind, name)
        return
    if what == "STATISTICS" and (table := COUNTED.search(plain)):
        yield Demand("own", "relation", parsed(table[1]))
    if parent := PARENT.search(plain):
        yield from (Demand(right, "relation", parsed(parent[1])) for right in ("own", "part"))
    if what.endswith("VIEW"):
        right: Right = "read" if what != "VIEW" and not plain.endswith(" WITH NO DATA") else "see"
        yield from (Demand(right, "relation", one) for one in _mentioned(plain) if one != name)
    rights: tuple[Right, ...] = ("own", "fill") if over else ("make",)
    yield from (Demand(right, kind, name) for right in rights)


def parsed(written: str) -> Name:
    """A name as SQL writes it."""
    first, *rest = re.findall(WORD, written)
    return (_plain(first), _plain(rest[0])) if rest else ("", _plain(first))


def _plain(word: str) -> str:
    return word[1:-1].replace('""', '"') if word.startswith('"') else word
