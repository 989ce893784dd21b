"""The catalog of a database as the neutral schema.

Everything is read by ordinary queries, so inside the source's snapshot it is the catalog of that moment. `search_path`
is empty meanwhile: type names and expressions come out qualified.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from connectors.postgresql import types
from connectors.postgresql.letter_case import LetterCase
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import Leaf
from connectors.schema import Column, ForeignKey, Key, Schema, Table, TableName

OURS = "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_dbagent')"
OTHER = {"v": "view", "m": "materialized view", "f": "foreign table"}

RELATIONS = f"""
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text, c.relispartition, c.relpersistence = 'u', c.relrowsecurity,
  c.reltuples::float8, c.relpages,
  CASE WHEN c.relkind = 'r' THEN coalesce(pg_relation_size(c.oid) / current_setting('block_size')::int, 0) ELSE 0 END,
  CASE WHEN c.relkind = 'r' THEN coalesce(pg_table_size(c.oid), 0) ELSE 0 END,
  array(SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid),
  has_schema_privilege(n.oid, 'USAGE') AND (has_table_privilege(c.oid, 'SELECT') OR NOT EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = '' AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT'))), x.extname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
LEFT JOIN pg_extension x ON x.oid = d.refobjid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND {OURS} ORDER BY c.oid
"""
COLUMNS = f"""
SELECT a.attrelid::bigint, a.attnum, a.attname, a.atttypid::bigint, a.atttypmod, format_type(a.atttypid, a.atttypmod),
  a.attnotnull, a.attidentity::text, a.attgenerated::text, pg_get_expr(f.adbin, f.adrelid),
  CASE WHEN a.attcollation <> t.typcollation THEN quote_ident(ln.nspname) || '.' || quote_ident(l.collname) END,
  coalesce(l.collisdeterministic, true),
  EXISTS (SELECT FROM pg_depend s JOIN pg_class q ON q.oid = s.refobjid AND q.relkind = 'S'
    WHERE s.classid = 'pg_attrdef'::regclass AND s.objid = f.oid AND s.refclassid = 'pg_class'::regclass)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND {OURS} ORDER BY a.attrelid, a.attnum
"""
INDEXES = f"""
SELECT i.indrelid::bigint, i.indisprimary, (i.indkey::int2[])[0:i.indnkeyatts - 1]::int4[],
  i.indpred IS NULL AND i.indexprs IS NULL, CASE WHEN i.indexprs IS NOT NULL THEN
    array(SELECT DISTINCT d.refobjsubid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
      AND d.objid = i.indexrelid AND d.refobjid = i.indrelid AND d.refobjsubid > 0) ELSE '{{}}' END,
  CASE WHEN k.condeferrable THEN ' DEFERRABLE' || CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END END
FROM pg_index i LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype = 'p'
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisunique AND i.indisvalid AND c.relkind IN ('r', 'p') AND {OURS} ORDER BY i.indrelid, i.indexrelid
"""
FOREIGN_KEYS = f"""
SELECT k.conrelid::bigint, k.conname, k.confrelid::bigint, r.relname, rn.nspname,
  array(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u (num, ord)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.ord),
  array(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u (num, ord)
    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num ORDER BY u.ord)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND {OURS} ORDER BY k.conrelid, k.conname
"""
HOOKS = """
SELECT tgrelid::bigint, 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'
UNION ALL SELECT ev_class::bigint, 'rule ' || rulename FROM pg_rewrite
WHERE rulename <> '_RETURN' AND ev_enabled <> 'D' ORDER BY 1, 2
"""
LARGE_OBJECTS = "SELECT EXISTS (SELECT FROM pg_largeobject_metadata)"


@dataclass(frozen=True)
class Detail:
    """What this engine remembers of a table."""

    oid: int
    partitioned: bool
    leaves: tuple[Leaf, ...]
    unreadable: tuple[TableName, ...] = ()
    """The leaves (or the table itself) that the user may not read."""
    expressions: tuple[tuple[str, str], ...] = ()
    """Generated columns and how each is computed: `(price * 2) STORED`."""
    defaults: frozenset[str] = frozenset()
    """Columns the database can fill by itself."""
    primary: str = ""
    """When the primary key is checked, where it may be deferred: ` DEFERRABLE INITIALLY DEFERRED`."""

    def for_tasks(self) -> None:
        """Nothing: a chunk names its leaf."""


@dataclass(frozen=True)
class Relation:
    """One row of RELATIONS."""

    oid: int
    schema: str
    relname: str
    kind: str
    partition: bool
    unlogged: bool
    secured: bool
    tuples: float
    pages: int
    blocks: int
    bytes: int
    parents: list[int]
    readable: bool
    extension: str | None

    @property
    def name(self) -> TableName:
        return TableName(self.schema, self.relname)

    @property
    def rows(self) -> int:
        """The last ANALYZE's density times today's size; without one, a guess of 100 bytes a row."""
        if self.tuples >= 0 and self.pages > 0:
            return round(self.tuples / self.pages * self.blocks)
        return self.bytes // 100 if self.blocks else 0


def detail(table: Table) -> Detail:
    if not isinstance(table.detail, Detail):
        raise TypeError(f"{table.name} was not introspected here")
    return table.detail


@contextmanager
def unqualified(connection: Connection) -> Iterator[None]:
    """An empty search_path inside the block; works inside a transaction and leaves it as it was."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL search_path = ''")
        yield


