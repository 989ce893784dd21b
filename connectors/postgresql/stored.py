"""Materialized views over tables that rows come to: they show what was there when they were last refreshed."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.objects import ObjectId, ObjectKind, Step, Stored
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import sql_name
from connectors.schema import TableName

STORED = b"""
WITH RECURSIVE made (oid, place, depth) AS (
  SELECT c.oid, u.place, 0 FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY u (schema, name, place)
    JOIN pg_namespace s ON s.nspname = u.schema JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = u.name
  UNION SELECT below.oid, m.place, m.depth + below.step FROM made m, LATERAL (
    SELECT h.inhrelid, 0 FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid AND c.relispartition WHERE h.inhparent = m.oid
    UNION ALL SELECT h.inhparent, 0 FROM pg_inherits h WHERE h.inhrelid = m.oid
    UNION ALL SELECT r.ev_class, 1 FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
      WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid
        AND r.ev_class <> m.oid AND r.ev_type = '1') below (oid, step))
SELECT n.nspname, c.relname, min(m.place)::int, CASE WHEN current_setting('server_version_num')::int < 170000
  THEN pg_has_role(c.relowner, 'USAGE') ELSE has_table_privilege(c.oid, 'MAINTAIN') END
FROM made m JOIN pg_class c ON c.oid = m.oid AND c.relkind = 'm' AND c.relispopulated
JOIN pg_namespace n ON n.oid = c.relnamespace
GROUP BY n.nspname, c.relname, c.oid, c.relowner ORDER BY max(m.depth), n.nspname, c.relname
"""
"""Those over others after these. A partition's rows are its parent's, and the other way round. Only what a view says leads
on: other rules may lead in a circle."""

REFRESH = "REFRESH MATERIALIZED VIEW "


def stored(connection: Connection, names: Sequence[TableName]) -> list[Stored]:
    listed = [[name.schema or "public" for name in names], [name.name for name in names]]
    found = connection.execute(STORED, listed).fetchall()
    return [
        Stored(_step(TableName(schema, name), names[place - 1]), ours=bool(ours)) for schema, name, place, ours in found
    ]


def _step(view: TableName, table: TableName) -> Step:
    return Step(ObjectId(ObjectKind.VIEW, None, str(view)), table, (), (f"{REFRESH}{sql_name(view)}",))


def refreshes(step: Step) -> bool:
    """Whether it fills a view that is there, and makes none."""
    return all(statement.startswith(REFRESH) for statement in step.restore)
