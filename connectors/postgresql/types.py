"""Types: what a column's type is beyond its name, and how to make it elsewhere.

The catalog's type rows are read once per schema; everything else here is pure. A type is *portable* when its binary form
means the same in another database. The binary forms of arrays and composites carry the object numbers of their
elements' types, so those of user-defined elements are not, nor are types that stand for an object number themselves
(regclass …), have no binary form, or one that the server does not take back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.postgresql.session import Connection
from connectors.schema import ColumnType, Kind

PINNED = 10_000
"""Object numbers below are the same in every PostgreSQL database."""

KINDS = {
    **dict.fromkeys(("text", "varchar", "bpchar", "name"), Kind.TEXT),
    **dict.fromkeys(("int2", "int4", "int8"), Kind.INTEGER),
    **dict.fromkeys(("float4", "float8"), Kind.FLOAT),
    **dict.fromkeys(("time", "timetz"), Kind.TIME),
    **dict.fromkeys(("timestamp", "timestamptz"), Kind.TIMESTAMP),
    **dict.fromkeys(("json", "jsonb"), Kind.JSON),
    "numeric": Kind.DECIMAL,
    "bool": Kind.BOOLEAN,
    "date": Kind.DATE,
    "uuid": Kind.UUID,
    "bytea": Kind.BINARY,
}
EMPTY_REFUSED = "tsquery"
"""The server gives an empty one away in binary form, and does not take it so."""
BITS = {"int2": 16, "int4": 32, "int8": 64}
NAME_LENGTH = 63


@dataclass(frozen=True)
class TypeDefinition:
    """A user-defined type that a column needs, directly or inside another."""

    name: str
    """Schema-qualified and quoted."""
    schema: str
    statement: str | None
    """Makes it; None where it comes with an extension or is written in C."""
    extension: str | None = None


@dataclass(frozen=True)
class PgType(ColumnType):
    """A column's type with what only this engine's folder looks at."""

    base: str = ""
    """The type under all domains, by its short name (`bpchar`, `int4`)."""
    modifier: int = -1
    """What the catalog keeps of a column's length or digits, that of the domain where the column is of one."""
    portable: bool = True
    collation: str | None = None
    """Quoted; only where it is not the type's own."""
    needs: tuple[TypeDefinition, ...] = ()
    """User-defined types in the order in which they can be created."""
    labels: tuple[str, ...] = ()
    """Of an enum, in their order."""

    def for_tasks(self) -> PgType:
        return replace(self, needs=(), labels=())


@dataclass(frozen=True)
class TypeRow:
    """One row of pg_type with what belongs to it."""

    oid: int
    schema: str
    name: str
    shown: str
    kind: str
    """b base, c composite, d domain, e enum, m multirange, r range"""
    element: int
    base: int
    base_shown: str
    modifier: int
    not_null: bool
    binary: bool
    alias: bool
    extension: str | None
    collation: str | None
    default: str | None
    parts: Sequence[str]
    """Labels of an enum; `name type` of a composite's fields; checks of a domain; the clause of a range."""
    part_types: Sequence[int]


ROWS = """
SELECT t.oid::bigint, n.nspname, t.typname, format_type(t.oid, NULL), t.typtype::text,
  CASE WHEN t.typcategory = 'A' AND t.typtype = 'b' THEN t.typelem::bigint ELSE 0 END, t.typbasetype::bigint,
  CASE WHEN t.typbasetype <> 0 THEN format_type(t.typbasetype, t.typtypmod) END, t.typtypmod, t.typnotnull,
  t.typsend <> 0 AND t.typreceive <> 0, t.oid < 10000 AND t.typname ~ '^reg', x.extname,
  CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN
    (SELECT quote_ident(cn.nspname) || '.' || quote_ident(c.collname)
     FROM pg_collation c JOIN pg_namespace cn ON cn.oid = c.collnamespace WHERE c.oid = t.typcollation) END,
  CASE WHEN t.typtype = 'd' THEN t.typdefault END,
  CASE t.typtype
    WHEN 'e' THEN array(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder)
    WHEN 'c' THEN array(SELECT quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
      || coalesce(' COLLATE ' || quote_ident(cn.nspname) || '.' || quote_ident(l.collname), '')
      FROM pg_attribute a JOIN pg_type f ON f.oid = a.atttypid
      LEFT JOIN pg_collation l ON l.oid = a.attcollation AND a.attcollation <> f.typcollation
      LEFT JOIN pg_namespace cn ON cn.oid = l.collnamespace
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
    WHEN 'd' THEN array(SELECT 'CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid)
      FROM pg_constraint WHERE contypid = t.oid AND contype = 'c' ORDER BY conname)
    WHEN 'r' THEN array(SELECT CASE WHEN rngcanonical <> 0 OR rngcollation NOT IN (0, 100) THEN NULL
      ELSE 'SUBTYPE = ' || format_type(rngsubtype, NULL)
        || CASE WHEN rngsubdiff <> 0 AND rngsubdiff < 10000 THEN ', SUBTYPE_DIFF = ' || rngsubdiff::text ELSE '' END END
      FROM pg_range WHERE rngtypid = t.oid)
    ELSE '{}' END,
  CASE t.typtype
    WHEN 'c' THEN array(SELECT atttypid::bigint FROM pg_attribute
      WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped ORDER BY attnum)
    WHEN 'r' THEN array(SELECT rngsubtype::bigint FROM pg_range WHERE rngtypid = t.oid)
    WHEN 'm' THEN array(SELECT (to_jsonb(r) ->> 'rngtypid')::bigint FROM pg_range r
      WHERE (to_jsonb(r) ->> 'rngmultitypid')::bigint = t.oid)
    ELSE '{}' END
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
LEFT JOIN pg_extension x ON x.oid = d.refobjid
WHERE t.typtype <> 'p'
"""


