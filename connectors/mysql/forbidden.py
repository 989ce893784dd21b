"""What our user may not do to a target's schema, told before anything is changed.

Nobody owns a table here: what a statement needs is granted for the table, its database or the whole server, whether it is
there already or not. All of it is asked of the server once, however many statements there are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from connectors.mysql.privileges import Grants, grants
from connectors.mysql.session import Session
from connectors.mysql.types import identifier
from connectors.mysql.views import used
from connectors.mysql.words import named, tokens

NAME = r"`(?:[^`]|``)*`"
HEAD = re.compile(
    r"(?P<does>CREATE|ALTER|DROP)(?P<over> OR REPLACE)?(?: ALGORITHM=\w+)?(?: SQL SECURITY \w+)?"
    rf" (?P<what>TABLE|VIEW|SEQUENCE) (?P<name>{NAME})"
)
REFERENCED = re.compile(rf" REFERENCES ({NAME}) ")
DRAWN = re.compile(rf"\bnextval\(({NAME})\)", re.IGNORECASE)
SET = re.compile(rf"SELECT SETVAL\(({NAME})")
THERE = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
KNOWING = ("SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES")
"""MariaDB lets a foreign key lead to a table of which one has any of these."""

Demand = tuple[str, tuple[str, ...]]
"""A table, view or sequence, and the privileges of which one is needed; the first is the one to be granted."""


def forbidden(session: Session, works: Sequence[Sequence[str]]) -> list[list[str]]:
    granted, database = grants(session), str(session.value("SELECT DATABASE()"))
    there = {str(name) for (name,) in session.rows(THERE)}
    judge = Judge(granted, database, there, knowing=KNOWING if session.flavour == "MariaDB" else ("REFERENCES",))
    return [list(dict.fromkeys(why for statement in work for why in judge.told(statement))) for work in works]


class Judge:
    """What is granted, and what is there while statements drop it and make other things, one after the other."""

    def __init__(self, granted: Grants, database: str, there: set[str], knowing: Sequence[str]) -> None:
        self.granted, self.database, self.there, self.knowing = granted, database, there, tuple(knowing)
        self.stands = frozenset(there)
        """What a grant may name."""

    def told(self, statement: str) -> Iterator[str]:
        """What of it we may not do, when it comes to that."""
        head, missing = HEAD.match(statement), dict[str, list[str]]()
        for name, privileges in demands(statement, self.there, self.knowing):
            if not any(self._may(privilege, name) for privilege in privileges):
                missing.setdefault(name, []).append(privileges[0])
        if head is not None:
            name = named(head["name"])
            if head["does"] == "CREATE" and not head["over"] and name in self.there:
                missing.setdefault(name, []).extend(self._unseen(name))
            change = self.there.discard if head["does"] == "DROP" else self.there.add
            change(name)
        yield from (self._lacks(name, lacking) for name, lacking in missing.items())

    def _may(self, privilege: str, name: str) -> bool:
        return self.granted.may(privilege, name) or (privilege == "SELECT" and name in self.granted.readable)

    def _unseen(self, name: str) -> list[str]:
        """What is made although it is there can only be there unseen."""
        return [one for one in ("SELECT", "SHOW VIEW") if not self.granted.may(one, name)]

    def _lacks(self, name: str, privileges: Sequence[str]) -> str:
        """For what is not there yet a grant must be for all of the database."""
        if list(privileges) == ["CREATE"]:
            return creates(self.database, self.granted.user)
        place = f"{identifier(self.database)}.{identifier(name) if name in self.stands else '*'}"
        listed = ", ".join(dict.fromkeys(privileges))
        return f"our user lacks {listed} of {name}: GRANT {listed} ON {place} TO {self.granted.user}"


def demands(statement: str, there: Collection[str], knowing: tuple[str, ...]) -> Iterator[Demand]:
    """What it needs. Nothing, where it only sets something for our session."""
    plain = "".join("''" if kind == "text" else said for kind, said in tokens(statement))
    head = HEAD.match(plain)
    if counter := SET.match(plain):
        yield named(counter[1]), ("INSERT",)
    if head is None:
        return
    name = named(head["name"])
    if head["what"] == "VIEW" and head["does"] == "CREATE":
        yield name, ("CREATE VIEW",)
        if head["over"]:
            yield name, ("DROP",)
        yield from ((one, ("SELECT",)) for one in used(plain, there) if one != name)
    else:
        yield name, (head["does"],)
    for table in REFERENCED.findall(plain):
        yield named(table), ("REFERENCES", *knowing)
    for counter in DRAWN.findall(plain):
        yield from ((named(counter), (privilege,)) for privilege in ("SELECT", "INSERT"))


def creates(database: str, user: str) -> str:
    return f"our user may not create anything here: GRANT CREATE ON {identifier(database)}.* TO {user}"
