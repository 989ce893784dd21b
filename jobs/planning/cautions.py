"""Cautions: rules that work and still may not give what people expect of them, as far as the columns' form shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from anonymizers.contract import Rule, strategies
from connectors.schema import Column, IgnoredCase, Table, TableName
from jobs.planning.findings import Finding, warning

if TYPE_CHECKING:
    from jobs.planning.decisions import Decision

FEW_BITS, FEW_CHARACTERS = 16, 2
"""Integers and texts up to this size have so few values that a list of all with their replacements is easily made."""

CASES: Mapping[IgnoredCase, str] = {
    None: "case counts",
    "ascii": "the case of A to Z is ignored",
    "unicode": "case is ignored",
}


def cautions(tables: Sequence[Table], decisions: Mapping[TableName, Sequence[Decision]]) -> list[Finding]:
    """A warning for each column whose replacements are a code book, and each domain whose columns compare differently."""
    takes = {name: found.accepts if found.needs_values else () for name, found in strategies().items()}
    replaced = [
        (table, table.column(decision.column), decision, decision.rule)
        for table in tables
        for decision in decisions[table.name]
        if decision.rule is not None and decision.shape.kind in takes.get(decision.rule.strategy, ())
    ]
    return [
        *(_code_book(*one) for one in replaced if _has_few_values(*one[:2])),
        *_unlike([(f"{table.name}.{column.name}", rule, made.shape.ignores_case)
                  for table, column, made, rule in replaced if made.shape.kind == "text"]),
    ]  # fmt: skip


def _has_few_values(table: Table, column: Column) -> bool:
    """Told of the column itself, not of those that reference it."""
    if any(column.name in key.columns for key in table.foreign_keys):
        return False
    bits, length = column.type.bits, column.type.length
    return (bits is not None and bits <= FEW_BITS) or (length is not None and length <= FEW_CHARACTERS)


def _code_book(table: Table, column: Column, decision: Decision, rule: Rule) -> Finding:
    keep = "keep it if its values may be seen"
    return warning(
        f"{table.name}.{column.name}",
        f"{column.type.native} has few values, and {rule.strategy} gives each always the same replacement: whoever knows"
        " how often a value occurs knows what it was",
        f'make it "null", or {keep}' if decision.shape.nullable else keep,
    )


def _unlike(columns: Sequence[tuple[str, Rule, IgnoredCase]]) -> Iterator[Finding]:
    domains: dict[tuple[str, str], dict[IgnoredCase, list[str]]] = {}
    for name, rule, ignored in columns:
        domains.setdefault((rule.domain, rule.strategy), {}).setdefault(ignored, []).append(name)
    for (domain, strategy), found in domains.items():
        if len(found) > 1:
            listed = "; ".join(f"{', '.join(names)}: {CASES[ignored]}" for ignored, names in found.items())
            yield warning(
                f"domain {domain}",
                f"its columns under {strategy} do not agree what is one value ({listed})",
                "values in lower case match across them, others may not: give the columns one type or collation if rows"
                " are joined over such values",
            )
