"""How large tables are, and where to cut them: estimates from statistics and samples, cuts from one walk over the rows.

A walk steps over the leaves of the table once (0.04 s for a million rows) and reads no large value; nothing is sorted.
"""

from __future__ import annotations

from connectors.contract import Bounds
from connectors.schema import quoted
from connectors.sqlite.ranges import Address, Addressing, Condition, Range
from connectors.sqlite.session import Session

SMALL = 256 << 20
"""Tables of files up to this size are counted: that is quicker than guessing well."""
SAMPLE_ROWS, SAMPLE_BYTES, SAMPLE_PLACES = 24, 512 << 10, 8
"""How much is looked at in how many places of a table to learn how long its rows are."""
SUMMED = 100
"""Columns added up in one expression: SQLite takes none that is 1,000 operations deep."""
MOST = 1 << 40
"""More rows than a file can hold."""


def estimate(session: Session, name: str, addressing: Addressing | None, columns: list[str]) -> tuple[int, int]:
    """Rows and bytes of a table."""
    table = quoted(name)
    length = row_length(session, name, addressing, columns)
    size = session.value("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    if size <= SMALL:
        rows = session.value(f"SELECT count(*) FROM {table}")
        return rows, rows * length
    rows = size // length
    if addressing and not addressing.key:
        span = session.value(
            f"SELECT ifnull(max({addressing.order()}) - min({addressing.order()}) + 1, 0) FROM {table}"
        )
        rows = min(rows, int(span))
    analyzed = session.rows("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'")
    for (stat,) in session.rows("SELECT stat FROM sqlite_stat1 WHERE tbl = ? LIMIT 1", (name,)) if analyzed else ():
        rows = int(stat.split()[0])
    return rows, rows * length


def row_length(session: Session, name: str, addressing: Addressing | None, columns: list[str]) -> int:
    """The mean length of a row in bytes, from rows in several places of the table."""
    sizes = ", ".join(_size(columns[at : at + SUMMED]) for at in range(0, len(columns), SUMMED))
    total = rows = 0
    for place in _places(session, quoted(name), addressing):
        seen = 0
        for found in session.connection.execute(f"SELECT {sizes} FROM {quoted(name)} {place} LIMIT {SAMPLE_ROWS}"):
            size = sum(found)
            total, rows, seen = total + size + 4, rows + 1, seen + size
            if seen > SAMPLE_BYTES:
                break
    return max(1, total // rows if rows else len(columns))


def _size(columns: list[str]) -> str:
    return " + ".join(f"ifnull(length(CAST({quoted(column)} AS BLOB)), 0) + 1" for column in columns)


def _places(session: Session, table: str, addressing: Addressing | None) -> list[str]:
    """ORDER BY and WHERE clauses that begin at different places."""
    if addressing is None:
        return [""]
    if addressing.key:
        return [f"ORDER BY {addressing.order()}", "ORDER BY " + ", ".join(f"{c} DESC" for c in addressing.columns)]
    number = addressing.order()
    [(low, high)] = session.rows(f"SELECT min({number}), max({number}) FROM {table}")
    if low is None:
        return []
    starts = [low + (high - low) * place // SAMPLE_PLACES for place in range(SAMPLE_PLACES)]
    return [f"WHERE {number} >= {start} ORDER BY {number}" for start in starts]


def split(
    session: Session, name: str, addressing: Addressing | None, filtered: Condition, budget: int, length: int
) -> list[Bounds]:
    """Parts of about `budget` bytes at `length` bytes a row. The first and the last are open-ended."""
    table = quoted(name)
    if addressing is None:
        rows = session.value(f"SELECT count(*) FROM {table} WHERE {filtered.sql}", filtered.values)
        return [Bounds(Range(), rows, rows * length)]
    step = min(MOST, max(1, budget // length))
    found: list[Bounds] = []
    low: Address | None = None
    while True:
        rest = addressing.within(Range(low)) & filtered
        ahead = session.rows(
            f"SELECT {', '.join(addressing.selected())} FROM {table} {addressing.hint} WHERE {rest.sql}"
            f" ORDER BY {addressing.order()} LIMIT 1 OFFSET {step}",
            rest.values,
        )
        if not ahead:
            rows = session.value(f"SELECT count(*) FROM {table} {addressing.hint} WHERE {rest.sql}", rest.values)
            return [*found, Bounds(Range(low), rows, rows * length)]
        found.append(Bounds(Range(low, ahead[0]), step, step * length))
        low = ahead[0]
