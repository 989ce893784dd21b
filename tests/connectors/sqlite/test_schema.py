"""Introspection and DDL: what SQLite keeps in a statement's text is read exactly, and tables are made from it again."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.schema import Check, ForeignKey, Index, IndexPart, Kind, Schema, Table, TableName
from connectors.sqlite import connector
from connectors.sqlite.definition import table_words
from connectors.sqlite.testkit import connect
from connectors.sqlite.tokens import says
from connectors.sqlite.types import affinity, column_type
from tests.connectors.drive import Ends, copy, driver
from tests.connectors.sqlite.exact import make

STATEMENTS = (
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v)",
    "CREATE TABLE t (id integer primary key autoincrement, v varchar ( 10 ) collate nocase)",
    "CREATE TABLE t (v TEXT, id INTEGER, PRIMARY KEY (id AUTOINCREMENT))",
    "CREATE TABLE t (id INTEGER PRIMARY KEY DESC, v TEXT)",
    "CREATE TABLE t (id INT PRIMARY KEY, v DOUBLE PRECISION NOT NULL)",
    "CREATE TABLE t (a, b, PRIMARY KEY (b, a))",
    "CREATE TABLE t (a TEXT, b INT, PRIMARY KEY (b DESC, a COLLATE NOCASE)) WITHOUT ROWID",
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT) WITHOUT ROWID",
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v ANY, w BLOB) STRICT, WITHOUT ROWID",
    "CREATE TABLE t (a TEXT, b TEXT AS (a || ',)' /* ) , */ || 'x') STORED COLLATE RTRIM, c INT)",
    """CREATE TABLE "t" ("select" TEXT, [from x] INT, `a"b` UNSIGNED BIG INT, 'q''r' -- comment, with ( comma
       TEXT, "Größe" TEXT, 日本 INT)""",
)


def read(ends: Ends) -> Schema:
    with closing(connector.source(ends.source)) as source:
        return source.schema()


def shape(ends: Ends, database: str) -> list[tuple[object, ...]]:
    """What SQLite's own PRAGMAs say of table t."""
    endpoint = ends.source if database == "source" else ends.target
    with connect(endpoint) as connection:
        found = connection.execute("SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo('t')").fetchall()
        found += connection.execute("SELECT type, ncol, wr, strict FROM pragma_table_list WHERE name = 't'").fetchall()
        for (index,) in connection.execute("SELECT name FROM pragma_index_list('t') WHERE origin = 'pk'").fetchall():
            found += connection.execute(
                'SELECT name, "desc", coll, key FROM pragma_index_xinfo(?)', (index,)
            ).fetchall()
    return found


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_created_table_is_the_same_to_sqlite(files: Ends, statement: str) -> None:
    make(files.source, statement)
    copy(files, "t")
    assert shape(files, "target") == shape(files, "source")
    with driver(files) as one:
        [source], [target] = one.source.schema().tables, one.target.schema().tables
        assert target == source


def test_row_numbers_count_on_behind_the_copied_ones(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v)",
        "INSERT INTO t VALUES (41, 'x'), (7, 'y')",
    )
    copy(files, "t")
    make(files.target, "DELETE FROM t", "INSERT INTO t (v) VALUES ('z')")
    assert files.server.read(files.target, "t") == [(42, "z")]


def test_a_counter_never_goes_back(files: Ends) -> None:
    table = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v)"
    make(files.source, table, "INSERT INTO t VALUES (3, 'x')")
    make(files.target, table, "INSERT INTO t VALUES (100, 'x')")
    copy(files, "t")
    make(files.target, "INSERT INTO t (v) VALUES ('z')")
    assert files.server.read(files.target, "t") == [(3, "x"), (101, "z")]


def test_constraints_come_later_and_values_need_no_defaults(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE p (id INTEGER PRIMARY KEY)",
        "CREATE TABLE t (a INT DEFAULT 5 CHECK (a > 0), b TEXT UNIQUE DEFAULT ('x' || 'y'), p INT REFERENCES p)",
        "INSERT INTO t VALUES (1, 'b', NULL)",
    )
    copy(files, "t")
    with connect(files.target) as connection:
        [(sql,)] = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 't'").fetchall()
    assert not any(says(sql, word) for word in ("DEFAULT", "CHECK", "UNIQUE", "REFERENCES"))


