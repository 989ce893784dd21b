"""What can be claimed of a copy's replaced columns, from what was counted while every value was replaced.

A column is proven when no row keeps its own value, no original bears a mark of replacements and every replacement bears its
own: then none of its originals is any row's replacement, in any replaced column but the open ones. Nothing is claimed of
open columns (their strategy leaves no mark, or some replacement had none) nor of kept ones: both are named. Originals are
those of the rows that were copied; what `null` empties is not even read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anonymizers.contract import strategy
from anonymizers.counts import ALIKE, KINDS, UNCHANGED, UNMARKED
from anonymizers.marks import Mark
from connectors.schema import Kind
from jobs.planning.decisions import Decision
from jobs.planning.plan import Plan, TablePlan

_HOLDS_TEXT = frozenset((Kind.TEXT, Kind.JSON, Kind.BINARY, Kind.OTHER))
_SHOWN = 12
"""Columns named in one line; JSON has them all."""


def mark(decision: Decision) -> Mark | None:
    """What replacements of this column bear."""
    rule = decision.rule
    return None if rule is None else strategy(rule.strategy).mark(decision.shape, rule)


def claims(plan: Plan, counts: Mapping[int, Mapping[str, Mapping[str, int]]]) -> dict[str, Any]:
    """The claims as data: what is proven of which columns, and which ones it leaves out. `counts` are those of each table,
    by kind and column of the target."""
    proven, names, emptied, open_ = [], [], [], {}
    for table in plan.tables:
        for decision in table.masked:
            assert decision.rule is not None
            column, found = _name(table, decision), mark(decision)
            if not strategy(decision.rule.strategy).needs_values:
                emptied.append(column)
                continue
            missed = {kind for kind in KINDS if counts[table.table_id][kind].get(table.column(decision.column))}
            if found is not None and found.shared:
                names.append(column)
            elif found is not None and not missed:
                proven.append(column)
            if found is None or missed & {UNCHANGED, UNMARKED}:
                open_[column] = decision.rule.strategy
    kept = [_name(table, d) for table in plan.tables for d in table.decisions if d.rule is None and _text(table, d)]
    return {"proven": proven, "names": names, "emptied": emptied, "open": open_, "kept": kept}


def _name(table: TablePlan, decision: Decision) -> str:
    return f"{table.name}.{table.column(decision.column)}"


def _text(table: TablePlan, decision: Decision) -> bool:
    return table.source.column(decision.column).type.kind in _HOLDS_TEXT


def sentences(report: Mapping[str, Any]) -> list[str]:
    """The same for people, one line each. A report without replaced columns has none."""
    found = report.get("claims")
    if not found or not any(table[UNCHANGED] for table in report["tables"]):
        return []
    lines = []
    if found["proven"]:
        but = f" but those named below as open ({len(found['open'])})" if found["open"] else ""
        now = " among the rows copied now" if any(table["rows_before"] for table in report["tables"]) else ""
        lines.append(f"✓ no original value of {_list(found['proven'])} stands in any replaced column{but}{now}")
    for table in report["tables"]:
        rows = f"of {table['rows']:,} rows"
        for column, count in table[ALIKE].items():
            name = f"{table['table']}.{column}"
            if name in found["names"]:
                lines.append(f"  {name}: {count:,} {rows} hold what the dictionary also gives to others")
            elif count:
                lines.append(f"! {name}: {count:,} {rows} hold what looks like a replacement: not proven that none of"
                             " these values stands in a replaced column")  # fmt: skip
        lines += [f"! {table['table']}.{column}: {count:,} {rows} got a replacement without the mark that tells it from"
                  " originals" for column, count in table[UNMARKED].items() if count]  # fmt: skip
    if found["emptied"]:
        lines.append(f"  emptied, their values were not even read: {_list(found['emptied'])}")
    if found["open"]:
        told = [f"{column} ({name})" for column, name in found["open"].items()]
        lines.append(f"  open, a replacement may be somebody else's original value: {_list(told)}")
    if found["kept"]:
        lines.append(f"  not looked into, as every kept column; these may hold any text: {_list(found['kept'])}")
    return lines


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more (--json)" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
