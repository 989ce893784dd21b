"""What waits while rows come: which of the target's indexes, foreign keys and triggers a plan suspends, and why others stay.

Indexes wait where a table is large enough that building them once is cheaper than keeping them row by row. Foreign keys
wait whatever the size: without them tables come in any order, and rows that break one are counted and shown, not
refused. Triggers wait wherever rows come: they would change these, or fire once per row that nobody means.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.facts import Server
from connectors.objects import ObjectKind, Step
from connectors.schema import ForeignKey, Table, TableName

WORTH = 8 << 20
"""Bytes of a table at its source from which its indexes wait. Dropping one and making it again takes the target some
twenty milliseconds and a lock; keeping it costs about as much as its rows themselves, which for 8 MiB is a tenth of a
second on each index. Below that nothing is won, and a crash would leave more behind."""

NO_PRIVILEGE = "foreign keys: our user may not drop and make them: they stay on while rows come"


@dataclass(frozen=True)
class Waits:
    """One table of the target: what of it waits, and why the rest stays."""

    table: TableName
    steps: tuple[Step, ...] = ()
    stays: str = ""

    def __str__(self) -> str:
        waiting = (
            f"{', '.join(counted(self.steps))} {'waits' if len(self.steps) == 1 else 'wait'}" if self.steps else ""
        )
        return "; ".join(part for part in (waiting, self.stays) if part)


def chosen(
    tables: Sequence[tuple[Table, Table]], found: Sequence[Step], server: Server, *, appends: bool
) -> list[Waits]:
    """What waits of each table that rows come to: `tables` as they are at the source and in the target, `found` what the
    target can suspend. Tables of which there is nothing to tell are left out."""
    told = [
        _of(source, there, [s for s in found if s.table == there.name], server, appends) for source, there in tables
    ]
    return [one for one in told if one.steps or one.stays]


def _of(source: Table, there: Table, found: Sequence[Step], server: Server, appends: bool) -> Waits:
    indexes = [step for step in found if step.id.kind not in (ObjectKind.FOREIGN_KEY, ObjectKind.TRIGGER)]
    keys = [step for step in found if step.id.kind is ObjectKind.FOREIGN_KEY]
    kept: list[Step] = []
    stays = _needed(there, indexes)
    if indexes and source.bytes < WORTH:
        kept += indexes
        stays.append(f"{_stay(indexes)}: building them takes longer than so few rows do")
    elif indexes and appends and there.bytes > source.bytes:
        kept += indexes
        stays.append(f"{_stay(indexes)}: more rows are there than come")
    if server.suspends_foreign_keys:
        kept += keys
    elif there.foreign_keys and not keys:
        stays.append(NO_PRIVILEGE)
    return Waits(there.name, tuple(step for step in found if step not in kept), "; ".join(stays))


def _needed(there: Table, indexes: Sequence[Step]) -> list[str]:
    """Of the indexes that are no keys, those that the target cannot suspend."""
    could = {step.id.name for step in indexes}
    names = [index.name for index in there.indexes if not index.unique and index.name not in could]
    if not names:
        return []
    (word, stay, it) = ("index", "stays", "it") if len(names) == 1 else ("indexes", "stay", "them")
    return [f"{word} {', '.join(names)} {stay}: a key or an object needs {it}, or our user may not drop and make {it}"]


def _stay(steps: Sequence[Step]) -> str:
    return f"{', '.join(counted(steps))} {'stays' if len(steps) == 1 else 'stay'}"


def counted(steps: Sequence[Step]) -> list[str]:
    """How many of each kind: `2 indexes`, `1 trigger`."""
    kinds = [step.id.kind for step in steps]
    plural = {ObjectKind.INDEX: "indexes"}
    return [
        f"{kinds.count(kind)} {kind.value if kinds.count(kind) == 1 else plural.get(kind, kind.value + 's')}"
        for kind in ObjectKind
        if kind in kinds
    ]


def told(waits: Sequence[Waits]) -> dict[str, dict[str, Any]]:
    """The same as data, by table."""
    return {str(one.table): {"waits": [str(step.id) for step in one.steps], "told": str(one)} for one in waits}


def keys(waits: Sequence[Waits], server: Server) -> str:
    """What becomes of the target's foreign keys while rows come."""
    if server.suspends_foreign_keys:
        return "off in our sessions, proved afterwards"
    if any(step.id.kind is ObjectKind.FOREIGN_KEY for one in waits for step in one.steps):
        return "away while rows come, proved by the database when they are back; those that stay on: by load order"
    return "on: by load order"


def fires(there: Table, waits: Collection[Step], *, asked: bool) -> list[tuple[str, str]]:
    """What would run or filter while rows come, and does not wait, and why, where it was asked to."""
    waiting = {f"trigger {s.id.name}" for s in waits if s.table == there.name and s.id.kind is ObjectKind.TRIGGER}
    why = ", and our user may not set it aside" if asked else ""
    return [(hook, why if hook.startswith("trigger ") else "") for hook in there.hooks if hook not in waiting]


def enforced(there: Table, waits: Collection[Step]) -> list[ForeignKey]:
    """Its foreign keys that do not wait."""
    waiting = {step.id.name for step in waits if step.table == there.name and step.id.kind is ObjectKind.FOREIGN_KEY}
    return [key for key in there.foreign_keys if key.name not in waiting]
