"""What of some tables can wait while rows come, as questions to the catalog.

Of each table and its partitions: secondary indexes that are no keys, foreign keys out of them, triggers that would fire.
Only what the tables' owner may drop and make again, and nothing that would not come back as it was: an index that rows
are ordered by, that has a tablespace or statistics of its own, that replication or another object hangs on; a foreign key
whose checks somebody has turned off.
"""

from __future__ import annotations

FAMILY = """
WITH RECURSIVE family (root, oid, depth) AS (SELECT u.n, c.oid, 0
    FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY u (schema, name, n) JOIN pg_namespace s ON s.nspname = u.schema
    JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = u.name
  UNION ALL SELECT f.root, i.inhrelid, f.depth + 1 FROM family f JOIN pg_inherits i ON i.inhparent = f.oid
    JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition),
owned (root, oid, depth, nspname, relname, relkind, makes) AS (
  SELECT f.root, c.oid, f.depth, n.nspname, c.relname, c.relkind, has_schema_privilege(n.oid, 'CREATE')
  FROM family f JOIN pg_class c ON c.oid = f.oid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE pg_has_role(c.relowner, 'USAGE'))
"""

INDEXES = (
    FAMILY
    + """
, tree (root, top, oid, depth) AS (
  SELECT o.root, i.indexrelid, i.indexrelid, 0 FROM owned o JOIN pg_index i ON i.indrelid = o.oid
    WHERE o.makes AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
  UNION ALL SELECT t.root, t.top, h.inhrelid, t.depth + 1 FROM tree t JOIN pg_inherits h ON h.inhparent = t.oid),
kept (oid) AS (SELECT i.indexrelid FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
  WHERE i.indisunique OR i.indisexclusion OR i.indisreplident OR i.indisclustered OR NOT i.indisvalid
    OR x.reltablespace <> 0
    OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.oid AND coalesce(a.attstattarget, -1) >= 0)
    OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid AND d.deptype = 'e')
    OR EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = x.oid
      AND d.deptype IN ('n', 'i')))
SELECT t.root::int, t.top::bigint, t.oid = t.top, n.nspname, c.relname, x.relname,
  substr(pg_get_indexdef(x.oid), length(format('CREATE INDEX %%I ON %%s%%I.%%I ', x.relname,
    CASE x.relkind WHEN 'I' THEN 'ONLY ' ELSE '' END, n.nspname, c.relname)) + 1), obj_description(x.oid, 'pg_class')
FROM tree t JOIN pg_index i ON i.indexrelid = t.oid JOIN pg_class x ON x.oid = t.oid JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT EXISTS (SELECT FROM tree s WHERE s.top = t.top AND s.oid IN (SELECT oid FROM kept))
ORDER BY t.root, t.top, t.depth DESC, x.relname
"""
)
"""Deepest first: an index over partitions takes those of the partitions that are there."""

FOREIGN_KEYS = (
    FAMILY
    + """
SELECT o.root::int, o.nspname, o.relname, k.conname, pg_get_constraintdef(k.oid), o.relkind = 'p',
  obj_description(k.oid, 'pg_constraint')
FROM owned o JOIN pg_constraint k ON k.conrelid = o.oid AND k.contype = 'f' AND k.conparentid = 0
WHERE (SELECT bool_and(has_column_privilege(k.confrelid, c.num, 'REFERENCES')) FROM unnest(k.confkey) c (num))
  AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgenabled <> 'O')
ORDER BY o.root, o.depth, o.relname, k.conname
"""
)

TRIGGERS = (
    FAMILY
    + """
SELECT o.root::int, o.nspname, o.relname, t.tgname, t.tgenabled::text
FROM owned o JOIN pg_trigger t ON t.tgrelid = o.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
ORDER BY o.root, o.depth, o.relname, t.tgname
"""
)
"""Parents first: what is said of a partitioned table's trigger reaches its partitions', which are then said on their own."""

MEMORY = """
SELECT set_config('maintenance_work_mem', '256MB', false) FROM pg_settings
WHERE name = 'maintenance_work_mem' AND setting::bigint < 262144
"""
"""For sorting an index and for proving a key; a server that gives more is left alone."""

IN_PLACE = "SET LOCAL default_tablespace = ''"
"""What was in the database's own tablespace comes back there, wherever our user makes new things."""

INDEX_STATE = "SELECT i.indisvalid FROM pg_index i WHERE i.indexrelid = to_regclass(%s)"
CONSTRAINT_STATE = "SELECT k.convalidated FROM pg_constraint k WHERE k.conrelid = to_regclass(%s) AND k.conname = %s"
TRIGGER_STATE = """
SELECT t.tgenabled <> 'D' FROM pg_trigger t WHERE t.tgrelid = to_regclass(%s) AND t.tgname = %s AND NOT t.tgisinternal
"""
STATISTICS_STATE = """
SELECT n.nspname, s.stxname FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
WHERE s.stxrelid = to_regclass(%s)
"""
RELATION_STATE = "SELECT true WHERE to_regclass(%s) IS NOT NULL"
