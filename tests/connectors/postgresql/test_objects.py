"""All objects of a database: told exactly, made again in another, equal there."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.postgresql import connector
from connectors.postgresql.source import Source
from connectors.postgresql.target import Target
from connectors.schema import TableName
from tests.connectors.postgresql.pair import Pair
from tests.connectors.postgresql.rich import LEFT, ODD, RICH, dump

PUBLIC = ObjectId(ObjectKind.SCHEMA, None, "public")
COUNTERS = "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2"


def by_id(session: Source | Target) -> dict[ObjectId, SchemaObject]:
    return {one.id: one for one in session.objects().made}


@pytest.mark.parametrize("schema", [RICH, ODD], ids=["rich", "odd"])
def test_objects_applied_in_their_order_make_an_equal_database(pair: Pair, schema: str) -> None:
    pair.server.execute(pair.prod, schema)
    if "citext" in schema:
        pair.server.execute(pair.dev, "CREATE EXTENSION citext")
    with pair.sessions() as (source, target):
        for one in source.objects().made:
            if not one.inline and one.id != PUBLIC:
                target.apply(one.create, str(one.id))
        assert by_id(target) == by_id(source)
    assert dump(pair.dev) == dump(pair.prod)
    assert pair.server.rows(pair.dev, COUNTERS) == pair.server.rows(pair.prod, COUNTERS)


@pytest.mark.parametrize("schema", [RICH, ODD], ids=["rich", "odd"])
def test_objects_dropped_in_the_other_order_leave_nothing(pair: Pair, schema: str) -> None:
    pair.server.execute(pair.dev, schema)
    with pair.sessions() as (_, target):
        for one in reversed(target.objects().made):
            if one.id != PUBLIC and not one.inline:
                target.apply(one.drop, str(one.id))
        assert {str(id_) for id_ in by_id(target)} == {"schema public"}


def test_what_is_needed_comes_first(pair: Pair) -> None:
    pair.server.execute(pair.prod, RICH)
    with pair.sessions() as (source, _):
        made = source.objects().made
    place = {one.id: number for number, one in enumerate(made)}
    assert len(place) == len(made)
    assert [str(one.id) for one in made for need in one.needs if place[need] >= place[one.id]] == []
    second = next(one for one in made if one.id.name == "crm.a_second")
    assert [str(need) for need in second.needs] == ["table crm.events", "view crm.z_first"]


def test_partitions_and_what_is_theirs_belong_to_the_whole(pair: Pair) -> None:
    pair.server.execute(pair.prod, RICH)
    with pair.sessions() as (source, _):
        made = source.objects().made
    parts = {str(one.id.table): str(one.part_of) for one in made if one.part_of}
    assert parts == {
        "crm.events_eu": "crm.events",
        "crm.events_eu_new": "crm.events_eu",
        "crm.events_eu_old": "crm.events_eu",
        "crm.events_rest": "crm.events",
    }
    own = {one.id.name: [str(need) for need in one.needs] for one in made if str(one.id.table) == "crm.events_rest"}
    assert own["only_here"] == own["rest"] == ["table crm.events"]


def test_what_is_never_carried_is_named(pair: Pair) -> None:
    pair.server.execute(pair.prod, f"{RICH}; {LEFT}")
    with pair.sessions() as (source, _):
        left = set(source.objects().left)
    assert left == {
        ("aggregate", "public.most(integer)"),
        ("collation", "public.german"),
        ("extension", "citext"),
        ("function", "public.audit()"),
        ("function", "public.tax(numeric)"),
        ("grants", "public.scratch"),
        ("inheritance", "public.child from public.parent"),
        ("policy", "mine of public.scratch"),
        ("procedure", "public.tidy()"),
        ("publication", "news"),
        ("replica identity", "public.named"),
        ("row security", "public.scratch"),
        ("rule", "quiet of public.scratch"),
        ("trigger", "audit of crm.users"),
    }


def test_a_table_that_inherits_is_made_on_its_own(pair: Pair) -> None:
    pair.server.execute(
        pair.prod, "CREATE TABLE parent (a integer CHECK (a > 0)); CREATE TABLE child () INHERITS (parent)"
    )
    child = TableName("public", "child")
    with pair.sessions() as (source, _):
        made = by_id(source)
    assert made[ObjectId(ObjectKind.COLUMN, child, "a")].definition == "integer"
    assert made[ObjectId(ObjectKind.CHECK, child, "parent_a_check")].definition == "CHECK ((a > 0))"


def test_clauses_that_hold_values_are_shown(pair: Pair) -> None:
    pair.server.execute(pair.prod, RICH)
    with pair.sessions() as (source, _):
        shown = {str(one.id): one.literals for one in source.objects().made if one.literals}
        silent = {str(one.id) for one in source.objects().made if not one.literals}
    assert shown["column state of crm.users"] == ("DEFAULT 'new'::crm.state",)
    assert shown["table crm.events_eu"] == ("FOR VALUES IN ('eu', 'e''u')", "amount DEFAULT 5")
    assert shown["type crm.amount"][0].startswith("CREATE DOMAIN")
    assert shown["comment column email of crm.users"] == (
        """COMMENT ON COLUMN "crm"."users"."email" IS 'where they write'""",
    )
    assert {
        "column free of crm.users",
        "column id of crm.users",
        "column made of crm.users",
        "view crm.totals",
    } <= silent


def test_a_column_that_rows_would_lack_is_not_additive(pair: Pair) -> None:
    columns = (
        "a integer NOT NULL, b integer, c integer NOT NULL DEFAULT 1, d integer NOT NULL GENERATED ALWAYS AS IDENTITY"
    )
    pair.server.execute(pair.prod, f"CREATE TABLE t ({columns})")
    with pair.sessions() as (source, _):
        additive = {one.id.name: one.additive for one in source.objects().made if one.id.kind is ObjectKind.COLUMN}
    assert additive == {"a": False, "b": True, "c": True, "d": True}


def test_thousands_of_tables_take_as_many_questions_as_one(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    with pair.sessions() as (_, target):
        for count in (1, 50):
            for number in range(count):
                name = f"t{count}_{number}"
                target.apply(
                    [f"CREATE TABLE {name} (a integer PRIMARY KEY REFERENCES {name}, b text DEFAULT 'x')"], name
                )
        asked: list[bytes] = []
        execute = target._connection.execute

        def counting(query: bytes, *values: object) -> object:
            asked.append(query)
            return execute(query, *values)

        monkeypatch.setattr(target._connection, "execute", counting)
        assert len(target.objects().made) > 250
    assert len(asked) < 20


USING = """
CREATE EXTENSION pg_trgm;
CREATE EXTENSION citext;
CREATE FUNCTION tax(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE COLLATION german (provider = icu, locale = 'de');
CREATE DOMAIN taxed AS integer CHECK (tax(VALUE) > 0);
CREATE TABLE t (a integer DEFAULT tax(1), b text, c citext, d integer GENERATED ALWAYS AS (tax(a)) STORED,
  e text COLLATE german,
  CONSTRAINT k CHECK (tax(a) > 0 AND lower(b) <> 'x'));
CREATE INDEX i ON t (tax(a));
CREATE INDEX j ON t USING gin (b gin_trgm_ops);
CREATE INDEX l ON t (b COLLATE german);
CREATE VIEW v AS SELECT tax(a) AS x, c = 'x'::citext AS y, length(b) AS z FROM t
"""


def test_what_is_needed_of_what_is_not_carried_is_named(pair: Pair) -> None:
    pair.server.execute(pair.prod, USING)
    with pair.sessions() as (source, _):
        objects = source.objects()
    tax, trigrams, german = (
        ("function", "public.tax(integer)"),
        ("extension", "pg_trgm"),
        ("collation", "public.german"),
    )
    found = {str(one.id): one.uses for one in objects.made if one.uses}
    assert found == {
        "type public.taxed": (tax,),
        "table public.t": (tax,),
        "column a of public.t": (tax,),
        "column d of public.t": (tax,),
        "check k of public.t": (tax,),
        "index i of public.t": (tax,),
        "index j of public.t": (trigrams,),
        "index l of public.t": (german,),
        "view public.v": (("extension", "citext"), tax),
    }
    assert {use for uses in found.values() for use in uses} <= set(objects.left)


def test_reading_the_catalog_takes_no_privilege(pair: Pair) -> None:
    pair.server.execute(pair.prod, f"{RICH}; CREATE ROLE guest LOGIN PASSWORD 'guest'")
    try:
        with (
            closing(connector.source(pair.prod)) as source,
            closing(connector.source(replace(pair.prod, user="guest", password="guest"))) as guest,
        ):
            found, wanted = guest.objects(), source.objects()
        assert [(one.id, one.definition, one.needs) for one in found.made] == [
            (one.id, one.definition, one.needs) for one in wanted.made
        ]
        assert found.left == wanted.left
    finally:
        pair.server.execute(pair.prod, "DROP ROLE guest")
