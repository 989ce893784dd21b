"""Keys, indexes and checks of a table as the neutral schema has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from connectors.postgresql.objects_sql import OURS
from connectors.schema import Action, Check, ForeignKey, Index, IndexPart, Key, Table, TableName

INDEXES = f"""
SELECT i.indrelid::bigint, x.relname, i.indisprimary, i.indisunique, (i.indkey::int2[])[0:i.indnkeyatts - 1]::int4[],
  (i.indkey::int2[])[i.indnkeyatts:]::int4[], i.indpred IS NULL AND i.indexprs IS NULL,
  CASE WHEN i.indexprs IS NOT NULL THEN
    array(SELECT DISTINCT d.refobjsubid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
      AND d.objid = i.indexrelid AND d.refobjid = i.indrelid AND d.refobjsubid > 0) ELSE '{{}}' END,
  CASE WHEN i.indexprs IS NOT NULL THEN
    array(SELECT pg_get_indexdef(x.oid, n, false) FROM generate_series(1, i.indnkeyatts) n ORDER BY n) ELSE '{{}}' END,
  array(SELECT u.bits & 1 = 1 FROM unnest(i.indoption::int2[]) WITH ORDINALITY u (bits, n) ORDER BY u.n),
  pg_get_expr(i.indpred, i.indrelid), nullif(m.amname, 'btree'), k.contype::text,
  CASE WHEN k.condeferrable THEN ' DEFERRABLE' || CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END END
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisvalid AND c.relkind IN ('r', 'p') AND {OURS} ORDER BY i.indrelid, i.indexrelid
"""
FOREIGN_KEYS = f"""
SELECT k.conrelid::bigint, k.conname, r.relname, rn.nspname,
  array(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u (num, ord)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.ord),
  array(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u (num, ord)
    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num ORDER BY u.ord),
  k.confdeltype::text, k.confupdtype::text, k.condeferrable, k.condeferred, k.convalidated
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND {OURS} ORDER BY k.conrelid, k.conname
"""
CHECKS = f"""
SELECT k.conrelid::bigint, k.conname, pg_get_expr(k.conbin, k.conrelid), k.convalidated
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'c' AND c.relkind IN ('r', 'p') AND {OURS} ORDER BY k.conrelid, k.conname
"""
ACTIONS: Mapping[str, Action] = {
    "a": "NO ACTION",
    "r": "RESTRICT",
    "c": "CASCADE",
    "n": "SET NULL",
    "d": "SET DEFAULT",
}


@dataclass(frozen=True)
class IndexRow:
    """One row of INDEXES; columns are numbers, 0 is an expression."""

    relation: int
    name: str
    primary: bool
    unique: bool
    keys: Sequence[int]
    include: Sequence[int]
    plain: bool
    used: Sequence[int]
    """Of an index with expressions: the columns in it."""
    texts: Sequence[str]
    descending: Sequence[bool]
    where: str | None
    method: str | None
    constraint: str | None
    deferred: str | None


def with_keys(
    table: Table,
    numbered: Mapping[int, str],
    indexes: Sequence[tuple[Any, ...]],
    foreign: Sequence[tuple[Any, ...]],
    checks: Sequence[tuple[Any, ...]],
) -> tuple[Table, str]:
    """The table with its keys, and when its primary key is checked."""
    rows = [IndexRow(*row) for row in indexes]
    primary = next((row for row in rows if row.primary), None)
    found = replace(
        table,
        primary_key=unique_columns(primary, numbered) if primary else (),
        uniques=tuple(uniques(rows, numbered)),
        indexes=tuple(index(row, numbered) for row in rows if not row.primary and row.constraint != "x"),
        foreign_keys=tuple(foreign_key(table.name, *row[1:]) for row in foreign),
        checks=tuple(Check(*row[1:]) for row in checks),
    )
    return found, (primary.deferred or "") if primary else ""


def unique_columns(row: IndexRow, numbered: Mapping[int, str]) -> tuple[str, ...]:
    columns = [numbered[number] for number in row.keys if number]
    return tuple(dict.fromkeys([*columns, *(numbered[number] for number in row.used)]))


def uniques(rows: Sequence[IndexRow], numbered: Mapping[int, str]) -> Iterator[Key]:
    for row in rows:
        columns = unique_columns(row, numbered)
        if row.unique and not row.primary and columns:
            yield Key(columns, row.plain)


def index(row: IndexRow, numbered: Mapping[int, str]) -> Index:
    return Index(
        name=row.name,
        parts=tuple(
            IndexPart(numbered[number] if number else None, None if number else row.texts[place], descending)
            for place, (number, descending) in enumerate(zip(row.keys, row.descending, strict=False))
        ),
        unique=row.unique,
        constraint=row.constraint == "u",
        where=row.where,
        include=tuple(numbered[number] for number in row.include),
        method=row.method,
    )


def foreign_key(
    table: TableName,
    name: str,
    referenced: str,
    schema: str,
    columns: Sequence[str],
    referenced_columns: Sequence[str],
    on_delete: str,
    on_update: str,
    deferrable: bool,
    deferred: bool,
    proven: bool,
) -> ForeignKey:
    waits: Literal["", "immediate", "deferred"] = "deferred" if deferred else "immediate" if deferrable else ""
    return ForeignKey(
        name,
        table,
        tuple(columns),
        TableName(schema, referenced),
        tuple(referenced_columns),
        ACTIONS[on_delete],
        ACTIONS[on_update],
        waits,
        proven,
    )
