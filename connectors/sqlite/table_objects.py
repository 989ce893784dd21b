"""What a table consists of, as objects: itself, its columns, keys, checks and foreign keys, which its own words make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.schema import TableName, quoted, written
from connectors.sqlite.definition import CheckWords, ColumnWords, KeyWords, ReferenceWords, TableWords
from connectors.sqlite.tokens import folded, named, normal, tokens
from connectors.sqlite.words import Part


class TableObjects:
    """One table's objects. `tables` are all there are, by their folded names: a foreign key that names no columns means the
    other's key."""

    def __init__(self, name: str, words: TableWords, tables: Mapping[str, tuple[str, TableWords]]) -> None:
        self._name, self._words, self._tables = TableName(None, name), words, tables

    def objects(self, sql: str, options: str, counter: int | None) -> Iterator[SchemaObject]:
        name = self._name.name
        create = [sql]
        if counter is not None:
            create.append(f"INSERT INTO sqlite_sequence (name, seq) VALUES ({text(name)}, {counter})")
        yield SchemaObject(
            ObjectId(ObjectKind.TABLE, self._name, name),
            f"TABLE{options}",
            tuple(create),
            (f"DROP TABLE {quoted(name)}",),
        )
        held = self._held()
        yield from (self._column(column, column.name in held) for column in self._words.columns)
        yield from map(self._key, self._words.keys, key_names(name, self._words))
        yield from map(self._check, self._words.checks, check_names(name, self._words))
        yield from map(self._reference, self._words.references, reference_names(name, self._words))

    def _inline(
        self, kind: ObjectKind, name: str, definition: str, beside: str | None = None, *needs: ObjectId,
        expression: str = "",
    ) -> SchemaObject:  # fmt: skip
        """`beside`: the column that brings it when it is added. No key comes so."""
        column = () if beside is None else (ObjectId(ObjectKind.COLUMN, self._name, beside),)
        return SchemaObject(
            ObjectId(kind, self._name, name), definition, (), (), inline=True, needs=(*column, *needs),
            literals=literals(f"CHECK ({expression})"), additive=False,
        )  # fmt: skip

    def _column(self, column: ColumnWords, held: bool) -> SchemaObject:
        key = self._words.primary_key
        in_key = key is not None and any(part.name == column.name for part in key.parts)
        clauses = [f"DEFAULT {column.default.sql}"] if column.default else []
        clauses += [f"AS ({column.generated})"] if column.generated else []
        table, name = quoted(self._name.name), quoted(column.name)
        return SchemaObject(
            ObjectId(ObjectKind.COLUMN, self._name, column.name),
            column_definition(column),
            () if in_key or column.stored else (f"ALTER TABLE {table} ADD COLUMN {name} {column.added}".rstrip(),),
            () if in_key or held else (f"ALTER TABLE {table} DROP COLUMN {name}",),
            inline=True,
            literals=literals(*clauses),
            additive=not in_key and addable(column),
        )

    def _held(self) -> frozenset[str]:
        """The columns that something else inside the table keeps from being dropped."""
        expressions = [(c.name, c.generated) for c in self._words.columns if c.generated]
        expressions += [(check.beside or "", check.expression) for check in self._words.checks]
        names = [column.name for column in self._words.columns]
        held = {name for beside, said in expressions for name in named(said, names) if name != beside}
        held |= {part.name for key in self._words.keys for part in key.parts if part.name is not None}
        return frozenset(held.union(*(key.columns for key in self._words.references if not key.beside)))

    def _key(self, key: KeyWords, name: str) -> SchemaObject:
        parts = ", ".join(part_definition(part) for part in key.parts)
        kind = ObjectKind.PRIMARY_KEY if key.kind == "PRIMARY KEY" else ObjectKind.UNIQUE
        # Beside its column, DESC keeps an INTEGER key from being the row number itself.
        parts = f"{parts} beside its column" if key.beside and key.parts[0].descending else parts
        definition = f"{key.kind} ({parts})" + " AUTOINCREMENT" * key.autoincrement + key.conflict
        return self._inline(kind, name, definition)

    def _check(self, check: CheckWords, name: str) -> SchemaObject:
        definition = f"CHECK ({normal(check.expression)}){check.conflict}"
        return self._inline(ObjectKind.CHECK, name, definition, check.beside, expression=check.expression)

    def _reference(self, key: ReferenceWords, name: str) -> SchemaObject:
        known = self._tables.get(folded(key.parent))
        parent, words = known or (key.parent, None)
        columns = key.parent_columns
        if words and not columns and words.primary_key:
            columns = tuple(part.name or "" for part in words.primary_key.parts)
        elif words:
            spelt = {folded(column.name): column.name for column in words.columns}
            columns = tuple(spelt.get(folded(column), column) for column in columns)
        definition = f"FOREIGN KEY {column_list(key.columns)} REFERENCES {written(parent)}"
        if columns:
            definition += f" {column_list(columns)}"
        for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update)):
            definition += f" ON {event} {action}" if action != "NO ACTION" else ""
        definition += " DEFERRABLE INITIALLY DEFERRED" if key.deferrable == "deferred" else ""
        needs = () if same(parent, self._name.name) else (table_id(parent),)
        return self._inline(ObjectKind.FOREIGN_KEY, name, definition, key.beside, *needs)