def test_a_schema_that_looks_into_json_is_read_and_copied(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, doc TEXT CHECK (json_valid(doc) OR doc IS NULL),"
        " name TEXT AS (json_extract(doc, '$.name')) STORED)",
        "CREATE INDEX by_age ON t (json_extract(doc, '$.age'))",
        """INSERT INTO t (doc) VALUES ('{"name": "x"}'), (NULL)""",
    )
    copy(files, "t")
    assert files.server.read(files.target, "t") == [(1, '{"name": "x"}', "x"), (2, None, None)]
    [found] = read(files).tables
    assert [index.parts[0].expression for index in found.indexes] == ["json_extract(doc, '$.age')"]
    with driver(files) as one:
        assert len(one.source.objects().made) == 7


def test_what_is_no_table_is_named(files: Ends) -> None:
    make(
        files.source,
        "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE VIRTUAL TABLE words USING fts5(text)",
        "CREATE TABLE _dbagent_runs (a)",
        "CREATE TRIGGER audit AFTER INSERT ON T BEGIN SELECT 1; END",
    )
    schema = read(files)
    assert [table.name.name for table in schema.tables] == ["t"]
    assert schema.tables[0].hooks == ("trigger audit",)
    others = dict(schema.other)
    assert others[TableName(None, "v")] == "view"
    assert others[TableName(None, "words")] == "virtual table"


def table(ends: Ends, *statements: str) -> Table:
    make(ends.source, *statements)
    found = read(ends).get(TableName(None, "t"))
    assert found is not None
    return found


def test_keys_and_collations(files: Ends) -> None:
    found = table(
        files,
        "CREATE TABLE t (a TEXT COLLATE NOCASE, b TEXT, c TEXT, d INT, UNIQUE (b, d))",
        "CREATE UNIQUE INDEX u ON t (c COLLATE NOCASE) WHERE d > 0",
        "CREATE UNIQUE INDEX e ON t (lower(b))",
        "CREATE INDEX plain ON t (d)",
    )
    assert [(key.columns, key.plain) for key in found.uniques] == [(("b",), False), (("b", "d"), True), (("c",), False)]
    assert [column.ignores_case for column in found.columns] == ["ascii", None, "ascii", None]
    assert found.primary_key == ()


def test_counters_and_nulls_of_keys(files: Ends) -> None:
    found = table(files, "CREATE TABLE t (a INTEGER PRIMARY KEY, b INT NOT NULL)")
    assert [(column.counter, column.nullable) for column in found.columns] == [("rowid", False), (None, False)]
    with connect(files.source) as connection:
        connection.execute("DROP TABLE t")
    found = table(files, "CREATE TABLE t (a TEXT PRIMARY KEY, b)")
    assert [(column.counter, column.nullable) for column in found.columns] == [(None, True), (None, True)]


def test_what_a_table_says_beyond_its_columns_is_told_in_neutral_words(files: Ends) -> None:
    found = table(
        files,
        "CREATE TABLE p (id INTEGER PRIMARY KEY)",
        "CREATE TABLE t (a INTEGER PRIMARY KEY DEFAULT 7, b TEXT COLLATE NOCASE DEFAULT word CONSTRAINT once UNIQUE,"
        " c DEFAULT (1 + 2) CHECK (c > 0), d DEFAULT NULL REFERENCES P ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,"
        " UNIQUE (c, b COLLATE BINARY), CONSTRAINT sane CHECK (c <> d), CHECK (c < 9),"
        " CONSTRAINT up FOREIGN KEY (c) REFERENCES p (ID) ON UPDATE SET NULL)",
        "CREATE INDEX t_c_b_key ON t (b DESC, lower(b) || ')') WHERE c > 0",
    )
    assert [column.default for column in found.columns] == [None, "'word'", "1 + 2", None]
    assert found.checks == (Check("t_c_check", "c > 0"), Check("sane", "c <> d"), Check("t_c_check 2", "c < 9"))
    other = IndexPart(None, '"b" COLLATE "BINARY"')
    assert found.indexes == (
        Index("once", (IndexPart("b"),), unique=True, constraint=True),
        Index("t_c_b_key", (IndexPart("b", descending=True), IndexPart(None, "lower(b) || ')'")), where="c > 0"),
        Index("t_c_b_key 2", (IndexPart("c"), other), unique=True, constraint=True),
    )
    parent = TableName(None, "p"), ("id",)
    assert found.foreign_keys == (
        ForeignKey("t_d_fkey", found.name, ("d",), *parent, "CASCADE", deferrable="deferred"),
        ForeignKey("up", found.name, ("c",), *parent, on_update="SET NULL"),
    )


