"""Schemas to bring, in words that every engine here takes, and how tests bring them and look at them."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from connectors.contract import Endpoint
from jobs.control.changes import ChangeRow
from jobs.control.rows import OperationRow
from jobs.control.store import ControlStore
from jobs.planning.schema_diff import Diff
from jobs.running.differ import compare
from jobs.running.run import run
from tests.jobs.running.site import Site

SHOP = (
    "CREATE TABLE customers (id integer PRIMARY KEY, email varchar(80) NOT NULL, status varchar(10) DEFAULT 'new' NOT NULL,"
    " balance decimal(12,2) DEFAULT 0, CONSTRAINT email_once UNIQUE (email),"
    " CONSTRAINT known_status CHECK (status IN ('new', 'old')))",
    "CREATE TABLE purchases (id integer PRIMARY KEY, customer_id integer, parent integer, note varchar(100),"
    " CONSTRAINT bought_by FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE,"
    " CONSTRAINT follows FOREIGN KEY (parent) REFERENCES purchases (id))",
    "CREATE TABLE words (word varchar(20) PRIMARY KEY, meaning varchar(100))",
    "CREATE INDEX by_customer ON purchases (customer_id, id)",
    "CREATE UNIQUE INDEX by_note ON purchases (note)",
    "CREATE VIEW spenders AS SELECT c.id, p.note FROM customers c JOIN purchases p ON p.customer_id = c.id",
    "CREATE VIEW big_spenders AS SELECT id FROM spenders WHERE id > 100",
)
ROWS = (
    "INSERT INTO customers (id, email, status) VALUES (1, 'a@x.test', 'new'), (2, 'b@x.test', 'old')",
    "INSERT INTO purchases (id, customer_id, parent, note) VALUES (1, 1, NULL, 'first'), (2, 2, 1, NULL)",
    "INSERT INTO words (word, meaning) VALUES ('one', '1')",
)
COPY: dict[str, Any] = {"operation_type": "copy_full", "sync_schema": True, "anonymize": False}
"""An operation that copies these rows after their schema."""
ORPHANS = COPY | {
    "operation_type": "copy_filtered", "filter": {"customers": "id = 1"}, "on_violation": "report",
    "if_target_not_empty": "truncate",
}  # fmt: skip
"""One that leaves a purchase without its customer, every night."""


def execute(site: Site, end: Endpoint, *statements: str) -> None:
    server = site.server if end is site.prod else site.landing
    for statement in statements:
        server.execute(end, statement)


def shop(site: Site) -> None:
    """The shop and its rows, in PROD."""
    execute(site, site.prod, *SHOP, *ROWS)


def bring(site: Site, *, confirm: str | None = None, **changes: Any) -> str:
    """Run an operation of schemas, or as `changes` say. Returns what was printed."""
    given = {"operation_type": "sync_schema", "policy": None, "parallel_workers": None, **changes}
    console = Console(record=True, width=200, file=io.StringIO())
    run(
        str(site.operation(**given)),
        environments_path=site.environments({}),
        control_url=site.control,
        confirm=confirm,
        console=console,
    )
    return console.export_text()


def look(site: Site, *tables: str) -> Diff:
    return compare("PROD", "DEV", tables, site.environments({}))


def told(site: Site, *tables: str) -> list[tuple[str, str]]:
    """What differs: each object and how."""
    return [
        (one.state, one.object.removeprefix("public.").replace(" public.", " ")) for one in look(site, *tables).told
    ]


def operations(site: Site) -> list[OperationRow]:
    """Newest first."""
    with ControlStore.open(site.control) as store:
        return store.recent()


def changes(site: Site, operation: OperationRow) -> list[ChangeRow]:
    with ControlStore.open(site.control) as store:
        return store.schema_changes(operation.id)
