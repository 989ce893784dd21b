"""`scramble`: every letter and digit becomes another of its class; length, punctuation and spaces stay.

In the domains ssn, card and phone the result is a number that nobody was ever given (`anonymizers.digits`).

Each output character is drawn from the keyed function of the whole value, so equal prefixes give nothing away. The
number for a character is taken at its first byte's position, 16 bits each.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anonymizers.buffers import PIECE_BYTES, Bytes, Text, Words, different, piecewise
from anonymizers.characters import ascii_classes, decode, encode, leads, pools, replaceable
from anonymizers.contract import NO_CONTEXT, ColumnShape, Effects, RowContext, Rule
from anonymizers.digits import NOBODYS, Digits
from anonymizers.keys import DomainKey
from anonymizers.letter_case import one_spelling, same_rows
from anonymizers.marks import Mark, NobodysNumber
from anonymizers.prf import Cmac, Keystream


class Scramble:
    name = "scramble"
    version = 1
    revised: Mapping[str, int] = dict.fromkeys(NOBODYS, 2)
    summary = "other letters for letters and other digits for digits; length and everything else stay"
    accepts = frozenset({"text"})
    options: Mapping[str, type] = {}
    domains: frozenset[str] | None = None
    needs_values = True
    needs_subject = False

    def effects(self, column: ColumnShape, rule: Rule) -> Effects:
        return Effects(injective="no", nulls=False, length=None, reversible=False)

    def mark(self, column: ColumnShape, rule: Rule) -> Mark | None:
        return NobodysNumber(rule.domain) if rule.domain in NOBODYS else None

    def apply(
        self, values: pa.Array, key: DomainKey, column: ColumnShape, rule: Rule, row: RowContext = NO_CONTEXT
    ) -> pa.Array:
        stream = Keystream(key.derive("characters"))

        def render(some: pa.Array, tokens: Words, attempt: int) -> pa.Array:
            text = Text.of(_in_step(some, column))
            data = np.empty_like(text.data)
            _replace_ascii(text, tokens, stream, attempt, data)
            _replace_others(text, tokens, stream, attempt, data)
            if rule.domain in NOBODYS:
                NOBODYS[rule.domain].made(Digits.of(Text(data, text.offsets)))
            return Text(data, text.offsets).array()

        prf = Cmac(key.derive("value"))
        same = partial(same_rows, column=column)
        return piecewise(
            values, lambda some: different(some, prf.text(one_spelling(some, column)), render, replaceable, same)
        )


def _in_step(values: pa.Array, column: ColumnShape) -> pa.Array:
    """A to Z become letters that differ as their own two spellings do; other letters do not, so where their case is
    ignored, values with some are replaced in lower case."""
    if column.ignores_case != "unicode":
        return values
    return pc.if_else(pc.string_is_ascii(values), values, pc.utf8_lower(values))


def _replace_ascii(text: Text, tokens: Words, stream: Keystream, attempt: int, out: Bytes) -> None:
    base, choices = ascii_classes()
    end = 0
    for rows, piece in text.pieces():
        for first in range(0, len(piece.data), PIECE_BYTES):  # more than once only for one very long value
            lengths = np.minimum(piece.lengths - first, PIECE_BYTES)
            numbers = stream.runs(tokens[rows], np.full(len(lengths), first), lengths, attempt)
            data = piece.data[first : first + PIECE_BYTES]
            start, end = end, end + len(data)
            out[start:end] = base[data] + (numbers * choices[data] >> np.uint32(16))


def _replace_others(text: Text, tokens: Words, stream: Keystream, attempt: int, out: Bytes) -> None:
    beyond = leads(text.data)
    for start in range(0, len(beyond), PIECE_BYTES // 8):
        at = beyond[start : start + PIECE_BYTES // 8]
        rows = np.searchsorted(text.offsets, at, "right") - 1
        numbers = stream.at(tokens[rows], at - text.offsets[rows], attempt)
        encode(out, at, pools().pick(decode(text.data, at), numbers))


strategy = Scramble()
