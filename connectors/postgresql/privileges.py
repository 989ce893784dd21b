"""What our user may do to a target's schema, asked of the catalog before anything is changed.

A few questions, whatever the number of statements: who owns what they name, through which roles, and what is granted. What
the statements make on their way is ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.postgresql.demands import Demand, Kind, Name, demands, mentioned, parsed
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import sql_name
from connectors.schema import TableName, quoted

OWNER = """{0}::bigint, pg_has_role({0}, 'USAGE'), (SELECT r.rolname FROM pg_roles r WHERE r.oid = {0} AND NOT r.rolsuper
  AND left(r.rolname, 3) <> 'pg_' AND (SELECT rolinherit FROM pg_roles WHERE rolname = current_user))"""
"""Whose it is, whether we are, and who that is where membership would do."""
NAMED = "unnest(%s::text[], %s::text[]) w (s, n) JOIN pg_namespace n ON n.nspname = w.s"

OURSELVES = """
SELECT has_database_privilege(current_database(), 'CREATE'), r.oid::bigint FROM pg_roles r WHERE r.rolname = current_user
"""
SCHEMAS = f"""
SELECT nspname, {OWNER.format("nspowner")}, has_schema_privilege(oid, 'USAGE'), has_schema_privilege(oid, 'CREATE')
FROM pg_namespace
"""
RELATIONS = f"""
WITH RECURSIVE parts (top, oid, whole) AS (
  SELECT c.oid, c.oid, true FROM {NAMED} JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.n
  UNION ALL SELECT p.top, i.inhrelid, false FROM parts p JOIN pg_inherits i ON i.inhparent = p.oid
    JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition AND c.relkind IN ('r', 'p'))
SELECT n.nspname, t.relname, p.whole, tn.nspname, o.relname, CASE o.relkind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence'
    WHEN 'm' THEN 'materialized view' ELSE 'table' END,
  {OWNER.format("c.relowner")}, has_any_column_privilege(c.oid, 'SELECT'),
  array(SELECT DISTINCT format('%%I.%%I', yn.nspname, y.typname) FROM pg_attribute a JOIN pg_type x ON x.oid = a.atttypid
    JOIN pg_type y ON y.oid = CASE x.typcategory WHEN 'A' THEN nullif(x.typelem, 0) ELSE x.oid END
    JOIN pg_namespace yn ON yn.oid = y.typnamespace WHERE c.relkind = 'p' AND a.attrelid = c.oid AND a.attnum > 0
    AND NOT has_type_privilege(y.oid, 'USAGE') ORDER BY 1),
  array(SELECT a.attname::text FROM pg_attribute a WHERE c.relkind IN ('r', 'p') AND a.attrelid = c.oid AND a.attnum > 0
    AND NOT a.attisdropped AND NOT has_column_privilege(c.oid, a.attnum, 'REFERENCES'))
