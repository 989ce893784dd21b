"""`mask`: a value's kind stays visible, and at most two of its characters.

jane.doe@acme.com  →  j***@***.com      one @, neither first nor last, at most 255 bytes
+44 20 7946 0123   →  ***-***-23        7 digits or more, else only spaces and + - . ( ), at most 255 bytes
Jane Doe           →  J***              anything else of at least 5 characters
Jane               →  ***
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizers.buffers import Bytes, Positions, Text, piecewise, ragged
from anonymizers.contract import NO_CONTEXT, ColumnShape, Effects, RowContext, Rule
from anonymizers.keys import DomainKey
from anonymizers.marks import Mark, Stars

_SEEN = 255
"""Bytes of a value that are counted; so a count fits a byte, and one running sum of words counts four classes."""
_CHARACTERS, _DIGITS, _AT, _FOREIGN = range(4)
"""The classes: first bytes of characters, digits, @, and bytes no phone number has."""
_FIRST = 4
"""Columns of an output row for the first character; its rest follows."""


def _classes() -> NDArray[np.uint32]:
    """By byte: a one in the byte of each class it belongs to."""
    table = np.zeros((256, 4), np.uint8)
    every = np.arange(256)
    table[:, _CHARACTERS] = every & 0xC0 != 0x80
    table[ord("0") : ord("9") + 1, _DIGITS] = 1
    table[ord("@"), _AT] = 1
    table[:, _FOREIGN] = ~np.isin(every, np.frombuffer(b"0123456789 +-().", np.uint8))
    return table.view(np.uint32).reshape(-1)


_CLASS = _classes()
_IS_DIGIT = _CLASS.view(np.uint8).reshape(256, 4)[:, _DIGITS].astype(np.bool_)


class _Form(NamedTuple):
    rest: bytes
    first: bool
    """Whether the value's first character leads."""


_SHORT, _LONG, _PHONE, _EMAIL = range(4)
_FORMS = (_Form(b"***", False), _Form(b"***", True), _Form(b"***-***-00", False), _Form(b"***@***.com", True))
_LONGEST = max(len(form.rest) + form.first for form in _FORMS)
_WIDTH = _FIRST + max(len(form.rest) for form in _FORMS)
_ROWS = np.stack([np.frombuffer(bytes(_FIRST) + form.rest.ljust(_WIDTH - _FIRST), np.uint8) for form in _FORMS])


def _kept() -> NDArray[np.bool_]:
    """By form and bytes of the first character: which columns of an output row are part of the value."""
    kept = np.zeros((len(_FORMS), _FIRST + 1, _WIDTH), np.bool_)
    for number, form in enumerate(_FORMS):
        kept[number, :, _FIRST : _FIRST + len(form.rest)] = True
        for width in range(_FIRST + 1) if form.first else ():
            kept[number, width, :width] = True
    return kept


_KEPT = _kept()


class Mask:
    name = "mask"
    version = 1
    revised: Mapping[str, int] = {}
    summary = "j***@***.com for e-mails, ***-***-23 for phone numbers, else the first character and ***"
    accepts = frozenset({"text"})
    options: Mapping[str, type] = {}
    domains: frozenset[str] | None = None
    needs_values = True
    needs_subject = False

    def effects(self, column: ColumnShape, rule: Rule) -> Effects:
        return Effects(injective="no", nulls=False, length=_LONGEST, reversible=False)

    def mark(self, column: ColumnShape, rule: Rule) -> Mark:
        return Stars()

    def apply(
        self, values: pa.Array, key: DomainKey, column: ColumnShape, rule: Rule, row: RowContext = NO_CONTEXT
    ) -> pa.Array:
        return piecewise(values, lambda some: _masked(Text.of(some)))


def _masked(text: Text) -> pa.Array:
    padded = np.concatenate([text.data, np.zeros(_FIRST, np.uint8)])
    form = _forms(text, padded)
    rows = _ROWS[form]
    for column in range(_FIRST):
        rows[:, column] = padded[text.starts + column]
    phone = np.flatnonzero(form == _PHONE)
    last = _digit_before(padded, text.ends[phone])
    rows[phone, _FIRST + 8] = padded[_digit_before(padded, last)]
    rows[phone, _FIRST + 9] = padded[last]
    first = padded[text.starts]
    width = 1 + (first >= 0xC0).astype(np.int8) + (first >= 0xE0) + (first >= 0xF0)
    return ragged(rows, _KEPT[form, width])


def _forms(text: Text, padded: Bytes) -> NDArray[np.intp]:
    total = np.zeros(len(text.data) + 1, np.uint32)
    np.cumsum(_CLASS[text.data], out=total[1:])
    seen = np.minimum(text.ends, text.starts + _SEEN)
    counts = (total[seen] - total[text.starts]).view(np.uint8).reshape(-1, 4)
    whole = text.lengths <= _SEEN
    inner = (padded[text.starts] != ord("@")) & (padded[text.ends - 1] != ord("@"))
    form = np.where(counts[:, _CHARACTERS] >= 5, _LONG, _SHORT)
    form[whole & (counts[:, _DIGITS] >= 7) & (counts[:, _FOREIGN] == 0)] = _PHONE
    form[whole & (counts[:, _AT] == 1) & inner] = _EMAIL
    return form


def _digit_before(data: Bytes, ends: Positions) -> Positions:
    """The last digit before each position. There must be one."""
    at = ends - 1
    while (other := ~_IS_DIGIT[data[at]]).any():
        at = at - other
    return at


strategy = Mask()
