"""What is counted while values are replaced, so that claims about a copy rest on every value and on no sample.

    unchanged   values that came out as they went in
    alike       originals that bear a mark of replacements (`anonymizers.marks`): among these they could not be told
    unmarked    replacements that do not bear the mark of their strategy

NULL and '' are no values. A count has a label, its kind and its column; what is 0 is not written down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anonymizers.buffers import Flags
from anonymizers.marks import Mark

KINDS = UNCHANGED, ALIKE, UNMARKED = "unchanged", "alike", "unmarked"


def of_kind(kind: str, counts: Mapping[str, int]) -> dict[str, int]:
    """The counts of one kind, by column."""
    return {label.partition(" ")[2]: count for label, count in counts.items() if label.startswith(f"{kind} ")}


def counted(
    column: str, values: pa.Array, replacements: pa.Array, mark: Mark | None, marks: Set[Mark] = frozenset()
) -> Counter[str]:
    """What there is to count of one column; without a mark only what is unchanged. `marks` are those that an
    original could bear by which it is found in any column."""
    found = {UNCHANGED: _count(values, pc.equal(values, replacements))}
    if mark is not None:
        found[ALIKE] = _count(values, _alike(values, mark, marks))
        found[UNMARKED] = _count(values, ~mark.on(replacements))
    return +Counter({f"{kind} {column}": count for kind, count in found.items()})


def _alike(values: pa.Array, mark: Mark, marks: Set[Mark]) -> Flags:
    borne = mark.among(values)
    if not mark.shared:  # of names it is counted what they have in common with their own dictionary
        for other in marks - {mark}:
            borne |= other.among(values)
    return borne


def _count(values: pa.Array, flags: pa.Array | Flags) -> int:
    """How many values are flagged."""
    if isinstance(flags, np.ndarray):
        if values.null_count:
            flags &= values.is_valid().to_numpy(zero_copy_only=False)
        flags = pa.array(flags) if flags.any() else pa.nulls(0, pa.bool_())
    count: int = pc.sum(flags, min_count=0).as_py()
    if not count:
        return 0
    holds = pc.not_equal(values, "") if pa.types.is_string(values.type) else values.is_valid()
    count = pc.sum(pc.and_(holds, flags), min_count=0).as_py()
    return count
