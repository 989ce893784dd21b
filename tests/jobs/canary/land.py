"""A site full of canaries: PROD with a marker in every cell, literal and comment, logins and keys that are markers, and the
files a user writes. What a user writes lies in a folder of its own, which nobody searches; all else may hold no marker."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from anonymizers.contract import strategy
from anonymizers.keys import MasterKey
from connectors.contract import Endpoint
from connectors.testkit import TestServer
from jobs.cli import call
from tests.jobs.canary.markers import (
    KEPT,
    KEPT_DECIMAL,
    KEPT_NUMBER,
    KEPT_UUID,
    MASKED,
    MASKED_DECIMAL,
    MASKED_MOMENT,
    MASKED_NUMBER,
    MASKED_UUID,
    MASTER_KEY,
    SCHEMA,
    SECRET,
    Search,
)
from tests.jobs.running.site import Site

PASSWORDS = {name: f"{SECRET}-{name}-0815" for name in ("reader", "writer", "asker", "judge")}

PROD = f"""
CREATE TYPE mood AS ENUM ('{KEPT} calm', '{KEPT} glad');
CREATE DOMAIN grade AS text DEFAULT '{KEPT} default' CHECK (VALUE <> '{KEPT} check');
CREATE TABLE people (
  id integer PRIMARY KEY, name text CHECK (name <> '{SCHEMA} check'), email varchar(120) NOT NULL UNIQUE,
  phone text DEFAULT '{SCHEMA} default', token varchar(80), ref uuid, notes json, photo bytea, card text, ssn bigint,
  born date, seen timestamptz, feeling mood, amount numeric(30, 2), page xml, tags text[]);
COMMENT ON TABLE people IS '{SCHEMA} comment';
COMMENT ON COLUMN people.name IS '{SCHEMA} comment';
CREATE INDEX people_part ON people (id) WHERE name <> '{SCHEMA} index';
CREATE TABLE memos (code text PRIMARY KEY, person integer REFERENCES people, body text NOT NULL);
CREATE TABLE kept (
  slug text PRIMARY KEY, label text UNIQUE, doc jsonb, ref uuid, raw bytea, number bigint, amount numeric(30, 2),
  feeling mood, made text GENERATED ALWAYS AS ('{KEPT} made ' || slug) STORED, wide text, rank grade);
