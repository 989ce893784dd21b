"""Rows on their way: which columns are read, what the anonymizer sees of them, and what becomes of them in the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from connectors import dates
from connectors.arrays import record_batch
from connectors.contract import Anonymize, TableCopy
from connectors.errors import TerminalError, Unsupported
from connectors.mysql.canonical import types
from connectors.mysql.types import identifier, selected, type_of
from connectors.schema import Column, Kind

AS_TEXT = frozenset({Kind.TEXT, Kind.UUID})


class Passage:
    """A table's columns from the source's fields to the target's. Without a policy each is what was read."""

    def __init__(self, copy: TableCopy) -> None:
        self._copy, self._anonymize = copy, copy.anonymize
        masked = copy.anonymize.masked if copy.anonymize else ()
        targets = {column.name: column for column in copy.target.columns}
        self.columns = [
            _plain(targets[column.name]) if column.name in masked else targets[column.name]
            for column in copy.source.copied
        ]
        """The target's columns, in the order in which they are loaded."""
        kept = [column for column in copy.source.copied if column.name not in masked]
        self._seen = [copy.source.column(name) for name in (copy.anonymize.columns if copy.anonymize else ())]
        self.expressions = list(dict.fromkeys([*map(selected, kept), *map(_text, self._seen)]))
        """What is selected from the source."""
        self._kept = {column.name: self.expressions.index(selected(column)) for column in kept}
        self._shown = [self.expressions.index(_text(column)) for column in self._seen]
        self.counts: Counter[str] = Counter()
        """What the anonymizer counted so far."""

    def __call__(self, fields: Sequence[pa.BinaryArray], rows: int) -> list[pa.BinaryArray]:
        """The columns to load, of what the expressions gave for so many rows."""
        replaced = self._replaced(fields, rows, self._anonymize) if self._anonymize else {}
        return [replaced[c.name] if c.name in replaced else fields[self._kept[c.name]] for c in self.columns]

    def _replaced(self, fields: Sequence[pa.BinaryArray], rows: int, anonymize: Anonymize) -> dict[str, pa.BinaryArray]:
        texts = {c.name: strings(fields[place]) for c, place in zip(self._seen, self._shown, strict=True)}
        shown = {column.name: _value(texts[column.name], column) for column in self._seen}
        masked, counts = anonymize(record_batch(list(shown.values()), anonymize.columns, rows))
        if masked.num_rows != rows or tuple(masked.schema.names) != anonymize.masked:
            raise TerminalError("the anonymizer returned other rows or columns than it was asked for")
        self.counts.update(counts)
        found = dict(zip(anonymize.masked, masked.columns, strict=True))
        for column in self._seen:
            name = column.name
            if name in found and dates.is_date(types.canonical(column.type)):
                found[name] = dates.written(found[name], shown[name], texts[name], name)
        return {name: values.cast(pa.string()).cast(pa.binary()) for name, values in found.items()}


def _text(column: Column) -> str:
    """An expression for what an anonymizer may see of a column; the session's character set is utf8mb4."""
    return identifier(column.name)


def _plain(column: Column) -> Column:
    """A column that takes replacements: they are text, whatever its character set."""
    return replace(column, type=replace(type_of(column), charset="utf8mb4"))


def _value(texts: pa.StringArray, column: Column) -> pa.Array:
    """The values an anonymizer sees: integers, dates and times as such, everything else that it may see as text."""
    kind = column.type.kind
    if kind is Kind.INTEGER:
        return texts.cast(pa.int64())
    given = types.canonical(column.type)
    if dates.is_date(given):
        return dates.parsed(texts, given, column.name)
    if kind not in AS_TEXT:
        raise Unsupported(f"column {column.name}: no strategy can see values of type {type_of(column).native}")
    return texts


def strings(values: pa.BinaryArray) -> pa.StringArray:
    """Texts; one that is no valid Unicode is told apart in ASCII escapes, so that it is masked like any other."""
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([None if value is None else _told(value) for value in values.to_pylist()], pa.string())


def _told(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1").encode("unicode_escape").decode("ascii")
