"""Generated columns of a table of one engine in another's terms: computed there, of the values that have arrived there.

Their values are never copied: one that is computed from a replaced value would tell the original. What both engines do not
compute alike is no column of the target, and a finding says why. Pure.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from connectors import expressions
from connectors.expressions import Term, Terms, Untranslatable
from connectors.grammar import Grammar
from connectors.schema import Column, Table
from jobs.planning.crossing import Projection
from jobs.planning.ends import End
from jobs.planning.findings import Finding, warning


@dataclass(frozen=True)
class Computed:
    """A generated column that the target computes too."""

    column: Column
    """In the target."""
    term: Term
    replaced: bool
    """It is computed from replaced values, so its own are others than the source's."""

    @property
    def condition(self) -> Term | str:
        """What conditions may say of it."""
        if self.replaced:
            return f"it reads {self.term.name}, which is computed from values that are replaced"
        return self.term


def computed(where: str, table: Table, way: Projection, source: End, target: End, words: tuple[Grammar, Grammar],
             known: Terms, masked: Set[str]) -> tuple[dict[str, Computed], list[Finding]]:  # fmt: skip
    """Those that can be made, by their names, and what is lost. `known`: what expressions may read, replaced or not."""
    found: dict[str, Computed] = {}
    findings: list[Finding] = []
    taken = {words[1].folded(one.target) for one in way.fields}
    replaced = frozenset(name.lower() for name in masked)
    for column in table.columns:
        if not column.generated or column.name in way.without:
            continue
        try:
            if words[1].folded(column.name) in taken:
                raise Untranslatable("another column is called so there")
            acted_on = not words[1].changes_in_sight and _acted_on(column, table, words[0])
            added = words[1].adds_stored_columns or source.facts.engine == target.facts.engine
            stored = not words[1].virtual_columns or (column.stored and added and not acted_on)
            one = _computed(column, source, target, words, known, replaced, stored=stored)
        except Untranslatable as problem:
            findings.append(warning(f"{where}: {column.name}", f"it is not computed in the target: {problem}"))
            continue
        found[column.name] = one
        if one.column.nullable and not column.nullable:
            why = (
                "it is computed from values that are replaced"
                if one.replaced
                else "the target refuses none it computes"
            )
            findings.append(warning(f"{where}: {column.name}", f"it may be NULL in the target: {why}"))
    return found, findings


def _acted_on(column: Column, table: Table, grammar: Grammar) -> bool:
    """Whether it reads a column of a foreign key that does something."""
    keys = (key for key in table.foreign_keys if {key.on_delete, key.on_update} - {"NO ACTION", "RESTRICT"})
    read = expressions.reads(column.computed or "", grammar)
    return any(name.lower() in read for key in keys for name in key.columns)


def _computed(column: Column, source: End, target: End, words: tuple[Grammar, Grammar], known: Terms, masked: frozenset[str],
              *, stored: bool) -> Computed:  # fmt: skip
    """`stored`: whether the target keeps its values."""
    given = source.types.canonical(column.type)
    made = column.type if source.facts.engine == target.facts.engine else target.types.native(given)
    if made is None or column.computed is None:
        raise Untranslatable("the target has no type for its values")
    equality = "other" if column.ignores_case else source.types.equality(column.type)
    term = Term(column.name, given, target.types.canonical(made), equality, target.types.equality(made))
    cut = any(grammar.virtual_cut and not kept for grammar, kept in zip(words, (column.stored, stored), strict=True))
    said = expressions.computed(column.computed, term, known, *words, masked, cut=cut)
    replaced = bool(masked & expressions.reads(column.computed, words[0]))
    nullable = column.nullable or replaced or not words[1].computed_not_null
    there = replace(column, type=made, nullable=nullable, ignores_case=None, computed=said,
                    stored=stored)  # fmt: skip
    return Computed(there, term, replaced)
