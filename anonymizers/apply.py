"""A table's policy, compiled: record batches of its masked columns in, replacements out.

Workers import this module, so it imports only what they need; a strategy's file is loaded when its first batch comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pyarrow as pa

from anonymizers.contract import NO_CONTEXT, ColumnShape, RowContext, Rule, Strategy, strategy
from anonymizers.counts import counted
from anonymizers.keys import DomainKey
from anonymizers.marks import Mark

_SAMPLE = 512
_REPEATS = 16
"""A sample with so many repeats comes from a column whose batches hold each value about twice or more: there it pays
to replace the distinct values only."""

_strategy = cache(strategy)


@dataclass(frozen=True)
class ColumnPlan:
    """One masked column: its form, the rule it falls under and the key of that rule's domain."""

    name: str
    shape: ColumnShape
    rule: Rule
    key: DomainKey = field(repr=False)

    @property
    def strategy(self) -> Strategy:
        return _strategy(self.rule.strategy)

    @property
    def mark(self) -> Mark | None:
        return self.strategy.mark(self.shape, self.rule)

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns it looks at."""
        own = (self.name,) if self.strategy.needs_values else ()
        subject = self.rule.subject
        return own if subject is None else (*own, *subject.columns, *subject.otherwise)

    def context(self, batch: pa.RecordBatch) -> RowContext:
        """Whose values the batch holds, if that matters."""
        subject = self.rule.subject
        if subject is None:
            return NO_CONTEXT
        return RowContext(
            [batch.column(name) for name in subject.columns], [batch.column(name) for name in subject.otherwise]
        )

    def replace(self, values: pa.Array, row: RowContext = NO_CONTEXT) -> pa.Array:
        """The replacements of all values."""
        if self.strategy.needs_subject or not _repetitive(values):
            return self.strategy.apply(values, self.key, self.shape, self.rule, row)
        distinct = values.dictionary_encode()
        replacements = self.strategy.apply(distinct.dictionary, self.key, self.shape, self.rule)
        return replacements.take(distinct.indices)


def _repetitive(values: pa.Array) -> bool:
    step = len(values) // _SAMPLE
    if step < 2:
        return False
    sample = values.take(pa.array(np.arange(_SAMPLE) * step))
    return bool(len(sample.unique()) <= _SAMPLE - _REPEATS)


class TableAnonymizer:
    """Replaces the masked columns of one table, batch by batch. Pure and picklable."""

    columns: tuple[str, ...]
    """What it wants to see: the masked columns but those whose strategy looks at no value, and the subjects' columns."""
    masked: tuple[str, ...]
    """What it returns."""

    def __init__(self, columns: Sequence[ColumnPlan], marks: Iterable[Mark] = ()) -> None:
        """`marks`: those of all tables that are copied together; an original that bears one could be found in any."""
        self._plans = tuple(columns)
        self._marks = frozenset(marks)
        self.masked = tuple(plan.name for plan in columns)
        self.columns = tuple(dict.fromkeys(name for plan in columns for name in plan.reads))

    def __call__(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Counter[str]]:
        """The replacements, and what `anonymizers.counts` counts of them."""
        arrays: list[pa.Array] = []
        counts: Counter[str] = Counter()
        for plan in self._plans:
            if plan.strategy.needs_values:
                values = batch.column(plan.name)
                replacements = plan.replace(values, plan.context(batch))
                counts += counted(plan.name, values, replacements, plan.mark, self._marks)
            else:
                replacements = plan.strategy.apply(pa.nulls(batch.num_rows), plan.key, plan.shape, plan.rule)
            arrays.append(replacements)
        return pa.RecordBatch.from_arrays(arrays, names=list(self.masked)), counts
