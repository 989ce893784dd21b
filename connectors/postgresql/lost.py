"""What goes with an object that is dropped and made anew: its comment and those of a view's columns, the indexes of a
materialized view; and its grants, which nobody makes again."""

from __future__ import annotations

from connectors.objects import ObjectKind, SchemaObject
from connectors.postgresql.catalog import unqualified
from connectors.postgresql.definitions import comment
from connectors.postgresql.objects_tables import View
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import sql_name
from connectors.schema import quoted

FOUND = """(SELECT c.oid FROM parse_ident(%s) i JOIN pg_namespace n ON n.nspname = i[1]
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = i[2])"""
"""A relation by its qualified name, also where our user may not enter its schema: that is for others to tell."""
RELATION = f"SELECT obj_description({FOUND}, 'pg_class')"
CONSTRAINT = f"""
SELECT obj_description(k.oid, 'pg_constraint') FROM pg_constraint k WHERE k.conrelid = {FOUND} AND k.conname = %s
"""
DECLARED = (ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE, ObjectKind.CHECK, ObjectKind.FOREIGN_KEY)
INDEXES = f"SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = {FOUND} ORDER BY 1"
COLUMNS = f"""
SELECT a.attname, d.description FROM pg_description d JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
WHERE d.classoid = 'pg_class'::regclass AND d.objoid = {FOUND} AND d.objsubid > 0 ORDER BY d.objsubid
"""
GRANTS = f"""
WITH granted (acl, owner, what) AS (
  SELECT relacl, relowner, '' FROM pg_class WHERE oid = {FOUND}
  UNION ALL SELECT a.attacl, c.relowner, format(' (%%I)', a.attname) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.oid = {FOUND} AND a.attacl IS NOT NULL)
SELECT string_agg(DISTINCT g.privilege_type || what || ' to ' || coalesce(quote_ident(r.rolname), 'PUBLIC'), ', ')
FROM granted, aclexplode(acl) g LEFT JOIN pg_roles r ON r.oid = g.grantee WHERE g.grantee <> owner
"""


def lost_with(connection: Connection, one: SchemaObject, new: SchemaObject) -> tuple[str, ...]:
    """The statements that bring it back for the `new` one."""
    if not (isinstance(one, View) and isinstance(new, View)):
        return remark_of(connection, one)
    name, staying = called(one), {column for column, _ in new.columns}
    with unqualified(connection):
        indexes = connection.execute(INDEXES.encode(), [name]).fetchall()
    said = connection.execute(COLUMNS.encode(), [name]).fetchall()
    remarks = [comment(f"COLUMN {name}.{quoted(column)}", text) for column, text in said if column in staying]
    return (*remark_of(connection, one), *remarks, *(row[0] for row in indexes))


def grants_on(connection: Connection, view: View) -> str:
    """To others than its owner, in words."""
    name = called(view)
    return connection.execute(GRANTS.encode(), [name, name]).fetchall()[0][0] or ""


def called(view: View) -> str:
    return view.drop[0].partition("VIEW ")[2]


def remark_of(connection: Connection, one: SchemaObject) -> tuple[str, ...]:
    """The statement that says its comment again, where it has one."""
    id_ = one.id
    if id_.kind in DECLARED and id_.table is not None:
        table = sql_name(id_.table)
        found = connection.execute(CONSTRAINT.encode(), [table, id_.name]).fetchall()
        called = f"CONSTRAINT {quoted(id_.name)} ON {table}"
    elif id_.kind in (ObjectKind.INDEX, ObjectKind.VIEW):
        called = one.drop[0].removeprefix("DROP ")
        found = connection.execute(RELATION.encode(), [called[called.index('"') :]]).fetchall()
    else:
        return ()
    return (comment(called, found[0][0]),) if found and found[0][0] is not None else ()
