"""SQL as SQLite reads it, token by token: enough to take a definition apart without guessing, and to compare two of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from connectors.schema import written

TOKEN = re.compile(
    r"""(?P<space>[ \t\n\f\r]+|--[^\n]*|/\*.*?(?:\*/|$))"""
    r"""|(?P<value>0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[xX]'[0-9a-fA-F]*')"""
    r"""|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|'(?:[^']|'')*')"""
    r"""|(?P<word>[\w$\u0080-\U0010ffff]+)"""
    r"""|(?P<sign>\|\||->>|->|<<|>>|<=|>=|<>|!=|==|.)""",
    re.DOTALL,
)
KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY CASCADE CASE
    CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP
    DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE
    EXISTS EXPLAIN FAIL FILTER FIRST FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE
    IN INDEX INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED
    NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY
    QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS
    SAVEPOINT SELECT SET TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER UNBOUNDED UNION UNIQUE UPDATE USING VACUUM
    VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHOUT""",
    )
)


@dataclass(frozen=True)
class Token:
    text: str
    start: int
    kind: str
    """value, quoted, word or sign."""

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def keyword(self) -> str:
        """The token as a keyword; nothing where it is quoted."""
        return "" if self.kind == "quoted" or not self.text.isascii() else self.text.upper()

    @property
    def names(self) -> bool:
        """Whether it may be an identifier."""
        return self.kind in ("word", "quoted")

    @property
    def name(self) -> str:
        """The token as an identifier."""
        if self.kind != "quoted":
            return self.text
        mark = self.text[-1]
        return self.text[1:-1].replace(mark * 2, mark) if mark != "]" else self.text[1:-1]


def tokens(text: str) -> Iterator[Token]:
    for match in TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "space":
            yield Token(match.group(), match.start(), kind)


def folded(name: str) -> str:
    """A name by which SQLite knows it: A to Z are a to z, other letters are what they are."""
    return name.encode(errors="surrogateescape").lower().decode(errors="surrogateescape")


def says(statement: str, keyword: str) -> bool:
    """Whether a reserved word stands anywhere in the statement, quotes and comments apart."""
    return any(token.keyword == keyword for token in tokens(statement))


def named(statement: str, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the names that the statement mentions."""
    mentioned = {folded(token.name) for token in tokens(statement) if token.names}
    return tuple(name for name in names if folded(name) in mentioned)


def spelt(text: str, names: Collection[str]) -> str:
    """The text with these names in one letter case, without quotes that say nothing."""
    known, found, at = set(map(folded, names)), "", 0
    for token in tokens(text):
        found += text[at : token.start]
        plain = folded(token.name) if token.names else ""
        found += written(plain) if plain in known else token.text
        at = token.end
    return found + text[at:]


def normal(text: str) -> str:
    """The text without comments, keywords in capitals, with one space wherever one may stand. Names and values stay as
    they are, letter by letter, so equal texts mean the same."""
    found = ""
    before = None
    for token in tokens(text):
        keyword = token.kind == "word" and token.keyword in KEYWORDS
        if before is not None and _apart(before, token):
            found += " "
        found += token.keyword if keyword else token.text
        before = token
    return found


def _apart(before: Token, token: Token) -> bool:
    called = before.kind == "word" and before.keyword not in KEYWORDS and token.text == "("
    return not called and token.text not in (")", ",", ".") and before.text not in ("(", ".")
