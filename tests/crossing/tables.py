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
    """Make the table and its rows, by the engine's plain driver alone."""
    columns = [f"{column(native)} {native}" for native in samples]
    given = [(row + 1, *(sample.value(row) for sample in samples.values())) for row in range(rows)]
    MAKERS[endpoint.engine](endpoint, f"CREATE TABLE {NAME} (id INTEGER PRIMARY KEY, {', '.join(columns)})", given)


def _postgresql(endpoint: Endpoint, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    with clients.postgresql(endpoint) as connection, connection.cursor() as cursor:
        cursor.execute(statement.encode())
        with cursor.copy(f"COPY {NAME} FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)


def _mysql(endpoint: Endpoint, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    with clients.mysql(endpoint) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        marks = ", ".join(["%s"] * len(rows[0]))
        cursor.executemany(f"INSERT INTO {NAME} VALUES ({marks})", rows)
        connection.commit()


def _sqlite(endpoint: Endpoint, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    with closing(clients.sqlite(endpoint)) as connection, connection:
        connection.execute(statement)
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {NAME} VALUES ({marks})", rows)


MAKERS = {"postgresql": _postgresql, "mysql": _mysql, "sqlite": _sqlite}