def introspect(connection: Connection) -> Schema:
    """Every table of the database: partitioned ones once, their leaves inside."""
    with unqualified(connection):
        known = types.load(connection)
        relations = {row[0]: Relation(*row) for row in connection.execute(RELATIONS.encode())}
        by_table = {
            query: grouped(connection.execute(query.encode()).fetchall())
            for query in (COLUMNS, INDEXES, FOREIGN_KEYS, HOOKS)
        }
        has_large_objects = bool(connection.execute(LARGE_OBJECTS).fetchall()[0][0])
    cases = LetterCase(connection)
    leaves, children = family(relations)
    tables = []
    for relation in relations.values():
        if relation.kind not in ("r", "p") or relation.partition or relation.extension:
            continue
        table = shaped(relation, known, cases, by_table[COLUMNS][relation.oid])
        numbered = {row[1]: row[2] for row in by_table[COLUMNS][relation.oid]}
        table = with_keys(table, numbered, by_table[INDEXES][relation.oid], by_table[FOREIGN_KEYS][relation.oid])
        held = leaves[relation.oid]
        parts = (relation, *held, *(children[relation.oid] if relation.kind == "p" else ()))
        hooks = [row[1] for part in parts for row in by_table[HOOKS][part.oid]]
        table = replace(
            measured(table, [part for part in held if part.kind == "r"]),
            hooks=tuple(dict.fromkeys([*hooks, *(["row security"] if relation.secured else [])])),
            notes=tuple(notes(relation, table, held, children[relation.oid], has_large_objects)),
        )
        tables.append(table)
    other = [
        (relation.name, OTHER.get(relation.kind) or f"table of extension {relation.extension}")
        for relation in relations.values()
        if (relation.kind in OTHER and not relation.partition) or (relation.extension and relation.kind in ("r", "p"))
    ]
    return Schema(tuple(sorted(tables, key=lambda table: table.name)), tuple(sorted(other)))


def grouped(rows: list[tuple[Any, ...]]) -> defaultdict[int, list[tuple[Any, ...]]]:
    found: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


Family = defaultdict[int, list[Relation]]


