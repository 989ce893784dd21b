"""Generated columns cross as what they are: computed by the target, of the values that have arrived there, or told."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.crossing.test_schema_crossing import PAIRS, Night, asked, night, no_spark, rows

__all__ = ["night", "no_spark"]

EXACT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
LINES: Mapping[str, str] = {
    "postgresql": "CREATE TABLE goods (id int PRIMARY KEY, first varchar(20), last varchar(20), qty int, price numeric(10,2),"
    " small smallint, called text GENERATED ALWAYS AS (first || ' ' || last) STORED, total numeric(24,2) GENERATED ALWAYS AS"
    " (price * qty) STORED, units int GENERATED ALWAYS AS (qty + small) STORED, many bool GENERATED ALWAYS AS (qty > 100)"
    " STORED NOT NULL, loud text GENERATED ALWAYS AS (upper(first)) STORED, CONSTRAINT few CHECK (units < 1000))",
    "mysql": f"CREATE TABLE goods (id int PRIMARY KEY, first varchar(20) {EXACT}, last varchar(20) {EXACT}, qty int, price"
    f" decimal(10,2), small smallint, called varchar(60) {EXACT} AS (concat(first, ' ', last)) VIRTUAL, total decimal(24,2)"
    " AS (price * qty) STORED, units bigint AS (qty + small) VIRTUAL, many bigint AS (qty + 1) STORED, loud varchar(20) AS"
    " (upper(first)) STORED, CONSTRAINT few CHECK (units < 1000))",
    "sqlite": "CREATE TABLE goods (id INTEGER PRIMARY KEY, first VARCHAR(20), last VARCHAR(20), qty INTEGER, price"
    " DECIMAL(10,2), small INTEGER, called TEXT AS (first || ' ' || last), total DECIMAL(24,2) AS (price * qty) STORED,"
    " units INTEGER AS (length(called)) STORED, many BOOLEAN AS (qty > 100) STORED, loud TEXT AS (upper(first)))",
}
INDEXED = ("CREATE INDEX by_units ON goods (units)", "CREATE INDEX by_id ON goods (id, many)")
ROWS = (
    "INSERT INTO goods (id, first, last, qty, price, small) VALUES (1, 'Ann', 'Ash', 101, 9.99, 5)",
    "INSERT INTO goods (id, first, last, qty, price, small) VALUES (2, 'Bob', 'Ox', 7, 0.10, 3)",
    "INSERT INTO goods (id, first, qty, small) VALUES (3, 'Cy', 3, 1)",
)
ASKED = (
    "INSERT INTO goods (id, qty, small) VALUES (7, 999, 30)",
    "INSERT INTO goods (id, first, last, qty, price, small) VALUES (8, 'x', 'y', 100, 3, -4)",
    "INSERT INTO goods (id, qty) VALUES (9, NULL)",
    "UPDATE goods SET qty = 50 WHERE id = 2",
)
COMPUTED = {
    ("postgresql", "mysql"): ["called", "total", "units", "many"],
    ("postgresql", "sqlite"): ["called", "units", "many"],
    ("mysql", "postgresql"): ["called", "total", "units", "many"],
    ("mysql", "sqlite"): ["called", "units", "many"],
    ("sqlite", "postgresql"): ["called", "many"],
    ("sqlite", "mysql"): ["called", "many"],
}
REASONS = {
    "loud": "it calls upper",
    "total": "rounded by one of both",
    "units": "it reads called, which is computed itself",
}


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_both_engines_compute_alike_the_target_computes_and_the_rest_is_told(
    source: str, target: str, night: Night
) -> None:
    site = night.site(source, target, LINES[source], *INDEXED, *ROWS)
    before = night.plan(site)
    made = COMPUTED[source, target]
    said = {one["where"].removeprefix("PROD: ").removeprefix("public."): one["what"] for one in before["findings"]}
    for name in {"called", "total", "units", "many", "loud"} - {*made}:
        assert REASONS[name] in said[f"goods: {name}"], said
    assert not [name for name in made if "it is not computed" in said.get(f"goods: {name}", "")]
    dropped = {"column_mappings": {"goods": {"columns": {"called": {"drop": True}}}}}
    assert not [one for one in night.plan(site, **dropped)["findings"] if one["where"].endswith("goods: called")]
    night.run(site, **dropped)
    night.run(site)  # which adds it
    after = night.plan(site)
    assert (after["how"]["schema"]["changes"], after["sha256"]) == ([], before["sha256"])
    kept = f"SELECT id, first, qty, price, {', '.join(made)} FROM goods"
    assert rows(site.dev, kept) == rows(site.prod, kept)
    tried = [one for one in ASKED if source == "postgresql" or "NULL" not in one]
    refused = target == "mysql" and source == "postgresql"  # its generated columns are never NOT NULL, as is told
    if refused:
        assert "it may be NULL in the target" in said["goods: many"]
        tried.remove(ASKED[2])
    assert asked(site.dev, tried) == asked(site.prod, tried)
    assert rows(site.dev, kept) == rows(site.prod, kept)


def test_what_is_computed_from_replaced_values_tells_nothing_of_the_originals(night: Night) -> None:
    statements = (
        "CREATE TABLE people (id int PRIMARY KEY, name text, no int, called text GENERATED ALWAYS AS ('Dr ' || name) STORED"
        " NOT NULL, short varchar(30) GENERATED ALWAYS AS (name) STORED, more bigint GENERATED ALWAYS AS (no + 1) STORED,"
        " CONSTRAINT known CHECK (called <> 'Dr '))",
        "CREATE UNIQUE INDEX once ON people (called)",
        "INSERT INTO people VALUES (1, 'Ann Ash', 5)",
    )
    site = night.site("postgresql", "mysql", *statements)
    key = site.folder / "master.key"
    key.write_text(bytes(range(32)).hex())
    key.chmod(0o600)
    rules = {"people.name": {"strategy": "faker", "domain": "person"}, "people.id": "keep", "people.no": "keep"}
    masked = {"anonymize": True, "policy": {"key": {"secret": f"file:{key}"}, "columns": rules}}
    before = night.plan(site, **masked)
    said = {one["where"].removeprefix("PROD: public.people: "): one["what"] for one in before["findings"]}
    assert "it may be NULL in the target: it is computed from values that are replaced" in said["called"]
    assert "longer than its type" in said["short"]
    assert "computed from values that are replaced" in said["check known"]
    assert "computed from values that are replaced" in said["unique key once"]
    night.run(site, **masked)
    after = night.plan(site, **masked)
    assert (after["how"]["schema"]["changes"], after["sha256"]) == ([], before["sha256"])
    [(name, called, more)] = rows(site.dev, "SELECT name, called, more FROM people")
    assert name != "Ann Ash"
    assert (called, more) == (f"Dr {name}", "6")


def test_what_a_foreign_key_changes_is_looked_at_only_where_the_target_allows_it(night: Night) -> None:
    site = night.site(
        "postgresql",
        "mysql",
        "CREATE TABLE users (id int PRIMARY KEY)",
        "CREATE TABLE orders (id int PRIMARY KEY, seller int REFERENCES users ON DELETE SET NULL ON UPDATE CASCADE,"
        " buyer int CONSTRAINT bought_by REFERENCES users ON DELETE SET NULL CONSTRAINT real CHECK (buyer > 0),"
        " after bigint GENERATED ALWAYS AS (seller::bigint + 1) STORED)",
        "INSERT INTO users VALUES (1)",
        "INSERT INTO orders VALUES (1, 1, 1)",
    )
    before = night.plan(site)
    said = {one["where"].removeprefix("PROD: public.orders: "): one["what"] for one in before["findings"]}
    assert said["foreign key bought_by"] == "it refuses what would have changed its columns: a CHECK looks at them"
    assert "foreign key orders_seller_fkey" not in said
    night.run(site)
    after = night.plan(site)
    assert (after["how"]["schema"]["changes"], after["sha256"]) == ([], before["sha256"])
    assert asked(site.dev, ["DELETE FROM users"]) == [False]
    assert asked(site.dev, ["UPDATE orders SET buyer = NULL", "DELETE FROM users"]) == [True, True]
    assert rows(site.dev, "SELECT seller, after FROM orders") == [(None, None)]


def test_what_reads_a_column_that_loses_something_is_told(night: Night) -> None:
    site = night.site(
        "postgresql",
        "mysql",
        "CREATE TABLE t (id int PRIMARY KEY, p numeric(9,3) CONSTRAINT above CHECK (p > 0), q numeric(12,3) GENERATED ALWAYS AS"
        " (p + 1) STORED)",
        "INSERT INTO t VALUES (1, 0.4)",
    )
    mapped = {"column_mappings": {"t": {"columns": {"p": {"type": "decimal(9,0)"}}}}, "allow_lossy": ["t.p"]}
    said = {
        one["where"].removeprefix("PROD: public.t: "): one["what"] for one in night.plan(site, **mapped)["findings"]
    }
    for name in ("check above", "q"):
        assert "it reads p, whose values lose something on their way" in said[name]
    night.run(site, **mapped)
    assert rows(site.dev, "SELECT p FROM t") == [("0",)]


def test_what_the_source_shows_cut_to_its_type_is_computed_only_where_all_of_it_fits(night: Night) -> None:
    site = night.site(
        "mysql",
        "postgresql",
        "CREATE TABLE t (id int PRIMARY KEY, a int, v varchar(5), twice int AS (a + a) VIRTUAL, more bigint AS (a + a) VIRTUAL,"
        " shout varchar(5) AS (concat(v, '!')) VIRTUAL, shouted varchar(6) AS (concat(v, '!')) VIRTUAL)",
        "INSERT INTO t (id, a, v) VALUES (1, 2147483647, 'abcde')",
    )
    assert rows(site.prod, "SELECT twice, shout FROM t") == [("2147483647", "abcde")]
    said = {one["where"].removeprefix("PROD: t: "): one["what"] for one in night.plan(site)["findings"]}
    assert "may be too large" in said["twice"]
    assert "longer than its type" in said["shout"]
    night.run(site)
    kept = "SELECT id, more, shouted FROM t"
    assert rows(site.dev, kept) == rows(site.prod, kept)
