"""The strategy contract: one column in, one column out, effects declared, and how strategies are found.

A strategy is one file in `anonymizers/strategies/` exporting `strategy`. It is a pure function of (key, domain, value), or
of (key, domain, value, subject) where it asks whose value it is: the same on every worker, retry, engine and day.
Planning reads its declared `effects` and compares them with the column before a row moves; `check` is that comparison.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from anonymizers.keys import DomainKey
    from anonymizers.marks import Mark


KINDS = frozenset(
    ("text", "integer", "decimal", "float", "boolean", "date", "time", "timestamp", "uuid", "binary", "json", "enum",
     "other")
)  # fmt: skip
"""Every kind of column there is."""


@dataclass(frozen=True)
class ColumnShape:
    """What a strategy may know of a column: nothing but its form."""

    kind: str
    """One of KINDS; strategies name the ones they accept."""
    nullable: bool = True
    unique: bool = False
    """Replacements of different values must differ: a single-column key, or the part of a key that makes it unique."""
    length: int | None = None
    """The most characters the column takes; None: unlimited."""
    integers: tuple[int, int] | None = None
    """The least and the greatest integer there may be; None: unknown, or no integers."""
    room: tuple[int, int] | None = None
    """The least and the greatest integer that the replacement may be."""
    ignores_case: Literal["ascii", "unicode"] | None = None
    """Where 'A' and 'a' are one value: for the letters A to Z, or for all. Spellings of one value get replacements that
    differ in case at most."""


SUBJECT_KINDS = frozenset(("text", "integer", "uuid"))
"""The kinds of columns that can say whose values a row holds."""


@dataclass(frozen=True)
class Subject:
    """Whose values a rule replaces: columns of the same table that name the person or thing."""

    columns: tuple[str, ...]
    otherwise: tuple[str, ...] = ()
    """The row's own key, which takes their place in rows where they are NULL; empty where they never are."""


@dataclass(frozen=True)
class RowContext:
    """What a strategy that asks for a subject may know of n rows: the original values of the subject's columns, as
    string or int64, whatever becomes of them in the copy. Text that differs in case only names the same subject."""

    subject: Sequence[pa.Array] = ()
    otherwise: Sequence[pa.Array] = ()


NO_CONTEXT = RowContext()
"""For the strategies that look at the value alone."""


@dataclass(frozen=True)
class Rule:
    """One column's decision, resolved: which strategy, in which domain, with which options. Picklable, hashable by JSON."""

    strategy: str
    domain: str
    """Columns in one domain under one strategy and key map equal values to equal replacements, wherever they are."""
    options: Mapping[str, Any] = field(default_factory=dict)
    subject: Subject | None = None
    """Resolved by planning, for strategies that need one."""


@dataclass(frozen=True)
class Effects:
    """What a strategy does to a column of that shape."""

    injective: Literal["yes", "probable", "no"]
    """Different values never get equal replacements: by construction, with ≥ 80 bits of chance, or they may. NULLs are
    not equal: a unique key takes any number of them."""
    nulls: bool
    """May turn a value into NULL."""
    length: int | None
    """The longest replacement in characters; None: never longer than the value itself."""
    reversible: bool
    """Whoever has the key can compute the value back."""
    integers: tuple[int, int] | None = None
    """The least and the greatest integer there may be then; None: unknown, or no integers."""


class Strategy(Protocol):
    """One way to replace values. Stateless."""

    name: str
    """What people write; also the file's name (`null` lives in `null_.py`)."""
    version: int
    """Grows whenever any output changes; part of the plan's hash and of key derivation."""
    revised: Mapping[str, int]
    """Domains whose outputs have changed alone since, with their own version."""
    summary: str
    """One line for people: what a value becomes."""
    accepts: frozenset[str]
    """Column kinds it takes."""
    options: Mapping[str, type]
    """Options it takes, by name and type; most declare none."""
    domains: frozenset[str] | None
    """The only domains it knows (faker's dictionaries); None: any label."""
    needs_values: bool
    """False: it looks at no value, so the column need not be read; `apply` gets n NULLs."""
    needs_subject: bool
    """True: the replacement depends on whose value it is; the rule has a subject and `apply` gets its values."""

    def effects(self, column: ColumnShape, rule: Rule) -> Effects: ...

    def mark(self, column: ColumnShape, rule: Rule) -> Mark | None:
        """What replacements bear by which nobody takes them for an original; None: nothing."""
        ...

    def apply(
        self, values: pa.Array, key: DomainKey, column: ColumnShape, rule: Rule, row: RowContext = NO_CONTEXT
    ) -> pa.Array:
        """n values in (string, int64, date32 or timestamp[us]; NULLs stay NULL), n replacements out (the same type, or
        null type)."""
        ...


