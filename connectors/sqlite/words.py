"""A place in a statement and the steps from there: what `definition` takes statements apart with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import TypeVar

from connectors.errors import Unsupported
from connectors.sqlite.tokens import Token, tokens


@dataclass(frozen=True)
class Part:
    """One place of a key or an index, with its own words where it is no plain column."""

    name: str | None
    expression: str = ""
    collation: str | None = None
    descending: bool = False


Found = TypeVar("Found")


class Words:
    """A place in a statement, and the steps from there."""

    def __init__(self, statement: str) -> None:
        self._text = statement
        self._tokens = list(tokens(statement))
        self._keywords = tuple(token.keyword for token in self._tokens)
        self._at = 0

    @property
    def at(self) -> int:
        return self._at

    def peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def sees(self, *keywords: str) -> bool:
        return self._keywords[self._at : self._at + len(keywords)] == keywords

    def takes(self, *keywords: str) -> bool:
        seen = self.sees(*keywords)
        self._at += len(keywords) * seen
        return seen

    def expect(self, *keywords: str) -> None:
        if not self.takes(*keywords):
            raise self.refusal()

    def token(self) -> Token:
        found = self.peek()
        if found is None:
            raise self.refusal()
        self._at += 1
        return found

    def name(self) -> str:
        found = self.token()
        if not found.names:
            raise self.refusal()
        return found.name

    def end(self) -> None:
        if self.peek() is not None:
            raise self.refusal()

    def since(self, start: int) -> str:
        """The own words from the token at `start` up to here."""
        return self._text[self._tokens[start].start : self._tokens[self._at - 1].end] if self._at > start else ""

    def inside(self) -> str:
        """The own words between this parenthesis and the one that closes it."""
        self.expect("(")
        start = self._at
        self._skip((")",))
        found = self.since(start)
        self.expect(")")
        return found

    def _skip(self, ends: tuple[str, ...]) -> None:
        """Up to one of these signs, over what stands in parentheses."""
        depth = 0
        while (token := self.peek()) is not None and (depth or token.keyword not in ends):
            depth += {"(": 1, ")": -1}.get(token.keyword, 0)
            self._at += 1
        if depth:
            raise self.refusal()

    def rest(self) -> str:
        start = self._at
        self._skip(())
        return self.since(start)

    def listed(self, one: Callable[[], Found]) -> tuple[Found, ...]:
        """`( one, one … )`"""
        self.expect("(")
        found = [one()]
        while self.takes(","):
            found.append(one())
        self.expect(")")
        return tuple(found)

    def part(self) -> Part:
        """One place of a key or an index."""
        start = self._at
        name = self.peek()
        if name is not None and name.names:
            self._at += 1
            collation = self.name() if self.takes("COLLATE") else None
            if self._ends_part():
                return Part(name.name, "", collation, self.descends())
            self._at = start
        depth = 0
        while (token := self.peek()) is not None and (depth or not self._ends_part()):
            depth += {"(": 1, ")": -1}.get(token.keyword, 0)
            self._at += 1
        expression = self.since(start)
        return Part(None, expression, descending=self.descends())

    def _ends_part(self) -> bool:
        return any(self.sees(word) for word in (",", ")", "ASC", "DESC", "AUTOINCREMENT"))

    def descends(self) -> bool:
        """Takes ASC or DESC, where one stands."""
        if self.takes("ASC"):
            return False
        return self.takes("DESC")

    def refusal(self) -> Unsupported:
        """Names what is defined, and nothing behind it."""
        head = takewhile(lambda token: token.kind != "sign", self._tokens[:4])
        return Unsupported(
            "this definition is not written in SQL as we know it",
            where=" ".join(token.text for token in head),
            todo="please report this",
        )
