"""Column mappings: what a table and its columns become in the target, where that is not what they are in the source.

users:                                            # [schema.]table of the source
  table: customers                                # its name in the target
  columns:
    email: {name: mail}                           # another name
    notes: {drop: true}                           # not copied
    amount: {type: "numeric(12,2)"}               # a type in the target's own words
    status: {values: {A: active, I: inactive}}    # what values become; any other stops its chunk
  constants:
    origin: {value: PROD, type: varchar(10)}      # a column that only the target has
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from jobs.config.names import NameText, TableText, once, parse_name, parse_table
from jobs.config.strict import Strict


def _exact(given: Any) -> Any:
    """A value as text, exactly as it was written. What YAML or a database could read in another way is refused."""
    if isinstance(given, bool):
        raise ValueError("true, false, yes, no …: write 1 or 0 for a boolean, or the word in quotes for a text")
    if isinstance(given, float):
        raise ValueError("write it in quotes: a number with a fraction would be rounded before it is read")
    if isinstance(given, int):
        return str(given)
    if given is not None and not isinstance(given, str):
        raise ValueError("must be one value: a text, a whole number or null")
    return given


def _meanings(given: Any) -> Any:
    """Values and what they become. A problem is told by its number: the values themselves are told nowhere."""
    if not isinstance(given, dict):
        return given
    found = {}
    for number, (value, meaning) in enumerate(given.items(), 1):
        try:
            if value is None:
                raise ValueError('NULL stays NULL: remove it (or write "null" in quotes where the text is meant)')
            found[_exact(value)] = _exact(meaning)
        except ValueError as problem:
            raise ValueError(f"entry {number}: {problem}") from None
    return found


Exact: TypeAlias = Annotated[str | None, BeforeValidator(_exact)]
"""A text; None is NULL."""
Meanings: TypeAlias = Annotated[dict[str, str | None], BeforeValidator(_meanings), Field(min_length=1)]
Words: TypeAlias = Annotated[str, Field(min_length=1)]


class ColumnMapping(Strict):
    """What becomes of one column of the source."""

    name: NameText | None = None
    """Its name in the target."""
    drop: bool = False
    """It is not copied."""
    type: Words | None = None
    """Its type in the target, in the target's own words."""
    values: Meanings | None = None
    """What each value becomes, in the form of its family (`connectors.types.FORMS`); None: they stay."""

    @model_validator(mode="after")
    def _says_something(self) -> ColumnMapping:
        others = [key for key in ("name", "type", "values") if getattr(self, key) is not None]
        if self.drop and others:
            raise ValueError(f"a dropped column is not copied: remove {', '.join(others)}")
        if not self.drop and not others:
            raise ValueError("says nothing: give it name, drop, type or values, or remove it")
        return self

    @property
    def target(self) -> str | None:
        """The plain name in the target; None: as in the source."""
        return None if self.name is None else parse_name(self.name)


class Constant(Strict):
    """A column that the target has and the source has not: one value in every row."""

    value: Exact
    """In the form of the target's family; None is NULL."""
    type: Words | None = None
    """In the target's own words; None: the target has the column already."""


class TableMapping(Strict):
    """What becomes of one table of the source."""

    table: TableText | None = None
    """Its name in the target."""
    columns: dict[NameText, ColumnMapping] | None = Field(default=None, min_length=1)
    """By the source's column, as written."""
    constants: dict[NameText, Constant] | None = Field(default=None, min_length=1)
    """By the target's column, as written."""

    @field_validator("columns", "constants")
    @classmethod
    def _written_once(cls, columns: dict[str, Any] | None) -> dict[str, Any] | None:
        once(columns or (), parse_name, "column")
        return columns

    @model_validator(mode="after")
    def _filled_once(self) -> TableMapping:
        if self.table is None and self.columns is None and self.constants is None:
            raise ValueError("says nothing: give it table, columns or constants, or remove it")
        named = [mapping.target or column for column, mapping in self.by_column.items() if not mapping.drop]
        if twice := _twice([*named, *self.by_constant]):
            raise ValueError(
                f"two columns would become {', '.join(twice)} in the target: give one of them another name"
            )
        return self

    @property
    def target(self) -> tuple[str | None, str] | None:
        """(schema or None, table) in the target; None: as in the source."""
        return None if self.table is None else parse_table(self.table)

    @property
    def by_column(self) -> Mapping[str, ColumnMapping]:
        """By the plain name of the source's column."""
        return {parse_name(text): mapping for text, mapping in (self.columns or {}).items()}

    @property
    def by_constant(self) -> Mapping[str, Constant]:
        """By the plain name of the target's column."""
        return {parse_name(text): constant for text, constant in (self.constants or {}).items()}


def _tables_once(given: dict[str, TableMapping]) -> dict[str, TableMapping]:
    once(given, parse_table, "table")
    targets = [mapping.target or parse_table(text) for text, mapping in given.items()]
    if twice := _twice(".".join(part for part in name if part) for name in targets):
        raise ValueError(f"two tables would become {', '.join(twice)} in the target: give one of them another name")
    return given


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


ColumnMappings: TypeAlias = Annotated[dict[TableText, TableMapping], AfterValidator(_tables_once)]
"""By the source's table, as written."""
