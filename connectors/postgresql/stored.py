"""Materialized views over tables that rows come to: they show what was there when they were last refreshed."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.objects import ObjectId, ObjectKind, Step, Stored
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import sql_name
from connectors.schema import TableName

STORED = b"""
WITH RECURSIVE made (oid, place, depth) AS (
  SELECT to_regclass(name)::oid, place, 0 FROM unnest(%s::text[]) WITH ORDINALITY named (name, place)
  UNION SELECT below.oid, m.place, m.depth + below.step FROM made m, LATERAL (
    SELECT h.inhrelid, 0 FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid AND c.relispartition WHERE h.inhparent = m.oid
    UNION ALL SELECT h.inhparent, 0 FROM pg_inherits h WHERE h.inhrelid = m.oid
    UNION ALL SELECT r.ev_class, 1 FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
      WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid
        AND r.ev_class <> m.oid) below (oid, step))
SELECT n.nspname, c.relname, min(m.place)::int, pg_has_role(c.relowner, 'USAGE')
FROM made m JOIN pg_class c ON c.oid = m.oid AND c.relkind = 'm' AND c.relispopulated
JOIN pg_namespace n ON n.oid = c.relnamespace
GROUP BY n.nspname, c.relname, c.relowner ORDER BY max(m.depth), n.nspname, c.relname
"""
"""Those over others after these. A partition's rows are its parent's, and the other way round."""

REFRESH = "REFRESH MATERIALIZED VIEW "


def stored(connection: Connection, names: Sequence[TableName]) -> list[Stored]:
    found = connection.execute(STORED, [[sql_name(name) for name in names]]).fetchall()
    return [
        Stored(_step(TableName(schema, name), names[place - 1]), ours=bool(ours)) for schema, name, place, ours in found
    ]


def _step(view: TableName, table: TableName) -> Step:
    return Step(ObjectId(ObjectKind.VIEW, None, str(view)), table, (), (f"{REFRESH}{sql_name(view)}",))


def refreshes(step: Step) -> bool:
    """Whether it fills a view that is there, and makes none."""
    return all(statement.startswith(REFRESH) for statement in step.restore)
