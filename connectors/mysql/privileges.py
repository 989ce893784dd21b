"""What our user may do in this database, as the server grants it: privileges of roles in use included."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.mysql.session import Session

GRANT = re.compile(r"^(GRANT|REVOKE) (.+?) ON (?:TABLE )?(\*|`(?:[^`]|``)*`)\.(\*|`(?:[^`]|``)*`) (?:TO|FROM) ")


@dataclass(frozen=True)
class Grants:
    """Privileges by name (`CREATE`): on the whole server, on the whole database, on single tables of it."""

    server: frozenset[str]
    database: frozenset[str]
    tables: frozenset[tuple[str, str]]
    readable: frozenset[str]
    """Tables of which single columns may be read. Nothing else that is granted for columns counts."""
    user: str

    def may(self, privilege: str, table: str | None = None) -> bool:
        """In the whole database, or on that table."""
        granted = {privilege, "ALL PRIVILEGES"}
        return bool(granted & self.database) or any((table, one) in self.tables for one in granted)


def grants(session: Session) -> Grants:
    [(database, user)] = session.rows("SELECT DATABASE(), CURRENT_USER()")
    return parsed([row[0] for row in session.rows("SHOW GRANTS")], database, user)


def parsed(lines: Sequence[str], database: str, user: str) -> Grants:
    """A database stands in a grant as a pattern, with `%`, `_` and backslashes before those meant as they are."""
    server: set[str] = set()
    granted: set[str] = set()
    tables: set[tuple[str, str]] = set()
    readable: set[str] = set()
    for line in lines:
        found = GRANT.match(line)
        if found is None or not _matches(found[3], database):
            continue
        each = re.split(r", (?![^(]*\))", found[2])
        names = {name for name in each if not name.endswith(")")} - {"USAGE"}
        server |= names if found[3] == "*" else set()
        if found[1] == "REVOKE":
            granted -= names
        elif found[4] == "*":
            granted |= names
        else:
            table = found[4][1:-1].replace("``", "`")
            tables |= {(table, name) for name in names}
            readable |= {table for name in each if name.startswith("SELECT (")}
    name, _, host = user.rpartition("@")
    return Grants(frozenset(server), frozenset(granted), frozenset(tables), frozenset(readable), f"'{name}'@'{host}'")


def _matches(pattern: str, database: str) -> bool:
    if pattern == "*":
        return True
    parts = re.findall(r"\\(.)|([%_])|(.)", pattern[1:-1].replace("``", "`"), re.DOTALL)
    shape = "".join({"%": ".*", "_": "."}[wild] if wild else re.escape(exact or plain) for exact, wild, plain in parts)
    return re.fullmatch(shape, database, re.DOTALL) is not None
