"""`hash`: a value becomes 32 hexadecimal characters, its AES-CMAC."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from anonymizers.alphabet import BASE16
from anonymizers.buffers import fixed, piecewise
from anonymizers.contract import NO_CONTEXT, ColumnShape, Effects, RowContext, Rule
from anonymizers.keys import DomainKey
from anonymizers.letter_case import one_spelling
from anonymizers.marks import Hexadecimal, Mark
from anonymizers.prf import Cmac


class Hash:
    name = "hash"
    version = 1
    revised: Mapping[str, int] = {}
    summary = "32 hexadecimal characters that only the key's holder can tie to the value"
    accepts = frozenset({"text"})
    options: Mapping[str, type] = {}
    domains: frozenset[str] | None = None
    needs_values = True
    needs_subject = False

    def effects(self, column: ColumnShape, rule: Rule) -> Effects:
        return Effects(injective="probable", nulls=False, length=32, reversible=False)

    def mark(self, column: ColumnShape, rule: Rule) -> Mark:
        return Hexadecimal()

    def apply(
        self, values: pa.Array, key: DomainKey, column: ColumnShape, rule: Rule, row: RowContext = NO_CONTEXT
    ) -> pa.Array:
        prf = Cmac(key.derive("value"))

        def replace(some: pa.Array) -> pa.Array:
            words = (
                prf.text(one_spelling(some, column)).byteswap().reshape(-1)
            )  # so that the digits are the bytes' in their order
            return fixed(BASE16.spell(words, 16).reshape(-1, 32))

        return piecewise(values, replace)


strategy = Hash()