def _modules() -> list[str]:
    package = import_module("anonymizers.strategies")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def strategies() -> dict[str, Strategy]:
    """Every strategy by name: the modules of `anonymizers/strategies`."""
    found = [import_module(f"anonymizers.strategies.{module}").strategy for module in _modules()]
    return {strategy.name: strategy for strategy in found}


def strategy(name: str) -> Strategy:
    """One strategy, importing only its own file. Raises KeyError for an unknown name."""
    for module in _modules():
        if module.rstrip("_") == name:
            found: Strategy = import_module(f"anonymizers.strategies.{module}").strategy
            return found
    raise KeyError(name)


def version(strategy: Strategy, domain: str) -> int:
    """A strategy's version in a domain."""
    return strategy.revised.get(domain, strategy.version)


def check(rule: Rule, column: ColumnShape) -> list[str]:
    """Why this rule must not be applied to this column: a sentence each, all of them; empty when it fits."""
    known = strategies()
    if rule.strategy not in known:
        return [f"there is no strategy '{rule.strategy}': use one of {', '.join(sorted(known))}, or keep"]
    chosen = known[rule.strategy]
    problems = _misuse(chosen, rule)
    if column.kind not in chosen.accepts:
        takers = ", ".join(sorted(name for name, other in known.items() if column.kind in other.accepts))
        problems.insert(0, f"{rule.strategy} does not take {column.kind} columns; {takers} or keep would")
    if problems:
        return problems
    problems = _conflicts(chosen, rule, column)
    if column.unique and chosen.effects(column, rule).injective == "no":
        others = (replace(rule, strategy=name, options={}) for name in sorted(known))
        able = [other.strategy for other in others if _fits(known[other.strategy], other, column)]
        problems.append(
            f"{rule.strategy} may give two rows the same value but the column is unique; "
            f"{', '.join([*able, 'keep'])} would not"
        )
    return problems


def _misuse(chosen: Strategy, rule: Rule) -> list[str]:
    """What is wrong with a rule, whatever the column."""
    problems = []
    for option in sorted(set(rule.options) - set(chosen.options)):
        allowed = ", ".join(sorted(chosen.options)) or "it takes none"
        problems.append(f"{rule.strategy} has no option '{option}' ({allowed})")
    for option, kind in chosen.options.items():
        if option in rule.options and type(rule.options[option]) is not kind:
            problems.append(f"option '{option}' of {rule.strategy} must be a {kind.__name__}")
    if chosen.domains is not None and rule.domain not in chosen.domains:
        problems.append(f"{rule.strategy} needs a domain, one of {', '.join(sorted(chosen.domains))}")
    return problems


def _conflicts(chosen: Strategy, rule: Rule, column: ColumnShape) -> list[str]:
    """Which replacements the column would refuse, its uniqueness apart."""
    effects = chosen.effects(column, rule)
    problems = []
    if effects.nulls and not column.nullable:
        problems.append(f"{rule.strategy} gives NULL but the column is NOT NULL")
    if column.length is not None and effects.length is not None and effects.length > column.length:
        problems.append(f"{rule.strategy} gives up to {effects.length} characters but the column takes {column.length}")
    given, room = effects.integers, column.room
    if given is not None and room is not None and not room[0] <= given[0] <= given[1] <= room[1]:
        problems.append(
            f"{rule.strategy} gives integers from {given[0]:,} to {given[1]:,} but the column takes {room[0]:,} to {room[1]:,}:"
            " a wider type in the target would take them"
        )
    return problems


def _fits(chosen: Strategy, rule: Rule, column: ColumnShape) -> bool:
    if column.kind not in chosen.accepts or _misuse(chosen, rule) or _conflicts(chosen, rule, column):
        return False
    return chosen.effects(column, rule).injective != "no"