def text(value: str) -> str:
    """An SQL text."""
    return "'" + value.replace("'", "''") + "'"


def same(one: str | None, other: str | None) -> bool:
    """Whether two names are one to SQLite."""
    return one is not None and other is not None and folded(one) == folded(other)


def column_list(names: Iterable[str]) -> str:
    return f"({', '.join(map(written, names))})"


def table_id(name: str) -> ObjectId:
    return ObjectId(ObjectKind.TABLE, TableName(None, name), name)


def key_names(table: str, words: TableWords) -> list[str]:
    return numbered(
        "_".join(
            [table, "pkey"] if key.kind == "PRIMARY KEY" else [table, *(part.name or "" for part in key.parts), "key"]
        )
        for key in words.keys
    )


def check_names(table: str, words: TableWords) -> list[str]:
    """Their own, or made of the columns they look at."""
    columns = [column.name for column in words.columns]
    return numbered(
        check.name or "_".join([table, *named(check.expression, columns), "check"]) for check in words.checks
    )


def reference_names(table: str, words: TableWords) -> list[str]:
    return numbered("_".join([table, *key.columns, "fkey"]) for key in words.references)


def numbered(names: Iterable[str]) -> list[str]:
    """Each name once: the second of the same gets a 2."""
    seen = Counter[str]()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return found


def literals(*clauses: str) -> tuple[str, ...]:
    """Those in which values may stand: SQLite takes a word in double quotes that names nothing for a text."""
    return tuple(
        clause for clause in clauses if any(token.kind == "value" or token.text[0] in "'\"" for token in tokens(clause))
    )


def column_definition(column: ColumnWords) -> str:
    words = [column.type, column.not_null]
    if column.collation and column.collation.upper() != "BINARY":
        words.append(f"COLLATE {column.collation.upper()}")
    if column.default is not None and column.default.sql.upper() != "NULL":
        words.append(f"DEFAULT {normal(column.default.sql)}")
    if column.generated is not None:
        words.append(f"AS ({normal(column.generated)}) {'STORED' if column.stored else 'VIRTUAL'}")
    return " ".join(word for word in words if word) or "of no type"


def addable(column: ColumnWords) -> bool:
    """Whether SQLite adds it to a table that has rows, whatever they are."""
    given = column.default is not None and column.default.sql.upper() != "NULL"
    if column.generated is not None:
        return not column.stored and not column.not_null
    return (given or not column.not_null) and (column.default is None or column.default.constant)


def part_definition(part: Part) -> str:
    said = normal(part.expression) if part.name is None else written(part.name)
    collation = f" COLLATE {part.collation.upper()}" if part.collation else ""
    return said + collation + " DESC" * part.descending
