"""Definitions are run: each commits by itself, and none leaves the session other than it was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from connectors.errors import ConnectorError, Locked
from connectors.mysql.locks import named
from connectors.mysql.session import Session
from connectors.mysql.words import names

KEPT = ("sql_mode", "character_set_client", "collation_connection", "foreign_key_checks")


def run(session: Session, statements: Iterable[str], where: str) -> None:
    """In order; those that set something set it for the rest of them alone. Raises ConnectorError."""
    with settled(session):
        for statement in statements:
            try:
                session.run(statement)
            except ConnectorError as error:
                found = type(error)(error.what, where=where, todo=error.todo, code=error.code)
            else:
                continue
            if isinstance(found, Locked):
                found = named(session, found, next(iter(names(statement)), ""))
            raise found from None


@contextlib.contextmanager
def settled(session: Session) -> Iterator[None]:
    """What a definition needs set is set back behind it; a session that was lost has nothing to be set."""
    [before] = session.rows(f"SELECT {', '.join(f'@@{name}' for name in KEPT)}")
    try:
        yield
    finally:
        with contextlib.suppress(ConnectorError):
            session.run(f"SET {', '.join(f'SESSION {name} = %s' for name in KEPT)}", before)


def joined(statements: Iterable[str], table: str) -> list[str]:
    """Several ALTERs of a table as one, which goes over its rows once."""
    start = f"ALTER TABLE {table} "
    found = list(statements)
    assert all(statement.startswith(start) for statement in found)
    return [start + ", ".join(statement.removeprefix(start) for statement in found)] if found else []
