"""Triggers as steps: how each is dropped and made again just as it was, in its place among the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from connectors.mysql.canonical import quoted
from connectors.mysql.privileges import Grants, grants
from connectors.mysql.session import Session
from connectors.mysql.types import UNICODE, identifier
from connectors.mysql.words import tokens
from connectors.objects import ObjectId, ObjectKind, Step
from connectors.schema import TableName

TRIGGERS = """
SELECT event_object_table, trigger_name, action_timing, definer, database_collation FROM information_schema.triggers
WHERE event_object_schema = DATABASE() AND event_manipulation = 'INSERT'
ORDER BY event_object_table, action_timing, action_order
"""
SETTING_DEFINERS = ("SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER", "ALL PRIVILEGES")
"""Privileges by which a trigger may run as somebody else than who makes it."""
LOGGED = "SELECT @@log_bin = 1 AND @@log_bin_trust_function_creators = 0"
FOLLOWS = " FOLLOWS "


def steps(session: Session, tables: Collection[str]) -> Iterator[Step]:
    """Of those that a load would fire and that our user can make again as they are, in the order in which they fire."""
    found: defaultdict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
    for table, name, timing, definer, collation in session.rows(TRIGGERS):
        if table in tables:
            found[table, timing].append((name, definer, collation))
    if not found:
        return
    granted = grants(session)
    able = not int(session.value(LOGGED)) or bool(granted.server & {"SUPER", "ALL PRIVILEGES"})
    for (table, _), each in found.items():
        made: list[Step] = []
        for name, definer, collation in each:
            step = _step(session, table, name, collation, made[-1].id.name if made else "") if able else None
            if step is None or not _may(granted, table, definer):
                made = []  # one that stays keeps those of its kind before and behind it where they are
                break
            made.append(step)
        yield from made


def _may(granted: Grants, table: str, definer: str) -> bool:
    own = granted.user == "'" + definer.replace("@", "'@'", 1) + "'"
    return granted.may("TRIGGER", table) and (own or bool(granted.server & {*SETTING_DEFINERS}))


def _step(session: Session, table: str, name: str, collation: str, behind: str) -> Step | None:
    """Nothing where it was made under what we cannot bring back: the database's former collation, another alphabet."""
    [(_, mode, text, charset, connection, *_)] = session.rows(f"SHOW CREATE TRIGGER {identifier(name)}")
    if collation != session.value("SELECT @@collation_database") or not (text.isascii() or charset in UNICODE):
        return None
    settings = (
        f"SET SESSION sql_mode = {quoted(mode)}, SESSION character_set_client = {charset},"
        f" SESSION collation_connection = {connection}"
    )
    here = TableName(None, table)
    return Step(
        ObjectId(ObjectKind.TRIGGER, here, name),
        here,
        (f"DROP TRIGGER {identifier(name)}",),
        (settings, placed(text, behind) if behind else text),
    )


def placed(text: str, behind: str) -> str:
    """The definition with the trigger that it comes behind. The server keeps no such clause itself."""
    seen: list[str] = []
    found = list(tokens(text))
    for at, (kind, said) in enumerate(found):
        if kind in ("blank", "remark"):
            continue
        seen = [*seen[-2:], said.upper()]
        if seen == ["FOR", "EACH", "ROW"]:
            before, after = ("".join(said for _, said in some) for some in (found[: at + 1], found[at + 1 :]))
            return f"{before}{FOLLOWS}{identifier(behind)}{after}"
    raise AssertionError("a trigger is for each row")


def predecessor(step: Step) -> str:
    """The clause that says which trigger this one comes behind, or nothing."""
    found = list(tokens(step.restore[-1]))
    for at in range(len(found) - 3):
        if [said.upper() for _, said in found[at : at + 3]] == ["ROW", " ", "FOLLOWS"] and found[at + 4][0] == "name":
            return f"{FOLLOWS}{found[at + 4][1]}"
    return ""


def ordered(found: Sequence[Step]) -> list[Step]:
    """Each behind the one it follows."""
    clauses = {step.id.name: predecessor(step) for step in found}
    waiting, done = list(found), []
    while waiting:
        names = {f"{FOLLOWS}{identifier(step.id.name)}" for step in waiting}
        ready = [step for step in waiting if clauses[step.id.name] not in names] or waiting
        done += ready
        waiting = [step for step in waiting if step not in ready]
    return done
