"""Preparing and finishing a target: creating, emptying, staging, counters, orphans, sessions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, TimeoutError
from contextlib import closing, suppress
from dataclasses import replace

import psycopg
import pytest

from connectors.contract import Chunk, RunRecord, Staged
from connectors.errors import (
    LeaseHeld,
    LoginRefused,
    NotFound,
    PermissionMissing,
    TerminalError,
    ValueRefused,
)
from connectors.postgresql import connector
from connectors.schema import Check, ForeignKey, Index, IndexPart, Key, TableName
from tests.connectors.postgresql.pair import RUN, Pair, find

COLLATION = """
CREATE SCHEMA crm; CREATE COLLATION crm.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)
"""
SHOP = """
CREATE TYPE crm.state AS ENUM ('new', 'paid');
CREATE DOMAIN crm.amount AS numeric(12,2) CHECK (VALUE >= 0) NOT NULL;
CREATE TABLE crm.users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email varchar(40) COLLATE crm.ci UNIQUE,
  chief bigint REFERENCES crm.users, name text);
CREATE UNIQUE INDEX ON crm.users (lower(name)) WHERE chief IS NULL;
CREATE UNIQUE INDEX ON crm.users (name) WHERE chief IS NULL;
CREATE TABLE crm.orders (no serial, line smallint, user_id bigint REFERENCES crm.users, state crm.state, total crm.amount,
  taxed numeric GENERATED ALWAYS AS (total * 1.2) STORED, small smallserial, PRIMARY KEY (line, no));
