"""What makes a missing table: statements from the source's schema, and why they would not succeed on this target.

A table is made with its columns, exact types and collations, NOT NULL, primary key, identity and serial counters and
stored expressions; partitioned and inherited tables are made flat. Schemas and types come first where they are missing.
A table that crosses from another engine has no detail of ours: its columns, keys and counters are all there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.postgresql import catalog
from connectors.postgresql.definitions import NAME_BYTES, Numbering, identity
from connectors.postgresql.privileges import enters, fills, uses
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import sql_name
from connectors.postgresql.types import PgType, TypeDefinition, literal
from connectors.schema import Column, Counting, Table, quoted

CREATE_LOCK = 7_234_872_010_562
"""Key of the advisory lock under which tables are made: two runs may need the same missing schema or type at once."""
SERIALS = {"smallint": "smallserial", "integer": "serial", "bigint": "bigserial"}
TAKEN = b"""SELECT CASE relkind WHEN 'S' THEN 'a sequence' WHEN 'c' THEN 'a type' ELSE 'an index' END FROM pg_class
    WHERE relname = %s AND relnamespace = to_regnamespace(%s) AND relkind IN ('S', 'c', 'i', 'I')
    UNION ALL SELECT 'a type' FROM pg_type t WHERE typname = %s AND typnamespace = to_regnamespace(%s) AND typrelid = 0
    AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)"""
"""An array's type that the server has named makes room for a table."""
SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})


def table_statements(table: Table) -> Iterator[str]:
    """CREATE TABLE and what has to follow it."""
    about = table.detail if isinstance(table.detail, catalog.Detail) else None
    expressions = dict(about.expressions) if about else {}
    parts = [column_definition(column, expressions.get(column.name)) for column in table.columns]
    if table.primary_key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quoted, table.primary_key))}){about.primary if about else ''}")
    yield f"CREATE TABLE {sql_name(table.name)} ({', '.join(parts)})"
    for column in table.columns:
        change = f"ALTER TABLE {sql_name(table.name)} ALTER COLUMN {quoted(column.name)}"
        if column.counter == "serial" and column.counting is not None:
            yield from numbered(table, column, column.counting)
        if column.nullable and column.counter == "serial" and column.type.native in SERIALS:
            yield f"{change} DROP NOT NULL"
        if numbers_others(column):
            yield f"{change} TYPE {column.type.native}"
    yield from reached(table)


def numbered(table: Table, column: Column, counting: Counting) -> Iterator[str]:
    """A serial column's sequence as it shall count. The server has given it its name."""
    numbering = Numbering.of(column.type.native if column.type.native in SERIALS else "bigint", counting)
    if numbering != Numbering.usual(numbering.type):
        sequence = f"pg_get_serial_sequence({literal(sql_name(table.name))}, {literal(column.name)})"
        change = f"BEGIN EXECUTE 'ALTER SEQUENCE ' || {sequence} || ' {numbering.options} RESTART'; END"
        yield f"DO {literal(change)}"


def reached(table: Table) -> Iterator[str]:
    """Counters go on where they are."""
    for column in table.columns:
        if column.counter and column.reached is not None and not (column.counter == "serial" or numbers_others(column)):
            of = f"pg_catalog.pg_get_serial_sequence({literal(sql_name(table.name))}, {literal(column.name)})"
            yield f"SELECT pg_catalog.setval({of}, {column.reached}, true)"


def numbers_others(column: Column) -> bool:
    """Whether the database numbers a column that is no integer of its own, as it must for those of 64 bits unsigned: an
    identity cannot, but the sequence of a serial may fill a column of another type."""
    return column.counter is not None and column.counter != "serial" and column.type.native not in SERIALS


def column_definition(column: Column, expression: str | None) -> str:
    native = column.type.native
    if column.counter == "serial":
        native = SERIALS.get(native, native)
    elif numbers_others(column):
        native = "bigserial"
    words = [quoted(column.name), native]
    if isinstance(column.type, PgType) and column.type.collation:
        words.append(f"COLLATE {column.type.collation}")
    if expression is not None:
        words.append(f"GENERATED ALWAYS AS {expression}")
    elif column.counter and column.counter.startswith("identity") and not numbers_others(column):
        numbering = Numbering.usual(native) if column.counting is None else Numbering.of(native, column.counting)
        words.append(identity(column.counter.removeprefix("identity ").upper(), numbering))
    if not column.nullable:
        words.append("NOT NULL")
    return " ".join(words)


def needed(tables: Sequence[Table]) -> list[TypeDefinition]:
    """User-defined types of the tables' columns, inner ones first, each once."""
    found = {
        definition.name: definition
        for table in tables
        for column in table.columns
        if isinstance(column.type, PgType)
        for definition in column.type.needs
    }
    return list(found.values())


def create(connection: Connection, tables: Sequence[Table]) -> None:
    """Create what is missing, in one transaction."""
    with connection.transaction():
        connection.execute(b"SELECT pg_advisory_xact_lock(%s)", [CREATE_LOCK])
        types = needed(tables)
        for schema in sorted({table.name.schema or "public" for table in tables} | {type_.schema for type_ in types}):
            if exists(connection, "to_regnamespace(%s)", quoted(schema)) is False:
                connection.execute(f"CREATE SCHEMA {quoted(schema)}".encode())
        for type_ in types:
            if type_.statement and not exists(connection, "to_regtype(%s)", type_.name):
                connection.execute(type_.statement.encode())
        for table in tables:
            if not exists(connection, "to_regclass(%s)", sql_name(table.name)):
                for statement in table_statements(table):
                    connection.execute(statement.encode())