@dataclass(frozen=True)
class Types:
    """The types of one database. Built by `load`, read by the catalog."""

    rows: Mapping[int, TypeRow] = field(repr=False)

    def column(self, oid: int, modifier: int, native: str, collation: str | None) -> PgType:
        """The type of a column: `native` is its text as the catalog formats it."""
        row, length = self.rows[oid], modifier
        while row.kind == "d":
            length = row.modifier if length < 0 else length
            row = self.rows[row.base]
        kind = Kind.ENUM if row.kind == "e" else Kind.OTHER
        if row.schema == "pg_catalog":
            kind = KINDS.get(row.name, Kind.OTHER)
        elif row.extension == "citext" and row.name == "citext":
            kind = Kind.TEXT
        limit = length - 4 if row.name in ("varchar", "bpchar") and length > 4 else None
        return PgType(
            native=native,
            kind=kind,
            length=NAME_LENGTH if row.name == "name" else limit,
            bits=BITS.get(row.name) if kind is Kind.INTEGER else None,
            base=row.name if row.schema == "pg_catalog" or row.extension == "citext" else row.shown,
            modifier=length,
            portable=self.portable(oid),
            collation=collation,
            needs=tuple({definition.name: definition for definition in self.needed(oid)}.values()),
            labels=tuple(row.parts) if row.kind == "e" else (),
        )

    def nullable(self, oid: int) -> bool:
        """False for a domain that is NOT NULL itself or by the domain under it."""
        row = self.rows[oid]
        return row.kind != "d" or (not row.not_null and self.nullable(row.base))

    def portable(self, oid: int) -> bool:
        row = self.rows[oid]
        if row.alias or not row.binary or row.name == EMPTY_REFUSED:
            return False
        if row.kind == "d":
            return self.portable(row.base)
        if row.element:
            return row.element < PINNED and self.portable(row.element)
        inside = all(self.portable(part) for part in row.part_types)
        return inside and (row.kind != "c" or all(part < PINNED for part in row.part_types))

    def needed(self, oid: int) -> Iterator[TypeDefinition]:
        """The user-defined types in this type, inner ones first."""
        row = self.rows.get(oid)
        if row is None or row.schema == "pg_catalog":
            if row and row.element and row.element >= PINNED:
                yield from self.needed(row.element)
            return
        if row.extension:
            yield TypeDefinition(row.shown, row.schema, None, row.extension)
            return
        for inner in (row.element, row.base, *row.part_types):
            if inner:
                yield from self.needed(inner)
        if not row.element and row.kind != "m":  # an array or a multirange is made with its element or range
            yield TypeDefinition(row.shown, row.schema, statement(row))


def statement(row: TypeRow) -> str | None:
    """What creates the type."""
    inside = ", ".join(part for part in row.parts if part)
    if row.kind == "e":
        return f"CREATE TYPE {row.shown} AS ENUM ({', '.join(map(literal, row.parts))})"
    if row.kind == "c":
        return f"CREATE TYPE {row.shown} AS ({inside})"
    if row.kind == "r" and all(row.parts):
        return f"CREATE TYPE {row.shown} AS RANGE ({inside})"
    if row.kind != "d":
        return None
    collation = f" COLLATE {row.collation}" if row.collation else ""
    default = f" DEFAULT {row.default}" if row.default else ""
    words = [f"CREATE DOMAIN {row.shown} AS {row.base_shown}{collation}{default}", *row.parts]
    return " ".join([*words, "NOT NULL"] if row.not_null else words)


def literal(text: str) -> str:
    """A text in SQL, whatever `standard_conforming_strings` says."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'" if "\\" in text else f"'{escaped}'"


def load(connection: Connection) -> Types:
    """All types of the database. The session's search_path must be empty, so that every foreign name is qualified."""
    rows: list[tuple[Any, ...]] = connection.execute(ROWS.encode()).fetchall()
    return Types({row[0]: TypeRow(*row) for row in rows})