ALTER TABLE crm.orders ALTER small DROP NOT NULL
"""


def test_the_catalog_is_read_exactly(pair: Pair) -> None:
    pair.server.execute(pair.prod, f"{COLLATION}; {SHOP}")
    with pair.sessions() as (source, _):
        users, orders = find(source, "users", "crm"), find(source, "orders", "crm")
    assert orders.primary_key == ("line", "no")
    assert orders.foreign_keys == (ForeignKey("orders_user_id_fkey", orders.name, ("user_id",), users.name, ("id",)),)
    assert users.uniques == (Key(("email",)), Key(("chief", "name"), plain=False), Key(("name",), plain=False))
    assert [column.counter for column in orders.columns] == ["serial", None, None, None, None, None, "serial"]
    assert users.column("id").counter == "identity always"
    assert users.column("email").ignores_case == "unicode"
    assert users.column("email").type.length == 40
    assert orders.column("total").type.native == "crm.amount"
    assert not orders.column("total").nullable
    assert [column.name for column in orders.columns if column.generated] == ["taxed"]
    assert (orders.column("line").type.bits, orders.column("user_id").type.bits) == (16, 64)


def test_missing_tables_are_made_as_they_were(pair: Pair) -> None:
    pair.server.execute(pair.prod, f"{COLLATION}; {SHOP}")
    with pair.sessions() as (source, target):
        tables = source.schema().tables
        pair.server.execute(pair.dev, COLLATION)
        assert [target.creatable(table) for table in tables] == [[], []]
        target.create(tables)
        target.create(tables)
        made = {table.name: table for table in target.schema().tables}
        assert set(made) == {table.name for table in tables}
        for table in tables:
            assert made[table.name].columns == table.columns
            assert made[table.name].primary_key == table.primary_key
            assert target.mismatches(table, made[table.name]) == []


def test_two_runs_that_need_the_same_missing_type_at_once_both_make_their_tables(pair: Pair) -> None:
    pair.server.execute(pair.prod, "CREATE SCHEMA crm; CREATE TYPE crm.mood AS ENUM ('a')")
    pair.server.execute(pair.prod, "CREATE TABLE crm.a (m crm.mood); CREATE TABLE crm.b (m crm.mood)")
    with pair.sessions() as (source, one), closing(connector.target(pair.dev)) as other, ThreadPoolExecutor(1) as pool:
        with one._connection.transaction():
            one.create([find(source, "a", "crm")])
            second = pool.submit(other.create, [find(source, "b", "crm")])
            with suppress(TimeoutError):
                second.result(timeout=0.5)
        second.result(timeout=120)
        assert {table.name.name for table in other.schema().tables} == {"a", "b"}


def test_what_cannot_be_made_is_said_before(pair: Pair) -> None:
    pair.server.execute(pair.prod, "CREATE EXTENSION citext; CREATE SCHEMA crm; CREATE TABLE crm.t (c citext)")
    pair.server.execute(pair.dev, "CREATE ROLE guest LOGIN PASSWORD 'guest'")
    guest = connector.target(replace(pair.dev, user="guest", password="guest"))
    try:
        with pair.sessions() as (source, _):
            said = guest.creatable(find(source, "t", "crm"))
        assert len(said) == 2
        assert "GRANT CREATE ON DATABASE" in said[0]
        assert "CREATE EXTENSION citext" in said[1]
        with pytest.raises(PermissionMissing):
            guest.ledger.create()
    finally:
        guest.close()
        pair.server.execute(pair.dev, "DROP ROLE guest")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("CREATE TYPE _t AS (a integer)", "a type"),
        ("CREATE TYPE _t AS ENUM ('a')", "a type"),
        ("CREATE DOMAIN _t AS integer", "a type"),
        ("CREATE SEQUENCE _t", "a sequence"),
        ("CREATE TABLE u (a integer); CREATE INDEX _t ON u (a)", "an index"),
        ("CREATE SCHEMA s; CREATE TYPE s._t AS (a integer)", None),
        ("CREATE TYPE t AS (a integer)", None),
    ],
)
def test_a_name_that_is_taken_is_told_before(pair: Pair, made: str, said: str | None) -> None:
    """But by an array of `t`, which makes room."""
    pair.server.execute(pair.prod, "CREATE TABLE _t (a integer)")
    pair.server.execute(pair.dev, made)
    with pair.sessions() as (source, target):
        table = find(source, "_t")
        assert target.creatable(table) == ([f"{said} of this name is in the way: drop or rename it"] if said else [])
        if said is None:
            target.create([table])
            assert find(target, "_t").columns == table.columns


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ("(a integer NOT NULL, b text, m mood)", "a is NOT NULL here"),
        ("(a bigint, b text, m mood)", "a is bigint here but integer"),
        ("(a integer, m mood)", "b is missing"),
        ("(a integer, b text, m mood, c integer NOT NULL)", "c is NOT NULL without a default"),
        ("(a integer, b text GENERATED ALWAYS AS ('x') STORED, m mood)", "b is computed by the target"),
        ("(a integer, b text, m mood, c integer NOT NULL DEFAULT 1, d serial, e text)", None),
        ("(m mood, b text, a integer)", None),
    ],
)
def test_differences_are_named(pair: Pair, theirs: str, said: str | None) -> None:
    pair.both("CREATE TYPE mood AS ENUM ('a')")
    pair.server.execute(pair.prod, "CREATE TABLE t (a integer, b text, m mood)")
    pair.server.execute(pair.dev, f"CREATE TABLE t {theirs}")
    with pair.sessions() as (source, target):
        found = target.mismatches(find(source, "t"), find(target, "t"))
    assert [said in sentence for sentence in found] == [True] if said else found == []


def test_a_type_of_the_same_name_may_differ(pair: Pair) -> None:
    pair.server.execute(pair.prod, "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE t (m mood[])")
    pair.server.execute(pair.dev, "CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t (m mood[])")
    with pair.sessions() as (source, target):
        (said,) = target.mismatches(find(source, "t"), find(target, "t"))
    assert "type public.mood is defined differently" in said


def test_hooks_and_other_things_are_seen(pair: Pair) -> None:
    pair.server.execute(
        pair.prod,
        """CREATE TABLE t (a integer); CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT 1;
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER audit BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
        CREATE TRIGGER off BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t DISABLE TRIGGER off;
        CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING; ALTER TABLE t ENABLE ROW LEVEL SECURITY;
        CREATE TABLE blob (id integer, data oid); SELECT lo_create(0)""",
    )
    with pair.sessions() as (source, _):
        schema = source.schema()
        assert find(source, "t").hooks == ("rule r", "trigger audit", "row security")
        assert "large objects" in find(source, "blob").notes[0]
    assert schema.other == ((TableName("public", "m"), "materialized view"), (TableName("public", "v"), "view"))


def test_counters_continue_behind_the_copied_values(pair: Pair) -> None:
    pair.server.execute(
        pair.prod,
        """CREATE TABLE t (a bigint GENERATED ALWAYS AS IDENTITY, b serial, c integer);
        INSERT INTO t (a, b) OVERRIDING SYSTEM VALUE VALUES (41, 7), (12, 99);
        CREATE TABLE none (a integer GENERATED BY DEFAULT AS IDENTITY)""",
    )
    pair.copy("t")
    pair.copy("none")
    with pair.sessions() as (_, target):
        for name in ("t", "none"):
            target.settle(find(target, name))
            target.settle(find(target, name))
    pair.server.execute(pair.dev, "INSERT INTO t DEFAULT VALUES")
    pair.server.execute(pair.dev, "INSERT INTO none DEFAULT VALUES")
    assert pair.server.rows(pair.dev, "SELECT max(a), max(b) FROM t") == [(42, 100)]
    assert pair.server.rows(pair.dev, "SELECT a FROM none") == [(1,)]
    pair.server.execute(pair.dev, "DELETE FROM t WHERE a > 20")
    with pair.sessions() as (_, target):
        target.settle(find(target, "t"))
    pair.server.execute(pair.dev, "INSERT INTO t DEFAULT VALUES")
    assert pair.server.rows(pair.dev, "SELECT max(a) FROM t") == [(43,)]


FAMILY = """
CREATE TABLE a (id integer PRIMARY KEY, b integer); CREATE TABLE b (id integer PRIMARY KEY, a integer REFERENCES a);
ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b ON DELETE RESTRICT;
CREATE TABLE outside (b integer REFERENCES b);
INSERT INTO a VALUES (1, NULL); INSERT INTO b VALUES (1, 1); UPDATE a SET b = 1
"""


def test_tables_are_emptied_together_but_never_others(pair: Pair) -> None:
    pair.server.execute(pair.dev, FAMILY)
    names = [TableName("public", "a"), TableName("public", "b")]
    with pair.sessions() as (_, target):
        assert not target.is_empty(names[0])
        pair.lease(target, *names, TableName("public", "outside"))
        target.empty(names)
        assert all(target.is_empty(name) for name in names)
        pair.server.execute(pair.dev, "INSERT INTO b VALUES (5, NULL); INSERT INTO outside VALUES (NULL), (5)")
        with pytest.raises(TerminalError, match="table outside has rows"):
            target.empty(names)
        assert target.count(names[1]) == 1
        target.empty([*names, TableName("public", "outside")])
        assert target.count(names[1]) == 0


def test_inherited_rows_stay_when_their_parent_is_emptied(pair: Pair) -> None:
    pair.server.execute(
        pair.dev,
        """CREATE TABLE mother (id integer); CREATE TABLE child () INHERITS (mother);
        INSERT INTO mother VALUES (1); INSERT INTO child VALUES (2);
        CREATE TABLE p (id integer) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p DEFAULT; INSERT INTO p VALUES (1)""",
    )
    with pair.sessions() as (_, target):
        mother, partitioned = TableName("public", "mother"), TableName("public", "p")
        assert (target.count(mother), target.count(partitioned)) == (1, 1)
        pair.lease(target, mother, partitioned)
        target.empty([mother, partitioned])
        assert (target.count(mother), target.count(partitioned)) == (0, 0)
        assert target.count(TableName("public", "child")) == 1


def test_staged_rows_are_published_at_once(pair: Pair) -> None:
    pair.both(
        "CREATE TABLE t (a integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b text, c text GENERATED ALWAYS AS (b) STORED)"
    )
    pair.server.execute(pair.prod, "INSERT INTO t (b) SELECT 'x' FROM generate_series(1, 100)")
    pair.server.execute(pair.dev, "INSERT INTO t (a, b) OVERRIDING SYSTEM VALUE VALUES (1000, 'mine')")
    with pair.sessions() as (source, target):
        table = find(source, "t")
        pair.lease(target, table.name)
        stage = target.stage(RUN, 0, find(target, "t"))
        job = pair.start(source, target, table, into=stage)
        with connector.transfer(job) as transfer:
            transfer.copy(Chunk(0, 0, source.bounds(table, None, 1 << 30)[0]))
        assert target.count(table.name) == 1
        assert target.count(stage) == 100
        target.publish(RUN, [Staged(0, stage, find(target, "t"))])
        assert target.count(table.name) == 101
        state = target.ledger.tables(RUN)[0]
        assert (state.state, state.rows) == ("complete", 100)
        assert [str(one.name) for one in target.schema().tables] == ["public.t"]
        with pytest.raises(NotFound):
            target.count(stage)


def test_foreign_keys_can_be_off_while_loading_and_orphans_are_counted(pair: Pair) -> None:
    ddl = "CREATE TABLE u (a integer, b integer, PRIMARY KEY (a, b)); CREATE TABLE o (x integer, y integer)"
    pair.both(ddl)
    pair.server.execute(pair.prod, "INSERT INTO o VALUES (1, 1), (1, NULL), (2, 2), (NULL, NULL)")
    pair.server.execute(pair.dev, "ALTER TABLE o ADD CONSTRAINT fk FOREIGN KEY (x, y) REFERENCES u")
    pair.server.execute(pair.dev, "INSERT INTO u VALUES (1, 1)")
    with pair.sessions() as (source, target):
        assert target.server.suspends_foreign_keys
        table = find(source, "o")
        job = pair.start(source, target, table)
        chunk = Chunk(0, 0, source.bounds(table, None, 1 << 30)[0])
        with connector.transfer(job) as transfer, pytest.raises(ValueRefused, match="foreign key"):
            transfer.copy(chunk)
        with connector.transfer(replace(job, suspend_foreign_keys=True)) as transfer:
            assert transfer.copy(chunk).rows == 4
        (key,) = find(target, "o").foreign_keys
        assert target.orphans(key) == 1


def test_an_owner_without_superuser_rights_is_told_what_is_missing(pair: Pair) -> None:
    pair.server.execute(pair.dev, "CREATE ROLE owner LOGIN PASSWORD 'owner'")
    pair.server.execute(pair.dev, f'ALTER DATABASE "{pair.dev.database}" OWNER TO owner')
    pair.server.execute(pair.dev, "CREATE TABLE foreign_to_us (a integer)")
    target = connector.target(replace(pair.dev, user="owner", password="owner"))
    try:
        assert not target.server.suspends_foreign_keys
        privileges = dict(target.server.privileges)
        assert privileges["switch foreign keys off for our sessions"] is False
        assert privileges["insert into all 1 tables"] is False
        target.ledger.create()
        with pytest.raises(PermissionMissing, match="foreign_to_us"):
            target.count(TableName("public", "foreign_to_us"))
    finally:
        target.close()
        pair.server.execute(pair.dev, f'ALTER DATABASE "{pair.dev.database}" OWNER TO dba')
        pair.server.execute(pair.dev, "DROP SCHEMA _dbagent CASCADE; DROP ROLE owner")


def test_sessions_of_an_earlier_attempt_are_ended(pair: Pair) -> None:
    old = connector.target(replace(pair.dev, application="dbagent/r1/1"))
    other = connector.target(replace(pair.dev, application="dbagent/r2/1"))
    with pair.sessions() as (_, target):
        assert pair.server.sessions(pair.dev) == 3
        assert target.end_sessions("dbagent/r1/") == 1
        assert target.end_sessions("dbagent/r1/") == 0
        assert pair.server.sessions(pair.dev) == 2
    old.close()
    other.close()


def test_the_identity_of_a_table_is_its_own(pair: Pair) -> None:
    pair.server.execute(pair.dev, "CREATE TABLE t (a integer)")
    with pair.sessions() as (_, target):
        first = target.identity(TableName("public", "t"))
        pair.server.execute(pair.dev, "DROP TABLE t; CREATE TABLE t (a integer)")
        assert target.identity(TableName("public", "t")) != first
        with pytest.raises(NotFound, match=r"public\.gone"):
            target.identity(TableName("public", "gone"))
        with pytest.raises(NotFound, match=r"public\.gone"):
            target.is_empty(TableName("public", "gone"))


def test_the_bookkeeping_is_made_once_and_not_a_table_of_the_schema(pair: Pair) -> None:
    with pair.sessions() as (_, target):
        assert target.ledger.runs() == []
        target.ledger.create()
        target.ledger.create()
        assert target.schema().tables == ()


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"user": "nobody_here"}])
def test_a_wrong_login_is_refused_without_showing_it(pair: Pair, change: dict[str, str]) -> None:
    with pytest.raises(LoginRefused) as refusal:
        connector.target(replace(pair.dev, **change))
    assert "wrong user or password" in str(refusal.value)
    assert str(pair.dev.password) not in str(refusal.value)


@pytest.mark.parametrize("lives", [False, True])
def test_a_task_that_hangs_keeps_the_lease_only_while_its_driver_lives(pair: Pair, lives: bool) -> None:
    name = TableName("public", "t")
    record = RunRecord(RUN, "op", "0" * 64, "PROD", "running", 0.0, None)
    with pair.sessions() as (_, former):
        fence = pair.lease(former, name)
        with suppress(psycopg.OperationalError), pair.server.connect(pair.dev) as hung:
            hung.execute(f"SET application_name = 'dbagent/{RUN}/{fence}/'".encode())
            hung.execute("SELECT FROM _dbagent.leases FOR KEY SHARE")
            with closing(connector.target(replace(pair.dev, patience=4.0))) as later:
                if lives:
                    with pytest.raises(LeaseHeld):
                        later.ledger.acquire(record, [str(name)], "later", lambda _: True)
                    hung.execute("SELECT 1")
                else:
                    assert later.ledger.acquire(record, [str(name)], "later", lambda _: False) == fence + 1
                    with pytest.raises(psycopg.OperationalError):
                        hung.execute("SELECT 1")


NEUTRAL = """
CREATE TABLE p (x integer, y integer, UNIQUE (x, y));
CREATE TABLE t (a integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b integer DEFAULT 5, c text DEFAULT 'x' || 'y',
  d serial, e integer GENERATED ALWAYS AS (b + 1) STORED, r int4range, CONSTRAINT u UNIQUE (b, c), CONSTRAINT k CHECK (b > 0),
  CONSTRAINT x EXCLUDE USING gist (r WITH &&), CONSTRAINT f FOREIGN KEY (b, d) REFERENCES p (x, y) ON UPDATE RESTRICT
  ON DELETE SET DEFAULT DEFERRABLE INITIALLY DEFERRED, CONSTRAINT g FOREIGN KEY (d, b) REFERENCES p (x, y) DEFERRABLE);
