"""Every value of every type arrives unchanged, by the binary and by the text way, unless it is masked."""

from __future__ import annotations

import pytest

from connectors.contract import Chunk
from connectors.postgresql import connector
from connectors.postgresql.types import PgType
from tests.connectors.postgresql.every import BOUND, VALUES, fill
from tests.connectors.postgresql.pair import Pair, Reverse, find


@pytest.mark.parametrize("way", ["binary", "text"])
def test_every_value_arrives_unchanged(pair: Pair, way: str) -> None:
    fill(pair, [type_ for type_ in VALUES if way == "text" or type_ not in BOUND])
    pair.server.execute(pair.dev, "CREATE TABLE filler (a integer)")
    pair.server.execute(pair.dev, "CREATE SCHEMA another")
    pair.server.execute(pair.dev, "CREATE TYPE another.one AS ENUM ('a')")

    (loaded,) = pair.copy("Every Type")

    assert loaded.rows == pair.server.digest(pair.prod, "Every Type")[0] > 60
    assert pair.same("Every Type")
    with pair.sessions() as (source, target):
        ours, theirs = find(source, "Every Type"), find(target, "Every Type")
        assert ours.columns == theirs.columns
        assert target.mismatches(ours, theirs) == []
        assert all(isinstance(c.type, PgType) and c.type.portable for c in ours.columns) == (way == "binary")


def test_only_types_whose_binary_form_another_database_does_not_take_are_not_portable(pair: Pair) -> None:
    fill(pair, list(VALUES))
    with pair.sessions() as (source, _):
        types = [column.type for column in find(source, "Every Type").columns[1:]]
    found = {
        name for name, type_ in zip(VALUES, types, strict=True) if isinstance(type_, PgType) and not type_.portable
    }
    assert found == set(BOUND)


def test_only_words_that_the_schema_lists_are_an_enum(pair: Pair) -> None:
    pair.server.execute(
        pair.prod,
        """CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN mine AS mood NOT NULL; CREATE TYPE duo AS (a mood, b mood);
        CREATE TABLE t (e mood, d mine, es mood[], c duo, i inet, r int4range, v tsvector)""",
    )
    with pair.sessions() as (source, _):
        kinds = {column.name: column.type.kind.value for column in find(source, "t").columns}
    assert kinds == {**dict.fromkeys("ed", "enum"), **dict.fromkeys(("es", "c", "i", "r", "v"), "other")}


@pytest.mark.parametrize("way", ["binary", "text"])
def test_masked_and_kept_columns_side_by_side(pair: Pair, way: str) -> None:
    bound = "regclass" if way == "text" else "integer"
    pair.server.execute(
        pair.prod,
        f"""CREATE TABLE people (a integer, name text, tag char(6), n integer, kept text, small smallint, note bytea,
        code varchar(20), big bigint, r {bound});
        INSERT INTO people SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE E'N\\\\\\t' || i || E'\\n😀' END, 'x' || i % 7,
        nullif(i % 5, 0), E'\\\\N\\t', -i, '\\x00', '', i * 10000000000, NULL FROM generate_series(1, 500) i""",
    )
    policy = Reverse(("small", "name", "tag", "code", "n", "big"), gone=("note", "kept"))
    with pair.sessions() as (source, target):
        table = find(source, "people")
        job = pair.start(source, target, table, policy)
        with connector.transfer(job) as transfer:
            loaded = transfer.copy(Chunk(0, 0, source.bounds(table, None, 1 << 30)[0]))

    def reverse(value: str | None) -> str | None:
        return None if value is None else value[::-1]

    expected = [
        (a, reverse(name), tag.rstrip()[::-1].ljust(6), None if n is None else -n, None, -small, None, "", -big, r)
        for a, name, tag, n, _, small, _, _, big, r in pair.server.read(pair.prod, "people")
    ]
    assert sorted(pair.server.read(pair.dev, "people"), key=lambda row: row[0]) == expected
    assert loaded.counts["code"] == 500
    assert loaded.counts["n"] == 0


def test_extension_types_where_installed(pair: Pair) -> None:
    pair.both("CREATE EXTENSION hstore; CREATE EXTENSION citext")
    pair.server.execute(
        pair.prod,
        """CREATE TABLE ext (h hstore, c citext, cs citext[]);
        INSERT INTO ext VALUES ('a=>1, "b\t"=>NULL', 'MiXed', '{A,b}'), (NULL, '', NULL)""",
    )
    with pair.sessions() as (source, _):
        assert find(source, "ext").column("c").ignores_case is not None
        assert find(source, "ext").column("c").type.kind == "text"
    pair.copy("ext", Reverse(("c",)))
    given = sorted(pair.server.rows(pair.prod, "SELECT h::text, reverse(c::text), cs::text FROM ext"), key=str)
    assert sorted(pair.server.rows(pair.dev, "SELECT h::text, c::text, cs::text FROM ext"), key=str) == given
