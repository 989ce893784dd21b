"""Schema objects: SQLite's own words, taken apart far enough to tell what differs, and enough to make the same again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from connectors.contract import Endpoint
from connectors.errors import ConnectorError
from connectors.objects import ObjectKind, Objects, SchemaObject
from connectors.schema import Check, Column, ForeignKey, Index, IndexPart, Table, TableName, quoted
from connectors.sqlite import connector
from connectors.sqlite.testkit import connect
from connectors.sqlite.types import column_type
from jobs.planning.objects import differences, identical
from tests.connectors.drive import Ends
from tests.connectors.sqlite.rich import INDEXES, LEFT, OURS, ROWS, TABLES, VIEWS, build, master


def told(endpoint: Endpoint) -> Objects:
    with closing(connector.source(endpoint)) as source:
        return source.objects()


def tell(files: Ends, *statements: str) -> dict[str, SchemaObject]:
    build(files.source, *statements)
    return {str(found.id): found for found in told(files.source).made}


def apply(files: Ends, objects: Objects) -> None:
    """What is not inside a table, in the given order."""
    with closing(connector.target(files.target)) as target:
        for found in objects.made:
            if not found.inline:
                target.apply(found.create, str(found.id))


def test_what_a_file_tells_makes_the_same_file_again(files: Ends) -> None:
    build(files.source, *TABLES, *INDEXES, *VIEWS, ROWS)
    objects = told(files.source)
    apply(files, objects)
    assert master(files.target) == master(files.source)
    with connect(files.target) as connection:
        assert connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall() == [("users", 41)]
    again = told(files.target)
    assert again == objects


def test_what_is_not_carried_is_named(files: Ends) -> None:
    build(files.source, *TABLES, *INDEXES, *VIEWS, *LEFT, *OURS)
    objects = told(files.source)
    assert objects.left == (
        ("trigger", "audit of users"),
        ("trigger", "instead_of of z_first"),
        ("virtual table", "words"),
    )
    kinds = {found.id.kind for found in objects.made}
    assert ObjectKind.TRIGGER not in kinds
    assert not [found for found in objects.made if "dbagent" in str(found.id) or "words" in str(found.id)]


def test_a_target_that_is_not_there_yet_has_no_objects(files: Ends) -> None:
    with closing(connector.target(files.target)) as target:
        assert target.objects() == Objects(())


def test_what_a_table_consists_of_is_told_apart(files: Ends) -> None:
    found = tell(files, *TABLES)
    definitions = {name: one.definition for name, one in found.items() if one.id.table == TableName(None, "orders")}
    assert definitions == {
        "table orders": "TABLE WITHOUT ROWID STRICT",
        "column id of orders": "INT",
        "column line of orders": "INT",
        "column user_id of orders": "INTEGER",
        "column total of orders": "REAL NOT NULL ON CONFLICT REPLACE DEFAULT 0",
        "column parent of orders": "INT",
        "column parent_line of orders": "INT",
        "primary key orders_pkey of orders": "PRIMARY KEY (id, line DESC) ON CONFLICT REPLACE",
        "unique key orders_user_id_total_key of orders": "UNIQUE (user_id, total COLLATE NOCASE)",
        "foreign key orders_user_id_fkey of orders": "FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE"
        " DEFERRABLE INITIALLY DEFERRED",
        "foreign key orders_parent_parent_line_fkey of orders": "FOREIGN KEY (parent, parent_line)"
        " REFERENCES orders (id, line) ON UPDATE SET NULL",
    }
    assert found["check grown of users"].definition == "CHECK (age > 0)"
    assert found["check users_Full Name_age_check of users"].literals == ("CHECK (age >= 18 and \"Full Name\" <> ')')",)
    assert found["column low of users"].definition == "TEXT AS (lower(email)) VIRTUAL"
    assert found["primary key users_pkey of users"].definition == "PRIMARY KEY (id) AUTOINCREMENT"


def test_values_in_definitions_are_shown(files: Ends) -> None:
    found = tell(files, *TABLES, *INDEXES, *VIEWS)
    shown = {name: one.literals for name, one in found.items() if one.literals}
    assert shown["column Full Name of users"] == ("DEFAULT 'x''y'",)
    assert shown["column code of users"] == ("DEFAULT lower('A') || '1'",)
    assert shown["index expr of users"] == ("WHERE age > 20 and code <> 'x'",)
    assert shown["view a_last"] == ("AS SELECT * FROM z_first WHERE total > 10",)
    assert not {"column born of users", "view z_first", "index plain of orders"} & set(shown)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "CREATE TABLE t(a int primary key,b text collate nocase default('x')unique,check(a<5))",
            "create  table \"t\" (\n a INT  PRIMARY KEY, /* first */ [b] TEXT COLLATE NoCase DEFAULT 'x', UNIQUE (`b`),"
            " CONSTRAINT t_a_check CHECK ( a<5 )\n)",
        ),
        (
            "CREATE TABLE t (a INT REFERENCES t ON DELETE CASCADE, PRIMARY KEY (a))",
            "CREATE TABLE t (a int primary key asc, constraint f foreign key (A) references T(A) on delete cascade"
            " match simple not deferrable)",
        ),
        ("CREATE TABLE t (a, b, UNIQUE (A, B))", "CREATE TABLE t (a NULL, b, CONSTRAINT u UNIQUE (a,b))"),
    ],
)  # fmt: skip
def test_tables_that_mean_the_same_are_equal(files: Ends, one: str, other: str) -> None:
    build(files.source, one)
    build(files.target, other)
    found, same = ({o.id: o.definition for o in told(end).made} for end in (files.source, files.target))
    assert found == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a INT DEFAULT 5", "a INT DEFAULT '5'"),
        ("a INT", "a INTEGER"),
        ("a TEXT", "a TEXT COLLATE NOCASE"),
        ("a INTEGER PRIMARY KEY", "a INTEGER PRIMARY KEY AUTOINCREMENT"),
        ("a INTEGER PRIMARY KEY DESC", "a INTEGER, PRIMARY KEY (a DESC)"),
        ("a TEXT, CHECK (a <> 'x')", "a TEXT, CHECK (a <> 'X')"),
        ("a INT NOT NULL", "a INT NOT NULL ON CONFLICT IGNORE"),
        ("a INT UNIQUE", "a INT UNIQUE ON CONFLICT REPLACE"),
        ("a INT REFERENCES t", "a INT REFERENCES t DEFERRABLE INITIALLY DEFERRED"),
        ("a INT, b AS (a + 1)", "a INT, b AS (a + 1) STORED"),
    ],
)
def test_what_differs_is_told(files: Ends, one: str, other: str) -> None:
    build(files.source, f"CREATE TABLE t ({one})")
    build(files.target, f"CREATE TABLE t ({other})")
    found, others = ({o.id: o.definition for o in told(end).made} for end in (files.source, files.target))
    assert len(set(found.items()) ^ set(others.items())) == 2


def test_views_come_after_what_they_read(files: Ends) -> None:
    found = tell(
        files,
        "CREATE TABLE t (v)",
        "CREATE TABLE other (a)",
        "CREATE VIEW b AS SELECT v, 1 AS other FROM c",
        "CREATE VIEW a AS WITH b AS (SELECT v FROM t) SELECT * FROM main.B, (SELECT v FROM C)",
        "CREATE VIEW c AS SELECT v FROM T AS b",
    )
    views = [name for name in found if name.startswith("view")]
    assert views.index("view c") < views.index("view b")
    needs = {name: {str(need) for need in found[name].needs} for name in views}
    assert needs["view b"] == {"view c"}
    assert needs["view c"] == {"table t"}
    assert needs["view a"] >= {"table t", "view c"}


def test_a_column_is_added_as_it_was_written(files: Ends) -> None:
    build(files.source, *TABLES, ROWS)
    there = told(files.source)
    with closing(connector.target(files.source)) as target:
        for found in there.made:
            if found.id.kind is ObjectKind.COLUMN and found.additive:
                [create] = found.create
                target.apply([create.replace(f" COLUMN {quoted(found.id.name)}", " COLUMN again")], "it")
                [added] = [o for o in target.objects().made if (o.id.table, o.id.name) == (found.id.table, "again")]
                assert added.definition == found.definition
                target.apply(added.drop, "it")
    assert told(files.source) == there


@pytest.mark.parametrize(
    ("column", "additive"),
    [
        ("c INT", True),
        ("c INT DEFAULT -5", True),
        ("c INT NOT NULL DEFAULT (0x10)", True),
        ("c TEXT NOT NULL DEFAULT word", True),
        ("c INT NOT NULL", False),
        ("c INT NOT NULL DEFAULT NULL", False),
        ("c DATE DEFAULT CURRENT_DATE", False),
        ("c TEXT DEFAULT (1 + 1)", False),
        ("c TEXT AS (a)", True),
    ],
)
def test_sqlite_adds_what_is_said_to_be_additive(files: Ends, column: str, additive: bool) -> None:
    found = tell(files, f"CREATE TABLE t (a, {column})")["column c of t"]
    assert found.additive == additive
    build(files.target, "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
    with closing(connector.target(files.target)) as target:
        try:
            target.apply(found.create, str(found.id))
        except ConnectorError:
            assert not additive
        else:
            assert additive


def test_what_sqlite_neither_adds_nor_drops_has_no_statements(files: Ends) -> None:
    found = tell(files, *TABLES, "CREATE TABLE sums (a, kept TEXT AS (a) STORED)")
    for name in ("column id of users", "column kept of sums", "primary key users_pkey of users", "check grown of users",
                 "foreign key orders_user_id_fkey of orders", "unique key users_email_key of users"):  # fmt: skip
        assert found[name].inline
        assert (found[name].create, found[name].additive) == ((), False)
    for name in ("column email of users", "column age of users", "column parent of orders"):
        assert found[name].create != ()
        assert found[name].drop == ()
    assert found["check grown of users"].needs == (found["column age of users"].id,)


RENDERED = Table(
    TableName(None, "Sales"),
    (
        Column("id", column_type("INTEGER"), nullable=False, counter="autoincrement"),
        Column("shop", column_type("TEXT"), default="'it''s'"),
        Column("at", column_type("TIMESTAMP"), default="strftime('%Y', 'now')"),
        Column("sum", column_type("DECIMAL(10,2)"), nullable=False, default="-1.5"),
        Column("user", column_type("INTEGER")),
    ),
    primary_key=("id",),
    foreign_keys=(
        ForeignKey(
            "fk",
            TableName(None, "Sales"),
            ("user",),
            TableName(None, "Users"),
            ("ID",),
            "CASCADE",
            deferrable="deferred",
        ),
    ),
    indexes=(
        Index("sales_shop_at_key", (IndexPart("shop"), IndexPart("at")), unique=True, constraint=True),
        Index("by sum", (IndexPart("sum", descending=True), IndexPart(None, "lower(shop)")), where="sum > 0"),
        Index("once", (IndexPart("shop"),), unique=True, where="sum > 1"),
    ),
    checks=(Check("positive", "sum >= -1.5"), Check("other", "shop <> ''")),
)


def test_another_engines_table_is_told_as_the_file_will_tell_it(files: Ends) -> None:
    with closing(connector.target(files.target)) as target:
        wanted = target.rendered(RENDERED)
        for found in wanted:
            if not found.inline:
                target.apply(found.create, str(found.id))
        assert target.objects().made == wanted
        [table] = target.schema().tables
    assert [column.default for column in table.columns] == [None, "'it''s'", "strftime('%Y', 'now')", "-1.5", None]
    assert table.checks == RENDERED.checks
    definitions = {str(found.id): found.definition for found in wanted}
    assert definitions['foreign key Sales_user_fkey of "Sales"'].endswith(
        "ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED"
    )
    assert definitions['unique key Sales_shop_at_key of "Sales"'] == "UNIQUE (shop, at)"
    assert definitions['index once of "Sales"'] == 'UNIQUE INDEX ON "Sales" (shop) WHERE sum > 1'
    assert definitions['index by sum of "Sales"'] == 'INDEX ON "Sales" (sum DESC, lower(shop)) WHERE sum > 0'


def test_a_file_told_in_neutral_words_renders_to_itself(files: Ends) -> None:
    build(files.source, "CREATE TABLE p (id INTEGER PRIMARY KEY)",
          "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT NOT NULL DEFAULT ('x' || 'y'), c INT UNIQUE"
          " CHECK (c > 0) REFERENCES p ON DELETE SET NULL, CHECK (b <> ''))",
          "CREATE INDEX i ON t (b DESC, lower(b)) WHERE c > 5")  # fmt: skip
    with closing(connector.target(files.source)) as target:
        tables = [replace(table, detail=None) for table in target.schema().tables]
        rendered = [found for table in tables for found in target.rendered(table)]
        there = target.objects().made
    assert {found.id: found.definition for found in rendered} == {found.id: found.definition for found in there}


def test_names_compare_whatever_their_letter_case_and_texts_do_not(files: Ends) -> None:
    one = (
        "CREATE TABLE users (ID INTEGER PRIMARY KEY, Email TEXT DEFAULT 'A' CHECK (\"Email\" <> 'A'), UNIQUE (Email))",
        'CREATE TABLE orders (id INTEGER PRIMARY KEY, "User" INTEGER REFERENCES users (ID), twice AS ("User" * 2))',
        'CREATE INDEX By_User ON orders ("User") WHERE User > 5',
    )
    other = (
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT DEFAULT 'A' CHECK (email <> 'A'), UNIQUE (email))",
        "CREATE TABLE orders (Id INTEGER PRIMARY KEY, user INTEGER REFERENCES users (id), Twice AS (user * 2))",
        "CREATE INDEX by_user ON orders (user) WHERE user > 5",
    )
    build(files.source, *one)
    build(files.target, *other)
    with closing(connector.source(files.source)) as source, closing(connector.target(files.target)) as target:
        wanted, there = source.objects().made, target.objects().made
        assert differences(wanted, there, identical, lambda _: True) == []
        change = ["DROP INDEX by_user", "CREATE INDEX by_user ON orders (user) WHERE user > 6", "DROP TABLE users"]
        target.apply([*change, other[0].replace("'A'", "'a'")], "it")
        found = differences(wanted, target.objects().made, identical, lambda _: True)
    assert [(one.state, one.id.name) for one in found] == [
        ("different", "Email"),
        ("different", "By_User"),
        ("different", "users_Email_check"),
    ]
