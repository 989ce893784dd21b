"""What a filter's sub-query reads is guarded like the table itself: emptied under the snapshot, it fails the chunk."""

from __future__ import annotations

import pytest

from connectors.contract import Chunk
from connectors.errors import SourceChanged
from connectors.postgresql import connector
from tests.connectors.postgresql.pair import Pair, find
from tests.connectors.postgresql.test_stopped_clock import parsed

MEMBERS = 'id IN (SELECT "m"."id" FROM "public"."members" AS "m" WHERE "m"."id" > 2)'
PLAIN = ["CREATE TABLE members (id integer)"]
PARTED = [
    "CREATE TABLE members (id integer) PARTITION BY RANGE (id)",
    "CREATE TABLE few PARTITION OF members FOR VALUES FROM (0) TO (5)",
    "CREATE TABLE more PARTITION OF members FOR VALUES FROM (5) TO (100)",
]
HEIRS = ["CREATE TABLE members (id integer)", "CREATE TABLE more () INHERITS (members)"]


@pytest.mark.parametrize(
    ("made", "change"),
    [
        (PLAIN, "TRUNCATE members"),
        (PLAIN, "ALTER TABLE members ALTER COLUMN id TYPE bigint"),
        (PLAIN, "DROP TABLE members; CREATE TABLE members (id integer)"),
        (PARTED, "TRUNCATE more"),
        (PARTED, "ALTER TABLE members DETACH PARTITION more"),
        (HEIRS, "TRUNCATE more"),
    ],
)
def test_a_table_that_only_a_filter_reads_is_never_taken_for_empty(pair: Pair, made: list[str], change: str) -> None:
    for statement in ("CREATE TABLE t AS SELECT n AS id FROM generate_series(1, 9) n", *made):
        pair.server.execute(pair.prod, statement)
    into = "more" if made is HEIRS else "members"
    pair.server.execute(pair.prod, f"INSERT INTO {into} SELECT generate_series(1, 9)")
    where = parsed(MEMBERS)
    with pair.sessions() as (source, target):
        table = find(source, "t")
        job = pair.start(source, target, table, where=where)
        for statement in change.split("; "):
            pair.server.execute(pair.prod, statement)
        with connector.transfer(job) as transfer, pytest.raises(SourceChanged) as refused:
            transfer.copy(Chunk(0, 0, source.bounds(table, where, 1 << 30)[0]))
    assert refused.value.where.endswith(", which the filter reads")
    assert pair.server.read(pair.dev, "t") == []


@pytest.mark.parametrize("made", [PLAIN, PARTED, HEIRS])
def test_what_others_write_into_it_changes_nothing(pair: Pair, made: list[str]) -> None:
    for statement in ("CREATE TABLE t AS SELECT n AS id FROM generate_series(1, 9) n", *made):
        pair.server.execute(pair.prod, statement)
    pair.server.execute(pair.prod, "INSERT INTO members SELECT generate_series(1, 9)")
    where = parsed(MEMBERS)
    with pair.sessions() as (source, target):
        table = find(source, "t")
        job = pair.start(source, target, table, where=where)
        pair.server.execute(pair.prod, "DELETE FROM members")
        with connector.transfer(job) as transfer:
            loaded = transfer.copy(Chunk(0, 0, source.bounds(table, where, 1 << 30)[0]))
    assert loaded.rows == 7
