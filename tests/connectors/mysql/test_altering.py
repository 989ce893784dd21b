"""How objects of one definition become another, up and down, and what of it rows and programs could mind."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import pytest

from connectors.errors import ValueRefused
from connectors.mysql import connector
from connectors.mysql.altering import altered
from connectors.mysql.definitions import column
from connectors.mysql.objects import column_object
from connectors.mysql.testkit import MariaServer
from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.schema import TableName
from tests.connectors.drive import Ends
from tests.connectors.mysql.databases import dumped

BEFORE = """
CREATE TABLE t (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY, a int unsigned NOT NULL, b varchar(20) DEFAULT 'x', c decimal(10,2) NOT NULL,
  d enum('a','b') NOT NULL DEFAULT 'a', e text, f int NOT NULL DEFAULT 3, g int AS (a + 1) STORED, h varchar(9),
  i bigint, j int, ref int, KEY ia (a), KEY ir (ref), UNIQUE KEY ub (b), CONSTRAINT chk CHECK (a > 0),
  CONSTRAINT fk FOREIGN KEY (ref) REFERENCES t (id)
) COMMENT='one' CHARACTER SET utf8mb4
"""
AFTER = """
CREATE TABLE t (
  id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, a bigint NOT NULL, b varchar(30) DEFAULT 'y' COMMENT 'b', c decimal(12,2),
  d enum('a','b','c') NOT NULL DEFAULT 'a', e longtext, f int NOT NULL, g int AS (a + 2) STORED, h varchar(5),
  i int, j int NOT NULL, ref int, KEY ia (a DESC, b), KEY ir (ref, a), UNIQUE KEY ub (b, a), CONSTRAINT chk CHECK (a > 1),
  CONSTRAINT fk FOREIGN KEY (ref) REFERENCES t (id) ON DELETE CASCADE
) COMMENT='two' CHARACTER SET utf8mb4
"""
ADDITIVE = {"a", "b", "c", "d", "e", "id", "ia", "ir", "t"}
KEEPS_ITS_TYPE = "id"
"""A foreign key hangs on it."""


def objects(ends: Ends, *, source: bool) -> Mapping[ObjectId, SchemaObject]:
    with contextlib.closing(connector.target(ends.source if source else ends.target)) as one:
        return {made.id: made for made in one.objects().made}


def test_every_kind_of_change_goes_up_and_down_again(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.source, AFTER.replace("id bigint", "id int"))
    server.execute(ends.target, BEFORE)
    for endpoint, rule in ((ends.source, "INCREMENT 5 MAXVALUE 900"), (ends.target, "INCREMENT 1")):
        server.execute(endpoint, f"CREATE SEQUENCE s START WITH 1 {rule}")
        server.execute(endpoint, f"CREATE VIEW v AS SELECT {'a' if rule == 'INCREMENT 1' else 'a, b'} FROM t")
    server.execute(
        ends.target,
        "INSERT INTO t (a, b, c, d, i, j, h) VALUES (5, 'x', 1.5, 'b', 1, 1, 'h'), (2000000000, 'y', 2, 'a', 2, 2, 'h')",
    )
    wanted, there = objects(ends, source=True), objects(ends, source=False)
    before, downs, additive = dumped(ends.target), [], set()
    with contextlib.closing(connector.target(ends.target)) as target:
        for id_, one in there.items():
            if one.definition != wanted[id_].definition:
                change = target.altered(one, wanted[id_])
                assert change.up
                target.apply(change.up, str(id_))
                downs.append(change.down)
                additive |= {id_.name} if change.additive else set()
        assert {made.id: made.definition for made in target.objects().made} == {
            made.id: made.definition for made in wanted.values()
        }
        for down in reversed(downs):
            target.apply(down, "back")
    assert dumped(ends.target) == before
    assert additive == ADDITIVE - {KEEPS_ITS_TYPE}


@pytest.mark.parametrize(
    ("before", "after", "additive"),
    [
        ("varchar(10)", "varchar(20)", True),
        ("varchar(20)", "varchar(10)", False),
        ("varbinary(10)", "varbinary(11)", True),
        ("int", "bigint", True),
        ("int", "bigint unsigned", False),
        ("int unsigned", "bigint", True),
        ("int unsigned", "bigint unsigned", True),
        ("int unsigned", "int", False),
        ("tinyint(1)", "int", True),
        ("bigint", "int", False),
        ("decimal(10,2)", "decimal(12,2)", True),
        ("decimal(10,2)", "decimal(12,3)", False),
        ("text", "mediumtext", True),
        ("mediumtext", "text", False),
        ("enum('a','b')", "enum('a','b','c')", True),
        ("enum('a','b')", "enum('b','a','c')", False),
        ("datetime", "timestamp", False),
        ("int NOT NULL", "int", True),
        ("int", "int NOT NULL", False),
        ("int DEFAULT 1", "int DEFAULT 2", True),
        ("int NOT NULL DEFAULT 1", "int NOT NULL", False),
        ("int", "int COMMENT 'x'", True),
        ("int", "int INVISIBLE", False),
        ("int", "int CHECK (`c` > 0)", False),
        (
            "varchar(9) CHARACTER SET latin1 COLLATE latin1_bin",
            "varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            False,
        ),
        ("int GENERATED ALWAYS AS (1) STORED", "int GENERATED ALWAYS AS (2) STORED", False),
    ],
)
def test_what_of_a_column_is_only_added(before: str, after: str, additive: bool) -> None:
    there, wanted = (column_object("t", column(f"`c` {words}", {})) for words in (before, after))
    change = altered(there, wanted)
    assert change.additive is additive
    assert change.up == (f"ALTER TABLE `t` MODIFY COLUMN {wanted.definition}",)
    assert change.down == (f"ALTER TABLE `t` MODIFY COLUMN {there.definition}",)


REFUSED = [
    ("bigint", "-5", "int unsigned"),
    ("varchar(9)", "'123456'", "varchar(5)"),
    ("varchar(9)", "'12       '", "varchar(5)"),
    ("text", "repeat('x', 300)", "varchar(255)"),
    ("decimal(12,2)", "1234567890", "decimal(8,2)"),
    ("enum('x','y')", "'y'", "enum('x')"),
    ("varchar(9) CHARACTER SET utf8mb4", "'中'", "varchar(9) CHARACTER SET latin1"),
    ("datetime", "NULL", "datetime NOT NULL"),
    ("varchar(9)", "NULL", "varchar(9) NOT NULL"),
]
"""What a column is, a value, and what it shall be: the server is asked."""
UNASKED = [
    ("decimal(12,2)", "1.25", "decimal(12,1)"),
    ("datetime(3)", "'2024-05-17 12:00:00.123'", "datetime"),
    ("double", "1.5", "int"),
    ("timestamp NULL", "NULL", "timestamp NOT NULL"),
    ("int UNIQUE", "NULL", "int NOT NULL AUTO_INCREMENT"),
]
"""What it would change without a word."""


def test_what_a_column_has_no_place_for_is_refused_or_left_to_a_person(ends: Ends, server: MariaServer) -> None:
    every = [*REFUSED, *UNASKED]
    for number, (before, value, after) in enumerate(every):
        server.execute(ends.target, f"CREATE TABLE t{number} (c {before})")
        server.execute(ends.target, f"INSERT INTO t{number} VALUES ({value})")
        server.execute(ends.source, f"CREATE TABLE t{number} (c {after}{', UNIQUE (c)' if 'AUTO' in after else ''})")
    there, wanted = objects(ends, source=False), objects(ends, source=True)
    refuses = []
    with contextlib.closing(connector.target(ends.target)) as target:
        for number in range(len(every)):
            id_ = ObjectId(ObjectKind.COLUMN, TableName(None, f"t{number}"), "c")
            change = target.altered(there[id_], wanted[id_])
            refuses.append(change.refuses)
            if change.refuses:
                with pytest.raises(ValueRefused):
                    target.apply(change.up, "it")
    assert refuses == [True] * len(REFUSED) + [False] * len(UNASKED)


@pytest.mark.parametrize(
    "storage", ["ROW_FORMAT=COMPRESSED", "PARTITION BY HASH (a) PARTITIONS 2", "WITH SYSTEM VERSIONING"]
)
def test_how_a_table_is_stored_cannot_be_altered(ends: Ends, server: MariaServer, storage: str) -> None:
    server.execute(ends.source, f"CREATE TABLE t (a int PRIMARY KEY) {storage}")
    server.execute(ends.target, "CREATE TABLE t (a int PRIMARY KEY)")
    wanted, there = (
        next(one for one in objects(ends, source=at).values() if one.id.name == "t") for at in (True, False)
    )
    change = altered(there, wanted)
    assert (change.up, change.down, change.additive) == ((), (), False)