def obstacles(connection: Connection, table: Table) -> Iterator[str]:
    """Why `create` would not succeed for this table: a sentence each."""
    yield from misnamed(table)
    yield from taken(connection, table)
    user, database = quoted(connection.info.user), quoted(connection.info.dbname)
    home, types = table.name.schema or "public", needed([table])
    there = {
        schema: allowed(connection, "has_schema_privilege(%s, 'USAGE')", schema)
        for schema in {home} | {type_.schema for type_ in types}
        if exists(connection, "to_regnamespace(%s)", quoted(schema))
    }
    yield from (enters(schema, user) for schema in sorted(there) if not there[schema])
    types = [type_ for type_ in types if there.get(type_.schema, True)]  # of others nothing can be asked
    missing = [type_ for type_ in types if not exists(connection, "to_regtype(%s)", type_.name)]
    for schema in sorted({home} | {type_.schema for type_ in missing if not type_.extension}):
        if schema in there:
            if not allowed(connection, "has_schema_privilege(%s, 'CREATE')", schema):
                yield fills(schema, user)
        elif not allowed(connection, "has_database_privilege(current_database(), %s)", "CREATE"):
            what = f"schema {quoted(schema)} is missing and our user may not create it"
            yield f"{what}: GRANT CREATE ON DATABASE {database} TO {user}"
    outermost = {
        column.type.needs[-1] for column in table.columns if isinstance(column.type, PgType) and column.type.needs
    }
    for type_ in missing:
        if type_.extension:
            yield f"type {type_.name} is missing: CREATE EXTENSION {type_.extension}"
        elif type_.statement is None:
            yield f"type {type_.name} is missing and cannot be made from its catalog entry"
    for type_ in types:
        may = type_ in missing or allowed(connection, "has_type_privilege(%s, 'USAGE')", type_.name)
        if type_ in outermost and not may:
            yield uses(type_.name, user)
    for column in table.columns:
        collation = column.type.collation if isinstance(column.type, PgType) else None
        if collation and not exists(
            connection,
            "(SELECT oid FROM pg_collation WHERE quote_ident(collnamespace::regnamespace::text) || '.' ||"
            " quote_ident(collname) = %s LIMIT 1)",
            collation,
        ):
            yield f"column {column.name}: collation {collation} is missing"


def misnamed(table: Table) -> Iterator[str]:
    """Names of other engines that this one cuts short without an error, or keeps for itself."""
    for name in (table.name.schema or "", table.name.name, *(column.name for column in table.columns)):
        if len(name.encode()) > NAME_BYTES:
            yield f"the name {name} is longer than {NAME_BYTES} bytes: give it a shorter one (`column_mappings`)"
    for column in table.columns:
        if column.name in SYSTEM_COLUMNS:
            yield f"a column cannot be named {column.name} here: give it another name (`column_mappings`)"


def taken(connection: Connection, table: Table) -> Iterator[str]:
    """What has the table's name and is neither a table nor anything that rows could be asked of. A table is a type as well."""
    name = [table.name.name, quoted(table.name.schema or "public")]
    for (kind,) in connection.execute(TAKEN, [*name, *name]).fetchall():
        yield f"{kind} of this name is in the way: drop or rename it"


def exists(connection: Connection, expression: str, value: str) -> bool:
    return bool(connection.execute(f"SELECT {expression} IS NOT NULL".encode(), [value]).fetchall()[0][0])


def allowed(connection: Connection, expression: str, value: str) -> bool:
    return bool(connection.execute(f"SELECT {expression}".encode(), [value]).fetchall()[0][0])


def differences(source: Table, target: Table) -> Iterator[str]:
    """Why rows of `source` cannot go into `target` unchanged."""
    theirs = {column.name: column for column in target.columns}
    ours = {column.name: column for column in source.columns}
    for column in source.columns:
        if column.name not in theirs:
            if not column.generated:
                yield f"column {column.name} is missing"
            continue
        yield from column_differences(column, theirs[column.name], source.may_be_null(column))
    defaults = catalog.detail(target).defaults
    for name, column in theirs.items():
        if name not in ours and not column.nullable and not column.generated and name not in defaults:
            yield f"column {name} is NOT NULL without a default and the source has no such column"
    expressions = dict(catalog.detail(target).expressions)
    for name, expression in catalog.detail(source).expressions:
        if name in expressions and expressions[name] != expression:
            yield f"column {name} is computed differently"


def column_differences(source: Column, target: Column, null: bool) -> Iterator[str]:
    if source.generated != target.generated:
        generated, plain = ("source", "target") if source.generated else ("target", "source")
        yield f"column {source.name} is computed by the {generated} but not by the {plain}"
        return
    if source.type.native != target.type.native:
        yield f"column {source.name} is {target.type.native} here but {source.type.native} in the source"
    elif isinstance(source.type, PgType) and isinstance(target.type, PgType):
        theirs = {type_.name: type_ for type_ in target.type.needs}
        for type_ in source.type.needs:
            if type_.name not in theirs or theirs[type_.name].statement != type_.statement:
                yield f"column {source.name}: type {type_.name} is defined differently"
    if null and not target.nullable and not source.generated:
        yield f"column {source.name} is NOT NULL here but may be NULL in the source"
