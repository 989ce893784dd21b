"""What our user may do in this database, as the server grants it: privileges of roles in use included."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.mysql.session import Session
from connectors.mysql.types import identifier

NAME = r"(?:\*|`(?:[^`]|``)*`)"
GRANT = re.compile(
    rf"(?P<does>GRANT|REVOKE) (?P<names>.+?) ON (?:TABLE )?(?P<database>{NAME})\.(?P<table>{NAME}) (?:TO|FROM) (?P<who>.+?)"
    "(?: WITH GRANT OPTION)?$"
)
EXACTLY = re.compile(r"\\.", re.DOTALL)
"""A character of a pattern that is meant as it is."""


@dataclass(frozen=True)
class Grants:
    """Privileges by name (`CREATE`): on the whole server, on the whole database, on single tables of it."""

    server: frozenset[str]
    database: frozenset[str]
    tables: frozenset[tuple[str, str]]
    readable: frozenset[str]
    """Tables of which single columns may be read. Nothing else that is granted for columns counts."""
    pattern: str
    """How a grant for the whole database must call it, which else would have no effect."""
    beside: tuple[str, ...]
    """What it must name again, which else would have no effect any more."""
    user: str

    def may(self, privilege: str, table: str | None = None) -> bool:
        """In the whole database, or on that table."""
        granted = {privilege, "ALL PRIVILEGES"}
        return bool(granted & self.database) or any((table, one) in self.tables for one in granted)

    def grant(self, privileges: Sequence[str]) -> str:
        """The statement that adds these for the whole database."""
        return f"GRANT {', '.join([*privileges, *self.beside])} ON {self.pattern}.* TO {self.user}"


def grants(session: Session) -> Grants:
    [(database, user)] = session.rows("SELECT DATABASE(), CURRENT_USER()")
    return parsed([row[0] for row in session.rows("SHOW GRANTS")], database, user)


def parsed(lines: Sequence[str], database: str, user: str) -> Grants:
    """A database stands in a grant as a pattern, with `%`, `_` and backslashes before those meant as they are. Of one user's
    or role's patterns the server takes one alone."""
    server: set[str] = set()
    revoked: set[str] = set()
    patterns: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    tables: set[tuple[str, str]] = set()
    readable: set[str] = set()
    for line in lines:
        found = GRANT.match(line)
        if found is None or not _matches(found["database"], database):
            continue
        each = re.split(r", (?![^(]*\))", found["names"])
        names = {name for name in each if not name.endswith(")")} - {"USAGE"}
        if found["does"] == "REVOKE":
            revoked |= names
        elif found["database"] == "*":
            server |= names
        elif found["table"] == "*":
            patterns[found["who"]][found["database"]] |= names
        else:
            table = found["table"][1:-1].replace("``", "`")
            tables |= {(table, name) for name in names}
            readable |= {table for name in each if name.startswith("SELECT (")}
    granted = server.union(*map(_effective, patterns.values()))
    own: Mapping[str, set[str]] = next(
        (of_one for who, of_one in patterns.items() if re.sub("[`']", "", who) == user), {}
    )
    pattern, beside = identifier(database), set[str]()
    if len(own) == 1 and not any("%" in EXACTLY.sub("", one) for one in own):
        [pattern] = own
    elif own:  # others are for other databases too, which nobody has asked for
        pattern, beside = identifier(re.sub(r"([\\%_])", r"\\\1", database)), _effective(own) - revoked
    name, _, host = user.rpartition("@")
    return Grants(
        frozenset(server),
        frozenset(granted - revoked),
        frozenset(tables),
        frozenset(readable),
        pattern,
        tuple(sorted(beside)),
        f"'{name}'@'{host}'",
    )


def _effective(patterns: Mapping[str, set[str]]) -> set[str]:
    """A name without wildcards counts alone. Which of the others the server takes depends on its flavour: any may do."""
    exact = [names for pattern, names in patterns.items() if not re.search("[%_]", EXACTLY.sub("", pattern))]
    return set[str]().union(*(exact or patterns.values()))


def _matches(pattern: str, database: str) -> bool:
    if pattern == "*":
        return True
    parts = re.findall(r"\\(.)|([%_])|(.)", pattern[1:-1].replace("``", "`"), re.DOTALL)
    shape = "".join({"%": ".*", "_": "."}[wild] if wild else re.escape(exact or plain) for exact, wild, plain in parts)
    return re.fullmatch(shape, database, re.DOTALL) is not None
