"""A target whose tables are there already, with indexes, keys and triggers that wait while rows come; and its schema in its
engine's own words."""

from __future__ import annotations

import re
import secrets
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from connectors.schema import quoted
from tests.jobs.running.site import ORDERS, PLAIN, USERS, Site

LOUD = "no row may come while this is awake"
EXTRAS = {
    "postgresql": (
        "CREATE INDEX users_name ON users (lower(name))",
        "CREATE INDEX orders_user ON orders (user_id) WHERE note <> ''",
        f"CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{LOUD}'; END $$",
        "CREATE TRIGGER awake BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION loud()",
        "ALTER TABLE orders ENABLE ALWAYS TRIGGER awake",
    ),
    "mysql": (
        "CREATE INDEX users_name ON users (name(20))",
        "CREATE INDEX orders_note ON orders (note(10), user_id)",
        "CREATE TRIGGER awake BEFORE INSERT ON orders FOR EACH ROW"
        f" SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{LOUD}'",
    ),
    "sqlite": (
        "CREATE INDEX users_name ON users (lower(name))",
        "CREATE INDEX orders_user ON orders (user_id) WHERE note <> ''",
        f"CREATE TRIGGER awake BEFORE INSERT ON orders BEGIN SELECT RAISE(ABORT, '{LOUD}'); END",
    ),
}
TABLES = ("users", "orders", "plain")


def told(site: Site, console: Console | None = None) -> dict[str, Any]:
    """What a run in this process is told."""
    environments = site.folder / "environments.yaml"
    return {
        "environments_path": environments,
        "control_url": site.control,
        "console": console or Console(quiet=True),
    }


def waiting(site: Site, **changes: Any) -> str:
    return str(site.operation(disable_constraints=True, **changes))


def stand(site: Site) -> None:
    """DEV's tables, empty, with all that hangs on them; a plain user owns them where that makes a difference."""
    if site.dev.engine == "postgresql":
        own(site)
    for table in (USERS, ORDERS, PLAIN):
        site.landing.create(site.dev, table)
    for statement in EXTRAS[site.dev.engine]:
        site.landing.execute(site.dev, statement)


def own(site: Site) -> None:
    """DEV belongs to a user who is no superuser, and is reached as that one."""
    server, role = site.landing, f"owner_{secrets.token_hex(4)}"
    server.execute(site.dev, f"CREATE ROLE {role} LOGIN PASSWORD 'owns'")
    server.execute(site.dev, f"ALTER DATABASE {quoted(site.dev.database)} OWNER TO {role}")
    server.execute(site.dev, f"ALTER SCHEMA public OWNER TO {role}")
    site.dev = replace(site.dev, user=role, password="owns")
    site.environments({})


def schema(site: Site) -> str:
    """What DEV consists of, as its engine writes it: counters left out, objects in an order that says nothing."""
    return {"postgresql": _dumped, "mysql": _shown, "sqlite": _master}[site.dev.engine](site)


def _dumped(site: Site) -> str:
    dev = site.dev
    [newest] = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))[-1:]
    said = subprocess.run(
        [newest, "--schema-only", "--no-owner", "--exclude-schema=_dbagent", "-h", dev.host or "", "-p", str(dev.port),
         "-U", dev.user or "", dev.database],
        env={"PGPASSWORD": dev.password or ""}, capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    return "\n".join(line for line in said.splitlines() if line and not line.startswith(("\\", "--")))


def _shown(site: Site) -> str:
    server: Any = site.landing
    lines: list[str] = []
    for table, _ in sorted(server.rows(site.dev, "SHOW FULL TABLES WHERE table_type = 'BASE TABLE'")):
        if not table.startswith("_dbagent_"):
            [(_, text)] = server.rows(site.dev, f"SHOW CREATE TABLE `{table}`")
            text = re.sub(r" AUTO_INCREMENT=\d+", "", text)
            lines += sorted(f"{table}: {line.rstrip(',')}" for line in text.splitlines())
    names = [row[0] for row in server.rows(site.dev, "SHOW TRIGGERS")]
    for name in sorted(names):
        [found] = server.rows(site.dev, f"SHOW CREATE TRIGGER `{name}`")
        lines.append(repr(found[:6]))
    return "\n".join(lines)


def _master(site: Site) -> str:
    server: Any = site.landing
    query = (
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name NOT LIKE '@_dbagent%' ESCAPE '@' ORDER BY 1"
    )
    return "\n".join(sql for (sql,) in server.rows(site.dev, query) if "sqlite_stat" not in sql)
