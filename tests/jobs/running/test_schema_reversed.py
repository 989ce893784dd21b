"""What undoing does about each change, whatever has become of its object since: the whole table, and histories of changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.facts import Facts
from connectors.objects import ObjectKind, SchemaObject
from connectors.schema import TableName
from jobs.control.changes import ChangeRow
from jobs.running.rollback import Reverse, built_since, reversed_changes
from tests.jobs.planning.test_schema_plan import FACTS
from tests.jobs.planning.things import column, index, table, thing, view

WORDS = TableName("public", "words")
NAME = f"index by_word of {WORDS}"
MOMENT = datetime(2026, 1, 1, tzinfo=timezone.utc)


def change(before: str | None, after: str | None, number: int = 1, **more: Any) -> ChangeRow:
    """Of an index, unless told otherwise."""
    action = "make" if before is None else "drop" if after is None else "alter"
    given: dict[str, Any] = {
        "kind": "index", "object": NAME, "table_name": str(WORDS), "action": action, "before": before, "after": after,
        "up": [f"to {after}"], "down": [f"to {before}"], "found": None, **more,
    }  # fmt: skip
    return ChangeRow(
        number, "op-1", "DEV", status="applied", intended_at=MOMENT, applied_at=MOMENT, undone_at=None, **given
    )


def undone(
    changes: list[ChangeRow], *there: SchemaObject, facts: Facts = FACTS
) -> tuple[list[Reverse], list[tuple[str, str]]]:
    reverses, findings = reversed_changes(changes, {str(one.id): one for one in there}, "DEV", facts)
    return reverses, [(finding.where, finding.what) for finding in findings]


def now(definition: str | None) -> list[SchemaObject]:
    return [] if definition is None else [index(WORDS, "by_word", definition=definition)]


DONE = "done already"
LOST = "it was changed after the operation: undoing would lose that"
GONE = "it was dropped after the operation"
TAKEN = "its name is another's now, made after the operation"


@pytest.mark.parametrize(("before", "after", "there", "expected"), [
    (None, "a", None, DONE),     (None, "a", "a", "to None"),  (None, "a", "x", LOST),
    ("a", "b", "a", DONE),       ("a", "b", "b", "to a"),      ("a", "b", "x", LOST),   ("a", "b", None, GONE),
    ("a", None, "a", DONE),      ("a", None, None, "to a"),    ("a", None, "x", TAKEN),
])  # fmt: skip
def test_the_table(before: str | None, after: str | None, there: str | None, expected: str) -> None:
    reverses, findings = undone([change(before, after)], *now(there))
    told = [reverse.down[0] if reverse.down else DONE for reverse in reverses] + [what for _, what in findings]
    assert told == [expected]
    assert [where for where, _ in findings] == [f"DEV: {NAME}"] * len(findings)


@pytest.mark.parametrize("there", ["a", "as the server says a"])
def test_what_the_target_calls_otherwise_than_it_was_wanted_is_ours_all_the_same(there: str) -> None:
    [reverse], findings = undone([change(None, "a", found="as the server says a")], *now(there))
    assert reverse.down
    assert findings == []


def test_a_drop_whose_name_something_else_has_is_told() -> None:
    dropped = change("a", None, kind="view", object="view public.totals", table_name=None)
    _, findings = undone([dropped], table(TableName("public", "totals")))
    assert findings == [("DEV: view public.totals", "its name is taken: table public.totals")]
    _, findings = undone([change("a", None)], index(TableName("public", "others"), "by_word"))
    assert findings == [(f"DEV: {NAME}", "its name is taken: index by_word of public.others")]


def test_what_goes_with_a_table_is_undone_with_it_and_takes_no_name() -> None:
    made = [
        change("old", None, kind="view", object="view public.words", table_name=None),
        change(None, "table", kind="table", object="table public.words"),
        change(None, "a"),
    ]
    there = (thing(ObjectKind.TABLE, "public.words", WORDS, definition="table"), column(WORDS, "word"), *now("a"))
    reverses, findings = undone(made, *there)
    assert [bool(reverse.down) for reverse in reverses] == [True, True, True]
    assert findings == []
    assert undone(made[1:], view("public.spenders", WORDS))[1] == []


@pytest.mark.parametrize(("others", "expected"), [([1], []), ([3], ["op-2"]), ([1, 3], ["op-2"])])
def test_of_other_operations_only_what_came_later_is_undone_first(others: list[int], expected: list[str]) -> None:
    [reverse], _ = undone([change("a", "b", 2)], *now("b"))
    later = [replace(change("b", "b", number), operation_id="op-2") for number in others]
    assert [finding.what.split()[1] for finding in built_since([reverse], later)] == expected


STATES = st.sampled_from([None, "a", "b", "c"])


@given(st.lists(STATES, min_size=2, max_size=6), st.sampled_from([None, "a", "b", "c", "x"]))
def test_any_history_is_undone_to_its_beginning_or_told(states: list[str | None], there: str | None) -> None:
    pairs = [(one, other) for one, other in pairwise(states) if one != other]
    changes = [change(one, other, number) for number, (one, other) in enumerate(pairs)]
    reverses, findings = undone(changes, *now(there))
    left = there
    for reverse in reverses:
        if reverse.down:
            assert left in (reverse.change.after, reverse.change.before)
            left = reverse.change.before
    if changes and not findings:
        assert left == changes[0].before
    if there == "x" and changes:
        assert findings
    if changes and there == changes[-1].after:
        assert not findings
