"""What a user of few privileges may do to a schema is known beforehand: the server is asked to do it, and agrees."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

import psycopg
import pytest

from connectors.errors import PermissionMissing
from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.postgresql.objects import read
from connectors.postgresql.privileges import forbidden
from connectors.postgresql.session import Connection, connect
from connectors.schema import TableName
from tests.connectors.postgresql.pair import Pair, find
from tests.connectors.postgresql.rich import RICH

OURS = "nspname IN ('crm', 'Odd Schema', 'public')"
ENTERS = f"SELECT format('GRANT USAGE, CREATE ON SCHEMA %I TO {{guest}}', nspname) FROM pg_namespace WHERE {OURS}"
HAS_SCHEMAS = f"SELECT format('ALTER SCHEMA %I OWNER TO {{guest}}', nspname) FROM pg_namespace WHERE {OURS}"
HAS_TABLES = f"""SELECT format('ALTER TABLE %s OWNER TO {{guest}}', c.oid::regclass) FROM pg_class c JOIN pg_namespace n
  ON n.oid = c.relnamespace WHERE {OURS} AND c.relkind IN ('r', 'p', 'm', 'v')"""
NO_TYPES = f"""SELECT format('REVOKE USAGE ON TYPE %s FROM PUBLIC', t.oid::regtype) FROM pg_type t JOIN pg_namespace n
  ON n.oid = t.typnamespace WHERE {OURS} AND t.typtype IN ('d', 'e', 'r')"""
MEMBER = "SELECT 'GRANT {anna} TO {guest}'"
WHO = {
    "a stranger": (),
    "one who makes new things": (ENTERS,),
    "owner of the schemas alone": (HAS_SCHEMAS,),
    "owner of the tables, who may not use the types": (ENTERS, HAS_TABLES, NO_TYPES),
    "a member of the owner": (MEMBER,),
}
COLUMNS = [ObjectId(ObjectKind.COLUMN, TableName("crm", "users"), name) for name in ("id", "state", "free")]
"""An identity, one of a type of its own, one that another sequence fills."""
DENIED = "42501"
PUBLIC = ("public", "schema public")
"""Not ours to make, nor its comment."""


@contextmanager
def undone(connection: Connection, role: str = "") -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        if role:
            connection.execute(f"SET LOCAL ROLE {role}".encode())
        yield


def told(connection: Connection, guest: str, work: Sequence[str]) -> list[str]:
    with undone(connection, guest):
        [found] = forbidden(connection, [work])
    return found


def refused(connection: Connection, guest: str, work: Sequence[str]) -> str | None:
    """With which code the server does, if it does."""
    try:
        with undone(connection, guest):
            for statement in work:
                connection.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None


def help_with(connection: Connection, guest: str, sentences: Sequence[str]) -> None:
    """Run what they say would help; they name the user who is logged in."""
    for sentence in sentences:
        helps = re.sub(r' TO "[^"]*"$', f" TO {guest}", sentence.rpartition(": ")[2])
        connection.execute(helps.encode())


@pytest.fixture
def guest(pair: Pair) -> str:
    """A user who may nothing, beside anna, whose everything is."""
    name = f"guest_{pair.dev.database}"
    for statement in (
        f"CREATE ROLE {name}; CREATE ROLE anna_{pair.dev.database}",
        f"GRANT CREATE ON DATABASE {pair.dev.database} TO anna_{pair.dev.database}",
        f"GRANT ALL ON SCHEMA public TO anna_{pair.dev.database}",
    ):
        pair.server.execute(pair.dev, statement)
    pair.server.execute(pair.dev, f"SET ROLE anna_{pair.dev.database}; {RICH}")
    return name


def works(one: SchemaObject) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """How it goes, how it comes where it is missing or takes another's place, and both in one: what must go before, and the
    work."""
    gone = () if one.id.kind is ObjectKind.COMMENT else tuple(f"{statement} CASCADE" for statement in one.drop)
    over = [
        made.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1) for made in one.create if made[:11] == "CREATE VIEW"
    ]
    return [((), one.drop), (gone, one.create), ((), (*one.drop, *one.create)), *(((), (made,)) for made in over)]


def shape(one: SchemaObject) -> tuple[object, ...]:
    """Of those whose statements differ in names alone one will do."""
    if one.id in COLUMNS:
        return (one.id,)
    return one.id.kind, *(statement.split(' "')[0] for statement in one.create)


@pytest.mark.parametrize("who", WHO)
def test_what_is_told_is_refused_and_what_it_asks_for_is_enough(pair: Pair, guest: str, who: str) -> None:
    wrong = []
    with closing(connect(pair.dev, read_only=False)) as owner:
        made = {shape(one): one for one in read(owner).made if one.id in COLUMNS or not one.inline}.values()
        for query in WHO[who]:
            for (statement,) in owner.execute(
                query.format(guest=guest, anna=f"anna_{pair.dev.database}").encode()
            ).fetchall():
                owner.execute(statement.encode())
        for one in made:
            if one.id.kind is ObjectKind.VIEW and NO_TYPES in WHO[who]:
                continue  # of which types its columns are, only the server finds out
            for before, work in works(one):
                with undone(owner):
                    for statement in before:
                        owner.execute(statement.encode())
                    needed, code = told(owner, guest, work), refused(owner, guest, work)
                    if (needed and code is None) or (not needed and code == DENIED):
                        wrong.append((work, needed, code))
                    help_with(owner, guest, needed)
                    if needed and (told(owner, guest, work) or refused(owner, guest, work) == DENIED):
                        wrong.append((work, needed, "not enough"))
    assert wrong == []


def test_what_a_plan_makes_is_its_own_and_what_it_drops_is_not_in_its_way(pair: Pair, guest: str) -> None:
    """Everything goes and comes back, by one who may make new things: only what goes needs its owner."""
    with closing(connect(pair.dev, read_only=False)) as owner:
        made = [one for one in read(owner).made if not one.inline and one.id.name not in PUBLIC]
        owner.execute(f"GRANT CREATE ON DATABASE {pair.dev.database} TO {guest}".encode())
        owner.execute(f"GRANT CREATE ON SCHEMA public TO {guest}".encode())
        with undone(owner, guest):
            found = forbidden(owner, [one.drop for one in reversed(made)] + [one.create for one in made])
    untold = {one.id.kind for one, needed in zip(reversed(made), found, strict=False) if not needed}
    assert untold <= {ObjectKind.SEQUENCE}  # those of columns go with their tables
    assert [work for work in found[len(made) :] if work] == []


def test_as_many_questions_for_a_thousand_works_as_for_one(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    execute = Connection.execute
    monkeypatch.setattr(Connection, "execute", lambda *given, **more: (asked.append(1), execute(*given, **more))[1])
    with closing(connect(pair.dev, read_only=False)) as owner:
        counts = []
        for number in (1, 1000):
            asked.clear()
            assert (
                forbidden(owner, [[f'CREATE TABLE "public"."t{n}" (a integer)'] for n in range(number)])
                == [[]] * number
            )
            counts.append(len(asked))
    assert counts[0] == counts[1] <= 6


def test_a_schema_that_may_not_be_entered_and_a_type_that_may_not_be_used_are_told(pair: Pair) -> None:
    pair.both("CREATE SCHEMA crm; CREATE TYPE crm.state AS ENUM ('a'); CREATE TABLE crm.t (id integer, s crm.state)")
    pair.server.execute(pair.prod, "CREATE TABLE new (s crm.state)")
    name = f"guest_{pair.dev.database}"
    pair.server.execute(pair.dev, f"CREATE ROLE {name} LOGIN PASSWORD 'x'; GRANT CREATE ON SCHEMA public TO {name}")
    pair.dev = replace(pair.dev, user=name, password="x")
    enters = f'our user may not enter its schema: GRANT USAGE ON SCHEMA "crm" TO "{name}"'
    with pair.sessions() as (source, target):
        table, there = find(source, "t", "crm"), find(target, "t", "crm")
        assert target.mismatches(table, there) == target.creatable(find(source, "new")) == [enters]
        assert target.suspensions([table.name]) == []
        view = 'CREATE VIEW "public"."v" AS SELECT t.id FROM crm.t'
        assert target.forbidden([[view]]) == [[enters]]
        with pytest.raises(PermissionMissing):
            target.apply([view], "it")
        with pair.server.connect(replace(pair.dev, user=pair.prod.user, password=pair.prod.password)) as owner:
            owner.execute(f"GRANT USAGE ON SCHEMA crm TO {name}; REVOKE USAGE ON TYPE crm.state FROM PUBLIC".encode())
        target.apply([view], "it")
        assert target.creatable(find(source, "new")) == [
            f'our user may not use type "crm"."state": GRANT USAGE ON TYPE "crm"."state" TO "{name}"'
        ]
