"""What a database consists of, as questions to its catalog: one for each sort of object, none for each object.

They are asked with an empty search_path, so that the server's own texts come out qualified. Objects of extensions belong
to those; what the server makes along with something else (a partition's part of an index or key) is not asked for.
"""

from __future__ import annotations

OURS = "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_dbagent')"

MEMBERS = """
SELECT d.classid::regclass::text, d.objid::bigint FROM pg_depend d WHERE d.deptype = 'e'
  AND d.classid IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_namespace'::regclass)
"""
"""What came with an extension."""

SCHEMAS = f"SELECT n.oid::bigint, n.nspname FROM pg_namespace n WHERE {OURS} ORDER BY n.nspname"

TYPES = f"""
SELECT t.oid::bigint, n.nspname, t.typname, coalesce(c.oid, 0)::bigint FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typtype IN ('e', 'd', 'c', 'r', 'b') AND coalesce(c.relkind, 'c') = 'c'
  AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid) AND {OURS} ORDER BY n.nspname, t.typname
"""

RELATIONS = f"""
SELECT c.oid::bigint, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname), c.relkind::text,
  c.relpersistence = 'u', coalesce(array_to_string(c.reloptions || array(SELECT 'toast.' || o
    FROM pg_class s, unnest(s.reloptions) o WHERE s.oid = c.reltoastrelid), ', '), ''),
  CASE WHEN c.relkind = 'r' AND m.amname <> 'heap' THEN m.amname END,
  CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
  CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END,
  array(SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid ORDER BY i.inhseqno),
  CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END, c.relispopulated,
  array(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND c.relkind IN ('v', 'm') AND a.attnum > 0
    ORDER BY a.attnum),
  array(SELECT concat_ws(' ', format_type(a.atttypid, a.atttypmod), nullif(a.attcollation, 0)) FROM pg_attribute a
    WHERE a.attrelid = c.oid AND c.relkind IN ('v', 'm') AND a.attnum > 0 ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am m ON m.oid = c.relam
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relpersistence <> 't' AND {OURS} ORDER BY n.nspname, c.relname
"""

OPTIONS = """array_to_string(array(SELECT o FROM unnest(a.attoptions) WITH ORDINALITY AS x(o, place)
    WHERE left(o, 3) <> 'pg_' ORDER BY place), ', ')"""
"""Those that somebody has set. What begins with `pg_` is the server's own mark: versions since 15.20 give each column a
`pg_attver`, another one in every table."""

COLUMNS = f"""
SELECT a.attrelid::bigint, a.attname, a.attnum, a.atttypid::bigint, format_type(a.atttypid, a.atttypmod), a.attnotnull,
  a.attidentity::text, a.attgenerated::text, pg_get_expr(f.adbin, f.adrelid),
  CASE WHEN a.attcollation <> t.typcollation THEN format('%I.%I', ln.nspname, l.collname) END,
  CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
    WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
  {{compression}}, coalesce(a.attstattarget, -1), {OPTIONS},
  array(SELECT d.refobjid::bigint FROM pg_depend d WHERE d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> a.attrelid ORDER BY 1)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {OURS}
ORDER BY a.attrelid, a.attnum
"""

COMPRESSIONS = "CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END"
COMPRESSES = 140_000
"""The first version whose columns say how they are compressed."""


def columns(version: int) -> str:
    """COLUMNS for a server of that version."""
    return COLUMNS.format(compression=COMPRESSIONS if version >= COMPRESSES else "NULL::text")


SEQUENCES = f"""
SELECT c.oid::bigint, n.nspname, c.relname, format_type(q.seqtypid, NULL), q.seqstart, q.seqincrement, q.seqmin, q.seqmax,
  q.seqcache, q.seqcycle, CASE WHEN has_sequence_privilege(c.oid, 'SELECT, USAGE')
    AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery()) THEN pg_sequence_last_value(c.oid) END,
  d.deptype::text, d.refobjid::bigint, d.refobjsubid
FROM pg_class c JOIN pg_sequence q ON q.seqrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
  AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
WHERE c.relpersistence <> 't' AND {OURS} ORDER BY n.nspname, c.relname
"""

INDEXES = f"""
SELECT x.oid::bigint, i.indrelid::bigint, x.relname, i.indisunique, i.indisvalid, x.relkind = 'I',
  substr(pg_get_indexdef(x.oid), length(format('CREATE %sINDEX %I ON %s%I.%I ',
    CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, x.relname, CASE x.relkind WHEN 'I' THEN 'ONLY ' ELSE '' END,
    n.nspname, c.relname)) + 1),
  coalesce(array_to_string(x.reloptions, ', '), ''), i.indexprs IS NOT NULL OR i.indpred IS NOT NULL,
  (SELECT min(k.oid)::bigint FROM pg_constraint k WHERE k.conindid = x.oid AND k.contype IN ('p', 'u', 'x'))
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND {OURS}
  AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = x.oid) ORDER BY n.nspname, c.relname, x.relname
"""

CONSTRAINTS = f"""
SELECT k.oid::bigint, k.conrelid::bigint, k.conname, k.contype::text, pg_get_constraintdef(k.oid), k.condeferrable,
  k.condeferred, k.confrelid::bigint, k.conindid::bigint
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype IN ('p', 'u', 'x', 'c', 'f') AND k.conparentid = 0 AND c.relkind IN ('r', 'p')
  AND c.relpersistence <> 't' AND (k.conislocal OR NOT c.relispartition) AND {OURS}
ORDER BY n.nspname, c.relname, k.conname
"""