CREATE TABLE parts (region text, number integer) PARTITION BY LIST (region);
CREATE TABLE parts_north PARTITION OF parts FOR VALUES IN ('{KEPT} north', '{SCHEMA} south');
INSERT INTO parts VALUES ('{KEPT} north', 7);
"""
POLICY: dict[str, Any] = {
    "people.id": "keep",
    "people.name": {"strategy": "faker", "domain": "person"},
    "people.email": {"strategy": "faker", "domain": "email"},
    "people.phone": "mask",
    "people.token": "hash",
    **{f"people.{column}": "null" for column in ("ref", "notes", "photo", "feeling", "amount", "page", "tags")},
    "people.card": "scramble",
    "people.ssn": "tokenize",
    "people.born": "date_shift",
    "people.seen": "date_shift",
    "memos.code": "tokenize",
    "memos.person": "keep",
    "memos.body": "scramble",
    **{f"kept.{column}": "keep" for column in ("slug", "label", "doc", "ref", "raw", "number", "amount", "feeling")},
    "kept.wide": "keep",
    "kept.rank": "keep",
    "parts.region": "keep",
    "parts.number": "keep",
}


def people(count: int) -> list[tuple[Any, ...]]:
    return [
        (
            n, f"{MASKED} name {n}", f"{MASKED}{n}@{MASKED}.test", f"{MASKED} phone {n}", f"{MASKED}-token-{n}",
            f"{MASKED_UUID}-8000-{n:012x}", f'{{"who": "{MASKED} {n}"}}', f"{MASKED} {n}".encode(), f"{MASKED} {n}",
            MASKED_NUMBER + n, MASKED_MOMENT.date(), MASKED_MOMENT, f"{KEPT} calm", f"{MASKED_DECIMAL[:-3]}{n:03}.25",
            f"<who>{MASKED} {n}</who>", [f"{MASKED} {n}"],
        )
        for n in range(1, count + 1)
    ]  # fmt: skip


def memos(count: int) -> list[tuple[Any, ...]]:
    return [(f"{MASKED} code {n}", n, f"{MASKED} body {n} " + "long " * 80) for n in range(1, count + 1)]


def kept(count: int) -> list[tuple[Any, ...]]:
    return [
        (
            f"{KEPT} slug {n:05}", f"{KEPT} label {n}" + " \N{SNOWMAN}" * (n == 9), f'{{"what": "{KEPT} {n}"}}',
            f"{KEPT_UUID}-8000-{n:012x}", f"{KEPT} {n}".encode(), KEPT_NUMBER + n, f"{KEPT_DECIMAL[:-3]}{n:03}.25",
            f"{KEPT} glad", "wide " * 80, f"{KEPT} first",
        )
        for n in range(1, count + 1)
    ]  # fmt: skip


@dataclass
class Land(Site):
    """PROD, a target DEV that needs approval, and the target LAB of whatever comes next, where nobody is asked."""

    lab: Endpoint | None = None
    store: str | None = None
    """The control store's URL with its password, handed over in DBAGENT_CONTROL; None: a file."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def given(self) -> Path:
        """What the user wrote."""
        return self.folder / "given"

    @property
    def said(self) -> Path:
        """What commands said, a file for each."""
        return self.folder / "said"

    @property
    def control(self) -> str:
        return f"sqlite:///{self.folder / 'control' / 'control.db'}"

    def write(self) -> None:
        """The approvals, the master key and the passwords."""
        for folder in (self.given, self.said):
            folder.mkdir(exist_ok=True)
        pairs = {"PROD -> DEV": {"roles": ["DBA"]}, "PROD -> LAB": {"roles": [], "unmasked": True}}
        approvals = {"roles": {"DBA": ["judge"]}, "pairs": pairs}
        (self.given / "approvals.yaml").write_text(yaml.safe_dump(approvals))
        for name, secret in {**PASSWORDS, "master.key": MASTER_KEY.hex()}.items():
            (self.given / name).write_text(secret)
            (self.given / name).chmod(0o600)
        self.environments({})

    def environments(self, changes: Mapping[str, Mapping[str, Any]]) -> Path:
        found = {}
        for name, end in (("PROD", self.prod), ("DEV", self.dev), ("LAB", self.lab or self.dev)):
            known = {"engine": end.engine, "database": end.database, "writable": name != "PROD"}
            if end.host:
                secret = {"secret": f"file:{self.given / str(end.user)}"}
                known |= {"host": end.host, "port": end.port, "user": end.user, "password": secret}
                known["tls"] = {"mode": "disable"}
            found[name] = known | dict(changes.get(name, {}))
        path = self.folder / "environments.yaml"
        path.write_text(yaml.safe_dump(found))
        return path

    def operation(self, **changes: Any) -> Path:
        policy = {"key": {"secret": f"file:{self.given / 'master.key'}"}, "columns": POLICY}
        return super().operation(**{"target_env": "LAB", "policy": policy, **changes})

    def arguments(self, *command: str) -> list[str]:
        """The command with the options it takes. A store on a server is in DBAGENT_CONTROL, its password with it."""
        options = []
        if command[0] in ("plan", "create", "run", "resume", "status", "check", "detect"):
            options += ["--environments", str(self.folder / "environments.yaml")]
        if command[0] not in ("plan", "status", "check", "detect") and self.store is None:
            options += ["--control", self.control]
        return [*command, *options]

    def say(self, name: str, *command: str) -> tuple[int, str]:
        """Run a command in this process and keep what it says; its exit code and words."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = call(self.arguments(*command))
        words = out.getvalue() + err.getvalue()
        with (self.said / f"{next(self.numbers):03} {name}.txt").open("w") as file:
            file.write(f"{words}→ {code}\n")
        return code, words

    def say_all(self, name: str, operation: str, target: str) -> None:
        """Everything that can be asked about an operation, for people and for scripts."""
        for command in (
            ["show", operation],
            ["progress", operation],
            ["list"],
            ["audit", operation],
            ["status", target],
        ):
            for form in ((), ("--json",)):
                code, words = self.say(f"{name}: {' '.join((command[0], *form))}", *command, *form)
                assert code == 0, words

    def derived_keys(self, **operation: Any) -> list[bytes]:
        """The keys that tasks get."""
        code, words = self.say("plan for keys", "plan", str(self.operation(**operation)), "--json")
        assert code == 0, words
        rules = [c["decision"] for t in json.loads(words)["what"]["tables"].values() for c in t["columns"]]
        names = {(rule["strategy"], rule["domain"]) for rule in rules if isinstance(rule, dict)}
        key = MasterKey(MASTER_KEY)
        return [key.domain(name, strategy(name).version, domain).secret for name, domain in sorted(names)]


def make_land(server: Any, folder: Path, *, rows: int) -> Land:
    """PROD on a server of our own, which its reader may only read, and a target that belongs to its writer."""
    if not server.rows(server.endpoint, "SELECT FROM pg_roles WHERE rolname = 'reader'"):
        for role in PASSWORDS:
            server.execute(server.endpoint, f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORDS[role]}'")
        server.execute(server.endpoint, "GRANT pg_read_all_data TO reader")
        server.execute(server.endpoint, "GRANT SET ON PARAMETER session_replication_role TO writer")
        server.execute(server.endpoint, "ALTER ROLE judge SUPERUSER")  # so that it may use the asker's store
    admin = server.database("canary_prod")
    server.execute(admin, PROD)
    fill(server, admin, rows)
    dev, store = new_target(server, "dev"), new_database(server, "control", "asker")
    prod = replace(admin, user="reader", password=PASSWORDS["reader"])
    url = f"postgresql://asker:{PASSWORDS['asker']}@{store.host}:{store.port}/{store.database}"
    land = Land(server, prod, dev, folder, store=url)
    land.write()
    return land


def fill(server: TestServer, prod: Endpoint, rows: int) -> None:
    server.insert(prod, "people", people(rows))
    server.insert(prod, "memos", memos(rows))
    columns = "slug, label, doc, ref, raw, number, amount, feeling, wide, rank"
    marks = ", ".join(["%s"] * 10)
    many: Any = server
    with many.connect(prod) as connection, connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO kept ({columns}) VALUES ({marks})", kept(rows))


def new_database(server: Any, name: str, owner: str) -> Endpoint:
    found: Endpoint = server.database(name)
    server.execute(server.endpoint, f'ALTER DATABASE "{found.database}" OWNER TO {owner}')
    server.execute(found, f"ALTER SCHEMA public OWNER TO {owner}")
    return replace(found, user=owner, password=PASSWORDS[owner])


def new_target(server: Any, name: str) -> Endpoint:
    return new_database(server, name, "writer")


def rows_as_text(server: Any, end: Endpoint) -> Iterator[tuple[str, bytes]]:
    """Every row of every table of a database, as the server writes it down."""
    tables = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    with server.connect(end) as connection:
        for schema, table in connection.execute(tables).fetchall():
            found = connection.execute(f'SELECT t::text FROM "{schema}"."{table}" t').fetchall()
            yield f"{schema}.{table}", "\n".join(row[0] for row in found).encode()


PAGE, HEADER = 8192, 24
"""Of a server's files; the header tells when a page was written."""


