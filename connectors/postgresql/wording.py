"""How this server writes an expression: it is asked, with an empty temporary table in a transaction that is rolled back.

`'x'` becomes `'x'::character varying`, `a>1 and b` becomes `((a > 1) AND b)`: only so does a table that is still to be made
compare with the one that has been made. What the server refuses stays as it was given: making it will tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg

from connectors.postgresql.catalog import unqualified
from connectors.postgresql.session import Connection
from connectors.schema import quoted

TABLE = "pg_temp._dbagent_table"
COMPUTED = "_dbagent_computed"
DEFAULT = f"""
SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid
  AND a.attnum = d.adnum WHERE d.adrelid = '{TABLE}'::regclass AND a.attname = %s
"""
CHECK = f"SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k WHERE k.conrelid = '{TABLE}'::regclass AND k.conname = 'k'"
INDEX = "SELECT pg_get_indexdef('pg_temp._dbagent_index'::regclass)"


class Wording:
    """One table's, while `worded` is open."""

    def __init__(self, connection: Connection, made: bool) -> None:
        self._connection, self._made = connection, made

    def default(self, column: str, expression: str) -> str:
        change = f"ALTER TABLE {TABLE} ALTER COLUMN {quoted(column)} SET DEFAULT {expression}"
        return self._asked(change, DEFAULT, [column]) or expression

    def computed(self, type_: str, expression: str) -> str:
        """What a generated column of the type says behind AS."""
        change = f"ALTER TABLE {TABLE} ADD COLUMN {quoted(COMPUTED)} {type_} GENERATED ALWAYS AS ({expression}) STORED"
        return f"({self._asked(change, DEFAULT, [COMPUTED]) or expression})"

    def check(self, expression: str) -> str:
        change = f"ALTER TABLE {TABLE} ADD CONSTRAINT k CHECK ({expression})"
        return self._asked(change, CHECK) or f"CHECK ({expression})"

    def index(self, body: str) -> str:
        """What CREATE INDEX says behind the table."""
        found = self._asked(f"CREATE INDEX _dbagent_index ON {TABLE} {body}", INDEX)
        return f"USING {found.partition(' USING ')[2]}" if found else body

    def _asked(self, change: str, question: str, values: Sequence[str] = ()) -> str | None:
        if not self._made:
            return None
        found: str | None = None
        try:
            with self._connection.transaction(force_rollback=True):
                self._connection.execute(change.encode())
                found = self._connection.execute(question.encode(), values or None).fetchall()[0][0]
        except psycopg.errors.Error as error:
            if error.sqlstate is None or error.sqlstate[:2] in ("08", "53", "57", "58"):
                raise
        return found


@contextmanager
def worded(connection: Connection, columns: Sequence[tuple[str, str]]) -> Iterator[Wording]:
    """For a table of these columns, each with its type."""
    clauses = ", ".join(f"{quoted(name)} {type_}" for name, type_ in columns)
    with unqualified(connection):
        made = True
        try:
            with connection.transaction():
                connection.execute(f"CREATE TEMP TABLE {TABLE.partition('.')[2]} ({clauses})".encode())
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.SyntaxErrorOrAccessRuleViolation):
            made = False
        yield Wording(connection, made)


def written_names(connection: Connection, names: Iterable[str]) -> Mapping[str, str]:
    """How this server writes these identifiers: in quotes where it needs them."""
    listed = list(dict.fromkeys(names))
    return dict(connection.execute(b"SELECT n, quote_ident(n) FROM unnest(%s::text[]) n", [listed]).fetchall())
