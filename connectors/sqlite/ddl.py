"""CREATE TABLE as SQLite keeps it: what no PRAGMA tells is read from its text, and the text we create tables with.

Declared types and generated expressions are passed on word for word. Defaults, CHECKs, UNIQUEs and foreign keys are not:
a copy brings every value itself, and constraints come later than rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from connectors.schema import Table, quoted

TOKEN = re.compile(
    r"""(?P<space>[ \t\n\f\r]+|--[^\n]*|/\*.*?(?:\*/|$))"""
    r"""|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|'(?:[^']|'')*')"""
    r"""|(?P<word>[\w$\u0080-\U0010ffff]+)|(?P<sign>.)""",
    re.DOTALL,
)
CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})


@dataclass(frozen=True)
class Token:
    text: str
    start: int
    word: bool

    @property
    def keyword(self) -> str:
        """The token as a keyword; nothing where it is quoted."""
        return self.text.upper() if self.word else self.text if len(self.text) == 1 else ""

    @property
    def name(self) -> str:
        """The token as an identifier."""
        if self.word:
            return self.text
        mark = self.text[-1]
        return self.text[1:-1].replace(mark * 2, mark) if mark != "]" else self.text[1:-1]


@dataclass(frozen=True)
class Clauses:
    """What a column's definition says beyond name, type and NOT NULL."""

    collation: str | None = None
    generated: str | None = None
    """The expression, without its parentheses."""


def tokens(text: str) -> Iterator[Token]:
    for match in TOKEN.finditer(text):
        if match.lastgroup != "space":
            yield Token(match.group(), match.start(), match.lastgroup == "word")


def clauses(statement: str) -> Mapping[str, Clauses]:
    """Lower-case column name → its clauses, of a CREATE TABLE statement."""
    found = {}
    for definition in _definitions(statement):
        if definition[0].keyword in CONSTRAINTS:
            break
        found[definition[0].name.lower()] = _clauses(statement, definition)
    return found


def says(statement: str, keyword: str) -> bool:
    """Whether a reserved word stands anywhere in the statement, quotes and comments apart."""
    return any(token.keyword == keyword for token in tokens(statement))


def named(statement: str, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the names that the statement mentions."""
    mentioned = {token.name.lower() for token in tokens(statement) if token.word or len(token.text) > 1}
    return tuple(name for name in names if name.lower() in mentioned)


def _definitions(statement: str) -> Iterator[list[Token]]:
    """The comma-separated parts between the statement's outer parentheses."""
    depth, part = 0, list[Token]()
    for token in tokens(statement):
        depth += {"(": 1, ")": -1}.get(token.keyword, 0)
        if (depth == 1 and token.keyword == ",") or (depth == 0 and part):
            yield part
            part = []
            if depth == 0:
                return
        elif depth > 1 or (depth == 1 and not (token.keyword == "(" and not part)):
            part.append(token)


def _clauses(statement: str, definition: list[Token]) -> Clauses:
    depth, opened = 0, -1
    collation = generated = None
    for before, token in pairwise(definition):
        if depth == 0 and before.keyword == "COLLATE":
            collation = token.name
        if token.keyword == "(":
            opened = token.start + 1 if depth == 0 and before.keyword == "AS" else opened
            depth += 1
        elif token.keyword == ")":
            depth -= 1
            if depth == 0 and opened >= 0:
                generated, opened = statement[opened : token.start], -1
    return Clauses(collation, generated)


@dataclass(frozen=True)
class ColumnPlan:
    """One column of a table to create."""

    name: str
    declared: str
    not_null: bool
    clauses: Clauses
    stored: bool = False

    def text(self, *, key: str = "", constrained: bool = True) -> str:
        words = [quoted(self.name), self.declared, key]
        if self.not_null and constrained:
            words.append("NOT NULL")
        if self.clauses.collation:
            words.append(f"COLLATE {quoted(self.clauses.collation)}")
        if self.clauses.generated is not None:
            words.append(f"GENERATED ALWAYS AS ({self.clauses.generated}) {'STORED' if self.stored else 'VIRTUAL'}")
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class KeyPart:
    """One column of a primary key, as its index has it."""

    name: str
    collation: str = "BINARY"
    descending: bool = False

    def text(self) -> str:
        collation = f" COLLATE {quoted(self.collation)}" if self.collation != "BINARY" else ""
        return quoted(self.name) + collation + (" DESC" if self.descending else "")


@dataclass(frozen=True)
class TablePlan:
    """A table to create: `body` and `stage` are what follows `CREATE TABLE name`."""

    columns: tuple[ColumnPlan, ...]
    key: tuple[KeyPart, ...]
    alias: str | None
    """The INTEGER PRIMARY KEY that is the row number itself; then `key` is empty."""
    autoincrement: bool
    without_rowid: bool
    strict: bool

    def body(self) -> str:
        parts = [column.text(key=self._inline(column)) for column in self.columns]
        if self.key and not self._alone():
            parts.append(f"PRIMARY KEY ({', '.join(part.text() for part in self.key)})")
        options = ["WITHOUT ROWID"] * self.without_rowid + ["STRICT"] * self.strict
        return f"({', '.join(parts)}) {', '.join(options)}".rstrip()

    def stage(self) -> str:
        """The same columns and conversions, but nothing that refuses or computes."""
        parts = [c.text(constrained=False) for c in self.columns if c.clauses.generated is None]
        return f"({', '.join(parts)})" + " STRICT" * self.strict

    def _alone(self) -> bool:
        """SQLite takes an INTEGER key for the row number, unless it is written DESC beside its column."""
        [*others, last] = self.key
        declared = next(column.declared for column in self.columns if column.name == last.name)
        return not others and not self.without_rowid and declared.upper() == "INTEGER"

    def _inline(self, column: ColumnPlan) -> str:
        if column.name == self.alias:
            return "PRIMARY KEY" + " AUTOINCREMENT" * self.autoincrement
        if self.key and self._alone() and column.name == self.key[0].name:
            return "PRIMARY KEY DESC"
        return ""


def planned(table: Table) -> TablePlan:
    """A table that is no copy of one of ours. A key of one INTEGER is the row number itself, which SQLite also counts."""
    key = table.primary_key
    types = {column.name: column.type.native.upper() for column in table.columns}
    alias = key[0] if len(key) == 1 and types[key[0]] == "INTEGER" else None
    return TablePlan(
        columns=tuple(
            ColumnPlan(column.name, column.type.native, not column.nullable or column.name in key, Clauses())
            for column in table.columns
        ),
        key=() if alias else tuple(map(KeyPart, key)),
        alias=alias,
        autoincrement=any(column.counter == "autoincrement" and column.name == alias for column in table.columns),
        without_rowid=False,
        strict=False,
    )
