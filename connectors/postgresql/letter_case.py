"""Which columns ignore case, and of which letters: the server's locale and its collations decide, so the server is asked."""

from __future__ import annotations

from functools import cached_property

from connectors.postgresql.session import Connection
from connectors.schema import IgnoredCase

LOWERS = b"SELECT lower(chr(201)) = chr(233)"
"""É and é, as citext compares them: some locales know the case of A to Z only. (Other encodings number letters otherwise.)"""


class LetterCase:
    """What one database takes for one letter."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collations: dict[str, bool] = {}

    def ignored(self, base: str, deterministic: bool, collation: str | None) -> IgnoredCase:
        """By columns of the type `base` under that collation (None: the type's own); None where they tell case apart."""
        if base == "citext":
            return "unicode" if self._lowers_all else "ascii"
        return None if deterministic or not self._ignores(collation) else "unicode"

    @cached_property
    def _lowers_all(self) -> bool:
        if self._connection.info.parameter_status("server_encoding") != "UTF8":
            return False
        return bool(self._connection.execute(LOWERS).fetchall()[0][0])

    def _ignores(self, collation: str | None) -> bool:
        if collation is None:
            return True
        if collation not in self._collations:
            query = f"SELECT 'a' = 'A' COLLATE {collation}".encode()
            self._collations[collation] = bool(self._connection.execute(query).fetchall()[0][0])
        return self._collations[collation]
