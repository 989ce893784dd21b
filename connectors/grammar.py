"""Grammar: what an engine's schemas can say, and what its expressions mean where engines differ. Declared once, by each.

What two engines mean alike needs no word here; what they do not is a field, and whoever translates reads nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Grammar:
    """An engine's part of every translation."""

    dialect: str
    """sqlglot's name of it."""
    words: str
    """SQLAlchemy's name of it, whose list of reserved words is asked for."""
    sums: Literal["operands", "long", "float"]
    """How wide the sum of two integers is: as its wider operand, and the row is refused beyond, whatever else its condition
    says; 64 bits, and refused beyond where it is looked at; 64 bits, and a rounded number beyond, as of decimals anyway."""
    moments: Literal["values", "texts"]
    """How dates and times are compared: as what they are, or letter by letter."""
    clock: str
    """The clock of the session's time zone, `{digits}` behind a second; empty where there is none."""
    instant: str
    """This moment, for a column that keeps moments."""
    utc_clock: str
    """What the clock of UTC shows now."""
    today: str
    """The session's day; empty where there is none."""
    clock_digits: int
    """Digits of a second that CURRENT_TIMESTAMP tells where none are asked for."""
    instant_literal: str = "{}"
    """A moment of UTC as a text in this engine's words."""
    bytes_literal: str = "X'{}'"
    """Bytes, from their hexadecimal digits."""
    counts_past_nul: bool = True
    """The length of a text goes on behind a NUL character."""
    counters_checked: bool = True
    """A CHECK may look at a column that the database numbers."""
    counts_freely: bool = True
    """A counter has a step, bounds and a sign of its own. Else it counts up by one, from a start above zero on."""
    counts_keys_only: bool = False
    """The database numbers no column but a whole primary key."""
    renews: bool = False
    """A column may be set to the time whenever its row changes."""
    virtual_columns: bool = True
    """A generated column may be computed whenever it is read, and not kept."""
    adds_stored_columns: bool = True
    """A generated column that is kept may be added to a table that is there."""
    virtual_cut: bool = False
    """What is too large for a generated column that is not kept is not refused: it is read as what fits."""
    computed_not_null: bool = True
    """A generated column may be NOT NULL."""
    truths_are_numbers: bool = False
    """A condition has the value 1 or 0."""
    comments: bool = True
    """Tables and columns may have them."""
    partial_indexes: bool = True
    expression_indexes: bool = True
    prefix_indexes: bool = False
    """An index may hold a column's first characters only."""
    key_bytes: int | None = None
    """How many bytes an entry of an index may have; None: no limit that is told in advance."""
    endless_keys: bool = True
    """A column whose type knows no limit may be part of an index."""
    set_default: bool = True
    """A foreign key may do SET DEFAULT."""
    deferrable: bool = True
    """A foreign key's check may wait for the commit."""
    set_null_needs_null: bool = False
    """SET NULL is for columns that may be NULL only."""
    changes_in_sight: bool = True
    """A CHECK, or a generated column that is kept, may look at a column that a foreign key's action changes."""
    keys_need_indexes: bool = False
    """A foreign key has an index over its columns; the engine makes one where it finds none."""
    same_key_types: bool = False
    """Both ends of a foreign key are of exactly one type."""
    constraint_names: Literal["table", "schema"] = "table"
    """Where a CHECK's or a foreign key's name must be the only one."""
    folds_names: bool = False
    """Names of columns, indexes and constraints that differ in letter case only are one."""
    index_names_apart: bool = True
    """An index may be called as a table is."""

    def folded(self, name: str) -> str:
        """A name as it is compared."""
        return name.lower() if self.folds_names else name
