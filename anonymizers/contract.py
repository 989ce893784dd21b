"""The strategy contract: one column in, one column out, effects declared, and how strategies are found.

A strategy is one file in `anonymizers/strategies/` exporting `strategy`. It is a pure function of (key, domain, value):
the same on every worker, retry, engine and day. Planning reads its declared `effects` and compares them with the column
before a row moves; `check` is that comparison.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from anonymizers.keys import DomainKey


@dataclass(frozen=True)
class ColumnShape:
    """What a strategy may know of a column: nothing but its form."""

    kind: str
    """`text`, `integer`, or another word of the schema's kinds; strategies name the ones they accept."""
    nullable: bool = True
    unique: bool = False
    """Replacements of different values must differ: a single-column key, or the part of a key that makes it unique."""
    length: int | None = None
    """The most characters the column takes; None: unlimited."""
    bits: int | None = None
    """An integer column's width: 16, 32 or 64."""
    case_sensitive: bool = True


@dataclass(frozen=True)
class Rule:
    """One column's decision, resolved: which strategy, in which domain, with which options. Picklable, hashable by JSON."""

    strategy: str
    domain: str
    """Columns in one domain under one strategy and key map equal values to equal replacements, wherever they are."""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Effects:
    """What a strategy does to a column of that shape."""

    injective: Literal["yes", "probable", "no"]
    """Different values get different replacements: by construction, with ≥ 80 bits of chance, or not."""
    nulls: bool
    """May turn a value into NULL."""
    length: int | None
    """The longest replacement in characters; None: never longer than the value itself."""
    reversible: bool
    """Whoever has the key can compute the value back."""


class Strategy(Protocol):
    """One way to replace values. Stateless."""

    name: str
    """What people write; also the file's name (`null` lives in `null_.py`)."""
    version: int
    """Grows whenever any output changes; part of the plan's hash and of key derivation."""
    summary: str
    """One line for people: what a value becomes."""
    accepts: frozenset[str]
    """Column kinds it takes."""
    options: Mapping[str, type]
    """Options it takes, by name and type; `faker` and others without options declare none."""
    domains: frozenset[str] | None
    """The only domains it knows (faker's dictionaries); None: any label."""

    def effects(self, column: ColumnShape, rule: Rule) -> Effects: ...

    def apply(self, values: pa.Array, key: DomainKey, column: ColumnShape, rule: Rule) -> pa.Array:
        """n values in (string or int64; NULLs stay NULL), n replacements out (the same type, or null type)."""
        ...


def strategies() -> dict[str, Strategy]:
    """Every strategy by name: the modules of `anonymizers/strategies`."""
    folder = Path(__file__).parent / "strategies"
    names = sorted(m.name for m in pkgutil.iter_modules([str(folder)]))
    found = [import_module(f"anonymizers.strategies.{name}").strategy for name in names]
    return {strategy.name: strategy for strategy in found}


def strategy(name: str) -> Strategy:
    """One strategy, importing only its own file. Raises KeyError for an unknown name."""
    folder = Path(__file__).parent / "strategies"
    for module in pkgutil.iter_modules([str(folder)]):
        if module.name.rstrip("_") == name:
            found: Strategy = import_module(f"anonymizers.strategies.{module.name}").strategy
            return found
    raise KeyError(name)


def check(rule: Rule, column: ColumnShape) -> list[str]:
    """Why this rule must not be applied to this column: a sentence each, all of them; empty when it fits."""
    known = strategies()
    if rule.strategy not in known:
        return [f"there is no strategy '{rule.strategy}': use one of {', '.join(sorted(known))}, or keep"]
    chosen = known[rule.strategy]
    problems = []
    if column.kind not in chosen.accepts:
        takers = ", ".join(sorted(n for n, s in known.items() if column.kind in s.accepts))
        problems.append(f"{rule.strategy} does not take {column.kind} columns; {takers} or keep would")
    for option in sorted(set(rule.options) - set(chosen.options)):
        allowed = ", ".join(sorted(chosen.options)) or "none"
        problems.append(f"{rule.strategy} has no option '{option}': its options are {allowed}")
    for option, kind in chosen.options.items():
        if option in rule.options and not isinstance(rule.options[option], kind):
            problems.append(f"option '{option}' of {rule.strategy} must be a {kind.__name__}")
    if chosen.domains is not None and rule.domain not in chosen.domains:
        problems.append(f"{rule.strategy} needs a domain, one of {', '.join(sorted(chosen.domains))}")
    if problems:
        return problems
    effects = chosen.effects(column, rule)
    if effects.nulls and not column.nullable:
        problems.append(f"{rule.strategy} gives NULL but the column is NOT NULL")
    if column.unique and effects.injective == "no":
        able = ", ".join(
            name
            for name, other in sorted(known.items())
            if column.kind in other.accepts
            and (other.domains is None or rule.domain in other.domains)
            and other.effects(column, rule).injective != "no"
        )
        problems.append(
            f"{rule.strategy} may give two rows the same value but the column is unique; {able or 'keep'} would not"
        )
    if column.length is not None and effects.length is not None and effects.length > column.length:
        problems.append(f"{rule.strategy} gives up to {effects.length} characters but the column takes {column.length}")
    return problems
