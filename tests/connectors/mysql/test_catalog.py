"""The catalog as the neutral schema, letter case and clocks, as a live server has them."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
import sqlglot

from connectors.contract import Endpoint
from connectors.errors import PermissionMissing, TerminalError
from connectors.mysql import connector
from connectors.mysql.canonical import made
from connectors.mysql.catalog import filler, unescaped
from connectors.mysql.filters import pinned, rendered
from connectors.mysql.testkit import MariaServer
from connectors.mysql.types import column_type
from connectors.schema import Check, ForeignKey, Index, IndexPart, Key, Kind, Schema, TableName
from tests.connectors.drive import Ends
from tests.connectors.mysql.databases import rich

MOMENT = "2024-02-29 23:59:59.987654"


def schema(endpoint: Endpoint) -> Schema:
    with contextlib.closing(connector.source(endpoint)) as source:
        return source.schema()


def test_keys_and_what_they_reference(ends: Ends) -> None:
    ends.server.execute(ends.source, "CREATE TABLE p (a int, b varchar(9), t text, PRIMARY KEY (b, a), UNIQUE (t(5)))")
    ends.server.execute(
        ends.source,
        "CREATE TABLE c (x int UNIQUE, y varchar(9), CONSTRAINT fk FOREIGN KEY (y, x) REFERENCES p (b, a), UNIQUE (y, x))",
    )
    child, parent = schema(ends.source).tables
    assert parent.primary_key == ("b", "a")
    assert parent.uniques == (Key(("t",), plain=False),)
    assert set(child.uniques) == {Key(("x",)), Key(("y", "x"))}
    assert child.foreign_keys == (
        ForeignKey("fk", child.name, ("y", "x"), parent.name, ("b", "a"), "RESTRICT", "RESTRICT"),
    )


def test_defaults_comments_indexes_checks_and_actions(ends: Ends, server: MariaServer) -> None:
    rich(server, ends.source)
    found = {str(table.name): table for table in schema(ends.source).tables}
    customers, orders = found["customers"], found["orders"]
    assert customers.comment == "people"
    assert found["countries"].column("name").comment == 'as people say it, "quoted", it\'s; \\ and\na line'
    defaults = {column.name: column.default for column in customers.columns if column.default is not None}
    assert defaults == {
        "name": "'nobody, (really)'", "nick": "'ä`;--'", "kind": "'a'", "flags": "'x,y'", "balance": "0.50",
        "born": "(curdate() - interval 20 year)", "mark": "uuid()", "bits": "b'101'", "bin": "x'00ff'", "secret": "7",
        "number": "nextval(`order_numbers`)", "made": "current_timestamp(3)",
        "place": "st_geometryfromtext('POINT(1 2)')",
    }  # fmt: skip
    assert customers.checks == (
        Check("balance", "`balance` > -100"),
        Check("sane", "`born` > '1900-01-01' and `name` <> ',)('"),
    )
    indexes = {index.name: index for index in customers.indexes}
    assert indexes["by_name"].parts == (IndexPart("name", descending=True, length=10), IndexPart("born"))
    assert indexes["mail"] == Index("mail", (IndexPart("email"),), unique=True, constraint=True)
    assert (indexes["words"].method, indexes["spots"].method, indexes["by_kind"].method) == (
        "fulltext",
        "spatial",
        None,
    )
    assert indexes["spots"].parts == (IndexPart("place"),)
    assert "PRIMARY" not in indexes
    [lives_in] = customers.foreign_keys
    assert (lives_in.on_delete, lives_in.on_update) == ("SET NULL", "CASCADE")
    assert [(key.on_delete, key.on_update) for key in orders.foreign_keys] == [
        ("CASCADE", "RESTRICT"),
        ("RESTRICT", "RESTRICT"),
    ]


@pytest.mark.parametrize(
    ("shown", "native", "bare", "default"),
    [
        ("it's", "varchar(9)", True, "'it''s'"),
        ("'it''s'", "varchar(9)", False, "'it''s'"),
        ("1", "int", True, "1"),
        ("0.50", "decimal(9,2)", True, "0.50"),
        ("2020-01-01", "date", True, "'2020-01-01'"),
        ("CURRENT_TIMESTAMP(3)", "datetime(3)", True, "CURRENT_TIMESTAMP(3)"),
        ("CURRENT_TIMESTAMP", "varchar(20)", True, "'CURRENT_TIMESTAMP'"),
        ("NULL", "int", False, None),
        (None, "int", True, None),
    ],
)
def test_defaults_are_expressions_however_a_server_shows_them(
    shown: str | None, native: str, bare: bool, default: str | None
) -> None:
    assert filler(shown, made(native), bare) == default


@pytest.mark.parametrize(
    ("shown", "expression"),
    [
        (r"concat(`a`,_utf8mb4\'-\')", "concat(`a`,_utf8mb4'-')"),
        (r"(`a` <> _utf8mb4\'it\\\'s\')", r"(`a` <> _utf8mb4'it\'s')"),
        (r"_utf8mb4\'\\\\\'", r"_utf8mb4'\\'"),
        ("(`a` + 1)", "(`a` + 1)"),
    ],
)
def test_expressions_are_those_of_a_definition_where_a_catalog_escapes_them(shown: str, expression: str) -> None:
    assert unescaped(shown) == expression


def test_what_is_no_table_is_named(ends: Ends) -> None:
    for statement in (
        "CREATE VIEW v AS SELECT 1",
        "CREATE SEQUENCE s",
        "CREATE TABLE t (a int) WITH SYSTEM VERSIONING",
    ):
        ends.server.execute(ends.source, statement)
    found = schema(ends.source)
    assert dict(found.other) == {TableName(None, "v"): "view", TableName(None, "s"): "sequence"}
    [table] = found.tables
    assert any("its history is not" in note for note in table.notes)


def test_hooks_are_triggers_that_a_load_would_fire(ends: Ends) -> None:
    ends.server.execute(ends.source, "CREATE TABLE t (a int)")
    ends.server.execute(ends.source, "CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1")
    ends.server.execute(ends.source, "CREATE TRIGGER two BEFORE UPDATE ON t FOR EACH ROW SET NEW.a = 1")
    assert schema(ends.source).tables[0].hooks == ("trigger one",)


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "unicode"),
        ("varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", None),
        ("varchar(9) CHARACTER SET latin1 COLLATE latin1_general_cs", None),
        ("varchar(9) CHARACTER SET latin1 COLLATE latin1_swedish_ci", "unicode"),
        ("varchar(9) CHARACTER SET ascii COLLATE ascii_general_ci", "ascii"),
        ("varchar(9) CHARACTER SET cp1251 COLLATE cp1251_general_ci", "unicode"),
        ("varbinary(9)", None),
        ("int", None),
    ],
)
def test_whose_letter_case_is_ignored(ends: Ends, type_: str, expected: str | None) -> None:
    ends.server.execute(ends.source, f"CREATE TABLE t (a {type_})")
    assert schema(ends.source).tables[0].columns[0].ignores_case == expected


def test_a_user_sees_and_reads_what_it_is_granted(ends: Ends) -> None:
    for name in ("whole", "part", "none"):
        ends.server.execute(ends.source, f"CREATE TABLE {name} (a int, b int, c int AS (a + 1))")
    user, database = f"g{ends.source.database[-8:]}", ends.source.database
    ends.server.execute(ends.source, f"CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY 'x'")
    for right in (f"SELECT ON `{database}`.whole", f"SELECT (a) ON `{database}`.part"):
        ends.server.execute(ends.source, f"GRANT {right} TO '{user}'@'127.0.0.1'")
    with contextlib.closing(connector.source(replace(ends.source, user=user, password="x"))) as source:
        part, whole = source.schema().tables
        assert (part.readable, whole.readable) == (True, True)
        assert [column.name for column in part.columns] == ["a"]
    ends.server.execute(ends.source, f"GRANT INSERT ON `{database}`.part TO '{user}'@'127.0.0.1'")
    with contextlib.closing(connector.source(replace(ends.source, user=user, password="x"))) as source:
        part, _ = source.schema().tables
        assert not part.readable
        with pytest.raises(PermissionMissing, match="may not read every column"):
            source.bounds(part, None, 1 << 20)


@pytest.mark.parametrize(
    ("declared", "base", "kind", "native", "bits"),
    [
        ("int(11)", "int", Kind.INTEGER, "int", 32),
        ("int(10) unsigned zerofill", "int", Kind.INTEGER, "int(10) unsigned zerofill", 32),
        ("tinyint(1)", "tinyint", Kind.INTEGER, "tinyint(1)", 8),
        ("tinyint(4)", "tinyint", Kind.INTEGER, "tinyint", 8),
        ("bigint(20) unsigned", "bigint", Kind.DECIMAL, "bigint unsigned", None),
        ("year(4)", "year", Kind.OTHER, "year", None),
        ("decimal(65,30)", "decimal", Kind.DECIMAL, "decimal(65,30)", None),
        ("enum('a')", "enum", Kind.ENUM, "enum('a')", None),
    ],
)
def test_types_have_one_text_on_every_version(
    declared: str, base: str, kind: Kind, native: str, bits: int | None
) -> None:
    found = column_type(declared, base, None, None, False)
    assert (found.kind, found.native, found.bits) == (kind, native, bits)


# Filters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < now()", "a < CAST('2024-02-29 23:59:59' AS DATETIME)"),
        ("a < now(3)", "a < CAST('2024-02-29 23:59:59.987' AS DATETIME(3))"),
        ("a < current_timestamp(6)", "a < CAST('2024-02-29 23:59:59.987654' AS DATETIME(6))"),
        ("a < current_timestamp", "a < CAST('2024-02-29 23:59:59' AS DATETIME)"),
        ("a = curdate() - interval 1 day", "a = CAST('2024-02-29' AS DATE) - INTERVAL '1' DAY"),
        ("a IN (SELECT b FROM t WHERE c > now())", "CAST('2024-02-29 23:59:59' AS DATETIME)"),
    ],
)
def test_the_clock_stands_still(text: str, expected: str) -> None:
    found = rendered(pinned(sqlglot.condition(text, dialect="mysql"), MOMENT))
    assert expected in found
    assert "now" not in found.lower()


def test_a_stopped_clock_is_the_servers(ends: Ends, server: MariaServer) -> None:
    ends.server.execute(ends.source, "CREATE TABLE t (a datetime(6))")
    with contextlib.closing(connector.source(ends.source)) as source:
        text = rendered(source.pinned(sqlglot.condition("now(6)", dialect="mysql")))
        [(apart,)] = server.rows(ends.source, f"SELECT TIMESTAMPDIFF(SECOND, {text}, UTC_TIMESTAMP(6))")
        assert 0 <= apart < 30


@pytest.mark.parametrize("text", ["a' b", "a\\", "a\\'b", "%s %", "ü🦆", "\n"])
def test_literals_mean_what_they_say(ends: Ends, server: MariaServer, text: str) -> None:
    """sqlglot writes them, and this server reads a backslash in them as more than itself."""
    where = sqlglot.exp.EQ(this=sqlglot.exp.column("a", quoted=True), expression=sqlglot.exp.Literal.string(text))
    server.execute(ends.source, "CREATE TABLE t (a varchar(20))")
    server.insert(ends.source, "t", [(text,), ("other",)])
    assert server.rows(ends.source, f"SELECT a FROM t WHERE {rendered(where)}") == [(text,)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("missing = 1", "names a column that does not exist"),
        ("count(*) > 1", "aggregates outside a sub-query"),
        ("a IN (SELECT a, a FROM t)", "more than one column"),
        ("starts_with(a, 'x')", "does not exist"),
        ("a IN (SELECT 1 FROM gone)", "a table does not exist"),
    ],
)
def test_why_a_filter_is_refused(ends: Ends, text: str, words: str) -> None:
    ends.server.execute(ends.source, "CREATE TABLE t (a int)")
    with contextlib.closing(connector.source(ends.source)) as source:
        [table] = source.schema().tables
        with pytest.raises(TerminalError, match=words):
            source.explain_filter(table, sqlglot.condition(text, dialect="mysql"))
