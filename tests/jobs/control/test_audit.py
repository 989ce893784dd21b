"""The audit trail of one operation: everything that decided whether it may run."""

from __future__ import annotations

from jobs.control.store import ControlStore
from tests.jobs.control.test_approvals import OTHER, approve, request


def test_an_operation_s_trail_holds_decisions_made_for_others_with_its_plan(store: ControlStore) -> None:
    first, foreign = request(store), request(store, OTHER)
    approve(store, first, "DBA", "anna")
    approve(store, foreign, "DBA", "ben")
    store.request_stop(first.id, "cancel")
    second = request(store)
    approve(store, second, "SECURITY", "dave")
    decided = [(entry.who, entry.operation_id) for entry in store.trail(second.id) if entry.event == "approved"]
    assert second.id != first.id
    assert decided == [("anna", first.id), ("dave", second.id)]
