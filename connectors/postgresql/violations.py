"""Rows that break a constraint: how many, and the query that shows them.

The constraint itself is not there, or was never proven, so the question is made from the statement that declares it. Which
columns and operators a key goes by, an empty temporary copy of the table tells, with the same key, in a transaction that
is rolled back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.errors import Unsupported
from connectors.postgresql.catalog import unqualified
from connectors.postgresql.definitions import QUALIFIED, WORD, split_names
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import sql_name
from connectors.schema import TableName

NAMES = rf"{WORD}(?:, {WORD})*"
ADDED = rf"ALTER TABLE {QUALIFIED} ADD CONSTRAINT {WORD}"
"""Read from its start: a name may hold any words."""
REFERENCES = re.compile(rf"{ADDED} FOREIGN KEY \(({NAMES})\) REFERENCES ({QUALIFIED}) ?\(({NAMES})\)( MATCH FULL)?")
CHECKED = re.compile(rf"{ADDED} CHECK (\((?s:.)+\))")
COPY = "pg_temp._dbagent_copy"
KEY = f"""
SELECT array(SELECT pg_get_indexdef(i.indexrelid, n, false) FROM generate_series(1, i.indnkeyatts) n),
  array(SELECT format('OPERATOR(%I.%s)', s.nspname, o.oprname) FROM unnest(k.conexclop) WITH ORDINALITY u (oid, n)
    JOIN pg_operator o ON o.oid = u.oid JOIN pg_namespace s ON s.oid = o.oprnamespace ORDER BY u.n),
  coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'), coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false)
FROM pg_index i LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype = 'x'
WHERE i.indrelid = '{COPY}'::regclass
"""


@dataclass(frozen=True)
class Violations:
    """How many, and how a person sees them; the query holds no value of a row."""

    count: int = 0
    query: str = ""


NONE = Violations()


def own(connection: Connection, name: str) -> str:
    """A table (as SQL names it) in a FROM: without the rows of those that inherit from it, with all partitions."""
    found = connection.execute(b"SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", [name]).fetchall()
    return name if found and found[0][0] == "p" else f"ONLY {name}"


def orphans(connection: Connection, table: TableName, statement: str) -> Violations:
    """Rows whose foreign key, as `statement` declares it, leads nowhere."""
    match = REFERENCES.match(statement)
    if match is None:
        raise unread(table)
    pairs = list(zip(split_names(match[1]), split_names(match[3]), strict=True))
    given = [f"c.{column} IS NOT NULL" for column, _ in pairs]
    same = " AND ".join(f"p.{other} = c.{column}" for column, other in pairs)
    missing = f"NOT EXISTS (SELECT FROM {own(connection, match[2])} p WHERE {same})"
    if match[4]:
        broken = f"({' OR '.join(given)}) AND (NOT ({' AND '.join(given)}) OR {missing})"
    else:
        broken = f"{' AND '.join(given)} AND {missing}"
    return counted(connection, f"SELECT c.* FROM {own(connection, sql_name(table))} c WHERE {broken}")


def unread(table: TableName) -> Unsupported:
    """What cannot be asked is not proven."""
    what = "a constraint of this form is not known here: whether rows break it cannot be told"
    return Unsupported(what, where=str(table), todo="validate it by hand")


def failing(connection: Connection, table: TableName, statement: str) -> Violations:
    """Rows that a check, as `statement` declares it, refuses."""
    match = CHECKED.match(statement)
    if match is None:
        raise unread(table)
    return counted(connection, f"SELECT * FROM {own(connection, sql_name(table))} WHERE {match[1]} IS FALSE")


def twins(connection: Connection, table: TableName, statement: str) -> Violations:
    """Groups of rows that a unique index or key, as `statement` makes it, takes for one; of an exclusion, pairs."""
    name = sql_name(table)
    relation = own(connection, name)
    with unqualified(connection):
        connection.execute(f"CREATE TEMP TABLE {COPY.partition('.')[2]} (LIKE {name})".encode())
        connection.execute(statement.replace(name, COPY, 1).encode())
        [(keys, operators, where, nulls_too)] = connection.execute(KEY.encode()).fetchall()
        if operators:
            query = meeting(relation, keys, operators, where)
        else:
            given = [] if nulls_too else [f"{key} IS NOT NULL" for key in keys]
            wanted = " AND ".join([*given, *([] if where == "true" else [where])]) or "true"
            listed = ", ".join(keys)
            query = f"SELECT {listed}, count(*) FROM {relation} WHERE {wanted} GROUP BY {listed} HAVING count(*) > 1"
    return counted(connection, query)


def meeting(relation: str, keys: list[str], operators: list[str], where: str) -> str:
    shown = ", ".join(f"({key}) AS k{n}" for n, key in enumerate(keys))
    rows = f"(SELECT tableoid AS part, ctid AS place, {shown} FROM {relation} WHERE {where})"
    meet = " AND ".join(f"a.k{n} {operator} b.k{n}" for n, operator in enumerate(operators))
    return f"SELECT * FROM {rows} a JOIN {rows} b ON {meet} AND (a.part, a.place) < (b.part, b.place)"


def counted(connection: Connection, query: str) -> Violations:
    with unqualified(connection):
        count = int(connection.execute(f"SELECT count(*) FROM ({query}) broken".encode()).fetchall()[0][0])
    return Violations(count, query if count else "")
