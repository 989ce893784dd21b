"""`null`: every value becomes NULL."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from anonymizers.contract import KINDS, NO_CONTEXT, ColumnShape, Effects, RowContext, Rule
from anonymizers.keys import DomainKey


class Null:
    name = "null"
    version = 1
    revised: Mapping[str, int] = {}
    summary = "NULL"
    accepts = KINDS
    options: Mapping[str, type] = {}
    domains: frozenset[str] | None = None
    needs_values = False
    needs_subject = False

    def effects(self, column: ColumnShape, rule: Rule) -> Effects:
        return Effects(injective="yes", nulls=True, length=None, reversible=False)

    def mark(self, column: ColumnShape, rule: Rule) -> None:
        """Nothing is there to be taken for an original."""

    def apply(
        self, values: pa.Array, key: DomainKey, column: ColumnShape, rule: Rule, row: RowContext = NO_CONTEXT
    ) -> pa.Array:
        return pa.nulls(len(values))


strategy = Null()
