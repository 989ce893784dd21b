"""A database's objects: what they are, and that they make the same database elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import pytest

from connectors.contract import Endpoint
from connectors.mysql import connector
from connectors.mysql.definitions import definition
from connectors.mysql.objects import parts_of
from connectors.mysql.testkit import MariaServer
from connectors.objects import ObjectId, ObjectKind, Objects, SchemaObject
from connectors.schema import TableName
from tests.connectors.drive import Ends
from tests.connectors.mysql.databases import dumped, rich, user

OF_MYSQL = """CREATE TABLE `t` (
  `id` int unsigned NOT NULL AUTO_INCREMENT,
  `a` varchar(10) CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT 'x, y)' COMMENT 'PARTITION BY (',
  `i` int DEFAULT '1' /*!80023 INVISIBLE */,
  `p` point NOT NULL /*!80003 SRID 4326 */,
  PRIMARY KEY (`id`,`a`),
  KEY `f` ((lower(`a`)) DESC),
  KEY `k` (`a`(5)) /*!80000 INVISIBLE */,
  CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `other`.`p` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `c` CHECK ((`id` > 0)) /*!80016 NOT ENFORCED */
) /*!50100 TABLESPACE `there` */ ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
DATA DIRECTORY='/there' COMMENT='a (b'
/*!50100 PARTITION BY RANGE (`id`)
(PARTITION p0 VALUES LESS THAN (10) ENGINE = InnoDB) */"""


def objects(endpoint: Endpoint) -> Objects:
    with contextlib.closing(connector.source(endpoint)) as source:
        return source.objects()


def by_id(found: Objects) -> Mapping[ObjectId, SchemaObject]:
    return {one.id: one for one in found.made}


def test_objects_made_in_their_order_make_the_same_database(ends: Ends, server: MariaServer) -> None:
    rich(server, ends.source)
    server.execute(ends.source, "SELECT nextval(order_numbers), nextval(spent), nextval(spent), nextval(spent)")
    found = objects(ends.source)
    with contextlib.closing(connector.target(ends.target)) as target:
        for one in found.made:
            if not one.inline:
                target.apply(one.create, str(one.id))
        made = target.objects()
    assert made.made == found.made
    server.execute(ends.source, "DROP VIEW taxed")  # which is left
    for one in (ends.source, ends.target):
        server.execute(one, "DROP VIEW named_so")
        server.execute(one, f"DROP TABLE old_engine, `{ends.source.database}`")  # another engine, another name
    assert dumped(ends.target) == dumped(ends.source)


def test_what_never_travels_is_named(ends: Ends, server: MariaServer) -> None:
    rich(server, ends.source)
    user(server, ends.source, "SELECT")
    found = dict.fromkeys(objects(ends.source).left)
    assert ("trigger", "gone of tickets") in found
    assert ("procedure", "tidy") in found
    assert ("function", "tax") in found
    assert ("event", "nightly") in found
    assert ("view", "taxed, which calls tax") in found
    assert ("storage engine", "MyISAM of old_engine") in found
    assert any(kind == "grant" and name.startswith("SELECT on the database to ") for kind, name in found)


def test_what_our_user_may_not_see_is_named(ends: Ends, server: MariaServer) -> None:
    rich(server, ends.source)
    everything = objects(ends.source)
    login = user(server, ends.source, "SELECT")
    found = objects(login)
    assert [one for one in everything.made if one.id.kind is not ObjectKind.VIEW] == list(found.made)
    assert ("view", "a_zero, whose definition our user may not see") in found.left
    server.execute(ends.source, f"REVOKE SELECT ON `{ends.source.database}`.* FROM '{login.user}'@'127.0.0.1'")
    server.execute(ends.source, f"GRANT SELECT (id) ON `{ends.source.database}`.log TO '{login.user}'@'127.0.0.1'")
    found = objects(login)
    assert found.made == ()
    assert ("table", "log, whose definition our user may not see") in found.left


def test_objects_name_no_database(ends: Ends, server: MariaServer) -> None:
    rich(server, ends.source)
    server.execute(ends.source, "DROP VIEW named_so")
    server.execute(ends.source, f"DROP TABLE `{ends.source.database}`")
    assert ends.source.database not in str(objects(ends.source).made)


def test_what_reaches_into_another_database_is_left(ends: Ends, server: MariaServer) -> None:
    other = server.database("other")
    server.execute(other, "CREATE TABLE p (id int PRIMARY KEY)")
    server.execute(
        ends.source, f"CREATE TABLE c (id int, CONSTRAINT far FOREIGN KEY (id) REFERENCES `{other.database}`.p (id))"
    )
    server.execute(ends.source, f"CREATE VIEW v AS SELECT far.id FROM `{other.database}`.p AS far")
    found = objects(ends.source)
    assert ("foreign key", "far of c, to another database") in found.left
    assert ("view", "v, of another database's tables") in found.left
    assert {one.id.kind for one in found.made} == {ObjectKind.TABLE, ObjectKind.COLUMN, ObjectKind.INDEX}


def test_approvers_see_what_holds_values(ends: Ends, server: MariaServer) -> None:
    rich(server, ends.source)
    found = by_id(objects(ends.source))
    customers = TableName(None, "customers")
    assert found[ObjectId(ObjectKind.COLUMN, customers, "name")].literals == ("`name` DEFAULT 'nobody, (really)'",)
    assert found[ObjectId(ObjectKind.COLUMN, customers, "made")].literals == ()
    assert found[ObjectId(ObjectKind.COLUMN, customers, "full_name")].literals
    assert found[ObjectId(ObjectKind.CHECK, customers, "sane")].literals
    [partitions] = found[ObjectId(ObjectKind.TABLE, TableName(None, "log"), "log")].literals
    assert "(738000)" in partitions


def test_a_view_needs_what_it_is_a_view_of(ends: Ends, server: MariaServer) -> None:
    rich(server, ends.source)
    found = by_id(objects(ends.source))
    needs = {one.name for one in found[ObjectId(ObjectKind.VIEW, None, "a_zero")].needs}
    assert needs == {"zero_customers", "orders"}
    assert [one.name for one in found[ObjectId(ObjectKind.VIEW, None, "numbers")].needs] == ["countries"]


def test_a_column_without_a_default_may_not_be_added_under_rows(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.source, "CREATE TABLE t (a int NOT NULL, b int NOT NULL DEFAULT 1, c int, d int AS (a) STORED)")
    found = by_id(objects(ends.source))
    additive = {one.id.name: one.additive for one in found.values() if one.id.kind is ObjectKind.COLUMN}
    assert additive == {"a": False, "b": True, "c": True, "d": True}


def test_a_counter_is_added_with_its_key(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.source, "CREATE TABLE t (a int, id int NOT NULL AUTO_INCREMENT, KEY counts (id, a))")
    server.execute(ends.target, "CREATE TABLE t (a int)")
    server.execute(ends.target, "INSERT INTO t VALUES (7), (8)")
    found = by_id(objects(ends.source))
    here = TableName(None, "t")
    column, key = (
        ObjectId(kind, here, name) for kind, name in ((ObjectKind.COLUMN, "id"), (ObjectKind.INDEX, "counts"))
    )
    assert (found[key].inline, found[key].needs) == (True, (column,))
    with contextlib.closing(connector.target(ends.target)) as target:
        target.apply(found[column].create, "the counter")
        assert {one.id: one.definition for one in target.objects().made} == {
            id_: one.definition for id_, one in found.items()
        }


def test_the_words_of_mysql_are_read_too() -> None:
    """By its documentation: none is installed here."""
    table = definition(OF_MYSQL, "d", {"a": ("latin1", "latin1_swedish_ci")})
    assert [str(column) for column in table.columns] == [
        "`id` int unsigned NOT NULL AUTO_INCREMENT",
        "`a` varchar(10) CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT 'x, y)' COMMENT 'PARTITION BY ('",
        "`i` int DEFAULT '1' INVISIBLE",
        "`p` point NOT NULL /*!80003 SRID 4326 */",
    ]
    assert [(key.name, key.columns) for key in table.keys] == [("PRIMARY", ("id", "a")), ("f", ()), ("k", ())]
    assert [check.expression for check in table.checks] == ["(`id` > 0)"]
    assert (table.foreign[0].database, table.foreign[0].referenced) == ("other", "p")
    assert table.partitions.startswith("/*!50100 PARTITION BY RANGE (`id`)")
    assert table.options == (
        "ENGINE=InnoDB", "DEFAULT CHARSET=utf8mb4", "COLLATE=utf8mb4_0900_ai_ci", "COMMENT='a (b'",
    )  # fmt: skip
    [made] = [one for one in parts_of(table) if one.id.kind is ObjectKind.TABLE]
    assert "AUTO_INCREMENT" not in made.definition
    assert "COMMENT='a (b' AUTO_INCREMENT=5" in made.create[0]


@pytest.mark.parametrize("name", ["t", "it's; `odd", "ü (x)", "{db}"])
def test_names_are_whatever_they_are(ends: Ends, server: MariaServer, name: str) -> None:
    quoted = "`" + name.replace("`", "``").replace("{db}", ends.source.database) + "`"
    server.execute(ends.source, f"CREATE TABLE {quoted} ({quoted} int, KEY {quoted} ({quoted}), CHECK ({quoted} > 0))")
    server.execute(ends.source, f"CREATE VIEW v AS SELECT {quoted}.{quoted} FROM {quoted}")
    found = objects(ends.source)
    with contextlib.closing(connector.target(ends.target)) as target:
        for one in found.made:
            if not one.inline:
                target.apply(one.create, str(one.id))
        assert target.objects().made == found.made
