"""SHOW CREATE TABLE, read: columns, keys, checks, foreign keys and what the table itself is, each in the server's own words.

What is known is taken apart; whatever else stands between the brackets or behind them stays with the table as it is written.
Nothing here depends on how the server breaks lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.mysql.types import identifier
from connectors.mysql.words import bracketed, legible, named, names, parts, pieces, within

KEY = re.compile(r"^(?:(?P<kind>UNIQUE|FULLTEXT|SPATIAL|VECTOR) )?KEY (?P<name>`(?:[^`]|``)*`) ")
CONSTRAINT = re.compile(r"^CONSTRAINT (?P<name>`(?:[^`]|``)*`) (?P<kind>FOREIGN KEY|CHECK) ?\(")
REFERENCES = re.compile(r"^ *REFERENCES (?P<table>`(?:[^`]|``)*`(?:\.`(?:[^`]|``)*`)?) ")
TEXTUAL = re.compile(r"^(?:var)?char\(|^(?:tiny|medium|long)?text\b|^enum\(|^set\(", re.IGNORECASE)
WIDTH = re.compile(r"^(tinyint(?!\(1\))|smallint|mediumint|int|bigint|year)\(\d+\)$")
COUNTER = re.compile(r"^AUTO_INCREMENT=(\d+)$")
OPENING = ("DEFAULT", "WITH", "WITH SYSTEM", "DATA", "INDEX")
"""Words that an option goes on behind."""
PLACE = re.compile(r"^(?:DATA|INDEX) DIRECTORY=|^(?:/\*!\d+ )?TABLESPACE\b")
NEXT = re.compile(r"\bnextval\((`(?:[^`]|``)*`)\)")


@dataclass(frozen=True)
class ColumnWords:
    """A column: its name, its type, and the clauses behind it, in the order of the server."""

    name: str
    type: str
    clauses: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((identifier(self.name), self.type, *self.clauses))

    @property
    def nullable(self) -> bool:
        return "NOT NULL" not in self.clauses

    @property
    def counts(self) -> bool:
        return "AUTO_INCREMENT" in self.clauses

    @property
    def computed(self) -> bool:
        return any(clause.startswith(("GENERATED ", "AS ")) for clause in self.clauses)

    @property
    def sequences(self) -> list[str]:
        """Whose values fill it."""
        return [named(found) for clause in self.clauses for found in NEXT.findall(clause)]

    def clause(self, word: str) -> str:
        """The clause that begins so, or nothing."""
        return next((clause for clause in self.clauses if clause == word or clause.startswith(f"{word} ")), "")


@dataclass(frozen=True)
class KeyWords:
    """A key or index. `columns` are those in front that count with all their characters."""

    name: str
    kind: str
    """PRIMARY, UNIQUE, FULLTEXT, SPATIAL …, or nothing."""
    text: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class ForeignWords:
    name: str
    text: str
    columns: tuple[str, ...]
    database: str | None
    """Of the referenced table; None: this one."""
    referenced: str
    referenced_columns: tuple[str, ...]


@dataclass(frozen=True)
class CheckWords:
    name: str
    text: str
    expression: str


@dataclass(frozen=True)
class Definition:
    name: str
    columns: tuple[ColumnWords, ...]
    keys: tuple[KeyWords, ...]
    checks: tuple[CheckWords, ...]
    foreign: tuple[ForeignWords, ...]
    rest: tuple[str, ...]
    """What else stands between the brackets: periods."""
    options: tuple[str, ...]
    """Behind them: engine, character set, comment … each whole. Without the counter."""
    counter: int | None
    partitions: str

    def option(self, word: str) -> str:
        """An option as it is written, or nothing."""
        return next((option for option in self.options if option.startswith(f"{word}=")), "")

    @property
    def counts(self) -> str | None:
        """The column that numbers rows."""
        return next((column.name for column in self.columns if column.counts), None)

    def counting(self) -> KeyWords | None:
        """The key without which the counter could not be."""
        first = [key for key in self.keys if key.columns[:1] == (self.counts,)]
        order = {"PRIMARY": 0, "UNIQUE": 1, "": 2}
        return min(
            first or [key for key in self.keys if self.counts in key.columns],
            key=lambda key: order.get(key.kind, 3),
            default=None,
        )


def definition(text: str, database: str, collations: Mapping[str, tuple[str, str]]) -> Definition:
    """`collations`: of each column that holds texts, its character set and collation: the server leaves those out that are
    the table's own, and in another table they would be others."""
    head, body, behind = bracketed(within(legible(text), database))
    columns, keys, checks, foreign, rest = [], [], [], [], []
    for item in parts(body, ","):
        if item.startswith("`"):
            columns.append(column(item, collations))
        elif item.startswith("PRIMARY KEY ") or KEY.match(item):
            keys.append(_key(item))
        elif (found := CONSTRAINT.match(item)) is None:
            rest.append(item)
        elif found["kind"] == "CHECK":
            checks.append(CheckWords(named(found["name"]), item, bracketed(item)[1]))
        else:
            foreign.append(_foreign(named(found["name"]), item))
    own, partitions = _split(pieces(behind))
    counters = [found[1] for option in own if (found := COUNTER.match(option))]
    return Definition(
        names(head)[-1],
        tuple(columns),
        tuple(keys),
        tuple(checks),
        tuple(foreign),
        tuple(rest),
        tuple(_options(own)),
        int(counters[0]) if counters else None,
        partitions,
    )


