"""What goes with an object that is dropped and made anew: its comment, the indexes of a materialized view."""

from __future__ import annotations

from connectors.objects import ObjectKind, SchemaObject
from connectors.postgresql.catalog import unqualified
from connectors.postgresql.definitions import comment
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import sql_name
from connectors.schema import quoted

RELATION = b"SELECT obj_description(to_regclass(%s), 'pg_class')"
CONSTRAINT = b"""
SELECT obj_description(k.oid, 'pg_constraint') FROM pg_constraint k
WHERE k.conrelid = to_regclass(%s) AND k.conname = %s
"""
DECLARED = (ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE, ObjectKind.CHECK, ObjectKind.FOREIGN_KEY)
INDEXES = b"SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass(%s) ORDER BY 1"


def lost_with(connection: Connection, one: SchemaObject) -> tuple[str, ...]:
    """The statements that bring it back."""
    if one.id.kind is not ObjectKind.VIEW:
        return remark_of(connection, one)
    with unqualified(connection):
        found = connection.execute(INDEXES, [one.drop[0].partition("VIEW ")[2]]).fetchall()
    return (*remark_of(connection, one), *(row[0] for row in found))


def remark_of(connection: Connection, one: SchemaObject) -> tuple[str, ...]:
    """The statement that says its comment again, where it has one."""
    id_ = one.id
    if id_.kind in DECLARED and id_.table is not None:
        table = sql_name(id_.table)
        found = connection.execute(CONSTRAINT, [table, id_.name]).fetchall()
        called = f"CONSTRAINT {quoted(id_.name)} ON {table}"
    elif id_.kind in (ObjectKind.INDEX, ObjectKind.VIEW):
        called = one.drop[0].removeprefix("DROP ")
        found = connection.execute(RELATION, [called[called.index('"') :]]).fetchall()
    else:
        return ()
    return (comment(called, found[0][0]),) if found and found[0][0] is not None else ()
