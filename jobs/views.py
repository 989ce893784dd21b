"""How the command line shows what is in the control store and the databases: pure functions from data to rich or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from connectors.contract import RunRecord, TableState
from connectors.facts import Facts
from connectors.objects import Journaled
from jobs.control.rows import LIVE, OperationRow, TaskRow
from jobs.planning.render import clean, size

COLOURS = {
    "completed": "green",
    "running": "cyan",
    "failed": "red",
    "rejected": "red",
    "paused": "yellow",
    "cancelled": "yellow",
    "awaiting_approval": "yellow",
}


def duration(seconds: float) -> str:
    """75 → `1:15`, 3675 → `1:01:15`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def grid(headings: Sequence[str], rows: Iterable[Sequence[str]], title: str = "", right: Iterable[str] = (),
         whole: str = "") -> Table:  # fmt: skip
    """A table of plain text. `whole`: the column that goes into commands, in one piece on the narrowest terminal."""
    table = Table(title=title or None, title_justify="left")
    for heading in headings:
        table.add_column(
            heading, justify="right" if heading in right else "left", overflow="fold", no_wrap=heading == whole
        )
    for row in rows:
        table.add_row(*(escape(clean(cell)) for cell in row))
    return table


def moment(at: datetime | None) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else ""


# Progress


def rate(row: OperationRow) -> float | None:
    """Rows per second of this attempt; None while there is nothing to judge by."""
    end = row.completed_at or row.heartbeat_at
    if row.started_at is None or end is None:
        return None
    seconds, rows = (end - row.started_at).total_seconds(), row.rows_copied - row.rows_before
    return rows / seconds if seconds > 0 and rows > 0 else None


def eta(row: OperationRow) -> float | None:
    """Seconds until the last row, at this attempt's pace."""
    speed = rate(row)
    if row.status != "running" or speed is None:
        return None
    return max(row.rows_total - row.rows_copied, 0) / speed


def progress_json(row: OperationRow) -> dict[str, Any]:
    left = eta(row)
    return {
        "status": row.status,
        "tables_completed": row.tables_completed,
        "tables_total": row.tables_total,
        "rows_copied": row.rows_copied,
        "rows_total": row.rows_total,
        "current_table": row.current_table,
        "bytes_transferred": row.bytes_transferred,
        "eta_seconds": None if left is None else round(left, 1),
    }


def progress_line(row: OperationRow) -> str:
    """How far an operation is, in one line."""
    speed, left = rate(row), eta(row)
    parts = [
        row.status,
        f"{row.tables_completed} of {row.tables_total} tables",
        f"{row.rows_copied:,} of ≈ {row.rows_total:,} rows",
        size(row.bytes_transferred),
        f"{speed:,.0f} rows/s" if speed else "",
        f"{duration(left)} left" if left is not None else "",
        row.current_table or "",
    ]
    return f"{row.id}: " + " · ".join(part for part in parts if part)


def progress_bar(row: OperationRow) -> RenderableType:
    """The same with a bar, for a terminal that is redrawn."""
    lines = Table.grid()
    lines.add_row(ProgressBar(total=max(row.rows_total, 1), completed=row.rows_copied, width=50))
    lines.add_row(Text(progress_line(row)))
    return lines


def silence(row: OperationRow) -> str | None:
    """What to say of a running operation whose driver was not heard of for too long."""
    if row.status != "running" or row.live:
        return None
    heard = moment(row.heartbeat_at) or "never"
    return (
        f"its driver ({row.holder}) gave no sign of life for {LIVE.seconds} s (last: {heard})\n"
        f"→ continue it with: dbagent resume {row.id}"
    )


# Operations


def operation_json(row: OperationRow) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(row).items()}


def brief_json(row: OperationRow) -> dict[str, Any]:
    """An operation in a list: without its definition, plan and report."""
    return {n: v for n, v in operation_json(row).items() if n not in ("definition", "plan_what", "plan_how", "report")}


def task_json(row: TaskRow) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(row).items()}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def operations(rows: Sequence[OperationRow]) -> RenderableType:
    """A list of operations."""
    if not rows:
        return Text("no operations yet: begin with dbagent plan FILE")
    return grid(
        ("id", "operation", "from → to", "status", "tables", "rows", "created", "by"),
        (
            (
                row.id,
                row.operation_type,
                f"{row.source_env} → {row.target_env}",
                row.status if silence(row) is None else "running (driver silent)",
                f"{row.tables_completed}/{row.tables_total}",
                f"{row.rows_copied:,}",
                moment(row.created_at),
                row.requested_by,
            )
            for row in rows
        ),
        right=("tables", "rows"),
        whole="id",
    )


def operation(row: OperationRow, tasks: Sequence[TaskRow]) -> RenderableType:
    """Everything about one operation."""
    facts = {
        "operation": f"{row.operation_type}: {row.source_env} → {row.target_env}"
        + ("" if row.anonymize else ", not anonymized"),
        "tables": ", ".join(row.tables),
        "filters": "\n".join(f"{table}: {where}" for table, where in row.filter_conditions.items()),
        "label": row.domain_id or "",
        "plan": row.plan_sha256,
        "requested": f"{moment(row.created_at)} by {row.requested_by}",
        "last attempt": " – ".join(part for part in (moment(row.started_at), moment(row.completed_at)) if part),
        "run": row.run_id or "",
        "driver": row.holder or "",
        "asked to": row.stop_requested if row.status == "running" and row.stop_requested else "",
        "error": row.error or "",
    }
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value:
            table.add_row(name, escape(clean(value)))
    parts: list[RenderableType] = [Text(progress_line(row), style=COLOURS.get(row.status, "")), table]
    if tasks:
        parts.append(_tasks(tasks))
    if row.report is not None:
        from jobs.running.report import proven  # it stands on the whole driver, which nothing else here needs
        from jobs.running.schema_report import lines

        parts += [Text(line) for line in proven(row.report)] if "tables" in row.report else []
        parts += [Text(line) for line in lines(row.report["schema"])] if "schema" in row.report else []
    if said := silence(row):
        parts.append(Text(said, style="yellow"))
    return Group(*parts)


