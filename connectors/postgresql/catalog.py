"""The catalog of a database as the neutral schema.

Everything is read by ordinary queries, so inside the source's snapshot it is the catalog of that moment. `search_path`
is empty meanwhile: type names and expressions come out qualified.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from connectors.postgresql import types
from connectors.postgresql.definitions import Numbering
from connectors.postgresql.keys import CHECKS, FOREIGN_KEYS, INDEXES, with_keys
from connectors.postgresql.letter_case import LetterCase
from connectors.postgresql.objects_sql import OURS
from connectors.postgresql.session import Connection
from connectors.postgresql.statements import Leaf
from connectors.schema import Column, Counting, Schema, Table, TableName

OTHER = {"v": "view", "m": "materialized view", "f": "foreign table"}

RELATIONS = f"""
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text, c.relispartition, c.relpersistence = 'u', c.relrowsecurity,
  c.reltuples::float8, c.relpages,
  CASE WHEN c.relkind = 'r' THEN coalesce(pg_relation_size(c.oid) / current_setting('block_size')::int, 0) ELSE 0 END,
  CASE WHEN c.relkind = 'r' THEN coalesce(pg_table_size(c.oid), 0) ELSE 0 END,
  array(SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid),
  has_schema_privilege(n.oid, 'USAGE') AND (has_table_privilege(c.oid, 'SELECT') OR NOT EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = '' AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT'))), x.extname,
  obj_description(c.oid, 'pg_class')
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
    WHERE s.classid = 'pg_attrdef'::regclass AND s.objid = f.oid AND s.refclassid = 'pg_class'::regclass),
  col_description(a.attrelid, a.attnum)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND {OURS} ORDER BY a.attrelid, a.attnum
"""
COUNTERS = f"""
SELECT a.attrelid::bigint, a.attname, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcycle, format_type(q.seqtypid, NULL),
  CASE WHEN count(*) OVER (PARTITION BY q.seqrelid) > 1 OR NOT EXISTS (SELECT FROM pg_depend o
      WHERE o.classid = 'pg_class'::regclass AND o.objid = q.seqrelid AND o.refclassid = 'pg_class'::regclass
      AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum AND o.deptype IN ('a', 'i'))
    THEN q.seqrelid::regclass::text END,
  CASE WHEN has_sequence_privilege(q.seqrelid, 'SELECT, USAGE') AND NOT (s.relpersistence = 'u' AND pg_is_in_recovery())
    THEN pg_sequence_last_value(q.seqrelid) END
FROM (SELECT d.objid, d.refobjid, d.refobjsubid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
    AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' AND d.refobjsubid > 0
  UNION SELECT d.refobjid, f.adrelid, f.adnum FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
    WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass) u (sequence, relation, number)
JOIN pg_sequence q ON q.seqrelid = u.sequence JOIN pg_class s ON s.oid = q.seqrelid
JOIN pg_attribute a ON a.attrelid = u.relation AND a.attnum = u.number
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {OURS} ORDER BY 1, 2
"""
"""What numbers a column: an identity's sequence, or one in its default, whose name is told where others may use it."""
NEXT = re.compile(r"nextval\('(?:[^']|'')+'::regclass\)")
"""A default that is a number of a sequence and nothing else."""
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
    comment: str | None

    @property
    def name(self) -> TableName:
        return TableName(self.schema, self.relname)

    @property
    def rows(self) -> int:
        """The last ANALYZE's density times today's size; without one, a guess of 100 bytes a row."""
        if self.tuples >= 0 and self.pages > 0:
            return round(self.tuples / self.pages * self.blocks)
        return self.bytes // 100 if self.blocks else 0


@dataclass(frozen=True)
class Attribute:
    """One row of COLUMNS."""

    relation: int
    number: int
    name: str
    type_oid: int
    modifier: int
    native: str
    not_null: bool
    identity: str
    generated: str
    expression: str | None
    collation: str | None
    exact: bool
    """Its collation tells every two texts apart."""
    serial: bool
    comment: str | None

    @property
    def counter(self) -> str | None:
        numbers = {"a": "identity always", "d": "identity by default"}.get(self.identity)
        return numbers or ("serial" if self.serial and NEXT.fullmatch(self.expression or "") else None)


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
            for query in (COLUMNS, COUNTERS, INDEXES, FOREIGN_KEYS, CHECKS, HOOKS)
        }
        has_large_objects = bool(connection.execute(LARGE_OBJECTS).fetchall()[0][0])
    cases = LetterCase(connection)
    leaves, children = family(relations)
    tables = []
    for relation in relations.values():
        if relation.kind not in ("r", "p") or relation.partition or relation.extension:
            continue
        counters = {row[1]: (counting(*row[2:-1]), row[-1]) for row in by_table[COUNTERS][relation.oid]}
        table = shaped(relation, known, cases, by_table[COLUMNS][relation.oid], counters)
        numbered = {row[1]: row[2] for row in by_table[COLUMNS][relation.oid]}
        table, timing = with_keys(
            table, numbered, *(by_table[query][relation.oid] for query in (INDEXES, FOREIGN_KEYS, CHECKS))
        )
        table = replace(table, detail=replace(detail(table), primary=timing))
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


def counting(start: int, step: int, low: int, high: int, cycle: bool, type_: str, sequence: str | None) -> Counting:
    """What is said of a sequence, without what its type says anyway."""
    usual = Numbering.usual(type_, step)
    bounds = (None if low == usual.low else low), (None if high == usual.high else high)
    return Counting(start, step, *bounds, cycle, sequence)


def shaped(relation: Relation, known: types.Types, cases: LetterCase, rows: list[tuple[Any, ...]],
           counters: Mapping[str, tuple[Counting, int | None]]) -> Table:  # fmt: skip
    columns, expressions, defaults = [], [], set()
    for row in (Attribute(*row) for row in rows):
        type_ = known.column(row.type_oid, row.modifier, row.native, row.collation)
        rule, reached = counters.get(row.name, (None, None))
        columns.append(
            Column(
                name=row.name,
                type=type_,
                nullable=not row.not_null and known.nullable(row.type_oid),
                generated=bool(row.generated),
                counter=row.counter,
                counting=rule if row.counter else None,
                reached=reached if row.counter else None,
                ignores_case=cases.ignored(type_.base, row.exact, row.collation),
                default=None if row.generated or row.counter else row.expression,
                comment=row.comment,
                computed=row.expression if row.generated else None,
                stored=row.generated == "s",
            )
        )
        if row.generated:
            expressions.append((row.name, f"({row.expression}) {'STORED' if row.generated == 's' else 'VIRTUAL'}"))
        if row.expression or row.counter:
            defaults.add(row.name)
    about = Detail(relation.oid, relation.kind == "p", (), (), tuple(expressions), frozenset(defaults))
    return Table(relation.name, tuple(columns), comment=relation.comment, detail=about)


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