def test_foreign_keys_are_resolved(files: Ends) -> None:
    found = table(
        files,
        "CREATE TABLE Parent (x INT, y INT, PRIMARY KEY (x, y))",
        "CREATE TABLE t (a INT, b INT, c INT REFERENCES gone(id), d INT REFERENCES PARENT(Y),"
        " FOREIGN KEY (a, b) REFERENCES parent)",
    )
    keys = {key.columns: (key.referenced.name, key.referenced_columns) for key in found.foreign_keys}
    assert keys == {("a", "b"): ("Parent", ("x", "y")), ("d",): ("Parent", ("y",))}


def test_strict_and_generated_columns_are_mismatches(files: Ends) -> None:
    make(files.source, "CREATE TABLE t (a TEXT, b TEXT)")
    make(files.target, "CREATE TABLE t (a TEXT, b TEXT AS (a)) STRICT")
    with driver(files) as one:
        reasons = one.target.mismatches(one.source.schema().tables[0], one.target.schema().tables[0])
    assert len(reasons) == 2


def test_what_cannot_be_created_says_why(files: Ends) -> None:
    def shout(text: str) -> str:
        return text.upper()

    with connect(files.source) as connection:
        connection.create_function("shout", 1, shout, deterministic=True)
        connection.execute("CREATE TABLE t (a TEXT, b TEXT AS (shout(a)))")
        connection.execute("CREATE TABLE v (a)")
    make(files.target, "CREATE VIEW V AS SELECT 1")
    with driver(files) as one:
        first, second = one.source.schema().tables
        assert [len(one.target.creatable(found)) for found in (first, second)] == [1, 1]
        assert one.target.creatable(second) == ["a view named V is in the way"]


def test_another_text_encoding_is_named_before_a_row_moves(files: Ends) -> None:
    with connect(files.source) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16le'")
        connection.execute("CREATE TABLE t (a)")
    with driver(files) as one:
        [reason] = one.target.creatable(one.source.schema().tables[0])
    assert "UTF-16le" in reason


names = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1, max_size=8
)


@given(column=names, expression=st.sampled_from(["1", "(a), ')'", "'it''s' || \"a)\"", "case when 1 then ')' end"]))
def test_clauses_are_found_under_any_name(column: str, expression: str) -> None:
    spelt = '"' + column.replace('"', '""') + '"'
    statement = f"CREATE TABLE x(a INT DEFAULT ('AS (1)'), {spelt} TEXT COLLATE NOCASE AS ({expression}), CHECK (a) )"
    [_, found] = table_words(statement).columns
    assert (found.name, found.collation, found.generated) == (column, "NOCASE", expression)
    assert not says(statement, "AUTOINCREMENT")


@pytest.mark.parametrize(
    ("declared", "kind", "stored_as"),
    [
        ("INTEGER", Kind.INTEGER, "INTEGER"),
        ("UNSIGNED BIG INT", Kind.INTEGER, "INTEGER"),
        ("VARCHAR(20)", Kind.TEXT, "TEXT"),
        ("CHARINT", Kind.INTEGER, "INTEGER"),
        ("NATIVE CHARACTER(70)", Kind.TEXT, "TEXT"),
        ("BLOB", Kind.BINARY, "BLOB"),
        ("", Kind.OTHER, "BLOB"),
        ("DOUBLE PRECISION", Kind.FLOAT, "REAL"),
        ("DECIMAL(10,2)", Kind.DECIMAL, "NUMERIC"),
        ("date", Kind.DATE, "NUMERIC"),
        ("datetime", Kind.TIMESTAMP, "NUMERIC"),
        ("BOOLEAN", Kind.BOOLEAN, "NUMERIC"),
        ("JSON", Kind.JSON, "NUMERIC"),
    ],
)
def test_declared_types(declared: str, kind: Kind, stored_as: str) -> None:
    assert (column_type(declared).kind, affinity(declared)) == (kind, stored_as)
    assert column_type(declared).length is None
