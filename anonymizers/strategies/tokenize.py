"""`tokenize`: text becomes `tok_…`, an integer another integer of the same sign and number of digits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from anonymizers.alphabet import BASE32
from anonymizers.buffers import fixed, piecewise, with_nulls_of
from anonymizers.contract import NO_CONTEXT, ColumnShape, Effects, RowContext, Rule
from anonymizers.fpe import IntegerPermutation, reach
from anonymizers.keys import DomainKey
from anonymizers.letter_case import one_spelling
from anonymizers.marks import Mark, Token
from anonymizers.prf import Cmac

_PREFIX = np.frombuffer(b"tok_", np.uint8)
_HALF = 10
"""Characters from each word of a token: 2 × 10 base-32 characters are 100 bits."""


class Tokenize:
    name = "tokenize"
    version = 1
    revised: Mapping[str, int] = {}
    summary = "tok_ and 20 characters for text; for integers a keyed permutation within the number of digits"
    accepts = frozenset({"text", "integer"})
    options: Mapping[str, type] = {}
    domains: frozenset[str] | None = None
    needs_values = True
    needs_subject = False

    def effects(self, column: ColumnShape, rule: Rule) -> Effects:
        if column.kind == "integer":
            given = None if column.integers is None else reach(*column.integers)
            return Effects(injective="yes", nulls=False, length=None, reversible=True, integers=given)
        return Effects(injective="probable", nulls=False, length=len(_PREFIX) + 2 * _HALF, reversible=False)

    def mark(self, column: ColumnShape, rule: Rule) -> Mark | None:
        return Token() if column.kind == "text" else None

    def apply(
        self, values: pa.Array, key: DomainKey, column: ColumnShape, rule: Rule, row: RowContext = NO_CONTEXT
    ) -> pa.Array:
        if values.type == pa.int64():
            integers = values.fill_null(0).to_numpy(zero_copy_only=False)
            return with_nulls_of(values, pa.array(IntegerPermutation(key)(integers)))
        prf = Cmac(key.derive("value"))

        def replace(some: pa.Array) -> pa.Array:
            rows = np.empty((len(some), len(_PREFIX) + 2 * _HALF), np.uint8)
            rows[:, : len(_PREFIX)] = _PREFIX
            rows[:, len(_PREFIX) :] = BASE32.spell(prf.text(one_spelling(some, column)).reshape(-1), _HALF).reshape(
                len(some), 2 * _HALF
            )
            return fixed(rows)

        return piecewise(values, replace)


strategy = Tokenize()
