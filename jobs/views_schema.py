"""How the command line shows schemas: differences, changes, and what was undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from jobs.control.changes import ChangeRow
from jobs.planning.render import clean
from jobs.planning.schema_diff import Diff, Told
from jobs.views import grid, moment

if TYPE_CHECKING:
    from jobs.running.rollback import Undone


def diff(found: Diff) -> RenderableType:
    """The differences as a table."""
    notes = [Text(clean(str(finding)), style="yellow") for finding in found.findings]
    if not found.told:
        return Group(Text(f"{found.source_env} and {found.target_env}: the same schema"), *notes)
    rows = grid(
        ("object", "", f"in {found.source_env}", f"in {found.target_env}", "mended by"),
        ((one.object, one.state, one.source or "–", one.target or "–", _mended(one, found)) for one in found.told),
        f"{found.source_env} → {found.target_env}: {_count(len(found.told))}",
    )
    return Group(rows, *notes)


def _count(differences: int) -> str:
    return "one difference" if differences == 1 else f"{differences} differences"


def _mended(one: Told, found: Diff) -> str:
    if one.object in found.aside:  # a run has set it aside
        return f"dbagent repair {found.target_env}"
    return one.mended or "–"


def sql(found: Diff) -> str:
    """The statements that make the target like the source, and those that lead back. What `mode: update` would not run is
    commented out."""
    up = [line for one in found.told for line in _statements(one, one.up)]
    down = [line for one in reversed(found.told) for line in _statements(one, one.down)]
    head = f"{found.source_env} → {found.target_env}"
    return "\n".join([f"-- up: {head}", *up, "", f"-- down: {head}", *down]) + "\n"


def _statements(one: Told, statements: Sequence[str]) -> list[str]:
    text = [f"{statement};" for statement in statements]
    if one.additive:
        return text
    asked = "only `alter: any` runs this" if one.mended == "alter: any" else "nobody runs this for you"
    why = f"-- {one.object}: {one.state}; {asked}" if text else f"-- {one.object}: {one.state}; no statement mends it"
    return [why, *(f"-- {line}" for statement in text for line in statement.splitlines())]


def change_json(change: ChangeRow) -> dict[str, Any]:
    moments = ("intended_at", "applied_at", "undone_at")
    found = {name: value for name, value in asdict(change).items() if name not in moments}
    return found | {name: None if (at := getattr(change, name)) is None else at.isoformat() for name in moments}


def changes(found: Sequence[ChangeRow]) -> RenderableType:
    """An operation's changes, in the order in which they were made."""
    if not found:
        return Text("it has changed nothing in its target's schema")
    return grid(
        ("object", "", "now", "when", "statements", "undone by"),
        (
            (
                change.object,
                change.action,
                change.status,
                moment(change.undone_at or change.applied_at or change.intended_at),
                "\n".join(change.up),
                "\n".join(change.down),
            )
            for change in found
        ),
    )


def rolled_back(undone: Undone) -> str:
    row, done = undone.row, sum(bool(reverse.down) for reverse in undone.reverses)
    told = "".join(f"{clean(str(finding))}\n" for finding in undone.told)
    if not undone.reverses:
        return f"{row.id}: nothing is left to undo in {row.target_env}\n"
    rest = len(undone.reverses) - done
    changes = "one change" if done == 1 else f"{done} changes"
    return f"{told}{row.id}: {changes} undone in {row.target_env}, {rest} were undone already\n"