FROM parts p JOIN pg_class t ON t.oid = p.top JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_class c ON c.oid = p.oid
JOIN pg_class o ON o.oid = coalesce((SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = c.oid), (SELECT d.refobjid
  FROM pg_depend d WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
  AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')), c.oid)
JOIN pg_namespace tn ON tn.oid = o.relnamespace ORDER BY p.whole DESC, 4, 5
"""
"""With their partitions. An index is its table's, and so is the counter of a column."""
TYPES = f"""
SELECT n.nspname, t.typname, CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, {OWNER.format("t.typowner")},
  has_type_privilege(t.oid, 'USAGE') FROM {NAMED} JOIN pg_type t ON t.typnamespace = n.oid AND t.typname = w.n
WHERE t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')
"""
STATISTICS = f"""
SELECT n.nspname, s.stxname, {OWNER.format("s.stxowner")} FROM {NAMED} JOIN pg_statistic_ext s
  ON s.stxnamespace = n.oid AND s.stxname = w.n
"""


@dataclass(frozen=True)
class Owned:
    """One thing that is there, and what we may do with it."""

    word: str
    name: str
    """Both as SQL says them: `table`, `"s"."t"`."""
    owner: int
    ours: bool
    role: str | None
    """Its owner, where being a member of that would make it ours."""
    usable: bool = True
    """A schema may be entered, a type used, a relation read."""
    fillable: bool = True
    """Of a schema: new things may be made in it."""
    types: Sequence[str] = ()
    """Of a partitioned table: those of its columns that may not be used, as SQL calls them."""
    closed: Sequence[str] = ()
    """Of a table: columns that may not be referenced."""

    @property
    def called(self) -> str:
        return f"{self.word} {self.name}"


def forbidden(connection: Connection, works: Sequence[Sequence[str]]) -> list[list[str]]:
    names = {name for work in works for statement in work for name in mentioned(statement)}
    judge = Judge(connection, sorted(names))
    return [
        list(dict.fromkeys(why for statement in work for one in demands(statement) for why in judge.told(one)))
        for work in works
    ]


class Judge:
    """What is there and whose it is, while statements drop it and make other things, one after the other."""

    def __init__(self, connection: Connection, names: Sequence[Name]) -> None:
        listed = [[schema for schema, _ in names], [name for _, name in names]]

        def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
            return connection.execute(query.encode(), values or None).fetchall()

        self.user, self.database = quoted(connection.info.user), quoted(connection.info.dbname)
        [(self.makes_schemas, self.ourselves)] = rows(OURSELVES)
        self.made: set[tuple[Kind, Name]] = set()
        self.there: dict[tuple[Kind, Name], Owned] = {}
        self.parts: defaultdict[Name, list[Owned]] = defaultdict(list)
        for name, *rights in rows(SCHEMAS):
            self.there["schema", ("", name)] = Owned("schema", quoted(name), *rights)
        for schema, name, whole, of, table, word, owner, ours, role, reads, types, closed in rows(RELATIONS, *listed):
            named = sql_name(TableName(of, table))
            found = Owned(word, named, owner, ours, role, reads, types=types, closed=closed)
            if whole:
                self.there["relation", (schema, name)] = found
            else:
                self.parts[schema, name].append(found)
        for schema, name, word, *rights in rows(TYPES, *listed):
            self.there["type", (schema, name)] = Owned(word, sql_name(TableName(schema, name)), *rights)
        for schema, name, *rights in rows(STATISTICS, *listed):
            named = sql_name(TableName(schema, name))
            self.there["statistics", (schema, name)] = Owned("statistics", named, *rights)
        self.families: defaultdict[str, list[tuple[Kind, Name]]] = defaultdict(list)
        for key, owned in self.there.items():
            self.families[owned.name].append(key)

    def told(self, one: Demand) -> Iterator[str]:
        """What of it we may not do, when it comes to that."""
        found, key = self.there.get((one.kind, one.name)), (one.kind, one.name)
        if one.right == "make":
            yield from self._placed(one)
            self.made.add(key)
            self.there[key] = Owned(one.kind, one.name[1], self.ourselves, True, None)
        elif found is not None and key not in self.made:
            yield from self._entered(one.name[0])
            yield from self._refused(one, found)
            if one.right == "remove":
                self._removed(key, found)
        if one.right == "belong" and found is not None:
            yield from self._apart(found, self.there.get(("relation", one.other)))

    def _removed(self, key: tuple[Kind, Name], found: Owned) -> None:
        """With a table goes what is its own."""
        whole = sql_name(TableName(*key[1])) == found.name
        for gone in self.families[found.name] if whole else [key]:
            self.there.pop(gone, None)

    def _placed(self, one: Demand) -> Iterator[str]:
        """Whether something new may be made there."""
        if one.kind != "schema":
            yield from self._entered(one.name[0])
            schema = self.there.get(("schema", ("", one.name[0])))
            if schema is not None and not schema.fillable:
                yield fills(one.name[0], self.user)
        elif not self.makes_schemas:
            yield f"our user may not create schemas: GRANT CREATE ON DATABASE {self.database} TO {self.user}"

    def _entered(self, name: str) -> Iterator[str]:
        schema = self.there.get(("schema", ("", name)))
        if schema is not None and not schema.usable:
            yield enters(name, self.user)

    def _refused(self, one: Demand, found: Owned) -> Iterator[str]:
        """The same, of what was there before."""
        closed = [column for column in one.columns if column in found.closed]
        if one.right in ("own", "own all"):
            family = [found, *(self.parts[one.name] if one.right == "own all" else [])]
            yield from (self._owner(each) for each in family if not each.ours)
        elif one.right == "remove" and not found.ours:
            schema = self.there.get(("schema", ("", one.name[0])))
            if schema is None or not schema.ours:
                yield self._owner(found)
        elif one.right == "fill":
            yield from self._placed(one)
        elif one.right == "reference" and closed:
            columns = ", ".join(map(quoted, closed))
            yield f"our user may not reference {found.called}: GRANT REFERENCES ({columns}) ON {found.name} TO {self.user}"
        elif one.right == "read" and not found.usable:
            yield f"our user may not read {found.called}: GRANT SELECT ON {found.name} TO {self.user}"
        elif one.right == "use" and not found.usable:
            yield uses(found.name, self.user)
        elif one.right == "part":
            yield from (uses(type_, self.user) for type_ in found.types)

    def _apart(self, sequence: Owned, table: Owned | None) -> Iterator[str]:
        """A counter has its table's owner: both must be ours alone, where one of them is made."""
        if table is not None and table.ours and sequence.ours and table.owner != sequence.owner:
            both = "a column's counter must have its table's owner"
            yield from (f"{both}: {self._given(one)}" for one in (sequence, table) if one.owner != self.ourselves)

    def _owner(self, found: Owned) -> str:
        """Being a member of who owns it is enough, unless that is more than one would give away."""
        if found.role is None:
            return f"must be owner of {found.called}: {self._given(found)}"
        return f"must be owner of {found.called}: GRANT {quoted(found.role)} TO {self.user}"

    def _given(self, found: Owned) -> str:
        return f"ALTER {found.word.upper()} {found.name} OWNER TO {self.user}"


def fills(schema: str, user: str) -> str:
    return f"our user may not create anything in its schema: GRANT CREATE ON SCHEMA {quoted(schema)} TO {user}"


def enters(schema: str, user: str) -> str:
    return f"our user may not enter its schema: GRANT USAGE ON SCHEMA {quoted(schema)} TO {user}"


def uses(type_: str, user: str) -> str:
    """`type_`: its qualified name, in quotes or not."""
    name = sql_name(TableName(*parsed(type_)))
    return f"our user may not use type {name}: GRANT USAGE ON TYPE {name} TO {user}"
