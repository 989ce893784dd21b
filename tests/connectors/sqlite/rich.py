"""A file with everything that a schema of SQLite may hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from connectors.contract import Endpoint, RunRecord
from connectors.objects import ObjectId, ObjectKind, Step
from connectors.schema import TableName
from connectors.sqlite import connector
from connectors.sqlite.target import SqliteTarget
from connectors.sqlite.testkit import connect
from tests.connectors.drive import Ends

USERS, ORDERS = TableName(None, "users"), TableName(None, "orders")

TABLES = (
    "CREATE TABLE users (id integer primary key autoincrement, email TEXT collate nocase not null unique,"
    " \"Full Name\" varchar ( 40 ) default 'x''y' /* , a comment */, age int constraint grown check (age > 0) default 18,"
    " born date default CURRENT_DATE, code TEXT DEFAULT (lower('A') || '1'),"
    " up text generated always as (upper(email)) stored, low text as (lower(email)),"
    " check (age >= 18 and \"Full Name\" <> ')'))",
    "CREATE TABLE orders (id int, line int, user_id integer references users on delete cascade"
    " deferrable initially deferred, total real not null on conflict replace default 0, parent int, parent_line int,"
    " primary key (id, line desc) on conflict replace, unique (user_id, total collate nocase),"
    " foreign key (parent, parent_line) references Orders(ID, line) on update set null match full) without rowid, strict",
    "CREATE TABLE [odd 'one'] (`a\"b` blob, 'c' -- not a key\n int, \"select\" any default -1.5e3 not null,"
    " constraint k unique (c))",
    "CREATE TABLE bare (a, b)",
)
INDEXES = (
    "CREATE INDEX plain on orders (total DESC, user_id)",
    "CREATE INDEX expr on USERS (lower(email), \"Full Name\" collate nocase) WHERE age > 20 and code <> 'x'",
    'CREATE UNIQUE INDEX "only one" on users (Age, born) where age is not null',
)
VIEWS = (
    "CREATE VIEW a_last as select * from z_first where total > 10",
    "CREATE VIEW z_first (email, total) as select u.email, o.total from users u join orders o on o.user_id = u.id",
)
LEFT = (
    "CREATE TRIGGER audit AFTER INSERT ON USERS BEGIN UPDATE users SET code = 'new' WHERE id = new.id; SELECT 1; END",
    "CREATE TRIGGER instead_of INSTEAD OF INSERT ON z_first BEGIN SELECT 1; END",
    "CREATE VIRTUAL TABLE words USING fts5(text)",
)
OURS = ("CREATE TABLE _dbagent_runs (a)", "CREATE INDEX _dbagent_i ON _dbagent_runs (a)")
ROWS = "INSERT INTO users (id, email) VALUES (41, 'a@b.test')"


def build(endpoint: Endpoint, *statements: str) -> None:
    with connect(endpoint) as connection:
        for statement in statements:
            connection.execute(statement)


def master(endpoint: Endpoint) -> list[tuple[Any, ...]]:
    """What SQLite itself keeps of the schema, but our bookkeeping."""
    with connect(endpoint) as connection:
        return connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE '\\_dbagent%' ESCAPE '\\'"
            " AND name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY type, name"
        ).fetchall()


@contextmanager
def target(files: Ends, patience: float | None = None) -> Iterator[SqliteTarget]:
    """A session that waits for no disk."""
    with closing(connector.target(replace(files.target, patience=patience))) as session:
        session._session.run("PRAGMA synchronous = OFF")
        yield session


def lease(session: SqliteTarget, *tables: TableName) -> int:
    session.ledger.create()
    record = RunRecord("run", "operation", "0" * 64, "PROD", "running", 0.0, None)
    return session.ledger.acquire(record, [str(table) for table in tables], "one", lambda _: False)


def full(files: Ends) -> None:
    build(files.target, *TABLES, *INDEXES, *VIEWS, *LEFT, ROWS)


def late(session: SqliteTarget, statement: str) -> Step:
    """A unique index that a copy makes when rows are there."""
    name = statement.split()[3].strip('"')
    return Step(ObjectId(ObjectKind.INDEX, USERS, name), USERS, (), (statement,))
