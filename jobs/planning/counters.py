"""How the database numbers new rows: which of a source's counters the target can have, and what it cannot say of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from connectors.grammar import Grammar
from connectors.schema import Column, Counting, Table
from jobs.planning.findings import Finding, warning


def counted(where: str, table: Table, made: Table, names: Mapping[str, str], grammar: Grammar
            ) -> tuple[Table, list[Finding]]:  # fmt: skip
    """The table to be made with the counters that the target can have, and what is lost. `names`: source column → target's."""
    findings: list[Finding] = []
    columns = {column.name: column for column in made.columns}
    for column in table.columns:
        there = columns.get(names.get(column.name, ""))
        if there is None or not (column.counter or there.counting):
            continue
        found, lost = _counter(column, there, made.primary_key == (there.name,), grammar)
        columns[there.name] = found
        findings += [warning(f"{where}.{column.name}", what) for what in lost]
    return replace(made, columns=tuple(columns[column.name] for column in made.columns)), findings


def _counter(column: Column, made: Column, alone: bool, grammar: Grammar) -> tuple[Column, list[str]]:
    bare = replace(made, counter=None, counting=None, reached=None)
    if made.counter is None:
        return bare, [f"new rows are not numbered in the target: its {made.type.native} takes no counter"]
    if grammar.counts_keys_only and not alone:
        return bare, ["new rows are not numbered in the target, which numbers whole primary keys only"]
    counting = column.counting
    if counting is None:
        return _within(made), []
    lost = []
    if counting.sequence is not None:
        lost.append(f"it has numbers of its own in the target, not those of the sequence {counting.sequence}")
    kept, left = _free(counting, made) if grammar.counts_freely else _plain(counting)
    if left:
        lost.append(f"its counter in the target has no {', no '.join(left)}")
    return _within(replace(made, counting=kept)), lost


def _within(made: Column) -> Column:
    """It goes on where the source's is, if it counts so far."""
    counting = made.counting or Counting()
    low, high = made.type.integers or (-(2**63), 2**63 - 1)
    low, high = (1, high) if counting.step > 0 else (low, -1)
    least, most = (
        told if told is not None else usual for told, usual in ((counting.least, low), (counting.most, high))
    )
    fits = made.reached is not None and least <= made.reached <= most
    return made if fits else replace(made, reached=None)


def _free(counting: Counting, made: Column) -> tuple[Counting, list[str]]:
    """A counter that knows all that counters know."""
    bounds = [bound for bound in (counting.start, counting.least, counting.most) if bound is not None]
    low, high = made.type.integers or (min(bounds), max(bounds))
    if low <= min(bounds) and max(bounds) <= high:
        return replace(counting, sequence=None), []
    return Counting(), [f"numbers beyond {made.type.native}"]


def _plain(counting: Counting) -> tuple[Counting, list[str]]:
    """A counter that counts up by one."""
    return Counting(max(counting.start, 1)), list(_left(counting))


def _left(counting: Counting) -> Iterator[str]:
    """What of it a counter lacks that counts up by one."""
    if counting.start < 1:
        yield f"start at {counting.start}"
    if counting.step != 1:
        yield f"step of {counting.step}"
    if counting.least is not None and (counting.cycle or counting.step < 0):
        yield f"least number ({counting.least})"
    if counting.most is not None:
        yield f"greatest number ({counting.most})"
    if counting.cycle:
        yield "new beginning behind its last number"
