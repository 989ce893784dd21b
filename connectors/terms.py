"""Terms: what parts of an expression are, for whoever says it again in another engine's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from connectors.types import Canonical, Equality, Family


class Untranslatable(Exception):
    """Why an expression cannot be said in the other engine's words, as a clause for people; it holds no value."""


@dataclass(frozen=True)
class Term:
    """A column, as expressions see it on both sides."""

    name: str
    """In the target."""
    source: Canonical
    target: Canonical
    equality: Equality = "exact"
    """Of texts, in the source."""
    equality_there: Equality = "exact"
    values: Mapping[str, str | None] | None = None
    """What its values become in the target."""
    counter: bool = False
    """The target numbers it."""


Terms = Mapping[str, "Term | str"]
"""By the source's name; instead of a column that a condition cannot look at, why: a clause for people."""


@dataclass(frozen=True)
class Typed:
    """A part of an expression, in the target's terms."""

    node: exp.Expression
    family: Family
    term: Term | None = None
    """Where it is a column."""
    literal: str | None = None
    """Where it is a literal: its text."""
    bounds: tuple[int, int] = (0, 0)
    """INTEGER: the least and the greatest."""
    bits: int = 64
    """INTEGER: how wide it is in the source; FLOAT, too."""
    digits: tuple[int, int] | None = (0, 0)
    """DECIMAL: all, and those behind the point; None: as many as one likes."""
    rounded: bool = False
    """DECIMAL: one of both engines keeps 15 digits."""
    equality: Equality = "exact"
    trimmed: bool = False
    """TEXT: where blanks at the end say nothing in the source and do in the target."""
    fixed: bool = False
    counts_nul: bool = False
    """TEXT: it may hold a NUL on both sides."""


def parsed(text: str, dialect: str) -> Any:
    """The one expression that the text is. Raises Untranslatable."""
    try:
        statements: list[Any] = [one for one in parse(f"SELECT ({text}\n)", dialect=dialect) if one is not None]
    except (SqlglotError, RecursionError):
        raise Untranslatable("it cannot be read") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Select) or len(statements[0].expressions) != 1:
        raise Untranslatable("it cannot be read")
    select = statements[0]
    if {name for name, value in select.args.items() if value} - {"expressions", "kind"}:
        raise Untranslatable("it cannot be read")
    return bare(select.expressions[0])


def bare(node: Any) -> Any:
    """Without the brackets around it."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def text_of(node: Any) -> str | None:
    """The text that a literal is; None for anything else."""
    node = bare(node)
    if isinstance(node, exp.Introducer) and node.name.lower() in ("_utf8mb4", "_utf8mb3", "_utf8", "_latin1", "_ascii"):
        node = node.expression
        plain = isinstance(node, exp.Literal) and node.is_string and node.name.isascii()
        return node.name if plain else None
    if isinstance(node, (exp.ByteString, exp.National)):
        return str(node.name)
    return str(node.name) if isinstance(node, exp.Literal) and node.is_string else None


def number_of(node: Any) -> str | None:
    """The digits of a literal number, a minus before them, without an exponent; None for anything else."""
    node, sign = bare(node), ""
    if isinstance(node, exp.Neg):
        node, sign = bare(node.this), "-"
    if not isinstance(node, exp.Literal) or node.is_string:
        return None
    whole, _, fraction = node.name.partition(".")
    if not (whole + fraction).isdecimal() or not (whole + fraction).isascii():
        return None
    whole = whole.lstrip("0") or "0"
    return sign + whole + (f".{fraction}" if fraction else "")


def called(node: Any) -> str:
    """What it does, in words for people."""
    if isinstance(node, exp.Anonymous):
        return f"it calls {node.name.lower()}"
    if isinstance(node, exp.Func):
        return f"it calls {node.sql_name().lower()}"
    return f"it uses {node.key.upper()}"
