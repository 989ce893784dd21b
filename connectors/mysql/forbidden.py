"""What our user may not do to a target's schema, told before anything is changed.

Nobody owns a table here: what a statement needs is granted for the table, its database or the whole server, whether it is
there already or not. All of it is asked of the server once, however many statements there are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

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
DRAWN = re.compile(rf"\bnextval\((?:{NAME}\.)?({NAME})\)", re.IGNORECASE)
SET = re.compile(rf"SELECT SETVAL\(({NAME})")
THERE = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
DRAWING = """
SELECT table_name, column_default FROM information_schema.columns
WHERE table_schema = DATABASE() AND column_default LIKE 'nextval(%'
"""
"""Whoever alters such a table opens the sequences too."""
KNOWING = ("REFERENCES", "SELECT", "INSERT", "UPDATE", "DELETE")
"""MariaDB lets a foreign key lead to a table of which one has any of these, MySQL wants the first."""

Demand = tuple[str, tuple[str, ...]]
"""A table, view or sequence, and the privileges of which one is needed; the first is the one to be granted."""


def forbidden(session: Session, works: Sequence[Sequence[str]]) -> list[list[str]]:
    draws: defaultdict[str, list[str]] = defaultdict(list)
    for table, default in session.rows(DRAWING):
        draws[table] += [named(found) for found in DRAWN.findall(default)]
    there = {str(name) for (name,) in session.rows(THERE)}
    knowing = KNOWING if session.flavour == "MariaDB" else KNOWING[:1]
    judge = Judge(grants(session), str(session.value("SELECT DATABASE()")), there, draws, knowing)
    return [list(dict.fromkeys(why for statement in work for why in judge.told(statement))) for work in works]


class Judge:
    """What is granted, and what is there while statements drop it and make other things, one after the other."""

    def __init__(self, granted: Grants, database: str, there: set[str], draws: Mapping[str, Sequence[str]],
                 knowing: tuple[str, ...]) -> None:  # fmt: skip
        self.granted, self.database, self.there, self.draws, self.knowing = granted, database, there, draws, knowing
        self.stood = frozenset(there)
        self.made: set[str] = set()

    def told(self, statement: str) -> Iterator[str]:
        """What of it we may not do, when it comes to that."""
        head = HEAD.match(statement)
        name, does = (named(head["name"]), head["does"]) if head else ("", "")
        if head and does == "CREATE" and not head["over"] and name in self.there:
            yield from self._unseen(name)
            return
        if does == "CREATE":
            self.made.add(name)
        missing: dict[str, list[str]] = {}
        for one, privileges in demands(statement, self.there, self.draws, self.knowing):
            if not any(self._may(privilege, one) for privilege in privileges):
                missing.setdefault(one, []).append(privileges[0])
        yield from (self._lacks(one, lacking) for one, lacking in missing.items())
        if head:
            (self.there.discard if does == "DROP" else self.there.add)(name)

    def _may(self, privilege: str, name: str) -> bool:
        return self.granted.may(privilege, name) or (privilege == "SELECT" and name in self.granted.readable)

    def _unseen(self, name: str) -> Iterator[str]:
        """What shall be made although it is there is there for others to see."""
        if lacking := [one for one in ("SELECT", "SHOW VIEW") if not self.granted.may(one, name)]:
            yield f"it is there, and our user may not see its definition: {self._grant(name, lacking)}"

    def _lacks(self, name: str, privileges: list[str]) -> str:
        if privileges == ["CREATE"]:
            return creates(self.granted)
        privileges = list(dict.fromkeys(privileges))
        return f"our user lacks {', '.join(privileges)} on {name}: {self._grant(name, privileges)}"

    def _grant(self, name: str, privileges: Sequence[str]) -> str:
        """For what was never there it must be for all of the database."""
        if name in self.made - self.stood:
            return self.granted.grant(privileges)
        on = f"{identifier(self.database)}.{identifier(name)}"
        return f"GRANT {', '.join(privileges)} ON {on} TO {self.granted.user}"


def demands(statement: str, there: Collection[str], draws: Mapping[str, Sequence[str]], knowing: tuple[str, ...]
            ) -> Iterator[Demand]:  # fmt: skip
    """What it needs. Nothing, where it only sets something for our session."""
    plain = "".join("''" if kind == "text" else said for kind, said in tokens(statement))
    head = HEAD.match(plain)
    if going_on := SET.match(plain):
        yield named(going_on[1]), ("INSERT",)
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
        yield named(table), knowing
    counters = [*map(named, DRAWN.findall(plain)), *(draws.get(name, ()) if head["does"] == "ALTER" else ())]
    for counter in dict.fromkeys(counters):
        yield from ((counter, (privilege,)) for privilege in ("SELECT", "INSERT"))


def creates(granted: Grants) -> str:
    return f"our user may not create anything here: {granted.grant(['CREATE'])}"
