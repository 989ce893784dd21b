"""The two sides of an e-mail address: the same person whatever its case, yet two spellings stay two values.

The normal form decides the replacement. A value that is not in normal form gets the same replacement with some letters
in upper case, which ones drawn from the value itself: equal ignoring case, different to a case-sensitive unique key.
(Two other spellings of one address fall together once in 2^L, L being the replacement's letters, 19 or more.)
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anonymizers.buffers import Positions, Text, Words
from anonymizers.letter_case import lower

_SPACES = " \t\n\v\f\r"


def normal_form(values: pa.Array) -> pa.Array:
    """Lower case, without spaces around."""
    return lower(pc.ascii_trim(values, _SPACES))


def respelled(replacements: pa.Array, patterns: Words) -> pa.Array:
    """Lower-case ASCII replacements of at most 128 characters, with at least one letter in upper case each.

    Bit i of a pattern decides on character i; where it leaves all as they are, the first character changes.
    """
    text = Text.of(replacements)
    rows = np.repeat(np.arange(len(text.lengths)), text.lengths)
    within: Positions = np.arange(len(text.data)) - text.starts[rows]
    bits = np.unpackbits(patterns.view(np.uint8), axis=1)
    letters = (text.data >= ord("a")) & (text.data <= ord("z"))
    upper = letters & bits[rows, within].astype(np.bool_)
    untouched = ~np.logical_or.reduceat(upper, text.starts)
    upper[text.starts[untouched]] = True
    return Text(text.data - upper * np.uint8(32), text.offsets).array()
