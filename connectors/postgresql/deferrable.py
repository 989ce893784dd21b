"""DEFERRABLE unique and EXCLUDE constraints: the server checks them by triggers, which rest while foreign keys do.

A load under `session_replication_role = replica` puts twins into such a table without an error, so what the server left
unchecked is checked here, with the constraint's own index to help.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.errors import ValueRefused
from connectors.postgresql.session import Connection

CONSTRAINTS = b"""
WITH RECURSIVE family (oid) AS (SELECT to_regclass(%s)::oid UNION SELECT i.inhrelid FROM family f
  JOIN pg_inherits i ON i.inhparent = f.oid JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition)
SELECT k.conname, CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || c.oid::regclass, k.contype = 'x',
  array(SELECT pg_get_indexdef(i.indexrelid, n, false) FROM generate_series(1, i.indnkeyatts) n),
  array(SELECT format('OPERATOR(%%I.%%s)', s.nspname, o.oprname) FROM unnest(k.conexclop) WITH ORDINALITY u (oid, n)
    JOIN pg_operator o ON o.oid = u.oid JOIN pg_namespace s ON s.oid = o.oprnamespace ORDER BY u.n),
  coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'), coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false)
FROM family f JOIN pg_constraint k ON k.conrelid = f.oid JOIN pg_class c ON c.oid = f.oid
JOIN pg_index i ON i.indexrelid = k.conindid
WHERE k.contype IN ('p', 'u', 'x') AND k.condeferrable AND k.conparentid = 0 ORDER BY k.conname
"""


def check(connection: Connection, table: str) -> None:
    """Raises ValueRefused where rows of `table` (a name in SQL) break a constraint that the load did not check."""
    for constraint, query in twins(connection, table):
        if connection.execute(query.encode()).fetchall()[0][0]:
            raise ValueRefused(
                f"rows of {table} break its DEFERRABLE constraint {constraint}",
                todo="change the source's rows or the constraint of the target, then resume",
            )


def twins(connection: Connection, table: str) -> Iterator[tuple[str, str]]:
    """Each deferrable constraint with the question whether there are rows it should have refused."""
    for name, relation, exclusion, keys, operators, predicate, nulls_too in connection.execute(
        CONSTRAINTS, [table]
    ).fetchall():
        if exclusion:
            shown = ", ".join(f"({key}) AS k{n}" for n, key in enumerate(keys))
            meet = " AND ".join(f"a.k{n} {operator} b.k{n}" for n, operator in enumerate(operators))
            rows = f"(SELECT tableoid AS part, ctid AS place, {shown} FROM {relation} WHERE {predicate})"
            yield (
                name,
                f"SELECT EXISTS (SELECT FROM {rows} a JOIN {rows} b ON {meet} AND (a.part, a.place) <> (b.part, b.place))",
            )
        else:
            given = "true" if nulls_too else " AND ".join(f"{key} IS NOT NULL" for key in keys)
            yield (
                name,
                f"SELECT EXISTS (SELECT FROM {relation} WHERE {given} GROUP BY {', '.join(keys)} HAVING count(*) > 1)",
            )
