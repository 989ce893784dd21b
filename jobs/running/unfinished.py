"""Copies that wait to be resumed, and whoever would change the definitions of their tables meanwhile."""

from __future__ import annotations

from collections.abc import Collection

from connectors.contract import TargetSession
from jobs.control.store import ControlStore
from jobs.planning.findings import Finding, error, warning


def begun(
    environment: str, tables: Collection[str], target: TargetSession, store: ControlStore | None
) -> list[Finding]:
    """Who changes these tables would take them from a copy that has brought rows into them and is not over. One that this
    control store does not know nobody may ever resume: that is only told."""
    findings = []
    for run in target.ledger.runs():
        if run.state != "running" or (store is not None and store.cancelled(run.run_id)):
            continue
        here = {state.target for state in target.ledger.tables(run.run_id)} & target.ledger.held(run.run_id)
        known = store is not None and store.knows(run.operation_id)
        what = f"operation {run.operation_id} copies into it, and is not over: resumed, it would begin it anew"
        todo = f"let it end first: dbagent resume {run.operation_id}, or dbagent cancel {run.operation_id}"
        findings += [
            (error if known else warning)(f"{environment}: {name}", what, todo) for name in sorted(here & set(tables))
        ]
    return findings
