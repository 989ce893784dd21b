"""Missing privileges as findings: one for each table and privilege, which names the objects that need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs.planning.permitted import Work, unpermitted

NO_OWNER, NO_VIEWS, NO_TABLES = (
    "must be its owner: GRANT …",
    "may make no views: GRANT …",
    "may make no tables: GRANT …",
)


class Strict:
    """A definer whose user may do what needs no statement."""

    def forbidden(self, works: Sequence[Sequence[str]]) -> list[list[str]]:
        return [list(statements) for statements in works]


def told(*works: Work) -> list[str]:
    definer: Any = Strict()
    return [str(finding) for finding in unpermitted("DEV", definer, works)]


def test_each_table_and_privilege_once_with_all_objects_that_need_it() -> None:
    assert told(
        Work("table sales.orders", "sales.orders", [NO_TABLES]),
        Work("index by_day of sales.orders", "sales.orders", [NO_OWNER]),
        Work("column of of x of sales.orders", "sales.orders", [NO_OWNER, NO_TABLES]),
        Work("index by_day of sales.orders", "sales.orders", [NO_OWNER]),
        Work("index by_day of lines", "lines", [NO_OWNER]),
        Work("view sums", None, [NO_VIEWS]),
        Work("column free of lines", "lines", []),
    ) == [
        f"DEV: sales.orders: table sales.orders, column of of x: {NO_TABLES}",
        f"DEV: sales.orders: index by_day, column of of x: {NO_OWNER}",
        f"DEV: lines: index by_day: {NO_OWNER}",
        f"DEV: view sums: {NO_VIEWS}",
    ]


def test_a_table_alone_is_told_as_where_it_is_missing() -> None:
    assert told(Work("table orders", "orders", [NO_TABLES])) == [f"DEV: orders: {NO_TABLES}"]