CREATE INDEX i ON t (lower(c) DESC, b) INCLUDE (d) WHERE b IS NOT NULL;
CREATE INDEX h ON t USING hash (c);
COMMENT ON TABLE t IS 'table';
COMMENT ON COLUMN t.b IS 'column'
"""


def test_the_neutral_schema_says_all_that_other_engines_know(pair: Pair) -> None:
    pair.server.execute(pair.prod, NEUTRAL)
    with pair.sessions() as (source, _):
        table = find(source, "t")
    assert table.comment == "table"
    assert {column.name: column.comment for column in table.columns if column.comment} == {"b": "column"}
    defaults = {column.name: column.default for column in table.columns if column.default}
    assert defaults == {"b": "5", "c": "('x'::text || 'y'::text)"}
    assert table.checks == (Check("k", "(b > 0)"),)
    assert table.indexes == (
        Index("u", (IndexPart("b"), IndexPart("c")), unique=True, constraint=True),
        Index(
            "i", (IndexPart(None, "lower(c)", descending=True), IndexPart("b")), where="(b IS NOT NULL)", include=("d",)
        ),
        Index("h", (IndexPart("c"),), method="hash"),
    )
    referenced = TableName("public", "p")
    assert table.foreign_keys == (
        ForeignKey("f", table.name, ("b", "d"), referenced, ("x", "y"), "SET DEFAULT", "RESTRICT", "deferred"),
        ForeignKey("g", table.name, ("d", "b"), referenced, ("x", "y"), deferrable="immediate"),
    )
