"""What detection is asked and what it answers. Answers hold no cell value: evidence names rules and shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anonymizers.contract import ColumnShape, Rule

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Candidate:
    """One column to judge. `sample` is some of its values as strings; None or empty: there are none to look at."""

    table: str
    """Its table's name, with or without the schema: tells what a column `name` names."""
    column: str
    shape: ColumnShape
    sample: pa.Array | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Verdict:
    """A column that looks personal, or that nobody but a person can judge."""

    column: str
    domain: str
    """What it seems to hold: `email`, `birth_date` …; `free_text`, or the column's kind, where that cannot be told."""
    confidence: int
    """0 to 100. A low one asks for a look; the column is to be replaced all the same."""
    rule: Rule | None
    """The proposal, which fits the column; None where `undecidable`."""
    reasons: tuple[str, ...]
    """The evidence, for people: a phrase each."""
    undecidable: bool = False
    """A person must decide: the last reason says why."""