def _tasks(tasks: Sequence[TaskRow]) -> Table:
    return grid(
        ("table", "phase", "status", "rows", "of ≈", "filter", "error"),
        (
            (
                task.table_name,
                task.phase,
                task.status,
                f"{task.records_processed:,}",
                f"{task.total_records:,}",
                task.source_query or "",
                task.error_message or "",
            )
            for task in tasks
        ),
        right=("rows", "of ≈"),
    )


# Databases


def engines_json(facts: Iterable[Facts]) -> list[dict[str, Any]]:
    return [
        {
            "engine": each.engine,
            "title": each.title,
            "needs": ["database", *sorted(each.address)],
            "default_port": each.default_port,
            "options": sorted(each.options),
            "ways": list(each.ways),
            "read_paths": list(each.read_paths),
            "write_paths": list(each.write_paths),
            "jdbc_driver": None if each.jdbc is None else each.jdbc.coordinate,
        }
        for each in facts
    ]


def engines(facts: Sequence[Facts]) -> RenderableType:
    return grid(
        ("engine", "", "needs", "default port", "options", "rows travel by", "read", "write"),
        (
            (
                each["engine"],
                each["title"],
                ", ".join(each["needs"]),
                str(each["default_port"] or ""),
                ", ".join(each["options"]),
                "\n".join(each["ways"]),
                "\n".join(each["read_paths"]),
                "\n".join([*each["write_paths"], each["jdbc_driver"] or ""]),
            )
            for each in engines_json(facts)
        ),
    )


def status_json(
    environment: str,
    found: Sequence[tuple[RunRecord, TableState]],
    last: RunRecord | None,
    journal: Sequence[Journaled] = (),
) -> dict[str, Any]:
    return {
        "environment": environment,
        "last_run": None if last is None else asdict(last),
        "complete": last is not None and last.state == "complete",
        "tables": [
            {
                "table": state.target,
                "state": state.state,
                "rows": state.rows,
                "bytes": state.bytes,
                "source": run.source,
                "run_id": run.run_id,
                "operation_id": run.operation_id,
                "plan_sha256": run.plan_sha256,
                "started_at": run.started_at,
                "finished_at": run.finished_at,
                "snapshot": state.snapshot,
            }
            for run, state in found
        ],
        "open": [
            {"object": str(e.step.id), "table": str(e.step.table), "run_id": e.run_id, "state": e.state}
            for e in journal
            if e.state != "restored"
        ],
    }


def status(given: Mapping[str, Any]) -> RenderableType:
    """What was last copied into a database."""
    last = given["last_run"]
    if last is None:
        return Text(f"{given['environment']}: nothing was copied here yet")
    began = moment(datetime.fromtimestamp(last["started_at"]))
    # The target cannot tell a run that is at work from one that was paused or killed.
    reached = "not complete" if last["state"] == "running" else last["state"]
    head = Text(f"{given['environment']}: last copy from {last['source']}, begun {began}: {reached}")
    rows = grid(
        ("table", "state", "rows", "size", "from", "begun", "operation"),
        (
            (
                table["table"],
                table["state"],
                f"{table['rows']:,}",
                size(table["bytes"]),
                table["source"],
                moment(datetime.fromtimestamp(table["started_at"])),
                table["operation_id"],
            )
            for table in given["tables"]
        ),
        right=("rows", "size"),
        whole="operation",
    )
    return Group(head, rows, *(Text(line, style="yellow") for line in _open(given)))


def _open(given: Mapping[str, Any]) -> list[str]:
    """What is not as it was before a run."""
    away = [one["object"] for one in given["open"] if one["state"] != "violated"]
    broken = [one["object"] for one in given["open"] if one["state"] == "violated"]
    told = [f"set aside and not back: {', '.join(away)}"] if away else []
    told += [f"broken by rows: {', '.join(broken)}"] if broken else []
    return [*map(clean, told), f"→ bring it back with: dbagent repair {given['environment']}"] if told else []


def check(given: Mapping[str, Any]) -> RenderableType:
    """What connecting to a database brought to light."""
    parts: list[RenderableType] = [Text(f"{given['environment']}: {given['title']}", style="bold")]
    for side in ("source", "target"):
        parts += [Text(line) for line in _side(side, given[side])]
    return Group(*parts)


def _side(side: str, found: Mapping[str, Any]) -> list[str]:
    if "server" not in found:
        return [f"as {side}: {found['note']}"]
    server = found["server"]
    lines = [
        f"as {side}: {server['version']}, {size(server['bytes'])}, {found['tables']} tables, ≈ {found['rows']:,} rows",
        f"  identity: {server['identity']}",
        f"  snapshot: {server['snapshot']}",
        f"  replica: {_yes(server['replica'])}, takes writes: {_yes(server['writable'])}, pooler: {_yes(server['pooler'])}",
    ]
    lines += [f"  {'✓' if there else '✗'} {privilege}" for privilege, there in server["privileges"].items()]
    lines += [f"  ! {note}" for note in server["notes"]]
    return lines


def _yes(value: bool) -> str:
    return "yes" if value else "no"
