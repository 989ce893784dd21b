"""Tables of other engines as objects of this one: what is rendered is what the server shows once it is made."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from connectors.contract import Endpoint
from connectors.mysql import connector
from connectors.mysql.canonical import made
from connectors.mysql.limits import exceeded
from connectors.mysql.testkit import MariaServer
from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.schema import Check, Column, ForeignKey, Index, IndexPart, Table, TableName
from tests.connectors.drive import Ends
from tests.connectors.mysql.databases import user

ORDERS = TableName(None, "orders")


def column(name: str, native: str, *, nullable: bool = True, default: str | None = None, counter: str | None = None,
           comment: str | None = None) -> Column:  # fmt: skip
    return Column(name, made(native), nullable, counter=counter, default=default, comment=comment)


def index(name: str, *columns: str, unique: bool = False, method: str | None = None) -> Index:
    return Index(name, tuple(IndexPart(one) for one in columns), unique, method=method)


TABLE = Table(
    ORDERS,
    (
        column("id", "bigint", nullable=False, counter="auto_increment"),
        column("name", "varchar(700)", default="'it''s'", comment="it's; \\ \n"),
        column("body", "longtext"),
        column("doc", "json"),
        column("total", "decimal(10,2)", nullable=False, default="0"),
        column("made", "datetime(6)", nullable=False, default="CURRENT_TIMESTAMP(6)"),
        column("twice", "int", default="(1 + 1)"),
        column("kind", "enum('a','b')", nullable=False, default="'a'"),
        column("parent", "bigint"),
        column("flag", "tinyint(1)", default="1"),
        column("raw", "varbinary(3000)"),
    ),
    primary_key=("id",),
    foreign_keys=(
        ForeignKey("of_parent", ORDERS, ("parent",), ORDERS, ("id",), "CASCADE", "NO ACTION"),
        ForeignKey("of_other", ORDERS, ("twice",), TableName(None, "other"), ("id",), "NO ACTION", "SET NULL"),
    ),
    indexes=(
        index("by_name", "name", "total"),
        index("by_body", "body", "kind"),
        index("by_raw", "raw", "name"),
        index("once", "kind", "flag", unique=True),
        index("text_once", "body", unique=True),
        index("words", "body", method="fulltext"),
        Index("down", (IndexPart("total", descending=True), IndexPart("name", length=9))),
    ),
    checks=(Check("positive", "total >= 0 AND name <> ',)'"),),
    comment="it's theirs",
)


def rendered(endpoint: Endpoint, table: Table) -> tuple[SchemaObject, ...]:
    with contextlib.closing(connector.target(endpoint)) as target:
        assert target.creatable(table) == []
        return target.rendered(table)


def test_what_is_rendered_is_what_is_there_once_it_is_made(ends: Ends, server: MariaServer) -> None:
    server.execute(ends.target, "CREATE TABLE other (id int PRIMARY KEY)")
    with contextlib.closing(connector.target(ends.target)) as target:
        wanted = target.rendered(TABLE)
        before = {one.id for one in target.objects().made}
        for one in wanted:
            if not one.inline:
                target.apply(one.create, str(one.id))
        there = [one for one in target.objects().made if one.id not in before]
    assert {one.id: one.definition for one in there} == {one.id: one.definition for one in wanted}
    found = {(one.id.kind, one.id.name): one.definition for one in wanted}
    assert found[ObjectKind.INDEX, "by_body"] == "KEY `by_body` (`body`(191),`kind`)"
    assert found[ObjectKind.INDEX, "by_raw"] == "KEY `by_raw` (`raw`,`name`(18))"
    assert found[ObjectKind.UNIQUE, "text_once"] == "UNIQUE KEY `text_once` (`body`) USING HASH"
    assert found[ObjectKind.INDEX, "of_parent"] == "KEY `of_parent` (`parent`)"


def test_rendering_makes_nothing(ends: Ends, server: MariaServer) -> None:
    rendered(ends.target, TABLE)
    assert server.rows(ends.target, "SHOW TABLES") == []


def test_who_may_make_no_temporary_tables_is_told_in_our_own_words(ends: Ends, server: MariaServer) -> None:
    able = rendered(ends.target, TABLE)
    unable = rendered(user(server, ends.target, "SELECT, CREATE, ALTER, INDEX, REFERENCES"), TABLE)
    assert {one.id for one in unable} == {one.id for one in able}
    with contextlib.closing(connector.target(ends.target)) as target:
        for one in unable:
            if not one.inline and one.id.kind is not ObjectKind.FOREIGN_KEY:
                target.apply(one.create, str(one.id))
        wanted = {one.id: one.definition for one in able if one.id.kind is not ObjectKind.FOREIGN_KEY}
        assert {one.id: one.definition for one in target.objects().made} == wanted


def test_a_counter_that_no_key_begins_with_gets_one(ends: Ends) -> None:
    columns = (column("id", "int", nullable=False, counter="auto_increment"), column("k", "int", nullable=False))
    found = {one.id for one in rendered(ends.target, Table(ORDERS, columns, primary_key=("k",)))}
    assert ObjectId(ObjectKind.INDEX, ORDERS, "id") in found


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"indexes": (index("u", "body", unique=True),)}, "the unique key u, which no longtext can be"),
        ({"indexes": (index("u", "name", "raw", unique=True),)}, "the unique key u takes 5,800 bytes"),
        ({"comment": "x" * 2049}, "a comment of more than 2,048 characters"),
    ],
)
def test_a_server_that_hashes_no_keys_says_what_is_too_long(change: dict[str, object], reason: str) -> None:
    found = list(exceeded(replace(TABLE, **{"indexes": (), **change}), {"utf8mb4": 4}))
    assert any(reason in text for text in found), found
