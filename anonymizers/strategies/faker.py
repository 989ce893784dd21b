"""`faker`: a value becomes a realistic one of its domain, from frozen dictionaries; never the value itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizers.buffers import Text, Words, different, piecewise, replaced
from anonymizers.contract import NO_CONTEXT, ColumnShape, Effects, RowContext, Rule
from anonymizers.email_case import normal_form, respelled
from anonymizers.fakes import DOMAINS, fake
from anonymizers.keys import DomainKey
from anonymizers.letter_case import one_spelling, same_rows
from anonymizers.marks import Entries, FakeEmail, FakePhone, Mark
from anonymizers.prf import Cmac


class Faker:
    name = "faker"
    version = 1
    revised: Mapping[str, int] = {}
    summary = "a realistic person, e-mail, phone, street … of the column's domain that belongs to nobody"
    accepts = frozenset({"text"})
    options: Mapping[str, type] = {}
    domains: frozenset[str] | None = DOMAINS
    needs_values = True
    needs_subject = False

    def effects(self, column: ColumnShape, rule: Rule) -> Effects:
        injective: Literal["probable", "no"] = "probable" if rule.domain == "email" else "no"
        return Effects(injective=injective, nulls=False, length=fake(rule.domain).length, reversible=False)

    def mark(self, column: ColumnShape, rule: Rule) -> Mark:
        if rule.domain == "email":
            return FakeEmail()
        return FakePhone() if rule.domain == "phone" else Entries(rule.domain)

    def apply(
        self, values: pa.Array, key: DomainKey, column: ColumnShape, rule: Rule, row: RowContext = NO_CONTEXT
    ) -> pa.Array:
        prf = Cmac(key.derive("value"))
        if rule.domain == "email" and column.ignores_case is None:
            spelling = Cmac(key.derive("spelling"))
            return piecewise(values, lambda some: _emails(some, prf, spelling))
        domain = fake(rule.domain)

        def render(some: pa.Array, tokens: Words, attempt: int) -> pa.Array:
            return domain.render(_next(tokens, attempt))

        same = partial(same_rows, column=column)
        return piecewise(
            values, lambda some: different(some, prf.text(one_spelling(some, column)), render, _always, same)
        )


def _emails(values: pa.Array, prf: Cmac, spelling: Cmac) -> pa.Array:
    def render(some: pa.Array, tokens: Words, attempt: int) -> pa.Array:
        plain = fake("email").render(_next(tokens, attempt))
        unusual = pc.fill_null(pc.not_equal(some, normal_form(some)), False)
        rows = np.flatnonzero(unusual.to_numpy(zero_copy_only=False))
        if not rows.size:
            return plain
        taken = pa.array(rows)
        return replaced(plain, rows, respelled(plain.take(taken), spelling.text(some.take(taken))))

    return different(values, prf.text(normal_form(values)), render, _always)


def _next(tokens: Words, steps: int) -> Words:
    """The tokens of the entries that many steps further."""
    return tokens + np.array([steps, 0], np.uint64) if steps else tokens


def _always(text: Text) -> NDArray[np.bool_]:
    """Every dictionary has another entry."""
    return np.ones(len(text.lengths), np.bool_)


strategy = Faker()
