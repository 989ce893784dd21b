"""The plan as its approvers read it: all that is approved, and nothing that makes a terminal show something else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console, RenderableType

from connectors.contract import Tls
from jobs.config.approvals import Requirement
from jobs.planning.render import _into, recorded, shown, table
from jobs.views import grid
from tests.jobs.planning.test_build import POLICY, operation, plan


def printed(what: RenderableType) -> str:
    console = Console(width=400, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(what)
    return captured.get()


COLUMNS: Any = POLICY["columns"]
SHIFT = {"strategy": "date_shift", "subject": "id"}
HOSTILE = "\x1b[8m\x1b[1A\x1b[2K\u202e[bold]"


def test_no_text_in_a_plan_moves_the_cursor_or_hides_what_follows() -> None:
    asked = operation(operation_type="copy_filtered", filter={"users": f"status = '{HOSTILE}' OR id > 0"})
    for seen in (printed(table(plan(asked))), printed(grid(("comments",), [[HOSTILE]]))):
        assert "\x1b[8m" not in seen
        assert "\x1b[2K" not in seen
        assert "\u202e" not in seen
        assert r"\x1b[8m" in seen
        assert "[bold]" in seen


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"from_": {"host": "prod.example", "port": 7, "database": "shop"}}, "source: prod.example:7/shop (TLS: verify-full)"),
        ({"to": {"host": "elsewhere.example", "tls": Tls("require")}}, "target: elsewhere.example:"),
        ({"to": {"tls": Tls("disable")}}, "(TLS: disable)"),
        ({"key": "k77"}, "key: k77"),
        ({"op": operation(on_violation="report")}, "on violation: report"),
        ({"rule": Requirement(("DBA",), standing=timedelta(days=30))}, "DBA; each lasts 7 days, and stands 30 days for"),
        ({"op": operation(policy=POLICY | {"columns": COLUMNS | {"users.full_name": SHIFT}})}, " subject=id"),
    ],
)  # fmt: skip
def test_where_a_copy_leads_and_how_it_replaces_is_shown(changes: dict[str, Any], expected: str) -> None:
    assert expected in printed(table(plan(**changes)))


def test_a_table_that_the_estimates_leave_out_is_shown_all_the_same() -> None:
    found = plan()
    seen = printed(recorded("copy", found.sha256, found.what, shown(found) | {"tables": []}))
    assert "public.users" in seen
    assert "email: faker[email]" in seen


def test_what_becomes_of_mapped_values_is_shown_to_approvers() -> None:
    column = {
        "name": "state",
        "from": "status",
        "type": "text",
        "loss": "equivalent",
        "values": {"A": "active", "I": None},
    }
    hashed = {"into": {"name": "users", "columns": [column]}, "columns": [{"name": "status", "type": "text"}]}
    lines = _into("users", hashed)
    assert lines[-2:] == ["users.status: 'A' → 'active'", "users.status: 'I' → NULL"]
