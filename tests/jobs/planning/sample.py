"""A small schema for planning tests: users, orders that reference them, and a table without personal data."""

from __future__ import annotations

from connectors.schema import Column, ColumnType, ForeignKey, Key, Kind, Schema, Table, TableName

INT = ColumnType("bigint", Kind.INTEGER, bits=64)
TEXT = ColumnType("text", Kind.TEXT)
JSON = ColumnType("jsonb", Kind.JSON)


def name(text: str) -> TableName:
    return TableName("public", text)


def varchar(length: int) -> ColumnType:
    return ColumnType(f"varchar({length})", Kind.TEXT, length=length)


USERS = Table(
    name("users"),
    (
        Column("id", INT, nullable=False),
        Column("email", varchar(60), nullable=False),
        Column("full_name", TEXT),
        Column("status", TEXT),
        Column("search", TEXT, generated=True),
    ),
    primary_key=("id",),
    uniques=(Key(("email",)),),
)
ORDERS = Table(
    name("orders"),
    (Column("id", INT, nullable=False), Column("user_id", INT), Column("note", JSON)),
    primary_key=("id",),
    foreign_keys=(ForeignKey("orders_user", name("orders"), ("user_id",), name("users"), ("id",)),),
)
SCHEMA = Schema((ORDERS, USERS), other=((name("report"), "view"),))