def family(relations: dict[int, Relation]) -> tuple[Family, Family]:
    """For each table: the relations that hold its rows (itself, or a partitioned one's leaves), and what lies between
    or inherits: partitions that are partitioned themselves, and tables whose rows a plain SELECT of it shows too."""
    leaves: Family = defaultdict(list)
    children: Family = defaultdict(list)
    for relation in relations.values():
        if not relation.partition:
            if relation.kind == "r":
                leaves[relation.oid].append(relation)
            for parent in relation.parents:
                children[parent].append(relation)
            continue
        root = relation
        while root.partition and root.parents[0] in relations:
            root = relations[root.parents[0]]
        (children if relation.kind == "p" else leaves)[root.oid].append(relation)
    return leaves, children


def shaped(relation: Relation, known: types.Types, cases: LetterCase, rows: list[tuple[Any, ...]]) -> Table:
    columns, expressions, defaults = [], [], set()
    for _, _, name, oid, modifier, native, not_null, identity, generated, expression, collation, exact, serial in rows:
        type_ = known.column(oid, modifier, native, collation)
        counter = {"a": "identity always", "d": "identity by default"}.get(identity) or ("serial" if serial else None)
        columns.append(
            Column(
                name=name,
                type=type_,
                nullable=not not_null and known.nullable(oid),
                generated=bool(generated),
                counter=counter,
                ignores_case=cases.ignored(type_.base, exact, collation),
            )
        )
        if generated:
            expressions.append((name, f"({expression}) {'STORED' if generated == 's' else 'VIRTUAL'}"))
        if expression or counter:
            defaults.add(name)
    about = Detail(relation.oid, relation.kind == "p", (), (), tuple(expressions), frozenset(defaults))
    return Table(relation.name, tuple(columns), detail=about)


def with_keys(
    table: Table, numbered: dict[int, str], indexes: list[tuple[Any, ...]], foreign: list[tuple[Any, ...]]
) -> Table:
    primary: tuple[str, ...] = ()
    about, uniques = detail(table), []
    for _, is_primary, key, plain, used, deferred in indexes:
        columns = [numbered[number] for number in key if number]
        columns += [numbered[number] for number in used if numbered[number] not in columns]
        if is_primary:
            primary, about = tuple(columns), replace(about, primary=deferred or "")
        elif columns:
            uniques.append(Key(tuple(columns), plain))
    foreign_keys = [
        ForeignKey(name, table.name, tuple(columns), TableName(schema, referenced), tuple(referenced_columns))
        for _, name, _, referenced, schema, columns, referenced_columns in foreign
    ]
    return replace(table, primary_key=primary, uniques=tuple(uniques), foreign_keys=tuple(foreign_keys), detail=about)


def measured(table: Table, held: list[Relation]) -> Table:
    leaves = tuple(Leaf(part.oid, part.name, part.rows, part.blocks, part.bytes) for part in held)
    unreadable = tuple(part.name for part in held if not part.readable)
    return replace(
        table,
        rows=sum(leaf.rows for leaf in leaves),
        bytes=sum(leaf.bytes for leaf in leaves),
        readable=not unreadable,
        detail=replace(detail(table), leaves=leaves, unreadable=unreadable),
    )


def notes(
    relation: Relation, table: Table, held: list[Relation], children: list[Relation], large_objects: bool
) -> Iterator[str]:
    if relation.kind == "p":
        leaves = sum(part.kind == "r" for part in held)
        yield f"partitioned: its {leaves} partitions are copied as one table"
    for part in held:
        if part.kind == "f":
            yield f"partition {part.name} is a foreign table: its rows are not copied"
    if relation.kind == "r" and children:
        yield "other tables inherit from it: its own rows are copied here, theirs with their own tables"
    if relation.parents:
        yield "inherits from another table: made as a table of its own where it is missing"
    if relation.unlogged:
        yield "unlogged: made as an ordinary table where it is missing"
    points = [column.name for column in table.columns if column.type.native.rpartition(".")[2] in ("oid", "lo")]
    if points and large_objects:
        yield f"{', '.join(points)} may point to large objects, which are not copied"