STATISTICS = f"""
SELECT s.oid::bigint, s.stxrelid::bigint, n.nspname, s.stxname, pg_get_statisticsobjdef(s.oid)
FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
WHERE {OURS} ORDER BY n.nspname, s.stxname
"""

COMMENTS = """
SELECT d.classoid::regclass::text, d.objoid::bigint, d.objsubid, a.attname, d.description
FROM pg_description d LEFT JOIN pg_attribute a
  ON d.classoid = 'pg_class'::regclass AND d.objsubid > 0 AND a.attrelid = d.objoid AND a.attnum = d.objsubid
WHERE d.classoid IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_namespace'::regclass, 'pg_type'::regclass,
  'pg_statistic_ext'::regclass)
"""

VIEW_NEEDS = f"""
SELECT DISTINCT r.ev_class::bigint, d.refobjid::bigint FROM pg_rewrite r JOIN pg_depend d
  ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND d.refobjid <> r.ev_class AND {OURS} ORDER BY 1, 2
"""

USES = """
SELECT DISTINCT CASE WHEN k.contypid <> 0 THEN 'pg_type' WHEN k.oid IS NOT NULL THEN 'pg_constraint' ELSE 'pg_class' END,
  coalesce(f.adrelid, w.ev_class, nullif(k.contypid, 0), d.objid)::bigint, a.attname,
  CASE WHEN x.oid IS NOT NULL THEN 'extension' WHEN p.prokind = 'p' THEN 'procedure' WHEN p.prokind = 'a' THEN 'aggregate'
    WHEN p.oid IS NOT NULL THEN 'function' WHEN o.oid IS NOT NULL THEN 'operator' ELSE 'collation' END,
  coalesce(quote_ident(x.extname), p.oid::regprocedure::text, o.oid::regoperator::text,
    format('%I.%I', ln.nspname, l.collname))
FROM pg_depend d LEFT JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
LEFT JOIN pg_collation l ON d.refclassid = 'pg_collation'::regclass AND l.oid = d.refobjid
LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
LEFT JOIN pg_depend e ON e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'
LEFT JOIN pg_extension x ON x.oid = e.refobjid
LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
LEFT JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
WHERE d.deptype = 'n' AND d.objsubid = 0 AND d.refobjid >= 16384
  AND d.classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_class'::regclass, 'pg_rewrite'::regclass)
  AND (coalesce(p.oid, o.oid, l.oid) IS NOT NULL OR (x.oid IS NOT NULL AND d.refclassid = 'pg_opclass'::regclass))
ORDER BY 1, 2, 3, 4, 5
"""
"""Which functions, operators and collations stand in an object's expressions, and whose column's default that is."""

LEFT = f"""
WITH own (oid, nspname) AS (SELECT n.oid, n.nspname FROM pg_namespace n WHERE {OURS}),
bound (class, oid) AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
  OR (deptype = 'i' AND classid = 'pg_proc'::regclass)),
relation (oid, name, kind, secured, acl, identity) AS (SELECT c.oid, format('%I.%I', o.nspname, c.relname), c.relkind,
    c.relrowsecurity, c.relacl, c.relreplident FROM pg_class c JOIN own o ON o.oid = c.relnamespace
  WHERE c.relpersistence <> 't' AND ('pg_class'::regclass, c.oid) NOT IN (SELECT class, oid FROM bound))
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END, p.oid::regprocedure::text
  FROM pg_proc p JOIN own o ON o.oid = p.pronamespace
  WHERE ('pg_proc'::regclass, p.oid) NOT IN (SELECT class, oid FROM bound)
UNION ALL SELECT 'trigger', format('%I of %s', t.tgname, r.name) FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid
  WHERE NOT t.tgisinternal
UNION ALL SELECT 'rule', format('%I of %s', w.rulename, r.name) FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class
  WHERE w.rulename <> '_RETURN'
UNION ALL SELECT 'policy', format('%I of %s', p.polname, r.name) FROM pg_policy p JOIN relation r ON r.oid = p.polrelid
UNION ALL SELECT 'row security', name FROM relation WHERE secured
UNION ALL SELECT 'grants', name FROM relation WHERE acl IS NOT NULL
UNION ALL SELECT 'foreign table', name FROM relation WHERE kind = 'f'
UNION ALL SELECT 'replica identity', name FROM relation WHERE identity IN ('i', 'f', 'n') AND kind IN ('r', 'p')
UNION ALL SELECT 'inheritance', format('%s from %s', r.name, q.name) FROM pg_inherits i JOIN relation r
  ON r.oid = i.inhrelid JOIN relation q ON q.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid
  WHERE r.kind = 'r' AND NOT c.relispartition
UNION ALL SELECT 'invalid index', r.name FROM pg_index i JOIN relation r ON r.oid = i.indexrelid
  WHERE NOT i.indisvalid AND r.kind = 'i'
UNION ALL SELECT 'collation', format('%I.%I', o.nspname, l.collname) FROM pg_collation l JOIN own o
  ON o.oid = l.collnamespace WHERE ('pg_collation'::regclass, l.oid) NOT IN (SELECT class, oid FROM bound)
UNION ALL SELECT 'operator', o.oid::regoperator::text FROM pg_operator o JOIN own s ON s.oid = o.oprnamespace
  WHERE ('pg_operator'::regclass, o.oid) NOT IN (SELECT class, oid FROM bound)
UNION ALL SELECT 'extension', quote_ident(extname) FROM pg_extension WHERE extname <> 'plpgsql'
UNION ALL SELECT 'publication', quote_ident(pubname) FROM pg_publication
UNION ALL SELECT 'event trigger', quote_ident(evtname) FROM pg_event_trigger
ORDER BY 1, 2
"""
