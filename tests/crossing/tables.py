"""Tables with a column of every type that an engine has, filled by plain drivers with the same rows every time.

Rows begin with the extremes of each type: its least and greatest, empty, quotes, newlines, letters of four bytes. What a type
may hold and others of its family may not (NaN, zero dates, NUL) is not here: see `odd.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from connectors.contract import Endpoint
from tests.crossing import clients

NAME = "everything"


@dataclass(frozen=True)
class Sample:
    """Values of one type. `meaning` is what they are, in the judge's words."""

    meaning: str
    extremes: Sequence[Any]
    ordinary: Callable[[int], Any]

    def value(self, row: int) -> Any:
        """Every 17th is NULL."""
        if row < len(self.extremes):
            return self.extremes[row]
        return None if row % 17 == 16 else self.ordinary(row)


def column(native: str) -> str:
    """A column's name after its type."""
    words = re.sub(r"\W+", "_", native.lower().replace("[]", "_array"))
    return "c_" + (words.strip("_") or "untyped")


def meanings(samples: Mapping[str, Sample]) -> dict[str, str]:
    """Column → meaning."""
    return {"id": "integer", **{column(native): sample.meaning for native, sample in samples.items()}}


def fill(endpoint: Endpoint, samples: Mapping[str, Sample], rows: int) -> None:
    """Make the table of everything and its rows, by the engine's plain driver alone."""
    make(endpoint, NAME, {column(native): native for native in samples})
    given = [(row + 1, *(sample.value(row) for sample in samples.values())) for row in range(rows)]
    INSERTERS[endpoint.engine](endpoint, NAME, given)


def make(endpoint: Endpoint, table: str, columns: Mapping[str, str]) -> None:
    """Make a table of an `id` and these columns, by name and type."""
    declared = "".join(f", {name} {native}" for name, native in columns.items())
    statement = f"CREATE TABLE {table} (id bigint NOT NULL PRIMARY KEY{declared})"
    if endpoint.engine == "postgresql":
        with clients.postgresql(endpoint) as server:
            server.execute(statement.encode())
    elif endpoint.engine == "mysql":
        with clients.mysql(endpoint) as other, other.cursor() as cursor:
            cursor.execute(statement)
    else:
        with closing(clients.sqlite(endpoint)) as file:
            file.execute(statement)


def _postgresql(endpoint: Endpoint, table: str, rows: Sequence[Sequence[Any]]) -> None:
    load = f"COPY {table} FROM STDIN".encode()
    with clients.postgresql(endpoint) as connection, connection.cursor() as cursor, cursor.copy(load) as copy:
        for row in rows:
            copy.write_row(row)


def _mysql(endpoint: Endpoint, table: str, rows: Sequence[Sequence[Any]]) -> None:
    with clients.mysql(endpoint) as connection, connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(rows[0]))
        cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        connection.commit()


def _sqlite(endpoint: Endpoint, table: str, rows: Sequence[Sequence[Any]]) -> None:
    with closing(clients.sqlite(endpoint)) as connection, connection:
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


INSERTERS = {"postgresql": _postgresql, "mysql": _mysql, "sqlite": _sqlite}
