"""What waits while rows come: all of it comes back, whatever happened on the way, and rows that break it are counted."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from connectors.errors import Busy, ConnectorError, TerminalError
from connectors.objects import ObjectId, ObjectKind, Restored, Step
from connectors.postgresql import connector, suspending
from connectors.postgresql.session import Connection
from connectors.postgresql.target import Target
from connectors.schema import TableName
from tests.connectors.postgresql.pair import Pair
from tests.connectors.postgresql.rich import LEFT, ODD, RICH, dump

SHOP = """
CREATE TABLE users (id integer PRIMARY KEY, email text UNIQUE, name text);
CREATE TABLE orders (id integer, who integer CONSTRAINT who REFERENCES users, old integer, region text)
  PARTITION BY LIST (region);
CREATE TABLE orders_eu PARTITION OF orders FOR VALUES IN ('eu');
CREATE TABLE orders_us PARTITION OF orders FOR VALUES IN ('us');
ALTER TABLE orders_eu ADD CONSTRAINT old FOREIGN KEY (old) REFERENCES users NOT VALID;
ALTER TABLE users ADD COLUMN chief integer CONSTRAINT chief REFERENCES users DEFERRABLE;
COMMENT ON CONSTRAINT chief ON users IS 'c';
CREATE INDEX by_name ON users (lower(name)) WHERE name <> 'x';
COMMENT ON INDEX by_name IS 'n';
CREATE INDEX by_who ON orders_eu (who);
CREATE INDEX by_whom ON orders (who);
ALTER INDEX orders_us_who_idx RENAME TO "of the US";
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''fired''; END';
CREATE TRIGGER first BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER second AFTER UPDATE ON users EXECUTE FUNCTION audit();
CREATE TRIGGER third AFTER DELETE ON users EXECUTE FUNCTION audit();
CREATE TRIGGER off AFTER DELETE ON users EXECUTE FUNCTION audit();
ALTER TABLE users ENABLE ALWAYS TRIGGER second;
ALTER TABLE users ENABLE REPLICA TRIGGER third;
ALTER TABLE users DISABLE TRIGGER off;
ALTER TABLE orders_us DISABLE TRIGGER first
"""
USERS, ORDERS = TableName("public", "users"), TableName("public", "orders")


def late(target: Target, names: Sequence[TableName], kinds: Sequence[ObjectKind]) -> list[Step]:
    """Steps of objects that are there, as if a copy made them late; they are dropped."""
    found = [one for one in target.objects().made if one.id.kind in kinds and one.id.table in names]
    for one in reversed(found):
        target.apply(one.drop, str(one.id))
    return [Step(one.id, one.id.table, (), one.create) for one in found if one.id.table]


def test_an_odd_schema_comes_back_too(pair: Pair) -> None:
    pair.server.execute(pair.dev, ODD)
    before = dump(pair.dev)
    with pair.sessions() as (_, target):
        tables = [table.name for table in target.schema().tables]
        pair.lease(target, *tables)
        steps = target.suspensions(tables)
        target.suspend(steps)
        gone = set(before) - set(dump(pair.dev))
        assert len(gone) == len(steps) == 10
        target.restore(steps)
    assert dump(pair.dev) == before


def test_everything_suspended_comes_back(pair: Pair) -> None:
    pair.server.execute(pair.dev, f"{RICH}; {LEFT}")
    before = dump(pair.dev)
    with pair.sessions() as (_, target):
        tables = [table.name for table in target.schema().tables]
        objects, identities = target.objects(), [target.identity(name) for name in tables]
        steps = target.suspensions(tables)
        pair.lease(target, *tables)
        target.suspend(steps)
        target.suspend(steps)
        gone = {one.id for one in objects.made} - {one.id for one in target.objects().made}
        assert {str(id_) for id_ in gone if id_.kind is not ObjectKind.COMMENT} == {
            "foreign key chief of crm.users",
            "foreign key events_who_fkey of crm.events",
            "foreign key parts_event_region_day_fkey of crm.parts",
            'foreign key who of "Odd Schema"."Order ""Lines"" 1"',
            "index by_kind of crm.events",
            "index by_name of crm.users",
            "index only_here of crm.events_rest",
            "index tagged of crm.users",
            'index Größe USING of "Odd Schema"."Order ""Lines"" 1"',
        }
        assert not any(hook.startswith("trigger") for table in target.schema().tables for hook in table.hooks)
        assert target.suspensions(tables) == []
        for _ in range(2):
            assert all(not one.violations and one.seconds >= 0 for one in target.restore(steps))
            assert target.objects() == objects
        assert [target.identity(name) for name in tables] == identities
    assert dump(pair.dev) == before


def test_what_is_a_key_or_would_not_come_back_stays(pair: Pair) -> None:
    pair.server.execute(
        pair.dev, "CREATE TABLE t (a integer PRIMARY KEY, b integer NOT NULL UNIQUE, c integer, d tsrange)"
    )
    pair.server.execute(pair.dev, "CREATE UNIQUE INDEX ON t (c)")
    pair.server.execute(pair.dev, "CREATE INDEX ON t (c); CLUSTER t USING t_c_idx1")
    pair.server.execute(
        pair.dev, "CREATE INDEX stats ON t ((c + 1)); ALTER INDEX stats ALTER COLUMN 1 SET STATISTICS 5"
    )
    pair.server.execute(pair.dev, "ALTER TABLE t ADD EXCLUDE USING gist (d WITH &&)")
    pair.server.execute(pair.dev, "ALTER TABLE t ADD CHECK (c > 0)")
    with pair.sessions() as (_, target):
        assert target.suspensions([TableName("public", "t")]) == []


def test_nothing_of_another_s_tables_waits_and_no_index_that_could_not_be_made_again(pair: Pair) -> None:
    pair.server.execute(
        pair.dev, f"{SHOP}; CREATE ROLE guest LOGIN PASSWORD 'guest'; GRANT ALL ON users, orders TO guest"
    )
    try:
        with closing(connector.target(replace(pair.dev, user="guest", password="guest"))) as target:
            assert target.suspensions([USERS, ORDERS]) == []
            pair.server.execute(pair.dev, "ALTER TABLE users OWNER TO guest")
            kinds = [step.id.kind for step in target.suspensions([USERS, ORDERS])]
            assert set(kinds) == {ObjectKind.FOREIGN_KEY, ObjectKind.TRIGGER}
            for view in ("many AS SELECT id FROM users", "more AS SELECT id FROM many"):
                pair.server.execute(pair.dev, f"CREATE MATERIALIZED VIEW {view}")
            pair.server.execute(pair.dev, "ALTER MATERIALIZED VIEW more OWNER TO guest")
            assert [(one.step.id.name, one.step.table, one.ours) for one in target.stored([ORDERS, USERS])] == [
                ("public.many", USERS, False),
                ("public.more", USERS, True),
            ]
            assert target.stored([ORDERS]) == []
    finally:
        pair.server.execute(pair.dev, "REASSIGN OWNED BY guest TO dba; DROP OWNED BY guest; DROP ROLE guest")


def test_what_rules_write_in_a_circle_and_who_may_not_enter_a_schema_hinders_no_look_at_its_views(pair: Pair) -> None:
    guest = f"guest_{pair.dev.database}"
    pair.server.execute(
        pair.dev,
        f"CREATE SCHEMA crm; CREATE TABLE crm.a (a int); CREATE TABLE crm.b (a int); CREATE ROLE {guest} LOGIN PASSWORD 'x';"
        " CREATE RULE there AS ON INSERT TO crm.a DO ALSO INSERT INTO crm.b VALUES (new.a);"
        " CREATE RULE back AS ON DELETE TO crm.b DO ALSO DELETE FROM crm.a;"
        " CREATE MATERIALIZED VIEW crm.m AS SELECT a FROM crm.a; CREATE VIEW crm.v AS SELECT a FROM crm.a",
    )
    with closing(connector.target(replace(pair.dev, user=guest, password="x", patience=60.0))) as target:
        assert [(one.step.id.name, one.ours) for one in target.stored([TableName("crm", "a")])] == [("crm.m", False)]
        [view] = [one for one in target.objects().made if one.id.name == "crm.v"]
        assert target.altered(view, replace(view, columns=())).loses == ""


class Crash(Exception):
    pass


def restore_until(target: Target, steps: Sequence[Step], count: int, patch: pytest.MonkeyPatch) -> int:
    """Restore, and die before the statement of that number. Returns how many there were."""
    done = [0]
    execute = suspending.execute

    def counting(connection: Connection, statements: Sequence[str]) -> None:
        for statement in statements:
            if done[0] == count:
                raise Crash
            done[0] += 1
            execute(connection, [statement])

    with patch.context() as patched, suppress(Crash):
        patched.setattr(suspending, "execute", counting)
        target.restore(steps)
    return done[0]


def test_a_restore_that_died_between_any_two_statements_ends_well_later(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.server.execute(pair.dev, SHOP)
    pair.server.execute(pair.dev, "INSERT INTO users VALUES (1, 'a', 'n', NULL), (2, 'b', 'm', 1)")
    before, count = dump(pair.dev), 0
    with closing(connector.target(pair.dev)) as target:
        pair.lease(target, USERS, ORDERS)
        while True:
            steps = target.suspensions([USERS, ORDERS])
            target.suspend(steps)
            steps += late(target, [USERS], [ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE])
            reached = restore_until(target, steps, count, monkeypatch)
            assert [one.violations for one in target.restore(steps)] == [0] * len(steps)
            if count % 4 == 0:
                assert dump(pair.dev) == before
            if reached < count:
                break
            count += 1
    assert dump(pair.dev) == before
    assert count > 15


def test_an_index_whose_building_died_is_built_anew(pair: Pair) -> None:
    pair.server.execute(pair.dev, "CREATE TABLE t (a integer); CREATE INDEX i ON t (a)")
    with pair.sessions() as (_, target):
        steps = target.suspensions([TableName("public", "t")])
        pair.server.execute(pair.dev, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass")
        target.restore(steps)
        assert pair.server.rows(pair.dev, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == [
            (True,)
        ]


BROKEN = [
    (
        "parent",
        "FOREIGN KEY (a) REFERENCES p (x)",
        "(1, 1, NULL), (7, 2, NULL), (7, 3, NULL), (NULL, 4, NULL)",
        2,
        False,
    ),
    (
        "parent",
        "FOREIGN KEY (a, b) REFERENCES p (x, y) MATCH FULL",
        "(1, 1, NULL), (1, NULL, NULL), (2, 1, NULL)",
        2,
        False,
    ),
    ("child", "UNIQUE (a)", "(1, 1, NULL), (1, 2, NULL), (2, 2, NULL), (NULL, 1, NULL), (NULL, 1, NULL)", 1, None),
    ("child", "UNIQUE NULLS NOT DISTINCT (a)", "(1, 1, NULL), (1, 2, NULL), (NULL, 1, NULL), (NULL, 1, NULL)", 2, None),
    ("child", "PRIMARY KEY (b, a) DEFERRABLE", "(1, 1, NULL), (1, 1, NULL), (1, 2, NULL)", 1, None),
    ("child", "CHECK (a > 0 OR b = 5)", "(1, 1, NULL), (0, 1, NULL), (-1, 5, NULL), (NULL, 1, NULL)", 1, False),
    (
        "child",
        "EXCLUDE USING gist (c WITH &&) WHERE (a = 1)",
        "(1, 1, '[1,5]'), (1, 2, '[3,9]'), (2, 1, '[3,9]')",
        1,
        None,
    ),
]


@pytest.mark.parametrize(("who", "constraint", "rows", "violations", "state"), BROKEN)
def test_rows_that_break_a_constraint_are_counted_and_shown(
    pair: Pair, who: str, constraint: str, rows: str, violations: int, state: bool | None
) -> None:
    pair.server.execute(
        pair.dev, "CREATE TABLE p (x integer UNIQUE, y integer, UNIQUE (x, y)); INSERT INTO p VALUES (1, 1)"
    )
    pair.server.execute(pair.dev, f"CREATE TABLE t (a integer, b integer, c int4range, CONSTRAINT k {constraint})")
    with pair.sessions() as (_, target):
        kinds = [ObjectKind.FOREIGN_KEY, ObjectKind.UNIQUE, ObjectKind.PRIMARY_KEY, ObjectKind.CHECK]
        steps = late(target, [TableName("public", "t")], kinds)
        pair.server.execute(pair.dev, f"INSERT INTO t VALUES {rows}")
        for _ in range(2):
            (found,) = target.restore(steps)
            assert found.violations == violations
            assert len(pair.server.rows(pair.dev, found.query)) == violations
        there = pair.server.rows(pair.dev, "SELECT convalidated FROM pg_constraint WHERE conname = 'k'")
        assert there == ([] if state is None else [(state,)])
        pair.server.execute(pair.dev, "DELETE FROM t")
        assert target.restore(steps)[0].violations == 0
        assert pair.server.rows(pair.dev, "SELECT convalidated FROM pg_constraint WHERE conname = 'k'") == [(True,)]


def test_a_unique_index_over_expressions_tells_its_twins(pair: Pair) -> None:
    pair.server.execute(
        pair.dev, "CREATE TABLE t (a text, b integer); CREATE UNIQUE INDEX i ON t (lower(a), b) WHERE b > 1"
    )
    with pair.sessions() as (_, target):
        steps = late(target, [TableName("public", "t")], [ObjectKind.INDEX])
        pair.server.execute(
            pair.dev, "INSERT INTO t VALUES ('A', 2), ('a', 2), ('a', 3), ('a', 1), ('a', 1), (NULL, 2), (NULL, 2)"
        )
        (found,) = target.restore(steps)
    assert found.violations == 1
    assert pair.server.rows(pair.dev, found.query) == [("a", 2, 2)]


def orphaned(pair: Pair, target: Target, statement: str) -> Restored:
    """A row without its parent, written while foreign keys were off, although the key is there and counts as proven."""
    pair.server.execute(pair.dev, statement)
    steps = target.suspensions([TableName("public", "t")])
    pair.server.execute(pair.dev, "SET session_replication_role = replica; INSERT INTO t VALUES (7)")
    (found,) = target.restore(steps)
    return found


def test_a_key_that_the_catalog_calls_proven_is_proven_all_the_same(pair: Pair) -> None:
    with pair.sessions() as (_, target):
        found = orphaned(
            pair, target, "CREATE TABLE t (a integer PRIMARY KEY, b integer DEFAULT 3 CONSTRAINT k REFERENCES t)"
        )
    assert found.violations == 1
    assert pair.server.rows(pair.dev, "SELECT convalidated FROM pg_constraint WHERE conname = 'k'") == [(False,)]


def test_a_partitioned_table_s_key_that_rows_break_is_away(pair: Pair) -> None:
    table = "CREATE TABLE p (x integer PRIMARY KEY); CREATE TABLE t (a integer CONSTRAINT k REFERENCES p) PARTITION BY LIST (a)"
    with pair.sessions() as (_, target):
        found = orphaned(pair, target, f"{table}; CREATE TABLE rest PARTITION OF t DEFAULT")
        assert found.violations == len(pair.server.rows(pair.dev, found.query)) == 1
        assert pair.server.rows(pair.dev, "SELECT FROM pg_constraint WHERE conname = 'k'") == []
        assert target.restore([found.step])[0].violations == 1
        pair.server.execute(pair.dev, "INSERT INTO p VALUES (7)")
        assert target.restore([found.step])[0].violations == 0


def test_a_lock_is_told_with_its_holder_and_nothing_has_changed(pair: Pair) -> None:
    pair.server.execute(pair.dev, SHOP)
    before = dump(pair.dev)
    with closing(connector.target(pair.dev)) as target, pair.server.connect(pair.dev) as other:
        target._connection.execute(b"SET lock_timeout = '300ms'")
        steps = target.suspensions([USERS, ORDERS])
        pair.lease(target, USERS, ORDERS)
        holder = other.info.backend_pid
        with other.transaction():
            other.execute("SELECT 1 AS secret FROM orders_us")
            with pytest.raises(Busy, match=rf"session {holder} \(its query began 20\d\d-") as refusal:
                target.suspend(steps)
            with pytest.raises(Busy, match=f"session {holder} "):
                target.apply(["ALTER TABLE public.orders ADD COLUMN x integer"], "column x")
            with pytest.raises(Busy, match=f"session {holder} "):
                target.empty([ORDERS])
        assert "secret" not in str(refusal.value)
        assert dump(pair.dev) == before
        target.suspend(steps)
        with other.transaction():
            other.execute("LOCK orders_eu IN ROW EXCLUSIVE MODE")
            with pytest.raises(Busy, match=f"session {holder} "):
                target.restore(steps)
        target.restore(steps)
    assert dump(pair.dev) == before


def test_a_key_waits_for_indexes_that_our_own_sessions_build(pair: Pair) -> None:
    pair.server.execute(pair.dev, "CREATE TABLE t (a integer PRIMARY KEY, b integer); CREATE INDEX i ON t (b)")
    ours = replace(pair.dev, application="dbagent/run-1/1/")
    with (
        closing(connector.target(ours)) as target,
        closing(connector.target(ours)) as builder,
        ThreadPoolExecutor(1) as pool,
    ):
        steps = late(target, [TableName("public", "t")], [ObjectKind.PRIMARY_KEY])
        target._connection.execute(b"SET lock_timeout = '300ms'")
        with builder._connection.transaction():
            builder._connection.execute(b"LOCK t IN SHARE MODE")
            restoring = pool.submit(target.restore, steps)
            waits: set[object] = set()
            while len(waits) < 2:  # given up once, and waiting again
                assert not restoring.done()
                found = pair.server.rows(pair.dev, "SELECT waitstart FROM pg_locks WHERE NOT granted")
                waits |= {row[0] for row in found if row[0]}
        assert [one.violations for one in restoring.result(timeout=120)] == [0]


def test_what_hangs_on_a_key_that_rows_keep_away_is_told(pair: Pair) -> None:
    pair.server.execute(
        pair.dev,
        "CREATE TABLE t (a integer PRIMARY KEY, b integer REFERENCES t); COMMENT ON CONSTRAINT t_pkey ON t IS 'x'",
    )
    with pair.sessions() as (_, target):
        kinds = [ObjectKind.PRIMARY_KEY, ObjectKind.FOREIGN_KEY, ObjectKind.COMMENT]
        steps = late(target, [TableName("public", "t")], kinds)
        pair.server.execute(pair.dev, "INSERT INTO t VALUES (1, 1), (1, 1)")
        found = {
            one.step.id.kind: one.violations
            for step in steps
            if step not in steps[1:2]
            for one in target.restore([step])
        }
        assert found == {ObjectKind.PRIMARY_KEY: 1, ObjectKind.COMMENT: 0}
        with pytest.raises(TerminalError, match="no unique key has"):
            target.restore(steps)


def test_a_view_made_late_is_made_once(pair: Pair) -> None:
    pair.server.execute(pair.dev, "CREATE TABLE t (a integer, b integer); CREATE VIEW v AS SELECT a FROM t")
    pair.server.execute(pair.dev, "CREATE STATISTICS s (dependencies) ON a, b FROM t")
    with pair.sessions() as (_, target):
        made = [one for one in target.objects().made if one.id.kind in (ObjectKind.VIEW, ObjectKind.INDEX)]
        for one in reversed(made):
            target.apply(one.drop, str(one.id))
        steps = [Step(one.id, TableName("public", "t"), (), one.create) for one in made]
        for _ in range(2):
            target.restore(steps)
        assert [one for one in target.objects().made if one.id.kind in (ObjectKind.VIEW, ObjectKind.INDEX)] == made


def test_a_statement_that_is_refused_leaves_nothing_of_its_object(pair: Pair) -> None:
    with pair.sessions() as (_, target):
        with pytest.raises(ConnectorError, match=r"table public\.t"):
            target.apply(["CREATE TABLE t (a integer)", "CREATE TABLE t (a integer)"], "table public.t")
        assert ObjectId(ObjectKind.TABLE, TableName("public", "t"), "public.t") not in {
            one.id for one in target.objects().made
        }
