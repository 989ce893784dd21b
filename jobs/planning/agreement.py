"""Agreement: whether what the target's server tells of an object is what was wanted of it, in whatever words. Pure.

A server rewrites what it is told: it adds casts and brackets, spells types and words its own way. Both sides are read as
neutral tables, and their expressions are brought into one form before they are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from connectors import expressions
from connectors.expressions import Term, Terms, Untranslatable, condition, default, expression
from connectors.grammar import Grammar
from connectors.objects import ObjectId, ObjectKind, SchemaObject
from connectors.schema import Check, Column, ForeignKey, Index, Schema, Table
from connectors.types import Types
from jobs.planning.objects import Same, identical

Told = Callable[[str, Terms, Grammar, Grammar], str]


def agreeing(wanted: Sequence[Table], there: Schema, types: Types, grammar: Grammar) -> Same:
    """How wanted objects of these tables are compared with those there."""
    pairs = {
        table.name: (Form(table, types, grammar), Form(other, types, grammar))
        for table in wanted
        if (other := there.get(table.name)) is not None
    }

    def same(one: SchemaObject, other: SchemaObject) -> bool:
        if identical(one, other):
            return True
        if one.id.table not in pairs:
            return False
        ours, theirs = pairs[one.id.table]
        said = ours.says(one.id)
        return said is not None and said == theirs.says(other.id) and ours.counted_by(theirs, one.id)

    return same


class Form:
    """One table's parts in a form that no server's words change."""

    def __init__(self, table: Table, types: Types, grammar: Grammar) -> None:
        self._table, self._types, self._grammar = table, types, grammar
        self._terms = {column.name: self._term(column) for column in table.columns}

    def says(self, id_: ObjectId) -> Hashable:
        """What an object of the table is; None where the table has none of that name."""
        table, kind = self._table, id_.kind
        if kind is ObjectKind.COLUMN:
            column = self._column(id_)
            return None if column is None else self.column(column)
        if kind is ObjectKind.PRIMARY_KEY:
            return self._named(table.primary_key)
        if kind in (ObjectKind.UNIQUE, ObjectKind.INDEX):
            return next((self.index(index) for index in table.indexes if index.name == id_.name), None)
        if kind is ObjectKind.CHECK:
            return next((self.check(check) for check in table.checks if check.name == id_.name), None)
        if kind is ObjectKind.FOREIGN_KEY:
            return next((self.foreign_key(key) for key in table.foreign_keys if key.name == id_.name), None)
        if kind is ObjectKind.COMMENT:
            return (table.comment, *(column.comment for column in table.columns))
        return kind  # the table itself, or what its columns count with: its parts are told one by one

    def counted_by(self, other: Form, id_: ObjectId) -> bool:
        """Whether the other's counter does for this column's. That one counts unasked is no difference, nor is a rule of
        counting that only one of both tells."""
        ours, theirs = self._column(id_), other._column(id_)
        if ours is None or ours.counter is None or theirs is None:
            return True
        return theirs.counter is not None and (
            None in (ours.counting, theirs.counting) or ours.counting == theirs.counting
        )

    def _column(self, id_: ObjectId) -> Column | None:
        return next((column for column in self._table.columns if column.name == id_.name), None)

    def column(self, column: Column) -> Hashable:
        """A key's columns are never NULL, whatever was said of them, and a counter needs no default."""
        key = self._named(self._table.primary_key)
        free = column.nullable and not column.counter and self._named([column.name])[0] not in key
        fills = None if column.counter else self._default(column)
        comment = column.comment or None if self._grammar.comments else None
        texts = (self._types.equality(column.type), column.ignores_case)
        computed = (column.generated, column.stored, self._computed(column))
        return (column.type.native.lower(), texts, free, fills, comment, computed, column.renewed)

    def index(self, index: Index) -> Hashable:
        parts = tuple(
            (self._named([part.column or ""]), self._told(part.expression, expression), part.descending, part.length)
            for part in index.parts
        )
        where, include = self._told(index.where, condition), self._named(index.include)
        return (parts, index.unique, where, include, index.method)

    def check(self, check: Check) -> Hashable:
        return (self._told(check.expression, expressions.check), check.proven)

    def foreign_key(self, key: ForeignKey) -> Hashable:
        actions = tuple("NO ACTION" if one == "RESTRICT" else one for one in (key.on_delete, key.on_update))
        return (
            self._named(key.columns),
            key.referenced,
            self._named(key.referenced_columns),
            actions,
            key.deferrable,
            key.proven,
        )

    def _term(self, column: Column) -> Term:
        type_ = self._types.canonical(column.type)
        equality = self._types.equality(column.type)
        return Term(self._named([column.name])[0], type_, type_, equality, equality)

    def _named(self, columns: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(self._grammar.folded, columns))

    def _told(self, text: str | None, told: Told) -> str | None:
        if text is None:
            return None
        try:
            return told(text, self._terms, self._grammar, self._grammar)
        except Untranslatable:
            return " ".join(text.split())

    def _computed(self, column: Column) -> str | None:
        def told(text: str, terms: Terms, one: Grammar, other: Grammar) -> str:
            return expressions.computed(text, self._term(column), terms, one, other)

        return self._told(column.computed, told)

    def _default(self, column: Column) -> str | None:
        if column.default is None:
            return None
        try:
            return default(column.default, self._term(column), self._grammar, self._grammar)
        except Untranslatable:
            return " ".join(column.default.split())
