"""What a user of few privileges may do to a schema is known beforehand: the server is asked to do it, and agrees."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import pytest

from connectors.contract import Endpoint
from connectors.errors import PermissionMissing
from connectors.mysql import connector
from connectors.objects import ObjectKind, SchemaObject
from connectors.schema import TableName
from tests.connectors.drive import Ends
from tests.connectors.mysql.databases import rich, user

NOTHING = "TRIGGER, REFERENCES"
"""Enough to see what is there, and for no definition but that of a foreign key."""


def made(endpoint: Endpoint) -> tuple[SchemaObject, ...]:
    with closing(connector.target(endpoint)) as target:
        return target.objects().made


def told(endpoint: Endpoint, *works: tuple[str, ...]) -> list[list[str]]:
    with closing(connector.target(endpoint)) as target:
        return target.forbidden(works)


def apply(endpoint: Endpoint, work: tuple[str, ...]) -> None:
    with closing(connector.target(endpoint)) as target:
        target.apply(work, "it")


def grant(ends: Ends, sentence: str) -> None:
    """What the sentence says would help."""
    ends.server.execute(ends.target, "GRANT " + sentence.split(": GRANT ")[1])


@pytest.mark.parametrize(
    "granted", [[("SELECT", r"{}\_{}"), ("CREATE", "{}_{}")], [("SELECT", r"{}\_%")], [("SELECT", "{}_{}")]]
)
def test_what_is_granted_by_one_name_of_a_database_and_not_by_another_is_asked_for_by_the_right_one(
    ends: Ends, granted: Sequence[tuple[str, str]]
) -> None:
    guest = user(ends.server, ends.target)
    for privilege, name in granted:
        on = name.format(*ends.target.database.split("_"))
        ends.server.execute(ends.target, f"GRANT {privilege} ON `{on}`.* TO '{guest.user}'@'127.0.0.1'")
    work = ("CREATE TABLE `t` (a int)",)
    [[needed]] = told(guest, work)
    with pytest.raises(PermissionMissing):
        apply(guest, work)
    grant(ends, needed)
    assert told(guest, work) == [[]]
    apply(guest, work)
    with closing(connector.target(guest)) as target:
        assert target.count(TableName(None, "t")) == 0  # what was granted before still is


def test_what_is_told_is_refused_and_what_it_asks_for_is_enough(ends: Ends) -> None:
    rich(ends.server, ends.source)
    guest = user(ends.server, ends.target, NOTHING)
    objects = [one for one in made(ends.source) if not one.inline]
    assert {one.id.kind for one in objects} >= {
        ObjectKind.TABLE,
        ObjectKind.VIEW,
        ObjectKind.SEQUENCE,
        ObjectKind.INDEX,
    }
    asked = set()
    works = [(one, one.create) for one in objects] + [(one, one.drop) for one in reversed(objects)]
    for one, work in works:
        [needed] = told(guest, work)
        assert needed, work
        with pytest.raises(PermissionMissing):
            apply(guest, work)
        for sentence in needed:
            grant(ends, sentence)
            asked.update(sentence.split(": GRANT ")[1].split(" ON ")[0].split(", "))
        assert told(guest, work) == [[]]
        apply(guest, work)
        if (
            one.id.kind is ObjectKind.VIEW and work == one.create
        ):  # it would be of no use when its maker has lost his rights
            apply(ends.target, (*one.drop, *one.create))
        ends.server.execute(ends.target, f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM '{guest.user}'@'127.0.0.1'")
        ends.server.execute(ends.target, f"GRANT {NOTHING} ON `{ends.target.database}`.* TO '{guest.user}'@'127.0.0.1'")
    assert {"CREATE", "ALTER", "DROP", "CREATE VIEW", "SELECT", "INSERT"} <= asked