def own_bytes(file: Path, template: Path) -> bytes:
    """A file of a database without the pages that every new database has."""
    data = file.read_bytes()
    usual = template.read_bytes() if template.is_file() else b""
    return b"".join(
        data[at : at + PAGE]
        for at in range(0, len(data), PAGE)
        if data[at + HEADER : at + PAGE] != usual[at + HEADER : at + PAGE]
    )


def look_at_database(search: Search, server: Any, end: Endpoint, *, allowed: tuple[str, ...] = ()) -> None:
    """Every row of a database, and its files, which still hold the rows of chunks that were rolled back. A ledger's tables
    hold nothing that is `allowed` elsewhere."""
    admin = replace(server.endpoint, database=end.database)
    for table, text in rows_as_text(server, admin):
        search.bytes(text, f"{end.database}: {table}", allowed=() if table.startswith("_dbagent.") else allowed)
    server.execute(admin, "CHECKPOINT")
    query = "SELECT d.oid FROM pg_database d WHERE datname IN (current_database(), 'template1') ORDER BY datname = 'template1'"
    [(oid,), (template,)] = server.rows(admin, query)
    base = Path(server.rows(admin, "SHOW data_directory")[0][0], "base")
    for file in sorted((base / str(oid)).iterdir()):
        found = own_bytes(file, base / str(template) / file.name)
        search.bytes(found, f"{end.database}: file {file.name}", allowed=allowed)
