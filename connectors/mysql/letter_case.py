"""Which columns ignore case, and of which letters: the server's collations decide, so the server is asked."""

from __future__ import annotations

from connectors.mysql.session import Session
from connectors.schema import IgnoredCase


class LetterCase:
    """What one server takes for one letter."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[tuple[str, str], IgnoredCase] = {}

    def ignored(self, charset: str | None, collation: str | None) -> IgnoredCase:
        """By columns of that collation; None where they tell case apart, and for columns that hold no text."""
        if charset is None or collation is None or charset == "binary" or collation.endswith("_bin"):
            return None
        if (charset, collation) not in self._known:
            self._known[charset, collation] = self._asked(charset, collation)
        return self._known[charset, collation]

    def _asked(self, charset: str, collation: str) -> IgnoredCase:
        """A letter that the character set lacks becomes a question mark, and then says nothing."""
        small, capital = (f"CONVERT({letter} USING {charset})" for letter in ("_utf8mb4 X'C3A9'", "_utf8mb4 X'C389'"))
        [(plain, held, accented)] = self._session.rows(
            f"SELECT CONVERT('a' USING {charset}) = CONVERT('A' USING {charset}) COLLATE {collation},"
            f" {small} <> CONVERT('?' USING {charset}) COLLATE {collation}, {small} = {capital} COLLATE {collation}"
        )
        if not plain:
            return None
        return "ascii" if charset == "ascii" or (held and not accented) else "unicode"