def column(item: str, collations: Mapping[str, tuple[str, str]]) -> ColumnWords:
    name, type_, *words = pieces(item)
    while words and words[0].lower() in ("unsigned", "zerofill", "/*m!100301", "compressed*/"):
        type_ = f"{type_} {words.pop(0)}"
    clauses = _clauses(words)
    if TEXTUAL.match(type_) and named(name) in collations:
        charset, collation = collations[named(name)]
        clauses = [clause for clause in clauses if not clause.startswith(("CHARACTER SET ", "COLLATE "))]
        clauses.insert(0, f"CHARACTER SET {charset} COLLATE {collation}")
    return ColumnWords(named(name), type_ if "zerofill" in type_ else _narrow(type_), tuple(clauses))


def _narrow(type_: str) -> str:
    """Without the width that newer servers do not show any more."""
    first, _, more = type_.partition(" ")
    return " ".join(filter(None, (WIDTH.sub(r"\1", first), more)))


STARTS = (
    ("CHARACTER", 3), ("COLLATE", 2), ("GENERATED", 5), ("AS", 3), ("NOT", 2), ("NULL", 1), ("DEFAULT", 2), ("ON", 3),
    ("AUTO_INCREMENT", 1), ("COMMENT", 2), ("INVISIBLE", 1), ("CHECK", 2), ("WITHOUT", 3), ("WITH", 3),
)  # fmt: skip
"""Which word a clause of a column begins with, and how many pieces it has."""


def _clauses(words: Sequence[str]) -> list[str]:
    found, at, lengths = [], 0, dict(STARTS)
    while at < len(words):
        if words[at].startswith("/*!"):  # MySQL: /*!80023 INVISIBLE */
            end = next((i for i in range(at, len(words)) if words[i].endswith("*/")), at) + 1
            inner = " ".join(words[at:end]).removesuffix("*/").split(" ", 1)[1].strip()
            found.append(inner if inner == "INVISIBLE" else " ".join(words[at:end]))
        else:
            end = at + lengths.get(words[at].upper(), 1)
            found.append(" ".join(words[at:end]))
        at = end
    return found


def _key(item: str) -> KeyWords:
    _, inside, _ = bracketed(item)
    columns = []
    for part in parts(inside, ","):
        name, *_ = pieces(part)
        if not re.fullmatch(r"`(?:[^`]|``)*`", name):
            break
        columns.append(named(name))
    found = KEY.match(item)
    return KeyWords(
        named(found["name"]) if found else "PRIMARY",
        (found["kind"] or "") if found else "PRIMARY",
        item,
        tuple(columns),
    )


def _foreign(name: str, item: str) -> ForeignWords:
    _, own, behind = bracketed(item)
    found = REFERENCES.match(behind)
    assert found is not None, "a foreign key references a table"
    _, theirs, _ = bracketed(behind)
    *database, referenced = names(found["table"])
    return ForeignWords(
        name, item, tuple(names(own)), database[0] if database else None, referenced, tuple(names(theirs))
    )


def options_of(text: str) -> tuple[list[str], list[str]]:
    """The options in a table's own words, and all else that these say of it."""
    lines = text.split("\n")
    [options] = [line for line in lines if line.startswith("ENGINE=")]
    return _options(pieces(options)), [line for line in lines if line != options]


def _split(behind: Sequence[str]) -> tuple[Sequence[str], str]:
    """The options, and how the table is partitioned. MySQL writes that as a comment with a version."""
    start = next((at for at in range(len(behind) - 1) if [*behind[at : at + 2]] == ["PARTITION", "BY"]), len(behind))
    if 0 < start < len(behind) and behind[start - 1].startswith("/*!"):
        start -= 1
    return behind[:start], " ".join(behind[start:])


def _options(words: Sequence[str]) -> list[str]:
    """`DEFAULT CHARSET=x` and `WITH SYSTEM VERSIONING` are one each, and so is what MySQL puts into a comment. Where files
    are on one server says nothing to another."""
    found: list[str] = []
    for piece in words:
        if found and (found[-1] in OPENING or (found[-1].startswith("/*!") and not found[-1].endswith("*/"))):
            found[-1] += f" {piece}"
        elif not COUNTER.match(piece):
            found.append(piece)
    return [option for option in found if not PLACE.match(option)]
